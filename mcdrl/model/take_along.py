"""What a model takes along when it leaves its study, beside its weights and its card."""

from __future__ import annotations

from pathlib import Path

from mcdrl.artifacts.held_out_scores import write_held_out_scores
from mcdrl.base.files import atomic
from mcdrl.model.held_out import held_out_scores
from mcdrl.model.readme import readme

README = "README.md"


def take_along(model: Path, backbone: Path, out: Path) -> None:
    """Write README.md, and the model's scores at its held-out site where they are known, into another folder.

    Args:
        model: the model's folder.
        backbone: that of its backbone.
        out: where to.

    Raises:
        InputError: a file of the model's or of its backbone's is missing or damaged.
    """
    scores = held_out_scores(model)
    if scores is not None:
        write_held_out_scores(scores, out)
    with atomic(out / README) as partial:
        partial.write_text(readme(model, backbone, scores), encoding="utf-8")
