import pytest
import torch
from torch.nn import functional as F

from mcdrl.networks.head import Pyramid, Refine, averaged

PYRAMID = {"s4": (6, 8), "s8": (8, 4), "s16": (10, 2)}
SAME_GRID = {"b3": (6, 4), "b6": (6, 4), "b12": (6, 4)}


def _inputs(maps, frames=2, side=32):
    generator = torch.Generator().manual_seed(0)
    grids = {tap: torch.randn(frames, width, size, size, generator=generator) for tap, (width, size) in maps.items()}
    tokens = torch.randn(frames, 16, 4, 4, generator=generator)
    return grids, tokens, torch.rand(frames, 3, side, side, generator=generator)


def _head(maps):
    channels = {tap: width for tap, (width, _) in maps.items()}
    return Pyramid(16, channels, width=32, dropout=0.0).eval()


@pytest.mark.parametrize("maps", [PYRAMID, SAME_GRID, {"s8": (8, 4)}], ids=["pyramid", "one grid", "one map"])
def test_every_input_reaches_every_corner_of_the_full_size_logits(maps):
    head, (grids, tokens, frame) = _head(maps), _inputs(maps)
    inputs = [tokens, frame, *grids.values()]
    for tensor in inputs:
        tensor.requires_grad_()
    logits = head(grids, tokens, frame)
    assert logits.shape == (2, 2, 32, 32)
    for corner in (logits[0, 1, 0, 0], logits[0, 1, -1, -1]):
        for gradient in torch.autograd.grad(corner, inputs, retain_graph=True):
            assert gradient[0].any()
            assert not gradient[1].any()  # another frame has no say


def test_the_scale_of_tokens_and_maps_does_not_matter():
    head, (grids, tokens, frame) = _head(PYRAMID), _inputs(PYRAMID)
    scaled = {tap: 50 * grid for tap, grid in grids.items()}
    torch.testing.assert_close(head(scaled, 50 * tokens, frame), head(grids, tokens, frame), rtol=1e-3, atol=1e-3)


def test_it_starts_by_expecting_little_lesion():
    head, (grids, tokens, frame) = _head(PYRAMID), _inputs(PYRAMID)
    for refine in head.modules():
        if isinstance(refine, Refine):
            torch.nn.init.zeros_(refine.pointwise.weight)
    probability = head(grids, tokens, frame).softmax(1)[:, 1].mean()
    assert 0.02 < probability < 0.3


def test_the_frame_alone_can_draw_a_border_finer_than_the_maps():
    head, (grids, tokens, frame) = _head(PYRAMID), _inputs(PYRAMID)
    changed = frame.clone()
    changed[:, :, 12:16, 12:16] = 0
    difference = (head(grids, tokens, changed) - head(grids, tokens, frame)).abs().amax(1)
    assert difference[:, 12:16, 12:16].mean() > 10 * difference[:, :6, :6].mean()


@pytest.mark.parametrize("size", [(56, 56), (14, 14), (7, 7), (9, 20), (28, 7)])
def test_maps_are_averaged_as_adaptive_pooling_does(size):
    maps = torch.randn(2, 3, *size)
    torch.testing.assert_close(averaged(maps, (14, 14)), F.adaptive_avg_pool2d(maps, (14, 14)))
