"""What stage one made of sites that params.yaml no longer names.

DVC takes the folders of all sites as one input of `audit` and of every cell, so what is left there of others lets
cells look changed, here and in every clone that hasn't got it.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from mcdrl.study.paths import ingest_folder, site_files, table_path


def outputs(artifacts: Path, site: str) -> list[Path]:
    """Return where stage one writes what it makes of a site."""
    files = site_files(artifacts, site)
    return [files.folder, files.features, files.regions, table_path(artifacts, "mine_regions/parts", site)]


def left_behind(artifacts: Path, sites: Collection[str]) -> list[Path]:
    """Return what stage one has written of other sites than these, sorted."""
    folders = {path.parent for path in outputs(artifacts, "any")}
    there = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
    return sorted(path for path in there if not path.name.startswith(".") and path.stem not in sites)


def take_away(artifacts: Path, site: str) -> bool:
    """Remove what stage one made of a site; return whether there was anything."""
    there = [path for path in outputs(artifacts, site) if path.exists()]
    for path in there:
        if path == ingest_folder(artifacts) / site:
            shutil.rmtree(path)
        else:
            path.unlink()
    return bool(there)
