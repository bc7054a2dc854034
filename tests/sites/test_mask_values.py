"""What a site's masks mean together: one meaning a value, told in the site's keys or the same in every frame."""

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation

from mcdrl.artifacts.cases import QUARANTINE
from mcdrl.artifacts.frames import FRAMES, unpack_native_mask
from mcdrl.base.errors import InputError
from mcdrl.sites.gate import write_site
from tests.factories import section_params
from tests.sites.site_folder import noise

CLASSES = ["polyp", "cyst"]
HEIGHT, WIDTH = 120, 160


@pytest.fixture
def ingest(folder, tmp_path):
    def run(masks, **keys):
        for number, (stem, mask) in enumerate(masks.items()):
            folder.frame(f"{stem}.png", noise(number, WIDTH, HEIGHT))
            folder.mask(f"{stem}.png", Image.fromarray(mask))
        (tmp_path / "out").mkdir(exist_ok=True)
        return write_site(
            "A", folder.site(**keys), section_params("ingest", size_px=64, val_share=0.2), CLASSES, tmp_path / "out", 2
        )

    return run


def disc(radius: float, cy: float = 60, cx: float = 90) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.hypot(y - cy, x - cx) < radius


def labels(one: np.ndarray, two: np.ndarray, values: tuple[int, int]) -> np.ndarray:
    return np.where(one, values[0], np.where(two, values[1], 0)).astype(np.uint8)


def test_a_table_makes_cases_of_several_classes(ingest, tmp_path):
    small, large, ignored = disc(10, 20, 20), disc(30), disc(15, 100, 20)
    first = labels(small, large, (1, 2)) | labels(ignored, ignored, (255, 255))
    second = labels(ignored, ignored, (255, 255))
    result = ingest(
        masks={"both": first, "none": second},
        lesion_class=None,
        mask_values={"1": "cyst", "2": "polyp", "255": "ignore"},
    )
    cases = result.cases.set_index("case_id")
    assert cases["lesion_area_px"].to_dict() == {"A/both": small.sum() + large.sum(), "A/none": 0}
    assert cases["lesion_class"].fillna("none").to_dict() == {"A/both": "polyp", "A/none": "none"}
    with FRAMES.read(tmp_path / "out" / "frames.h5") as frames:
        native = unpack_native_mask(frames.blobs("native_mask", ["A/both"])[0])
    assert np.array_equal(native, np.where(small, 2, np.where(large, 1, np.where(ignored, 255, 0))))


def test_masks_that_call_different_values_lesion_stop_the_stage(ingest):
    """Labels 0, 1 and 255 where no frame holds all three: each of them is plain, and together they are not."""
    masks = {f"f{number}": labels(disc(20), disc(20), (value, value)) for number, value in enumerate((1, 255, 255))}
    with pytest.raises(InputError, match=r"1 in 1, e\.g\. A/f0; 255 in 2, e\.g\. A/f1; say what each means in mask_va"):
        ingest(masks=masks)


def test_the_same_masks_are_read_once_a_table_says_what_they_mean(ingest):
    masks = {f"f{number}": labels(disc(20), disc(20), (value, value)) for number, value in enumerate((1, 255, 255))}
    result = ingest(masks=masks, mask_values={"1": "lesion", "255": "ignore"})
    assert result.cases["lesion_area_px"].tolist() == [disc(20).sum(), 0, 0]


def test_plain_masks_beside_others_of_more_values_are_told(ingest, tmp_path):
    plain, more = labels(disc(20), disc(20), (255, 255)), labels(disc(20), disc(26), (1, 255))
    result = ingest(masks={"a": plain, "b": more, "c": plain})
    assert result.cases["case_id"].tolist() == ["A/a", "A/c"]
    quarantine = QUARANTINE.read(tmp_path / "out" / "quarantine.parquet")
    assert quarantine["file"].tolist() == ["images/b.png"]
    assert quarantine["reason"][0].startswith("mask values that nobody has explained: 0: ")
    assert [note.text for note in result.notes if "beside others" in note.kind] == [
        "masks read as two values beside others of more: 2 beside 1 refused; "
        "mask_values says what a value means in all of them"
    ]


def arc(radius: int) -> np.ndarray:
    """Half of an outline, which encloses nothing."""
    drawn = binary_dilation(disc(radius), iterations=2) & ~disc(radius)
    drawn[:, 90:] = False
    return drawn.astype(np.uint8) * 255


def test_lines_in_most_masks_are_told(ingest):
    filled = disc(30).astype(np.uint8) * 255
    most = ingest(masks={"a": arc(30), "b": arc(35), "c": filled, "d": filled * 0})
    assert [note.text for note in most.notes] == [
        "lesions drawn as thin lines: 2 of 3 masks; if they are outlines, fill them, or give them as polygons"
    ]


def test_lines_in_few_masks_are_not(ingest):
    filled = disc(30).astype(np.uint8) * 255
    assert not ingest(masks={"a": arc(30), "b": filled, "c": np.roll(filled, 9)}).notes


def test_an_unknown_class_among_the_values_is_an_error_of_params(tmp_path):
    from mcdrl.study.params import Site, _misread

    site = Site(root=str(tmp_path), card="folder", mask_values={"1": "polip", "255": "ignore"})
    assert _misread("X", site, CLASSES) == [
        "sites.X: lesion class: unknown 'polip'; did you mean 'polyp'? legal: cyst, polyp"
    ]
