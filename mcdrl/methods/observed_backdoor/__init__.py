"""Backdoor adjustment with observed confounders: Y = sum_k P(z_k) P(Y|x, z_k), z of each training frame its own.

An adjustment as the textbook has it (Pearl, Causality, 2009, section 3.3), which the paper's equation 1 (arXiv
2508.05008) asks for and neither `mcdrl`, whose z is attended to, nor `mcdrl_averaged`, whose z is drawn apart from the
frame, makes: z is measured in each training frame (brightness, contrast, sharpness, glare, colour) and scaled by how
much training frames differ in it, P(Y|x, z) is trained with that very z, P(z) is that of the training frames of all
sources, pooled, and prediction sums over it, whatever the frame's own z. So where bright frames had most lesions in
training, brightness says nothing at prediction.

What it can't do: z is measured in x, so no training frame had its x with another z, and P(Y|x, z_k) there is what the
decoder extrapolates. Views, phrases and the hospital itself are not in z. All of the form is our choice: z scales and
shifts what the head has merged out of tokens, maps and frame, before a last convolution, as in `gaussian_backdoor`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from mcdrl.base.errors import InputError
from mcdrl.base.section import Most, Section
from mcdrl.methods.observed_backdoor.observed import OBSERVED, observe
from mcdrl.methods.observed_backdoor.strata import Strata
from mcdrl.networks import factory
from mcdrl.networks.adjusted import GivenConfounder, summed
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.segmenter import Segmenter


class Params(Section):
    """What z is in training, and over which z prediction sums.

    Attributes:
        strata: K, how many z the pooled P(z) is summed over, 1 and more; our choice.
        observed: own, the method; permuted, its placebo: z of another frame of the batch, so that it tells nothing of
            this one and the sum adjusts for nothing.
        sum_over: pooled, the adjustment; own, its control: z of the frame itself, P(Y|x, z) without a sum.
    """

    strata: Annotated[int, Field(ge=1), Most(64, "prediction takes a pass of the decoder for each")]
    observed: Literal["own", "permuted"]
    sum_over: Literal["pooled", "own"]


class ObservedBackdoor(Segmenter):
    """A sum over measured confounders in the decoder."""

    def __init__(self, spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk; make head, strata and the decoder's step that z acts on."""
        super().__init__(spec, params, trunk, texts)
        self.permuted, self.pooled = params.observed == "permuted", params.sum_over == "pooled"
        self.strata = Strata(params.strata, len(OBSERVED))
        with factory.seeded(spec.seed, "observed"):
            self.given = GivenConfounder(self.head.channels, len(OBSERVED))

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:  # noqa: ARG002
        """Segment a batch: in training given what is observed of each frame, else by the sum over P(z)."""
        encoded = self.trunk(batch)
        merged = self.head.merged(encoded.maps, encoded.dense, batch.frame)
        share, z = self._confounders(batch.frame)
        logits = summed(self.head, self.given, merged, share, z, batch.frame.shape[-2:])
        return Output(logits, encoded=encoded)

    def _confounders(self, frame: Tensor) -> tuple[Tensor, Tensor]:
        """Return P(k) [B, K] and z_k [B, K, Q] of each frame; K is one where z is the frame's own."""
        frames = frame.shape[0]
        if self.pooled and not self.training:
            return self.strata.shares.expand(frames, -1), self.strata.scaled(self.strata.centres).expand(frames, -1, -1)
        own = observe(frame)
        if self.training:
            self.strata.learn(own)
            own = _of_others(own) if self.permuted else own
        return own.new_ones(frames, 1), self.strata.scaled(own)[:, None]


def _of_others(observed: Tensor) -> Tensor:
    """Return for each frame of a shuffled batch what is observed of another one, [B, Q].

    Raises:
        InputError: there is no other.
    """
    if len(observed) == 1:
        raise InputError(
            "observed_backdoor with observed: permuted takes what another frame of the step shows, but train.batch_size"
            " leaves a process one frame a step; write two and more for each process"
        )
    return observed.roll(1, 0)


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return ObservedBackdoor(spec, params, trunk, texts)
