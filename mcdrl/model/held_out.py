"""What a study says of a model at its held-out site, and the threshold that what is known of models is for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mcdrl.artifacts.held_out_scores import HELD_OUT_SCORES, HeldOutScores, read_held_out_scores
from mcdrl.artifacts.promise import Promise, promise_of
from mcdrl.base.errors import InputError
from mcdrl.base.files import sha256
from mcdrl.model.adapted import Adapted
from mcdrl.model.facts import CARD, WEIGHTS, read_facts
from mcdrl.model.members import members
from mcdrl.study.paths import study_of

UNSAID = 0.5  # the threshold of models of which nothing is known at sites that they have never seen


def held_out_scores(model: Path) -> HeldOutScores | None:
    """Return a model's scores at its held-out site: from its own folder, else from its study; None: not judged yet.

    Scores of other weights, such as those before a new training, don't count.

    Args:
        model: a folder that `train` or `mcdrl pack` wrote.

    Raises:
        InputError: the file with the scores is damaged.
    """
    study = study_of(model)
    for place in [model, *([study[1].parts(study[0])] if study else [])]:
        if (place / HELD_OUT_SCORES).is_file():
            found = read_held_out_scores(place)
            if found.weights_sha256 == sha256(model / WEIGHTS):
                return found
    return None


def threshold_of(models: Sequence[Path]) -> float:
    """Return the probability from which a pixel is lesion in what is known of models at sites never seen.

    Args:
        models: the folders of models; of each its scores at its held-out site count, else what is promised of it.

    Returns:
        That of all of which something is known, be it by an adaptation; `UNSAID` where nothing is.

    Raises:
        InputError: they differ, or a file with scores or promise, or a model's card, is damaged.
    """
    found = sorted({one.threshold for one in _known(models) if one.threshold is not None})
    if len(found) > 1:
        raise InputError(f"what is known of the models is for the thresholds {found}; say which threshold is meant")
    return found[0] if found else UNSAID


def further_sizes_of(models: Sequence[Path]) -> list[int]:
    """Return the sizes, px, beside the working size at which models were asked in what is known of them.

    Args:
        models: as those of `threshold_of`.

    Returns:
        That of all of which something is known, be it by an adaptation; none where nothing is.

    Raises:
        InputError: as `threshold_of`.
    """
    found = [one.further_sizes_px for one in _known(models)]
    different = {tuple(sorted(sizes)) for sizes in found}  # in whatever order, their answers' mean is the same
    if len(different) > 1:
        told = " and ".join(" ".join(map(str, sizes)) or "no further size" for sizes in sorted(different))
        raise InputError(f"the models were judged at different sizes beside their own ({told}); say --sizes")
    return list(found[0]) if found else []


def _known(models: Sequence[Path]) -> list[HeldOutScores | Promise | Adapted]:
    found = [held_out_scores(model) or promise_of(model) or _adapted(model) for model in models]
    return [one for one in found if one is not None]


def _adapted(model: Path) -> Adapted | None:
    first = members(model)[0]
    return read_facts(first).adapted if (first / CARD).is_file() else None  # a model without a card isn't loaded
