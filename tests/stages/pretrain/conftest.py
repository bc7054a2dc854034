import pytest
import torch

from mcdrl.clip.lite_trunk import LITE0
from mcdrl.renderer.names import LESION_CLASSES
from stages.pretrain.corpus import Corpus, Twins
from stages.pretrain.phrases import CONCEPTS, DENSE_CONCEPTS

K = len(LESION_CLASSES)


@pytest.fixture
def corpus():
    """Frames whose left half is a lesion and whose channels say so."""
    generator = torch.Generator().manual_seed(0)
    frames = 16
    kinds = torch.arange(frames) % K
    share = torch.zeros(frames, len(DENSE_CONCEPTS), 14, 14)
    places = torch.randn(frames, LITE0.hypercolumn_channels, 14, 14, generator=generator) * 0.2
    presence = torch.zeros(frames, len(CONCEPTS))
    twins = Twins(places.clone(), presence.clone())
    share[:, K + 1] = 1
    for row, kind in enumerate(kinds.tolist()):
        share[row, [kind, K], :, :7] = 1
        share[row, K + 1, :, :7] = 0
        places[row, kind, :, :7] += 3
        presence[row, [kind, K, 7 + row % 13]] = 1
        places[row, 100 + row % 13] += 3
        twins.hypercolumns[row, kind, :, :7] += 3
        twins.presence[row, [kind, K, 7 + (row + 1) % 13]] = 1
        twins.hypercolumns[row, 100 + (row + 1) % 13] += 3
    return Corpus(places.half(), places.half(), share, presence, twins=Twins(twins.hypercolumns.half(), twins.presence))
