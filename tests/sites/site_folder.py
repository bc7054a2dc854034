"""A small site on disk, frame by frame."""

from pathlib import Path

import numpy as np
from PIL import Image

from mcdrl.study.params import Site


class SiteFolder:
    """Writes frames and masks below `root` and reads the site back."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "images").mkdir(parents=True)
        (root / "masks").mkdir()

    def frame(self, name: str, image: Image.Image, **options) -> Path:
        path = self.root / "images" / name
        image.save(path, **options)
        return path

    def mask(self, name: str, image: Image.Image, **options) -> Path:
        path = self.root / "masks" / name
        image.save(path, **options)
        return path

    def pair(self, stem: str, seed: int = 0, lesion: bool = True) -> None:
        self.frame(f"{stem}.png", noise(seed))
        self.mask(f"{stem}.png", box_mask(lesion=lesion))

    def site(self, **keys) -> Site:
        given = {"root": str(self.root), "card": "folder", **keys}
        return Site(**given) if "table_class" in keys else Site(**{"lesion_class": "polyp", **given})


def noise(seed: int, width: int = 40, height: int = 30) -> Image.Image:
    """An RGB frame of its own."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def box_mask(width: int = 40, height: int = 30, value: int = 255, *, lesion: bool = True) -> Image.Image:
    """A grey mask whose lesion is the upper left 10 x 6 pixels."""
    grey = np.zeros((height, width), np.uint8)
    if lesion:
        grey[:6, :10] = value
    return Image.fromarray(grey)


def smooth_disc(height: int, width: int) -> np.ndarray:
    """A grey mask [height, width] of a disc with a smooth border, as masks are that were drawn larger and shrunk."""
    y, x = np.mgrid[: 8 * height, : 8 * width] / 8
    disc = np.hypot(y - 0.53 * height, x - 0.48 * width) < 0.3 * min(height, width)
    return np.asarray(Image.fromarray(disc.astype(np.uint8) * 255).resize((width, height), Image.Resampling.BOX))
