"""What the shift between the phantom's sites costs: python -m tests.benchmarks.ceiling

For each site, `baseline` is trained on three quarters of the site's own patients and tested on the rest (its ceiling),
and trained on the four other sites and tested on the same frames. Both trainings take about as many steps. Prints the
Dice of both. Takes about ten minutes on two cores.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import typer

from tests.pipeline.repository import Repository
from tests.projects import SHIPPED

TEST_SHARE = 4  # one patient in so many is tested on
EPOCHS = SHIPPED["train"]["epochs"]
FRAMES = 120


def halves(site: Path) -> None:
    """Copy a site's folder into `<site>_own` and `<site>_rest`, patients kept whole."""
    rows = list(csv.DictReader((site / "frames.csv").open(encoding="utf-8")))
    patients = sorted({row["group_id"] for row in rows})
    rest = set(patients[::TEST_SHARE])
    for name, chosen in (("rest", rest), ("own", set(patients) - rest)):
        folder = site.with_name(f"{site.name}_{name}")
        for row in rows:
            if row["group_id"] in chosen:
                for kind in ("images", "masks"):
                    (folder / kind).mkdir(parents=True, exist_ok=True)
                    shutil.copy(site / kind / row["file"], folder / kind / row["file"])
        shutil.copy(site / "frames.csv", folder / "frames.csv")


def study(sites: dict[str, str], held_out: list[str], epochs: int) -> Callable[[dict[str, Any]], None]:
    """Return the edit of params.yaml that makes a study of the baseline alone."""

    def change(params: dict[str, Any]) -> None:
        params["sites"] = {name: {"card": "phantom", "root": root} for name, root in sites.items()}
        params.update(held_out=held_out, methods=["baseline"], seeds=[0])
        params["phantom"]["frames_per_site"] = FRAMES
        params["train"].update(epochs=epochs, batch_size=16)

    return change


def dice(repository: Repository, stems: set[str]) -> float:
    """Run the study; return the mean Dice over the frames of that name with a lesion."""
    repository.dvc("repro", "collect_evaluate")
    cases = pd.read_parquet(repository.folder / "artifacts/evaluate/cases.parquet")
    chosen = cases[cases["case_id"].str.split("/").str[1].isin(stems)]
    return float(chosen["dice"].mean())


def main() -> None:
    """Print a line a site, and the mean."""
    names, rows = "ABCDE", []
    with tempfile.TemporaryDirectory() as folder:
        repository = Repository(Path(folder) / "copy")
        everywhere = study({name: f"data/phantom/{name}" for name in names}, list(names), EPOCHS)
        repository.edit(everywhere)
        repository.dvc("repro", "phantom")
        for name in names:
            shutil.copytree(repository.folder / "data/phantom" / name, repository.folder / "data/halves" / name)
            halves(repository.folder / "data/halves" / name)
        for name in names:
            home = repository.folder / "data/halves"
            stems = {path.stem for path in (home / f"{name}_rest" / "images").iterdir()}
            repository.edit(everywhere)
            unseen = dice(repository, stems)
            roots = {"own": f"data/halves/{name}_own", "rest": f"data/halves/{name}_rest"}
            own_frames = len(list((home / f"{name}_own" / "images").iterdir()))
            repository.edit(study(roots, ["rest"], round(EPOCHS * 4 * FRAMES / own_frames)))
            rows.append((name, dice(repository, stems), unseen))
            print(f"site {name}: own {rows[-1][1]:.3f}, unseen {unseen:.3f}", flush=True)
    own, unseen = (sum(row[place] for row in rows) / len(rows) for place in (1, 2))
    print(f"mean  : own {own:.3f}, unseen {unseen:.3f}, gap {own - unseen:.3f}")


if __name__ == "__main__":
    typer.run(main)
