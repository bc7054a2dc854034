import errno
import math
import os
import resource
import signal
import threading

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError
from torch import nn

from mcdrl.base.errors import InputError
from mcdrl.training import checkpoint, flips
from mcdrl.training.data import Frames, ahead, epoch_batches, in_turn, split
from mcdrl.training.fabric import make_fabric
from mcdrl.training.optimiser import make_optimiser, rate, set_rates
from mcdrl.training.sampling import epoch_frames
from mcdrl.training.selection import Epoch, best_validation_epoch
from tests.factories import train_params


def test_flips_are_drawn_by_their_place_all_legal_ways_alike():
    one, again, other = (flips.drawn(3000, ["horizontal", "both"], "train", seed, 0) for seed in (1, 1, 2))
    assert one == again != other
    assert set(one) == {"", "horizontal", "both"}
    assert all(abs(one.count(way) - 1000) < 120 for way in set(one))  # four standard deviations


def test_nothing_is_mirrored_where_no_flip_is_cached():
    assert flips.drawn(3, [], "train") == ["", "", ""]


def test_an_epoch_shuffles_all_frames_into_equal_batches():
    cases = [f"A/{n}" for n in range(10)]
    batches = epoch_batches(cases, 4, seed=0, epoch=0)
    assert [len(batch) for batch in batches] == [4, 4]
    assert len({case for batch in batches for case in batch}) == 8
    assert batches == epoch_batches(cases, 4, seed=0, epoch=0)
    assert batches != epoch_batches(cases, 4, seed=0, epoch=1)
    assert batches != epoch_batches(cases, 4, seed=1, epoch=0)
    assert sorted(epoch_batches(cases, 64, seed=0, epoch=0)[0]) == sorted(cases)


def test_an_epoch_has_each_frame_once_or_classes_with_even_chances():
    kinds = [0] * 700 + [1] * 80 + [2] * 20 + [-1] * 200  # 80 % with a lesion
    cases = [f"A/{place}" for place in range(1000)]
    frames = Frames(cases, [], dict(zip(cases, kinds, strict=True)), {})
    assert epoch_frames(frames, "shuffled", seed=0, epoch=0) == cases
    drawn = epoch_frames(frames, "class_balanced", seed=0, epoch=0)
    assert len(drawn) == 1000
    found = [sum(frames.class_index[case] == kind for case in drawn) / 1000 for kind in (0, 1, 2, -1)]
    np.testing.assert_allclose(found, [0.8 / 3, 0.8 / 3, 0.8 / 3, 0.2], atol=0.05)
    assert drawn == epoch_frames(frames, "class_balanced", seed=0, epoch=0)
    assert drawn != epoch_frames(frames, "class_balanced", seed=0, epoch=1)
    assert drawn != epoch_frames(frames, "class_balanced", seed=1, epoch=0)


def test_in_turn_leaves_nothing_out():
    assert in_turn(list("abcde"), 2) == [["a", "b"], ["c", "d"], ["e"]]


def _cases(splits, classes):
    count = len(splits)
    names = {"case_id": [f"A/{n}" for n in range(count)], "group_id": [f"g{n}" for n in range(count)]}
    return pd.DataFrame({**names, "site": "A", "split": splits, "class_index": classes})


def test_frames_are_divided_by_their_split():
    frames = split(_cases(["train", "val", "train", "val"], [0, 1, -1, -1]))
    assert frames.train == ["A/0", "A/2"]
    assert frames.val == ["A/1", "A/3"]
    assert frames.class_index == {"A/0": 0, "A/1": 1, "A/2": -1, "A/3": -1}
    assert set(frames.site_index.values()) == {0}
    assert frames.group == {f"A/{number}": f"A/g{number}" for number in range(4)}


def test_a_copy_of_a_training_frame_does_not_choose_the_epoch():
    cases = _cases(["train", "val", "train", "val"], [0, 1, -1, 1])
    frames = split(cases, {"A/0", "A/1"})
    assert (frames.train, frames.val) == (["A/0", "A/2"], ["A/3"])
    with pytest.raises(InputError, match=r"split 'val' .*\(A, 2 copies of training frames left out\)"):
        split(cases, {"A/0", "A/1", "A/3"})


@pytest.mark.parametrize(("classes", "part"), [([-1, 0], "train"), ([0, -1], "val")])
def test_a_part_without_lesions_is_refused(classes, part):
    with pytest.raises(InputError, match=rf"no frame with a lesion in split '{part}'.*\(A\)"):
        split(_cases(["train", "val"], classes))


def test_reading_ahead_keeps_the_order_hands_errors_over_and_stops_when_left():
    assert list(ahead(lambda: iter(range(20)))) == list(range(20))

    def broken():
        yield 1
        raise InputError("torn")

    with pytest.raises(InputError, match="torn"):
        list(ahead(broken))
    endless = ahead(lambda: iter(int, 1))
    next(endless)
    endless.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "read-ahead"]


def _history(*dice):
    return [Epoch(epoch, {}, value) for epoch, value in enumerate(dice)]


def test_the_best_validation_epoch_is_the_earliest_of_the_highest():
    assert best_validation_epoch(_history(0.1, 0.7, 0.3, 0.7), first=0) == 1
    assert best_validation_epoch(_history(0.0, 0.0), first=0) == 0


def test_epochs_before_the_first_that_counts_are_chosen_only_among_themselves():
    assert best_validation_epoch(_history(0.9, 0.1, 0.2, 0.2), first=1) == 2
    assert best_validation_epoch(_history(0.9, 0.95), first=2) == 1


@pytest.mark.parametrize("intervene_from", [3, 4])
def test_an_intervention_that_would_never_be_on_is_refused(intervene_from):
    with pytest.raises(ValidationError, match=rf"intervene_from {intervene_from} is not below epochs 3: .* never"):
        train_params(epochs=3, intervene_from=intervene_from)
    assert train_params(epochs=3, intervene_from=2).intervene_from == 2


def test_rates_rise_in_a_line_and_fall_along_a_cosine():
    rates = [rate(step, 100, 0.1) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert rates[10] == 1.0
    assert rates[55] == pytest.approx(0.5)
    assert rates[99] == pytest.approx(0.5 * (1 + math.cos(math.pi * 89 / 90)))
    assert rate(0, 1, 0.5) > 0


class _Trunk(nn.Linear):
    def encoder_parameters(self):
        return list(self.parameters())


class _Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk, self.head, self.norm = _Trunk(2, 2), nn.Linear(2, 2), nn.LayerNorm(2)
        self.fixed = nn.Parameter(torch.ones(2, 2), requires_grad=False)

    def encoder_parameters(self):
        return self.trunk.encoder_parameters()


def test_each_parameter_is_in_the_group_with_its_rate_and_decay():
    model = _Model()
    optimiser = make_optimiser(model, train_params(lr=0.1, lr_encoder=0.01, weight_decay=0.2))
    found = {
        id(parameter): (group["peak_lr"], group["weight_decay"])
        for group in optimiser.param_groups
        for parameter in group["params"]
    }
    expected = {
        model.trunk.weight: (0.01, 0.2), model.trunk.bias: (0.01, 0.0), model.head.weight: (0.1, 0.2),
        model.head.bias: (0.1, 0.0), model.norm.weight: (0.1, 0.0), model.norm.bias: (0.1, 0.0),
    }  # fmt: skip
    assert found == {id(parameter): value for parameter, value in expected.items()}
    set_rates(optimiser, 0.5)
    assert sorted({group["lr"] for group in optimiser.param_groups}) == [0.005, 0.05]


@pytest.fixture
def small_files():
    """No file may grow beyond 4 MiB: the nearest that a test comes to a full disk; its own log stays below that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 * 2**20, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_checkpoint_that_does_not_fit_is_the_operating_systems_error(tmp_path, small_files):
    method = nn.Linear(1200, 1200)  # 5.5 MiB
    with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):  # not one of safetensors' own, blind to disks
        checkpoint.save(tmp_path, checkpoint.Progress([], {}), method, torch.optim.AdamW(method.parameters()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["all", "0", "-1"])
def test_an_unfit_number_of_devices_is_refused(monkeypatch, value):
    monkeypatch.setenv("MCDRL_DEVICES", value)
    with pytest.raises(InputError, match=f"MCDRL_DEVICES is '{value}', expected a whole number"):
        make_fabric("auto")


def test_an_accelerator_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setenv("MCDRL_ACCELERATOR", "gpus")
    with pytest.raises(InputError, match="MCDRL_ACCELERATOR=gpus"):
        make_fabric("auto")
