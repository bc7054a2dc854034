"""What methods share that segment what a class text asks for: one answer a prompt, the loudest one counts.

Nothing is asked at prediction that training didn't teach: the prompts are those of the classes that the training frames
have. A fifth of the frames with a lesion is asked in training for another one of these classes, and the answer is to be
empty. Without that a network learns to find whatever there is, whatever it is asked for. The share is this project's
choice; CLIPSeg's authors train with such prompts, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.terms import Terms

_ABSENT = 0.2  # of the frames with a lesion


@dataclass(frozen=True)
class Prompts:
    """What each of B frames is asked for while training.

    Attributes:
        texts: [B, D] of unit norm.
        absent: [B] bool, whether the frame has a lesion, but none of that class.
    """

    texts: Tensor
    absent: Tensor


class Prompted(Method):
    """A trunk, the class texts and the terms of the loss; subclasses write `forward`."""

    classes: Tensor

    def __init__(self, spec: Spec, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk, the class texts, and which of them the training frames have."""
        super().__init__()
        self.trunk = trunk
        self.terms = Terms(spec, texts)
        everything = torch.ones(len(texts.classes), dtype=torch.bool)
        self.seen = everything if texts.seen is None else texts.seen.cpu()
        self.register_buffer("classes", texts.classes, persistent=False)

    def losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return the weighted terms that the output has what they act on for; what isn't there has an empty mask."""
        if output.absent is not None:
            batch = replace(batch, mask=batch.mask.masked_fill(output.absent[:, None, None] & batch.lesion, 0))
        terms: dict[str, Tensor] = self.terms(batch, output)
        return terms

    def prompts(self, batch: Batch) -> Prompts:
        """Draw the prompts of a training step from torch's CPU random numbers.

        A frame is asked for its own class (of several, the one of the largest area, and all of its lesion is the
        answer), or by the share of absent prompts for one that it doesn't have; without a lesion, for any. All of them
        are classes that training frames have.
        """
        own, held = batch.lesion_class.cpu(), self._held(batch).cpu()
        other = torch.rand(held.shape).masked_fill(held | ~self.seen, -1).max(1)
        absent = (own >= 0) & (other.values >= 0) & (torch.rand(len(own)) < _ABSENT)
        asked = torch.where((own < 0) | absent, other.indices, own)
        device = self.classes.device
        return Prompts(self.classes[asked.to(device)], absent.to(device))

    def loudest(self, answer: Callable[[Tensor], Tensor], frames: int) -> Tensor:
        """Return the largest logits over the classes of the training frames, as nobody knows a new frame's class.

        Args:
            answer: from prompts [B, D] to logits [B, 2, S, S]; that of background is zero.
            frames: B.
        """
        asked = self.seen.nonzero()[:, 0].tolist()
        answers = [answer(self.classes[number].expand(frames, -1)) for number in asked]
        return torch.stack(answers).amax(0)

    def _held(self, batch: Batch) -> Tensor:
        """Return which classes each frame has, [B, K] bool."""
        numbers = torch.arange(len(self.classes), device=batch.lesion_class.device)
        held = batch.lesion_class[:, None] == numbers
        return held if batch.held is None else held | batch.held[:, : len(self.classes)]
