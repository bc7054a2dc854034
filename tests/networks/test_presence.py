"""A head for whole frames beside any method, and the losses of whole frames."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mcdrl.methods import names
from mcdrl.metrics.auroc import auroc
from mcdrl.model.probability import probabilities
from mcdrl.networks import presence as presence_head
from mcdrl.networks.interface import Output
from mcdrl.networks.presence import (
    Presence,
    frame_labels,
    frame_losses,
    hard_negatives,
    presence,
    presence_loss,
)
from mcdrl.networks.prompted import Prompted
from tests import stub_sites
from tests.methods import test_methods

PROMPTED = [name for name, method in test_methods.UNTRAINED.items() if isinstance(method, Prompted)]
WEIGHTS = {"presence_weight": 0.5, "hard_negative_weight": 0.25}


def _with_head(name, mode="frozen"):
    return test_methods._method(name, mode, presence=True)


def _batch(*masks):
    """Frames of 10 x 10 px with these masks."""
    batch = stub_sites.batch(len(masks))
    return replace(batch, mask=torch.stack(masks).long(), frame=torch.zeros(len(masks), 3, 10, 10))


def _mask(lesion_px=0, unjudged_px=0, size_px=10):
    flat = torch.zeros(size_px**2)
    flat[:lesion_px] = 1
    flat[size_px**2 - unjudged_px :] = 255
    return flat.view(size_px, size_px)


def _logits(values):
    """Logits [B, 2, S, S] of lesion `values`, those of background not zero."""
    return torch.stack([torch.ones_like(values), values + 1], 1)


@pytest.mark.parametrize("name", names())
def test_every_method_takes_the_head_and_all_else_of_it_stays(name):
    plain, method, batch = test_methods._method(name), _with_head(name), test_methods._batch()
    own = {key: value for key, value in method.state_dict().items() if not key.startswith("presence.")}
    assert own.keys() == plain.state_dict().keys()
    assert all(torch.equal(value, plain.state_dict()[key]) for key, value in own.items())
    assert plain.presence is None
    found, without = (probabilities(each.eval(), batch) for each in (method, plain))
    assert torch.equal(found.lesion, without.lesion)
    assert without.presence is None
    assert found.presence.shape == (3,)
    assert ((found.presence > 0) & (found.presence < 1)).all()
    assert found.presence.std() > 0
    alone = probabilities(method, batch, single_pass=True).presence
    assert alone.shape == (3,)


@pytest.mark.parametrize("name", names())
def test_the_heads_loss_reaches_all_of_the_head_in_training(name):
    method, batch = _with_head(name, "adapter"), test_methods._batch()
    losses = frame_losses(method.train(), batch, method(batch), **WEIGHTS)
    assert set(losses) == {"presence", "hard_negative"}
    losses["presence"].backward()
    for key, weight in method.presence.named_parameters():
        assert weight.grad.isfinite().all(), key
        assert weight.grad.any(), key


def test_the_heads_loss_acts_on_the_trunk_and_not_on_the_map():
    method, batch = _with_head("baseline", "finetune").train(), test_methods._batch()
    output = method(batch)
    presence_loss(presence(method, output), batch).backward()
    assert all(weight.grad is None for weight in method.head.parameters())
    assert any(weight.grad is not None and weight.grad.any() for weight in method.trunk.parameters())


@pytest.mark.parametrize("name", PROMPTED)
def test_a_frame_that_is_asked_for_a_class_that_it_lacks_teaches_the_head_nothing(name):
    """Its map is right to be empty, though the frame has a lesion."""
    method, batch = test_methods._method(name, "adapter", presence=True, absent_share=1.0).eval(), test_methods._batch()
    output = method.train()(batch)
    method.presence.eval()  # no dropout
    assert output.absent.tolist() == [True, False, True]
    loss = frame_losses(method, batch, output, presence_weight=3, hard_negative_weight=0)["presence"]
    alone = F.binary_cross_entropy_with_logits(presence(method, output)[1], torch.tensor(1.0))
    torch.testing.assert_close(loss, 3 * alone / 3)


def test_what_weighs_nothing_is_no_term_and_the_others_are_weighed():
    method, batch = _with_head("baseline"), test_methods._batch()
    output = method(batch)
    assert frame_losses(method, batch, output, presence_weight=0, hard_negative_weight=0) == {}
    once, twice = (frame_losses(method, batch, output, presence_weight=w, hard_negative_weight=w) for w in (1, 2))
    for name in once:
        torch.testing.assert_close(twice[name], 2 * once[name])


def test_a_method_that_hides_its_features_is_told_of():
    method = _with_head("baseline")
    with pytest.raises(ValueError, match=r"Baseline gives no `Output\.encoded`"):
        presence(method, Output(torch.zeros(1, 2, 4, 4)))


def test_a_frame_has_a_lesion_none_or_nobody_knows():
    batch = _batch(_mask(), _mask(1), _mask(5), _mask(0, 49), _mask(0, 51), _mask(5, 90))
    there, known = frame_labels(batch)
    assert there.tolist() == [False, True, True, False, False, True]
    assert known.tolist() == [True, True, True, True, False, True]
    sliver = replace(_batch(_mask()), mask=torch.zeros(1, 64, 64).long().index_fill(1, torch.tensor([0]), 0))
    sliver.mask[0, 0, :4] = 1  # 4 of 4096
    assert [one.tolist() for one in frame_labels(sliver)] == [[False], [False]]


def test_a_lesion_too_small_for_the_mask_is_not_none_but_one_out_of_view_is():
    shown = replace(_batch(_mask(), _mask(), _mask()), lesion_class=torch.tensor([0, 0, -1]))
    held = torch.zeros(3, 254, dtype=torch.bool)
    held[1, 0] = True  # there was some before the view left it out
    there, known = frame_labels(replace(shown, held=held))
    assert there.tolist() == [False, False, False]
    assert known.tolist() == [False, True, True]
    assert replace(shown, held=None).vanished.tolist() == [False] * 3


def test_the_loss_is_the_cross_entropy_of_the_masks_own_labels():
    batch = _batch(_mask(), _mask(5), _mask(0, 60))
    found = presence_loss(torch.tensor([1.0, 2.0, 9.0]), batch)
    assert float(found) == pytest.approx((math.log(1 + math.e) + math.log(1 + math.exp(-2))) / 3)


def test_hard_negatives_are_the_likeliest_percent_of_frames_without_a_lesion():
    """One pixel of a hundred counts; that of the frame with a lesion doesn't, nor one that nobody judged."""
    values = torch.full((3, 10, 10), -5.0)
    values[0, 3, 4], values[1, 0, 9], values[2, 9, 9] = 2.0, 7.0, 8.0
    batch = _batch(_mask(), _mask(5), _mask(0, 1))
    found = hard_negatives(_logits(values), batch)
    assert float(found) == pytest.approx((math.log(1 + math.exp(2)) + math.log(1 + math.exp(-5))) / 3, rel=1e-5)
    values.requires_grad_()
    hard_negatives(_logits(values), batch).backward()
    assert values.grad.nonzero().tolist()[0] == [0, 3, 4]
    assert not values.grad[1].any()
    assert values.grad[2, 9, 9] == 0
    assert values.grad[2].abs().sum() > 0


def _seen(frames, seed):
    """Maps in which a lesion is a brighter place, and logits that know nothing of it."""
    drawn = torch.Generator().manual_seed(seed)
    there = torch.rand(frames, generator=drawn) < 0.5
    maps = {"s4": torch.randn(frames, 6, 8, 8, generator=drawn), "s8": torch.randn(frames, 8, 4, 4, generator=drawn)}
    maps["s8"][there, 2] += 0.6
    return maps, torch.randn(frames, 2, 32, 32, generator=drawn), there


def _auroc_elsewhere(*, shuffled):
    """Train a head on 200 frames; return the AUROC on 400 others."""
    torch.manual_seed(0)
    head = Presence({"s4": 6, "s8": 8}, width=16, dropout=0.1)
    optimiser = torch.optim.AdamW(head.parameters(), lr=0.01)
    encoded = test_methods._batch().encoded
    maps, logits, there = _seen(200, 1)
    labels = there[torch.randperm(200)] if shuffled else there
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            head(replace(encoded, maps=maps), logits), labels.float()
        )
        loss.backward()
        optimiser.step()
        losses.append(float(loss))
    assert losses[-1] < losses[0]
    maps, logits, there = _seen(400, 2)
    with torch.no_grad():
        return auroc(head.eval()(replace(encoded, maps=maps), logits).numpy().astype(np.float64), there.numpy())[0]


def test_it_learns_what_labels_tell_and_nothing_of_shuffled_ones():
    assert _auroc_elsewhere(shuffled=False) > 0.9
    assert _auroc_elsewhere(shuffled=True) == pytest.approx(0.5, abs=0.2)


def test_how_much_is_called_counts():
    torch.manual_seed(0)
    head = Presence({"s4": 6, "s8": 8}, width=16, dropout=0.0).eval()
    maps, logits, _ = _seen(4, 3)
    encoded = replace(test_methods._batch().encoded, maps=maps)
    more = logits.clone()
    more[:, 1, :16] += 5
    assert not torch.allclose(head(encoded, logits), head(encoded, more))
    assert torch.allclose(head(encoded, logits), head(encoded, logits + 3))  # softmax knows no common shift


@pytest.mark.parametrize(("size", "parts"), [(32, 8), (10, 4), (7, 7), (224, 14), (9, 2)])
def test_means_of_parts_are_torchs(size, parts):
    pixels = torch.rand(2, 1, size, size)
    bins = presence_head.bins(pixels, 2, parts)
    expected = torch.nn.functional.adaptive_avg_pool2d(pixels, parts)
    torch.testing.assert_close(bins @ pixels @ bins.T, expected)


def test_what_is_pooled_stays_in_float32():
    rng = torch.Generator().manual_seed(0)
    grid, lesion = torch.randn(2, 5, 7, 7, generator=rng), torch.rand(2, 1, 28, 28, generator=rng)
    with torch.autocast("cpu", torch.bfloat16):
        found = presence_head._pooled(grid, lesion)
    assert torch.equal(found, presence_head._pooled(grid, lesion))
