"""What names of frames and of masks have in common."""

import pytest

from mcdrl.commands.sites.common_names import MaskName, mask_names, rests_of


@pytest.mark.parametrize(
    ("frames", "masks", "found"),
    [
        (["1", "2"], ["m1", "m2"], [MaskName("m{stem}.*")]),
        (["1_0000", "2_0000"], ["1", "2"], [MaskName("{stem}.*", suffix="_0000")]),
        (["image_1", "image_11"], ["mask_1", "mask_11"], [MaskName("mask_{stem}.*", "image_")]),
        (["image_1"], ["mask_1"], [MaskName("mask_{stem}.*", "image_")]),
        (["x_image_a", "x_image_b"], ["x_mask_a", "x_mask_b"], [MaskName("x_mask_{stem}.*", "x_image_")]),
        (["image_3fa9", "image_77b"], ["mask_3fa9", "mask_77b"], [MaskName("mask_{stem}.*", "image_")]),
        (["imga", "imgb"], ["gta", "gtb"], []),  # words are compared whole
        (["image_1", "image_2"], ["mask_3", "mask_4"], []),
        (["image_1", "image_2"], ["mask_01", "mask_02"], []),
        (["p1_image_1", "p1_image_2", "p2_image_1"], ["p1_mask_1", "p1_mask_2", "p2_mask_1"], []),
        ([], ["mask_1"], []),
    ],
)
def test_what_masks_may_be_called(frames, masks, found):
    assert mask_names(frames, masks) == found


def test_a_few_names_of_many_that_are_shared_by_chance_propose_nothing():
    assert mask_names([f"image_{n}" for n in range(100)], [f"slice_{n}" for n in range(90, 300)]) == []


def test_thousands_of_names_are_compared_in_the_same_way_every_time():
    frames, masks = ([f"{name}_{n}" for n in range(5000)] for name in ("image", "mask"))
    assert mask_names(frames, masks) == [MaskName("mask_{stem}.*", "image_")]


def test_the_rests_of_a_name():
    assert rests_of("colon_image_12") == [
        ("", "_image_12"), ("colon_", "_12"), ("", "image_12"), ("", "12"),
    ]  # fmt: skip
