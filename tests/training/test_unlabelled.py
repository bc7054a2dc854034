"""Without masks: none of them is looked at, and what is taken from the frames is what is said."""

import numpy as np
import pytest
import torch

from mcdrl.base.errors import InputError
from mcdrl.training.unlabelled import adapt_statistics, pseudo_labelled
from tests.factories import make_spec
from tests.training.stub_member import Constant, member, member_of, site_frames, with_masks


def test_normalisation_takes_the_frames_statistics():
    frames = site_frames("A", 32)
    learner = member_of(Constant())
    state = adapt_statistics(learner, frames)
    pixels = torch.from_numpy(frames.images).double() / 255
    by_batch = pixels.view(2, -1, 3)  # sixteen frames a batch
    torch.testing.assert_close(state["norm.running_mean"].double(), by_batch.mean((0, 1)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(state["norm.running_var"].double(), by_batch.var(1).mean(0), rtol=1e-4, atol=1e-5)
    assert not learner.model.method.norm.training
    assert learner.model.method.norm.momentum == 0.1


def test_masks_play_no_part():
    frames = site_frames("A", 16)
    poisoned = with_masks(frames, 1)
    one, other = (adapt_statistics(member_of(Constant()), own) for own in (frames, poisoned))
    assert all(torch.equal(one[name], other[name]) for name in one)
    own, theirs = (pseudo_labelled(member_of(Constant(0.95), flag_below=0.0), given) for given in (frames, poisoned))
    assert np.array_equal(own.masks, theirs.masks)


def test_a_network_that_normalises_no_batch_is_refused():
    with pytest.raises(InputError, match="has no batch normalisation"):
        adapt_statistics(member(), site_frames())


@pytest.mark.parametrize(("p", "label", "lesion_class"), [(0.95, 1, 0), (0.05, 0, -1), (0.8, 255, -1), (0.3, 255, -1)])
def test_what_it_is_sure_of_is_the_mask(p, label, lesion_class):
    frames = pseudo_labelled(member_of(Constant(p), flag_below=0.0), site_frames())
    assert (frames.masks == label).all()
    assert set(frames.lesion_class.tolist()) == {lesion_class}


def test_how_sure_it_is_is_calibrated():
    frames = pseudo_labelled(member_of(Constant(0.95), flag_below=0.0, temperature=2.0), site_frames())
    assert (frames.masks == 255).all()


def test_frames_that_it_flags_are_left_out():
    with pytest.raises(InputError, match="flags every frame"):
        pseudo_labelled(member_of(Constant(0.6), flag_below=0.7), site_frames())
    assert len(pseudo_labelled(member_of(Constant(0.8), flag_below=0.7), site_frames())) == 8


@pytest.mark.parametrize(("p", "count"), [(0.95, 8), (0.05, 8), (0.8, 0)])
def test_a_presence_head_learns_nothing_of_frames_that_may_have_a_lesion(p, count):
    """Of what it isn't sure of the mask would leave nothing, as if there were no lesion."""
    learner = member_of(Constant(p), flag_below=0.0, spec=make_spec(presence=True))
    if count:
        assert len(pseudo_labelled(learner, site_frames())) == count
    else:
        with pytest.raises(InputError, match="is sure of no frame of the site"):
            pseudo_labelled(learner, site_frames())


def test_several_lesion_classes_are_refused():
    with pytest.raises(InputError, match="for 2 lesion classes"):
        pseudo_labelled(member_of(Constant(), lesion_classes=["polyp", "tumor"]), site_frames())
