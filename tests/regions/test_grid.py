import torch

from mcdrl.regions.grid import gather, indices, scatter


def _selected(frames=3, side=4, kept=5):
    scores = torch.rand(frames, side * side, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros(frames, side * side, dtype=torch.bool).scatter(1, scores.topk(kept).indices, True)
    return mask.view(frames, side, side)


def test_scatter_is_the_inverse_of_gather():
    dense = torch.randn(3, 6, 4, 4)
    index = indices(_selected(), 5)
    assert torch.equal(scatter(dense, index, gather(dense, index), regions="keep"), dense)


def test_zero_blanks_exactly_the_places_that_were_not_selected():
    dense, selected = torch.randn(3, 6, 4, 4), _selected()
    index = indices(selected, 5)
    out = scatter(dense, index, gather(dense, index), regions="zero")
    assert torch.equal(out, dense * selected.unsqueeze(1))


def test_rows_come_in_grid_order_with_the_right_channels():
    dense = torch.arange(2 * 2 * 2, dtype=torch.float32).view(1, 2, 2, 2)  # channel 0: 0 1 2 3, channel 1: 4 5 6 7
    selected = torch.tensor([[[False, True], [True, False]]])
    assert gather(dense, indices(selected, 2)).tolist() == [[[1.0, 5.0], [2.0, 6.0]]]


def test_scatter_casts_rows_to_the_grid_s_dtype():
    dense, index = torch.zeros(1, 2, 2, 2), torch.tensor([[3]])
    out = scatter(dense, index, torch.ones(1, 1, 2, dtype=torch.bfloat16), regions="keep")
    assert out.dtype == torch.float32
    assert out[0, :, 1, 1].tolist() == [1.0, 1.0]
