"""What a study says of a model at its held-out site, taken along when the model leaves the study."""

from __future__ import annotations

from pathlib import Path

from mcdrl.artifacts.held_out_scores import HELD_OUT_SCORES, HeldOutScores, read_held_out_scores, write_held_out_scores
from mcdrl.base.files import atomic, regular, sha256
from mcdrl.model.folder import WEIGHTS
from mcdrl.model.readme import README, with_scores


def held_out_scores(model: Path) -> HeldOutScores | None:
    """Return a model's scores at its held-out site: from its own folder, else from its study; None: not judged yet.

    Scores of other weights, such as those before a new training, don't count.

    Args:
        model: a folder that `train` or `mcdrl pack` wrote; in a study it is artifacts/train/<method>/<site>/<seed>.

    Raises:
        InputError: the file with the scores is damaged.
    """
    whole = model.resolve()
    places = [whole]
    if len(whole.parents) > 3:
        places.append(whole.parents[3] / "evaluate" / "parts" / Path(*whole.parts[-3:]))
    for place in places:
        if (place / HELD_OUT_SCORES).is_file():
            found = read_held_out_scores(place)
            if found.weights_sha256 == sha256(whole / WEIGHTS):
                return found
    return None


def take_along(model: Path, out: Path) -> None:
    """Write a model's README.md and its scores, where there are any, into another folder."""
    scores = held_out_scores(model)
    if scores is not None:
        write_held_out_scores(scores, out)
    if (model / README).is_file():
        text = regular(model / README).read_text(encoding="utf-8")
        with atomic(out / README) as partial:
            partial.write_text(with_scores(text, scores) if scores else text, encoding="utf-8")
