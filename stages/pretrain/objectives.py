"""`pretrain.objective`: what aligns whole frames with texts, beside `stages.pretrain.learn` or for a term of it.

- contrastive: those terms alone; data/lite0 was made by them;
- non_contrastive (nCLIP, arXiv 2210.09304; abstract): beside them, as in its xCLIP, frames and captions are assigned
  to clusters. No caption counts as wrong for a frame, where many frames have the same one;
- triplet (TripletCLIP, arXiv 2411.02545): beside them each frame is told from its negative twin, and its caption from
  one that is true of the twin. The phantom renders the twin exactly, where the paper has a generator;
- graded (MedFILIP, arXiv 2501.10775): a text is not there or not there, but as true of a frame as it is like what is
  there, by sentence embeddings, and not at all across categories. No model of sentences comes along: ours are the
  counts of words in a concept's phrasings.

Captions name confounders, so that only plain views count: jittered ones have other light and sharpness than is said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn

from mcdrl.clip.encoder import unit
from mcdrl.clip.lite import JOINT_WIDTH
from mcdrl.clip.words import split
from mcdrl.confounders.registry import REGISTRY
from mcdrl.renderer.names import LESION_CLASSES
from stages.pretrain.losses import graded_loss, non_contrastive_loss, triplet_loss
from stages.pretrain.phrases import CONCEPTS, DENSE_CONCEPTS, TRAINED, Text, draw_caption, draw_twins

_CLUSTERS = 64
_TEMPERATURE = 0.07


@dataclass(frozen=True)
class Step:
    """What one step of the training knows of its frames.

    Attributes:
        image: [B, D] float, unit norm, the frames.
        logits: [B, 20] float, of `CONCEPTS`.
        presence: [B, 20] float, 0 or 1.
        plain: [B] bool, False for jittered views.
        twin: [B, D] float, unit norm, the frames' negative twins; None: there are none.
        twin_presence: [B, 20] float, 0 or 1; None likewise.
        encode: texts -> [n, D] float, unit norm.
        rng: draws captions.
    """

    image: Tensor
    logits: Tensor
    presence: Tensor
    plain: Tensor
    twin: Tensor | None
    twin_presence: Tensor | None
    encode: Callable[[list[Text]], Tensor]
    rng: np.random.Generator


class Objective(nn.Module):
    """Today's terms alone: contrastive.

    Attributes:
        needs_twins: whether it looks at the frames' negative twins.
    """

    needs_twins = False

    def forward(self, step: Step) -> dict[str, Tensor]:  # noqa: ARG002
        """Return further terms by their names, or those that stand in the place of others of that name."""
        return {}


class NonContrastive(Objective):
    """Beside them: frame and caption in one cluster."""

    def __init__(self) -> None:
        """Build what assigns frames and texts to clusters; needed in training only."""
        super().__init__()
        self.image, self.text = nn.Linear(JOINT_WIDTH, _CLUSTERS), nn.Linear(JOINT_WIDTH, _CLUSTERS)

    def forward(self, step: Step) -> dict[str, Tensor]:
        """Return the term `non_contrastive`, of the plain views."""
        if not step.plain.any():
            return {}
        captions = [draw_caption(step.rng, names) for names in named(step.presence[step.plain])]
        image, text = self.image(step.image[step.plain]), self.text(step.encode(captions))
        return {"non_contrastive": non_contrastive_loss(image, text)}


class Triplet(Objective):
    """Beside them: frame and twin told apart by the one confounder in which they differ."""

    needs_twins = True

    def forward(self, step: Step) -> dict[str, Tensor]:
        """Return the term `triplet`, of the plain views that show something that their twins don't.

        Raises:
            ValueError: there are no twins.
        """
        if step.twin is None or step.twin_presence is None:
            raise ValueError("the objective triplet needs the frames' negative twins")
        rows = step.plain & lost(step.presence, step.twin_presence).any(1)
        if not rows.any():
            return {}
        here, there = step.presence[rows], step.twin_presence[rows]
        gone, come = lost(here, there), lost(there, here)
        drawn = [
            draw_twins(step.rng, *names)
            for names in zip(named(here), (name[0] for name in named(gone)), (n[0] for n in named(come)), strict=True)
        ]
        texts, others = [text for text, _ in drawn], [other for _, other in drawn]
        vectors = step.encode([*texts, *others])
        loss = triplet_loss(
            step.image[rows], vectors[: len(texts)], step.twin[rows], vectors[len(texts) :],
            true=true_of(here, [*texts, *others]), true_of_twin=true_of(there, [*others, *texts]),
            temperature=_TEMPERATURE,
        )  # fmt: skip
        return {"triplet": loss}


class Graded(Objective):
    """In the place of the term about whole frames: texts true by degrees."""

    likeness: Tensor

    def __init__(self) -> None:
        """Take the likeness of concepts."""
        super().__init__()
        self.register_buffer("likeness", concept_likeness())

    def forward(self, step: Step) -> dict[str, Tensor]:
        """Return the term `frame`."""
        return {"frame": graded_loss(step.logits, step.presence, self.likeness, step.plain)}


OBJECTIVES: Mapping[str, type[Objective]] = MappingProxyType(
    {"contrastive": Objective, "non_contrastive": NonContrastive, "triplet": Triplet, "graded": Graded}
)


def concept_likeness() -> Tensor:
    """Return how like concepts are, [20, 20] float in 0..1, 1 on the diagonal and 0 across categories.

    The cosine of the counts of words in their training phrasings. Categories are lesions, what the registry groups
    confounders by, and normal mucosa and a clear view each by itself, as they deny the others.
    """
    counted = [[word for phrase in TRAINED[concept] for word in split(phrase)] for concept in CONCEPTS]
    words = sorted({word for some in counted for word in some})
    counts = torch.tensor([[some.count(word) for word in words] for some in counted], dtype=torch.float32)
    kinds = [_category(concept) for concept in CONCEPTS]
    same = torch.tensor([[one == other for other in kinds] for one in kinds])
    vectors = unit(counts, dim=1)
    return (vectors @ vectors.T).clamp(max=1) * same


def lost(here: Tensor, there: Tensor) -> Tensor:
    """Return which confounders, or "clear", of frames aren't in others, [B, 20] bool, of presences [B, 20]."""
    gone = here > there
    gone[:, : len(DENSE_CONCEPTS)] = False
    return gone


def named(presence: Tensor) -> list[list[str]]:
    """Return the names of what is there in each frame, of [B, 20]."""
    return [[name for name, there in zip(CONCEPTS, row, strict=True) if there] for row in presence.tolist()]


def true_of(presence: Tensor, texts: Sequence[Text]) -> Tensor:
    """Return which texts name nothing but what is there in a frame, [B, n] bool, of [B, 20]."""
    columns = [[CONCEPTS.index(name) for name in text.concepts] for text in texts]
    return torch.stack([presence[:, some].prod(1) for some in columns], dim=1) > 0


def _category(concept: str) -> str | None:
    if concept in (*LESION_CLASSES, "lesion"):
        return "lesion"
    return REGISTRY[concept].category if concept in REGISTRY else concept
