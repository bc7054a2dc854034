"""The project as it ships, and small ones of a test's own: params.yaml with the cards that it names."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mcdrl.base.errors import InputError
from mcdrl.base.strict_yaml import load_yaml
from mcdrl.methods import with_methods
from mcdrl.study.params import Study, check

ROOT = Path(__file__).parents[1]
SHIPPED = load_yaml((ROOT / "params.yaml").read_text(encoding="utf-8"))


def results() -> str:
    """Return the text of all pages of results, how to read them first."""
    pages = [ROOT / "docs" / "results.md", *sorted((ROOT / "docs" / "results").glob("*.md"))]
    return "\n".join(page.read_text(encoding="utf-8") for page in pages)


def copy_project(folder: Path) -> Path:
    """Copy params.yaml, comments and all, and the cards of backbones and sites; return the path of params.yaml."""
    for cards in ("backbones", "sites"):
        shutil.copytree(ROOT / "data" / cards, folder / "data" / cards)
    return Path(shutil.copy(ROOT / "params.yaml", folder))


def write_params(folder: Path, raw: Mapping[str, Any]) -> Path:
    """Write params.yaml and return its path."""
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(dict(raw), sort_keys=False), encoding="utf-8")
    return path


def write_project(folder: Path, raw: Mapping[str, Any]) -> Path:
    """Write params.yaml beside cards of lite0 (an empty one) and of a plain folder; return the path of params.yaml."""
    for card, text in {"backbones/lite0": "", "sites/folder": "title: t\nread: {masks: 'masks/{stem}.*'}\n"}.items():
        path = folder / "data" / f"{card}.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    return write_params(folder, raw)


def raw_study(sites: Iterable[str] = "AB", below: str = "raw", **changes: Any) -> dict[str, Any]:
    """Return a small study as params.yaml has it, without sections; the sites' folders lie below one."""
    return {
        "backbone": "lite0", "weights": {}, "held_out": ["A"], "lesion_classes": ["polyp", "cyst"],
        "sites": {name: {"root": f"{below}/{name}", "card": "folder", "lesion_class": "polyp"} for name in sites},
        "methods": ["baseline"], "method_params": {}, "seeds": [0], **changes,
    }  # fmt: skip


def make_study(sites: Iterable[str] = "AB", below: str = "raw", **changes: Any) -> Study:
    """Return such a study."""
    return Study.model_validate(raw_study(sites, below, **changes))


def problems(**changes: Any) -> list[str]:
    """Return what is wrong with the shipped params.yaml once some of its keys are changed, a sentence each."""
    with pytest.raises(InputError) as error:
        check({**SHIPPED, **changes}, further=with_methods)
    return [line.strip() for line in str(error.value).splitlines()[1:]]
