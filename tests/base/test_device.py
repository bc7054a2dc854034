import pytest
import torch

from mcdrl.base.device import pick_device
from mcdrl.base.errors import InputError


def test_a_device_that_is_not_there_is_refused():
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type in {"cpu", "cuda"}
    with pytest.raises(InputError, match="--device abacus"):
        pick_device("abacus")
