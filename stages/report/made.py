"""How the page was made: parameters, versions, hashes and seeds, enough to make it again."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from mcdrl.base.files import sha256
from mcdrl.study.paths import site_files, table_path
from stages.report import views
from stages.report.inputs import Inputs
from stages.report.views import Sheet

_LIBRARIES = (
    "mcdrl", "torch", "timm", "open_clip_torch", "lightning-fabric", "numpy", "scipy", "scikit-learn", "pandas",
    "pyarrow", "h5py", "dvc",
)  # fmt: skip
_TABLES = (("build_confounders", "dictionary"), ("evaluate", "cases"), ("stress", "cases"))
_DIGITS = 12
_FOLDER = "local-dir:"


def parameters(raw: Mapping[str, Any]) -> str:
    """Return params.yaml as text; of paths outside the repository the last name alone, as the page may be shown."""
    sites = {name: {**site, "root": _shown(str(site["root"]))} for name, site in raw.get("sites", {}).items()}
    weights = {name: value and _shown_weights(str(value)) for name, value in raw.get("weights", {}).items()}
    return yaml.safe_dump({**raw, "sites": sites, "weights": weights}, sort_keys=False, allow_unicode=True, width=100)


def versions() -> list[tuple[str, str]]:
    """Return the versions of Python and of the libraries that numbers depend on, as (name, version)."""
    return [("Python", platform.python_version()), *((name, _version(name)) for name in _LIBRARIES)]


def hashes(inputs: Inputs, artifacts: Path) -> Sheet:
    """Format the first digits of the SHA-256 of what the figures come from."""
    paths = [site_files(artifacts, site).cases for site in inputs.study.sites]
    paths += [table_path(artifacts, stage, name) for stage, name in _TABLES]
    paths += [cell.model(artifacts) / "model.safetensors" for cell in inputs.models]
    rows = [{"file": path.relative_to(artifacts), "hash": sha256(path)} for path in paths if path.exists()]
    return views.sheet(
        pd.DataFrame(rows),
        {"file": lambda r: f"artifacts/{r['file'].as_posix()}", "SHA-256": lambda r: r["hash"][:_DIGITS]},
        (),
    )


def _shown(root: str) -> str:
    path = Path(root)
    return f"…/{path.name}" if path.is_absolute() or ".." in path.parts else root


def _shown_weights(value: str) -> str:
    kind = _FOLDER if value.startswith(_FOLDER) else ""
    place, mark, digest = value.removeprefix(kind).partition("@")
    return f"{kind}{_shown(place)}{mark}{digest}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
