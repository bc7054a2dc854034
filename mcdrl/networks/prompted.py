"""What methods share that segment what a class text asks for: one answer a prompt, the largest counts.

Nothing is asked at prediction that training didn't teach: the prompts are those of the classes that the training frames
have. A share of the frames with a lesion is asked in training for another one of these classes, and the answer is to be
empty. Without that a network learns to find whatever there is, whatever it is asked for. CLIPSeg's authors train with
such prompts, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from mcdrl.base.device import onto
from mcdrl.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from mcdrl.networks.losses import segmentation
from mcdrl.networks.params import PromptParams


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
    """A trunk, the class texts and L_seg of what was asked for; subclasses write `forward`."""

    classes: Tensor
    seen: Tensor

    def __init__(self, spec: Spec, params: PromptParams, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk, the class texts, and which of them the training frames have."""
        super().__init__()
        self.trunk = trunk
        self.dice_weight, self.boundary_weight = spec.dice_weight, spec.boundary_weight
        self.absent_share = params.absent_share
        there = [True] * len(texts.classes) if texts.seen is None else texts.seen.tolist()
        self.asked = [number for number, one in enumerate(there) if one]
        self.register_buffer("seen", torch.tensor(there, device=texts.classes.device), persistent=False)
        self.register_buffer("classes", texts.classes, persistent=False)

    def losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return L_seg."""
        return {"seg": self.segmentation(output.logits, batch, output)}

    def segmentation(self, logits: Tensor, batch: Batch, output: Output) -> Tensor:
        """Return L_seg of some logits, [B, 2, S, S], against the answers to what the frames were asked for."""
        mask = batch.mask
        if output.absent is not None:
            mask = mask.masked_fill(output.absent[:, None, None] & batch.lesion, 0)
        return segmentation(logits, mask, dice_weight=self.dice_weight, boundary_weight=self.boundary_weight)

    def prompts_for(self, batch: Batch) -> Prompts:
        """Draw the prompts of a training step from torch's CPU random numbers; nobody waits for the device.

        A frame is asked for its own class (of several, the one of the largest area, and all of its lesion is the
        answer), or by the share of absent prompts for one that it doesn't have; without a lesion, for any. All of them
        are classes that training frames have.
        """
        own, held, device = batch.lesion_class, batch.classes(len(self.classes)), self.classes.device
        drawn, sharing = onto(torch.rand(held.shape), device), onto(torch.rand(len(own)), device)
        other = drawn.masked_fill(held | ~self.seen, -1).max(1)
        absent = (own >= 0) & (other.values >= 0) & (sharing < self.absent_share)
        classes = torch.where((own < 0) | absent, other.indices, own)
        return Prompts(self.classes[classes], absent)

    def max_over_prompts(self, answer: Callable[[Tensor], Tensor], frames: int) -> Tensor:
        """Return the largest logits over the classes of the training frames, as nobody knows a new frame's class.

        Args:
            answer: from prompts [B, D] to logits [B, 2, S, S]; that of background is zero.
            frames: B.
        """
        answers = [answer(self.classes[number].expand(frames, -1)) for number in self.asked]
        return torch.stack(answers).amax(0)
