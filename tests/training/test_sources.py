"""Where features come from changes no byte of a training, and a choice by size says itself."""

import threading

import pytest
import torch

from mcdrl.base.errors import InputError
from mcdrl.networks.inputs import batch_of_rows, open_sites
from mcdrl.study.paths import site_files
from mcdrl.training import sources
from mcdrl.training.sources import KeptRows, StoredRows, ahead, keep, place_for, readers_for, source_for
from tests import stub_sites

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 1)
VIEWS = [("A/003", ""), ("B/001", "horizontal"), ("A/003", "horizontal"), ("B/005", "")]
GB = 10**9


@pytest.fixture
def stored(tmp_path):
    stub_sites.write_study(tmp_path, sites=("A", "B"), count=6)
    with open_sites({site: site_files(tmp_path, site) for site in "AB"}) as reader:
        yield StoredRows(reader, ["dense", "image", "maps/s4", "prefix"])


@pytest.mark.parametrize(
    ("needed", "device_free", "memory_free", "place"),
    [
        (10 * GB, 20 * GB, 0, "device"),
        (10 * GB + 1, 20 * GB, 21 * GB, "memory"),
        (10 * GB, 19 * GB, 19 * GB, "stores"),
        (1, None, 64 * GB, "stores"),  # beside a CPU nothing is nearer
    ],
)
def test_half_of_what_is_free_may_be_filled(needed, device_free, memory_free, place):
    assert place_for(needed, device_free, memory_free) == place


def test_kept_rows_are_the_stored_ones(stored):
    kept = keep(stored, VIEWS, CPU)
    asked = [VIEWS[2], VIEWS[0], VIEWS[1]]
    ours, theirs = kept.rows(asked), stored.rows(asked)
    assert ours.kept == theirs.kept == stub_sites.KEPT
    assert ours.tensors.keys() == theirs.tensors.keys()
    for name, value in theirs.tensors.items():
        assert torch.equal(ours.tensors[name], value), name
    one, other = (batch_of_rows(rows, [0, 0, 1], CPU) for rows in (ours, theirs))
    assert torch.equal(one.encoded.prefix, other.encoded.prefix)
    assert torch.equal(one.held, other.held)


def test_many_views_are_kept_part_by_part(stored, monkeypatch):
    monkeypatch.setattr(sources, "_AT_ONCE", 3)
    kept = keep(stored, VIEWS, CPU)
    for view in VIEWS:
        for name, value in stored.rows([view]).tensors.items():
            assert torch.equal(kept.rows([view]).tensors[name], value), name


def test_what_is_kept_and_where_is_told_in_a_line(stored, monkeypatch):
    one = sum(value.nbytes for value in stored.rows(VIEWS[:1]).tensors.values())
    places, free = [], {"device": 8 * one, "memory": 0}
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (free["device"], 0))
    monkeypatch.setattr(sources, "free_memory_bytes", lambda: free["memory"])
    monkeypatch.setattr(sources, "keep", lambda *args, **_: places.append(args[2]) or "kept")
    gb = f"{4 * one / 1e9:.1f} GB"
    assert source_for(stored, VIEWS, CUDA, 1) == ("kept", f"features: {gb} on cuda:1")
    free.update(device=8 * one - 1, memory=16 * one)
    assert source_for(stored, VIEWS, CUDA, 2) == ("kept", f"features: {gb} on the machine's memory")
    assert source_for(stored, VIEWS, CUDA, 3) == (stored, f"features: {gb} on disk, read in each epoch")
    assert places == [CUDA, CPU]


def test_beside_a_cpu_features_are_read_as_always_unless_somebody_asks(stored, monkeypatch):
    assert source_for(stored, VIEWS, CPU, 1) == (stored, "")
    monkeypatch.setenv("MCDRL_FEATURES", "memory")
    source, told = source_for(stored, VIEWS, CPU, 1)
    assert isinstance(source, KeptRows)
    assert told == "features: 0.0 GB on the machine's memory"
    monkeypatch.setenv("MCDRL_FEATURES", "devise")
    with pytest.raises(InputError, match="MCDRL_FEATURES is 'devise'; did you mean 'device'"):
        source_for(stored, VIEWS, CPU, 1)


def test_readers_are_as_many_as_cores_and_one_beside_a_cpu(monkeypatch):
    monkeypatch.setattr(sources, "usable_cores", lambda: 6)
    assert [readers_for(CUDA, processes) for processes in (1, 2, 4, 8)] == [6, 3, 1, 1]
    assert readers_for(CPU, 1) == 1
    monkeypatch.setattr(sources, "usable_cores", lambda: 64)
    assert readers_for(CUDA, 1) == 8
    monkeypatch.setenv("MCDRL_READERS", "12")
    assert readers_for(CPU, 1) == 12
    for wrong in ("0", "-1", "many", "²"):
        monkeypatch.setenv("MCDRL_READERS", wrong)
        with pytest.raises(InputError, match=f"MCDRL_READERS is '{wrong}', expected auto or a whole number"):
            readers_for(CPU, 1)


@pytest.mark.parametrize("readers", [1, 4])
def test_reading_ahead_keeps_the_order_hands_errors_over_and_stops_when_left(readers):
    assert list(ahead(lambda item: item * 2, range(40), readers)) == list(range(0, 80, 2))

    def broken(item):
        if item == 3:
            raise InputError("torn")
        return item

    found = []
    with pytest.raises(InputError, match="torn"):
        found.extend(ahead(broken, range(9), readers))
    endless = ahead(lambda item: item, iter(int, 1), readers)
    next(endless)
    endless.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("read-ahead")]
