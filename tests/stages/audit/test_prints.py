"""Hashes and thumbnails."""

import imagehash
import numpy as np
from PIL import Image

from stages.audit.prints import VIEWS, join, take_prints
from stages.audit.symmetry import SYMMETRIES, turned
from tests.stages.audit.pictures import picture, working


def test_a_picture_that_brightens_to_the_right_has_all_bits_set():
    row = np.linspace(0, 250, 192).astype(np.uint8)
    ramp = np.repeat(np.tile(row, (192, 1))[..., None], 3, axis=2)
    rising, falling = take_prints(np.stack([ramp, ramp[:, ::-1]])).views
    assert (rising == np.uint64(2**64 - 1)).all()
    assert (falling == 0).all()


def test_the_whole_is_hashed_as_it_is_and_mirrored_and_turned():
    image = working(picture(2))
    prints = take_prints(image[None])
    np.testing.assert_array_equal(prints.wholes[0, 0], prints.views[0, 0])
    for symmetry in range(len(SYMMETRIES)):
        alone = take_prints(turned(image.transpose(2, 0, 1), symmetry).transpose(1, 2, 0)[None])
        np.testing.assert_array_equal(prints.wholes[0, symmetry], alone.wholes[0, 0])


def test_the_whole_frame_s_hash_is_the_library_s():
    image = working(picture(1))
    small = Image.fromarray(image).convert("L").resize((96, 96), Image.Resampling.BILINEAR)
    expected = np.packbits(imagehash.dhash(small, hash_size=16).hash)
    assert (take_prints(image[None]).views[0, 0].view(np.uint8) == expected).all()


def test_views_stay_in_the_frame_and_the_first_is_all_of_it():
    assert VIEWS[0].tolist() == [0, 0, 1, 1]
    assert ((VIEWS >= 0) & (VIEWS <= 1)).all()
    assert len(np.unique(VIEWS, axis=0)) == len(VIEWS)


def test_thumbnails_are_block_means():
    image = np.zeros((128, 128, 3), np.uint8)
    image[:2, :2] = [[[10] * 3, [20] * 3], [[30] * 3, [40] * 3]]
    thumb = take_prints(image[None]).thumbs[0]
    assert thumb.shape == (64, 64)
    assert thumb[0, 0] == 25
    assert thumb[0, 1] == 0


def test_batches_join_to_the_same_prints():
    images = np.stack([working(picture(number)) for number in range(3)])
    whole, parts = take_prints(images), join([take_prints(images[:1]), take_prints(images[1:])])
    assert (whole.views == parts.views).all()
    assert (whole.wholes == parts.wholes).all()
    assert (whole.thumbs == parts.thumbs).all()
