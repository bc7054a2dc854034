"""Textured pictures, copies of them, and sites of them as `ingest` would leave them."""

import hashlib
import io

import numpy as np
from PIL import Image
from scipy import ndimage

from tests import factories
from tests.factories import make_cases

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
    digests = [hashlib.sha256(image.tobytes()).hexdigest() for image in images]
    return make_cases(ids, group_id=groups or ids, split=splits or "train", sha256=digests)


def write_site(ingest, site, images, **more):
    """Write the three files of a site that the audit reads; images are [S, S, 3] uint8."""
    cases = case_table(site, images, **more)
    masks = np.zeros((len(images), SIDE, SIDE))
    unread = [b"unread"] * len(images)
    factories.write_site(ingest / site, cases, np.stack(images), masks, unread, border_share=0.25, panel_share=0.125)
    return cases
