"""`pretrain.objective`: what aligns whole frames with texts, beside `stages.pretrain.learn` or for a term of it.

- contrastive: those terms alone; data/lite0 was made by them;
- non_contrastive (nCLIP, arXiv 2210.09304; abstract): beside them, as in its xCLIP, frames and captions are assigned
  to clusters. No caption counts as wrong for a frame, where many frames have the same one;
- triplet (TripletCLIP, arXiv 2411.02545): beside them each frame is told from its negative twin, and its caption from
  one that is true of the twin. The phantom renders the twin exactly, where the paper has a generator;
- graded (MedFILIP, arXiv 2501.10775): a text is not there or not there, but as true of a frame as it is like what is
  there, by sentence embeddings, and not at all across categories. No model of sentences comes along: ours are the
  counts of words in a concept's phrasings;
- described (arXiv 2404.13043): half of the texts describe what a lesion class looks like instead of naming it, and mean
  the same. The paper has a language model rewrite captions; ours are put together from plain words for what the phantom
  draws, so that they can't be wrong, nor say more than its five classes;
- transport (OTCXR, arXiv 2404.11868; abstract and the sum of its terms): beside them, the places of a frame's plain
  view are made out of those of its jittered view at the least cost. The paper has a teacher, and a module by which
  views see one another before; here both go through the one projection, as the image tower is locked, and show the same
  places, as only colours and sharpness change;
- unpaired (CLIP-IT, arXiv 2504.16181; abstract and its public code's description): in the place of the sentences about
  a class with a confounder, of which is known whether they are true of a frame, each frame takes the nearest of reports
  that belong to none, and tells what it says. Any report may be taken, as in the paper, whatever the frame's label.
  There another CLIP, aligned on pairs of another corpus, chooses; ours are the towers themselves as they are by then,
  aligned by labels. What tells the report has a part in the paper's answer, too; here it is for training only.

By themselves confounders count in plain views only, as jittered ones have other light and sharpness than is said; with
a class of lesion they count in both, as data/lite0 was made. Captions name them, so that only plain views have
captions. A report is taken by what a view itself looks like, so that all views have one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn

from mcdrl.base.seeds import generator
from mcdrl.clip.encoder import unit
from mcdrl.clip.lite import JOINT_WIDTH
from mcdrl.clip.words import split
from mcdrl.confounders.registry import REGISTRY
from mcdrl.renderer.names import CONFOUNDERS, LESION_CLASSES
from stages.pretrain.losses import (
    graded_loss,
    non_contrastive_loss,
    transport_loss,
    triplet_loss,
    unpaired_loss,
)
from stages.pretrain.phrases import CONCEPTS, DENSE_CONCEPTS, TRAINED, Text, draw_caption, draw_twins

_CLUSTERS = 64
_DESCRIBED = 0.5  # of the texts about lesion classes
_MOVED = 49  # places of a view; twice as many take four times as long
_REPORTS = 256
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
        dense: [B, D, n] float, unit norm along D, some places of the frames.
        other_dense: [B, D, n] float, the same places in the frames' other views; None: nobody looked.
    """

    image: Tensor
    logits: Tensor
    presence: Tensor
    plain: Tensor
    twin: Tensor | None
    twin_presence: Tensor | None
    encode: Callable[[list[Text]], Tensor]
    rng: np.random.Generator
    dense: Tensor
    other_dense: Tensor | None


class Objective(nn.Module):
    """Today's terms alone: contrastive.

    Attributes:
        needs_twins: whether it looks at the frames' negative twins.
        needs_both_views: whether it looks at the plain and the jittered view of a frame at once.
        described: how often texts describe a lesion class instead of naming it, 0..1.
    """

    needs_twins = False
    needs_both_views = False
    described = 0.0

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


class Described(Objective):
    """Those terms, of texts that describe lesion classes half of the time."""

    described = _DESCRIBED


class Transport(Objective):
    """Beside them: the places of one view made out of the other's."""

    needs_both_views = True

    def forward(self, step: Step) -> dict[str, Tensor]:
        """Return the term `transport`.

        Raises:
            ValueError: nobody looked at the other views.
        """
        if step.other_dense is None:
            raise ValueError("the objective transport needs both views of a frame")
        return {"transport": transport_loss(step.dense[:, :, :_MOVED], step.other_dense[:, :, :_MOVED])}


class Unpaired(Objective):
    """In the place of the term about classes with confounders: the nearest of texts that belong to no frame."""

    def __init__(self) -> None:
        """Draw the texts, and build what tells a frame's from the frame; needed in training only."""
        super().__init__()
        self.tells = nn.Linear(JOINT_WIDTH, JOINT_WIDTH)
        self.reports = draw_reports(generator("pretrain", "reports"), _REPORTS)

    def forward(self, step: Step) -> dict[str, Tensor]:
        """Return the term `pairs`."""
        with torch.no_grad():
            reports = step.encode(self.reports)
            nearest = (step.image @ reports.T).argmax(1)
        return {"pairs": unpaired_loss(self.tells(step.image), reports, nearest)}


OBJECTIVES: Mapping[str, type[Objective]] = MappingProxyType(
    {
        "contrastive": Objective, "non_contrastive": NonContrastive, "triplet": Triplet, "graded": Graded,
        "described": Described, "transport": Transport, "unpaired": Unpaired,
    }
)  # fmt: skip


def draw_reports(rng: np.random.Generator, count: int) -> list[Text]:
    """Draw sentences as some endoscopist might have written them, each of a lesion class or none with a confounder."""
    lesions, confounders = (*LESION_CLASSES, "normal"), (*CONFOUNDERS, "clear")
    return [draw_caption(rng, [str(rng.choice(lesions)), str(rng.choice(confounders))]) for _ in range(count)]


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
