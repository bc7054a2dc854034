"""Folders as open_clip saves them: a configuration beside a weights file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import open_clip

from mcdrl.base.errors import InputError
from mcdrl.base.files import read_json
from mcdrl.clip.card import canonical

_FAR = 1e6  # beyond any normalisation
_CONFIG = "open_clip_config.json"
_EXPECTED = "expected a folder as open_clip saves it"
SAVED = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")  # open_clip's names, the better one first
_NAMES = (SAVED[0], "open_clip_pytorch_model.safetensors", SAVED[1])
_ENDINGS = (".safetensors", ".bin", ".pt", ".pth")


def check_config(folder: Path, expected: Mapping[str, Any], model: str) -> None:
    """Compare a folder's own open_clip_config.json with open_clip's own of a model.

    Args:
        folder: a folder as open_clip saves it.
        expected: the model's configuration.
        model: its name.

    Raises:
        InputError: the file is missing or describes another model; shows what differs, such as quick_gelu.
    """
    found = read_json(folder / _CONFIG, _EXPECTED).get("model_cfg")
    if not isinstance(found, dict):
        raise InputError(f"{folder / _CONFIG} has no model_cfg; {_EXPECTED}")
    theirs, ours = _flat(found), _flat(expected)
    differ = [key for key in sorted({*theirs, *ours}) if theirs.get(key) != ours.get(key)]
    if differ:
        lines = ", ".join(f"{key} is {theirs.get(key)}, expected {ours.get(key)}" for key in differ[:5])
        raise InputError(f"{folder / _CONFIG} describes another model than {model}: {lines}")


def normalisation(folder: Path) -> dict[str, list[float]]:
    """Return mean and std of the channels, as far as a folder's own open_clip_config.json says them.

    Raises:
        InputError: one isn't three numbers, or no std can be divided by.
    """
    said = read_json(folder / _CONFIG, _EXPECTED).get("preprocess_cfg") or {}
    if not isinstance(said, Mapping):
        raise InputError(f"{folder / _CONFIG}: preprocess_cfg is {said!r}; {_EXPECTED}")
    found = {name: said[name] for name in ("mean", "std") if said.get(name) is not None}
    for name, value in found.items():
        numbers = isinstance(value, list) and len(value) == 3 and all(_is_number(one) for one in value)
        if not numbers or (name == "std" and min(value) <= 0):
            wanted = f"three numbers{' above 0' * (name == 'std')}"
            raise InputError(f"{folder / _CONFIG}: preprocess_cfg.{name} is {value!r:.200}, expected {wanted}")
    return {name: [float(one) for one in value] for name, value in found.items()}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _FAR


def find_weights(folder: Path) -> Path:
    """Return the weights file of an open_clip folder: one that open_clip's names fit, or the only one there is.

    Raises:
        InputError: there is none, or several, none of them named so.
    """
    files = sorted(path for path in folder.iterdir() if path.suffix in _ENDINGS)
    named = [folder / name for name in _NAMES if folder / name in files]
    if named or len(files) == 1:
        return (named or files)[0]
    names = ", ".join(path.name for path in files) or "none"
    raise InputError(
        f"{folder} needs one weights file ({', '.join(_ENDINGS)}) or one named {_NAMES[0]}; found: {names}"
    )


def _flat(config: Mapping[str, Any]) -> dict[str, str]:
    """Every key of a model configuration with open_clip's defaults filled in, as canonical text."""
    try:
        vision = dataclasses.asdict(open_clip.CLIPVisionCfg(**config["vision_cfg"]))
        text = dataclasses.asdict(open_clip.CLIPTextCfg(**config["text_cfg"]))
    except (KeyError, TypeError) as error:
        raise InputError(f"{_CONFIG} is not a configuration of open_clip's: {error}") from None
    top = {"embed_dim": config.get("embed_dim"), "quick_gelu": config.get("quick_gelu", False)}
    parts = {"": top, "vision_cfg.": vision, "text_cfg.": text}
    return {prefix + key: canonical(value) for prefix, part in parts.items() for key, value in part.items()}
