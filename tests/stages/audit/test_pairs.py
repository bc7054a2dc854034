"""The table of pairs: planted copies are in it, nothing else is."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mcdrl.artifacts.audit import PAIRS
from stages.audit.pairs import find_pairs
from stages.audit.prints import take_prints
from stages.audit.symmetry import SYMMETRIES
from tests.factories import section_params
from tests.stages.audit.pictures import COPIES, all_at_once, case_table, cropped_by, picture, turned_by, working

LIMITS = section_params("audit")


def pairs_of(images, cases, **params):
    found = find_pairs(cases, take_prints(np.stack(images)), section_params("audit", **params))
    return found.set_index(["case_a", "case_b"])


@pytest.fixture(scope="module")
def originals():
    return [picture(number) for number in range(10)]


@pytest.mark.parametrize("copy", COPIES, ids=lambda copy: copy.__name__)
def test_every_planted_copy_is_found_and_nothing_else(originals, copy):
    images = [working(image) for image in originals]
    planted = [working(copy(image)) for image in originals[:5]] + [working(picture(50 + k)) for k in range(5)]
    cases = pd.concat([case_table("A", images), case_table("B", planted)], ignore_index=True)
    found = pairs_of(images + planted, cases)
    assert list(found.index) == [(f"A/{k:03d}", f"B/{k:03d}") for k in range(5)]
    assert set(found["kind"]) == {"near"}
    assert set(found["across"]) == {"across_sites"}


@pytest.mark.parametrize("symmetry", SYMMETRIES)
def test_a_mirrored_or_turned_copy_is_found_and_what_undoes_it_is_said(originals, symmetry):
    images = [working(image) for image in originals]
    turned = turned_by(symmetry)
    planted = [working(picture(60)), *(working(turned(image)) for image in originals[:3])]
    cases = pd.concat([case_table("A", images), case_table("B", planted)], ignore_index=True)
    found = pairs_of(images + planted, cases)
    assert list(found.index) == [(f"A/{k:03d}", f"B/{k + 1:03d}") for k in range(3)]
    (undo,) = set(found["symmetry"])
    back = Image.fromarray(planted[1])
    back = back if undo == "identity" else back.transpose(Image.Transpose[undo.upper()])
    assert np.abs(np.asarray(back).astype(int) - working(all_at_once(originals[0]))).mean() < 3


def test_the_symmetry_lays_the_second_on_the_first_whichever_was_cropped(originals):
    turned = turned_by("rotate_90")(originals[0])  # also cropped, so that the other one is the zoomed
    for first, second, undo in ((originals[0], turned, "rotate_270"), (turned, originals[0], "rotate_90")):
        images = [working(first), working(second)]
        assert pairs_of(images, case_table("A", images))["symmetry"].tolist() == [undo]


@pytest.mark.parametrize("cut", [0.02, 0.05, 0.1, 0.15, 0.2])
def test_central_crops_are_found(originals, cut):
    assert _share_found(originals, cut, [(0.5, 0.5)]) == 1


@pytest.mark.parametrize(("cut", "least"), [(0.02, 1), (0.05, 0.5), (0.1, 0.5)])
def test_most_crops_are_found_wherever_they_lie(originals, cut, least):
    """Places of a whole grid, not those that a view fits; textures are harder than frames, see the benchmark."""
    assert _share_found(originals, cut, list(product(np.linspace(0, 1, 6), repeat=2))) >= least


def _share_found(originals, cut, places):
    images = [working(originals[0])] + [working(cropped_by(cut, *place)(originals[0])) for place in places]
    found = pairs_of(images, case_table("A", images)).reset_index()
    return (found["case_a"] == "A/000").sum() / len(places)


def test_the_index_gives_the_table_that_comparing_all_pairs_gives(originals):
    """Each kind of copy, mirrored and turned ones and crops among them; figures of each pair and all."""
    changes = [*COPIES, *map(turned_by, SYMMETRIES[1:]), *(cropped_by(cut) for cut in (0.02, 0.1, 0.2))]
    planted = [working(change(originals[place % 10])) for place, change in enumerate(changes)]
    images = [working(image) for image in originals] + planted
    cases = pd.concat([case_table("A", images[:10]), case_table("B", planted)], ignore_index=True)
    found, expected = (pairs_of(images, cases, exact_up_to=up_to) for up_to in (0, len(images)))
    pd.testing.assert_frame_equal(found, expected)
    assert len(found) >= len(planted)


def test_equal_pixels_are_identical_with_or_without_detail(originals):
    flat = np.full((224, 224, 3), 90, np.uint8)
    images = [working(originals[0]), flat]
    cases = pd.concat([case_table("A", images), case_table("B", images[::-1])], ignore_index=True)
    found = pairs_of(images + images[::-1], cases)
    assert list(found.index) == [("A/000", "B/001"), ("A/001", "B/000")]
    assert set(found["kind"]) == {"identical"}
    assert (found["distance_bits"] == 0).all()
    assert (found["correlation"] == 1).all()
    assert set(found["symmetry"]) == {"identity"}


def test_where_a_pair_lies_is_said(originals):
    image = originals[0]
    images = [working(one) for one in (image, *[copy(image) for copy in COPIES[:3]])]
    cases = case_table("A", images, groups=["g", "g", "h", "h"], splits=["train", "train", "val", "val"])
    found = pairs_of(images, cases)
    assert len(found) == 6
    within = {("A/000", "A/001"), ("A/002", "A/003")}
    assert {pair for pair in found.index if found.loc[pair, "same_group"]} == within
    assert {pair for pair in found.index if found.loc[pair, "across"] == "within_group"} == within
    assert {pair for pair in found.index if not found.loc[pair, "across_split"]} == within
    assert set(found["across"]) == {"within_group", "across_groups"}


def test_equal_group_names_of_two_sites_are_two_groups(originals):
    images = [working(originals[0])] * 2
    cases = pd.concat([case_table(site, images[:1], groups=["g"]) for site in "AB"], ignore_index=True)
    row = pairs_of(images, cases).iloc[0]
    assert (row["across"], row["same_group"], row["across_split"]) == ("across_sites", False, False)


def test_a_copy_in_training_at_one_site_and_in_validation_at_another_is_across_the_split(originals):
    images = [working(originals[0])] * 2
    tables = [case_table(site, images[:1], splits=[side]) for site, side in (("A", "train"), ("B", "val"))]
    row = pairs_of(images, pd.concat(tables, ignore_index=True)).iloc[0]
    assert (row["across"], row["across_split"]) == ("across_sites", True)


def test_acceptance_is_for_a_pair_of_sites_in_either_order(originals):
    images = [working(originals[0])] * 3
    cases = pd.concat([case_table(site, images[:1]) for site in "ABC"], ignore_index=True)
    found = pairs_of(images, cases, accepted=[["B", "A"]])
    assert found["accepted"].to_dict() == {
        ("A/000", "B/000"): True, ("A/000", "C/000"): False, ("B/000", "C/000"): False
    }  # fmt: skip


def test_no_pairs_make_a_table_all_the_same(originals, tmp_path):
    images = [working(image) for image in originals]
    found = pairs_of(images, case_table("A", images)).reset_index()
    assert found.empty
    PAIRS.write(found[list(PAIRS.schema.names)], tmp_path / "audit.parquet")
    assert PAIRS.read(tmp_path / "audit.parquet").empty
