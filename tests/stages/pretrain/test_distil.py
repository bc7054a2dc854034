import copy

import pytest
import torch

from mcdrl.clip.lite import new_joint
from mcdrl.clip.lite_trunk import LITE0
from mcdrl.study.sections.pretrain import Distillation
from stages.pretrain.corpus import Corpus, Crops
from stages.pretrain.distil import distil, terms
from stages.pretrain.learn import fit_scale
from stages.pretrain.phrases import CONCEPTS, DENSE_CONCEPTS

FRAMES = 6


@pytest.fixture
def corpus():
    """Frames of two halves, of which the left one looks otherwise when it is cut out and seen large."""
    generator = torch.Generator().manual_seed(0)
    places = torch.randn(FRAMES, LITE0.hypercolumn_channels, 14, 14, generator=generator)
    places[..., :7] += 2 * torch.randn(FRAMES, LITE0.hypercolumn_channels, 1, 1, generator=generator)
    large = places[..., :7].repeat_interleave(2, 3) + 2 * torch.randn(
        FRAMES, LITE0.hypercolumn_channels, 1, 1, generator=generator
    )
    crops = Crops(large.half(), torch.tensor([[0, 0, 14, 7]] * FRAMES))
    share = torch.zeros(FRAMES, len(DENSE_CONCEPTS), 14, 14)
    return Corpus(places.half(), None, share, torch.zeros(FRAMES, len(CONCEPTS)), crops)


@pytest.fixture
def aligned(corpus):
    torch.manual_seed(0)
    joint = new_joint().eval()
    fit_scale(joint, corpus.hypercolumns)
    return joint


def summed(student, teacher, corpus):
    with torch.no_grad():
        return [term.item() for term in terms(student, teacher, corpus, torch.arange(FRAMES))]


def taught(aligned, corpus, **weights):
    params = Distillation(**{"epochs": 12, "content_weight": 1.0, "context_weight": 1.0, **weights})
    return distil(aligned, corpus, params, seed=0)


def test_both_terms_fall(aligned, corpus):
    before, after = (summed(joint, aligned, corpus) for joint in (aligned, taught(aligned, corpus)))
    assert sum(after) < 0.8 * sum(before)
    assert after[0] < before[0]
    assert after[1] < before[1]
    (content, _), (_, context) = (
        summed(taught(aligned, corpus, **{other: 0.0}), aligned, corpus)
        for other in ("context_weight", "content_weight")
    )
    assert content < 0.5 * before[0]
    assert context < after[1] + 0.05


def test_the_teacher_stays_and_equal_seeds_give_equal_weights(aligned, corpus):
    state = copy.deepcopy(aligned.state_dict())
    one, two = (taught(aligned, corpus, epochs=2) for _ in range(2))
    assert all(torch.equal(state[name], value) for name, value in aligned.state_dict().items())
    assert all(torch.equal(value, two.state_dict()[name]) for name, value in one.state_dict().items())
    assert not torch.equal(one.layers[0].weight, aligned.layers[0].weight)
    assert torch.equal(one.mean, aligned.mean)
    assert not one.training


def test_a_corpus_without_crops_is_refused(aligned, corpus):
    bare = Corpus(corpus.hypercolumns, None, corpus.share, corpus.presence)
    with pytest.raises(ValueError, match="no crops"):
        terms(aligned, aligned, bare, torch.arange(2))
