"""What a study says of a model at its held-out site, taken along when the model leaves the study."""

from __future__ import annotations

from pathlib import Path

from mcdrl.artifacts.held_out_scores import JUDGED, Judged, read_judged, write_judged
from mcdrl.base.files import atomic, regular, sha256
from mcdrl.model.folder import WEIGHTS
from mcdrl.model.readme import README, with_scores


def judged_of(model: Path) -> Judged | None:
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
        if (place / JUDGED).is_file():
            found = read_judged(place)
            if found.weights_sha256 == sha256(whole / WEIGHTS):
                return found
    return None


def take_along(model: Path, out: Path) -> None:
    """Write a model's README.md and its scores, where there are any, into another folder."""
    judged = judged_of(model)
    if judged is not None:
        write_judged(judged, out)
    if (model / README).is_file():
        text = regular(model / README).read_text(encoding="utf-8")
        with atomic(out / README) as partial:
            partial.write_text(with_scores(text, judged) if judged else text, encoding="utf-8")
