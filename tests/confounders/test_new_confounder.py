"""A further confounder is one entry: the stress test, the check of params.yaml and the page follow from it."""

import os
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mcdrl.artifacts.scores import SCORES
from mcdrl.base.errors import InputError
from mcdrl.confounders.confounder import Confounder, Measure, OnGeometry, OnPixels, OnScreen
from mcdrl.confounders.finished import FinishedFrame
from mcdrl.confounders.registry import REGISTRY, phrases
from mcdrl.imaging.profile import measure
from mcdrl.metrics.attention import proxies
from mcdrl.study.params import check
from mcdrl.study.variants import merged
from stages.report.inputs import read_inputs
from stages.report.write import write_report
from stages.stress.run import pictures
from tests.confounders.test_finished import scene
from tests.factories import by_category, section_params
from tests.projects import SHIPPED
from tests.stages.report.fake_study import build, results_of, study_of, write_stress


def pale(image, strength, _rng, _where):
    return image + (0.9 - image) * 0.6 * strength


def mirrored(image, masks, _field, _strength, _rng):
    lesion, ignored = (mask[:, ::-1] for mask in masks)
    return image[:, ::-1], (lesion, ignored)


SMOKE = Confounder(
    name="smoke", phrase="surgical smoke", category="air", operator=OnPixels(pale), measure=Measure("saturation", False)
)


@pytest.fixture
def smoke(monkeypatch):
    monkeypatch.setitem(REGISTRY, SMOKE.name, SMOKE)


def moving(monkeypatch):
    entry = Confounder("mirror", "mirrored screen", None, OnGeometry(mirrored))
    monkeypatch.setitem(REGISTRY, entry.name, entry)
    return entry.phrase


DRAWN = """
import numpy as np

from mcdrl.confounders.confounder import Confounder, OnPixels
from mcdrl.confounders.registry import REGISTRY

REGISTRY["smoke"] = Confounder(
    "smoke", "surgical smoke", "air", OnPixels(lambda image, strength, rng, where: image + (0.9 - image) * strength),
    drawn="wall", near_words=("haze",), held_out_words=("smoke haze",),
)

from mcdrl.renderer import ScenePlan, Style, make_patient, render
from stages.phantom.write import COLUMNS
from stages.pretrain.phrases import HELD_OUT, TRAINED

def frame(**strengths):
    patient = make_patient(np.random.default_rng(0), Style())
    return render(patient, ScenePlan(strengths=strengths), np.random.default_rng(1), 64)

clear, smoky = frame(), frame(smoke=0.8)
assert (clear.strengths["smoke"], smoky.strengths["smoke"]) == (0.0, 0.8)
assert smoky.image.std() < 0.6 * clear.image.std()
assert COLUMNS[-1] == "smoke"
assert (TRAINED["smoke"], HELD_OUT["smoke"]) == (("surgical smoke", "haze"), ("smoke haze",))
"""  # all else is imported when it is there, as it is where it stands in the file


class Store:
    """The frames of a site, all alike."""

    def rows(self, name, case_ids):
        image, mask = scene()
        return [image if name == "image" else mask.astype(np.uint8)] * len(case_ids)


def test_it_joins_the_shipped_dictionary_where_it_has_a_category(monkeypatch):
    shipped = by_category()
    monkeypatch.setitem(REGISTRY, SMOKE.name, SMOKE)
    moving(monkeypatch)
    assert by_category() == {**shipped, "air": ["surgical smoke"]}
    assert phrases()[-2:] == ["surgical smoke", "mirrored screen"]


@pytest.mark.usefixtures("smoke")
def test_the_stress_test_draws_it():
    cases = pd.DataFrame({"case_id": ["A/1"], "group_id": ["g"]})
    strengths = section_params("stress").strengths
    seen = {(one.confounder, one.strength): one.shown for one in pictures(cases, Store(), strengths)}
    assert [name for name, strength in seen if strength == 1.0] == phrases()
    whole, half = (seen["surgical smoke", strength].image.astype(int) for strength in (1.0, 0.5))
    assert whole.mean() > half.mean() > seen["none", 0.0].image.mean()


def study(**confounders):
    site = {
        "card": "folder", "root": "a", "lesion_class": "polyp", "table": "t.csv",
        "table_strengths": {"haze": "surgical smoke"},
    }  # fmt: skip
    return merged(SHIPPED, {"build_confounders": {"confounders": confounders}, "sites": {"A": site}})


def test_the_check_of_params_knows_it(monkeypatch):
    with pytest.raises(InputError, match=r"sites\.A: table_strengths: unknown confounder 'surgical smoke'"):
        check(study())
    check(study(air=["surgical smoke"]))
    monkeypatch.setitem(REGISTRY, SMOKE.name, SMOKE)
    check(study())
    with pytest.raises(InputError, match="'Surgical-smoke' is the confounder 'surgical smoke'; write"):
        check(study(air=["Surgical-smoke"]))


def test_the_phantom_draws_it_and_its_text_tower_learns_it_where_the_entry_says_so():
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = subprocess.run([sys.executable, "-c", DRAWN], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("smoke")
def test_real_frames_are_ranked_by_its_measure():
    images = [FinishedFrame(*scene(), "A/1").under("surgical smoke", strength).image for strength in (0.0, 0.5, 1.0)]
    profile = pd.DataFrame([measure(image) for image in images]).assign(case_id=["A/0", "A/1", "A/2"])
    found = proxies(profile)
    ranks = found.loc[found["confounder"] == "surgical smoke", "strength"]
    assert ranks.tolist() == pytest.approx([1 / 3, 2 / 3, 1])


@pytest.mark.usefixtures("smoke")
def test_the_page_shows_it_and_says_what_nothing_draws(tmp_path):
    toy = study_of()
    build(tmp_path, toy)
    write_stress(tmp_path, SCORES.read(tmp_path / "evaluate" / "cases.parquet"), phrases())
    inputs = read_inputs(toy, tmp_path)
    inputs = replace(inputs, dictionary=inputs.dictionary.replace({"confounder": {"mucus": "fog"}}))
    write_report(replace(results_of(toy, tmp_path), inputs=inputs), tmp_path / "out")
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert '<p class="name">surgical smoke</p>' in page  # the panel of its curves
    assert '<div class="label">surgical smoke</div>' in page  # the chart of drops
    assert re.search(r"<figcaption>surgical smoke<small>strength 1</small>", page)  # what it looks like
    assert "<td>surgical smoke</td>" in page
    assert "Not under test, as no operator draws them: fog.</p>" in page
    assert "surgical smoke" in (tmp_path / "out" / "stress.csv").read_text(encoding="utf-8")


def test_one_that_moves_things_takes_the_masks_along(monkeypatch):
    image, lesion = scene()
    ignored = np.roll(lesion, 60, axis=0)
    frame = FinishedFrame(image, lesion, "A/0", ~ignored)
    seen = frame.under(moving(monkeypatch), 1.0)
    np.testing.assert_array_equal(seen.image, image[:, ::-1])
    np.testing.assert_array_equal(seen.mask, lesion[:, ::-1])
    np.testing.assert_array_equal(~seen.judged, ignored[:, ::-1])


def test_one_that_moves_things_leaves_the_border(monkeypatch):
    rows, columns = np.mgrid[:224, :224]
    image, lesion = scene((rows - 112) ** 2 + (columns - 90) ** 2 < 80**2)
    frame = FinishedFrame(image, lesion, "A/0")
    phrase = moving(monkeypatch)
    kept = frame.under(phrase, 1.0).image
    np.testing.assert_array_equal(kept[:, 190:], image[:, 190:])  # the border stays where it was


def doubled(image, masks, _strength, _rng):
    lesion, ignored = (np.hstack([np.zeros_like(mask), mask]) for mask in masks)
    return np.hstack([np.zeros_like(image), image]), (lesion, ignored)


@pytest.mark.parametrize(("view", "box"), [("full", (0, 0, 448, 224)), ([0.5, 0, 1, 1], (224, 0, 448, 224))])
def test_one_that_lays_out_a_screen_is_looked_at_by_a_rule(monkeypatch, view, box):
    image, lesion = scene()
    monkeypatch.setitem(REGISTRY, "double", Confounder("double", "double screen", None, OnScreen(doubled, view)))
    seen = FinishedFrame(image, lesion, "A/0").under("double screen", 1.0)
    np.testing.assert_array_equal(seen.mask, np.hstack([np.zeros_like(lesion), lesion]))
    assert (seen.box, seen.image.shape, seen.judged.all()) == (box, (224, 224, 3), True)
    whole = box[0] == 0
    assert seen.shown_mask.sum() == pytest.approx(lesion.sum() / (2 if whole else 1), rel=0.05)
    if not whole:
        np.testing.assert_array_equal(seen.image, image)
        np.testing.assert_array_equal(seen.shown_mask, lesion)
