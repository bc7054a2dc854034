"""How good a pretrained small CLIP is on frames and phrasings that it was not trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from mcdrl.clip.encoder import unit
from mcdrl.clip.lite_joint import Joint
from mcdrl.clip.tower import TextTower, encode_prompts
from mcdrl.clip.words import Vocabulary
from mcdrl.renderer.names import CONFOUNDERS, LESION_CLASSES
from stages.pretrain.corpus import Corpus
from stages.pretrain.phrases import (
    CONCEPTS,
    DENSE_CONCEPTS,
    HELD_OUT,
    PAIR_TEMPLATES,
    TRAINED,
    canonical,
)

_BATCH = 64
_TOP_PLACES = 6  # of 196, that speak for a class in a frame
_ALPHAS = (0.1, 0.25, 0.5)
_K, _NORMAL = len(LESION_CLASSES), DENSE_CONCEPTS.index("normal")


def quality(joint: Joint, tower: TextTower, vocabulary: Vocabulary, corpus: Corpus) -> dict[str, Any]:
    """Return the figures of quality.json, rounded to 4 decimals; None where a figure isn't defined.

    AUROC over places and recall are means over the frames with a lesion; S^ is the largest cosine over the classes
    (arXiv 2508.05008, target region selection), a place is a lesion's when more than half of it is covered.

    Raises:
        ValueError: it isn't known where lesions are.
    """
    if corpus.share is None:
        raise ValueError("the corpus to check on has no lesion masks")
    texts = encode_prompts(tower, vocabulary, [canonical(concept) for concept in CONCEPTS])
    maps, image = _cosines(joint, corpus.hypercolumns, texts)
    lesion = (corpus.share[:, _K] > 0.5).flatten(1).numpy()  # [N, P]
    best, normal = maps[:, :_K].amax(1).flatten(1).numpy(), maps[:, _NORMAL].flatten(1).numpy()
    return {
        "frames": len(lesion),
        "place_auroc": place_auroc(best, lesion),
        "place_auroc_minus_normal": place_auroc(best - normal, lesion),
        "recall": {f"{alpha:.2f}": recall(best, lesion, alpha) for alpha in _ALPHAS},
        "class_auroc": _class_auroc(maps, corpus.presence),
        "confounder_auroc": _confounder_auroc(image @ texts.T, corpus.presence),
        "confounder_shift": _shift(image, texts, corpus.presence),
        "phrases": _phrases(tower, vocabulary, texts),
    }


def place_auroc(score: np.ndarray[Any, Any], lesion: np.ndarray[Any, Any]) -> float | None:
    """Return the mean over frames of the AUROC over places.

    Args:
        score: [N, P] float.
        lesion: [N, P] bool; frames where all places are equal are left out.
    """
    scored = [roc_auc_score(truth, row) for row, truth in zip(score, lesion, strict=True) if 0 < truth.mean() < 1]
    return round(float(np.mean(scored)), 4) if scored else None


def recall(score: np.ndarray[Any, Any], lesion: np.ndarray[Any, Any], alpha: float) -> float | None:
    """Return the share of lesion places among the top alpha of all places, as a mean over frames with a lesion."""
    kept = int(alpha * score.shape[1])
    top = np.argsort(-score, axis=1, kind="stable")[:, :kept]
    found = np.take_along_axis(lesion, top, axis=1).sum(1)
    there = lesion.sum(1)
    return round(float((found[there > 0] / there[there > 0]).mean()), 4) if there.any() else None


def _cosines(joint: Joint, columns: Tensor, texts: Tensor) -> tuple[Tensor, Tensor]:
    maps, images = [], []
    with torch.no_grad():
        for rows in torch.split(columns, _BATCH):
            dense, image = joint(rows.float())
            maps.append(torch.einsum("bdhw,kd->bkhw", dense, texts[: len(DENSE_CONCEPTS)]))
            images.append(image)
    return torch.cat(maps), torch.cat(images)


def _auroc(truth: Tensor, score: Tensor) -> float | None:
    return round(float(roc_auc_score(truth.numpy(), score.numpy())), 4) if 0 < truth.mean() < 1 else None


def _class_auroc(maps: Tensor, presence: Tensor) -> dict[str, float | None]:
    score = maps.flatten(2).topk(_TOP_PLACES, dim=2).values.mean(2)
    return {name: _auroc(presence[:, index], score[:, index]) for index, name in enumerate(LESION_CLASSES)}


def _confounder_auroc(cosines: Tensor, presence: Tensor) -> dict[str, float | None]:
    return {name: _auroc(presence[:, CONCEPTS.index(name)], cosines[:, CONCEPTS.index(name)]) for name in CONFOUNDERS}


def _shift(image: Tensor, texts: Tensor, presence: Tensor) -> dict[str, float | None]:
    """Cosine between the image features' shift when a confounder appears and z_m - mean z."""
    columns = [CONCEPTS.index(name) for name in CONFOUNDERS]
    directions = texts[columns] - texts[columns].mean(0)
    shifts: dict[str, float | None] = {}
    for name, column, direction in zip(CONFOUNDERS, columns, directions, strict=True):
        there = presence[:, column] > 0
        defined = bool(there.any() and (~there).any())
        shift = image[there].mean(0) - image[~there].mean(0) if defined else None
        shifts[name] = None if shift is None else round(float(unit(shift, 0) @ unit(direction, 0)), 4)
    return shifts


def _phrases(tower: TextTower, vocabulary: Vocabulary, texts: Tensor) -> dict[str, float]:
    trained, held_out = (_retrieval(tower, vocabulary, texts, table) for table in (TRAINED, HELD_OUT))
    return {"trained_accuracy": trained, "held_out_accuracy": held_out, **_pairs(tower, vocabulary, texts)}


def _retrieval(tower: TextTower, vocabulary: Vocabulary, texts: Tensor, table: dict[str, tuple[str, ...]]) -> float:
    """Share of the phrasings whose nearest canonical text is their own concept's."""
    named = [(CONCEPTS.index(concept), canonical(concept, phrase)) for concept in table for phrase in table[concept]]
    vectors = encode_prompts(tower, vocabulary, [prompt for _, prompt in named])
    nearest = (vectors @ texts.T).argmax(1)
    return round(float((nearest == torch.tensor([index for index, _ in named])).float().mean()), 4)


def _pairs(tower: TextTower, vocabulary: Vocabulary, texts: Tensor) -> dict[str, float]:
    """Mean cosine of "A {class} with {confounder}" with the middle of its parts, and share nearest to those two."""
    pairs = [(CONCEPTS.index(lesion), CONCEPTS.index(name)) for lesion in LESION_CLASSES for name in CONFOUNDERS]
    prompts = [PAIR_TEMPLATES[0].format(TRAINED[CONCEPTS[a]][0], TRAINED[CONCEPTS[b]][0]) for a, b in pairs]
    vectors = encode_prompts(tower, vocabulary, prompts)
    middle = torch.stack([unit(texts[a] + texts[b], 0) for a, b in pairs])
    top = (vectors @ texts.T).topk(2, dim=1).indices.sort(1).values
    right = (top == torch.tensor(pairs).sort(1).values).all(1)
    cosine = (vectors * middle).sum(1).mean()
    return {"pair_cosine": round(float(cosine), 4), "pair_accuracy": round(float(right.float().mean()), 4)}
