import numpy as np
import pytest

from mcdrl.renderer.corpus import sample_corpus_frame
from mcdrl.renderer.names import CONFOUNDERS, LAID_ON
from mcdrl.renderer.plan import ScenePlan
from stages.pretrain.twins import exchanged, sample_twin

SIZE = 64


@pytest.mark.parametrize("seed", range(12))
def test_a_twin_is_its_frame_but_for_one_confounder(seed):
    frame, twin = sample_corpus_frame(seed, SIZE), sample_twin(seed, SIZE)
    assert np.array_equal(frame.mask, twin.mask)
    assert frame.lesion_class == twin.lesion_class
    gone = [name for name in CONFOUNDERS if frame.strengths[name] and not twin.strengths[name]]
    come = [name for name in CONFOUNDERS if twin.strengths[name] and not frame.strengths[name]]
    assert len(come) == 1
    assert len(gone) == any(frame.strengths[name] for name in LAID_ON)
    assert not gone or frame.strengths[gone[0]] == twin.strengths[come[0]]
    others = set(CONFOUNDERS) - {*gone, *come}
    assert all(frame.strengths[name] == twin.strengths[name] for name in others)
    assert not np.array_equal(frame.image, twin.image)


def test_where_the_confounder_is_not_a_twin_is_its_frame_to_the_pixel():
    """Blood covers places; the others show the same wall, light and noise."""
    bare, bloody = (
        sample_corpus_frame(
            3, SIZE, change=lambda plan, strengths=strengths: ScenePlan(plan.lesion_class, strengths=strengths)
        )
        for strengths in ({}, {"blood": 0.6})
    )
    same = (bare.image == bloody.image).all(axis=2)
    assert 0.2 < same.mean() < 1


def test_a_twin_is_of_the_styles_of_its_frame():
    frame, twin = sample_corpus_frame(3, SIZE, styles="apart"), sample_twin(3, SIZE, styles="apart")
    assert np.array_equal(frame.mask, twin.mask)
    assert not np.array_equal(twin.image, sample_twin(3, SIZE).image)


def test_twins_are_the_same_each_time():
    assert np.array_equal(sample_twin(5, SIZE).image, sample_twin(5, SIZE).image)


def test_a_plan_gets_one_confounder_for_another_and_never_both_of_two_that_exclude_each_other():
    rng = np.random.default_rng(0)
    plan = ScenePlan("polyp", strengths={"near_view": 0.9, "bright": 0.5, "blood": 0.4})
    seen = set()
    for _ in range(200):
        found = dict(exchanged(rng, plan).strengths)
        assert found.pop("near_view") == 0.9  # moves the camera, so that it is never exchanged
        assert len(found) == 2
        assert not {"bright", "dark"} <= set(found)
        (come,) = set(found) - set(plan.strengths)
        gone = "blood" if "bright" in found else "bright"
        assert found[come] == plan.strengths[gone]
        seen.add((gone, come))
    assert ("bright", "dark") in seen
    assert {gone for gone, _ in seen} == {"bright", "blood"}


def test_a_plan_without_any_gets_one():
    found = exchanged(np.random.default_rng(0), ScenePlan("polyp", strengths={"far_view": 0.5})).strengths
    assert found["far_view"] == 0.5
    assert len(found) == 2
