"""Stores keep their contract, on write and on read."""

import contextlib
import errno
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

from mcdrl.artifacts import store_output
from mcdrl.artifacts.store_contract import BYTES, Field
from mcdrl.artifacts.stores import Store
from mcdrl.base.errors import InputError

STORE = Store(
    "toy/1",
    {
        "map": Field("float16", "HWD"),
        "best": Field("uint8", "HW", compress=True),
        "kept": Field("bool", "HW"),
        "area": Field("int64", ""),
        "png": Field(BYTES, None),
        "free": Field("float32", None),
        "taps/*": Field("float16", "HWC"),
    },
    attributes=("site",),
)
CASES = [f"A/{number}" for number in range(5)]


def arrays(frames=5, height=3, width=4, depth=6):
    rng = np.random.default_rng(0)
    return {
        "map": rng.normal(size=(frames, height, width, depth)).astype(np.float16),
        "best": rng.integers(0, 5, (frames, height, width), np.uint8),
        "kept": rng.random((frames, height, width)) > 0.5,
        "area": np.arange(frames, dtype=np.int64),
        "png": [bytes([number]) * (number + 1) for number in range(frames)],
        "free": rng.normal(size=(frames, 2, 3)).astype(np.float32),
        "taps__s4": rng.normal(size=(frames, 8, 8, 2)).astype(np.float16),
        "taps__s8": rng.normal(size=(frames, 4, 4, 5)).astype(np.float16),
    }


@pytest.fixture
def path(tmp_path):
    return tmp_path / "toy.h5"


def write(path, given=None, cases=CASES, site="A"):
    with STORE.write(path, cases, {"site": site}) as store:
        store.append(**(given or arrays()))


def test_rows_come_back(path):
    given = arrays()
    write(path, given)
    with STORE.read(path) as store:
        assert (len(store), store.case_ids, store.attributes) == (5, CASES, {"site": "A"})
        for name in ("map", "best", "kept", "area", "free", "taps__s4", "taps__s8"):
            read = store.rows(name.replace("__", "/"), CASES)
            assert read.dtype == given[name].dtype
            assert np.array_equal(read, given[name])
        assert store.blobs("png", CASES) == given["png"]
        assert store.members("taps") == ["s4", "s8"]
        assert store.shape("taps/s8") == (4, 4, 5)


@pytest.mark.parametrize("order", [[0], [4, 0, 2], [1, 2, 3], [3, 2, 1], [2, 2, 0, 2], [0, 1, 3, 4], []])
def test_rows_are_read_by_name_in_any_order(path, order):
    given = arrays()
    write(path, given)
    with STORE.read(path) as store:
        names = [CASES[row] for row in order]
        assert np.array_equal(store.rows("map", names), given["map"][np.array(order, int)])
        assert store.blobs("png", names) == [given["png"][row] for row in order]


def test_batches_equal_one_write(path, tmp_path):
    given = arrays()
    write(path, given)
    with STORE.write(tmp_path / "batched.h5", CASES, {"site": "A"}) as store:
        for part in (slice(0, 2), slice(2, 3), slice(3, 5)):
            store.append(**{name: rows[part] for name, rows in given.items()})
    with STORE.read(path) as whole, STORE.read(tmp_path / "batched.h5") as batched:
        for name in ("map", "best", "kept", "area", "free", "taps/s4", "taps/s8"):
            assert np.array_equal(whole.rows(name, CASES), batched.rows(name, CASES))
        assert whole.blobs("png", CASES) == batched.blobs("png", CASES)


def test_rows_may_get_their_names_at_the_end(path):
    given = arrays()
    with STORE.write(path, None, {"site": "A"}) as store:
        for row in range(5):
            store.append(**{name: rows[row : row + 1] for name, rows in given.items()})
        store.name_rows(CASES)
    with STORE.read(path) as store:
        assert np.array_equal(store.rows("best", CASES), given["best"])
        assert store.blobs("png", CASES) == given["png"]


def write_named_late(path, names):
    with STORE.write(path, None, {"site": "A"}) as store:
        store.append(**arrays())
        for given in names:
            store.name_rows(given)


@pytest.mark.parametrize(
    ("names", "message"),
    [([CASES[:4]], "4 rows expected"), ([], "no case ids"), ([["x"] * 5], "repeated"), ([CASES, CASES], "repeated")],
)
def test_the_names_must_fit_the_rows(path, names, message):
    with pytest.raises(ValueError, match=message):
        write_named_late(path, names)
    assert not path.exists()


def test_a_site_without_frames_is_a_file(path):
    with STORE.write(path, [], {"site": "A"}):
        pass
    with STORE.read(path) as store:
        assert len(store) == 0


def changed(name, rows):
    return {**arrays(), name: rows}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (changed("map", arrays()["map"].astype(np.float32)), "'map' is float32, expected float16"),
        (changed("best", arrays()["best"][:, :2]), "'best' has shape"),
        (changed("best", arrays()["best"][..., None]), "'best' has shape"),
        (changed("other", arrays()["best"]), "no dataset 'other'"),
        ({name: rows for name, rows in arrays().items() if name != "area"}, r"absent \['area'\]"),
        (changed("area", np.arange(4)), "5 rows expected"),
        (changed("area", np.arange(6)), "more than 5 rows of 'area'"),
    ],
)
def test_the_writer_refuses(path, given, message):
    with pytest.raises(ValueError, match=message):
        write(path, given)
    assert list(path.parent.iterdir()) == []


def test_the_writer_refuses_repeated_cases_and_other_attributes(path):
    with pytest.raises(ValueError, match="repeated case ids"):
        write(path, cases=["A/0"] * 5)
    with pytest.raises(ValueError, match="attributes"), STORE.write(path, CASES, {}):
        pass


def test_a_failure_leaves_the_old_file(path):
    write(path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="expected float16"):
        write(path, changed("map", arrays()["map"].astype(np.float64)))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.99])
def test_a_file_cut_short_is_refused(path, share):
    write(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match="damaged or half-written"), STORE.read(path):
        pass


def edited(path, change):
    write(path)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def shorten(file):
    area = file["area"][:3]
    del file["area"]
    file["area"] = area


def retype(file):
    best = file["best"][:].astype(np.int32)
    del file["best"]
    file["best"] = best


def flatten(file):
    best = file["best"][:].reshape(5, -1)
    del file["best"]
    file["best"] = best


def delete(name):
    return lambda file: file.__delitem__(name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file.attrs.__setitem__("schema", "toy/2"), "has schema 'toy/2', expected 'toy/1'"),
        (lambda file: file.attrs.__delitem__("schema"), "has schema 'none'"),
        (lambda file: file.attrs.__delitem__("site"), r"lacks \['site'\]"),
        (delete("case_id"), r"lacks \['case_id'\]"),
        (delete("map"), "lacks 'map'"),
        (delete("png"), "lacks 'png'"),
        (delete("png_ends"), "lacks 'png_ends'"),
        (delete("taps"), "lacks 'taps'"),
        (shorten, "'area' has 3 rows for 5 frames"),
        (retype, "'best' is int32 with 2 axes a frame, expected uint8 with 2"),
        (flatten, "'best' is uint8 with 1 axes a frame, expected uint8 with 2"),
    ],
)
def test_the_reader_refuses(path, change, message):
    edited(path, change)
    with pytest.raises(InputError, match=message) as error, STORE.read(path):
        pass
    assert "toy.h5" in str(error.value)


@pytest.mark.parametrize("dataset", ["map", "best", "kept", "taps/s4"])
@pytest.mark.parametrize("damage", ["zeroed", "filled", "a bit", "a bit of the checksum"])
def test_damage_inside_a_row_is_refused_when_it_is_read(path, dataset, damage):
    write(path)
    with h5py.File(path) as file:
        place, size = file[dataset].id.get_chunk_info(2)[2:]
    whole = bytearray(path.read_bytes())
    if damage in ("zeroed", "filled"):
        whole[place : place + size] = (b"\0" if damage == "zeroed" else b"\xff") * size
    else:
        whole[place + (size // 2 if damage == "a bit" else size - 2)] ^= 8
    path.write_bytes(bytes(whole))
    with STORE.read(path) as store:
        assert np.array_equal(store.rows(dataset, ["A/1", "A/3"]), arrays()[dataset.replace("/", "__")][[1, 3]])
        with pytest.raises(InputError, match=r"toy\.h5 is damaged"):
            store.rows(dataset, ["A/2"])


def contents(path):
    """Return all that a reader says of a file, or the message with which it refuses it."""
    try:
        with STORE.read(path) as store:
            names = ["map", "best", "kept", "area", "free", *(f"taps/{tap}" for tap in store.members("taps"))]
            rows = [store.rows(name, store.case_ids).tobytes() for name in names]
            return [store.case_ids, store.attributes, names, rows, store.blobs("png", store.case_ids)]
    except InputError as error:
        return str(error)


def damaged(whole, rng):
    """Yield copies of a file: every block zeroed, and bits flipped all over it, most of them in its small tables."""
    for start in range(0, len(whole), 512):
        yield whole[:start] + bytes(512) + whole[start + 512 :]
    for place in rng.integers(0, len(whole), 300):
        yield whole[:place] + bytes([whole[place] ^ (1 << int(rng.integers(8)))]) + whole[place + 1 :]


def test_no_damage_anywhere_passes_for_data(path):
    """HDF5 hung, crashed on other errors or returned wrong rows before everything in the file had a checksum."""
    write(path)
    truth, whole = contents(path), path.read_bytes()
    refused = 0
    for copy in damaged(whole, np.random.default_rng(0)):
        path.write_bytes(copy)
        found = contents(path)
        assert found == truth or "toy.h5" in found
        refused += found != truth
    assert refused > 100


def test_nothing_is_stored_without_a_checksum(path):
    """Neither outside of zlib's chunks nor in HDF5's heap of strings, as which h5py stores text by default."""
    write(path)
    with h5py.File(path) as file:
        sets = []
        file.visititems(lambda _, item: sets.append(item) if isinstance(item, h5py.Dataset) else None)
        assert len(sets) == 10
        assert {item.compression for item in sets} == {"gzip"}
        assert not any(item.dtype.hasobject for item in sets)
        assert {type(value) for value in file.attrs.values()} == {np.bytes_}
    assert b"GCOL" not in path.read_bytes()


@pytest.mark.parametrize("known", [True, False])
def test_byte_strings_of_any_length_come_back(path, known):
    rng = np.random.default_rng(0)
    given = arrays() | {"png": [b"", rng.bytes(200_000), b"\0", b"", rng.bytes(70_000)]}
    with STORE.write(path, CASES if known else None, {"site": ""}) as store:
        for row in range(5):
            store.append(**{name: rows[row : row + 1] for name, rows in given.items()})
        if not known:
            store.name_rows(CASES)
    with STORE.read(path) as store:
        assert store.blobs("png", CASES[::-1]) == given["png"][::-1]
        assert store.attributes == {"site": ""}


def test_a_missing_file_and_a_foreign_case_are_refused(path):
    with pytest.raises(InputError, match="does not exist; run `dvc repro`"), STORE.read(path):
        pass
    write(path)
    with STORE.read(path) as store, pytest.raises(InputError, match="has no frame 'B/0'"):
        store.rows("map", ["B/0"])


LIMITED = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from mcdrl.base.runtime import user_errors
from mcdrl.artifacts.store_contract import Field
from mcdrl.artifacts.stores import Store
limit, path = int(sys.argv[1]), Path(sys.argv[2])
store = Store("toy/1", {"map": Field("float16", "HWD"), "maps/*": Field("float16", "HWD")}, ())
rows = np.random.default_rng(0).normal(size=(50, 16, 16, 8)).astype(np.float16)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
with user_errors(), store.write(path, [f"A/{number}" for number in range(50)], {}) as writer:
    for start in range(0, 50, 10):
        writer.append(map=rows[start : start + 10], maps__s4=rows[start : start + 10])
print("written")
"""


@pytest.mark.parametrize("limit", [0, 3000, 100_000, 400_000])
def test_a_limit_of_the_file_s_size_ends_in_a_sentence(path, limit):
    """Of any size: whichever write fails first, of HDF5's header, of rows, or of its tables at the end."""
    command = [sys.executable, "-c", LIMITED, str(limit), str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {path}: larger than files may become here: raise the limit (ulimit -f)")
    assert done.stderr.count("\n") == 1
    assert list(path.parent.iterdir()) == []


def test_every_write_may_be_the_one_that_fails(path, monkeypatch):
    """HDF5 crashes the process where one of its own writes fails; the last one is at its closing."""
    real, number = store_output.OutputFile.write, 0

    def write_fails(self, data, /):
        nonlocal left
        if (left := left - 1) == 0:
            self._error = self._error or OSError(errno.EIO, os.strerror(errno.EIO))
        return real(self, data)

    monkeypatch.setattr(store_output.OutputFile, "write", write_fails)
    while not path.exists():
        left = number = number + 1
        with contextlib.suppress(OSError):
            write(path)
        assert list(path.parent.iterdir()) == [path] * path.exists()
    assert number > 50
    assert left > 0
    path.unlink()
    left = number - left  # the last write of all
    with pytest.raises(OSError, match=os.strerror(errno.EIO)) as failed:
        write(path)
    assert failed.value.filename == str(path)


WRITER = """
import sys
from pathlib import Path
import numpy as np
from mcdrl.artifacts.store_contract import BYTES, Field
from mcdrl.artifacts.stores import Store
fields = {"b": Field("uint8", "YX", compress=True), "a": Field(BYTES, None), "t/*": Field("float16", "H")}
fields["n"] = Field("int64", "")
rng = np.random.default_rng(0)
cases = [f"ü/{number}" for number in range(40)]
for name, known in (("known", cases), ("open", None)):
    with Store("toy/1", fields, ("x", "y")).write(Path(sys.argv[1], name), known, {"y": "1", "x": "2"}) as store:
        for start in range(0, 40, 8):
            blobs = [rng.bytes(int(size)) for size in rng.integers(1, 5000, 8)]
            store.append(b=rng.integers(0, 2, (8, 50, 50), np.uint8), a=blobs, n=rng.integers(0, 9, 8))
            store.append(t__s8=rng.random((8, 3)).astype("f2"), t__s4=rng.random((8, 5)).astype("f2"))
        if known is None:
            store.name_rows(cases)
"""


def test_two_processes_write_equal_bytes(tmp_path):
    for number in ("1", "2"):
        (tmp_path / number).mkdir()
        command = [sys.executable, "-c", WRITER, str(tmp_path / number)]
        subprocess.run(
            command, check=True, env={"PYTHONHASHSEED": number, "PYTHONPATH": ".", "MALLOC_PERTURB_": number}
        )
    for name in ("known", "open"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_reading_scattered_rows_is_not_slow(tmp_path):
    """An index list costs h5py a millisecond an entry; slices cost a tenth of it."""
    import time

    store = Store("toy/1", {"map": Field("float16", "HW")}, ())
    cases = [str(number) for number in range(2000)]
    with store.write(tmp_path / "a.h5", cases, {}) as writer:
        writer.append(map=np.zeros((2000, 4, 4), np.float16))
    with store.read(tmp_path / "a.h5") as reader:
        started = time.process_time()
        reader.rows("map", cases[::2])
        assert time.process_time() - started < 0.7
