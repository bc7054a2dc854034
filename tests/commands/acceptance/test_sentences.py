"""What a person reads."""

from dataclasses import replace

import pytest

from mcdrl.commands.acceptance.sentences import headline, known, points, summary, verdict, warnings
from mcdrl.model.training_data import KnownFrames
from tests.commands.acceptance.hospital import Bright, by_site, judged

GOOD = [(16, 15 + number % 3) for number in range(12)]
POOR = [(20, 4 + number % 3) for number in range(12)]
HIGH = by_site(0.9, 0.95, 0.97)


def figures(found):
    return found.outcome.figures["dice"]


def test_worse_says_by_how_much_with_the_interval_of_what_was_found(tmp_path):
    found = judged(tmp_path, POOR, HIGH)
    dice = figures(found)
    off = [found.expected.mean - one for one in (dice.value, dice.high, dice.low)]
    assert verdict(found) == f"worse than promised by {off[0]:.3f} ({off[1]:.3f} to {off[2]:.3f})"
    assert headline(found) == f"north: {verdict(found)}"
    assert ("Worse than promised.", True) in [(title, alarm) for title, _, alarm in warnings(found)]


def test_better_says_so_too(tmp_path):
    found = judged(tmp_path, GOOD, by_site(0.4, 0.42, 0.41))
    dice = figures(found)
    off = [one - found.expected.mean for one in (dice.value, dice.low, dice.high)]
    assert verdict(found) == f"better than promised by {off[0]:.3f} ({off[1]:.3f} to {off[2]:.3f})"


@pytest.mark.parametrize(("n", "words"), [
    (12, "over 12 frames with a lesion (nobody has said of whom, so the interval may be too narrow); IoU "),
    (4, "(no interval) over 4 frames with a lesion; IoU "),
])  # fmt: skip
def test_an_interval_that_is_not_there_is_not_called_narrow(tmp_path, n, words):
    assert words in dict(points(judged(tmp_path, GOOD[:n], HIGH)))["How good"]


def test_too_few_says_how_many_more(tmp_path):
    assert verdict(judged(tmp_path / "few", GOOD[:3], HIGH)) == (
        "too few frames to say: an interval takes 2 more frames with a lesion at least"
    )
    assert verdict(judged(tmp_path / "one", GOOD[:4], HIGH)) == (
        "too few frames to say: an interval takes 1 more frame with a lesion at least"
    )
    assert verdict(judged(tmp_path / "none", [(3, 0), (4, 0)], HIGH)) == (
        "too few frames to say: none of them has a lesion"
    )


def test_more_frames_are_asked_for_only_where_they_could_say_something(tmp_path):
    found = judged(tmp_path, POOR[:3], by_site(0.9, 0.3, 0.5))
    assert headline(found) == "north: no outcome could be worse than such a promise"
    said = dict(points(found))
    assert said["Against the promise"].endswith("so whatever was found keeps it: the figures tell, not the promise.")
    assert not [line for line in summary(found) if " more " in line]


def test_the_promise_is_told_with_its_worst_site_and_its_range(tmp_path):
    said = dict(points(judged(tmp_path / "three", GOOD, HIGH)))["Against the promise"]
    assert "3 sites that were left out had a Dice of 0.940 in the mean, the worst S0 with 0.900" in said
    assert (
        "(95 % prediction interval, wide as the sites are few). What was found here doesn't reach below that." in said
    )
    said = dict(points(judged(tmp_path / "two", GOOD, by_site(0.9, 0.99))))["Against the promise"]
    assert "they had 0.900 to 0.990, and fewer than 3 sites say nothing of how far others may be off" in said
    assert said.endswith("So there is no verdict; what was found here doesn't reach below them.")
    said = dict(points(judged(tmp_path / "poor", POOR, by_site(0.9, 0.99))))["Against the promise"]
    assert said.endswith("So there is no verdict; what was found here lies below them.")
    said = dict(points(judged(tmp_path / "none", GOOD)))["Against the promise"]
    assert said.startswith("There is no promise to hold it against")


def test_false_alarms_are_beside_the_promised_ones_and_their_price(tmp_path):
    said = dict(points(judged(tmp_path, [*GOOD, (4, 0), (0, 0)], HIGH)))["Where it fails"]
    assert "Something is called on 50 % of 2 frames without a lesion (promised: 25 %), with --suppress on 50 %" in said
    assert "which costs 0 % of the lesions" in said


@pytest.mark.parametrize(
    ("sites", "words"),
    [
        ({"N": (-200, 1e6), "S": (-200, 1e6)}, "In part: nothing lies outside of what it has seen, but brightness, "),
        ({"N": (-1e9, 1e9 - 2e4), "S": (-1e9 + 2e4, 1e9)}, "Yes: in all 10 quantities it lies among its 2 training"),
        (
            {"N": (0.0, 0.01), "S": (0.0, 0.02)},
            "No: the hospital lies outside of what the model has seen in brightness",
        ),
        (None, "Unknown: the model's folder doesn't say"),
    ],
)
def test_whether_the_model_knows_such_frames_is_said(tmp_path, sites, words):
    assert dict(points(judged(tmp_path, GOOD, sites=sites)))["Does the model know such frames"].startswith(words)


def test_large_frames_are_none_that_the_model_does_not_know(tmp_path):
    found = judged(tmp_path, GOOD, sites={"N": (-1e9, 1e9 - 2e4), "S": (-1e9 + 2e4, 1e9)})
    shifts = [
        replace(one, here=1080, lowest=252, highest=358, least=250, most=360, beyond=1.0)
        if one.quantity.column == "height_px" else one
        for one in found.shifts
    ]  # fmt: skip
    assert known(replace(found, shifts=shifts)).startswith("Yes: in all 10 quantities")


def test_frames_of_which_nothing_can_be_measured_are_not_known(tmp_path):
    found = judged(tmp_path, GOOD, sites={"N": (-1e9, 0), "S": (0, 1e9)})
    assert known(replace(found, shifts=found.shifts[:2])).startswith("Unknown: its frames show too little")
    assert known(replace(found, shifts=found.shifts[:3])).startswith("Yes: in all 3 quantities")


def test_what_lies_outside_is_named_once_with_its_unit(tmp_path):
    found = judged(tmp_path, GOOD, sites={"N": (-1e9, 1e9 - 2e4), "S": (-1e9 + 2e4, 1e9)})
    ends = {"brightness": (0.7, 0.75, 0.8), "view_share": (0.3, 0.6, 0.75), "hue_deg": (-50.0, 2.0, 10.0)}
    shifts = [
        replace(one, here=ends[name][0], lowest=ends[name][1], highest=ends[name][2], least=ends[name][1], most=99)
        if (name := one.quantity.column) in ends else one
        for one in found.shifts
    ]  # fmt: skip
    assert known(replace(found, shifts=shifts)) == (
        "No: the hospital lies outside of what the model has seen in brightness (here 0.70, training sites 0.75 to "
        "0.80), hue (degrees from red: here -50, training sites 2 to 10) and endoscopic view (share of the frame: here "
        "0.30, training sites 0.60 to 0.75)."
    )


def test_masks_that_may_be_the_background_are_told_beside_the_verdict(tmp_path):
    found = judged(tmp_path, [(4, 25 + number % 3) for number in range(12)], HIGH)
    fix = "invert them or say so: mask_values={0: lesion, 255: background}"
    doubt = f"Lesion in more than half of the frame: 12 of 12 masks; if they show the background, {fix}."
    title = "Masks or colours may be read wrongly; then no figure counts."
    assert next(warnings(found)) == (title, doubt, True)
    assert summary(found)[:2] == [f"north: {verdict(found)}", f"warning: {title} {doubt}"]
    assert sum(doubt in line for line in summary(found)) == 1


def test_what_no_figure_may_be_read_without_is_said(tmp_path):
    found = judged(tmp_path, GOOD, HIGH | {"drawn": ["S0"], "leaked_frames": 3, "threshold": 0.4})
    told = {title: alarm for title, _, alarm in warnings(found)}
    assert told == {
        "Training frames unknown.": False, "Promise of drawn frames.": True, "Leaked frames.": True,
        "Promise for another threshold.": False,
    }  # fmt: skip


def test_where_some_training_frames_are_known_it_says_of_which_site(tmp_path):
    found = judged(tmp_path, GOOD)
    some = replace(found, known=KnownFrames({"a" * 64: "North"}, complete=False))
    words = "The model's folder says it of North alone, so nobody knows whether it has seen the others."
    assert ("Training frames unknown.", words, False) in list(warnings(some))


@pytest.mark.parametrize(
    ("promised", "asked", "words"),
    [
        ([320, 288], (288, 320), None),
        ([], (), None),
        ([320], (), "It is for networks asked at 320 px beside; these were asked at their working size alone."),
        ([], (288, 320), "It is for networks asked at their working size alone; these were asked at 288 px and 320 px "
                         "beside."),
    ],
)  # fmt: skip
def test_a_promise_is_for_the_sizes_at_which_it_was_measured(tmp_path, promised, asked, words):
    predictor = Bright()
    predictor.further_px = asked
    found = judged(tmp_path, GOOD, HIGH | {"further_sizes_px": promised}, predictor=predictor)
    assert {title: said for title, said, _ in warnings(found)}.get("Promise for other sizes.") == words


def test_a_promise_of_single_networks_is_told_where_several_answer(tmp_path):
    found = judged(tmp_path, GOOD, HIGH)
    assert "Promise for single networks." not in {title for title, *_ in warnings(found)}
    told = {title: said for title, said, _ in warnings(replace(found, n_networks=3))}
    assert "and 3 answer together here" in told["Promise for single networks."]
    bare = replace(found, promise=None, n_networks=3)
    assert "Promise for single networks." not in {title for title, *_ in warnings(bare)}


def test_the_summary_says_what_cannot_be_said_without_masks(tmp_path):
    lines = summary(judged(tmp_path, [(bright, None) for bright, _ in GOOD], HIGH))
    assert lines[0] == "north: no masks, so nobody knows whether the promise is kept"
    assert any(line.startswith("Without masks: How good the masks are") for line in lines)
    assert not any("Dice here" in line or line.startswith("How good:") for line in lines)


@pytest.mark.parametrize(("known", "words"), [(12, None), (9, "3 frames count as one each"), (0, None)])
def test_frames_of_unknown_patients_among_others_are_told(tmp_path, known, words):
    (tmp_path / "north").mkdir()
    patients = [f"a{number:02d},{f'p{number // 3}' if number < known else ''}" for number in range(12)]
    (tmp_path / "north" / "whose.csv").write_text("\n".join(["file,patient", *patients]))
    settings = {"table": "whose.csv", "table_group": "patient"}
    found = judged(tmp_path, GOOD, HIGH, card="folder", settings=settings)
    told = {title: said for title, said, _ in warnings(found)}.get("Nobody has said of whom some frames are.")
    assert told == (None if words is None else f"{words}, so intervals may be too narrow.")
