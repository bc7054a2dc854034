"""A training step never waits for its device: seen on tensors that say they are on CUDA and hold no numbers."""

from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from mcdrl.networks.inputs import batch_of_rows, open_sites, to_rows
from mcdrl.study.paths import site_files
from mcdrl.training import loop
from mcdrl.training.augment import augmented
from mcdrl.training.erased import with_erased_lesions
from mcdrl.training.healthy import with_healthy_views
from mcdrl.training.loop import LossOf
from mcdrl.training.sizes import at_side
from tests import stub_sites
from tests.factories import train_params
from tests.methods import test_methods as methods

CUDA = torch.device("cuda", 0)
ASKS = {
    torch.ops.aten._local_scalar_dense.default,
    torch.ops.aten.nonzero.default,
    torch.ops.aten.masked_select.default,
}


class Waiting(TorchDispatchMode):
    """Fails where the CPU would wait: a copy from the device, one to it that blocks, or a question for a number."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.ops.aten._to_copy.default:
            source, target = args[0].device.type, (kwargs.get("device") or args[0].device).type
            blocks = source != target and (target == "cpu" or not kwargs.get("non_blocking"))
            assert not blocks, f"a copy from {source} to {target} waits"
        assert func not in ASKS, f"{func} waits"
        return func(*args, **kwargs)


@contextmanager
def pretended():
    """Pretend that there is CUDA, and fail where the CPU would wait for it."""
    with FakeTensorMode(allow_non_fake_inputs=True), Waiting():
        yield


@pytest.fixture
def _known(monkeypatch):
    """Make the one number known by which some methods decide; they draw it on the CPU."""
    drawn = torch.rand
    monkeypatch.setattr(torch, "rand", lambda *shape, **more: 0.0 if shape == ((),) else drawn(*shape, **more))


def _there(value):
    """The same shapes on the device."""
    if isinstance(value, Tensor):
        return torch.empty(value.shape, dtype=value.dtype, device=CUDA)
    if isinstance(value, dict):
        return {name: _there(one) for name, one in value.items()}
    if is_dataclass(value):
        return replace(value, **{field.name: _there(getattr(value, field.name)) for field in fields(value)})
    return value


def _move(module):
    for part in module.modules():
        for name, weight in part._parameters.items():
            if weight is not None:
                part._parameters[name] = nn.Parameter(_there(weight), requires_grad=weight.requires_grad)
        part._buffers.update({name: _there(value) for name, value in part._buffers.items() if value is not None})


def test_what_waits_is_noticed():
    with pretended():
        value = torch.empty(3, device=CUDA)
        for waits in (lambda: value.cpu(), lambda: torch.empty(3).to(CUDA), lambda: value.new_tensor([1.0])):
            with pytest.raises(AssertionError, match="waits"):
                waits()
        for asks in (value.sum().item, lambda: bool(value.any()), lambda: value[value > 0]):
            with pytest.raises((AssertionError, DataDependentOutputException, RuntimeError)):
                asks()
        assert torch.empty(3).to(CUDA, non_blocking=True).device == CUDA


SALIENT = "pseudo_intervention"  # asks for gradients inside, which no pretended device gives


@pytest.mark.parametrize(("name", "mode", "changes"), [one for one in methods.TRAINED if one[0] != SALIENT])
@pytest.mark.usefixtures("_known")
def test_no_method_waits_for_the_device_in_a_step(name, mode, changes):
    method, batch = methods._with(name, mode, changes, presence=True).train(), methods._batch()
    with pretended():
        _move(method)
        batch = _there(batch)
        losses = LossOf(method, presence_weight=0.5, hard_negative_weight=0.5)(lambda: batch, intervene=True)
    assert {loss.device for loss in losses.values()} == {CUDA}


@pytest.mark.parametrize("masked", ["salient", "random"])
def test_saliency_asks_for_no_number(masked):
    method, batch = methods._method(SALIENT, "partial", masked=masked).train(), methods._batch()
    with Waiting():
        torch.stack(list(LossOf(method)(lambda: batch, intervene=True).values())).sum().backward()


def test_varying_frames_waits_for_nobody():
    params, batch = train_params(mode="partial").augment, stub_sites.batch(4)
    with pretended():
        batch = _there(batch)
        seen = with_erased_lesions(batch, 0.5, seed=0)
        seen = with_healthy_views(seen, 0.5, [1.5, 3.0], seed=0)
        seen = augmented(seen, ["viewpoint"], 0, params)
        larger = at_side(seen, 64, 0.25)
    assert seen.frame.device == seen.mask.device == seen.selected.device == CUDA
    assert larger.frame.device == larger.mask.device == larger.selected.device == CUDA
    assert seen.frame.shape == batch.frame.shape


def test_rows_go_to_the_device_without_waiting(tmp_path):
    stub_sites.write_site(tmp_path, "A", 4)
    with open_sites({"A": site_files(tmp_path, "A")}) as reader:
        rows = to_rows(reader.read(["A/000", "A/002"], mask=True, cached=reader.layout.cached))
    with pretended():
        batch = batch_of_rows(rows, [0, -1], CUDA, sites=[0, 0])
    for value in (batch.frame, batch.mask, batch.held, batch.encoded.prefix, batch.lesion_class, batch.site):
        assert value.device == CUDA
    assert batch.kept == stub_sites.KEPT


def test_validation_counts_on_the_device_in_whole_numbers():
    with pretended():
        lesion, truth = (torch.empty(3, 8, 8, dtype=torch.bool, device=CUDA) for _ in range(2))
        counts = loop._counts(lesion, truth)
    assert (counts.device, counts.dtype, counts.shape) == (CUDA, torch.int64, (3, 3))  # MPS knows no float64


def test_dice_of_validation_frames_by_hand():
    truth = torch.zeros(3, 2, 2, dtype=torch.bool)
    truth[0, 0], truth[1] = True, True
    found = torch.zeros_like(truth)
    found[0, :, 0] = True
    found[2] = True  # nothing is there: it doesn't count
    sums = loop._dice_sum([loop._counts(found[:2], truth[:2]), loop._counts(found[2:], truth[2:])])
    assert sums.tolist() == [0.5, 2.0]
    assert loop._dice_sum([]).tolist() == [0.0, 0.0]
