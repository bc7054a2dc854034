"""What a stage is given of the machine."""

import pytest

from mcdrl.base.errors import InputError
from mcdrl.commands.run.slots import chosen_gpus, shared_out, visible_gpus

GPUS, THREADS = "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS"


@pytest.fixture(autouse=True)
def _no_threads_chosen(monkeypatch):
    monkeypatch.delenv(THREADS, raising=False)


@pytest.mark.parametrize(
    ("wanted", "gpus", "cores", "memory_gb", "count", "threads"),
    [
        ("auto", [], 8, 64, 8, "1"),
        ("auto", [], 8, 7, 3, "2"),  # two of the eight cores stay free rather than that the memory is used up
        ("auto", [], 1, 1, 1, "1"),
        ("auto", ["0", "1"], 16, 64, 2, "8"),
        ("3", [], 8, 1, 3, "2"),
        ("4", [], 2, 64, 4, "1"),
    ],
)
def test_cores_are_shared_out(wanted, gpus, cores, memory_gb, count, threads):
    found = shared_out(wanted, gpus, cores, memory_gb)
    assert [slot[THREADS] for slot in found] == [threads] * count


def test_each_slot_sees_one_gpu_and_several_may_share_one():
    assert [slot[GPUS] for slot in shared_out("auto", ["0", "GPU-ab"], 4, 64)] == ["0", "GPU-ab"]
    assert [slot[GPUS] for slot in shared_out("3", ["4", "6"], 4, 64)] == ["4", "6", "4"]
    assert all(GPUS not in slot for slot in shared_out("2", [], 4, 64))


def test_threads_that_the_user_chose_stay(monkeypatch):
    monkeypatch.setenv(THREADS, "5")
    assert {slot[THREADS] for slot in shared_out("2", [], 8, 64)} == {"5"}


@pytest.mark.parametrize("wanted", ["0", "-1", "two", "1.5", "", "99999999999", "9" * 5000, "0000"])
def test_no_number_is_refused(wanted):
    with pytest.raises(InputError, match=r"--slots: .* expected 1, 2, \.\.\. 9999 or auto"):
        shared_out(wanted, [], 2, 8)


@pytest.mark.parametrize(("value", "found"), [("0,1", ["0", "1"]), (" 3 ", ["3"]), ("", []), ("-1", [])])
def test_gpus_are_those_that_may_be_seen(value, found):
    assert visible_gpus({GPUS: value}) == found


@pytest.mark.parametrize("visible", [["0", "1"], []])
def test_a_choice_names_gpus(visible):
    assert chosen_gpus("1,GPU-ab", visible) == ["1", "GPU-ab"]
    with pytest.raises(InputError, match=r"--gpus '': there is no GPU ''; expected names among 0,1"):
        chosen_gpus("", visible)  # each stage would see all GPUs


def test_a_number_that_no_gpu_has_is_refused():
    """CUDA would see none, and the study run on the processor."""
    with pytest.raises(InputError, match=r"--gpus '0,2': there is no GPU '2'; expected names among 0,1"):
        chosen_gpus("0,2", ["0", "1"])


@pytest.mark.parametrize("visible", [["0", "1"], []])
@pytest.mark.parametrize("wanted", ["nonsense", "0,x", "all", "0.5", "GPU-"])
def test_a_name_that_cuda_takes_for_none_is_refused(wanted, visible):
    """It would hide all GPUs, or those behind it, and the study run on the processor."""
    with pytest.raises(InputError, match=f"--gpus '{wanted}': there is no GPU '{wanted.removeprefix('0,')}'"):
        chosen_gpus(wanted, visible)


@pytest.mark.parametrize(
    ("script", "found"),
    [("echo 'GPU 0: H200 (UUID: a)'; echo 'GPU 1: H200'", ["0", "1"]), ("echo no driver; exit 9", [])],
)
def test_without_a_choice_the_driver_is_asked(tmp_path, monkeypatch, script, found):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert visible_gpus({}) == found
