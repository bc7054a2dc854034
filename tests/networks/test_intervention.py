import pytest
import torch
from torch import nn

from mcdrl.networks.intervention import (
    CrossAttention,
    Intervention,
    pool,
    recorded,
    relative_entropy,
    sum_over_confounders,
)

WIDTH, HEADS = 16, 4


def _rows(seed=0, frames=2, regions=5):
    rows = torch.randn(frames, regions, WIDTH, generator=torch.Generator().manual_seed(seed))
    return nn.functional.normalize(rows, dim=-1)


def _z(confounders, seed=1):
    z = torch.randn(confounders, WIDTH, generator=torch.Generator().manual_seed(seed))
    return nn.functional.normalize(z, dim=-1)


def _woken(module, seed=2):
    """Move every parameter off its start, so that parts which start at zero take part."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape, generator=generator)
    return module.eval()


def _intervention(*, residual=True, depth=2):
    return _woken(Intervention(WIDTH, depth=depth, heads=HEADS, residual=residual, dropout=0.0))


def test_attention_equals_torch_s_own_multi_head_attention():
    ours = _woken(CrossAttention(WIDTH, heads=HEADS))
    theirs = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    parts = (ours.query, ours.key, ours.value)
    theirs.in_proj_weight.data = torch.cat([part.weight.data for part in parts])
    theirs.in_proj_bias.data = torch.cat([ours.query.bias.data, torch.zeros(WIDTH), ours.value.bias.data])
    theirs.out_proj.load_state_dict(ours.project.state_dict())
    rows, z = _rows(), _z(7)
    batch_z = z.expand(len(rows), -1, -1)
    expected, _ = theirs(rows, batch_z, batch_z, need_weights=False)
    torch.testing.assert_close(ours(rows, z), expected)


def test_one_confounder_is_the_explicit_sum_over_it():
    intervention, rows, z = _intervention(depth=3), _rows(), _z(1)
    torch.testing.assert_close(intervention(rows, z), sum_over_confounders(intervention, rows, z, torch.ones(1)))


def test_with_one_confounder_attention_passes_its_value_whatever_the_query():
    attention, z = _woken(CrossAttention(WIDTH, heads=HEADS)), _z(1)
    expected = attention.project(attention.value(z)).expand(2, 5, -1)
    torch.testing.assert_close(attention(_rows(), z), expected)


def test_uniform_attention_is_the_mean_over_z_forward_and_gradient():
    attention = _woken(CrossAttention(WIDTH, heads=HEADS))
    nn.init.zeros_(attention.query.weight)
    nn.init.zeros_(attention.query.bias)
    z, weight = _z(6), torch.randn(2, 5, WIDTH)
    fast = attention(_rows(), z)
    slow = sum_over_confounders(attention, _rows(), z, torch.full((6,), 1 / 6))
    torch.testing.assert_close(fast, slow)
    trained = (attention.value.weight, attention.value.bias, attention.project.weight, attention.project.bias)
    for one, other in zip(
        torch.autograd.grad((fast * weight).sum(), trained),
        torch.autograd.grad((slow * weight).sum(), trained),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_the_order_of_the_confounders_does_not_matter():
    intervention, rows, z = _intervention(), _rows(), _z(9)
    shuffled = z[torch.randperm(9, generator=torch.Generator().manual_seed(3))]
    torch.testing.assert_close(intervention(rows, z), intervention(rows, shuffled))


def test_regions_do_not_see_each_other():
    intervention, rows, z = _intervention(), _rows(), _z(9)
    alone = torch.stack([intervention(rows[:, [place]], z)[:, 0] for place in range(rows.shape[1])], 1)
    torch.testing.assert_close(intervention(rows, z), alone)


def test_a_residual_intervention_starts_as_the_identity():
    fresh, rows = Intervention(WIDTH, depth=3, heads=HEADS, residual=True, dropout=0.0), _rows()
    torch.testing.assert_close(fresh(rows, _z(9)), rows)


def test_without_residual_and_with_one_confounder_the_image_content_is_lost():
    intervention, z = _intervention(residual=False), _z(1)
    torch.testing.assert_close(intervention(_rows(0), z), intervention(_rows(7), z))
    assert not torch.allclose(_intervention()(_rows(0), z), _intervention()(_rows(7), z), atol=1e-3)


def test_attention_stays_in_the_span_of_the_projected_confounders():
    attention = _woken(CrossAttention(WIDTH, heads=1))
    out = attention(_rows(frames=1, regions=40), _z(3))[0]
    basis = attention.project(attention.value(_z(3)))
    assert torch.linalg.matrix_rank(basis, tol=1e-4) == 3
    assert torch.linalg.matrix_rank(torch.cat([basis, out]), tol=1e-4) == 3


def test_pool_is_the_mean_over_regions():
    assert pool(torch.tensor([[[1.0, 2.0], [3.0, 6.0]]])).tolist() == [[2.0, 4.0]]


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="3 heads"):
        Intervention(WIDTH, depth=1, heads=3, residual=True, dropout=0.0)


def test_the_recorded_weights_are_those_that_torch_s_own_attention_returns():
    intervention, rows, z = _intervention(depth=1), _rows(), _z(7)
    block = intervention.blocks[0]
    ours, theirs = block.attention, nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
    parts = (ours.query, ours.key, ours.value)
    theirs.in_proj_weight.data = torch.cat([part.weight.data for part in parts])
    theirs.in_proj_bias.data = torch.cat([ours.query.bias.data, torch.zeros(WIDTH), ours.value.bias.data])
    queries, scaled = block.norm_rows(rows * WIDTH**0.5), (z * WIDTH**0.5).expand(len(rows), -1, -1)
    _, expected = theirs(queries, scaled, scaled, need_weights=True, average_attn_weights=True)
    with recorded(intervention) as record:
        intervention(rows, z)
    torch.testing.assert_close(record.weights[0], expected.mean(1))


def test_entropy_is_a_share_of_that_of_equal_weights():
    weights = torch.tensor([[0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]])
    assert relative_entropy(weights).tolist() == pytest.approx([1.0, 0.5, 0.0])
    assert relative_entropy(torch.ones(1, 1)).isnan().all()  # there is nothing to choose from


def test_the_recorded_entropy_is_that_of_each_head_and_not_of_their_mean():
    """Half of the heads look at one vector, the others at another: each is sure, though the mean is even."""
    intervention, z = _intervention(depth=1), torch.eye(WIDTH)[:2]
    attention = intervention.blocks[0].attention
    width = WIDTH // HEADS
    nn.init.zeros_(attention.query.weight)
    nn.init.ones_(attention.query.bias)
    nn.init.zeros_(attention.key.weight)
    attention.key.weight.data[: WIDTH // 2, 0] = 1000 / width
    attention.key.weight.data[WIDTH // 2 :, 1] = 1000 / width
    with recorded(intervention) as record:
        intervention(_rows(), z)
        intervention(_rows(), torch.zeros_like(z))
    torch.testing.assert_close(record.weights[0], torch.full((2, 2), 0.5))
    torch.testing.assert_close(record.entropy[0], torch.zeros(2))
    torch.testing.assert_close(record.entropy[1], torch.ones(2))


def test_recording_changes_nothing_and_leaves_nothing_behind():
    intervention, rows, z = _intervention(depth=3), _rows(), _z(5)
    before = intervention(rows, z)
    with recorded(nn.ModuleDict({"inside": intervention})) as record:
        during = intervention(rows, z)
        intervention(rows[:, :2], z)
    assert torch.equal(before, during)
    assert not any(module._forward_hooks for module in intervention.modules())
    intervention(rows, z)
    assert [len(calls) for calls in vars(record).values()] == [2, 2, 2, 2]
    torch.testing.assert_close(record.before[0], pool(rows))
    torch.testing.assert_close(record.after[0], pool(before))
    torch.testing.assert_close(record.weights[0].sum(1), torch.ones(len(rows)))


def test_hooks_are_gone_after_an_error_too():
    intervention = _intervention()
    with pytest.raises(RuntimeError), recorded(intervention):
        intervention(torch.zeros(1, 2, WIDTH + 1), _z(3))
    assert not any(module._forward_hooks for module in intervention.modules())


def test_recorded_weights_follow_the_dictionary_s_order():
    intervention, rows, z = _intervention(), _rows(), _z(6)
    order = torch.randperm(6, generator=torch.Generator().manual_seed(1))
    with recorded(intervention) as record:
        intervention(rows, z)
        intervention(rows, z[order])
    torch.testing.assert_close(record.weights[0][:, order], record.weights[1])
