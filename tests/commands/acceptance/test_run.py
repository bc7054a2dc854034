"""From a folder to a verdict."""

import math
import os
import re

import pytest

from mcdrl.base.errors import InputError
from mcdrl.commands.acceptance.run import WantedAcceptance, accept
from mcdrl.commands.acceptance.write import write_acceptance
from mcdrl.commands.models.labelled import read_labelled
from mcdrl.metrics.shift import Place
from mcdrl.metrics.verdict import Verdict
from tests.commands.acceptance.hospital import (
    Bright,
    by_site,
    dice_of,
    judged,
    write_frame,
    write_hospital,
    write_model,
)

GOOD = [(16, 15 + number % 3) for number in range(12)]  # Dice 0.97 to 1
POOR = [(20, 4 + number % 3) for number in range(12)]  # Dice 0.33 to 0.46


@pytest.mark.parametrize(
    ("columns", "sites", "verdict"),
    [
        (GOOD, (0.9, 0.95, 0.97), Verdict.AS_PROMISED),
        (POOR, (0.9, 0.95, 0.97), Verdict.WORSE),
        (GOOD, (0.4, 0.42, 0.41), Verdict.BETTER),
        (GOOD[:4], (0.9, 0.95, 0.97), Verdict.TOO_FEW),
        (GOOD[:6] + POOR[:6], (0.7, 0.71, 0.72), Verdict.TOO_FEW),
        (POOR, (0.9, 0.95), Verdict.TOO_FEW_SITES),
        (POOR[:4], (0.9, 0.3, 0.5), Verdict.TOO_WIDE),
    ],
)
def test_the_verdict_is_of_dice_against_the_sites_left_out(tmp_path, columns, sites, verdict):
    found = judged(tmp_path, columns, by_site(*sites))
    assert found.verdict is verdict
    assert found.outcome.figures["dice"].value == pytest.approx(sum(dice_of(*one) for one in columns) / len(columns))
    assert math.isfinite(found.more) == (verdict is Verdict.TOO_FEW)


def test_six_frames_that_are_all_missed_leave_room_for_more(tmp_path):
    """Wilson's upper end for 0 of 6 is 0.39: above what is expected of the worst hospital here."""
    found = judged(tmp_path, [(0, 8)] * 6, by_site(0.5, 0.7, 0.6))
    dice = found.outcome.figures["dice"]
    assert (dice.value, dice.low, dice.high) == (0, pytest.approx(0, abs=1e-9), pytest.approx(0.39, abs=0.001))
    assert found.expected.low < dice.high
    assert found.verdict is Verdict.TOO_FEW
    assert found.more > 0


def test_without_a_promise_nothing_is_held_against_it(tmp_path):
    assert judged(tmp_path, POOR).verdict is Verdict.NO_PROMISE


def hashes(folder):
    labelled = read_labelled(folder, 32, view="full")
    return {frame.file: frame.sha256 for frame in labelled.frames(1)}


def test_frames_that_it_was_trained_on_count_in_no_figure(tmp_path):
    known = hashes(write_hospital(tmp_path / "copy", [*GOOD, (30, 3)]))
    found = judged(tmp_path, [*GOOD, (30, 3)], by_site(0.9, 0.95, 0.97), {known["images/a12.png"]: "S"})
    assert found.left_out == {"images/a12.png": "S"}
    assert found.outcome.figures["dice"].n == 12
    assert found.known.complete
    cases = found.cases().set_index("frame")
    assert cases.loc["images/a12.png", "reason"] == "the model has learned from it, at S"
    assert (cases["reason"] == "").sum() == 12


def test_nothing_but_frames_that_it_was_trained_on_is_refused(tmp_path):
    known = dict.fromkeys(hashes(write_hospital(tmp_path / "copy", GOOD)).values(), "S")
    with pytest.raises(InputError, match=r"has learned from every frame of .*north \(12, of S\)"):
        judged(tmp_path, GOOD, known=known)


def test_frames_without_masks_are_recognised_by_their_pixels_too(tmp_path):
    known = hashes(write_hospital(tmp_path / "copy", GOOD[:3]))
    columns = [(bright, None) for bright, _ in GOOD]
    found = judged(tmp_path, columns, known={known["images/a01.png"]: "S"})
    assert list(found.left_out) == ["images/a01.png"]
    assert len(found.tally.cases()) == 11


def test_a_folder_of_frames_alone_tells_what_needs_no_mask(tmp_path):
    found = judged(tmp_path, [(bright, None) for bright, _ in GOOD], by_site(0.9, 0.95, 0.97))
    assert not found.labelled
    assert "dice" not in found.outcome.figures
    assert found.outcome.figures["called_share"].value == pytest.approx(0.5)
    assert found.outcome.figures["flagged"].promised == 0.1


def test_a_view_says_nothing_of_masks(tmp_path):
    found = judged(tmp_path, [(8, None), (9, None)], settings={"view": [0.0, 0.0, 0.5, 1.0]})
    assert not found.labelled
    assert found.tally.cases()["view_share"].tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"settings": {"view": [0.0, 0.0, 2.0, 1.0]}}, "^view"),
        ({"settings": {"view": "fulll"}}, "^view"),
        ({"settings": {"channels": "xyz"}}, "^channels: .*'xyz'"),
        ({"frames_only": True, "card": "kvasir"}, "looks at no masks, but --card would"),
        (
            {"frames_only": True, "card": "kvasir", "settings": {"lesion_class": "polyp", "view": "full"}},
            "looks at no masks, but --card and lesion_class would; leave one or the other out",
        ),
    ],
)
def test_what_is_said_of_frames_alone_is_checked(tmp_path, options, words):
    with pytest.raises(InputError, match=words):
        judged(tmp_path, [(8, None), (9, None)], **options)


def test_masks_can_be_left_unread(tmp_path):
    found = judged(tmp_path, GOOD, frames_only=True)
    assert not found.labelled
    assert len(found.tally.cases()) == 12


def test_a_file_that_is_no_picture_is_told_and_the_others_are_judged(tmp_path):
    write_hospital(tmp_path / "north", [(4, None)])
    (tmp_path / "north" / "images" / "z.png").write_bytes(b"no picture")
    found = judged(tmp_path, [(8, None), (9, None)], frames_only=True)
    assert [issue.file for issue in found.refused] == ["images/z.png"]
    assert len(found.tally.cases()) == 2


def test_names_that_are_not_utf8_are_refused_in_a_sentence(tmp_path):
    write_frame(tmp_path / "north", "a", 4, None, 0)
    write_frame(tmp_path / "north", os.fsdecode(b"f\xfe01"), 4, None, 1)
    (tmp_path / "north" / os.fsdecode(b"clip\xff.mp4")).touch()
    found = judged(tmp_path, [], frames_only=True)
    assert [(issue.file, issue.kind, issue.detail) for issue in found.refused] == [
        ("images/f\\udcfe01.png", "file name is not UTF-8", "rename it")
    ]
    write_acceptance(found, tmp_path / "page")
    assert "clip\\udcff.mp4" in (tmp_path / "page" / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("true", [8, None])
def test_a_folder_whose_name_is_not_utf8_is_refused_in_a_sentence(tmp_path, true):
    folder = write_hospital(tmp_path / os.fsdecode(b"u8_\xff site"), [(8, true)] * 4)
    wanted = WantedAcceptance(
        folder, [write_model(tmp_path / "m")], tmp_path / "o", 0.5, "full", None, {}, frames_only=not true
    )
    with pytest.raises(InputError, match=r"the name of the folder .* site is not UTF-8; rename it"):
        accept(wanted, Bright(), 1)


def test_no_frame_that_can_be_read_is_refused(tmp_path):
    (tmp_path / "north").mkdir()
    (tmp_path / "north" / "z.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="not one of 1 files can be read as a frame"):
        judged(tmp_path, [], frames_only=True)


def test_a_folder_that_no_card_fits_says_how_to_go_on(tmp_path):
    write_frame(tmp_path / "north", "a", 4, None, 0)
    (tmp_path / "north" / "labels.json").write_text('{"shapes": [], "imagePath": "a.png"}')
    with pytest.raises(InputError, match=r"no card fits(.|\n)*--frames-only"):
        judged(tmp_path, [])


def test_what_is_there_stays(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match=r"--out .*out exists; name a new folder"):
        judged(tmp_path, GOOD)


def test_nothing_is_written_into_a_model_s_folder(tmp_path):
    folder = write_hospital(tmp_path / "north", [(bright, true) for bright, true in GOOD])
    model = write_model(tmp_path / "model")
    wanted = WantedAcceptance(folder, [model], model / "judged", 0.5, "full", None, {}, frames_only=False)
    with pytest.raises(InputError, match="is a model's folder or lies in one"):
        accept(wanted, Bright(), 1)
    assert not (model / "judged").exists()


@pytest.mark.parametrize("masks", [True, False])
def test_nothing_is_written_among_the_frames(tmp_path, masks):
    folder = write_hospital(tmp_path / "north", [(bright, true if masks else None) for bright, true in GOOD])
    wanted = WantedAcceptance(
        folder, [write_model(tmp_path / "model")], folder / "out", 0.5, "full", None, {}, frames_only=False
    )
    with pytest.raises(InputError, match=r"out lies in .*north: pictures there would count as frames next time"):
        accept(wanted, Bright(), 1)


def test_looks_are_held_against_the_training_sites(tmp_path):
    found = judged(tmp_path, GOOD, sites={"N": (0.0, 0.1), "S": (0.0, 0.2)})
    places = {one.quantity.column: one.place for one in found.shifts}
    assert places["brightness"] is Place.OUTSIDE
    assert places["glare_share"] is Place.OUTSIDE
    assert places["view_share"] is Place.OUTSIDE
    assert found.training == ["N", "S"]


def test_a_model_that_says_nothing_of_its_training_is_told_apart(tmp_path):
    found = judged(tmp_path, GOOD)
    assert found.shifts is None
    assert not found.known.complete


def test_a_folder_that_cannot_be_made_is_told_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr("mcdrl.commands.acceptance.run.known_frames", lambda _: pytest.fail("it has begun"))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Not a directory; name a folder where one can be"):
        judged(tmp_path, GOOD, out=tmp_path / "file" / "out")


def test_a_frame_has_one_verdict_in_any_batch(tmp_path):
    one = judged(tmp_path / "one", GOOD, predictor=Bright(batch_size=1))
    five = judged(tmp_path / "five", GOOD, predictor=Bright(batch_size=5))
    assert one.cases().equals(five.cases())


def test_a_wrong_setting_is_the_users_error(tmp_path):
    folder, model = write_hospital(tmp_path / "north", GOOD), write_model(tmp_path / "model")
    wanted = WantedAcceptance(
        folder, [model], tmp_path / "out", 0.5, "full", None, {"mask_treshold": 3}, frames_only=False
    )
    with pytest.raises(InputError, match="mask_treshold: unknown key; did you mean 'mask_threshold'"):
        accept(wanted, Bright(), 1)


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"lesion_class": "polyp"}, r"no card fits(.|\n)*; nothing in it is a mask or an annotation: --frames-only, and"),
     ({}, None)],
)  # fmt: skip
def test_a_folder_without_masks_that_are_spoken_of_says_so(tmp_path, settings, said):
    columns = [(8, None), (9, None)]
    if said is None:
        assert not judged(tmp_path, columns, settings=settings).labelled
        return
    with pytest.raises(InputError, match=said):
        judged(tmp_path, columns, settings=settings)


@pytest.mark.parametrize("frames_only", [False, True])
def test_masks_beside_the_folder_are_told_unless_nobody_wants_them(tmp_path, capsys, frames_only):
    folder, model = write_hospital(tmp_path / "north", GOOD) / "images", write_model(tmp_path / "model")
    out = tmp_path / "out"
    wanted = WantedAcceptance(folder, [model], out, 0.5, "full", None, {}, frames_only=frames_only)
    found = accept(wanted, Bright(), 1)
    told = f"masks may lie beside it, in {tmp_path / 'north' / 'masks'}: give {tmp_path / 'north'}, which holds both"
    assert not found.labelled
    assert (told in found.notes) == (told in capsys.readouterr().err) == (not frames_only)


@pytest.mark.parametrize("masks", ["../masks/{stem}.*", "{here}/masks/{{stem}}.*"])
def test_masks_that_a_setting_has_beside_the_folder_are_refused_with_the_folder_that_holds_both(tmp_path, masks):
    folder, model = write_hospital(tmp_path / "north", GOOD) / "images", write_model(tmp_path / "model")
    settings = {"images": "*", "masks": masks.format(here=folder.parent) if "here" in masks else masks}
    wanted = WantedAcceptance(folder, [model], tmp_path / "out", 0.5, "full", None, settings, frames_only=False)
    told = re.escape(f"give a folder that holds all of it: root: {folder.parent}, images: images/*, masks: masks/")
    with pytest.raises(InputError, match=told):
        accept(wanted, Bright(), 1)


def test_an_empty_folder_is_not_sent_on(tmp_path):
    (tmp_path / "north").mkdir()
    with pytest.raises(InputError) as caught:
        judged(tmp_path, [])
    assert "--frames-only" not in str(caught.value)
