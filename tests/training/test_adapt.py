"""A model goes on learning from one site's frames: what holds it back does, and equal seeds give equal bytes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mcdrl.base.errors import InputError
from mcdrl.training.adapt import RECIPE, AdaptationRecipe, adapt, answers, joined, training_params
from mcdrl.training.adaptation_gain import judge
from mcdrl.training.checkpoint import snapshot
from tests.command_tree import command_tree
from tests.factories import train_params
from tests.training.stub_member import member, site_frames, with_masks

QUICK = AdaptationRecipe(steps=6, batch_size=4, replay_share=0.5, rate_share=1.0, anchor=0.0)


def adapted(recipe=QUICK, replay=None, seed=0, own=None, start=None):
    return adapt(start or member(), site_frames() if own is None else own, replay, recipe, seed)


def moved(state):
    start = snapshot(member().model.method)
    return sum(float((state[name] - start[name]).double().pow(2).sum()) for name in state) ** 0.5


def equal(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


def test_it_learns_what_the_site_calls_lesion():
    own, unseen = site_frames("A", 16, dark=True), site_frames("B", 16, dark=True)
    learner = member()
    before = judge(answers([learner], unseen), unseen).scores["dice"]
    adapted(AdaptationRecipe(60, 8, 0.5, 1.0, 0.0), own=own, start=learner)
    after = judge(answers([learner], unseen), unseen).scores["dice"]
    assert np.nanmean(after) > np.nanmean(before) + 0.3


def test_an_anchor_and_lower_rates_hold_it_near_its_start():
    free, anchored, slow = (
        moved(adapted(AdaptationRecipe(12, 4, 0.5, rate, anchor)))
        for rate, anchor in ((1.0, 0.0), (1.0, 0.3), (0.1, 0.0))
    )
    assert 0 < anchored < 0.8 * free
    assert 0 < slow < 0.3 * free


def test_a_step_pulls_weights_back_by_the_anchors_share():
    """One step at the highest rate: the anchor leaves its complement of the way."""
    learner = member()
    learner.model.card.parameters["warmup"] = 0.0
    one = AdaptationRecipe(1, 4, 0.0, 1.0, 0.0)
    free = adapt(learner, site_frames(), None, one, 0)
    anchored_learner = member()
    anchored_learner.model.card.parameters["warmup"] = 0.0
    anchored = adapt(anchored_learner, site_frames(), None, AdaptationRecipe(1, 4, 0.0, 1.0, 0.25), 0)
    start = snapshot(member().model.method)
    for name in free:
        torch.testing.assert_close(
            anchored[name] - start[name], 0.75 * (free[name] - start[name]), rtol=1e-3, atol=1e-6
        )


def test_frozen_blocks_stay():
    state, start = adapted(), snapshot(member().model.method)
    frozen = [name for name in state if name.startswith("trunk.lower_blocks.")]
    assert frozen
    assert all(torch.equal(state[name], start[name]) for name in frozen)
    assert not equal(state, start)


@pytest.mark.parametrize(("share", "new"), [(0.5, 2), (0.25, 3), (0.0, 4)])
def test_each_step_replays_a_share(share, new, monkeypatch):
    learner, seen = member(), []
    losses = learner.model.method.losses
    monkeypatch.setattr(
        learner.model.method, "losses", lambda batch, output: seen.append(batch.site) or losses(batch, output)
    )
    adapted(AdaptationRecipe(3, 4, share, 1.0, 0.0), replay=site_frames("B", number=1), start=learner)
    assert [int((sites == 0).sum()) for sites in seen] == [new] * 3
    assert [len(sites) for sites in seen] == [4] * 3


def test_every_frame_comes_before_any_comes_again(monkeypatch):
    learner, seen = member(), []
    own = site_frames("A", 8)
    numbered = type(own)(own.images, own.masks, own.lesion_class, own.groups, np.arange(8))
    losses = learner.model.method.losses
    monkeypatch.setattr(
        learner.model.method, "losses", lambda batch, output: seen.extend(batch.site.tolist()) or losses(batch, output)
    )
    adapted(AdaptationRecipe(4, 4, 0.0, 1.0, 0.0), own=numbered, start=learner)
    assert sorted(seen[:8]) == sorted(seen[8:]) == list(range(8))
    assert seen[:8] != seen[8:]


def test_equal_seeds_give_equal_numbers_and_leave_torchs_own_alone():
    replay = site_frames("B", number=1)
    learner = member()
    torch.manual_seed(3)
    drawn = torch.get_rng_state()
    one = adapted(replay=replay, start=learner)
    assert torch.equal(torch.get_rng_state(), drawn)
    torch.manual_seed(4)
    assert equal(one, adapted(replay=replay))
    assert not equal(one, adapted(replay=replay, seed=1))
    assert not equal(one, adapted())


def test_ignored_pixels_teach_nothing():
    own, start = site_frames(), snapshot(member().model.method)
    assert not equal(adapted(own=with_masks(own, 0)), start)
    assert equal(adapted(own=with_masks(own, 255)), start)


def test_hard_negatives_go_on_being_trained_and_an_older_card_knows_none():
    told = member().model.card.parameters
    lacking = {key: value for key, value in told.items() if key != "hard_negative_weight"}
    plain, older, hard = (
        adapted(start=member(parameters=numbers)) for numbers in (told, lacking, {**told, "hard_negative_weight": 1.0})
    )
    assert equal(plain, older)
    assert not equal(plain, hard)


def test_a_card_that_doesnt_say_how_it_was_trained_is_refused():
    with pytest.raises(InputError, match=r"doesn't say how it was trained \(no parameters.lr\)"):
        training_params(member(parameters={}))
    told = train_params(lr=0.25).model_dump()
    with pytest.raises(InputError, match=r"parameters.lr: .*-1"):
        training_params(member(parameters={**told, "lr": -1.0}))


def test_what_adapting_doesnt_ask_may_be_of_another_version():
    told = train_params(lr=0.25, clip_norm=3.0).model_dump()
    del told["miner"], told["augment"]["stretch"]
    params = training_params(member(parameters={**told, "of_later": 1}))
    assert (params.lr, params.clip_norm) == (0.25, 3.0)


def test_frames_of_several_sites_become_one():
    both = joined([site_frames("A", 4), site_frames("B", 6, number=1)])
    assert len(both) == 10
    assert both.site.tolist() == [0] * 4 + [1] * 6
    assert both.take(both.site == 1).groups.tolist() == site_frames("B", 6).groups.tolist()


def test_the_command_line_tells_the_defaults():
    options = {option.name: option.help for option in command_tree()["adapt",].params}
    assert options["steps"].endswith(f"default: {RECIPE.steps}.")
    assert options["rate"].endswith(f"default: {RECIPE.rate_share}.")


def test_a_presence_head_goes_on_learning_which_frames_have_a_lesion():
    """By its own weight: without one it stays, and the map learns the same whether there is a head or not."""
    told = member().model.card.parameters
    own = replace(site_frames("A", 16), masks=site_frames("A", 16).masks * (np.arange(16) % 4 < 2)[:, None, None])
    learner = member(presence=True, parameters={**told, "presence_weight": 1.0})
    before = [one.parts[0].presence for one in answers([learner], own)]
    state = adapted(AdaptationRecipe(60, 8, 0.0, 1.0, 0.0), own=own, start=learner)
    after = [one.parts[0].presence for one in answers([learner], own)]
    assert None not in before
    right, wrong = (float(np.mean(after, where=own.has_lesion == there)) for there in (True, False))
    assert right > wrong + 0.3
    idle = adapted(AdaptationRecipe(60, 8, 0.0, 1.0, 0.0), own=own, start=member(presence=True))
    heads = [name for name in state if name.startswith("presence.")]
    start = snapshot(member(presence=True).model.method)
    assert heads
    assert all(torch.equal(idle[name], start[name]) for name in heads)
    assert not any(torch.equal(state[name], start[name]) for name in heads)
