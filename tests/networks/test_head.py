import pytest
import torch
from torch.nn import functional as F

from mcdrl.networks.head import Lateral, Pyramid, Refine, averaged

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


def test_an_input_s_channels_are_dropped_whole_and_in_training_alone():
    lateral, grid = Lateral(40, 40, dropout=0.25), torch.randn(50, 40, 3, 3, generator=torch.Generator().manual_seed(0))
    torch.nn.init.eye_(lateral.project.weight)
    torch.nn.init.zeros_(lateral.project.bias)
    whole = lateral.eval()(grid)
    torch.testing.assert_close(whole, F.layer_norm(grid.permute(0, 2, 3, 1), (40,)).permute(0, 3, 1, 2))
    torch.manual_seed(0)
    found = lateral.train()(grid)
    dropped = (found == 0).flatten(2).all(2)
    assert abs(float(dropped.float().mean()) - 0.25) < 0.05
    assert len(dropped.unique(dim=0)) > 40  # each frame its own
    torch.testing.assert_close(found, torch.where(dropped[:, :, None, None], 0.0, whole / 0.75))


def test_where_nothing_is_dropped_no_random_number_is_drawn():
    head, before = _head(PYRAMID).train(), torch.get_rng_state()
    head(*_inputs(PYRAMID))
    assert torch.equal(torch.get_rng_state(), before)


def test_of_a_pyramid_s_inputs_none_is_spared():
    """With all of them dropped, one answer is left."""
    channels = {tap: width for tap, (width, _) in PYRAMID.items()}
    head = Pyramid(16, channels, width=32, dropout=0.0, input_dropout=1.0).train()
    grids, tokens, frame = _inputs(PYRAMID)
    other = head({tap: -grid for tap, grid in grids.items()}, -tokens, 1 - frame)
    assert torch.equal(head(grids, tokens, frame), other)
