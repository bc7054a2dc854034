"""The mean over the steps of a valley, against the same told by hand."""

import pytest
import torch

from mcdrl.training.averaging import Bounds, ValleyMean, valley
from tests.factories import train_params

PAPER = train_params().swad
SHORT = train_params(swad={"start_patience": 2, "end_patience": 2, "tolerance": 1.5}).swad
NEVER = [0.9, 0.8, 0.7, 0.6, 0.5]


@pytest.mark.parametrize(("losses", "found"), [
    ([], None), (NEVER, None), ([0.3, 0.3], Bounds(0, 2, False)),
    ([0.9, 0.5, 0.4, 0.4, 0.5], Bounds(2, 5, False)),  # the limit is 0.6
    ([0.9, 0.4, 0.5, 0.7, 0.6], Bounds(1, 5, False)),  # 0.675: one above it ends nothing
    ([0.9, 0.4, 0.5, 0.5, 0.7], Bounds(1, 4, False)),  # it may have ended
    ([0.9, 0.4, 0.5, 0.5, 0.7, 0.7], Bounds(1, 4, True)),
    ([0.9, 0.4, 0.5, 0.5, 0.7, 0.7, 0.1, 0.1], Bounds(1, 4, True)),  # a later one isn't looked for
    ([0.4, 0.9, 0.9], Bounds(0, 3, False)),  # 0.975
    ([1.0, 1.0, 1.0], None), ([1.0, 1.0, 0.8, 0.9], Bounds(2, 4, False)), ([0.0, 0.0], Bounds(0, 2, False)),
])  # fmt: skip
def test_a_valley_by_hand(losses, found):
    assert valley(losses, SHORT) == found


def test_the_paper_s_patience_asks_for_three_and_six():
    falling = [0.8, 0.6, 0.5, 0.55, 0.6]
    assert valley(falling[:4], PAPER) is None
    assert valley(falling, PAPER) == Bounds(2, 5, False)
    limit = 1.3 * (0.5 + 0.55 + 0.6) / 3
    assert valley([*falling, *[limit + 0.01] * 5], PAPER) == Bounds(2, 5, False)
    assert valley([*falling, *[limit + 0.01] * 6], PAPER) == Bounds(2, 5, True)
    assert valley([*falling, *[limit - 0.01] * 6], PAPER) == Bounds(2, 11, False)


def _steps(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [{"a.b": torch.randn(3, generator=generator), "n": torch.tensor(7)} for _ in range(count)]


LOSSES = [
    [0.9, 0.5, 0.4, 0.4, 0.5], [0.9, 0.4, 0.5, 0.5, 0.7, 0.7, 0.2], [0.9, 0.4, 0.5, 0.7, 0.6, 0.7], NEVER,
    [1.0, 1.0, 0.9, 0.95, 0.2, 0.2],
]  # fmt: skip


@pytest.mark.parametrize("losses", LOSSES)
@pytest.mark.parametrize("broken", [False, True])
def test_it_is_the_mean_over_the_steps_that_checks_inside_end(losses, broken):
    """Two or three steps a check; where it is broken off behind every check, it goes on from what it left."""
    counts = [2 + check % 2 for check in range(len(losses))]
    steps, mean = _steps(sum(counts)), ValleyMean(SHORT)
    for check, loss in enumerate(losses):
        for weights in steps[sum(counts[:check]) : sum(counts[: check + 1])]:
            mean.add(weights)
        mean.check(loss)
        if broken:
            state, mean = {name: one.clone() for name, one in mean.state().items()}, ValleyMean(SHORT)
            mean.load_state(state)
    found = valley(losses, SHORT)
    if found is None:
        assert mean.inside is None
        assert mean.last == -1
        return
    inside = steps[sum(counts[: found.first]) : sum(counts[: found.behind])]
    assert set(mean.inside.weights) == {"a.b"}  # counters are none
    assert mean.inside.steps == len(inside)
    assert mean.last == found.behind - 1
    torch.testing.assert_close(mean.inside.weights["a.b"], torch.stack([one["a.b"] for one in inside]).mean(0))


def test_what_is_kept_of_undecided_steps_is_bounded():
    mean = ValleyMean(SHORT)
    for check, weights in enumerate(_steps(60)):
        mean.add(weights)
        mean.check(0.99**check)
        assert len(mean.state()) <= 3  # one undecided, the mean, the checks


def test_weights_that_stand_still_stay_what_they_are():
    mean, weights = ValleyMean(SHORT), {"w": torch.tensor([0.1, 1 / 3, 1e-30, -7e12])}
    for _ in range(50):
        mean.add(weights)
        mean.check(0.5)
    assert torch.equal(mean.inside.weights["w"], weights["w"])


def test_what_is_taken_is_no_view_of_weights_that_move_on():
    mean, weights = ValleyMean(SHORT), {"w": torch.zeros(2)}
    for value in (1.0, 2.0):
        weights["w"].fill_(value)
        mean.add(weights)
        mean.check(0.5)
        weights["w"].fill_(100.0)
    assert mean.inside.weights["w"].tolist() == [1.5, 1.5]


def test_a_check_takes_a_step():
    with pytest.raises(ValueError, match="without a step"):
        ValleyMean(SHORT).check(0.5)


def test_nothing_known_is_loaded_from_nothing():
    mean = ValleyMean(SHORT)
    mean.load_state({})
    assert (mean.losses, mean.inside, mean.last) == ([], None, -1)
