"""Weights in every format are the same tensors; code and other things are refused."""

import os
import pickle
import warnings
import zipfile

import pytest
import torch
from safetensors.torch import save_file

from mcdrl.base.errors import InputError
from stages.backbone.files import is_torchscript, read_state


def same(found, expected):
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[key], expected[key]) for key in expected)


@pytest.fixture
def archive(tmp_path, model):
    """A TorchScript archive of the model in half precision, with the numbers that OpenAI's archives carry."""
    model.register_buffer("input_resolution", torch.tensor(16))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(model.half()).save(tmp_path / "jit.pt")
    return tmp_path / "jit.pt"


@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"epoch": 3, "state_dict": state}])
@pytest.mark.parametrize("lead", ["", "module."])
def test_pickled_state_dicts(tmp_path, model, wrap, lead):
    torch.save(wrap({lead + key: value for key, value in model.state_dict().items()}), tmp_path / "a.bin")
    same(read_state(tmp_path / "a.bin", trusted=False), dict(model.state_dict()))


def test_safetensors_of_half_precision_become_single(tmp_path, model):
    save_file({key: value.half() for key, value in model.state_dict().items()}, tmp_path / "a.safetensors")
    expected = {key: value.half().float() for key, value in model.state_dict().items()}
    same(read_state(tmp_path / "a.safetensors", trusted=False), expected)


def test_openais_archive_is_read_once_it_is_trusted(archive, model):
    assert is_torchscript(archive)
    expected = {key: value.float() for key, value in model.state_dict().items() if key != "input_resolution"}
    found = read_state(archive, trusted=True)
    same(found, expected)


def test_an_archive_of_unknown_hash_is_refused(archive):
    with pytest.raises(InputError, match="holds code"):
        read_state(archive, trusted=False)


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    (tmp_path / "a.pt").write_bytes(pickle.dumps({"x": Bomb()}))
    with pytest.raises(InputError, match=r"a\.pt is not a file of tensors alone") as caught:
        read_state(tmp_path / "a.pt", trusted=True)
    assert not (tmp_path / "ran").exists()
    assert str(caught.value).isprintable()
    assert "weights_only" not in str(caught.value)
    assert str(caught.value).endswith("as torch.save(model.state_dict(), FILE) writes it, or safetensors")


def test_an_archive_cut_short_and_a_pipe_are_refused(archive, tmp_path):
    whole = archive.read_bytes()
    with zipfile.ZipFile(tmp_path / "cut.pt", "w") as cut:
        cut.writestr("x/constants.pkl", whole[:100])
    with pytest.raises(InputError, match="damaged TorchScript archive"):
        read_state(tmp_path / "cut.pt", trusted=True)
    for name in ("p.pt", "p.safetensors"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(InputError, match="a pipe, a socket or a device"):
            read_state(tmp_path / name, trusted=True)


@pytest.mark.parametrize("name", ["a.pt", "a.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights at all"])
def test_damaged_files_are_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        read_state(tmp_path / name, trusted=True)


@pytest.mark.parametrize("value", [[1, 2], {"epoch": 3}, {"state_dict": 5}])
def test_what_is_no_state_dict_is_refused(tmp_path, value):
    torch.save(value, tmp_path / "a.pt")
    with pytest.raises(InputError, match="no state dict"):
        read_state(tmp_path / "a.pt", trusted=False)


def test_a_damaged_archive_is_told_of_whatever_is_damaged(tmp_path, model):
    """Bytes of the directory at a zip's end, and of the pickle in it, one after another."""
    torch.save({"a": torch.zeros(3)}, tmp_path / "whole.pt")
    whole = (tmp_path / "whole.pt").read_bytes()
    legible, seen = {"a"}, set()
    for at in [*range(0, 200, 3), *range(len(whole) - 600, len(whole), 3)]:
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        (tmp_path / "damaged.pt").write_bytes(damaged)
        try:
            seen.add(read_state(tmp_path / "damaged.pt", trusted=True).keys() == legible)
        except InputError:
            seen.add("refused")
    assert "refused" in seen
