from contextlib import nullcontext

import pytest
import torch

from mcdrl.base.device import (
    allow_tf32,
    as_trained,
    in_float32,
    numbers_beside,
    onto,
    pick_device,
    resolved_precision,
    unrounded,
)
from mcdrl.base.errors import InputError


def test_a_device_that_is_not_there_is_refused():
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type in {"cpu", "cuda"}
    with pytest.raises(InputError, match="--device abacus"):
        pick_device("abacus")


def test_a_tensor_that_is_there_stays_itself():
    value = torch.arange(3.0)
    assert onto(value, torch.device("cpu")) is value
    assert torch.equal(numbers_beside([[1, 2]], value), torch.tensor([[1.0, 2.0]]))
    assert numbers_beside([1], value.half()).dtype == torch.float16


@pytest.mark.parametrize(
    ("name", "device_type", "expected"),
    [
        ("auto", "cuda", "bf16-mixed"), ("auto", "cpu", "32-true"), ("auto", "mps", "32-true"),
        ("32-true", "cuda", "32-true"), ("bf16-mixed", "cpu", "bf16-mixed"),
    ],
)  # fmt: skip
def test_auto_is_half_precision_on_cuda_alone(name, device_type, expected):
    assert resolved_precision(name, device_type) == expected


def test_networks_run_as_they_were_trained():
    layer, rows = torch.nn.Linear(4, 4), torch.rand(2, 4)
    found = {}
    for name in ("auto", "32-true", "bf16-mixed"):
        with as_trained(name, torch.device("cpu")):
            found[name] = layer(rows).dtype
    assert found == {"auto": torch.float32, "32-true": torch.float32, "bf16-mixed": torch.bfloat16}


@pytest.fixture(params=[False, True])
def tf32(request):
    flags = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [flag.allow_tf32 for flag in flags]
    for flag in flags:
        flag.allow_tf32 = request.param
    yield lambda: [flag.allow_tf32 for flag in flags]
    for flag, allowed in zip(flags, before, strict=True):
        flag.allow_tf32 = allowed


def test_running_as_trained_leaves_all_as_it_was(tf32, monkeypatch):
    """Else what is computed behind one batch would be rounded otherwise than before it."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # of a device that isn't there
    before = tf32()
    for name, inside in (("auto", True), ("32-true", False)):
        with as_trained(name, torch.device("cuda")):
            assert tf32() == [inside, inside]
        assert tf32() == before
    with pytest.raises(ZeroDivisionError), as_trained("auto", torch.device("cuda")):
        raise ZeroDivisionError
    assert tf32() == before


def test_what_must_not_be_rounded_is_not(tf32):
    layer, rows, before = torch.nn.Linear(4, 4), torch.rand(2, 4), tf32()
    exact = layer(rows)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(rows).dtype == torch.bfloat16
        with in_float32(rows.device):
            assert torch.equal(layer(rows), exact)
            assert tf32() == before
        with unrounded(rows.device):
            assert torch.equal(layer(rows), exact)
            assert tf32() == [False, False]
        assert tf32() == before
        assert layer(rows).dtype == torch.bfloat16


def test_tf32_goes_with_half_precision_on_cuda_and_with_nothing_else(tf32):
    allowed = []
    for precision, kind in (("bf16-mixed", "cuda"), ("32-true", "cuda"), ("bf16-mixed", "cpu")):
        allow_tf32(precision, kind)
        allowed.append(tf32())
    assert allowed == [[True, True], [False, False], [False, False]]
