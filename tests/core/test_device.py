import pytest
import torch

from stages.core.base.errors import InputError
from stages.core.device import pick_device


def test_a_device_that_is_not_there_is_refused():
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device("auto").type in {"cpu", "cuda"}
    with pytest.raises(InputError, match="--device abacus"):
        pick_device("abacus")
