"""Frames that look alike are one scene; hashes are imagehash's own."""

import imagehash
import numpy as np
from PIL import Image

from mcdrl.imaging.neighbours import NEAR_BITS, difference_hash, scenes
from tests.factories import section_params


def picture(seed, side=96):
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)


def test_a_hash_is_that_of_the_library():
    grey = picture(0).convert("L")
    bits = np.unpackbits(difference_hash(grey).view(np.uint8)).reshape(16, 16).astype(bool)
    assert np.array_equal(bits, imagehash.dhash(grey, hash_size=16).hash)


def test_neighbours_are_one_scene_and_strangers_are_not():
    """A camera that moves by two pixels a frame: the first and the last hang together by those between them."""
    wide = np.asarray(picture(1, 120))
    moving = [wide[:96, shift : shift + 96] for shift in range(0, 24, 2)]
    others = [np.asarray(picture(seed)) for seed in (2, 3)]
    found = scenes(np.stack([*moving, *others]))
    assert len(set(found[: len(moving)])) == 1
    assert len(set(found)) == 3


def test_frames_are_as_near_as_in_the_audit():
    assert section_params("audit").hash_bits == NEAR_BITS
