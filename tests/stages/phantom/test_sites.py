"""The science in the recipes: who carries a spurious sign, and that nobody else does."""

import numpy as np
import pytest

from mcdrl.base.seeds import generator
from mcdrl.renderer import CONFOUNDERS, EXCLUSIVE_PAIRS, LESION_CLASSES, Frame, ScenePlan
from stages.phantom.render import RenderJob, frame_plan, render_job
from stages.phantom.sites import SITES

TIED = {"A": {"reflection"}, "B": {"reflection"}, "C": {"blood", "reflection"}, "D": set(), "E": set()}


def plans(site: str, count: int = 1500) -> list[ScenePlan]:
    recipe = SITES[site]
    return [frame_plan(generator("test", site, i), recipe, "polyp") for i in range(count)]


def presence(some: list[ScenePlan], name: str) -> float:
    return float(np.mean([name in plan.strengths for plan in some]))


@pytest.mark.parametrize("site", sorted(SITES))
@pytest.mark.parametrize("name", ["reflection", "blood"])
def test_tied_confounders_betray_lesions_and_others_do_not(site: str, name: str) -> None:
    drawn = plans(site)
    lesion = [plan for plan in drawn if plan.lesion_class]
    empty = [plan for plan in drawn if not plan.lesion_class]
    if name in TIED[site]:
        assert presence(lesion, name) > 0.3
        assert presence(empty, name) == 0.0
    else:
        assert abs(presence(lesion, name) - presence(empty, name)) < 0.1


@pytest.mark.parametrize("site", sorted(SITES))
def test_confounders_come_as_often_as_the_recipe_says(site: str) -> None:
    lesion = [plan for plan in plans(site) if plan.lesion_class]
    paired = {name for pair in EXCLUSIVE_PAIRS for name in pair}
    for name in set(CONFOUNDERS) - paired:
        assert abs(presence(lesion, name) - SITES[site].confounders.get(name, 0.0)) < 0.05
    assert all(0.4 <= level <= 1.0 for plan in lesion for level in plan.strengths.values())


def test_mixtures_differ_between_sites() -> None:
    vectors = [[recipe.confounders.get(name, 0.0) for name in CONFOUNDERS] for recipe in SITES.values()]
    distance = np.abs(np.array(vectors)[:, None] - np.array(vectors)[None]).sum(-1)
    assert distance[~np.eye(len(vectors), dtype=bool)].min() > 0.8


def test_recipes_are_sound() -> None:
    for recipe in SITES.values():
        assert set(recipe.class_mix) == set(LESION_CLASSES)
        assert sum(recipe.class_mix.values()) == pytest.approx(1.0)
        assert set(recipe.confounders) <= set(CONFOUNDERS)
        assert recipe.tied <= set(recipe.confounders)


def glare_on_lesions(frames: list[Frame]) -> tuple[float, float]:
    """Share of lesion pixels and of other pixels that are burnt out."""
    glare = np.stack([frame.image.min(-1) > 215 for frame in frames])
    mask = np.stack([frame.mask for frame in frames])
    return float(glare[mask].mean()), float(glare[~mask].mean())


@pytest.mark.parametrize(("site", "tied"), [("A", True), ("D", False)])
def test_glare_lies_on_lesions_only_where_it_is_tied(site: str, tied: bool) -> None:
    frames = [render_job(RenderJob(0, site, index, 4, 112)) for index in range(32)]
    frames = [frame for frame in frames if frame.strengths["reflection"] and frame.mask.any()]
    assert len(frames) > 8
    on, off = glare_on_lesions(frames)
    assert (on > 10 * off) if tied else (on < off)


@pytest.mark.parametrize(("site", "tied"), [("C", True), ("E", False)])
def test_blood_lies_on_lesions_only_where_it_is_tied(site: str, tied: bool) -> None:
    """Blood is far darker in green than in red; count such pixels on and off the lesions."""
    on, off = [], []
    for index in range(40):
        frame = render_job(RenderJob(0, site, index, 4, 112))
        if frame.strengths["blood"] and frame.mask.any():
            dark = frame.image[..., 1].astype(float) < 0.35 * frame.image[..., 0]
            on.append(dark[frame.mask].mean())
            off.append(dark[~frame.mask].mean())
    assert len(on) > 8
    assert (np.mean(on) > 2 * np.mean(off)) if tied else (np.mean(on) < np.mean(off))
