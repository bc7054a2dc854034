"""What many frames and many cells cost: python -m tests.benchmarks.scale FIGURES.parquet before

Writes wall time, CPU time and peak memory of each step into FIGURES, below the word that is given (rows of that word
and step are replaced), as `tests.benchmarks.scale_table` shows them. Frames: `audit` on made-up ones of 20 sites, of
which one in fifty is a changed copy of one at another site. Cells: 20 sites, 10 methods and 3 seeds, whose tables are
drawn and nothing trained, in a project of its own that DVC holds for up to date.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from PIL import Image
from scipy import ndimage

from mcdrl.artifacts.scores import CELL, EVALUATED
from mcdrl.base.seeds import generator
from mcdrl.study.cells import cells
from mcdrl.study.params import Study, load_study
from mcdrl.study.paths import parts_folder, report_folder, table_file, table_path
from stages.audit.candidates import near_hashes
from stages.audit.prints import VIEWS
from stages.audit.symmetry import SYMMETRIES
from tests.factories import disc, section_params
from tests.pipeline.repository import Repository
from tests.projects import ROOT, SHIPPED, copy_project, write_params
from tests.stages.audit.pictures import all_at_once, case_table, turned_by
from tests.stages.report import fake_study

SITES, METHODS, SEEDS = 20, 10, 3
_FRAMES, _CELLS = (1000, 2500, 5000, 10_000), SITES * METHODS * SEEDS
_COPIED = 50  # one frame in so many
_CHANGED = 0.15  # of the bits of a hash, from one view to the next
_SIDE = 224
_CHANGES = [all_at_once, turned_by("flip_left_right"), turned_by("rotate_90")]
_MCDRL = ("-c", "from mcdrl.cli import main; main()")
_LAUNCH = """
import resource, subprocess, sys
done = subprocess.run([sys.executable, *sys.argv[1:]], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
sys.exit(done.returncode)
"""  # a small process starts what is measured: the peak of memory counts that of the starting one, too


@dataclass(frozen=True)
class Step:
    """A command that is measured.

    Attributes:
        what: as the table has it.
        arguments: of Python.
    """

    what: str
    arguments: Sequence[str]


AUDIT = Step("audit", ("-m", "stages.audit", "--ingest", "artifacts/ingest", "--out", "artifacts/audit"))
HASHES = {"hashes, all pairs": 10**6, "hashes, index": 0}  # of so many frames all pairs are compared
TABLES = (
    Step("collect_evaluate", ("-m", "stages.collect", "evaluate", "--parts", "artifacts/evaluate/parts",
                              "--out", "artifacts/evaluate")),
    Step("report", ("-m", "stages.report", "--artifacts", "artifacts", "--out", "artifacts/report")),
)  # fmt: skip
WHOLE = (
    Step("mcdrl doctor", (*_MCDRL, "doctor")),
    Step("mcdrl run --dry", (*_MCDRL, "run", "--dry")),
    Step("dvc status", ("-m", "dvc", "status")),
    Step("dvc repro --dry", ("-m", "dvc", "repro", "--dry")),
)  # of what DVC holds for up to date


def main(
    figures: Annotated[Path, typer.Argument(help="Parquet of the figures; new ones are added.")],
    state: Annotated[str, typer.Argument(help="What the code is called whose figures these are.")],
    frames: Annotated[list[int] | None, typer.Option(help="Numbers of frames; none: 1,000 to 10,000.")] = None,
    step: Annotated[list[str] | None, typer.Option(help="These steps alone, as the table names them.")] = None,
    size: Annotated[int, typer.Option(min=1, help="Sites of the study of many cells.")] = SITES,
    exact_up_to: Annotated[int | None, typer.Option(help="audit.exact_up_to; none: as shipped.")] = None,
) -> None:
    """Measure."""
    wanted = set(step or [*HASHES, AUDIT.what, *(one.what for one in (*TABLES, *WHOLE))])
    for row in measured(wanted, frames or _FRAMES, size, exact_up_to):
        print(row, flush=True)
        _add(figures, {"state": state, **row})


def measured(
    wanted: set[str], frames: Sequence[int], size: int, exact_up_to: int | None = None
) -> Iterator[dict[str, Any]]:
    """Yield a row a step: what, n, wall_s, cpu_s, peak_mib, page_mb."""
    for what, up_to in HASHES.items():
        for count in frames if what in wanted else ():
            call = f"from tests.benchmarks.scale import compare; compare({count}, {up_to})"
            yield _measure(Step(what, ("-c", call)), ROOT, count)
    if AUDIT.what in wanted:
        for count in frames:
            with tempfile.TemporaryDirectory() as folder:
                yield _measure(AUDIT, frames_only(Path(folder, "project"), count, exact_up_to), count)
    tables, whole = ([one for one in steps if one.what in wanted] for steps in (TABLES, WHOLE))
    if tables or whole:
        with tempfile.TemporaryDirectory() as folder:
            project = many_cells(Path(folder, "project"), size)
            yield from (_measure(one, project, size * METHODS * SEEDS) for one in tables)
            there(project, record)
            yield from (_measure(one, project, size * METHODS * SEEDS) for one in whole)


def _measure(step: Step, project: Path, n: int) -> dict[str, Any]:
    """Run a command, and return what the operating system accounts of it and of all that it has started."""
    began = time.perf_counter()
    told = subprocess.run(
        [sys.executable, "-c", _LAUNCH, *step.arguments], cwd=project, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if told.returncode:
        raise SystemExit(f"{step.what} ended with {told.returncode}")
    cpu_s, peak_mib = map(float, told.stdout.split())
    page = report_folder(project / "artifacts") / "index.html"
    return {
        "what": step.what, "n": n, "wall_s": time.perf_counter() - began, "cpu_s": cpu_s, "peak_mib": peak_mib,
        "page_mb": page.stat().st_size / 1e6 if step.what == "report" else float("nan"),
    }  # fmt: skip


def _add(path: Path, row: Mapping[str, Any]) -> None:
    """Put a row into the table, in place of one of the same state, step and size."""
    keys = ["state", "what", "n"]
    rows = pd.DataFrame([row])
    known = pd.concat([pd.read_parquet(path), rows]) if path.exists() else rows
    known.drop_duplicates(keys, keep="last").to_parquet(path, index=False)


def compare(count: int, exact_up_to: int) -> None:
    """Look for near hashes among made-up ones, which differ as those of frames do: in 128 bits, give or take 15."""
    drawn = np.random.default_rng(0)
    looks = np.diff(ndimage.gaussian_filter(drawn.normal(size=(count, 16, 17)), (0, 1.5, 1.0)), axis=2)
    bits = (looks > 0).reshape(count, 1, -1)
    views = bits ^ (drawn.random((count, len(VIEWS), 256), dtype=np.float32) < _CHANGED)
    wholes = np.stack([drawn.permutation(bits[:, 0]) for _ in SYMMETRIES], axis=1)
    hashes = (np.packbits(own, axis=2).view(np.uint64) for own in (views, wholes))
    print(len(near_hashes(*hashes, section_params("audit").hash_bits, exact_up_to)), "pairs")


def _named(count: int) -> dict[str, Any]:
    """Return so many sites as params.yaml has them."""
    return {
        f"S{k:02d}": {"card": "folder", "root": f"data/raw/S{k:02d}", "lesion_class": "polyp"} for k in range(count)
    }


def frames_only(folder: Path, count: int, exact_up_to: int | None = None) -> Path:
    """Make a project of which there is no more than parameters and so many ingested frames."""
    sites = _named(SITES)
    folder.mkdir()
    copy_project(folder)
    audit = SHIPPED["audit"] | ({} if exact_up_to is None else {"exact_up_to": exact_up_to})
    write_params(folder, {**SHIPPED, "sites": sites, "held_out": list(sites)[:1], "audit": audit})
    shares = np.diff(np.linspace(0, count, SITES + 1).astype(int))
    for k, (site, own) in enumerate(zip(sites, shares, strict=True)):
        images = np.stack([_frame(k, number) for number in range(own)])
        fake_study.factories.write_site(
            folder / "artifacts" / "ingest" / site, case_table(site, images), images, np.zeros(images.shape[:3]),
            [b""] * own,
        )  # fmt: skip
    return folder


def _frame(site: int, number: int) -> np.ndarray:
    """Draw a frame; one in `_COPIED` is a copy, changed, of the site before."""
    if site and number % _COPIED == _COPIED - 1:
        change = _CHANGES[number // _COPIED % len(_CHANGES)]
        copy = change(Image.fromarray(_frame(site - 1, number - 1)))
        return np.asarray(copy.resize((_SIDE, _SIDE), Image.Resampling.BILINEAR))
    return _textured("scale", site, number)


def _textured(*seed: Any) -> np.ndarray:
    """Draw structure of all sizes within a round view, [S, S, 3] uint8."""
    drawn = generator(*seed)
    grey = np.zeros((_SIDE, _SIDE), np.float32)
    for cells_across, strength in ((5, 45), (16, 25), (56, 12)):
        noise = Image.fromarray(drawn.normal(0, strength, (cells_across, cells_across)).astype(np.float32))
        grey += np.asarray(noise.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC))
    colour = np.clip((128 + grey)[..., None] * np.array([1.2, 0.8, 0.7]), 30, 255)
    return (colour * _ROUND[..., None]).astype(np.uint8)


_ROUND = disc(_SIDE, _SIDE, _SIDE / 2, _SIDE / 2, 0.51 * _SIDE)


def many_cells(folder: Path, size: int) -> Path:
    """Make a project of `size` sites, 10 methods and 3 seeds, all of which DVC holds for up to date."""
    sites = _named(size)
    Repository(folder).edit(lambda params: _studied(params, sites))
    there(folder, _build)
    return folder


def there(folder: Path, act: Callable[[], None]) -> None:
    """Do something in another folder."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        act()
    finally:
        os.chdir(here)


def _build() -> None:
    study = load_study()
    for site in study.sites:
        for part in ("images", "masks"):
            Path("data/raw", site, part).mkdir(parents=True)
        Image.fromarray(_textured(site)).save(Path("data/raw", site, "images", "a.png"))
    fake_study.build(Path("artifacts"), study, source=_lesions)
    _split(study, Path("artifacts"))
    subprocess.run([sys.executable, "-m", "stages.plan", "--out", "artifacts/plan"], check=True)


def _studied(params: dict[str, Any], sites: dict[str, Any]) -> None:
    methods = ["baseline", "mcdrl", "no_mtrs", *list(params["variants"])[: METHODS - 3]]
    params.update(sites=sites, held_out=list(sites), methods=methods, seeds=list(range(SEEDS)))
    params["lesion_classes"] = fake_study.CLASSES
    params["build_confounders"]["class_phrases"] = {name: name for name in fake_study.CLASSES}
    params["report"].update(bootstrap=2000, examples=2)


def _lesions(site: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw frames and masks; every fourth frame has no lesion."""
    images = np.stack([_textured(site, k) for k in range(count)])
    places = generator("scale", site).uniform(0.3, 0.7, (count, 2)) * _SIDE
    masks = np.stack([disc(_SIDE, _SIDE, y, x, 30) if k % 4 else np.zeros((_SIDE, _SIDE), bool)
                      for k, (y, x) in enumerate(places)])  # fmt: skip
    return np.clip(images + 40 * masks[..., None], 0, 255).astype(np.uint8), masks


def _split(study: Study, artifacts: Path) -> None:
    """Write the parts of the tables of all cells, as `evaluate` does."""
    for name, table in EVALUATED.items():
        rows = table.read(table_path(artifacts, "evaluate", name))
        parts = dict(tuple(rows.groupby(list(CELL))))
        for cell in cells(study):
            own = parts.get(tuple(cell), rows.iloc[:0])
            table.write(own, table_file(parts_folder(artifacts) / cell.folder, name))


def record() -> None:
    """Fill in what else the pipeline makes, a line each, and write dvc.lock, all of it at once."""
    from dvc.repo import Repo
    from dvc.stage.serialize import to_single_stage_lockfile
    from dvc.utils.serialize import dump_yaml

    with Repo() as repo, repo.lock:
        stages = list(repo.index.stages)
        for one in (one for stage in stages for one in (*stage.outs, *stage.deps)):
            _fill(Path(one.fs_path))
        lock = {}
        for stage in stages:
            stage.save(allow_missing=True)
            stage.commit(allow_missing=True)
            lock[stage.name] = to_single_stage_lockfile(stage)
    dump_yaml("dvc.lock", {"schema": "2.0", "stages": dict(sorted(lock.items()))})


def _fill(path: Path) -> None:
    if path.exists():
        return
    file = path if path.suffix else path / "made.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("made", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
