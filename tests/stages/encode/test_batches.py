"""The frames of one site, in batches."""

import pytest

from mcdrl.artifacts.frames import FRAMES
from mcdrl.base.errors import InputError
from stages.encode.batches import batches, site_of


def test_batches_keep_every_case_once_and_in_order():
    assert batches(list("abcde"), 2) == [["a", "b"], ["c", "d"], ["e"]]
    assert batches([], 2) == []


def test_frames_of_another_site_are_refused(site_folder, images):
    with FRAMES.read(site_folder(images(1), "B") / "frames.h5") as reader:
        assert site_of(reader, "B") == "B"
        with pytest.raises(InputError, match="site 'B', expected 'A'"):
            site_of(reader, "A")
