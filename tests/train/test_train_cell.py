"""Whole trainings on small sites, in this process."""

import csv
import json
import shutil
import threading

import pytest
import stub_sites
import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file

from stages.core.base.errors import InputError
from stages.core.base.params import Study
from stages.core.networks.model import load_model
from stages.train import checkpoint, work
from stages.train.cell import Cell, make_cell, resume_key
from stages.train.params import Params
from stages.train.work import train

QUICK = {"epochs": 3, "batch_size": 8, "heads": 4, "depth": 1, "head_width": 16, "intervene_from": 1}


@pytest.fixture(autouse=True)
def _deterministic():
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(before)


@pytest.fixture
def artifacts(tmp_path, monkeypatch):
    stub_sites.write_study(tmp_path / "artifacts")
    monkeypatch.setattr("stages.core.clip.load.load_encoder", lambda *_: stub_sites.StubEncoder())
    return tmp_path / "artifacts"


def _cell(artifacts, method="mcdrl", held_out="C", **params):
    sources = [site for site in "ABC" if site != held_out]
    return Cell(method, held_out, 0, sources, artifacts, stub_sites.LESIONS, Params(**{**QUICK, **params}))


def _train(cell, out):
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    train(cell, fabric, out)
    return out


def _files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("mode", ["frozen", "adapter", "suffix"])
@pytest.mark.parametrize("method", ["baseline", "no_mtrs", "no_cdrl", "mcdrl"])
def test_every_method_and_mode_trains_and_loads(artifacts, tmp_path, method, mode):
    out = _train(_cell(artifacts, method, mode=mode, epochs=2), tmp_path / "out")
    loaded = load_model(out, artifacts / "backbone")
    assert (loaded.card.method, loaded.card.mode, loaded.card.sources) == (method, mode, ["A", "B"])
    assert loaded.card.pretrained == "embedded"


def test_it_learns_and_writes_what_it_says(artifacts, tmp_path):
    cell = _cell(artifacts, "baseline", epochs=25, lr=0.01, dice_weight=1.0)
    out = _train(cell, tmp_path / "out")
    card = json.loads((out / "model.json").read_text())
    rows = list(csv.DictReader((out / "history.csv").open()))
    dice = [float(row["val_dice"]) for row in rows]
    assert card["val_dice"] == max(dice) > 0.6
    assert card["best_epoch"] == dice.index(max(dice))
    assert float(rows[-1]["seg"]) < float(rows[0]["seg"]) / 2
    live = (out / "dvclive" / "plots" / "metrics" / "val_dice.tsv").read_text().splitlines()
    assert [float(line.split("\t")[1]) for line in live[1:]] == dice
    assert not (artifacts / ".resume").exists() or not list((artifacts / ".resume").iterdir())


def test_history_shows_when_the_intervention_came_on(artifacts, tmp_path):
    out = _train(_cell(artifacts), tmp_path / "out")
    rows = list(csv.DictReader((out / "history.csv").open()))
    assert [bool(row["causal"]) for row in rows] == [False, True, True]


def test_the_weights_are_those_of_the_best_epoch(artifacts, tmp_path, monkeypatch):
    seen = []
    save = checkpoint.save

    def spy(folder, progress, method, optimiser):
        seen.append({name: value.clone() for name, value in method.state_dict().items()})
        save(folder, progress, method, optimiser)

    monkeypatch.setattr(checkpoint, "save", spy)
    out = _train(_cell(artifacts, epochs=4, lr=0.05), tmp_path / "out")
    best = json.loads((out / "model.json").read_text())["best_epoch"]
    written = load_file(out / "model.safetensors")
    assert all(torch.equal(written[f"method.{name}"], value) for name, value in seen[best].items())


def test_nothing_of_the_held_out_site_is_read(artifacts, tmp_path):
    cell = _cell(artifacts)
    clean = _files(_train(cell, tmp_path / "clean"))
    for path in [*artifacts.glob("*/C.h5"), *artifacts.glob("*/*/C.h5"), *(artifacts / "ingest" / "C").iterdir()]:
        path.write_bytes(b"poison")
    assert _files(_train(cell, tmp_path / "poisoned")) == clean
    assert all("C" not in place.frames.parts for place in cell.files.values())


def test_a_source_site_does_matter(artifacts, tmp_path):
    cell = _cell(artifacts, epochs=1)
    clean = _train(cell, tmp_path / "clean")
    stub_sites.write_site(artifacts, "A", 20)
    assert _files(_train(cell, tmp_path / "more"))["model.safetensors"] != _files(clean)["model.safetensors"]


class _KilledError(Exception):
    pass


@pytest.mark.parametrize("mode", ["frozen", "suffix"])
def test_a_run_that_broke_off_continues_to_the_same_bytes(artifacts, tmp_path, monkeypatch, mode):
    cell = _cell(artifacts, epochs=4, mode=mode)
    whole = _files(_train(cell, tmp_path / "whole"))
    show, shown = work.show, []

    def break_off(record, epochs):
        shown.append(record.epoch)
        if record.epoch == 1 and shown.count(1) == 1:
            raise _KilledError
        show(record, epochs)

    monkeypatch.setattr(work, "show", break_off)
    with pytest.raises(_KilledError):
        _train(cell, tmp_path / "out")
    shutil.rmtree(tmp_path / "out")  # as DVC does before it runs a stage again
    assert _files(_train(cell, tmp_path / "out")) == whole
    assert shown == [0, 1, 2, 3]


def test_a_half_written_checkpoint_is_ignored(artifacts, tmp_path):
    cell = _cell(artifacts, epochs=2)
    whole = _files(_train(cell, tmp_path / "whole"))
    folder = artifacts / ".resume" / resume_key(cell)
    folder.mkdir(parents=True)
    (folder / "last.safetensors").write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{")
    assert _files(_train(cell, tmp_path / "out")) == whole


def test_the_resume_key_changes_with_everything_that_matters(artifacts):
    cell = _cell(artifacts)
    keys = [
        resume_key(cell),
        resume_key(_cell(artifacts, method="baseline")),
        resume_key(_cell(artifacts, held_out="A")),
        resume_key(_cell(artifacts, lr=0.004)),
        resume_key(Cell(**{**vars(cell), "seed": 1})),
    ]
    stub_sites.write_site(artifacts, "C", 20)
    assert resume_key(cell) == keys[0]  # the held-out site plays no part
    stub_sites.write_site(artifacts, "A", 20)
    keys.append(resume_key(cell))
    assert len(set(keys)) == len(keys)


def test_seeds_differ(artifacts, tmp_path):
    cell = _cell(artifacts, epochs=1)
    one, two = (_files(_train(Cell(**{**vars(cell), "seed": seed}), tmp_path / str(seed))) for seed in (0, 1))
    assert one["model.safetensors"] != two["model.safetensors"]


def test_a_training_that_breaks_down_says_so(artifacts, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "stages.core.networks.losses.segmentation", lambda *_, **__: torch.tensor(float("nan"), requires_grad=True)
    )
    with pytest.raises(InputError, match=r"'seg' became nan in epoch 0; lower train\.lr"):
        _train(_cell(artifacts), tmp_path / "out")
    assert not (tmp_path / "out" / "model.json").exists()


def test_an_error_in_the_middle_of_an_epoch_leaves_no_reader_behind(artifacts, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise _KilledError

    monkeypatch.setattr("stages.core.networks.losses.segmentation", fail)
    with pytest.raises(_KilledError) as caught:
        _train(_cell(artifacts, batch_size=2), tmp_path / "out")
    assert caught.tb  # its frames are still alive, and with them whatever they hold
    assert not [thread for thread in threading.enumerate() if thread.name == "read-ahead"]


def test_texts_of_another_encoder_are_refused(artifacts, tmp_path):
    stub_sites.write_texts(artifacts / "build_confounders", "0" * 64)
    with pytest.raises(InputError, match="different encoders"):
        _train(_cell(artifacts), tmp_path / "out")


def test_heads_that_do_not_divide_the_width_are_refused_with_the_legal_ones(artifacts, tmp_path):
    with pytest.raises(InputError, match=r"train\.heads 3 .* 16; legal: \[1, 2, 4, 8, 16\]"):
        _train(_cell(artifacts, heads=3), tmp_path / "out")


def test_a_missing_input_is_named(artifacts, tmp_path):
    (artifacts / "encode" / "B.h5").unlink()
    with pytest.raises(InputError, match=r"encode/B\.h5 does not exist"):
        _train(_cell(artifacts), tmp_path / "out")


def _study(artifacts):
    site = {"root": "x", "card": "folder", "lesion_class": "polyp"}
    return Study.model_validate({
        "backbone": "lite0", "weights": {}, "sites": {"A": site, "B": site, "C": site}, "held_out": ["A"],
        "lesion_classes": stub_sites.LESIONS, "methods": ["mcdrl"], "seeds": [0],
    })  # fmt: skip


def test_the_sources_are_all_sites_but_the_held_out_one(tmp_path):
    cell = make_cell("mcdrl", "B", 0, tmp_path, _study(tmp_path), Params())
    assert cell.sources == ["A", "C"]
    assert list(cell.files) == ["A", "C"]


@pytest.mark.parametrize(("method", "site", "message"), [
    ("mcdlr", "A", "unknown method 'mcdlr'; did you mean 'mcdrl'"), ("mcdrl", "D", "unknown site 'D'.*legal: A, B, C"),
])  # fmt: skip
def test_unknown_names_are_refused_with_the_nearest(tmp_path, method, site, message):
    with pytest.raises(InputError, match=message):
        make_cell(method, site, 0, tmp_path, _study(tmp_path), Params())
