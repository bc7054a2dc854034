"""How the page was made: parameters, versions, hashes and seeds, enough to make it again."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from markupsafe import escape

from mcdrl.base.files import sha256
from mcdrl.base.text import printable
from mcdrl.clip.sources import HASH_MARK, LOCAL_DIR
from mcdrl.drawing.html_tables import HtmlTable, html_table
from mcdrl.model.facts import WEIGHTS
from mcdrl.study.paths import TextFiles, site_files, table_path, texts_folder
from stages.report.inputs import Inputs
from stages.report.results import Results
from stages.report.topic import Topic

_LIBRARIES = (
    "mcdrl", "torch", "timm", "open_clip_torch", "lightning-fabric", "numpy", "scipy", "scikit-learn", "pandas",
    "pyarrow", "h5py", "dvc",
)  # fmt: skip
_DIGITS = 12


def topic(results: Results) -> Topic:
    """Return the section."""
    values = {
        "facts": run_facts(results.inputs),
        "versions": versions(),
        "parameters": escape(printable(parameters(results.raw), keep="\n")),  # whose lines stay
        "hashes": hashes_html(results.inputs, results.artifacts),
    }
    return Topic("provenance", "How it was made", values)


def run_facts(inputs: Inputs) -> list[tuple[str, str]]:
    """Return what was run, as (name, value); values that differ between models are all listed."""
    study = inputs.study

    def of_models(key: str) -> str:
        """Return a model card's entry, all that occur where models differ."""
        values = [model.get(key) for model in inputs.models.values()]
        return ", ".join(dict.fromkeys("–" if value is None else str(value) for value in values))

    return [
        ("backbone", study.backbone),
        ("weights", of_models("pretrained")),
        ("dense features", of_models("dense_mode")),
        ("training mode", of_models("mode")),
        ("methods", ", ".join(study.methods)),
        ("seeds", ", ".join(str(seed) for seed in study.seeds)),
        ("held-out sites", ", ".join(study.held_out)),
        ("all sites", ", ".join(study.sites)),
        ("lesion classes", ", ".join(study.lesion_classes)),
        ("working size", f"{of_models('size_px')} px"),
        ("alpha", of_models("alpha")),
        ("similarity to texts", of_models("text_similarity")),
        ("encoder fingerprint", ", ".join(name[:12] for name in of_models("fingerprint").split(", "))),
    ]


def parameters(raw: Mapping[str, Any]) -> str:
    """Return params.yaml as text; of paths outside the repository the last name alone, as the page may be shown."""
    sites = {name: {**site, "root": _shown(str(site["root"]))} for name, site in raw.get("sites", {}).items()}
    weights = {name: value and _shown_weights(str(value)) for name, value in raw.get("weights", {}).items()}
    return yaml.safe_dump({**raw, "sites": sites, "weights": weights}, sort_keys=False, allow_unicode=True, width=100)


def versions() -> list[tuple[str, str]]:
    """Return the versions of Python and of the libraries that numbers depend on, as (name, version)."""
    return [("Python", platform.python_version()), *((name, _version(name)) for name in _LIBRARIES)]


def hashes_html(inputs: Inputs, artifacts: Path) -> HtmlTable:
    """Format the first digits of the SHA-256 of what the figures come from."""
    paths = [site_files(artifacts, site).cases for site in inputs.study.sites]
    paths.append(TextFiles(texts_folder(artifacts)).dictionary)
    paths += [table_path(artifacts, stage, "cases") for stage in ("evaluate", "stress")]
    paths += [cell.model(artifacts) / WEIGHTS for cell in inputs.models]
    rows = [{"file": path.relative_to(artifacts), "hash": sha256(path)} for path in paths if path.exists()]
    return html_table(
        pd.DataFrame(rows),
        {"file": lambda r: f"artifacts/{r['file'].as_posix()}", "SHA-256": lambda r: r["hash"][:_DIGITS]},
    )


def _shown(root: str) -> str:
    path = Path(root)
    outside = path.is_absolute() or ".." in path.parts or root.startswith("~")
    return f"…/{path.name}" if outside else root


def _shown_weights(value: str) -> str:
    kind = LOCAL_DIR if value.startswith(LOCAL_DIR) else ""
    place, mark, digest = value.removeprefix(kind).partition(HASH_MARK)
    return f"{kind}{_shown(place)}{mark}{digest}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
