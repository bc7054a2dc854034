"""Tables keep their contract, on write and on read."""

import contextlib
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mcdrl.artifacts.tables import Table, column
from mcdrl.base.errors import InputError

TABLE = Table(
    "toy/1",
    pa.schema(
        [
            column("name", pa.string()),
            column("count", pa.int64()),
            column("score", pa.float64(), nullable=True),
            column("vector", pa.list_(pa.float32())),
        ]
    ),
    key=("name",),
    metadata=("fingerprint",),
)
STAMP = {"fingerprint": "abc"}


def rows(**changed):
    given = {"name": ["a", "b"], "count": [1, 2], "score": [0.5, None], "vector": [np.float32([1, 2]), np.float32([3])]}
    return pd.DataFrame({**given, **changed})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "seed=1" / "toy.parquet"  # such a folder must not become a column


def test_rows_come_back(path):
    TABLE.write(rows(), path, STAMP)
    read = TABLE.read(path)
    assert read.columns.tolist() == ["name", "count", "score", "vector"]
    assert read[["name", "count"]].values.tolist() == [["a", 1], ["b", 2]]
    assert read["score"].isna().tolist() == [False, True]
    assert read["vector"][0].tolist() == [1, 2]
    assert TABLE.read_metadata(path) == STAMP


def test_the_order_of_the_columns_is_the_contract_s(path):
    TABLE.write(rows()[["vector", "score", "name", "count"]], path, STAMP)
    assert TABLE.read(path).columns.tolist() == TABLE.schema.names


def test_no_rows_are_a_table_too(path):
    TABLE.write(rows().iloc[:0].astype({"count": "int64"}), path, STAMP)
    assert len(TABLE.read(path)) == 0


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"extra": [1, 2]}, r"unexpected columns \['extra'\]"),
        ({"name": ["a", None]}, r"nulls in \['name'\]"),
        ({"count": [1, None]}, r"nulls in \['count'\]"),
        ({"count": [1.5, 2]}, "truncated"),
        ({"count": ["1", "2"]}, r"text in \['count'\]"),
        ({"name": ["a", "a"]}, r"1 repeated keys \('name',\), the first \['a'\]"),
    ],
)
def test_the_writer_refuses(path, changed, message):
    with pytest.raises(ValueError, match=message):
        TABLE.write(rows(**changed), path, STAMP)
    assert not path.exists()


def test_the_writer_refuses_a_missing_column(path):
    with pytest.raises(ValueError, match=r"missing columns \['score'\]"):
        TABLE.write(rows().drop(columns="score"), path, STAMP)


@pytest.mark.parametrize("stamp", [None, {}, {"fingerprint": "a", "host": "b"}])
def test_the_writer_refuses_other_metadata(path, stamp):
    with pytest.raises(ValueError, match="metadata"):
        TABLE.write(rows(), path, stamp)


def rewrite(path, change):
    """Write the table anew, changed, with its stamp intact."""
    TABLE.write(rows(), path, STAMP)
    table = change(pq.ParquetFile(path).read())
    pq.write_table(table, path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.append_column("extra", pa.array([1, 2])), r"unexpected columns \['extra'\]"),
        (lambda t: t.drop_columns(["score"]), r"missing columns \['score'\]"),
        (lambda t: t.set_column(1, "count", pa.array([1, 2], pa.int32())), "column types"),
        (lambda t: t.set_column(0, "name", pa.array(["a", None])), r"nulls in \['name'\]"),
        (lambda t: t.take([0, 0]), "1 repeated keys"),
        (lambda t: pa.concat_tables([t, t]), "digest doesn't fit its strings and 4 rows"),
        (lambda t: t.replace_schema_metadata({**t.schema.metadata, b"mcdrl.fingerprint": b"abd"}), "digest"),
        (lambda t: t.replace_schema_metadata({}), "has schema 'none', expected 'toy/1'"),
        (lambda t: t.replace_schema_metadata({b"mcdrl.schema": b"toy/2"}), "has schema 'toy/2', expected 'toy/1'"),
        (lambda t: t.replace_schema_metadata({b"mcdrl.schema": b"toy/1"}), r"lacks \['fingerprint'\]"),
    ],
)
def test_the_reader_refuses(path, change, message):
    rewrite(path, change)
    with pytest.raises(InputError, match=message) as error:
        TABLE.read(path)
    assert str(path) in str(error.value)
    assert "dvc repro" in str(error.value)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.95])
def test_a_file_cut_short_is_refused(path, share):
    TABLE.write(rows(), path, STAMP)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match="not a readable Parquet file"):
        TABLE.read(path)


def flipped(whole, generator):
    place, bit = int(generator.integers(len(whole))), int(generator.integers(8))
    return whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :]


def test_a_flipped_bit_is_refused_or_changes_nothing(path):
    """Anywhere: in a page, its header, the footer, the lengths around them; most of the footer is read by nobody."""
    TABLE.write(rows(vector=[np.arange(300, dtype=np.float32)] * 2), path, STAMP)
    whole, written, generator = path.read_bytes(), TABLE.read(path), np.random.default_rng(0)
    refused = 600
    for _ in range(600):
        path.write_bytes(flipped(whole, generator))
        with contextlib.suppress(InputError):
            pd.testing.assert_frame_equal(TABLE.read(path), written)
            assert TABLE.read_metadata(path) == STAMP
            refused -= 1
    assert refused > 400


def test_every_flipped_bit_of_the_data_is_refused(path):
    generator = np.random.default_rng(1)
    vector = generator.normal(size=300).astype(np.float32)  # of noise, which compression leaves as it is
    TABLE.write(rows(vector=[vector] * 2), path, STAMP)
    whole = path.read_bytes()
    start = whole.index(vector[10:20].tobytes())
    for _ in range(100):
        path.write_bytes(whole[:start] + flipped(whole[start : start + 1000], generator) + whole[start + 1000 :])
        with pytest.raises(InputError, match="not a readable Parquet file"):
            TABLE.read(path)


def test_plain_pandas_reads_a_table(path):
    TABLE.write(rows(), path, STAMP)
    assert pd.read_parquet(path)["name"].tolist() == ["a", "b"]


def test_a_missing_file_and_a_folder_are_refused(path, tmp_path):
    with pytest.raises(InputError, match="does not exist; run `dvc repro`"):
        TABLE.read(path)
    with pytest.raises(InputError, match="readable"):
        TABLE.read(tmp_path)


WRITER = """
import sys
from pathlib import Path
import numpy as np, pandas as pd, pyarrow as pa
from mcdrl.artifacts.tables import Table, column
fields = [column("name", pa.string()), column("score", pa.float64(), nullable=True)]
table = Table("toy/1", pa.schema(fields), key=("name",), metadata=("b", "a", "c"))
names = sorted({f"case {number}" for number in range(500)})
scores = np.random.default_rng(0).normal(size=500)
scores[::7] = np.nan
table.write(pd.DataFrame({"score": scores, "name": names}), Path(sys.argv[1]), {"c": "3", "a": "1", "b": "2"})
"""


def test_two_processes_write_equal_bytes(tmp_path):
    for number in ("1", "2"):
        command = [sys.executable, "-c", WRITER, str(tmp_path / number)]
        subprocess.run(command, check=True, env={"PYTHONHASHSEED": number, "PYTHONPATH": "."})
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
