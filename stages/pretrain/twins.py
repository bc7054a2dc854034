"""Negative twins: corpus frames again, to the pixel, but for one confounder.

TripletCLIP (arXiv 2411.02545) has a language model write a text that is nearly right and a generator draw its image.
The phantom draws the twin exactly: the same wall, lesions, camera and noise, with one confounder in place of another.
Only confounders that are laid on a rendered picture are exchanged, so that lesions stay where they are. A twin by
lesion class wouldn't be one: another class draws other numbers, and all that is drawn behind it would change, too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcdrl.base.seeds import generator
from mcdrl.renderer.corpus import SIZE_PX, sample_corpus_frame
from mcdrl.renderer.frame import Frame
from mcdrl.renderer.names import EXCLUSIVE_PAIRS, LAID_ON
from mcdrl.renderer.plan import ScenePlan

_ALONE = 0.7  # strength of a confounder in the twin of a frame that has none to exchange


def sample_twin(seed: int, size_px: int = SIZE_PX, styles: str = "wide") -> Frame:
    """Return the negative twin of the corpus frame of this seed and these styles."""
    rng = generator("pretrain", "twins", seed)
    return sample_corpus_frame(seed, size_px, change=lambda plan: exchanged(rng, plan), styles=styles)


def exchanged(rng: np.random.Generator, plan: ScenePlan) -> ScenePlan:
    """Return a plan with one of its laid-on confounders exchanged for an absent one of equal strength.

    A plan that has none gets one. Of two that exclude each other there is never more than one.
    """
    gone = _pick(rng, [name for name in LAID_ON if name in plan.strengths])
    kept = {name: strength for name, strength in plan.strengths.items() if name != gone}
    legal = [name for name in LAID_ON if name not in plan.strengths and not _excluded(name, kept)]
    return replace(plan, strengths={**kept, str(_pick(rng, legal)): plan.strengths.get(gone or "", _ALONE)})


def _excluded(name: str, present: dict[str, float]) -> bool:
    return any(name in pair and (set(pair) - {name}) & set(present) for pair in EXCLUSIVE_PAIRS)


def _pick(rng: np.random.Generator, names: list[str]) -> str | None:
    return names[int(rng.integers(len(names)))] if names else None
