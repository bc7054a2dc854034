import pytest
import torch

from mcdrl.base.device import allow_tf32, as_trained, numbers_beside, onto, pick_device, resolved_precision
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


def test_tf32_goes_with_half_precision_on_cuda_and_with_nothing_else():
    allowed = []
    for precision, kind in (("bf16-mixed", "cuda"), ("32-true", "cuda"), ("bf16-mixed", "cpu")):
        allow_tf32(precision, kind)
        allowed.append(torch.backends.cuda.matmul.allow_tf32)
    assert allowed == [True, False, False]
