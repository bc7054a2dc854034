"""What an answer rests on, and frames without it."""

from dataclasses import replace

import pytest
import torch

from mcdrl.clip.encoder import Encoded
from mcdrl.methods.pseudo_intervention.saliency import Traced, masked, places, sparsity
from tests import stub_sites


def _drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def _encoded(frames=2):
    dense = _drawn(frames, 6, 4, 4)
    return Encoded(dense, dense.mean((2, 3)), {"s4": _drawn(frames, 3, 8, 8, seed=1)}, dense)


def _answer(lesion):
    lesion = torch.nn.functional.interpolate(lesion, (16, 16))
    return torch.cat([torch.zeros_like(lesion), lesion], 1)


def test_saliency_is_the_norm_of_the_gradient_times_that_of_the_features():
    encoded, frame, weights = _encoded(), torch.rand(2, 3, 16, 16), _drawn(6, seed=2)
    traced = Traced(encoded, frame)
    logits = _answer(torch.einsum("bdhw,d->bhw", traced.encoded.dense, weights).unsqueeze(1))
    lesion = torch.einsum("bdhw,d->bhw", encoded.dense, weights)
    expected = 16 * lesion.sigmoid() * weights.norm() * encoded.dense.norm(dim=1)  # 16 pixels a place
    rest = 3e-6  # of the inputs that the answer doesn't look at
    torch.testing.assert_close(traced.saliency(logits), expected, rtol=1e-4, atol=rest)


@pytest.mark.parametrize("source", ["dense", "s4", "frame"])
def test_whatever_the_answer_rests_on_is_found(source):
    traced = Traced(_encoded(), torch.rand(2, 3, 16, 16))
    inputs = {"dense": traced.encoded.dense, "frame": traced.frame, **traced.encoded.maps}
    grid = inputs[source]
    corner = torch.zeros_like(grid)
    corner[:, :, : grid.shape[2] // 4, : grid.shape[3] // 4] = 1
    found = traced.saliency(_answer((grid * corner).sum(1, keepdim=True)))
    assert (found.flatten(1).argmax(1) == 0).all()
    assert found.flatten(1)[:, 5:].max() < 1e-4 * found.max()


def test_saliency_can_be_trained():
    weight = torch.ones(6, requires_grad=True)
    traced = Traced(_encoded(), torch.rand(2, 3, 16, 16))
    logits = _answer(torch.einsum("bdhw,d->bhw", traced.encoded.dense, weight).unsqueeze(1))
    sparsity(traced.saliency(logits)).sum().backward()
    assert weight.grad.abs().sum() > 0


def test_sparsity_by_hand():
    even, single = torch.ones(1, 4, 4), torch.zeros(1, 4, 4)
    single[0, 2, 3] = 7.0
    torch.testing.assert_close(sparsity(torch.cat([even, single])), torch.tensor([1.0, 0.25]))  # 1/16 over 1/4


def test_places_are_the_most_salient_or_as_many_drawn_ones():
    saliency, dense = _drawn(3, 4, 4).abs(), torch.zeros(3, 6, 4, 4)
    found = places(saliency, dense, share=0.25)
    for frame in range(3):
        assert set(found[frame].flatten().nonzero()[:, 0].tolist()) == set(
            saliency[frame].flatten().topk(4).indices.tolist()
        )
    torch.manual_seed(0)
    drawn = [places(None, dense, share=0.25) for _ in range(2)]
    assert not torch.equal(*drawn)
    assert (drawn[0].sum((1, 2)) == 4).all()
    assert (places(None, dense, share=0.001).sum((1, 2)) == 1).all()


def test_a_masked_frame_has_its_mean_colour_there_and_no_lesion():
    batch = stub_sites.batch(2)
    mask = torch.zeros_like(batch.mask)
    mask[:, 4:20, 4:20], mask[:, 30, 30] = 1, 255
    batch = replace(batch, mask=mask)
    chosen = torch.zeros(2, 4, 4, dtype=torch.bool)
    chosen[:, 0:2, 0:2] = True  # up to pixel 15
    found = masked(batch, chosen)
    colour = batch.frame.mean((2, 3))
    torch.testing.assert_close(found.frame[:, :, 5, 5], colour)
    assert torch.equal(found.frame[:, :, 22:, 22:], batch.frame[:, :, 22:, 22:])
    assert (found.mask[:, 4:13, 4:13] == 0).all()
    assert (found.mask[:, 17:20, 4:20] == 255).all()  # left to see: not judged
    assert (found.mask[:, 21:29] == 0).all()
    assert (found.mask[:, 30, 30] == 255).all()
