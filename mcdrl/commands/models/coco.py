"""Predicted masks as one COCO file: an annotation a lesion, which annotation tools and pycocotools read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask
from scipy.ndimage import find_objects

from mcdrl.base.files import write_json
from mcdrl.metrics.detection import components

FILE = "predictions.coco.json"
CATEGORY = {"id": 1, "name": "lesion"}
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class MaskComponent:
    """A part of a mask that hangs together.

    Attributes:
        counts: its pixels in the whole frame as COCO's compressed run lengths.
        box: left, top, width, height, px.
        area_px: its pixels.
        score: mean calibrated probability over its pixels, 0..1.
    """

    counts: str
    box: tuple[int, int, int, int]
    area_px: int
    score: float


def lesions_of(mask: Array, probability: Array) -> tuple[MaskComponent, ...]:
    """Return the lesions of a mask, from its upper left on.

    Args:
        mask: [H, W] bool.
        probability: [H, W] float32, calibrated, 0..1.
    """
    numbered, _ = components(mask)
    return tuple(
        _lesion(numbered == number, place, probability) for number, place in enumerate(find_objects(numbered), 1)
    )


def write_coco(frames: Sequence[tuple[str, tuple[int, int], Iterable[MaskComponent]]], path: Path) -> None:
    """Write the lesions of frames as a COCO file: ids from 1 on, in the frames' order.

    Args:
        frames: name, (width, height) in px, and lesions of each.
        path: of the file.
    """
    images = [
        {"id": number, "file_name": _writable(name), "width": size[0], "height": size[1]}
        for number, (name, size, _) in enumerate(frames, 1)
    ]
    found = [(number, size, one) for number, (_, size, lesions) in enumerate(frames, 1) for one in lesions]
    annotations = [
        {
            "id": number,
            "image_id": image,
            "category_id": CATEGORY["id"],
            "segmentation": {"size": [size[1], size[0]], "counts": lesion.counts},
            "area": lesion.area_px,
            "bbox": list(lesion.box),
            "iscrowd": 0,
            "score": lesion.score,
        }
        for number, (image, size, lesion) in enumerate(found, 1)
    ]
    write_json({"images": images, "categories": [CATEGORY], "annotations": annotations}, path, sort_keys=False)


def _writable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()  # names of files may be no UTF-8


def _lesion(mask: Array, place: tuple[slice, slice], probability: Array) -> MaskComponent:
    rows, columns = place
    counts: bytes = coco_mask.encode(np.asfortranarray(mask, np.uint8))["counts"]
    box = columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start
    return MaskComponent(counts.decode(), box, int(mask.sum()), round(float(probability[mask].mean()), 4))
