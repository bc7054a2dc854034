"""Training of a text tower and projection against the locked image tower.

What a place shows is matched with the texts of lesion classes and normal mucosa, what a frame suffers from with the
texts of the confounders. Other phrasings are drawn towards the canonical text of their concept, and a text that names a
class and a confounder towards the middle of both. `pretrain.objective` may add to that; see `objectives`.

Without lesion masks a frame is only known to show a class, a lesion or none, as its caption could say. That a lesion is
somewhere is then said of its strongest places, that all of it is normal of those that speak least for it, so that
places still learn; which ones these are is for the projection to find. The pooling is ours.

Rates, weights and counts are no parameters: the stage is frozen in dvc.yaml and what it writes is in git, so that no
study can vary them. They were chosen by quality.json; whoever changes one runs the stage by hand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mcdrl.base.runtime import progress
from mcdrl.base.seeds import generator, seed_for
from mcdrl.base.torch_seeds import torch_seeded
from mcdrl.clip.encoder import unit
from mcdrl.clip.lite import new_joint, new_tower
from mcdrl.clip.lite_joint import Joint
from mcdrl.clip.lite_trunk import Architecture
from mcdrl.clip.tower import TextTower, pad
from mcdrl.clip.words import UNKNOWN, Vocabulary
from mcdrl.renderer.names import CONFOUNDERS, LESION_CLASSES
from stages.pretrain.corpus import Corpus
from stages.pretrain.losses import over_frames
from stages.pretrain.objectives import OBJECTIVES, Objective, Step
from stages.pretrain.phrases import CONCEPTS, DENSE_CONCEPTS, MODIFIERS, Text, canonical, draw, draw_pair

_BATCH = 64
_FIRST_FRAMES = 500  # whose mean and standard deviation are taken
_PLACES_A_STEP = 98  # of 196: neighbours are alike, and half of them cost half
_PARAPHRASES_A_CONCEPT = 3
_PAIRS_A_STEP = 24
_INSERTED = 0.15  # how often a sentence gets an unknown word, and how often a modifier
_LESION_WEIGHT = 4.0  # lesion places are a tenth of all
_POOLED = 6  # places of a step that speak for their frame, where there is no mask
_LR, _LR_TOWER, _WEIGHT_DECAY = 3e-3, 1e-3, 0.05
_WEIGHTS = {
    "places": 3.0, "best_class": 3.0, "kind": 1.0, "frame": 4.0, "pairs": 1.0, "phrases": 1.0,
    "non_contrastive": 1.0, "triplet": 1.0, "transport": 1.0,  # of other objectives, never tuned
}  # fmt: skip
_TEMPERATURE = 0.07  # of the softmax over the concepts that a phrasing may mean
_K = len(LESION_CLASSES)
_CANONICAL = tuple(canonical(concept) for concept in CONCEPTS)


class Scales(nn.Module):
    """Slopes and offsets that turn cosines into logits; needed in training only."""

    def __init__(self) -> None:
        """Start with a slope of 12 and offsets for rare positives."""
        super().__init__()
        self.slope = nn.ParameterDict({name: nn.Parameter(torch.tensor(2.5)) for name in ("place", "frame")})
        self.offset = nn.ParameterDict({name: nn.Parameter(torch.tensor(-2.5)) for name in ("place", "frame")})

    def forward(self, cosines: Tensor, kind: str) -> Tensor:
        """Return logits of cosines, "place" or "frame"."""
        logits: Tensor = cosines * self.slope[kind].exp() + self.offset[kind]
        return logits


@dataclass(frozen=True)
class Learner:
    """All that is trained, and the vocabulary that texts are written in; what the objective trains besides is its."""

    joint: Joint
    tower: TextTower
    scales: Scales
    vocabulary: Vocabulary
    objective: Objective


def learn(
    corpus: Corpus, vocabulary: Vocabulary, kind: Architecture, *, epochs: int, seed: int, objective: str
) -> tuple[Joint, TextTower]:
    """Train the projection and the text tower; equal arguments give equal weights.

    Args:
        corpus: with jittered views, negative twins where the objective looks at them, and no share where there are no
            lesion masks to learn from.
        vocabulary: of the text tower.
        kind: the image tower that looked at the corpus.
        epochs: passes over the corpus.
        seed: of initialisation, order and sentences.
        objective: one of `OBJECTIVES`.
    """
    with torch_seeded(seed_for("pretrain", "learn", seed)):
        learner = Learner(new_joint(kind), new_tower(vocabulary), Scales(), vocabulary, OBJECTIVES[objective]())
        fit_scale(learner.joint, corpus.hypercolumns)
        _run(learner, corpus, epochs, generator("pretrain", "sentences", seed))
    return learner.joint.eval(), learner.tower.eval()


def fit_scale(joint: Joint, columns: Tensor) -> None:
    """Set the projection's standardisation to the mean and standard deviation of the first frames' hypercolumns."""
    sample = columns[:_FIRST_FRAMES].float()
    joint.mean.copy_(sample.mean((0, 2, 3)))
    joint.std.copy_(sample.std((0, 2, 3)) + 1e-3)


def _run(learner: Learner, corpus: Corpus, epochs: int, rng: np.random.Generator) -> None:
    frames = len(corpus.hypercolumns)
    batch = min(_BATCH, frames)
    steps = epochs * (frames // batch)
    heads = learner.joint, learner.scales, learner.objective
    optimizer = torch.optim.AdamW(
        [
            {"params": [part for one in heads for part in one.parameters()], "lr": _LR},
            {"params": learner.tower.parameters(), "lr": _LR_TOWER},
        ],
        weight_decay=_WEIGHT_DECAY,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, [_LR, _LR_TOWER], total_steps=max(2, steps))
    whole = frames // batch * batch
    order = (part for _ in range(epochs) for part in torch.split(torch.randperm(frames)[:whole], batch))
    for rows in progress(order, "learning", steps):
        found = losses(learner, corpus, rows, rng)
        loss = sum((_WEIGHTS[name] * term for name, term in found.items()), torch.zeros(()))
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()


def losses(learner: Learner, corpus: Corpus, rows: Tensor, rng: np.random.Generator) -> dict[str, Tensor]:
    """Return the terms of the loss on the frames `rows`, each a scalar, by the names in `_WEIGHTS`."""
    chosen = torch.randperm(corpus.hypercolumns.shape[2] * corpus.hypercolumns.shape[3])[:_PLACES_A_STEP]
    plain = torch.rand(len(rows)) < 0.5
    dense, image = learner.joint(_views(corpus, rows, plain)[:, :, chosen, None])
    texts = draw_texts(rng, learner.objective.described)
    vectors = _encode(learner, texts, rng, whole=len(CONCEPTS))
    concepts = vectors[: len(CONCEPTS)]
    paired = [index for index, text in enumerate(texts) if len(text.concepts) == 2]
    presence = corpus.presence[rows]
    cosines = torch.einsum("bdn,kd->bkn", dense[..., 0], concepts[: len(DENSE_CONCEPTS)])
    together = torch.stack([presence[:, _columns(texts[index])].prod(1) for index in paired], dim=1)
    place = _said_of_places(learner.scales(cosines, "place"), corpus, rows, chosen)
    logits = learner.scales(image @ concepts.T, "frame")
    step = Step(
        image, logits, presence, plain, *_twins(learner, corpus, rows, chosen),
        encode=lambda drawn: _encode(learner, drawn, rng, whole=0), rng=rng,
        dense=dense[..., 0], other_dense=_other_views(learner, corpus, rows, ~plain, chosen),
    )  # fmt: skip
    return {
        **place,
        "frame": frame_loss(logits, presence, plain),
        "pairs": F.binary_cross_entropy_with_logits(learner.scales(image @ vectors[paired].T, "frame"), together),
        "phrases": phrase_loss(vectors, texts, _TEMPERATURE),
        **learner.objective(step),
    }


def pooled(logits: Tensor) -> Tensor:
    """Return what places say of their frames, [B, 7, 1], of [B, 7, n] logits of `DENSE_CONCEPTS`.

    Of a lesion's concepts the mean of the strongest places, of normal mucosa the mean of the weakest: a lesion is
    somewhere, normal mucosa is everywhere.
    """
    strongest = logits[:, : _K + 1].topk(_POOLED, dim=2).values
    weakest = logits[:, _K + 1 :].topk(_POOLED, dim=2, largest=False).values
    return torch.cat([strongest, weakest], dim=1).mean(2, keepdim=True)


def place_losses(logits: Tensor, share: Tensor, lesion_weight: float = _LESION_WEIGHT) -> dict[str, Tensor]:
    """Return the terms about places.

    A class text isn't pushed away from lesions of another class: which class it is, `kind` decides among the
    classes and normal mucosa, so that the largest cosine over the classes stays high wherever there is any lesion.

    Args:
        logits: [B, 7, n] float, of `DENSE_CONCEPTS`.
        share: [B, 7, n] float in 0..1, how much of the place each covers.
        lesion_weight: of a place that is a lesion's.
    """
    lesion, normal = share[:, _K], share[:, _K + 1]
    weight = torch.where(lesion > 0.5, lesion_weight, 1.0)  # [B, n]
    counted = torch.ones_like(share)
    counted[:, :_K] = torch.where((lesion > 0)[:, None], (share[:, :_K] > 0).float(), counted[:, :_K])
    each = F.binary_cross_entropy_with_logits(logits, share, reduction="none") * counted
    best = F.binary_cross_entropy_with_logits(logits[:, :_K].logsumexp(1), lesion, reduction="none")
    kinds = torch.cat([logits[:, :_K], logits[:, _K + 1 :]], dim=1).log_softmax(1)
    kind = -(share[:, :_K] * kinds[:, :_K]).sum(1) - normal * kinds[:, _K]
    return {
        "places": (each.mean(1) * weight).mean(),
        "best_class": (best * weight).mean(),
        "kind": (kind * weight).mean(),
    }


def frame_loss(logits: Tensor, presence: Tensor, plain: Tensor) -> Tensor:
    """Return the term about whole frames; confounders count in plain views only, see `over_frames`.

    Args:
        logits: [B, 20] float, of `CONCEPTS`.
        presence: [B, 20] float, 0 or 1.
        plain: [B] bool, False for jittered views.
    """
    return over_frames(F.binary_cross_entropy_with_logits(logits, presence, reduction="none"), plain)


def phrase_loss(vectors: Tensor, texts: list[Text], temperature: float) -> Tensor:
    """Return the term about phrasings: the nearest canonical text is the right one, and it is close.

    Args:
        vectors: [n, D] float, unit norm, of `texts`.
        texts: the canonical text of each concept first, in the order of `CONCEPTS`.
        temperature: of the softmax over the concepts.
    """
    anchors = vectors[: len(CONCEPTS)]
    single = [index for index, text in enumerate(texts) if len(text.concepts) == 1]
    labels = torch.tensor([_columns(texts[index])[0] for index in single])
    right = F.cross_entropy(vectors[single] @ anchors.T / temperature, labels)
    middle = torch.stack([unit(anchors[_columns(text)].sum(0), dim=0) for text in texts])
    return right + (1 - (vectors * middle.detach()).sum(1)).mean()


def draw_texts(rng: np.random.Generator, described: float = 0) -> list[Text]:
    """Draw the texts of one step: each concept's canonical one, some phrasings of each, some pairs.

    Args:
        rng: draws them.
        described: how often a lesion class is described instead of named, 0..1, but in the canonical ones.
    """
    texts = [Text(prompt, (concept,)) for prompt, concept in zip(_CANONICAL, CONCEPTS, strict=True)]
    texts += [draw(rng, concept, described) for concept in CONCEPTS for _ in range(_PARAPHRASES_A_CONCEPT)]
    for _ in range(_PAIRS_A_STEP):
        texts.append(draw_pair(rng, str(rng.choice(LESION_CLASSES)), str(rng.choice(CONFOUNDERS)), described))
    return texts


def _encode(learner: Learner, texts: list[Text], rng: np.random.Generator, *, whole: int) -> Tensor:
    """Encode texts, all but the first `whole` ones at times with a further word."""
    rows = [learner.vocabulary.numbers(text.prompt) for text in texts]
    modifiers = [learner.vocabulary.numbers(word)[0] for word in MODIFIERS]
    for row in rows[whole:]:
        for extra in (UNKNOWN, modifiers[int(rng.integers(len(modifiers)))]):
            if rng.random() < _INSERTED:
                row.insert(int(rng.integers(len(row) + 1)), extra)
    vectors: Tensor = learner.tower(*pad(rows))
    return vectors


def _said_of_places(logits: Tensor, corpus: Corpus, rows: Tensor, chosen: Tensor) -> dict[str, Tensor]:
    """Return the terms about places, or about frames as a place each where nobody marked lesions."""
    if corpus.share is None:
        shown = corpus.presence[rows, : len(DENSE_CONCEPTS)]
        return place_losses(pooled(logits), shown[:, :, None], lesion_weight=1)  # most frames show one
    return place_losses(logits, corpus.share[rows].flatten(2)[:, :, chosen])


def _views(corpus: Corpus, rows: Tensor, plain: Tensor) -> Tensor:
    if corpus.jittered is None:
        raise ValueError("the corpus to learn from has no jittered views")
    views = torch.where(plain[:, None, None, None], corpus.hypercolumns[rows], corpus.jittered[rows])
    return views.flatten(2).float()


def _other_views(learner: Learner, corpus: Corpus, rows: Tensor, plain: Tensor, chosen: Tensor) -> Tensor | None:
    """Return some places of the views that a step doesn't learn from, [B, D, n], where the objective looks at them."""
    if not learner.objective.needs_both_views:
        return None
    dense, _ = learner.joint(_views(corpus, rows, plain)[:, :, chosen, None])
    places: Tensor = dense[..., 0]
    return places


def _twins(learner: Learner, corpus: Corpus, rows: Tensor, chosen: Tensor) -> tuple[Tensor | None, Tensor | None]:
    """Return the twins' vectors, [B, D], and presence, [B, 20], where the objective looks at them."""
    if corpus.twins is None:
        return None, None
    _, image = learner.joint(corpus.twins.hypercolumns[rows].flatten(2).float()[:, :, chosen, None])
    return image, corpus.twins.presence[rows]


def _columns(text: Text) -> list[int]:
    return [CONCEPTS.index(concept) for concept in text.concepts]
