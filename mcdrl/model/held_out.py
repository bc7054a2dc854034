"""What a study says of a model at its held-out site."""

from __future__ import annotations

from pathlib import Path

from mcdrl.artifacts.held_out_scores import HELD_OUT_SCORES, HeldOutScores, read_held_out_scores
from mcdrl.base.files import sha256
from mcdrl.model.facts import WEIGHTS
from mcdrl.study.paths import study_of


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
