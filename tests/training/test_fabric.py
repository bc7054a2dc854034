import os

import pytest
import torch

from mcdrl.base.errors import InputError
from mcdrl.training.fabric import make_deterministic, make_fabric


@pytest.mark.parametrize("value", ["all", "0", "-1", "²", "٣", "9" * 5000])
def test_an_unfit_number_of_devices_is_refused(monkeypatch, value):
    monkeypatch.setenv("MCDRL_DEVICES", value)
    with pytest.raises(InputError, match=rf"MCDRL_DEVICES is '{value[:100]}.*, expected a whole number"):
        make_fabric("auto")


@pytest.mark.parametrize("value", ["gpus", "tpu"])
def test_an_accelerator_that_is_not_there_is_refused(monkeypatch, value):
    monkeypatch.setenv("MCDRL_ACCELERATOR", value)
    with pytest.raises(InputError, match=f"MCDRL_ACCELERATOR={value}, .*; expected auto, cpu, cuda or mps"):
        make_fabric("auto")


@pytest.mark.parametrize(("given", "expected"), [(None, ":4096:8"), (":16:8", ":16:8")])
def test_deterministic_kernels_are_those_of_cublas_too(monkeypatch, given, expected):
    monkeypatch.setattr(torch, "use_deterministic_algorithms", lambda *_, **__: None)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", given or "")
    if given is None:
        monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    make_deterministic()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == expected
