"""Textured pictures, copies of them, and sites of them as `ingest` would leave them."""

import hashlib
import io

import numpy as np
import pandas as pd
from PIL import Image
from scipy import ndimage

from mcdrl.artifacts.cases import CASES, GEOMETRY
from mcdrl.artifacts.frames import FRAMES

SIDE = 224


def picture(*seed, height=288, width=352):
    """A picture with structure at all scales, within a dark round border as an endoscope has it."""
    random = np.random.default_rng([17, *seed])
    grey = sum(
        scale * ndimage.gaussian_filter(random.normal(size=(height, width)), scale, mode="wrap") * scale
        for scale in (2, 5, 12)
    )
    grey = 128 + 45 * (grey - grey.mean()) / grey.std()
    y, x = np.mgrid[:height, :width]
    round_view = ((y / height - 0.5) ** 2 + (x / width - 0.5) ** 2) < 0.26
    colour = np.clip(grey[..., None] * np.array([1.2, 0.8, 0.7]), 30, 255) * round_view[..., None]
    return Image.fromarray(colour.astype(np.uint8))


def working(image):
    """The frame at working size."""
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=3.0))


def rescaled(image):
    return image.resize((image.width * 5 // 8, image.height * 5 // 8), Image.Resampling.LANCZOS)


def reencoded(image):
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=60)
    return Image.open(stream).convert("RGB")


def cropped(image):
    """5 % less on every side."""
    x, y = round(0.05 * image.width), round(0.05 * image.height)
    return image.crop((x, y, image.width - x, image.height - y))


def one_sided(image):
    """5 % less on two sides."""
    return image.crop((round(0.05 * image.width), 0, image.width, round(0.95 * image.height)))


def all_at_once(image):
    return reencoded(rescaled(cropped(image)))


def turned_by(symmetry):
    """A copy that was changed in all ways and then mirrored or turned, as Pillow names it."""

    def copy(image):
        changed = all_at_once(image)
        return changed if symmetry == "identity" else changed.transpose(Image.Transpose[symmetry.upper()])

    copy.__name__ = symmetry
    return copy


def cropped_by(cut, left=0.5, top=0.5):
    """A copy without two times `cut` of each side; left and top, 0..1, say how much of that lies before it."""

    def copy(image):
        x, y = 2 * cut * left, 2 * cut * top
        box = (x * image.width, y * image.height, (x + 1 - 2 * cut) * image.width, (y + 1 - 2 * cut) * image.height)
        return image.crop(tuple(round(edge) for edge in box))

    copy.__name__ = f"crop_{cut:.0%}_at_{left:g}_{top:g}"
    return copy


COPIES = [rescaled, reencoded, cropped, one_sided, all_at_once]


def case_table(site, images, groups=None, splits=None):
    ids = [f"{site}/{number:03d}" for number in range(len(images))]
    count = len(ids)
    return pd.DataFrame({
        "case_id": ids, "site": site, "group_id": groups or ids, "lesion_class": ["polyp"] * count,
        "split": splits or ["train"] * count, "width_px": np.full(count, 400, np.int32),
        "height_px": np.full(count, 300, np.int32), "lesion_area_px": np.full(count, 12_000, np.int64),
        "sha256": [hashlib.sha256(image.tobytes()).hexdigest() for image in images],
    })  # fmt: skip


def write_site(ingest, site, images, **more):
    """Write the three files of a site that the audit reads; images are [S, S, 3] uint8."""
    cases = case_table(site, images, **more)
    CASES.write(cases, ingest / site / "cases.parquet")
    shares = {"border_share": 0.25, "panel_share": 0.125, "overlay_share": 0.0, "marker_share": 0.0}
    geometry = pd.DataFrame({
        "case_id": cases["case_id"], "crop_left_px": 0, "crop_top_px": 0, "crop_right_px": 400, "crop_bottom_px": 300,
        **shares,
    })  # fmt: skip
    kinds = {name: "int32" for name in geometry if name.endswith("_px")} | dict.fromkeys(shares, "float32")
    GEOMETRY.write(geometry.astype(kinds), ingest / site / "geometry.parquet")
    with FRAMES.write(ingest / site / "frames.h5", list(cases["case_id"]), {"site": site}) as store:
        store.append(image=np.stack(images), mask=np.zeros((len(images), SIDE, SIDE), np.uint8),
                     native_mask=[b"unread"] * len(images))  # fmt: skip
    return cases
