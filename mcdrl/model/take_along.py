"""What a model takes along when it leaves its study."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from mcdrl.artifacts.held_out_scores import write_held_out_scores
from mcdrl.artifacts.promise import PROMISE, Promise, promise_of, write_promise
from mcdrl.base.files import atomic, atomic_folder, new_folder, regular
from mcdrl.model.bundle import bundle
from mcdrl.model.facts import CARD, HISTORY, WEIGHTS
from mcdrl.model.half import halve
from mcdrl.model.held_out import held_out_scores
from mcdrl.model.members import write_members
from mcdrl.model.readme import USE_OF_MODEL, ensemble_readme, readme
from mcdrl.model.training_data import write_training_data

README = "README.md"
_KEPT = (WEIGHTS, CARD, HISTORY)


def take_along(model: Path, backbone: Path, out: Path, promise: Promise | None = None, use: str = USE_OF_MODEL) -> None:
    """Write README.md, and what is known of the model at sites that it has never seen, into another folder.

    Args:
        model: the model's folder.
        backbone: that of its backbone.
        out: where to.
        promise: what its study promises of it; None: what its own folder says, if it does.
        use: what README.md says of how it is used there.

    Raises:
        InputError: a file of the model's or of its backbone's is missing or damaged.
    """
    scores, promised = held_out_scores(model), promise or promise_of(model)
    if scores is not None:
        write_held_out_scores(scores, out)
    if promised is not None:
        write_promise(promised, out / PROMISE)
    with atomic(out / README) as partial:
        partial.write_text(readme(model, backbone, scores, promised, use), encoding="utf-8")


def copy_models(
    models: Mapping[str, Path],
    backbone: Path,
    out: Path,
    *,
    limit_bytes: int | None,
    promise: Promise | None = None,
    small: bool = False,
    replace: bool = False,
) -> None:
    """Write a copy of a model's folder, or of several as an ensemble, complete or not at all.

    It holds weights, card, history, what `take_along` writes, what is known of the training frames, and the backbone;
    of these two an ensemble holds one.

    Args:
        models: a model's folder under the name ".", or several under their seeds.
        backbone: that of their backbone.
        out: the folder to write, a new one unless `replace`.
        limit_bytes: above which the backbone stays where it is; None: no limit.
        promise: as that of `take_along`.
        small: whether the weights become half precision, and those of the backbone stay out that come with the
            packages.
        replace: whether a folder that is there is replaced.

    Raises:
        InputError: a file of the models' or of their backbone's is missing or damaged, or something has come to `out`
            that isn't to be replaced.
    """
    with (atomic_folder if replace else new_folder)(out) as partial:
        for name, model in models.items():
            _copy(model, partial / name)
            take_along(model, backbone, partial / name, promise)
            if small:
                halve(partial / name)
        if len(models) > 1:
            _lead(models, partial)
        write_training_data(list(models.values()), partial)
        bundle(backbone, partial, limit_bytes=limit_bytes, small=small)


def _copy(model: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for path in [regular(model / name) for name in _KEPT]:
        if path.name != HISTORY or path.is_file():
            shutil.copyfile(path, out / path.name)


def _lead(models: Mapping[str, Path], out: Path) -> None:
    """Write what an ensemble has above its members."""
    write_members(list(models), out)
    promised = promise_of(out / next(iter(models)))
    if promised is not None:
        write_promise(promised, out / PROMISE)
    with atomic(out / README) as partial:
        partial.write_text(ensemble_readme(out), encoding="utf-8")
