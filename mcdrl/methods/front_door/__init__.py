"""Front-door adjustment in the manner of VLCI (arXiv 2303.09117): Y = H(x + AF(x, M, v)), v = AF(M, x, x), L = L_seg.

AF(q, k, v) = softmax(q k^T) v. M is the mediator, what of a frame the answer may depend on: the most attended places
(local), fused with the grid at half its size (global). No dictionary and no text: the frame's own features stand for
the confounders that nobody saw, so that it is the direct rival of `mcdrl`.

Of the paper are the two formulas, the local and the global mediator, six local tokens a head and causal attention
(softmax of the negated scores as the complement). VLCI writes reports: its linguistic mediator has no counterpart here.
Our choices: x is what the head has merged out of tokens, maps and frame, just before its last, linear layer, so that
none of the head's inputs goes round the adjustment but by the x of the formula; a CNN has no attention to roll out, so
that places are ranked by one attention of the grid to itself; causal attention takes the complement off.
"""

from __future__ import annotations

from mcdrl.base.section import Section
from mcdrl.methods.front_door.mediator import FrontDoorAttention, Kind, Mediator, Tokens
from mcdrl.networks import factory
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.params import Heads
from mcdrl.networks.segmenter import Segmenter


class Params(Section):
    """The mediator.

    Attributes:
        heads: attention heads, a divisor of the joint width and of the channels that the head ends with
            (`train.head_width`, or half of it where there are several maps); our choice.
        tokens: places that a head of the attention chooses; six are VLCI's.
        mediator: attended, VLCI's; two placebos: random, as many places drawn anew in each step and fixed at
            prediction; noise, tokens that hold nothing of the frame.
    """

    heads: Heads
    tokens: Tokens
    mediator: Kind


class FrontDoor(Segmenter):
    """A head whose answer goes through a mediator."""

    def __init__(self, spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk; make head, mediator and adjustment.

        Raises:
            ValueError: the heads don't divide both widths.
        """
        super().__init__(spec, params, trunk, texts)
        channels = self.head.channels
        if spec.width % params.heads or channels % params.heads:
            raise ValueError(
                f"{params.heads} heads of front_door don't divide the joint width {spec.width} and the {channels} "
                "channels that the head ends with"
            )
        with factory.seeded(spec.seed, "front_door"):
            self.mediator = Mediator(
                spec.width, heads=params.heads, tokens=params.tokens, kind=params.mediator, seed=spec.seed
            )
            self.adjustment = FrontDoorAttention(channels, spec.width, heads=params.heads)

    def forward(self, batch: Batch, *, intervene: bool = True) -> Output:  # noqa: ARG002
        """Segment a batch; there is no intervention to switch."""
        encoded = self.trunk(batch)
        merged = self.head.merged(encoded.maps, encoded.dense, batch.frame)
        adjusted = self.adjustment(merged, self.mediator(encoded.dense))
        return Output(self.head.answer(adjusted, batch.frame.shape[-2:]), encoded=encoded)


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return FrontDoor(spec, params, trunk, texts)
