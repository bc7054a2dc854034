"""The contracts themselves: the names that others rely on, and sample rows that they accept."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mcdrl.artifacts import audit, cases, dictionary, features, frames, regions, scores, stress
from mcdrl.artifacts.stores import Store
from mcdrl.artifacts.tables import Table

MODULES = (audit, cases, dictionary, features, frames, regions, scores, stress)
TABLES = [value for module in MODULES for value in vars(module).values() if isinstance(value, Table)]
STORES = [value for module in MODULES for value in vars(module).values() if isinstance(value, Store)]

PUBLIC = {
    "cases/1": "case_id site group_id lesion_class split width_px height_px lesion_area_px sha256",
    "quarantine/1": "file reason",
    "dictionary/1": "confounder category prompt embedding",
    "classes/1": "lesion_class prompt embedding",
    "class_confounders/1": "lesion_class confounder prompt embedding",
    "quality/1": "site alpha recall recall_random auroc auroc_inverted n_frames",
}


@pytest.mark.parametrize("name", PUBLIC)
def test_columns_that_users_rely_on(name):
    (table,) = [table for table in TABLES if table.name == name]
    assert table.schema.names == PUBLIC[name].split()


def test_scores_start_with_their_public_columns():
    public = "method held_out seed case_id group_id lesion_class tp fp fn tn dice iou accuracy nsd hd95_px"
    assert scores.SCORES.schema.names[:15] == public.split()


def test_every_contract_has_a_name_of_its_own():
    names = [contract.name for contract in (*TABLES, *STORES)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_keys_are_columns_without_nulls(table):
    assert table.key
    assert not any(table.schema.field(column).nullable for column in table.key)


def sample(kind):
    if pa.types.is_list(kind):
        return [np.float32([0.6, 0.8])]
    if pa.types.is_string(kind):
        return ["text"]
    return np.array([1], dtype=kind.to_pandas_dtype())


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_row_goes_and_comes_back(table, tmp_path):
    rows = pd.DataFrame({field.name: sample(field.type) for field in table.schema})
    stamp = {key: "x" for key in table.metadata}
    table.write(rows, tmp_path / "t.parquet", stamp)
    read = table.read(tmp_path / "t.parquet")
    assert read.columns.tolist() == table.schema.names
    assert table.read_metadata(tmp_path / "t.parquet") == stamp
    for field in table.schema:
        assert np.array_equal(read[field.name][0], rows[field.name][0])


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_nulls_go_where_they_may(table, tmp_path):
    rows = pd.DataFrame({field.name: sample(field.type) for field in table.schema})
    nullable = [field.name for field in table.schema if field.nullable]
    rows[nullable] = None
    table.write(rows, tmp_path / "t.parquet", {key: "x" for key in table.metadata})
    assert table.read(tmp_path / "t.parquet")[nullable].isna().all(axis=None)


@pytest.mark.parametrize("store", STORES, ids=lambda store: store.name)
def test_a_frame_goes_and_comes_back(store, tmp_path):
    rows, names = {}, {}
    for name, field in store.fields.items():
        key = name.replace("/*", "__s4")
        names[key] = name.replace("/*", "/s4")
        shape = (2,) * len("HW" if field.dims is None else field.dims)
        rows[key] = [b"png"] if field.dtype == "bytes" else np.ones((1, *shape), field.dtype)
    with store.write(tmp_path / "s.h5", ["A/1"], dict.fromkeys(store.attributes, "x")) as writer:
        writer.append(**rows)
    with store.read(tmp_path / "s.h5") as reader:
        assert reader.attributes == dict.fromkeys(store.attributes, "x")
        for key, name in names.items():
            if isinstance(rows[key], list):
                assert reader.blobs(name, ["A/1"]) == rows[key]
            else:
                assert np.array_equal(reader.rows(name, ["A/1"]), rows[key])
