"""What methods share that segment what a class text asks for: one answer a prompt, the loudest one counts."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from stages.core.networks.interface import Batch, Method, Output, Spec, Texts, Trunk
from stages.core.networks.terms import Terms


class Prompted(Method):
    """A trunk, the class texts and the terms of the loss; subclasses write `forward`."""

    classes: Tensor

    def __init__(self, spec: Spec, trunk: Trunk, texts: Texts) -> None:
        """Take the trunk and the class texts."""
        super().__init__()
        self.trunk = trunk
        self.terms = Terms(spec, texts)
        self.register_buffer("classes", texts.classes, persistent=False)

    def losses(self, batch: Batch, output: Output) -> dict[str, Tensor]:
        """Return the weighted terms that the output has what they act on for."""
        terms: dict[str, Tensor] = self.terms(batch, output)
        return terms

    def asked(self, lesion_class: Tensor) -> Tensor:
        """Return the prompt of each frame while training, [B, D]: its own class, or a drawn one where it has none."""
        anything = torch.randint(len(self.classes), lesion_class.shape).to(lesion_class.device)
        return self.classes[torch.where(lesion_class < 0, anything, lesion_class)]

    def loudest(self, answer: Callable[[Tensor], Tensor], frames: int) -> Tensor:
        """Return the largest logits over all classes, as nobody knows a new frame's class.

        Args:
            answer: from prompts [B, D] to logits [B, 2, S, S]; that of background is zero.
            frames: B.
        """
        answers = [answer(text.expand(frames, -1)) for text in self.classes]
        return torch.stack(answers).amax(0)
