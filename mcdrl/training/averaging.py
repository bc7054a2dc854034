"""Weights averaged over every step of the validation's valley (SWAD, arXiv 2102.08604).

A minimum whose surroundings are as low is flat, and flat minima hold better at sites that nobody has seen. So the
weights after each step are averaged, from the first check of the validation frames that none soon after betters, to the
last before all checks for some time lie above that level: the valley. The steps from one check to the next count as the
check that ends them does.

What is otherwise than in the paper: what is checked is 1 - Dice of the validation frames, by which epochs are chosen,
too, not the loss of training on them; a check that finds nothing of any lesion begins no valley. The paper has a check
every 50 to 500 steps of thousands, under a constant rate. A training of a few epochs under a falling rate has few of
them (`train.swad.checks` an epoch), of which the paper's patience spans a large part, and seldom leaves its valley
before it ends: so what is averaged is mostly all from the first plateau on. Where no valley begins, the weights are
those of the best epoch, as without averaging.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from mcdrl.study.sections.train import SwadParams

_INSIDE, _LOSSES = "inside", "losses"
_NOTHING_FOUND = 1.0  # 1 - Dice where there is no overlap


class Bounds(NamedTuple):
    """Which checks lie in a valley.

    Attributes:
        first: the check that it begins with.
        behind: the one behind its last, as far as that is known.
        ended: whether no later check can belong to it.
    """

    first: int
    behind: int
    ended: bool


def valley(losses: Sequence[float], params: SwadParams) -> Bounds | None:
    """Return which checks lie in the valley; None: it hasn't begun.

    Args:
        losses: of the checks so far, 0..1.
        params: how it is found.
    """
    wide = params.start_patience
    windows = [losses[check : check + wide] for check in range(len(losses) - wide + 1)]
    lowest = (check for check, window in enumerate(windows) if window[0] == min(window) < _NOTHING_FOUND)
    first = next(lowest, None)
    if first is None:
        return None
    limit, above = params.tolerance * sum(windows[first]) / wide, 0
    for check in range(first, len(losses)):
        above = above + 1 if losses[check] > limit else 0
        if above == params.end_patience:
            return Bounds(first, check + 1 - above, ended=True)
    return Bounds(first, len(losses) - above, ended=False)


@dataclass(frozen=True)
class Mean:
    """The mean of some steps' weights.

    Attributes:
        weights: by name.
        steps: how many; above 0.
    """

    weights: Mapping[str, Tensor]
    steps: int

    def joined(self, other: Mean) -> Mean:
        """Return the mean over the steps of both."""
        steps = self.steps + other.steps
        share = other.steps / steps
        return Mean({name: one.lerp(other.weights[name], share) for name, one in self.weights.items()}, steps)


class ValleyMean:
    """Takes the weights after every step and what is said of them at checks, and keeps the mean over the valley.

    Attributes:
        losses: of the checks so far.
        inside: over the steps that lie in the valley for sure, on the CPU; None: there are none yet.
    """

    def __init__(self, params: SwadParams) -> None:
        """Know nothing yet."""
        self.params = params
        self.losses: list[float] = []
        self.inside: Mean | None = None
        self._undecided: dict[int, Mean] = {}  # by the check that ends them
        self._running: Mean | None = None  # since the last check

    @property
    def last(self) -> int:
        """Return the last check that lies in the valley so far; -1: it hasn't begun."""
        found = valley(self.losses, self.params)
        return -1 if found is None else found.behind - 1

    def add(self, weights: Mapping[str, Tensor]) -> None:
        """Take the weights after a step, by name; counters among them are left out."""
        now = {name: one.detach() for name, one in weights.items() if one.is_floating_point()}
        if self._running is None:
            self._running = Mean({name: one.clone() for name, one in now.items()}, 1)
        else:
            self._running = self._running.joined(Mean(now, 1))

    def check(self, loss: float) -> None:
        """Take what the validation frames say of the weights after the last step, 0..1; there was one since the last.

        Raises:
            ValueError: there was none.
        """
        if self._running is None:
            raise ValueError("a check without a step since the last one")
        weights = {name: one.cpu() for name, one in self._running.weights.items()}
        self._undecided[len(self.losses)] = Mean(weights, self._running.steps)
        self._running = None
        self.losses.append(loss)
        found = valley(self.losses, self.params)
        if found is None:
            self._forget(lambda check: check <= len(self.losses) - self.params.start_patience)
            return
        for check, mean in self._undecided.items():
            if found.first <= check < found.behind:
                self.inside = mean if self.inside is None else self.inside.joined(mean)
        self._forget(lambda check: found.ended or check < found.behind)

    def _forget(self, decided: Callable[[int], bool]) -> None:
        self._undecided = {check: mean for check, mean in self._undecided.items() if not decided(check)}

    def state(self) -> dict[str, Tensor]:
        """Return all that it knows, right after a check."""
        means = {str(check): mean for check, mean in self._undecided.items()}
        means |= {} if self.inside is None else {_INSIDE: self.inside}
        tensors = {f"{of}.{mean.steps}.{name}": one for of, mean in means.items() for name, one in mean.weights.items()}
        return {**tensors, _LOSSES: torch.tensor(self.losses, dtype=torch.float64)}

    def load_state(self, state: Mapping[str, Tensor]) -> None:
        """Know what `state` returned, and nothing besides; nothing at all where that is empty."""
        found: dict[tuple[str, int], dict[str, Tensor]] = {}
        for key, one in state.items():
            if key != _LOSSES:
                of, steps, name = key.split(".", 2)
                found.setdefault((of, int(steps)), {})[name] = one
        means = {of: Mean(weights, steps) for (of, steps), weights in found.items()}
        self.losses = state[_LOSSES].tolist() if _LOSSES in state else []
        self.inside = means.pop(_INSIDE, None)
        self._undecided = {int(check): means[check] for check in sorted(means, key=int)}
        self._running = None
