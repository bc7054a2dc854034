import pytest

from mcdrl.base.errors import InputError
from mcdrl.training.fabric import make_fabric


@pytest.mark.parametrize("value", ["all", "0", "-1"])
def test_an_unfit_number_of_devices_is_refused(monkeypatch, value):
    monkeypatch.setenv("MCDRL_DEVICES", value)
    with pytest.raises(InputError, match=f"MCDRL_DEVICES is '{value}', expected a whole number"):
        make_fabric("auto")


def test_an_accelerator_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setenv("MCDRL_ACCELERATOR", "gpus")
    with pytest.raises(InputError, match="MCDRL_ACCELERATOR=gpus"):
        make_fabric("auto")
