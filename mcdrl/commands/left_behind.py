"""What stage one made of sites that params.yaml no longer names.

DVC takes the folders of all sites as one input of `audit` and of every evaluation, so what is left there of others lets
these look changed, here and in every clone that hasn't got it. Nothing is removed: it is told, with the line that does.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from mcdrl.study.paths import site_files, table_path

WHY = "DVC takes those folders whole, so that every evaluation looks changed, here or in a clone without it"


def outputs(artifacts: Path, site: str) -> list[Path]:
    """Return where stage one writes what it makes of a site."""
    files = site_files(artifacts, site)
    return [files.folder, files.features, files.regions, table_path(artifacts, "mine_regions/parts", site)]


def left_behind(artifacts: Path, sites: Collection[str]) -> list[Path]:
    """Return what stage one has written of other sites than these, sorted."""
    wanted = {path for site in sites for path in outputs(artifacts, site)}
    folders = {path.parent for path in outputs(artifacts, "any")}
    there = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
    return sorted(path for path in there if not path.name.startswith(".") and path not in wanted)


def removing(left: Sequence[Path]) -> str:
    """Return the command line that takes what is left away."""
    return f"rm -r {' '.join(shlex.quote(str(path)) for path in left)}"
