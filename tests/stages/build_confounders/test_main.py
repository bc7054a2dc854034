import numpy as np
import pytest
import torch

from mcdrl.artifacts.dictionary import CLASS_CONFOUNDERS, CLASSES, DICTIONARY
from mcdrl.base.errors import InputError
from stages.build_confounders import __main__ as command
from tests.factories import by_category
from tests.projects import SHIPPED, write_params

PHRASES = [phrase for group in by_category().values() for phrase in group]

TABLES = {"dictionary": DICTIONARY, "classes": CLASSES, "class_confounders": CLASS_CONFOUNDERS}


@pytest.fixture(autouse=True)
def stub(monkeypatch, encoder):
    monkeypatch.setattr(command, "load_encoder", lambda _: encoder)


def with_params(tmp_path, monkeypatch, **changes):
    place = write_params(tmp_path, {**SHIPPED, "build_confounders": {**SHIPPED["build_confounders"], **changes}})
    real = command.load
    monkeypatch.setattr(command, "load", lambda section, kind: real(section, kind, place))


def test_the_three_tables_are_written_with_the_fingerprint(tmp_path, encoder):
    command.main(tmp_path / "backbone", tmp_path / "out")
    found = {name: table.read(tmp_path / "out" / f"{name}.parquet") for name, table in TABLES.items()}
    assert {name: len(rows) for name, rows in found.items()} == {
        "dictionary": len(PHRASES), "classes": 5, "class_confounders": 5 * len(PHRASES),
    }  # fmt: skip
    for name, table in TABLES.items():
        assert table.read_metadata(tmp_path / "out" / f"{name}.parquet") == {"fingerprint": encoder.fingerprint}
        vectors = np.stack(found[name]["embedding"])
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
        expected = encoder.encode_text(list(found[name]["prompt"]))
        torch.testing.assert_close(torch.from_numpy(vectors), expected)
    assert found["classes"]["lesion_class"].tolist() == ["polyp", "tumor", "inflammation", "nodule", "cyst"]


def test_running_twice_gives_equal_bytes(tmp_path):
    for name in ("first", "second"):
        command.main(tmp_path / "backbone", tmp_path / name)
    for table in TABLES:
        file = f"{table}.parquet"
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def test_a_dictionary_of_one_phrase_is_enough(tmp_path, monkeypatch):
    with_params(tmp_path, monkeypatch, confounders={"lighting": ["dark lighting"]})
    command.main(tmp_path, tmp_path / "out")
    assert len(DICTIONARY.read(tmp_path / "out" / "dictionary.parquet")) == 1
    assert len(CLASS_CONFOUNDERS.read(tmp_path / "out" / "class_confounders.parquet")) == 5


def test_a_class_without_a_phrase_stops_the_stage_before_anything_is_written(tmp_path, monkeypatch):
    with_params(tmp_path, monkeypatch, class_phrases={"polyp": "polyp"})
    with pytest.raises(InputError, match="class_phrases: no phrase for the lesion class 'cyst'"):
        command.main(tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_mistyped_key_is_named_with_the_right_one(tmp_path, monkeypatch):
    with_params(tmp_path, monkeypatch, confounder_templates="x {domain}")
    with pytest.raises(InputError, match="confounder_templates: unknown key; did you mean 'confounder_template'"):
        command.main(tmp_path, tmp_path / "out")


def test_unknown_words_are_printed(tmp_path, monkeypatch, capsys):
    with_params(tmp_path, monkeypatch, confounders={"lighting": ["dark lighting", "hazy lighting"]})
    command.main(tmp_path, tmp_path / "out")
    assert "hazy" in capsys.readouterr().err.split("never seen")[1]
