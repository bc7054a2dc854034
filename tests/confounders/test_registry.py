"""The entries fit each other, the shipped study, and what they say of real frames."""

import numpy as np
import pytest
import yaml

from mcdrl.artifacts.audit import PROFILE
from mcdrl.confounders.finished import FinishedFrame
from mcdrl.confounders.registry import REGISTRY, UNTOUCHED, named, phrases, respelled, without_operator
from mcdrl.imaging.profile import measure
from mcdrl.renderer.names import CONFOUNDERS, EXCLUSIVE_PAIRS
from tests.confounders.test_finished import scene
from tests.factories import by_category
from tests.projects import ROOT, SHIPPED

MEASURED = [name for name, entry in REGISTRY.items() if entry.measure]


def test_names_and_phrases_are_unique_and_fit_tables():
    assert [entry.name for entry in REGISTRY.values()] == list(REGISTRY)
    assert all(name.isidentifier() for name in REGISTRY)
    assert len({"".join(filter(str.isalnum, phrase.lower())) for phrase in phrases()}) == len(REGISTRY)
    assert UNTOUCHED not in phrases()


def test_the_shipped_dictionary_is_that_of_params_yaml():
    assert by_category() == SHIPPED["build_confounders"]["confounders"]


def test_the_phantom_calls_its_confounders_by_their_phrases():
    card = yaml.safe_load((ROOT / "data/sites/phantom.yaml").read_text(encoding="utf-8"))
    assert card["read"]["table_strengths"] == {name: REGISTRY[name].phrase for name in CONFOUNDERS}


def test_what_excludes_another_is_excluded_by_it_and_stands_in_one_pair():
    excluding = {name: entry.excludes for name, entry in REGISTRY.items() if entry.excludes}
    assert {partner: name for name, partner in excluding.items()} == excluding
    assert sorted(sum(EXCLUSIVE_PAIRS, ())) == sorted(name for name in excluding if name in CONFOUNDERS)


@pytest.mark.parametrize("name", MEASURED)
def test_the_measure_of_real_frames_goes_the_way_it_says(name):
    entry = REGISTRY[name]
    assert entry.measure.column in PROFILE.schema.names
    seen = [[], []]
    for seed in range(4):
        frame = FinishedFrame(*scene(seed=seed), f"A/{seed}")
        for values, strength in zip(seen, (0.0, 0.75), strict=True):
            values.append(measure(frame.under(entry.phrase, strength).image)[entry.measure.column])
    without, present = map(np.mean, seen)
    assert (present > without) if entry.measure.rises else (present < without)


def test_a_phrase_names_its_confounder_and_no_other_does():
    assert named("specular reflection") is REGISTRY["reflection"]
    with pytest.raises(ValueError, match="no confounder 'fog'; legal: motion blur"):
        named("fog")


@pytest.mark.parametrize("phrase", ["Narrow band imaging", "narrow_band_imaging", "NARROW-BAND  IMAGING"])
def test_a_phrase_that_is_spelled_otherwise_is_known(phrase):
    assert respelled(phrase) == "narrow-band imaging"
    assert respelled("narrow-band imaging") is None
    assert respelled("blue light") is None


def test_phrases_that_nothing_draws_are_told():
    assert without_operator(["blood", "fog", "mucus", "haze"]) == ["fog", "haze"]
