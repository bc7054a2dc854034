"""Writes the sites as a hospital would hand them over: images, masks, one table."""

import csv
from collections.abc import Iterator
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mcdrl.base.files import atomic_folder
from mcdrl.renderer import CONFOUNDERS, Frame
from mcdrl.study.sections.phantom import Params
from stages.phantom.render import RenderJob, render_job
from stages.phantom.sheet import contact_sheet
from stages.phantom.sites import SITES

COLUMNS = ("file", "group_id", "lesion_class", *CONFOUNDERS)
_SHEET_FRAMES, _SHEET_COLUMNS = 24, 8


def jobs(params: Params, site: str) -> list[RenderJob]:
    """The frames of one site, in order."""
    return [
        RenderJob(params.seed, site, index, params.frames_per_group, params.size_px)
        for index in range(params.frames_per_site)
    ]


def write_sites(params: Params, out: Path, workers: int) -> Iterator[str]:
    """Render all sites into `out` with `workers` processes; yields the name of every frame done.

    `out` is replaced as a whole once everything is written. The bytes do not depend on `workers`.
    """
    todo = [job for site in SITES for job in jobs(params, site)]
    with atomic_folder(out) as folder:
        for site in SITES:
            _make_folders(folder / site)
        yield from _write_frames(todo, folder, workers)


def _make_folders(site: Path) -> None:
    for name in ("images", "masks"):
        (site / name).mkdir(parents=True)


def _write_frames(todo: list[RenderJob], folder: Path, workers: int) -> Iterator[str]:
    """Write every frame, and a site's table and contact sheet after its last one."""
    shown: list[Frame] = []
    rows: list[list[str]] = []
    for position, (job, frame) in enumerate(zip(todo, _rendered(todo, folder, workers), strict=True)):
        rows.append(_row(job, frame))
        if job.index < _SHEET_FRAMES:
            shown.append(frame)
        yield job.name
        if position + 1 == len(todo) or todo[position + 1].site != job.site:
            _finish_site(folder / job.site, rows, shown)
            shown, rows = [], []


def _finish_site(folder: Path, rows: list[list[str]], shown: list[Frame]) -> None:
    with (folder / "frames.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows)
    _save(contact_sheet(shown, _SHEET_COLUMNS), folder / "contact_sheet.png")


def _row(job: RenderJob, frame: Frame) -> list[str]:
    strengths = [f"{frame.strengths[name]:.4f}" for name in CONFOUNDERS]
    return [f"{job.name}.png", job.group_id, frame.lesion_class or "", *strengths]


def _rendered(todo: list[RenderJob], folder: Path, workers: int) -> Iterator[Frame]:
    """Frames in the order of the jobs, rendered and saved by worker processes (1: in this one)."""
    pairs = [(job, folder / job.site) for job in todo]
    if workers == 1:
        yield from map(_render_and_save, pairs)
        return
    # Spawned, not forked: a caller may hold threads. A chunk is two patients, so that a texture is made once.
    with closing(get_context("spawn").Pool(workers)) as pool:
        yield from pool.imap(_render_and_save, pairs, chunksize=2 * todo[0].frames_per_group)


def _render_and_save(pair: tuple[RenderJob, Path]) -> Frame:
    job, folder = pair
    frame = render_job(job)
    _save(frame.image, folder / "images" / f"{job.name}.png")
    _save(frame.mask.astype(np.uint8) * np.uint8(255), folder / "masks" / f"{job.name}.png")
    return frame


def _save(pixels: NDArray[np.uint8], path: Path) -> None:
    Image.fromarray(pixels).save(path, compress_level=1)
