"""Annotation files as tools write them, in small."""

from __future__ import annotations

import base64
import io
import json
import tracemalloc
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image

SIZE = (40, 30)  # width, height of the frames
SQUARE = [(2, 3), (12, 3), (12, 9), (2, 9)]  # pixels 2..11 x 3..8
RAGGED = [(5.3, 2.1), (33.7, 4.6), (30.2, 25.9), (18.5, 14.25), (7.4, 27.3)]  # not convex, between pixels


def square(size=SIZE) -> np.ndarray:
    """The pixels of SQUARE."""
    mask = np.zeros(size[::-1], bool)
    mask[3:9, 2:12] = True
    return mask


def blob(seed: int, size=SIZE) -> np.ndarray:
    """Some pixels, of any form."""
    return np.random.default_rng(seed).random(size[::-1]) < 0.3


def flat(points) -> list[float]:
    """Points as x, y, x, y, ..."""
    return [value for point in points for value in point]


def runs(mask: np.ndarray, order: str) -> list[int]:
    """Run lengths by hand, of zeros first: `F` column by column, `C` row by row."""
    found, covered, count = [], False, 0
    for pixel in mask.ravel(order):
        if pixel != covered:
            found.append(count)
            covered, count = not covered, 0
        count += 1
    return [*found, count]


def coco_image(key, name, size=SIZE) -> dict:
    return {"id": key, "file_name": name, "width": size[0], "height": size[1]}


def coco_annotation(key, image, category, segmentation, **more) -> dict:
    return {"id": key, "image_id": image, "category_id": category, "segmentation": segmentation, "iscrowd": 0, **more}


def coco(images, annotations, categories=None) -> str:
    """Categories are pairs of an id and a name; None: those of 1, polyp, and 2, instrument, that are used."""
    if categories is None:
        used = {one["category_id"] for one in annotations}
        categories = [pair for pair in ((1, "polyp"), (2, "instrument")) if pair[0] in used]
    named = [{"id": key, "name": name} for key, name in categories]
    return json.dumps({"images": images, "annotations": annotations, "categories": named})


def png(mask: np.ndarray) -> str:
    """A mask as LabelMe keeps it: a PNG in base64."""
    stream = io.BytesIO()
    Image.fromarray(mask).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def labelme_shape(label, kind, points, **more) -> dict:
    return {"label": label, "shape_type": kind, "points": [list(one) for one in points], "group_id": None, **more}


def labelme(name, shapes, size=SIZE) -> str:
    keys = {"version": "5.5.0", "flags": {}, "imageData": None, "imageWidth": size[0], "imageHeight": size[1]}
    return json.dumps({**keys, "imagePath": name, "shapes": shapes})


def tag(kind, **given) -> str:
    told = " ".join(f"{key}={quoteattr(str(value))}" for key, value in given.items())
    return f'<{kind} {told}><attribute name="sure">yes</attribute></{kind}>'


def cvat_points(points) -> str:
    return ";".join(f"{x:.2f},{y:.2f}" for x, y in points)


def cvat(images, size=SIZE) -> str:
    """Images are pairs of a name and the shapes' elements."""
    told = [
        f'<image id="{number}" name={quoteattr(name)} width="{size[0]}" height="{size[1]}">{"".join(shapes)}</image>'
        for number, (name, shapes) in enumerate(images)
    ]
    meta = "<meta><task><labels><label><name>polyp</name></label></labels></task></meta>"
    head = '<?xml version="1.0" encoding="utf-8"?>\n'
    return f"{head}<annotations><version>1.1</version>{meta}{''.join(told)}</annotations>"


def yolo(number, points, size=SIZE) -> str:
    return " ".join([str(number), *(f"{x / size[0]:.6f} {y / size[1]:.6f}" for x, y in points)])


def peak_bytes(act) -> int:
    """Memory that something takes at its most."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
