import numpy as np
import pytest
import torch

from mcdrl.renderer.frame import Frame
from mcdrl.renderer.names import CONFOUNDERS, LESION_CLASSES
from stages.pretrain import corpus
from stages.pretrain.corpus import collect, draw_boxes, frame_seeds, truth
from stages.pretrain.jitter import jitter
from stages.pretrain.phrases import CONCEPTS, DENSE_CONCEPTS


def frame(lesion_class, present=(), covered=slice(0, 0)):
    mask = np.zeros((224, 224), bool)
    mask[covered, :8] = True
    strengths = {name: 0.5 if name in present else 0.0 for name in CONFOUNDERS}
    return Frame(np.zeros((224, 224, 3), np.uint8), mask, lesion_class, strengths)


def named(values, names):
    return {name for name, value in zip(names, values, strict=True) if value}


def test_truth_of_a_lesion_that_covers_half_a_place():
    share, presence = truth(frame("cyst", {"blood", "dark"}, slice(0, 16)))
    cyst, lesion, normal = (DENSE_CONCEPTS.index(name) for name in ("cyst", "lesion", "normal"))
    assert share[cyst, 0, 0] == share[lesion, 0, 0] == share[normal, 0, 0] == 0.5
    assert share.sum(0)[0, 0] == 1.5
    assert share[lesion].sum() == 0.5
    assert share[normal, 1:].min() == 1
    assert named(presence, CONCEPTS) == {"cyst", "lesion", "blood", "dark"}


def test_truth_of_a_frame_with_nothing_in_it():
    share, presence = truth(frame(None))
    assert share[: len(LESION_CLASSES) + 1].max() == 0
    assert named(presence, CONCEPTS) == {"normal", "clear"}


def test_frame_seeds_differ_by_purpose_and_seed_and_extend():
    assert frame_seeds("train", 0, 5)[:3] == frame_seeds("train", 0, 3)
    assert not set(frame_seeds("train", 0, 50)) & set(frame_seeds("check", 0, 50))
    assert not set(frame_seeds("train", 0, 50)) & set(frame_seeds("train", 1, 50))


class MeanColours(torch.nn.Module):
    """Stands for the trunk: every map holds the frame's mean brightness."""

    def forward(self, frames):
        mean = frames.mean((1, 2, 3))[:, None, None, None]
        return {
            "s8": mean.expand(-1, 40, 28, 28),
            "s16": mean.expand(-1, 112, 14, 14),
            "s32": mean.expand(-1, 320, 7, 7),
        }


def test_every_frame_is_encoded_with_its_own_truth(monkeypatch):
    shown = {seed: frame("polyp" if seed % 2 else None) for seed in range(40)}
    for seed, made in shown.items():
        made.image[:] = seed
    monkeypatch.setattr(corpus, "sample_corpus_frame", shown.__getitem__)
    found = collect(range(40), MeanColours(), lambda frames: 1 - frames, 1)
    expected = torch.arange(40) / 255
    torch.testing.assert_close(found.hypercolumns[:, 0, 0, 0].float(), expected, atol=1e-3, rtol=0)
    torch.testing.assert_close(found.jittered[:, 471, 13, 13].float(), 1 - expected, atol=1e-3, rtol=0)
    assert found.presence[:, CONCEPTS.index("normal")].tolist() == [1.0] * 40  # empty masks: no lesion is shown
    assert collect(range(2), MeanColours(), None, 1).jittered is None


class FirstPixels(torch.nn.Module):
    """Stands for the trunk: every map holds the brightness of the frame's upper left corner."""

    def forward(self, frames):
        return MeanColours()(frames[:, :, :16, :16])


def test_crops_are_of_their_own_frame_and_box(monkeypatch):
    shown = {seed: frame(None) for seed in range(40)}
    boxes = draw_boxes(np.random.default_rng(0), 40)
    for seed, made in shown.items():
        top, left, rows, columns = boxes[seed] * 16
        made.image[top : top + rows, left : left + columns] = 100 + seed
    monkeypatch.setattr(corpus, "sample_corpus_frame", shown.__getitem__)
    found = collect(range(40), FirstPixels(), None, 1, boxes=boxes)
    expected = (100 + torch.arange(40)) / 255
    torch.testing.assert_close(found.crops.hypercolumns[:, 0, 0, 0].float(), expected, atol=2e-3, rtol=0)
    assert found.crops.boxes.tolist() == boxes.tolist()
    assert collect(range(2), MeanColours(), None, 1).crops is None


def test_boxes_lie_within_the_grid():
    boxes = draw_boxes(np.random.default_rng(0), 500)
    sides = boxes[:, 2:]
    assert (sides.min(), sides.max()) == (5, 9)
    assert boxes[:, :2].min() == 0
    assert (boxes[:, :2] + sides).max() == 14


def test_other_frames_of_the_same_seeds_may_be_sampled():
    found = collect(range(3), MeanColours(), None, 1, sample=lambda _: frame("polyp", {"blood"}, slice(0, 16)))
    assert found.presence[:, CONCEPTS.index("blood")].tolist() == [1.0] * 3


def test_jitter_changes_each_frame_on_its_own_and_keeps_the_range():
    frames = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)).repeat(3, 1, 1, 1)
    torch.manual_seed(0)
    changed = jitter(frames)
    assert changed.shape == frames.shape
    assert changed.min() >= 0
    assert changed.max() <= 1
    assert (changed[0] - changed[1]).abs().mean() > 0.01
    assert (changed - frames).abs().mean((1, 2, 3)).min() > 0.01
    torch.manual_seed(0)
    torch.testing.assert_close(jitter(frames), changed)


@pytest.mark.slow
def test_several_processes_render_the_same_frames():
    seeds = frame_seeds("train", 0, 6)
    alone, shared = (collect(seeds, MeanColours(), None, workers) for workers in (1, 2))
    assert torch.equal(alone.hypercolumns, shared.hypercolumns)
    assert torch.equal(alone.share, shared.share)
