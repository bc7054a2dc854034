"""The words on a model that was trained on all sites."""

import pytest

from mcdrl.base.files import read_json, write_json
from mcdrl.model.bundle import FOLDER
from mcdrl.model.facts import CARD
from mcdrl.model.readme import promised, readme
from tests import lite_model
from tests.factories import make_promise


def test_it_was_trained_on_all_sites_and_judged_at_none(tmp_path):
    model = lite_model.write_model(tmp_path, held_out=None)
    told = readme(model, model / FOLDER, None, make_promise())
    assert told.startswith("# mcdrl, trained on all sites\n")
    assert "| held out | none |" in told
    assert "never seen, which" not in told
    assert "None" not in told
    assert f"That Dice is of sites that it knows. {promised(make_promise(), 'all of them')}" in told


def test_names_that_others_chose_are_shown_as_they_are(tmp_path):
    model = lite_model.write_model(tmp_path)
    changes = {"held_out": "pi|pe <b>", "sources": ["two\nlines", "kvasir_seg"], "class_prompts": ["*a* polyp"]}
    write_json({**read_json(model / CARD), **changes}, model / CARD)
    told = readme(model, model / FOLDER, None)
    assert told.startswith("# mcdrl, trained without pi\\|pe \\<b\\>\n")
    assert "\n| trained on | two\\\\nlines, kvasir_seg |\n" in told
    assert "\n| held out | pi\\|pe \\<b\\>, never seen" in told
    assert "Classes: \\*a\\* polyp." in told
    promise = make_promise(by_site={"A|": 0.8, "<B>": 0.6}, worst_site="<B>", drawn=["A|"])
    write_json({**read_json(model / CARD), "held_out": None}, model / CARD)
    told = readme(model, model / FOLDER, None, promise)
    assert "at the worst, \\<B\\>, 0.600." in told
    assert "about patients: A\\|.**" in told


def test_a_promise_that_stands_alone_speaks_of_no_dice_before_it():
    assert promised(make_promise()).startswith("It was trained on all sites, so that nobody could judge it elsewhere.")
    assert promised(None).startswith("**There is no estimate for new sites**")


def test_what_leaving_one_out_promises():
    told = " ".join(promised(make_promise()).split())
    assert "was judged at 2 sites, left out in turn and each time trained on the others (seed 0):" in told
    groups = f"{make_promise().n_groups} patients, sequences or, where nobody knows them, frames"
    assert f"Dice **0.700** (95 % interval of this mean over {groups}: 0.650 to 0.750), mean over the sites" in told
    assert "at the worst, B, 0.600. A new site may lie outside of the interval, as single sites may: A 0.800, " in told
    assert "B 0.600 (90 frames with a lesion)." in told
    assert "On 25% of 40 frames without a lesion it drew one." in told
    assert "its calibrated probabilities are off by 11.3 points." in told
    assert "It flagged 10% of the frames (Dice 0.400 there, 0.750 elsewhere)." in told
    assert "**" not in told.partition("0.700**")[2]


@pytest.mark.parametrize(("given", "said"), [
    ({"dice_low": None, "dice_high": None}, "(no interval: too few patients or sequences at a site)"),
    ({"drawn": ["A"]}, "**Drawn frames, which say nothing about patients: A.**"),
    ({"leaked_frames": 3}, "**3 of the frames were seen in training** (an accepted leak)"),
    ({"seeds": [0, 1]}, "(seeds 0, 1)"),
    ({"dice": None, "worst_site": None}, "no estimate for new sites**: the sites that were left out have no frame"),
])  # fmt: skip
def test_what_a_reader_may_not_miss(given, said):
    assert said in " ".join(promised(make_promise(**given)).split())


def test_without_a_study_nothing_is_promised():
    told = promised(None)
    assert "**There is no estimate for new sites**: no site was left out for this method in its study." in told
    assert "0." not in told


def test_what_was_not_measured_is_not_told():
    unmeasured = ("false_positive_rate", "calibration_error_called", "flagged")
    told = promised(make_promise(**dict.fromkeys(unmeasured)))
    assert told.endswith("(90 frames with a lesion).")
