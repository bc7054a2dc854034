"""The words on a model that was trained on all sites."""

import pytest

from mcdrl.artifacts.held_out_scores import HeldOutScores
from mcdrl.base.files import read_json, write_json
from mcdrl.model.adapted import Adapted, ScoreChange
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
    ({"dice_low": None, "dice_high": None}, "(no interval: too few patients or sequences at a site, or all alike)"),
    ({"drawn": ["A"]}, "**Drawn frames, which say nothing about patients: A.**"),
    ({"leaked_frames": 3}, "**3 of the frames were seen in training** (an accepted leak)"),
    ({"seeds": [0, 1]}, "(seeds 0, 1)"),
    ({"dice": None, "worst_site": None}, "no estimate for new sites**: the sites that were left out have no frame"),
])  # fmt: skip
def test_what_a_reader_may_not_miss(given, said):
    assert said in " ".join(promised(make_promise(**given)).split())


def test_the_mean_is_told_with_the_sites_that_it_is_over():
    told = promised(make_promise(held_out=["A", "B", "C"], by_site={"A": 0.8, "B": 0.6, "C": None}))
    assert "mean over 2 of the 3 sites, as C has no frame with a lesion; at the worst, B, 0.600." in told
    assert "as single sites may:\nA 0.800, B 0.600 (" in told


def test_groups_that_are_alike_give_the_held_out_site_no_interval(tmp_path):
    model = lite_model.write_model(tmp_path)
    scores = HeldOutScores(
        weights_sha256=FIRST, held_out="A", threshold=0.5, n_lesion=12, n_groups=6, dice=0.0, dice_low=0.0,
        dice_high=0.0, n_negative=0, false_positive_rate=None,
    )  # fmt: skip
    assert "it reached **0.000** (no interval: 6 groups, all alike):" in readme(model, model / FOLDER, scores)
    told = readme(model, model / FOLDER, scores.model_copy(update={"dice_high": 0.1}))
    assert "(95 % interval over 6 groups 0.000 to 0.100)" in told


def test_without_a_study_nothing_is_promised():
    told = promised(None)
    assert "**There is no estimate for new sites**: no site was left out for this method in its study." in told
    assert "0." not in told


def test_what_was_not_measured_is_not_told():
    unmeasured = ("false_positive_rate", "calibration_error_called", "flagged")
    told = promised(make_promise(**dict.fromkeys(unmeasured)))
    assert told.endswith("(90 frames with a lesion).")


FIRST, SECOND = "a" * 64, "b" * 64


def adapted(site, learned="labels", start=FIRST, **told):
    return Adapted(
        weights_sha256=start, site=site, learned=learned, n_groups=6, groups="scenes",
        **{"n_frames": 6, "replayed": [], "folds": 2, "further_sizes_px": [], "scores": {}, "advised": True, **told},
    )  # fmt: skip


def told_of(tmp_path, one):
    model = lite_model.write_model(tmp_path, held_out=None, adapted=one)
    return " ".join(readme(model, model / FOLDER, None).split())


def test_adapted_once_it_tells_of_nothing_before(tmp_path):
    told = told_of(tmp_path, adapted("north"))
    assert f"That Dice is of the model that it went on from ({FIRST[:12]}), and of sites" in told
    assert "Before that" not in told


def test_all_adaptations_are_told_in_their_order(tmp_path):
    first = adapted("north", "self-training", n_frames=9, replayed=["B"], advised=False, folds=0)
    second = adapted("south", "limits", SECOND, earlier_sha256=[FIRST], earlier=[first])
    told = told_of(tmp_path, second)
    assert told.startswith("# mcdrl, adapted to north, then to south ")
    assert f"That Dice is of the model that it first went on from ({FIRST[:12]}), and of sites that it knows." in told
    assert "It was adapted to **south** with masks, by its limits alone" in told
    before = (
        "Before that it had been adapted to **north** without masks, by what the model itself was sure of (9 of its "
    )
    assert f"{before}frames, beside frames of B; against the advice of `mcdrl adapt`). **There is" in told


def test_names_in_the_history_of_adaptations_are_shown_as_they_are(tmp_path):
    first = adapted("pi|pe", replayed=["<b>"])
    told = told_of(tmp_path, adapted("*south*", "limits", SECOND, earlier_sha256=[FIRST], earlier=[first]))
    assert told.startswith("# mcdrl, adapted to pi\\|pe, then to \\*south\\* ")
    assert "to **pi\\|pe** with masks (6 of its frames, beside frames of \\<b\\>; " in told


def test_adaptations_that_an_older_card_does_not_note_are_counted(tmp_path):
    one = adapted("south", start=SECOND, earlier_sha256=[FIRST, SECOND], earlier=[adapted("east")])
    told = told_of(tmp_path, one)
    before = "Before that it had been adapted 1 time of which nothing is noted, then to **east** with masks (6 of its "
    assert f"{before}frames; as `mcdrl adapt` advised)." in told


def test_where_limits_alone_were_chosen_the_dice_is_of_these_weights(tmp_path):
    one = adapted("south", "limits", earlier_sha256=[FIRST], earlier=[adapted("north", "limits")])
    assert "That Dice is of these weights, which stayed as they were, and of sites" in told_of(tmp_path, one)


@pytest.mark.parametrize("earlier", [[adapted("x"), adapted("y")], [adapted("x", earlier_sha256=[FIRST],
                                                                            earlier=[adapted("y")])]])  # fmt: skip
def test_a_history_that_does_not_agree_with_the_weights_is_damaged(earlier):
    with pytest.raises(ValueError, match=r"earlier has . adaptations, expected 1 at most"):
        adapted("north", earlier_sha256=[FIRST], earlier=earlier)


BY_FOLDS = "answered by networks that were adapted to others of them"
VALIDATION = "validation frames of the sites that it was first trained on"


@pytest.mark.parametrize(("told", "fitted"), [
    (adapted("north"), f"frames of north, {BY_FOLDS}"),
    (adapted("north", "limits"), "frames of north"),
    (adapted("north", "statistics"), f"frames of north with their masks, {BY_FOLDS}"),
    (adapted("north", "self-training", folds=0), f"{VALIDATION}, by the network before it was adapted to north"),
    (adapted("south", "statistics", folds=0, earlier_sha256=[FIRST], earlier=[adapted("north")]),
     f"frames of north, {BY_FOLDS}, before it was adapted to south"),
    (adapted("south", "statistics", folds=0, earlier_sha256=[FIRST], earlier=[adapted("north", "limits")]),
     "frames of north, by the network before it was adapted to south"),
    (adapted("south", "statistics", folds=0, earlier_sha256=[FIRST], earlier=[adapted("north", folds=0)]),
     f"{VALIDATION}, by the network before it was adapted to north and south"),
    (adapted("south", folds=2, earlier_sha256=[FIRST], earlier=[adapted("north", folds=0)]),
     f"frames of south, {BY_FOLDS}"),
    (adapted("south", "statistics", folds=0, earlier_sha256=[FIRST]),
     "frames that nobody noted, by the network before it was adapted to south"),
])  # fmt: skip
def test_whose_answers_of_which_frames_chose_the_limits(tmp_path, told, fitted):
    assert f"Confidence and flags were fitted on {fitted}; elsewhere" in told_of(tmp_path, told)


def test_of_the_scores_it_is_told_from_which_probability_on_a_pixel_was_lesion(tmp_path):
    scores = {"dice": ScoreChange(before=0.5, after=0.6, low=None, high=None, n_frames=6)}
    for threshold, said in (
        (0.3, "0.600 after (lesion from 0.3 on). "),
        (0.5, "0.600 after. "),
        (None, "0.600 after. "),
    ):
        one = adapted("north", scores=scores, threshold=threshold)
        assert f"Dice 0.500 before and {said}" in told_of(tmp_path / str(threshold), one)


@pytest.mark.parametrize(("wrong", "said"), [
    ({"threshold": 0.0}, "greater than 0"), ({"threshold": 1.0}, "less than 1"),
    ({"further_sizes_px": [320, 320]}, "320 stands twice"), ({"further_sizes_px": [7]}, "further_sizes_px.0"),
])  # fmt: skip
def test_an_adaptation_whose_numbers_cannot_be_is_damaged(wrong, said):
    with pytest.raises(ValueError, match=said):
        adapted("north", **wrong)


def test_weights_of_limits_alone_stayed_though_a_smaller_copy_was_made_of_them():
    one = adapted("south", "limits", SECOND, earlier_sha256=[FIRST], earlier=[adapted("north", "limits")])
    assert one.weights_stayed
    assert not adapted("south", "limits", SECOND, earlier_sha256=[FIRST], earlier=[adapted("north")]).weights_stayed


@pytest.mark.parametrize(("folds", "masks"), [(2, "; masks chose temperature and limits alone"), (0, "")])
def test_masks_that_taught_the_limits_alone_are_told(tmp_path, folds, masks):
    told = told_of(tmp_path, adapted("north", "statistics", folds=folds))
    assert f"without masks, by the frames' statistics in batch normalisation{masks}: 6 of its frames." in told
