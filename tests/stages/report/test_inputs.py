"""What the report reads is checked, as a file may have been damaged since it was written."""

import json
import shutil
from pathlib import Path

import pytest

from mcdrl.artifacts.scores import EVALUATED
from mcdrl.base.errors import InputError
from mcdrl.study.paths import Cell
from stages.report.inputs import _history, _model, leaked_frames, read_inputs
from tests.factories import make_card, make_spec

WHOLE = "epoch,causal,seg,val_dice\n0,,0.5,0.4\n1,0.2,0.4,0.5\n"


def history(folder, content):
    (folder / "history.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return _history(("mcdrl", "A", 0), folder)


def test_a_history_is_read(tmp_path):
    rows = history(tmp_path, WHOLE)
    assert rows.columns.tolist() == ["method", "held_out", "seed", "epoch", "val_dice", "causal", "seg"]
    assert rows["val_dice"].tolist() == [0.4, 0.5]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "No columns"),
        (b"\xff\xfe\0\0", "codec can't decode"),
        (bytes(4096), "expected epoch and val_dice"),
        (WHOLE.replace("epoch", "epoc"), "expected epoch and val_dice"),
        (WHOLE.replace("0.4\n", "0.x\n"), "something else than numbers in \\['val_dice'\\]"),
        (WHOLE.replace("\n1,", "\n3,"), "epoch doesn't count from 0"),
        (WHOLE.replace("0.5\n", "5.5\n"), "val_dice isn't in 0..1"),
        (WHOLE + '"', "EOF inside string"),
    ],
)
def test_a_damaged_history_is_told_in_a_sentence(tmp_path, content, said):
    with pytest.raises(InputError, match=rf"history\.csv is damaged \(.*{said}.*run `dvc repro`") as refused:
        history(tmp_path, content)
    assert len(str(refused.value)) < 500


def test_frames_of_the_held_out_site_are_counted_once(leaking):
    pairs = read_inputs(leaking.study, leaking.artifacts).pairs
    assert leaked_frames(pairs, ["A", "B", "C"]) == {"A": 1, "B": 2}
    assert leaked_frames(pairs.iloc[2:], ["A", "B", "C"]) == {}


def model(folder, value):
    (folder / "model.json").write_text(json.dumps(value))
    return _model(Cell("mcdrl", "A", 0), folder)


def card(**given):
    return {**make_card(spec=make_spec()).model_dump(), **given}


def test_a_model_s_card_is_read_with_all_that_it_holds(tmp_path):
    assert model(tmp_path, card()) == json.loads(json.dumps(card()))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({}, "variant: Field required"),
        (card(best_epoch="x"), "best_epoch: .*got 'x'"),
        (card(val_dice=7), "val_dice: .*got 7"),
        (card(pretrained=None), "pretrained: .*string"),
        (card(sources="B"), "sources: .*list.*got 'B'"),
        (card(size_px=3), "size_px: .*got 3"),
        (card(variant="other"), "is that of .*other.*not of .*mcdrl"),
        (card(held_out="B"), "is that of .*'B', 0.*not of .*'A', 0"),
        (card(seed=5), "is that of .*5"),
    ],
)
def test_a_damaged_card_of_a_model_is_told_in_a_sentence(tmp_path, value, said):
    with pytest.raises(InputError, match=rf"model\.json:? .*{said}.*dvc repro"):
        model(tmp_path, value)


ALWAYS = [*(f"evaluate/{name}" for name in EVALUATED), "stress/cases", "mine_regions/quality", "audit/audit"]


@pytest.mark.parametrize("name", ALWAYS)
def test_a_table_that_the_pipeline_always_writes_may_not_be_missing(small, tmp_path, name):
    artifacts = Path(shutil.copytree(small.artifacts, tmp_path / "artifacts"))
    (artifacts / f"{name}.parquet").unlink()
    with pytest.raises(InputError, match=rf"{name}\.parquet does not exist; run `dvc repro` to make it"):
        read_inputs(small.study, artifacts)


def test_strengths_are_known_of_some_sites_alone(small, tmp_path):
    artifacts = Path(shutil.copytree(small.artifacts, tmp_path / "artifacts"))
    (artifacts / "ingest" / "A" / "strengths.parquet").unlink()
    cases = read_inputs(small.study, artifacts).strengths["case_id"]
    assert set(cases.str.partition("/")[0]) == {"B"}
