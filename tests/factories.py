"""What tests of several rooms build, legal by default, and the shipped numbers, with what a test has otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image

from mcdrl.artifacts.cases import CASES, GEOMETRY
from mcdrl.artifacts.frames import FRAMES, pack_native_mask
from mcdrl.artifacts.promise import Promise
from mcdrl.base.files import write_json
from mcdrl.base.section import Section
from mcdrl.clip import lite
from mcdrl.confounders.registry import REGISTRY
from mcdrl.imaging.decode import DecodedFrame
from mcdrl.methods import params_type, resolved_params
from mcdrl.model.card import ModelCard
from mcdrl.networks.interface import Spec, Texts
from mcdrl.sites.gate import Gate, Ingested
from mcdrl.study.params import Site, resolve, section_type
from mcdrl.study.sections.train import Params
from mcdrl.study.variants import merged
from tests.projects import ROOT, SHIPPED

SMALL = {"depth": 1, "heads": 2}
CROP = ("crop_left_px", "crop_top_px", "crop_right_px", "crop_bottom_px")
SHARES = ("border_share", "panel_share", "overlay_share", "marker_share")


def section_params(name: str, **changes: Any) -> Any:
    """Return a section of params.yaml."""
    return section_type(name).model_validate({**SHIPPED[name], **changes})


def train_params(**changes: Any) -> Params:
    """Return the section `train`; of nested numbers, those that aren't named stay."""
    return Params.model_validate(merged(SHIPPED["train"], changes))


def method_params(method: str, **changes: Any) -> Section:
    """Return a method's own numbers."""
    numbers = resolved_params(method, {}, SHIPPED["method_params"])
    return params_type(method).model_validate(merged(numbers, changes))


def small_params(method: str, **changes: Any) -> Section:
    """Return a method's own numbers with one block of two heads, where it has any."""
    small = {key: value for key, value in SMALL.items() if key in params_type(method).model_fields}
    return method_params(method, **{**small, **changes})


def make_spec(**changes: Any) -> Spec:
    """Return the numbers of a small network."""
    numbers = {
        "width": 16, "map_channels": {"s4": 6, "s8": 8}, "head_width": 32, "dropout": 0.0, "bottleneck": 4,
        "dice_weight": 0.5, "seed": 0,
    }  # fmt: skip
    return Spec(**{**numbers, **changes})


def make_lite0_spec() -> Spec:
    """Return the numbers of a small network on lite0."""
    channels = {"s4": 24, "s8": 40, "s16": 112, "s32": 320}
    return make_spec(width=128, map_channels=channels, head_width=16, dice_weight=0.0)


def make_card(**given: Any) -> ModelCard:
    """A model's card; `spec` is what a test has to give, `variant` is called like the method."""
    method = given.get("method", "mcdrl")
    card = {
        "variant": method, "method": method, "held_out": "A", "seed": 0, "sources": ["B"], "backbone": "stub",
        "pretrained": "embedded", "fingerprint": "f", "dense_mode": "plain", "mode": "frozen", "size_px": 32,
        "lesion_classes": ["polyp", "tumor"], "confounders": ["x", "y", "z"], "alpha": 0.25, "n_weights": 1,
        "n_trained": 1, "best_epoch": 0, "val_dice": 0.5, "temperature": 2.0, "flag_below": 0.7, "view": "auto",
        "params": method_params(method).model_dump(),
    }  # fmt: skip
    return ModelCard(**(card | given))


def make_promise(**given: Any) -> Promise:
    """What leaving out A and B in turn has shown of a method."""
    promise = {
        "held_out": ["A", "B"], "seeds": [0], "drawn": [], "threshold": 0.5, "dice": 0.7, "dice_low": 0.65,
        "dice_high": 0.75, "by_site": {"A": 0.8, "B": 0.6}, "n_lesion": 90, "n_groups": 30, "worst_site": "B",
        "n_negative": 40, "false_positive_rate": 0.25, "false_positive_low": 0.2, "false_positive_high": 0.3,
        "calibration_error": 0.02, "calibration_error_called": 0.113, "flagged": 0.1, "dice_flagged": 0.4,
        "dice_unflagged": 0.75, "leaked_frames": 0, "weights": "embedded",
    }  # fmt: skip
    return Promise(**(promise | given))


def make_texts(classes: int, confounders: int, width: int, drawn: torch.Generator) -> Texts:
    """Prompts that are noise, with weights of the confounders that are noise, too."""
    shapes = ((classes, width), (confounders, width), (classes, confounders, width), (confounders,))
    return Texts(*(torch.randn(shape, generator=drawn) for shape in shapes))


def write_lite0(folder: Path) -> str:
    """Write the real backbone lite0 as `backbone` leaves it; return its fingerprint."""
    lite.obtain(folder, ROOT / "data" / "lite0")
    fingerprint = lite.LiteEncoder.from_folder(folder, "plain").fingerprint
    card = {
        "name": "lite0", "title": "L", "family": "lite", "model": "tf_efficientnet_lite0",
        "pretrained": "embedded", "source_sha256": None, "dense": "plain", "licence": "x", "notice": "x", "config": {},
        "fingerprint": fingerprint,
    }  # fmt: skip
    write_json(card, folder / "card.json")
    return fingerprint


def by_category() -> dict[str, list[str]]:
    """Return the dictionary of the registry: category -> phrases."""
    found: dict[str, list[str]] = {}
    for entry in REGISTRY.values():
        if entry.category is not None:
            found.setdefault(entry.category, []).append(entry.phrase)
    return found


def make_cases(case_ids: Sequence[str], **columns: Any) -> pd.DataFrame:
    """Rows of cases.parquet: frames of 400 x 300 px, each a group of its own, with a polyp, in training."""
    given = {
        "case_id": list(case_ids), "site": [case.split("/")[0] for case in case_ids], "group_id": list(case_ids),
        "lesion_class": "polyp", "split": "train", "width_px": 400, "height_px": 300, "lesion_area_px": 12_000,
        "sha256": [f"{number:064d}" for number in range(len(case_ids))],
    }  # fmt: skip
    return pd.DataFrame(given | columns, columns=CASES.schema.names).astype({"lesion_class": object})


def make_geometry(case_ids: Sequence[str], crop_px: Sequence[int], **shares: float) -> pd.DataFrame:
    """Rows of geometry.parquet: all frames cut alike, with nothing beside the view but what `shares` says."""
    crop = dict(zip(CROP, crop_px, strict=True))
    return pd.DataFrame({"case_id": list(case_ids), **crop, **(dict.fromkeys(SHARES, 0.0) | shares)})


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder: its path there -> what it holds."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def disc(height: int, width: int, y: float, x: float, radius: float) -> np.ndarray:
    """A mask [height, width] bool of the pixels that are at most `radius` from a place."""
    rows, columns = np.mgrid[:height, :width]
    return (rows - y) ** 2 + (columns - x) ** 2 <= radius**2


def png(mask: np.ndarray) -> bytes:
    """A mask as frames.h5 holds it at its own size."""
    return pack_native_mask(Image.fromarray(np.asarray(mask, np.uint8)))


def write_frames(
    folder: Path, case_ids: Sequence[str], images: np.ndarray, masks: np.ndarray, native_masks: Any = None
) -> None:
    """Write frames.h5: images [B, S, S, 3] and masks [B, S, S] uint8, and bytes for the masks at their own sizes."""
    native = [png(mask) for mask in masks] if native_masks is None else list(native_masks)
    site = case_ids[0].split("/")[0] if len(case_ids) else folder.name
    with FRAMES.write(folder / "frames.h5", list(case_ids), {"site": site}) as store:
        store.append(image=np.asarray(images, np.uint8), mask=np.asarray(masks, np.uint8), native_mask=native)


def write_site(
    folder: Path, cases: pd.DataFrame, images: np.ndarray, masks: np.ndarray, native_masks: Any = None, **shares: float
) -> None:
    """Write cases.parquet, geometry.parquet (whole frames) and frames.h5 as `ingest` leaves them."""
    case_ids = [str(case) for case in cases["case_id"]]
    CASES.write(cases, folder / "cases.parquet")
    crop = (0, 0, int(cases["width_px"].iloc[0]), int(cases["height_px"].iloc[0]))
    GEOMETRY.write(make_geometry(case_ids, crop, **shares), folder / "geometry.parquet")
    write_frames(folder, case_ids, images, masks, native_masks)


def pass_gate(
    name: str, site: Site, lesion_classes: Sequence[str], size_px: int = 64, workers: int = 2
) -> tuple[Ingested, dict[str, DecodedFrame]]:
    """Send a site's frames through the gate: what became of them, and each accepted frame."""
    params = section_params("ingest", size_px=size_px, val_share=0.2)
    gate = Gate(name, Path(site.root), resolve(site), params, lesion_classes)
    passed = {case.case_id: pixels for case, pixels in gate.frames(workers)}
    return gate.result(), passed
