"""Frames of the page, and what models said of them: what the topics that show some share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mcdrl.artifacts.frames import FRAMES, lesion_of
from mcdrl.artifacts.scores import PREDICTIONS
from mcdrl.artifacts.store_contract import Array
from mcdrl.artifacts.store_reader import StoreReader
from mcdrl.base.errors import InputError
from mcdrl.drawing.overlays import Shot, picture
from mcdrl.study.paths import Cell, site_files


def frames_and_masks(artifacts: Path, site: str, case_ids: Sequence[str]) -> tuple[Array, Array]:
    """Return frames of a site, [B, S, S, 3] uint8, and their lesions, [B, S, S]."""
    with FRAMES.read(site_files(artifacts, site).frames) as store:
        return store.rows("image", case_ids), lesion_of(store.rows("mask", case_ids))


@contextmanager
def predictions(artifacts: Path, cell: Cell) -> Iterator[StoreReader]:
    """Give what a model said of the frames of its held-out site.

    Raises:
        InputError: the store is missing or damaged, or that of another model.
    """
    path = cell.predictions(artifacts)
    with PREDICTIONS.read(path) as store:
        found = tuple(store.attributes[name] for name in ("method", "held_out", "seed"))
        if found != tuple(map(str, cell)):
            raise InputError(f"{path} is that of {found}, not of {tuple(cell)}; run `dvc repro -f evaluate`")
        yield store


def bare_shot(artifacts: Path, site: str, case_id: str, note: str) -> Shot:
    """Return the picture of a frame without outlines."""
    with FRAMES.read(site_files(artifacts, site).frames) as store:
        frame = store.rows("image", [case_id])[0]
    return Shot(picture(frame), frame.shape[0], (), case_id, note)


def lesion_words(lesion_class: Any) -> str:
    """Return the class of a frame's lesion as text."""
    return lesion_class if isinstance(lesion_class, str) else "no lesion"
