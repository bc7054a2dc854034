"""Patches that pass alone against whole frames; whole trainings with them are in test_cell."""

from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from mcdrl.base.errors import InputError
from mcdrl.methods import build, has_own_encoder, modes, names, prepared
from mcdrl.networks.interface import Output
from mcdrl.networks.trunk import EndToEnd, PixelsOnly
from mcdrl.networks.views import viewed
from mcdrl.study.modes import PIXEL_MODES
from mcdrl.training.data import Frames
from mcdrl.training.patches import (
    patch_batches,
    patch_consistency,
    patch_contrast,
    patch_losses,
    patch_views,
    shown_without_masks,
)
from tests.factories import make_spec, make_texts, small_params, train_params
from tests.stub_sites import StubLowerBlocks, StubUpperBlocks, batch

PARAMS = train_params().patches


def test_a_patch_is_its_part_of_the_frame():
    """Of four by four pixels in two by two patches each shows its own four, row by row."""
    frame = torch.arange(16.0).reshape(1, 1, 4, 4).repeat_interleave(8, 2).repeat_interleave(8, 3)
    shown = viewed(frame.expand(4, -1, -1, -1), patch_views(torch.arange(4), 2))[:, 0]
    assert [sorted(set(part[2::8, 2::8].round().flatten().tolist())) for part in shown] == [
        [0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15],
    ]  # fmt: skip


def test_contrast_by_hand():
    """The patch is like its own place (cosine 1) and like one of the seven others (0.6); at 0.5 that is known."""
    whole = torch.zeros(2, 4, 2, 2)
    whole[0, 0, 0, 1] = 3.0  # own place of the first frame's patch
    whole[1, :2, 1, 1] = torch.tensor([0.6, 0.8])
    patch = torch.zeros(2, 4, 1, 1)
    patch[0, 0], patch[1, 1] = 2.0, 5.0
    whole.requires_grad_()
    patch.requires_grad_()
    loss = patch_contrast(patch, whole, torch.tensor([1, 3]), 2, temperature=0.5)
    first = torch.log(torch.tensor(2.0).exp() + torch.tensor(1.2).exp() + 6) - 2
    second = torch.log(torch.tensor(1.6).exp() + 7) - 1.6
    assert float(loss.detach()) == pytest.approx(float(first + second) / 2, abs=1e-5)
    loss.backward()
    assert whole.grad.any()
    assert patch.grad.any()


def test_contrast_stays_in_float32():
    rng = torch.Generator().manual_seed(0)
    patch, whole = (torch.randn(8, 64, 7, 7, generator=rng) for _ in range(2))
    given = patch, whole, torch.arange(8) % 4, 2
    with torch.autocast("cpu", torch.bfloat16):
        found = patch_contrast(*given, temperature=0.07)
    assert torch.equal(found, patch_contrast(*given, temperature=0.07))


def test_consistency_is_the_mean_squared_difference_at_the_patch_s_place():
    odds = torch.zeros(1, 2, 64, 64)
    odds[0, 1, :, 32:] = 20.0  # lesion on the right, probability 1; elsewhere one half
    odds.requires_grad_()
    whole, unsure = Output(odds), Output(torch.zeros(1, 2, 64, 64, requires_grad=True))
    left, right = (patch_consistency(unsure, whole, patch_views(torch.tensor([place]), 2)) for place in (0, 1))
    assert [float(left.detach()), float(right.detach())] == pytest.approx([0, 0.25], abs=0.005)  # but for the border
    right.backward()
    assert odds.grad is None
    assert unsure.logits.grad.any()


def test_all_frames_come_once_before_one_comes_again():
    cases = [f"A/{number}" for number in range(5)]
    found = patch_batches(cases, [4, 4, 4], seed=0, epoch=0)
    order = [case for part in found for case in part]
    assert [len(part) for part in found] == [4, 4, 4]
    assert sorted(order[:5]) == sorted(order[5:10]) == cases
    assert found == patch_batches(cases, [4, 4, 4], seed=0, epoch=0) != patch_batches(cases, [4, 4, 4], seed=0, epoch=1)


def test_the_placebo_shows_labelled_frames_in_place_of_the_others():
    frames = Frames(["a"], ["b"], {}, {}, {}, ["c"])
    assert [shown_without_masks(frames, kind) for kind in ("none", "patches", "copies")] == [[], ["c"], ["a"]]
    with pytest.raises(InputError, match=r"train\.labelled_share leaves no frame .* copies"):
        shown_without_masks(replace(frames, unlabelled=[]), "patches")


@pytest.mark.parametrize("mode", ["frozen", "adapter", "suffix"])
def test_modes_without_pixels_in_the_loop_are_refused(mode):
    with pytest.raises(
        ValidationError, match=f"unlabelled copies takes the pixels .* mode {mode} hasn't: write none, or"
    ):
        train_params(mode=mode, unlabelled="copies")


def test_patches_of_unlabelled_frames_take_a_share_that_leaves_some():
    with pytest.raises(ValidationError, match="labelled_share is 1: write a smaller share, or copies"):
        train_params(mode="partial", unlabelled="patches")
    assert train_params(mode="partial", unlabelled="patches", labelled_share=0.5).patches.across == 2
    assert train_params(mode="frozen", labelled_share=0.5).unlabelled == "none"


def test_patches_that_would_never_have_to_agree_are_refused():
    given = {"mode": "partial", "epochs": 2, "patches": {"contrast_epochs": 2}}
    with pytest.raises(ValidationError, match="contrast_epochs 2 is not below epochs 2: patches would never be asked"):
        train_params(**given, unlabelled="copies")
    assert train_params(**given).unlabelled == "none"


def _method(name, **changes):
    spec = make_spec(**changes)
    trunk = PixelsOnly() if has_own_encoder(name) else EndToEnd(StubLowerBlocks(), StubUpperBlocks(), size_px=32)
    texts = replace(make_texts(2, 3, 16, torch.Generator().manual_seed(0)), prior=torch.full((3,), 1 / 3))
    params = small_params(name)
    return build(name, spec, params, trunk, prepared(name, spec, params, texts, lambda: torch.randn(8, 16))).train()


def _term(method, frames, *, contrast):
    found = patch_losses(method, frames, PARAMS, contrast=contrast, intervene=True, seed=3)
    assert list(found) == ["patch_contrast" if contrast else "patch_consistency"]
    return next(iter(found.values()))


IN_PIXELS = [name for name in names() if not modes(name) or set(modes(name)) & set(PIXEL_MODES)]


@pytest.mark.parametrize("name", IN_PIXELS)
def test_every_method_that_sees_pixels_has_both_terms_whatever_the_masks(name):
    """An encoder learns by both, a head by the second; dropout is off, and a method is in training afterwards."""
    method, frames = _method(name, dropout=0.5), replace(batch(4), held=None)
    poisoned = replace(frames, mask=1 - frames.mask, lesion_class=frames.lesion_class + 1)
    for contrast in (True, False):
        method.zero_grad()
        torch.manual_seed(0)
        loss = _term(method, frames, contrast=contrast)
        assert method.training
        torch.manual_seed(0)
        assert torch.equal(loss, _term(method, poisoned, contrast=contrast))
        loss.backward()
        reached = {key for key, weight in method.named_parameters() if weight.grad is not None and weight.grad.any()}
        assert reached, contrast
        assert any(key.startswith("head.") for key in reached) <= (not contrast)


def test_they_can_be_learned():
    for contrast in (True, False):
        method, frames = _method("baseline"), batch(8)
        optimiser = torch.optim.Adam(method.parameters(), lr=0.01)
        history = []
        for _ in range(40):
            optimiser.zero_grad()
            loss = _term(method, frames, contrast=contrast)
            loss.backward()
            optimiser.step()
            history.append(float(loss.detach()))
        assert history[-1] < 0.75 * history[0], contrast
