"""Backdoor adjustment with Gaussian confounders after MAMBO-NET (arXiv 2505.21874); we know its abstract only.

Y = sum_k P(k) P(Y|x, z = mu_k), L = L_seg + lambda_1 L_KL + lambda_2 L_boundary.

Of the abstract are several Gaussians that stand for confounders nobody named, parameters that the network fits itself,
a KL constraint on their posteriors, the backdoor sum in the decoder and a loss at boundaries that heeds uncertainty.
All else is our choice. A frame's own z is told from the statistics of its maps (its style), not drawn apart from it as
in `mcdrl_averaged`: training is P(Y|x, z) with z from the frame's posterior q(k, z|x), which L_KL holds to the prior
P(k) N(mu_k, sigma_k^2), and P(k) becomes the mean of q(k|x) that way; prediction is the sum over the prior, whatever
the frame's own style. z scales and shifts what the head has merged out of tokens, maps and frame, before a last
convolution: no input of the head goes round it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from torch import Tensor

from mcdrl.base.section import Most, Section, Weight
from mcdrl.clip.encoder import Encoded
from mcdrl.methods.gaussian_backdoor.boundary import boundary_uncertainty
from mcdrl.methods.gaussian_backdoor.gaussians import Confounders, Gaussians, Kind, style
from mcdrl.networks import factory
from mcdrl.networks.adjusted import GivenConfounder, summed
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.segmenter import Segmenter


class Params(Section):
    """Gaussians and losses.

    Attributes:
        gaussians: how many Gaussians stand for confounders, 1 and more; our choice.
        latent: numbers that a confounder is made of; our choice.
        posterior: learned, the method; random, its placebo: fixed Gaussians that no frame has a say in, drawn evenly,
            without L_KL.
        lambda_divergence: weight of L_KL, 0 and more; our choice.
        lambda_boundary: weight of L_boundary, 0 and more; our choice.
        band_px: how near a pixel of the boundary has lesion and background to it, in working pixels; our choice.
    """

    gaussians: Annotated[int, Field(ge=1), Most(64, "prediction takes a pass of the decoder for each")]
    latent: Annotated[int, Field(ge=1), Most(1024, "a frame's style has no more to say")]
    posterior: Kind
    lambda_divergence: Weight
    lambda_boundary: Weight
    band_px: Annotated[int, Field(ge=1), Most(64, "the band would be the frame")]


@dataclass(frozen=True)
class Adjusted(Output):
    """What the decoder says under confounders.

    Attributes:
        divergence: [B] float, of the frames' posteriors from the prior; None where there are none.
    """

    divergence: Tensor | None = None


class GaussianBackdoor(Segmenter):
    """A sum over Gaussian confounders in the decoder."""

    def __init__(self, spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk; make head, Gaussians and the decoder's step that they act on."""
        super().__init__(spec, params, trunk, texts)
        self.lambda_divergence, self.lambda_boundary = params.lambda_divergence, params.lambda_boundary
        self.band_px = params.band_px
        with factory.seeded(spec.seed, "gaussians"):
            self.gaussians = Gaussians(
                2 * sum(spec.map_channels.values()), count=params.gaussians, width=params.latent, kind=params.posterior
            )
            self.given = GivenConfounder(self.head.channels, params.latent)

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:  # noqa: ARG002
        """Segment a batch, in training under confounders of its own, else by the sum over the prior."""
        encoded = self.trunk(batch)
        if not self.training:
            prior = self.gaussians.prior(batch.frame.shape[0])
            return Output(self._summed(encoded, batch, prior), encoded=encoded)
        found = self.gaussians.drawn(style(encoded.maps))
        return Adjusted(self._summed(encoded, batch, found), encoded=encoded, divergence=found.divergence)

    def losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return L_seg, L_KL where there are posteriors, and L_boundary."""
        losses = super().losses(batch, output)
        if isinstance(output, Adjusted) and output.divergence is not None and self.lambda_divergence:
            losses["divergence"] = self.lambda_divergence * output.divergence.mean()
        if self.lambda_boundary:
            losses["boundary"] = self.lambda_boundary * boundary_uncertainty(output.logits, batch, radius=self.band_px)
        return losses

    def _summed(self, encoded: Encoded, batch: Batch, confounders: Confounders) -> Tensor:
        """Return the logits of sum_k P(k) P(Y|x, z_k), [B, 2, S, S]; that of background is zero."""
        merged = self.head.merged(encoded.maps, encoded.dense, batch.frame)
        return summed(self.head, self.given, merged, confounders.share, confounders.z, batch.frame.shape[-2:])


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return GaussianBackdoor(spec, params, trunk, texts)
