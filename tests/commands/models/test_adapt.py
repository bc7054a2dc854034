"""`mcdrl adapt`: what it refuses, what it says, what it writes, and that the model stays as it was."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mcdrl.artifacts.promise import PROMISE, write_promise
from mcdrl.artifacts.training_data import TRAINING_SITES
from mcdrl.base.errors import InputError
from mcdrl.commands.models import adapt as command
from mcdrl.commands.models.adapt import Options, adapt_folder
from mcdrl.commands.models.adapt_told import against
from mcdrl.commands.models.pack import pack
from mcdrl.commands.sites.classes import DEFAULT
from mcdrl.metrics.operating_point import OperatingPoint
from mcdrl.metrics.paired import Pairs, compare
from mcdrl.model.adapted import Adapted
from mcdrl.model.api import load
from mcdrl.model.card import read_card
from mcdrl.model.held_out import further_sizes_of, threshold_of
from mcdrl.model.members import members, write_members
from mcdrl.model.shipped import origin, shipped_folder
from mcdrl.model.training_data import known_frames, training_sites, write_known_frames, write_training_sites
from mcdrl.training import adaptation_gain
from mcdrl.training.adaptation_gain import Change, Gain
from mcdrl.training.site_limits import KeptLesions, Share
from mcdrl.training.trust import Trust
from tests import lite_model
from tests.factories import bytes_of, make_promise, train_params
from tests.sites.site_folder import SiteFolder

OPTIONS = Options("labels", False, None, 2, 1, 0.01, 0, False, None, 1, "cpu")
ANYWAY = replace(OPTIONS, anyway=True)
SETTINGS = {"lesion_class": "a"}


def smooth(seed):
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((64, 48), Image.Resampling.BICUBIC)


def box(lesion=True):
    drawn = np.zeros((48, 64), np.uint8)
    drawn[10:30, 20:40] = 255 * lesion
    return Image.fromarray(drawn)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    parameters = train_params().model_dump()
    return lite_model.write_model(tmp_path_factory.mktemp("base"), parameters=parameters)


@pytest.fixture
def site(tmp_path):
    folder = SiteFolder(tmp_path / "north")
    for seed in range(6):
        folder.frame(f"{seed}.png", smooth(seed))
        folder.mask(f"{seed}.png", box(seed % 3 < 2))
    return folder.root


def run(site, model, out, options=OPTIONS, settings=SETTINGS):
    adapt_folder(site, model, out, None, settings, options)


def test_where_it_doesnt_help_it_says_so_and_writes_nothing(site, model, tmp_path, capsys):
    before = bytes_of(model)
    run(site, model, tmp_path / "out")
    said = capsys.readouterr().out
    assert "north: 6 frames (4 with a lesion, 2 without)" in said
    assert "6 scenes: nobody says which patient a frame is of" in said
    assert "nothing is replayed" in said
    assert "don't: 4 groups with a lesion are too few for an interval of the gain: 5 are needed" in said
    assert said.rstrip().endswith("no model is written")
    assert not (tmp_path / "out").exists()
    assert bytes_of(model) == before


def test_anyway_is_a_model_like_any_other(site, model, tmp_path, capsys):
    before = bytes_of(model)
    run(site, model, tmp_path / "out", ANYWAY)
    assert "is written all the same" in capsys.readouterr().out
    assert bytes_of(model) == before
    card, start = read_card(tmp_path / "out"), read_card(model)
    told = card.adapted
    assert told.weights_sha256 == start.weights_sha256 != card.weights_sha256
    assert (told.site, told.learned, told.n_frames, told.n_groups, told.groups) == ("north", "labels", 6, 6, "scenes")
    assert (told.folds, told.advised, told.replayed) == (2, False, [])
    assert told.scores["dice"].n_frames == 4
    assert told.scores["false_alarms"].n_frames == 2
    assert told.scores["dice"].low is None
    assert (card.held_out, card.sources) == (None, [*start.sources, "north"])
    assert load(tmp_path / "out", device="cpu").predict(np.asarray(smooth(9))).mask.shape == (48, 64)
    pack(tmp_path / "out", tmp_path / "packed", None)
    readme = (tmp_path / "packed" / "README.md").read_text()
    assert readme == (tmp_path / "out" / "README.md").read_text()
    assert "# mcdrl, adapted to north" in readme
    assert "against the advice" in readme
    fitted = "frames of north, answered by networks that were adapted to others of them"
    assert f"Confidence and flags were fitted on {fitted};" in readme
    assert f"chosen on {fitted}, too |" in readme
    assert "validation frames of the sites" not in readme
    run(site, model, tmp_path / "again", ANYWAY)
    assert bytes_of(tmp_path / "again") == bytes_of(tmp_path / "out")
    run(site, model, tmp_path / "other", replace(ANYWAY, seed=1))
    assert bytes_of(tmp_path / "other") != bytes_of(tmp_path / "out")


def test_where_it_helps_it_is_written(site, model, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(adaptation_gain, "helps", lambda _: True)
    run(site, model, tmp_path / "out")
    said = capsys.readouterr().out
    assert "don't" not in said
    assert f"{tmp_path / 'out'}: adapted to north, by all of its 6 frames" in said
    assert read_card(tmp_path / "out").adapted.advised
    assert "advice" not in (tmp_path / "out" / "README.md").read_text()


def test_trust_and_operating_point_are_those_of_the_folds(site, model, tmp_path, monkeypatch):
    found = []
    measured = command._measured
    monkeypatch.setattr(command, "_measured", lambda *given: found.append(measured(*given)) or found[0])
    run(site, model, tmp_path / "out", ANYWAY)
    card, trust = read_card(tmp_path / "out"), found[0].trust
    assert (card.temperature, card.flag_below) == (trust.temperature, trust.flag_below)
    assert card.operating_point == trust.operating_point != OperatingPoint()


def test_every_network_of_an_ensemble_is_adapted(site, model, tmp_path):
    ensemble = tmp_path / "ensemble"
    for seed in (0, 1):
        lite_model.write_model(tmp_path / f"drawn{seed}", drawn=seed, parameters=train_params().model_dump(), seed=seed)
        (tmp_path / f"drawn{seed}" / "model").rename(ensemble / str(seed)) if ensemble.is_dir() else (
            ensemble.mkdir(), (tmp_path / f"drawn{seed}" / "model").rename(ensemble / str(seed)))  # fmt: skip
    write_members(["0", "1"], ensemble)
    run(site, ensemble, tmp_path / "out", ANYWAY)
    starts, cards = ([read_card(one) for one in members(place)] for place in (ensemble, tmp_path / "out"))
    assert [card.adapted.weights_sha256 for card in cards] == [card.weights_sha256 for card in starts]
    assert len({card.weights_sha256 for card in [*starts, *cards]}) == 4
    assert "2 networks adapted to north" in (tmp_path / "out" / "README.md").read_text()


def test_frames_that_it_was_trained_on_are_refused(site, model, tmp_path):
    pack(model, tmp_path / "own", None)
    known = {"f" * 64: "B"}
    write_known_frames(known, tmp_path / "own")
    run(site, tmp_path / "own", tmp_path / "first", ANYWAY)
    after = known_frames([tmp_path / "first"])
    assert after.complete
    assert len(after.site_of) == 7
    with pytest.raises(InputError, match="6 of 6 frames are among those that the model has learned from, the first: "):
        run(site, tmp_path / "first", tmp_path / "second")
    assert not (tmp_path / "second").exists()


def test_of_a_model_that_does_not_know_its_frames_those_of_the_site_are_known(site, model, tmp_path, capsys):
    run(site, model, tmp_path / "first", LIMITS)
    known = known_frames([tmp_path / "first"])
    assert (known.complete, list(known.site_of.values())) == (False, ["north"] * 6)
    with pytest.raises(InputError, match="6 of 6 frames are among those that the model has learned from"):
        run(site, tmp_path / "first", tmp_path / "second", LIMITS)
    other = SiteFolder(tmp_path / "south")
    for seed in range(10, 16):
        other.frame(f"{seed}.png", smooth(seed))
        other.mask(f"{seed}.png", box(seed % 3 < 2))
    run(other.root, tmp_path / "first", tmp_path / "second", LIMITS)
    assert "doesn't say which frames it has learned from but of north, so nobody checked" in capsys.readouterr().err
    known = known_frames([tmp_path / "second"])
    assert (known.complete, sorted(known.site_of.values())) == (False, ["north"] * 6 + ["south"] * 6)


def test_frames_that_were_replayed_or_had_no_masks_are_known_too(site, model, tmp_path, monkeypatch):
    """Else nothing would keep them from judging the model later."""
    pack(model, tmp_path / "own", None)
    write_known_frames({"f" * 64: "B"}, tmp_path / "own")
    other = SiteFolder(tmp_path / "south")
    other.frame("9.png", smooth(9))
    other.mask("9.png", box())
    run(site, tmp_path / "own", tmp_path / "first", replace(ANYWAY, replay=[other.root]))
    assert sorted(known_frames([tmp_path / "first"]).site_of.values()) == ["B", *["north"] * 6, "south"]
    assert read_card(tmp_path / "first").sources == [*read_card(model).sources, "south", "north"]
    monkeypatch.setattr(command, "pseudo_labelled", lambda _, frames: replace(frames, masks=frames.masks * 0))
    bare = replace(ANYWAY, frames_only=True, learn="self-training")
    with pytest.raises(InputError, match="6 of 6 frames are among those that the model has learned from"):
        run(site / "images", tmp_path / "first", tmp_path / "second", bare)
    run(site / "images", tmp_path / "own", tmp_path / "second", bare)
    assert len(known_frames([tmp_path / "second"]).site_of) == 7


def test_pictures_above_a_folder_called_deploy_are_no_study_of_the_model(site, model, tmp_path, capsys):
    base = tmp_path / "hospital" / "deploy" / "polyp"
    pack(model, base, None)
    above = SiteFolder(tmp_path / "hospital")
    above.frame("9.png", smooth(9))
    above.mask("9.png", box())
    run(site, base, tmp_path / "out", ANYWAY)
    assert "nothing is replayed" in capsys.readouterr().out
    assert read_card(tmp_path / "out").sources == [*read_card(model).sources, "north"]


def test_what_the_frames_looked_like_goes_along(site, model, tmp_path):
    pack(model, tmp_path / "own", None)
    before = pd.DataFrame([("B", "brightness", 9, 0.1, 0.2, 0.3)], columns=TRAINING_SITES.schema.names)
    write_training_sites([before], tmp_path / "own")
    run(site, tmp_path / "own", tmp_path / "out", ANYWAY)
    told = training_sites([tmp_path / "out"])
    assert set(told["site"]) == {"B", "north"}
    assert told.query("site == 'B'").reset_index(drop=True).equals(before)
    own = told.query("site == 'north'").set_index("quantity")
    assert own.loc["brightness", "n_frames"] == 6
    assert own.loc["lesion_share", "n_frames"] == 4
    assert own.loc["lesion_share", "median"] == pytest.approx(20 * 20 / (48 * 64))


def test_a_model_that_doesnt_know_its_frames_says_that_nobody_checked(site, model, tmp_path, capsys):
    run(site, model, tmp_path / "out")
    assert "doesn't say which frames it has learned from" in capsys.readouterr().err


def change(differences):
    values, groups = np.array(differences, float), np.arange(len(differences)).astype(str)
    by = compare([Pairs(values[None], groups)], 200, np.random.default_rng(0))
    return Change(0.5, 0.5 + values.mean(), by)


@pytest.mark.parametrize(("dice", "alarms", "said"), [
    ([0.1, 0.1, 0.1, 0.1, 0.1], [0.2], "false alarms on frames without a lesion rise from 0.500 to 0.700"),
    ([0.5, -0.4, 0.3, -0.3, 0.4], [-0.2], "Dice isn't better for sure: +0.100 (-0.419 to 0.619)"),
    ([0.5, -0.4, 0.3, -0.3, 0.4], [-0.2] * 5, "Dice isn't better for sure: +0.100 (-0.419 to 0.619), though false"),
    ([-0.1, -0.1, -0.1, -0.1, -0.1], None, "Dice falls: -0.100 (-0.100 to -0.100)"),
    ([-0.1] * 5, [0.2], "Dice falls: -0.100 (-0.100 to -0.100) and false alarms on frames without a lesion rise from "),
    ([0.1, 0.1, 0.1, 0.1], None, "4 groups with a lesion are too few for an interval of the gain: 5 are needed"),
])  # fmt: skip
def test_what_speaks_against_it(dice, alarms, said):
    scores = {"dice": change(dice), **({"false_alarms": change(alarms)} if alarms else {})}
    gain = Gain(2, scores, Trust(1.0, 0.5, OperatingPoint()))
    assert not gain.advised
    assert against(gain, None).startswith(said)


def table(site, patients):
    lines = [f"{seed}.png,{patient}" for seed, patient in enumerate(patients)]
    (site / "table.csv").write_text("\n".join(["file,patient", *lines]) + "\n")
    return {**SETTINGS, "table": "table.csv", "table_file": "file", "table_group": "patient"}


def test_patients_are_kept_together(site, model, tmp_path, capsys):
    run(site, model, tmp_path / "out", settings=table(site, "aabbcc"))
    assert "groups: 3 patients or sequences" in capsys.readouterr().out


def test_one_patient_alone_is_refused(site, model, tmp_path):
    with pytest.raises(InputError, match="all 6 frames are of one patient, so nobody can tell"):
        run(site, model, tmp_path / "out", settings=table(site, "aaaaaa"))


def test_frames_that_all_look_alike_are_refused(model, tmp_path):
    folder = SiteFolder(tmp_path / "north")
    for number in range(3):
        grey = np.asarray(smooth(0)).copy()
        grey[0, 0] = number
        folder.frame(f"{number}.png", Image.fromarray(grey))
        folder.mask(f"{number}.png", box())
    with pytest.raises(InputError, match="of one scene"):
        run(folder.root, model, tmp_path / "out")


def test_frames_without_a_lesion_alone_are_refused(model, tmp_path):
    folder = SiteFolder(tmp_path / "north")
    for seed in range(3):
        folder.frame(f"{seed}.png", smooth(seed))
        folder.mask(f"{seed}.png", box(lesion=False))
    with pytest.raises(InputError, match="not one of the 3 frames has a lesion"):
        run(folder.root, model, tmp_path / "out")


def test_lesions_that_vanish_count_as_no_frames_without_one(site, model, tmp_path, capsys):
    dot = np.zeros((480, 640), np.uint8)
    dot[201, 301] = 255
    for seed in (1, 2):
        smooth(seed).resize((640, 480)).save(site / "images" / f"{seed}.png")
        Image.fromarray(dot).save(site / "masks" / f"{seed}.png")
    run(site, model, tmp_path / "out", LIMITS)
    said = capsys.readouterr().out
    assert "north: 6 frames (5 with a lesion, 1 without)\nleft out: 2 with a lesion" in said
    assert "by 4 of its 6 frames; mcdrl" in said
    scores = read_card(tmp_path / "out").adapted.scores
    assert {name: one.n_frames for name, one in scores.items()} == {
        "sensitivity_suppressed": 3, "false_alarms_suppressed": 1,
    }  # fmt: skip
    with pytest.raises(InputError, match="6 of 6 frames are among those that the model has learned from"):
        run(site, tmp_path / "out", tmp_path / "again", LIMITS)
    for seed in (0, 3, 4, 5):
        smooth(seed).resize((640, 480)).save(site / "images" / f"{seed}.png")
        Image.fromarray(dot).save(site / "masks" / f"{seed}.png")
    with pytest.raises(InputError, match=r"not one of the 6 frames has a lesion that leaves a .* \(6 have a smaller"):
        run(site, model, tmp_path / "none", LIMITS)


def test_a_folder_that_is_there_is_never_written_over(site, model, tmp_path):
    for place in (model, site):
        with pytest.raises(InputError, match="exists; name a new folder"):
            run(site, model, place)


def test_a_folder_that_cannot_be_made_is_told_before_the_work(site, model, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "load_ensemble", lambda *_: pytest.fail("it has begun"))
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="Not a directory; name a folder where one can be"):
        run(site, model, tmp_path / "file" / "out")


def test_nothing_is_written_into_the_models_own_folder(site, model):
    with pytest.raises(InputError, match=r"is a model's folder or lies in one .*; name another folder"):
        run(site, model, model / "adapted")


def test_nothing_is_written_among_the_frames(site, model):
    with pytest.raises(InputError, match="pictures there would count as frames next time"):
        run(site, model, site / "adapted")


def test_where_no_frame_is_without_a_lesion_nobody_knows_of_false_alarms(site, model, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(adaptation_gain, "helps", lambda _: True)
    run(site, model, tmp_path / "both")
    assert "take care" not in capsys.readouterr().out
    for seed in (2, 5):
        (site / "images" / f"{seed}.png").unlink()
        (site / "masks" / f"{seed}.png").unlink()
    run(site, model, tmp_path / "out")
    assert "take care: the site has no frame without a lesion" in capsys.readouterr().out


def test_some_patients_that_nobody_names_are_told(site, model, tmp_path, capsys):
    run(site, model, tmp_path / "out", settings=table(site, ["a", "a", "b", "b", "", ""]))
    said = capsys.readouterr().out
    assert "groups: 4 patients and scenes: of 2 of 6 frames nobody says which patient they are of" in said


def test_without_masks_nothing_is_measured(site, model, tmp_path, capsys, monkeypatch):
    options = replace(ANYWAY, frames_only=True)
    with pytest.raises(InputError, match="--frames-only leaves no labels to learn from"):
        run(site / "images", model, tmp_path / "out", options)
    monkeypatch.setattr(command, "pseudo_labelled", lambda _, frames: replace(frames, masks=frames.masks * 0))
    bare = replace(options, learn="self-training")
    run(site / "images", model, tmp_path / "none", replace(bare, anyway=False))
    said = capsys.readouterr().out
    assert "images: 6 frames, without masks" in said
    assert "don't: images has no masks, so nobody can tell whether it helps there; no model is written" in said
    assert not (tmp_path / "none").exists()
    run(site / "images", model, tmp_path / "out", bare)
    card = read_card(tmp_path / "out")
    assert (card.adapted.folds, card.adapted.scores, card.adapted.advised) == (0, {}, False)
    assert card.temperature == read_card(model).temperature
    assert "fitted on validation frames of the sites" in (tmp_path / "out" / "README.md").read_text()
    assert "What that brought was not measured." in (tmp_path / "out" / "README.md").read_text()


def test_a_model_is_asked_at_the_sizes_that_it_was_judged_at_before_and_after(site, model, tmp_path, capsys):
    base, side = tmp_path / "base", read_card(model).size_px
    pack(model, base, None)
    write_promise(make_promise(further_sizes_px=[2 * side]), base / PROMISE)
    for start, told in ((base, f", {side} px, asked at {2 * side} px, too:"), (model, f", {side} px:")):
        run(site, start, tmp_path / f"of {start.name}", ANYWAY)
        assert told in capsys.readouterr().out
    adapted = tmp_path / "of base"
    assert f"also brought to {2 * side} px" in (adapted / "README.md").read_text(encoding="utf-8")
    assert read_card(adapted).adapted.further_sizes_px == further_sizes_of([adapted]) == [2 * side]
    before = {
        name: read_card(tmp_path / name).adapted.scores["dice"].before for name in ("of base", f"of {model.name}")
    }
    assert len(set(before.values())) == 2
    frame = np.asarray(smooth(0))
    told = load(adapted).predict(frame).probability
    assert np.array_equal(told, load(adapted, sizes=[side, 2 * side]).predict(frame).probability)
    assert not np.array_equal(told, load(adapted, sizes=[side]).predict(frame).probability)


@pytest.mark.parametrize("learn", ["labels", "limits"])
def test_the_threshold_that_it_was_judged_at_stays(site, model, tmp_path, capsys, learn):
    base, options = tmp_path / "base", ANYWAY if learn == "labels" else LIMITS
    pack(model, base, None)
    write_promise(make_promise(threshold=0.3), base / PROMISE)
    scores = []
    for start, told in ((base, " px, lesion from 0.3 on:"), (model, " px:")):
        run(site, start, tmp_path / f"of {start.name}", options)
        assert told in capsys.readouterr().out
        scores.append(read_card(tmp_path / f"of {start.name}").adapted.scores)
    assert scores[0] != scores[1]
    assert threshold_of([tmp_path / "of base"]) == threshold_of([base]) == 0.3
    if learn == "limits":
        masks = [load(one, device="cpu").predict(np.asarray(smooth(0))).mask for one in (base, tmp_path / "of base")]
        assert np.array_equal(*masks)


def test_what_is_odd_about_masks_is_told(site, model, tmp_path, capsys):
    for seed in (0, 1, 3, 4):
        Image.fromarray(255 - np.asarray(box())).save(site / "masks" / f"{seed}.png")
    run(site, model, tmp_path / "out", LIMITS)
    said = capsys.readouterr().out
    told = "  note: 1 x lesion in more than half of the frame, e.g. north: 4 of 4 masks; if they show the background"
    assert told in said.partition("each frame by limits")[0]


LIMITS = replace(ANYWAY, learn="limits", steps=None, rate=None)


def test_limits_alone_leave_weights_and_sources_as_they_were(site, model, tmp_path, capsys):
    base = tmp_path / "base"
    pack(model, base, None)
    write_known_frames({"f" * 64: "B"}, base)
    write_training_sites([pd.DataFrame([("B", "sharpness", 9, 1, 2, 3.0)], columns=TRAINING_SITES.schema.names)], base)
    run(site, base, tmp_path / "out", LIMITS)
    said = capsys.readouterr().out
    assert "each frame by limits that others chose (2 folds), on the grid of the working size, 224 px:" in said
    assert "a found lesion kept" in said
    assert "replayed" not in said
    assert f"{tmp_path / 'out'}: the model with limits for north, by all of its 6 frames" in said
    card, start = read_card(tmp_path / "out"), read_card(base)
    assert (card.weights_sha256, card.sources) == (start.weights_sha256, start.sources)
    assert card.operating_point != start.operating_point
    assert card.temperature != start.temperature
    assert set(card.adapted.scores) == {"sensitivity_suppressed", "false_alarms_suppressed"}
    assert sorted(known_frames([tmp_path / "out"]).site_of.values()) == ["B", *["north"] * 6]
    assert set(training_sites([tmp_path / "out"])["site"]) == {"B"}  # the network has learned nothing of north
    readme = (tmp_path / "out" / "README.md").read_text()
    assert "by its limits alone, while its weights stayed: 6 of its frames" in readme
    assert "limits that the others of its 6 scenes chose reached, fold by fold, lesions found " in readme
    assert "chosen on frames of north, too" in readme
    run(site, base, tmp_path / "again", LIMITS)
    assert bytes_of(tmp_path / "again") == bytes_of(tmp_path / "out")


def test_limits_are_written_where_the_old_ones_lose_too_much(site, model, tmp_path, capsys, monkeypatch):
    found = KeptLesions(0.9, Share(0.4, 0.2, 0.6), Share(0.88, 0.8, 0.95), 30, 30)
    monkeypatch.setattr(command, "kept_by", lambda *_: found)
    run(site, model, tmp_path / "out", replace(LIMITS, anyway=False))
    assert "don't" not in capsys.readouterr().out
    assert read_card(tmp_path / "out").adapted.advised
    monkeypatch.setattr(command, "kept_by", lambda *_: replace(found, before=Share(0.4, 0.2, 0.95)))
    run(site, model, tmp_path / "none", replace(LIMITS, anyway=False))
    assert (
        "don't: its own limits keep a lesion in 0.400 of the frames in which one is found (0.200 to 0.950), where "
        "0.900 is promised, and new ones don't spare false alarms for sure; no model is written"
    ) in capsys.readouterr().out
    assert not (tmp_path / "none").exists()


NOBODY = Share(np.nan, np.nan, np.nan)


@pytest.mark.parametrize(("kept", "said"), [
    (KeptLesions(0.9, Share(0.4, 0.2, 0.6), Share(0.3, 0.2, 0.4), 30, 30), "promised, and new ones in 0.300; give"),
    (KeptLesions(0.9, Share(1, 0.9, 1), Share(0.3, 0.2, 0.4), 30, 30), "0.900 is promised, and new ones in 0.300"),
    (KeptLesions(0.9, Share(0.4, np.nan, np.nan), NOBODY, 4, 4), "4 groups in which a lesion is found are too few"),
    (KeptLesions(0.9, NOBODY, NOBODY, 0, 0), "0 groups in which a lesion is found are too few to tell what"),
])  # fmt: skip
def test_what_speaks_against_new_limits(kept, said):
    assert said in against(Gain(2, {}, Trust(1.0, 0.5, OperatingPoint()), kept), None)


def test_weights_stay_byte_for_byte_and_what_their_owners_ask_for_with_them(site, tmp_path):
    """Of half precision, twice; and a model that went on from such a one twice still says where it came from."""
    start = shipped_folder("polyp_lite0")
    site_of = {**SETTINGS, "lesion_class": DEFAULT}
    for place, base in (("once", start), ("twice", tmp_path / "once")):
        other = SiteFolder(tmp_path / place / "site")
        for seed in range(6):
            other.frame(f"{seed}.png", smooth(len(place) * 10 + seed))
            other.mask(f"{seed}.png", box(seed % 3 < 2))
        run(other.root, base, tmp_path / place / "out", LIMITS, site_of)
        (tmp_path / place / "out").rename(tmp_path / f"{place}.model")
        (tmp_path / place).rename(tmp_path / f"{place}.site")
        (tmp_path / f"{place}.model").rename(tmp_path / place)
        assert (tmp_path / place / "model.safetensors").read_bytes() == (start / "model.safetensors").read_bytes()
        readme = (tmp_path / place / "README.md").read_text()
        assert "CC BY 4.0" in readme
        assert "The weights are those of `polyp_lite0`" in readme
    card = read_card(tmp_path / "twice")
    assert card.adapted.history == [read_card(tmp_path / "once").adapted, card.adapted]
    assert "Before that it had been adapted to **site** with masks" in (tmp_path / "twice" / "README.md").read_text()
    told = Adapted(**{**card.adapted.model_dump(), "weights_sha256": "0" * 64})
    assert origin(card.model_copy(update={"weights_sha256": "1" * 64, "adapted": told})) == "polyp_lite0"


@pytest.mark.parametrize(("options", "said"), [
    (replace(LIMITS, steps=3), "--learn limits trains nothing, so --steps can't act on it; leave it out"),
    (replace(LIMITS, learn="statistics", replay=[], rate=0.1), "--learn statistics trains nothing, so --replay and"),
    (replace(LIMITS, frames_only=True), "--frames-only leaves no labels to learn from"),
])  # fmt: skip
def test_options_that_have_nothing_to_act_on_are_refused(site, model, tmp_path, options, said):
    with pytest.raises(InputError, match=said):
        run(site, model, tmp_path / "out", options)


def test_a_site_without_masks_is_told_how_it_is_learned_without(site, model, tmp_path):
    shutil.rmtree(site / "masks")
    for settings in ({}, {"lesion_class": "polyp"}):
        with pytest.raises(InputError, match=r"nothing in it is a mask.*--frames-only with --learn statistics or"):
            run(site, model, tmp_path / "out", settings=settings)
