"""Mining on the device is mining in numpy."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mcdrl.clip.encoder import Encoded
from mcdrl.model.network import batch_of_frames, mined
from mcdrl.networks.interface import Texts
from mcdrl.regions.tuned import Miner
from mcdrl.regions.zero_shot import mine

NOTHING = SimpleNamespace(dark_below=0.0)


def as_tensor(array):
    return None if array is None else torch.from_numpy(array)


@pytest.mark.parametrize("with_background", [False, True])
@pytest.mark.parametrize("surgery", [False, True])
@pytest.mark.parametrize("alpha", [0.01, 0.25, 0.6, 1.0])
def test_tensors_select_what_arrays_select(alpha, with_background, surgery):
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(6, 7, 5, 16)).astype(np.float16)
    dense[2] = dense[2, 0, 0]  # a frame whose places are all equal
    classes = rng.normal(size=(4, 16)).astype(np.float32)
    background = rng.normal(size=16).astype(np.float32) if with_background else None
    image = rng.normal(size=(6, 16)).astype(np.float32) if surgery else None
    expected = mine(dense, classes, alpha, background, image)
    grid = torch.from_numpy(dense).float().permute(0, 3, 1, 2)
    similarity, selected = mined(grid, as_tensor(classes), alpha, as_tensor(background), as_tensor(image))
    np.testing.assert_array_equal(similarity.half().numpy(), expected.similarity)
    np.testing.assert_array_equal(selected.numpy(), expected.selected)


def test_of_equal_places_the_first_are_taken():
    _, selected = mined(torch.ones(1, 3, 2, 4), torch.ones(1, 3), 0.4)
    assert selected[0].tolist() == [[True, True, True, False], [False] * 4]


def test_a_model_mines_with_its_own_background():
    rng = torch.Generator().manual_seed(0)
    dense, classes, background = (torch.randn(shape, generator=rng) for shape in ((2, 8, 4, 4), (3, 8), (8,)))
    features = Encoded(dense=dense, image_embedding=dense[:, :, 0, 0], maps={}, prefix=dense)
    texts = Texts(classes, classes, classes[:, None], torch.ones(3) / 3, background)
    model = SimpleNamespace(
        method=NOTHING, miner=None, texts=texts, card=SimpleNamespace(alpha=0.25, text_similarity="cosine")
    )
    batch = batch_of_frames(torch.zeros(2, 16, 16, 3, dtype=torch.uint8), features, model)
    expected, selected = mined(dense, classes, 0.25, background)
    assert torch.equal(batch.similarity, expected)
    assert torch.equal(batch.selected, selected)
    assert not torch.equal(batch.similarity, mined(dense, classes, 0.25)[0])


def test_a_model_mines_as_its_own_training_did():
    rng = torch.Generator().manual_seed(0)
    dense, classes, image = (torch.randn(shape, generator=rng) for shape in ((2, 8, 4, 4), (3, 8), (2, 8)))
    features = Encoded(dense=dense, image_embedding=image, maps={}, prefix=dense)
    texts = Texts(classes, classes, classes[:, None], torch.ones(3) / 3, None)
    found = {}
    for name in ("cosine", "feature_surgery"):
        model = SimpleNamespace(
            method=NOTHING, miner=None, texts=texts, card=SimpleNamespace(alpha=0.25, text_similarity=name)
        )
        found[name] = batch_of_frames(torch.zeros(2, 16, 16, 3, dtype=torch.uint8), features, model).similarity
    assert torch.equal(found["cosine"], mined(dense, classes, 0.25)[0])
    assert torch.equal(found["feature_surgery"], mined(dense, classes, 0.25, image=image)[0])
    assert not torch.equal(found["cosine"], found["feature_surgery"])


@pytest.mark.parametrize("surgery", [False, True])
def test_autocast_selects_nothing_else(surgery):
    """Places that are much alike: bfloat16 would tell few of them apart."""
    rng = torch.Generator().manual_seed(0)
    dense = torch.randn(1, 64, 1, 1, generator=rng) + 0.05 * torch.randn(4, 64, 12, 12, generator=rng)
    classes, background, image = (torch.randn(shape, generator=rng) for shape in ((3, 64), (64,), (4, 64)))
    given = dense, classes, 0.25, background, image if surgery else None
    expected = mined(*given)
    with torch.autocast("cpu", torch.bfloat16):
        found = mined(*given)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)


def test_a_miner_finds_the_same_whatever_holds_around():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        miner, maps = Miner({"a": 8}, (6, 6), 0.25, hidden=8).eval(), {"a": torch.randn(3, 8, 12, 12)}
    expected = miner.regions(maps)
    with torch.autocast("cpu", torch.bfloat16):
        found = miner.regions(maps)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)
