import math

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from mcdrl.training.optimiser import make_optimiser, rate, rate_of_two, risen, set_rates
from tests.factories import train_params


class _Trunk(nn.Linear):
    def encoder_parameters(self):
        return list(self.parameters())


class _Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk, self.head, self.norm = _Trunk(2, 2), nn.Linear(2, 2), nn.LayerNorm(2)
        self.fixed = nn.Parameter(torch.ones(2, 2), requires_grad=False)

    def encoder_parameters(self):
        return self.trunk.encoder_parameters()


def test_rates_rise_in_a_line_and_fall_along_a_cosine():
    rates = [rate(step, 100, 0.1) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert rates[10] == 1.0
    assert rates[55] == pytest.approx(0.5)
    assert rates[99] == pytest.approx(0.5 * (1 + math.cos(math.pi * 89 / 90)))
    assert rate(0, 1, 0.5) > 0


def test_what_rises_is_nothing_before_and_whole_after():
    assert [risen(step, 4) for step in range(-2, 6)] == [0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    assert [risen(step, 0) for step in range(-2, 2)] == [0.0, 0.0, 1.0, 1.0]


def test_each_parameter_is_in_the_group_with_its_rate_and_decay():
    model = _Model()
    optimiser = make_optimiser(model, train_params(lr=0.1, lr_encoder=0.01, weight_decay=0.2))
    found = {
        id(parameter): (group["peak_lr"], group["weight_decay"])
        for group in optimiser.param_groups
        for parameter in group["params"]
    }
    expected = {
        model.trunk.weight: (0.01, 0.2), model.trunk.bias: (0.01, 0.0), model.head.weight: (0.1, 0.2),
        model.head.bias: (0.1, 0.0), model.norm.weight: (0.1, 0.0), model.norm.bias: (0.1, 0.0),
    }  # fmt: skip
    assert found == {id(parameter): value for parameter, value in expected.items()}
    set_rates(optimiser, 0.5)
    assert sorted({group["lr"] for group in optimiser.param_groups}) == [0.005, 0.05]


def test_two_trainings_behind_each_other_have_a_schedule_each():
    found = [rate_of_two(step, 30, 0.1, 10) for step in range(30)]
    assert found == [rate(step, 10, 0.1) for step in range(10)] + [rate(step, 20, 0.1) for step in range(20)]
    assert [rate_of_two(step, 30, 0.1, 0) for step in range(30)] == [rate(step, 30, 0.1) for step in range(30)]


@pytest.mark.parametrize(("params", "told"), [
    ({"mode": "partial", "epochs": 3, "head_first": 3}, "head_first 3 is not below epochs 3: all blocks would rest"),
    ({"mode": "frozen", "head_first": 0.5}, "of which mode frozen trains none: write 0, or mode suffix or partial or"),
    ({"mode": "adapter", "head_first": 0.5}, "of which mode adapter trains none"),
])  # fmt: skip
def test_a_rest_that_would_never_end_or_of_nothing_is_refused(params, told):
    with pytest.raises(ValidationError, match=told):
        train_params(**params)
