"""Whole trainings on small sites, in this process."""

import csv
import json
import shutil
import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from lightning_fabric import Fabric
from pydantic import ValidationError
from safetensors.torch import load_file
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import apply_activation_checkpointing

from mcdrl.artifacts.cases import CASES
from mcdrl.artifacts.dictionary import BACKGROUND, CLASSES
from mcdrl.artifacts.plan import VariantPlan, Views, write_plan
from mcdrl.base import digests
from mcdrl.base.errors import InputError
from mcdrl.methods import modes, names
from mcdrl.model.card import read_card
from mcdrl.model.folder import load_model
from mcdrl.model.network import batch_of_frames
from mcdrl.model.probability import probability
from mcdrl.model.readme import readme
from mcdrl.networks import views
from mcdrl.networks.exposure import bright_end
from mcdrl.networks.inputs import SitesReader, open_sites, read_cases, to_batch
from mcdrl.networks.trunk import EndToEnd
from mcdrl.study.paths import plan_files
from mcdrl.training import checkpoint
from mcdrl.training import run as work
from mcdrl.training.averaging import ValleyMean, valley
from mcdrl.training.cell import TrainingJob, make_job, resume_folder
from mcdrl.training.data import split
from mcdrl.training.feed import Feed
from mcdrl.training.labelled import labelled_cases
from mcdrl.training.loop import Training
from mcdrl.training.optimiser import make_optimiser
from mcdrl.training.run import train
from stages.evaluate.predict import predict
from tests import stub_sites
from tests.factories import bytes_of, method_params, small_params, train_params, write_frames
from tests.projects import make_study

QUICK = {"epochs": 3, "batch_size": 8, "head_width": 16, "intervene_from": 1}
MACHINE = {"processes": 1, "device": "cpu", "precision": "32-true"}


@pytest.fixture(autouse=True)
def _deterministic():
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(before)


@pytest.fixture
def artifacts(tmp_path, monkeypatch):
    stub_sites.write_study(tmp_path / "artifacts")
    monkeypatch.setattr("mcdrl.clip.load.load_encoder", lambda *_: stub_sites.StubEncoder())
    return tmp_path / "artifacts"


def _cell(artifacts, method="mcdrl", held_out="C", variant=None, flips=("horizontal",), own=None, **params):
    sources = [site for site in "ABC" if site != held_out]  # all of them where none is held out
    return TrainingJob(
        variant or method, method, held_out, 0, sources, artifacts, stub_sites.LESIONS,
        train_params(**{**QUICK, **params}), small_params(method, **(own or {})), flips=flips,
    )  # fmt: skip


def _train(cell, out):
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    train(cell, fabric, out)
    return out


PAIRS = [
    *[(name, mode) for name in names() for mode in ("frozen", "adapter", "suffix") if mode in (modes(name) or (mode,))],
    *[(method, "finetune") for method in ("baseline", "no_mtrs", "mcdrl", "causalclipseg", "fourier", "unet")],
    *[(method, "partial") for method in ("baseline", "mcdrl", "fourier", "viewpoint", "mcdrl_viewpoint")],
    *[(method, "partial") for method in ("front_door", "gaussian_backdoor", "observed_backdoor")],
    *[(method, "partial") for method in ("pseudo_intervention", "scale_aware", "denseclip", "causalclipseg")],
    ("unet_viewpoint", "finetune"),
]


@pytest.mark.parametrize(("method", "mode"), PAIRS)
def test_every_method_and_mode_trains_and_loads(artifacts, tmp_path, method, mode):
    out = _train(_cell(artifacts, method, mode=mode, epochs=2), tmp_path / "out")
    loaded = load_model(out, artifacts / "backbone")
    assert (loaded.card.method, loaded.card.mode, loaded.card.sources) == (method, mode, ["A", "B"])
    assert loaded.card.pretrained == "embedded"
    counts = [sum(p.numel() for p in loaded.method.parameters() if p.requires_grad >= wanted) for wanted in (0, 1)]
    assert [loaded.card.n_weights, loaded.card.n_trained] == counts


DEVICES = [
    ("front_door", {}), ("front_door", {"mediator": "random"}), ("front_door", {"mediator": "noise"}),
    ("gaussian_backdoor", {}), ("gaussian_backdoor", {"posterior": "random"}),
    ("observed_backdoor", {}), ("observed_backdoor", {"observed": "permuted"}),
    ("observed_backdoor", {"sum_over": "own"}),
    ("pseudo_intervention", {}), ("pseudo_intervention", {"masked": "random"}),
    ("scale_aware", {}), ("scale_aware", {"texts": "shuffled"}),
    ("denseclip", {}), ("denseclip", {"texts": "shuffled"}),
    ("causalclipseg", {}), ("causalclipseg", {"mask": "random"}),
]  # fmt: skip


@pytest.mark.parametrize(("method", "own"), DEVICES)
def test_a_causal_device_learns_as_does_its_placebo(artifacts, tmp_path, method, own):
    out = _train(_cell(artifacts, method, own=own, mode="partial", views=[], epochs=8, lr=0.01), tmp_path / "out")
    rows = list(csv.DictReader((out / "history.csv").open()))
    for term in {*rows[0]} - {"epoch", "val_dice", "divergence", "contrast", "sparsity"}:
        assert float(rows[1][term]) < float(rows[0][term]), term
        assert float(rows[-1][term]) < 0.7 * float(rows[0][term]), term


FEW = {"mode": "partial", "views": [], "labelled_share": 0.5}


def test_patches_are_contrasted_first_then_have_to_agree(artifacts, tmp_path):
    patches = {"contrast_epochs": 2}
    out = _train(_cell(artifacts, **FEW, unlabelled="patches", patches=patches), tmp_path / "out")
    rows = list(csv.DictReader((out / "history.csv").open()))
    assert [bool(row["patch_contrast"]) for row in rows] == [True, True, False]
    assert [bool(row["patch_consistency"]) for row in rows] == [False, False, True]
    assert load_model(out, artifacts / "backbone").card.parameters["labelled_share"] == 0.5


def _with_unlabelled(cell):
    """Yield the source sites, their files and cases, and which of these aren't labelled."""
    labelled = labelled_cases(read_cases(cell.files, cell.lesion_classes), cell.params.labelled_share, cell.seed)
    for site, place in cell.files.items():
        rows = CASES.read(place.cases)
        yield site, place, rows, ~rows["case_id"].isin(labelled).to_numpy()


def _poisoned(cell):
    """Turn masks and classes of all source frames that aren't labelled; return how many there are."""
    turned = 0
    for site, place, rows, hidden in _with_unlabelled(cell):
        images, masks, classes = stub_sites.draw(site, len(rows))
        labels = np.stack([mask * (stub_sites.LESIONS.index(kind) + 1 if kind else 0)
                           for mask, kind in zip(masks, classes, strict=True)]).astype(np.uint8)  # fmt: skip
        labels[hidden] = np.where(labels[hidden] > 0, 0, 2)
        write_frames(place.folder, list(rows["case_id"]), images, labels)
        other = [None if kind == "polyp" else "polyp" for kind in rows["lesion_class"]]
        CASES.write(rows.assign(lesion_class=np.where(hidden, other, rows["lesion_class"])), place.cases)
        turned += int(hidden.sum())
    return turned


@pytest.mark.parametrize(
    "params",
    [
        {"unlabelled": "patches", "mining": "source_tuned", "presence_weight": 1.0}, {"unlabelled": "copies"},
        {"unlabelled": "none", "mode": "frozen", "sampling": "class_balanced"},
        {"unlabelled": "none", "sampling": "size_balanced"},
    ],
)  # fmt: skip
def test_no_mask_and_no_class_of_an_unlabelled_frame_is_used(artifacts, tmp_path, params):
    cell = _cell(artifacts, **(FEW | {"batch_size": 4, "miner": {"steps": 20}} | params))
    clean = bytes_of(_train(cell, tmp_path / "clean"))
    assert _poisoned(cell) > 10
    assert bytes_of(_train(cell, tmp_path / "poisoned")) == clean


def test_the_pixels_of_unlabelled_frames_are_what_teaches(artifacts, tmp_path):
    def weights(name):
        kinds = ("patches", "copies", "none")
        cells = {kind: _cell(artifacts, "baseline", **FEW, unlabelled=kind) for kind in kinds}
        return {k: bytes_of(_train(cell, tmp_path / name / k))["model.safetensors"] for k, cell in cells.items()}

    before = weights("before")
    assert len(set(before.values())) == 3
    for site, place, rows, hidden in _with_unlabelled(_cell(artifacts, "baseline", **FEW)):
        images, masks, _ = stub_sites.draw(site, len(rows))
        images[hidden] = 255 - images[hidden]
        write_frames(place.folder, list(rows["case_id"]), images, masks)
    after = weights("after")
    assert {kind: after[kind] == before[kind] for kind in before} == {"patches": False, "copies": True, "none": True}


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


def test_the_causal_loss_rises_to_its_weight(artifacts, tmp_path):
    """A step an epoch, and weights that all but stand still: what the term is in an epoch tells its share."""

    def terms(name, **params):
        still = {"epochs": 5, "batch_size": 1000, "lr": 1e-9, "flips": (), "dropout": 0.0}
        out = _train(_cell(artifacts, **still, **params), tmp_path / name)
        rows = list(csv.DictReader((out / "history.csv").open()))
        return [float(row["causal"] or 0) for row in rows], [float(row["seg"]) for row in rows]

    (whole, seg), (rising, same_seg) = terms("at_once"), terms("rising", causal_rise=3)
    assert whole[0] == rising[0] == 0  # before `intervene_from`
    shares = [one / all_ for one, all_ in zip(rising[1:], whole[1:], strict=True)]
    assert shares == pytest.approx([1 / 3, 2 / 3, 1.0, 1.0], rel=1e-4)
    assert seg == pytest.approx(same_seg, rel=1e-4)


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


def _turned(artifacts, site, split):
    """Swap lesion and background in the masks of one split of a site."""
    path = artifacts / "ingest" / site / "frames.h5"
    rows = pd.read_parquet(path.with_name("cases.parquet"))
    chosen = np.asarray(rows["split"] == split) & rows["lesion_class"].notna().to_numpy()
    images, masks, _ = stub_sites.draw(site, len(rows))
    masks[chosen] = 1 - masks[chosen]
    write_frames(path.parent, list(rows["case_id"]), images, masks)


def test_validation_frames_choose_the_epoch_and_training_frames_alone_are_trained_on(artifacts, tmp_path):
    def history(name):
        out = _train(_cell(artifacts, "baseline", epochs=12, lr=0.01), tmp_path / name)
        return [dict(row) for row in csv.DictReader((out / "history.csv").open())]

    clean = history("clean")
    _turned(artifacts, "A", "val")
    other = history("other")
    assert [row["seg"] for row in other] == [row["seg"] for row in clean]
    assert [row["val_dice"] for row in other] != [row["val_dice"] for row in clean]


def test_nothing_of_the_held_out_site_is_read(artifacts, tmp_path):
    cell = _cell(artifacts)
    clean = bytes_of(_train(cell, tmp_path / "clean"))
    for path in [*artifacts.glob("*/C.h5"), *artifacts.glob("*/*/C.h5"), *(artifacts / "ingest" / "C").iterdir()]:
        path.write_bytes(b"poison")
    assert bytes_of(_train(cell, tmp_path / "poisoned")) == clean
    assert all("C" not in place.frames.parts for place in cell.files.values())


def test_without_a_site_left_out_every_site_is_trained_on(artifacts, tmp_path):
    cell = _cell(artifacts, "baseline", held_out=None, epochs=1, intervene_from=0)
    clean = bytes_of(_train(cell, tmp_path / "clean"))
    card = read_card(tmp_path / "clean")
    assert (card.held_out, card.sources, card.leaked_frames) == (None, ["A", "B", "C"], 0)
    assert json.loads(clean["model.json"])["held_out"] is None
    assert resume_folder(cell, MACHINE).name.startswith("baseline-none-0-")
    for site in "ABC":
        _turned(artifacts, site, "train")
        assert bytes_of(_train(cell, tmp_path / site))["model.safetensors"] != clean["model.safetensors"]
        stub_sites.write_site(artifacts, site)
    assert bytes_of(_train(cell, tmp_path / "again")) == clean


def test_without_a_site_left_out_validation_frames_choose_and_train_nothing(artifacts, tmp_path):
    def history(name):
        out = _train(_cell(artifacts, "baseline", held_out=None, epochs=4, lr=0.01), tmp_path / name)
        return [dict(row) for row in csv.DictReader((out / "history.csv").open())]

    clean = history("clean")
    for site in "ABC":
        _turned(artifacts, site, "val")
    other = history("other")
    assert [row["seg"] for row in other] == [row["seg"] for row in clean]
    assert [row["val_dice"] for row in other] != [row["val_dice"] for row in clean]


def test_a_source_site_does_matter(artifacts, tmp_path):
    cell = _cell(artifacts, epochs=1, intervene_from=0)
    clean = _train(cell, tmp_path / "clean")
    stub_sites.write_site(artifacts, "A", 20)
    assert bytes_of(_train(cell, tmp_path / "more"))["model.safetensors"] != bytes_of(clean)["model.safetensors"]


class _KilledError(Exception):
    pass


LEVERS = {
    "sizes": {"further_sizes_px": [64]},
    "sizes of lesions": {"sampling": "size_balanced"},
    "head first": {"head_first": 1.5},
    "input dropout": {"input_dropout": 0.3},
    "average": {"average": "swad", "lr": 0.02, "swad": {"checks": 2, "start_patience": 1}},
    "average behind head first": {
        "head_first": 0.4,
        "average": "swad",
        "lr": 0.02,
        "swad": {"checks": 2, "start_patience": 1},
    },
    "site colours": {"views": ["site_colours"]},
    "darkness": {"lift_dark": True},
    "boundary": {"boundary_weight": 5.0},
    "sizes of patches": {"further_sizes_px": [64], "labelled_share": 0.5, "unlabelled": "patches", "batch_size": 4},
}


@pytest.mark.parametrize("lever", LEVERS)
def test_a_lever_moves_the_weights_by_the_seed_alone(artifacts, tmp_path, lever):
    without = {"mode": "partial", "views": [], "epochs": 2}
    given = without | LEVERS[lever]
    on = [bytes_of(_train(_cell(artifacts, **given), tmp_path / name)) for name in ("one", "two")]
    assert on[0] == on[1]
    off = _train(_cell(artifacts, **without, lr=LEVERS[lever].get("lr", 0.005)), tmp_path / "off")
    assert bytes_of(off)["model.safetensors"] != on[0]["model.safetensors"]


@pytest.mark.parametrize("method", ["baseline", "mcdrl", "pseudo_intervention", "clipseg", "unet"])
def test_the_encoder_rests_while_the_head_learns_and_learns_behind_that(artifacts, tmp_path, monkeypatch, method):
    moved, step = [], Training._step

    def spy(training, *given):
        own = {id(one) for one in training.method.encoder_parameters()}
        weights = [(id(one) in own, one, one.detach().clone()) for one in training.method.parameters()]
        found = step(training, *given)
        changed = {encoder for encoder, one, was in weights if not torch.equal(one, was)}
        moved.append([True in changed, False in changed])
        return found

    monkeypatch.setattr(Training, "_step", spy)
    numbers = {"mode": "finetune" if method == "unet" else "partial", "views": [], "epochs": 3}
    counts = [
        read_card(_train(_cell(artifacts, method, **numbers, head_first=rest), tmp_path / str(rest))).n_trained
        for rest in (1.5, 0)
    ]
    assert moved == [[False, True]] * 4 + [[True, True]] * 5 + [[True, True]] * 9
    assert counts[0] == counts[1]


@pytest.mark.parametrize(("rest", "steps"), [(0, 0), (0.01, 1), (0.1, 1), (0.5, 2), (1.9, 5)])
def test_the_head_learns_alone_for_a_step_at_least(artifacts, tmp_path, monkeypatch, rest, steps):
    """Of two epochs of three steps."""
    found, schedule = [], Training._schedule

    def spy(training, done):
        schedule(training, done)
        found.append(not any(one.requires_grad for one in training.own_blocks))

    monkeypatch.setattr(Training, "_schedule", spy)
    _train(_cell(artifacts, "baseline", mode="partial", views=[], epochs=2, head_first=rest), tmp_path / "out")
    assert found == [True] * steps + [False] * (6 - steps)


SWAD = {"average": "swad", "epochs": 6, "lr": 0.02, "swad": {"checks": 2, "start_patience": 2, "end_patience": 2}}


def _averaged(artifacts, out, monkeypatch, method, **params):
    """Train with averaging; return the card, the weights after each step, and the losses of the checks."""
    weights, step, losses, check = [], Training._step, [], ValleyMean.check

    def spy(training, *given):
        found = step(training, *given)
        weights.append({name: one.detach().clone() for name, one in training.method.state_dict().items()})
        return found

    monkeypatch.setattr(Training, "_step", spy)
    monkeypatch.setattr(ValleyMean, "check", lambda mean, loss: losses.append(loss) or check(mean, loss))
    return read_card(_train(_cell(artifacts, method, **{**SWAD, "views": [], **params}), out)), weights, losses


AVERAGED = [  # method, mode, head_first, steps that come before, checks
    ("baseline", "partial", 0, 0, 12), ("mcdrl", "frozen", 0, 3, 10), ("unet", "finetune", 0, 0, 12),
    ("baseline", "partial", 1.4, 4, 10), ("baseline", "partial", 1.8, 5, 9), ("mcdrl", "partial", 0.4, 3, 10),
    ("mcdrl", "partial", 2, 6, 8),
]  # fmt: skip


@pytest.mark.parametrize(("method", "mode", "rests", "before", "checks"), AVERAGED)
def test_the_average_is_that_of_the_steps_of_the_valley(
    artifacts, tmp_path, monkeypatch, method, mode, rests, before, checks
):
    """An epoch of three steps has checks behind the second and the third; mcdrl's first epoch has none.

    Nor has the time in which the head learns alone.
    """
    card, weights, losses = _averaged(artifacts, tmp_path / "out", monkeypatch, method, mode=mode, head_first=rests)
    assert len(losses) == checks
    found = valley(losses, train_params(**SWAD).swad)
    behind = [step for epoch in range(6) for step in (3 * epoch + 2, 3 * epoch + 3) if step > before]
    inside = weights[([before, *behind])[found.first] : behind[found.behind - 1]]
    assert card.averaged_steps == len(inside) > 2
    assert card.best_epoch == (behind[found.behind - 1] - 1) // 3
    written = load_file(tmp_path / "out" / "model.safetensors")
    followed = [name for name, one in inside[0].items() if name.endswith("num_batches_tracked")]
    for name, value in inside[0].items():
        if value.is_floating_point() and not any(name.startswith(one.rpartition(".")[0]) for one in followed):
            mean = torch.stack([one[name] for one in inside]).mean(0)
            torch.testing.assert_close(written[f"method.{name}"], mean, rtol=1e-4, atol=1e-6, msg=name)
    counts = {int(written[f"method.{name}"]) for name in followed}
    assert counts == ({3} if method == "unet" else set())  # an epoch's batches gave its statistics anew


def test_what_is_said_of_an_average_is_measured_on_it(artifacts, tmp_path, monkeypatch):
    card, _, losses = _averaged(artifacts, tmp_path / "out", monkeypatch, "baseline", mode="partial")
    assert 0 < card.val_dice < 1
    assert card.val_dice not in [1 - loss for loss in losses]
    told = readme(tmp_path / "out", artifacts / "backbone", None)
    assert f"the mean of the weights after {card.averaged_steps} steps up to there" in told


def test_without_a_valley_the_best_epoch_is_taken_and_that_is_said(artifacts, tmp_path, capfd):
    swad = {"average": "swad", "swad": {"start_patience": 1000}}
    plain, none = (
        _train(_cell(artifacts, mode="partial", **extra), tmp_path / str(len(extra))) for extra in ({}, swad)
    )
    assert bytes_of(plain)["model.safetensors"] == bytes_of(none)["model.safetensors"]
    assert read_card(none).averaged_steps == 0
    told = [line for line in capfd.readouterr().err.splitlines() if "valley" in line]
    assert told == ["train.average: no valley in 6 checks, so the best epoch's weights are taken"]


def test_colours_of_another_site_are_refused_where_there_is_none(artifacts, tmp_path):
    pixels, cached = (_cell(artifacts, "baseline", mode=mode, views=["site_colours"]) for mode in ("partial", "frozen"))
    with pytest.raises(InputError, match="all training frames are of one site; add a source site, or leave site_colou"):
        _train(replace(pixels, sources=["A"]), tmp_path / "out")
    _train(replace(cached, sources=["A"]), tmp_path / "cached")  # where nothing varies nothing is asked for


def test_steps_have_drawn_sides_and_validation_its_own(artifacts, tmp_path, monkeypatch):
    seen, forward = [], EndToEnd.forward

    def spy(trunk, batch):
        seen.append((trunk.training, batch.frame.shape[-1], batch.mask.shape[-1], batch.encoder_px))
        return forward(trunk, batch)

    monkeypatch.setattr(EndToEnd, "forward", spy)
    _train(_cell(artifacts, "baseline", mode="partial", epochs=6, further_sizes_px=[64]), tmp_path / "out")
    side = stub_sites.SIDE
    assert set(seen) == {(True, side, side, None), (True, 64, 64, 64), (False, side, side, None)}


@pytest.mark.parametrize(
    "params",
    [{"mode": mode} for mode in ("frozen", "suffix", "partial")]
    + [{"mode": "finetune", "labelled_share": 0.5, "unlabelled": "patches", "batch_size": 4}]
    + [{"mode": "partial", **lever} for lever in LEVERS.values()],
)
def test_a_run_that_broke_off_continues_to_the_same_bytes(artifacts, tmp_path, monkeypatch, params):
    cell = _cell(artifacts, **({"epochs": 4} | params))
    whole = bytes_of(_train(cell, tmp_path / "whole"))
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
    assert bytes_of(_train(cell, tmp_path / "out")) == whole
    assert shown == [0, 1, 2, 3]


def test_a_half_written_checkpoint_is_ignored(artifacts, tmp_path):
    cell = _cell(artifacts, epochs=2)
    whole = bytes_of(_train(cell, tmp_path / "whole"))
    folder = resume_folder(cell, MACHINE)
    folder.mkdir(parents=True)
    (folder / "last.safetensors").write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{")
    assert bytes_of(_train(cell, tmp_path / "out")) == whole


def test_the_resume_folder_changes_with_everything_that_matters(artifacts):
    cell = _cell(artifacts)
    others = [{"processes": 2}, {"device": "cuda"}, {"precision": "bf16-mixed"}]
    folders = [
        resume_folder(cell, MACHINE),
        resume_folder(_cell(artifacts, method="baseline"), MACHINE),
        resume_folder(_cell(artifacts, method="baseline", variant="mcdrl"), MACHINE),
        resume_folder(_cell(artifacts, held_out="A"), MACHINE),
        resume_folder(_cell(artifacts, lr=0.004), MACHINE),
        resume_folder(TrainingJob(**{**vars(cell), "seed": 1}), MACHINE),
        *[resume_folder(cell, MACHINE | other) for other in others],
    ]
    stub_sites.write_site(artifacts, "C", 20)
    assert resume_folder(cell, MACHINE) == folders[0]  # the held-out site plays no part
    stub_sites.write_site(artifacts, "A", 20)
    folders.append(resume_folder(cell, MACHINE))
    stub_sites.write_pairs(artifacts, ("A/001", "B/002", True))
    folders.append(resume_folder(cell, MACHINE))
    keys = {folder.name.rpartition("-")[2] for folder in folders}
    assert len(keys) == len(folders)
    assert {folder.name.rpartition("-")[0] for folder in folders} == {
        "mcdrl-C-0", "mcdrl-C-1", "mcdrl-A-0", "baseline-C-0"
    }  # fmt: skip


def test_the_network_is_compiled_where_the_study_says_so(artifacts, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda module: asked.append(type(module).__name__))
    for name, compiled in (("plain", False), ("compiled", True)):
        _train(_cell(artifacts, "baseline", epochs=1, intervene_from=0, compile=compiled), tmp_path / name)
    assert asked == ["Baseline"]


@pytest.mark.slow
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_a_compiled_network_learns_the_same(artifacts, tmp_path, monkeypatch, dropout):
    """As torch traces and divides it; what its C++ compiler makes of that takes minutes and isn't ours.

    It draws what is dropped by other means, so that only a network of which nothing is has the same weights.
    """
    whole = torch.nn.Module.compile
    monkeypatch.setattr(
        torch.nn.Module, "compile", lambda network: whole(network, backend="aot_eager_decomp_partition")
    )
    weights = [
        load_file(_train(_cell(artifacts, epochs=2, dropout=dropout, compile=compiled), tmp_path / str(compiled))
                  / "model.safetensors")
        for compiled in (False, True)
    ]  # fmt: skip
    assert weights[0].keys() == weights[1].keys()
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-3, atol=0.05 if dropout else 1e-4, msg=name)


@pytest.mark.parametrize("mode", ["frozen", "suffix", "partial"])
def test_bytes_don_t_depend_on_where_features_are_and_who_reads_them(artifacts, tmp_path, monkeypatch, mode):
    found = []
    for place, readers in (("auto", "auto"), ("stores", "4"), ("device", "1"), ("memory", "3")):
        monkeypatch.setenv("MCDRL_FEATURES", place)
        monkeypatch.setenv("MCDRL_READERS", readers)
        found.append(bytes_of(_train(_cell(artifacts, mode=mode), tmp_path / place)))
    assert all(one == found[0] for one in found[1:])


def test_inputs_are_hashed_once_for_all_cells(artifacts, monkeypatch):
    read, whole = [], digests.sha256
    monkeypatch.setattr(digests, "sha256", lambda path: read.append(path) or whole(path))
    monkeypatch.setattr(digests, "_SETTLED_NS", -1)
    before = [resume_folder(_cell(artifacts, method), MACHINE) for method in ("mcdrl", "baseline", "mcdrl")]
    assert len(read) == len(set(read)) == 2 * 4 + 3
    stub_sites.write_site(artifacts, "A", 20)
    assert resume_folder(_cell(artifacts), MACHINE) != before[0]
    assert len(read) == 3 * 4 + 3


def test_other_code_below_changes_the_resume_folder(artifacts, monkeypatch):
    asked = []
    before = resume_folder(_cell(artifacts), MACHINE)
    monkeypatch.setattr("mcdrl.training.cell.digest", lambda modules: asked.append(modules) or "other")
    assert resume_folder(_cell(artifacts), MACHINE) != before
    assert asked == [["mcdrl.training.run", "mcdrl.methods.mcdrl"]]


def test_checkpoints_of_the_cell_under_another_key_are_removed_and_no_others(artifacts, tmp_path):
    for name in ("mcdrl-C-0-old", "mcdrl-C-1-old", "mcdrl-C-0-1-old", "baseline-C-0-old"):
        (artifacts / ".resume" / name).mkdir(parents=True)
    _train(_cell(artifacts), tmp_path / "out")
    left = {path.name for path in (artifacts / ".resume").iterdir()}
    assert left == {"mcdrl-C-1-old", "mcdrl-C-0-1-old", "baseline-C-0-old"}


def _linear(outputs=3, *, bias=True):
    method = torch.nn.Linear(2, outputs, bias=bias)
    method.encoder_parameters = list
    return method


def _saved(folder, method, best):
    folder.mkdir()
    with torch.no_grad():
        for value in method.parameters():
            value.fill_(7.0)
    checkpoint.save(folder, checkpoint.TrainingProgress([], dict(best)), method, make_optimiser(method, train_params()))


@pytest.mark.parametrize("change", ["shape", "missing", "best"])
def test_a_checkpoint_of_another_method_is_none_and_nothing_is_loaded(tmp_path, change):
    method = _linear()
    before = {name: value.clone() for name, value in method.state_dict().items()}
    optimiser = make_optimiser(method, train_params())
    others = {"shape": _linear(4), "missing": _linear(bias=False), "best": _linear()}
    best = {} if change == "best" else before
    _saved(tmp_path / "broken", others[change], best)
    assert checkpoint.restore(tmp_path / "broken", method, optimiser) is None
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
    _saved(tmp_path / "good", _linear(), before)
    assert checkpoint.restore(tmp_path / "good", method, optimiser).history == []
    assert method.bias.tolist() == [7.0] * 3


def test_a_checkpoint_with_a_flipped_bit_is_none(tmp_path):
    method = _linear()
    optimiser = make_optimiser(method, train_params())
    _saved(tmp_path / "run", _linear(), method.state_dict())
    path = tmp_path / "run" / "last.safetensors"
    whole, generator = path.read_bytes(), np.random.default_rng(0)
    places = [*generator.integers(len(whole), size=60).tolist(), *range(len(whole) - 40, len(whole))]
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << generator.integers(8)]) + whole[place + 1 :])
        assert checkpoint.restore(tmp_path / "run", method, optimiser) is None, place
    path.write_bytes(whole)
    assert checkpoint.restore(tmp_path / "run", method, optimiser) is not None


@pytest.mark.parametrize(("method", "chosen"), [("baseline", 0), ("mcdrl", 1)])
def test_only_epochs_with_the_intervention_on_are_chosen_where_there_is_one(
    artifacts, tmp_path, monkeypatch, method, chosen
):
    dice = iter([0.9, 0.5, 0.2])
    monkeypatch.setattr("mcdrl.training.loop.Training.validate", lambda *_: next(dice))
    out = _train(_cell(artifacts, method), tmp_path / "out")
    assert json.loads((out / "model.json").read_text())["best_epoch"] == chosen


@pytest.mark.parametrize(("flips", "ways"), [(["horizontal"], {"", "horizontal"}), ([], {""})])
def test_training_frames_are_mirrored_as_planned_and_validation_frames_never(
    artifacts, tmp_path, monkeypatch, flips, ways
):
    asked = {True: set(), False: set()}
    read = SitesReader.read

    def spy(reader, case_ids, *, flips=None, **rest):
        asked[flips is None] |= set(flips or [])
        return read(reader, case_ids, flips=flips, **rest)

    monkeypatch.setattr(SitesReader, "read", spy)
    _train(_cell(artifacts, "baseline", flips=flips), tmp_path / "out")
    assert asked == {False: ways, True: set()}


@pytest.mark.parametrize("mode", ["partial", "finetune"])
@pytest.mark.parametrize("method", ["baseline", "mcdrl"])
def test_what_is_cached_for_others_changes_nothing_where_the_frame_is_encoded(artifacts, tmp_path, method, mode):
    one = bytes_of(_train(_cell(artifacts, method, mode=mode, epochs=1, intervene_from=0), tmp_path / "one"))
    for site in "AB":
        _only_what_all_read(artifacts, site)
    assert bytes_of(_train(_cell(artifacts, method, mode=mode, epochs=1, intervene_from=0), tmp_path / "two")) == one


@pytest.mark.parametrize(("params", "lacking"), [
    ({"mode": "frozen"}, "horizontal, intermediate maps"),
    ({"mode": "suffix", "flips": ()}, "lack intermediate maps"),
    ({"mode": "partial", "mining": "source_tuned"}, "lack intermediate maps"),
])  # fmt: skip
def test_features_made_for_other_methods_are_refused(artifacts, tmp_path, params, lacking):
    for site in "AB":
        _only_what_all_read(artifacts, site)
    with pytest.raises(InputError, match=f"{lacking}, which 'mcdrl' reads.*dvc repro"):
        _train(_cell(artifacts, **params), tmp_path / "out")


def _only_what_all_read(artifacts, site):
    images, _, _ = stub_sites.draw(site, 16)
    stub_sites.write_features(artifacts, site, [f"{site}/{frame:03d}" for frame in range(16)], images, cached=False)


def test_cached_features_are_not_read_where_the_frame_is_encoded(artifacts, tmp_path, monkeypatch):
    wanted = []
    rows = SitesReader._rows

    def spy(reader, store, dataset, case_ids, own):
        wanted.append((store, dataset))
        return rows(reader, store, dataset, case_ids, own)

    monkeypatch.setattr(SitesReader, "_rows", spy)
    _train(_cell(artifacts, "mcdrl", mode="finetune", epochs=2), tmp_path / "out")
    looks = {("features", "image")}  # of whole frames, once, for the card
    assert set(wanted) - looks == {
        ("frames", "image"), ("frames", "mask"), ("regions", "similarity"), ("regions", "selected"),
    }  # fmt: skip


def test_checkpointing_and_keeping_activations_write_the_same_weights(artifacts, tmp_path):
    spared, kept = (
        bytes_of(_train(_cell(artifacts, mode="finetune", epochs=2, checkpointing=spare), tmp_path / str(spare)))
        for spare in (True, False)
    )
    assert spared["model.safetensors"] == kept["model.safetensors"]


@pytest.mark.parametrize("spare", [True, False])
def test_weights_that_stay_take_no_part_in_an_average(artifacts, tmp_path, monkeypatch, spare):
    """Wrappers of blocks have names of their own, which the weights of a state don't."""
    names, add = set(), ValleyMean.add

    def wrap_all(trunk):
        apply_activation_checkpointing(trunk, check_fn=lambda module: isinstance(module, torch.nn.Conv2d))

    monkeypatch.setattr(work, "spare_memory", wrap_all)
    monkeypatch.setattr(ValleyMean, "add", lambda mean, weights: names.update(weights) or add(mean, weights))
    _train(_cell(artifacts, mode="partial", epochs=2, average="swad", checkpointing=spare), tmp_path / "out")
    assert any(name.startswith("trunk.upper_blocks.") for name in names)
    assert not [name for name in names if name.startswith("trunk.lower_blocks.")]


@pytest.mark.parametrize(("before", "device", "told"), [(1, "cpu", False), (2, "cpu", True), (2, "cuda", False)])
def test_a_training_that_goes_on_by_other_threads_says_so(capsys, before, device, told):
    work._tell_threads(before, 1, device)
    assert ("the weights will be those of neither" in capsys.readouterr().err) == told


@pytest.mark.parametrize("mode", ["frozen", "partial"])
def test_a_tuned_miner_selects_the_regions_and_travels_with_the_model(artifacts, tmp_path, monkeypatch, mode):
    model = {
        mining: load_model(
            _train(_cell(artifacts, mode=mode, epochs=2, mining=mining, miner={"steps": 30}), tmp_path / mining),
            artifacts / "backbone",
        )
        for mining in ("zero_shot", "source_tuned")
    }
    assert model["zero_shot"].miner is model["zero_shot"].card.mined_by is None
    miner = model["source_tuned"].miner
    assert not miner.training
    assert miner.alpha == model["source_tuned"].card.alpha
    assert float(miner.std.min()) > 0
    assert not torch.equal(miner.mean, torch.zeros_like(miner.mean))
    written = [model[mining].method.state_dict() for mining in model]
    assert any(not torch.equal(written[0][name], written[1][name]) for name in written[0])


def test_a_prompted_model_of_one_class_is_asked_for_no_other(artifacts, tmp_path):
    for site in "AB":
        path = artifacts / "ingest" / site / "cases.parquet"
        rows = CASES.read(path)
        others = (rows["split"] == "train") & (rows["lesion_class"] == "polyp")  # left to validation
        CASES.write(rows.assign(lesion_class=rows["lesion_class"].mask(others, "tumor")), path)
    loaded = load_model(_train(_cell(artifacts, "clipseg", epochs=2), tmp_path / "out"), artifacts / "backbone")
    assert loaded.texts.seen.tolist() == [False, True]
    asked, forward = [], loaded.method.decoder.forward
    loaded.method.decoder.forward = lambda tokens, text, size: asked.append(text) or forward(tokens, text, size)
    with open_sites(_cell(artifacts).files) as reader:
        raw = reader.read(["A/000", "B/001"], mask=False, cached=reader.layout.cached)
    loaded.method(to_batch(raw, [-1, -1], torch.device("cpu")))
    assert [text.tolist() for text in asked] == [loaded.texts.classes[1:].expand(2, -1).tolist()]


def test_fewer_phrases_are_those_that_the_model_names(artifacts, tmp_path):
    loaded = load_model(_train(_cell(artifacts, phrases=1, epochs=2), tmp_path / "out"), artifacts / "backbone")
    card = loaded.card
    assert len(card.confounders) == len(card.confounder_prompts) == len(card.reference.mean) == 1
    assert loaded.texts.confounders.shape[0] == loaded.method.dictionary().shape[0] == 1


def test_miners_are_fitted_once_and_select_wherever_a_model_looks(artifacts, tmp_path, monkeypatch):
    fit, fitted, batches = work.tuned_miners, [], []
    read = Feed.read

    def spied(feed, given, label, *more):
        for cases, batch in zip(given, read(feed, given, label, *more), strict=True):
            batches.append((label, cases, batch))
            yield batch

    monkeypatch.setattr(work, "tuned_miners", lambda *given: fitted.append(fit(*given)) or fitted[-1])
    monkeypatch.setattr(Feed, "read", spied)
    cell = _cell(artifacts, mining="source_tuned", miner={"steps": 5}, epochs=2)
    out = _train(cell, tmp_path / "out")
    miners = fitted[0]
    rows = pd.concat([pd.read_parquet(place.cases) for place in cell.files.values()])
    assert miners.fold == dict(zip(rows["case_id"], rows["site"], strict=True))
    assert {label.partition(",")[0] for label, _, _ in batches} == {"epoch 1/2", "epoch 2/2", "calibration"}
    for _, cases, batch in batches:
        assert torch.equal(batch.selected, miners.of(cases).regions(batch.encoded.maps)[1])
    written = load_model(out, artifacts / "backbone").miner.state_dict()
    assert all(torch.equal(written[name], value) for name, value in miners.whole.state_dict().items())
    _train(_cell(artifacts, "baseline", mining="source_tuned", epochs=2), tmp_path / "plain")
    assert len(fitted) == 1  # the baseline looks at no region


def test_epochs_are_chosen_by_one_pass_and_trust_is_of_the_sum(artifacts, tmp_path, monkeypatch):
    made, summed = [], views.summed
    monkeypatch.setattr(views, "summed", lambda *given, **more: made.append(1) or summed(*given, **more))
    cell = _cell(artifacts, "viewpoint", mode="partial", epochs=2)
    _train(cell, tmp_path / "out")
    rows = pd.concat([pd.read_parquet(place.cases) for place in cell.files.values()])
    assert len(made) == -(-int((rows["split"] == "val").sum()) // QUICK["batch_size"])


def test_frozen_lower_blocks_stay_and_the_rest_moves(artifacts, tmp_path):
    load = load_model(_train(_cell(artifacts, mode="partial", epochs=2), tmp_path / "out"), artifacts / "backbone")
    trunk, untouched = load.method.trunk, stub_sites.StubEncoder()
    for part, same in (("lower_blocks", True), ("upper_blocks", False)):
        pairs = zip(getattr(trunk, part).parameters(), getattr(untouched, part)().parameters(), strict=True)
        assert all(torch.equal(ours, theirs) for ours, theirs in pairs) == same


def test_finetuning_starts_where_the_cache_stands(artifacts, tmp_path):
    """Untrained, and with nothing varied, the whole encoder says what was cached."""
    numbers = {"epochs": 1, "intervene_from": 0, "lr": 1e-12, "lr_encoder": 1e-12, "flips": (), "views": []}
    dice = [
        json.loads((_train(_cell(artifacts, mode=mode, **numbers), tmp_path / mode) / "model.json").read_text())
        for mode in ("suffix", "partial", "finetune")
    ]
    assert dice[0]["val_dice"] == pytest.approx(dice[1]["val_dice"], abs=0.02)
    assert dice[0]["val_dice"] == pytest.approx(dice[2]["val_dice"], abs=0.02)
    assert dice[1]["n_weights"] == dice[2]["n_weights"]
    assert dice[1]["n_trained"] < dice[2]["n_trained"]


def test_seeds_differ(artifacts, tmp_path):
    cell = _cell(artifacts, epochs=1, intervene_from=0)
    one, two = (bytes_of(_train(TrainingJob(**{**vars(cell), "seed": seed}), tmp_path / str(seed))) for seed in (0, 1))
    assert one["model.safetensors"] != two["model.safetensors"]


def test_a_training_that_breaks_down_says_so(artifacts, tmp_path, monkeypatch):
    monkeypatch.setattr(
        "mcdrl.networks.segmenter.segmentation", lambda *_, **__: torch.tensor(float("nan"), requires_grad=True)
    )
    with pytest.raises(InputError, match=r"'seg' became nan in epoch 0; lower train\.lr"):
        _train(_cell(artifacts), tmp_path / "out")
    assert not (tmp_path / "out" / "model.json").exists()


def test_an_error_in_the_middle_of_an_epoch_leaves_no_reader_behind(artifacts, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise _KilledError

    monkeypatch.setattr("mcdrl.networks.segmenter.segmentation", fail)
    with pytest.raises(_KilledError) as caught:
        _train(_cell(artifacts, batch_size=2), tmp_path / "out")
    assert caught.tb  # its frames are still alive, and with them whatever they hold
    assert not [thread for thread in threading.enumerate() if thread.name == "read-ahead"]


def test_texts_of_another_encoder_are_refused(artifacts, tmp_path):
    stub_sites.write_texts(artifacts / "build_confounders", "0" * 64)
    with pytest.raises(InputError, match="different encoders"):
        _train(_cell(artifacts), tmp_path / "out")


def test_heads_that_do_not_divide_the_width_are_refused_with_the_legal_ones(artifacts, tmp_path):
    with pytest.raises(InputError, match=r"'mcdrl' .* 3 heads don't .* 16; legal: \[1, 2, 4, 8, 16\]"):
        _train(_cell(artifacts, own={"heads": 3}), tmp_path / "out")


def test_a_missing_input_is_named(artifacts, tmp_path):
    (artifacts / "encode" / "B.h5").unlink()
    with pytest.raises(InputError, match=r"encode/B\.h5 does not exist"):
        _train(_cell(artifacts), tmp_path / "out")


def _study(artifacts, sites="ABC"):
    return make_study(
        sites, lesion_classes=stub_sites.LESIONS, methods=["mine"], variants={"mine": {"method": "mcdrl"}}
    )


def _planned(artifacts, **train):
    plan = VariantPlan(
        variant="mine",
        method="mcdrl",
        code="0",
        params=method_params("mcdrl").model_dump(),
        train=train_params(**train).model_dump(),
    )
    write_plan(plan, plan_files(artifacts).method("mine"))
    longer = plan.model_copy(update={"train": train_params(epochs=9).model_dump()})
    write_plan(longer, plan_files(artifacts).deployed("mine"))
    write_plan(Views(view={"A": "auto", "B": "full", "C": "full"}), plan_files(artifacts).views)


def test_the_sources_are_all_sites_but_the_held_out_one_and_the_numbers_those_of_the_plan(tmp_path):
    _planned(tmp_path, epochs=7)
    cell = make_job("mine", "B", 0, tmp_path, _study(tmp_path))
    assert cell.sources == ["A", "C"]
    assert list(cell.files) == ["A", "C"]
    assert (cell.variant, cell.method, cell.params.epochs, cell.view) == ("mine", "mcdrl", 7, "auto")
    assert make_job("mine", "A", 0, tmp_path, _study(tmp_path)).view == "full"
    write_plan(Views(view={"A": "auto"}), plan_files(tmp_path).views)
    with pytest.raises(InputError, match=r"views\.json is damaged \(it lacks the site 'C'\)"):
        make_job("mine", "B", 0, tmp_path, _study(tmp_path))


def test_all_sites_are_sources_where_none_is_held_out_and_the_plan_is_that_of_deploy(tmp_path):
    _planned(tmp_path, epochs=7)
    job = make_job("mine", None, 0, tmp_path, _study(tmp_path), ["mine"])
    assert (job.held_out, job.sources, list(job.files)) == (None, ["A", "B", "C"], ["A", "B", "C"])
    assert job.params.epochs == 9
    with pytest.raises(InputError, match="unknown method 'mine'; legal: other"):  # a name in methods alone won't do
        make_job("mine", None, 0, tmp_path, _study(tmp_path), ["other"])


def test_the_order_of_the_sites_in_params_yaml_trains_nothing_otherwise(tmp_path):
    """DVC compares mappings without their order, so nothing would run anew."""
    _planned(tmp_path, epochs=7)
    jobs = [make_job("mine", "B", 0, tmp_path, _study(tmp_path, sites)) for sites in ("ABC", "CBA")]
    assert jobs[0] == jobs[1]
    assert jobs[1].sources == ["A", "C"]


def test_sources_stand_by_name_whatever_reads_params_yaml(tmp_path):
    """What reads it is in no digest, and the order of the sources is that of each batch."""
    _planned(tmp_path, epochs=7)
    study = _study(tmp_path)
    turned = study.model_copy(update={"sites": dict(reversed(study.sites.items()))})
    assert make_job("mine", "B", 0, tmp_path, turned) == make_job("mine", "B", 0, tmp_path, study)


@pytest.mark.parametrize(("method", "site", "message"), [
    ("mini", "A", "unknown method 'mini'; did you mean 'mine'"), ("mine", "D", "unknown site 'D'.*legal: A, B, C"),
])  # fmt: skip
def test_unknown_names_are_refused_with_the_nearest(tmp_path, method, site, message):
    with pytest.raises(InputError, match=message):
        make_job(method, site, 0, tmp_path, _study(tmp_path))


def test_a_subtracted_background_is_told_by_card_and_readme(artifacts, tmp_path):
    table = artifacts / "build_confounders" / "classes.parquet"
    rows = CLASSES.read(table)
    healthy = rows.iloc[:1].assign(lesion_class=BACKGROUND, prompt="A normal mucosa")
    CLASSES.write(pd.concat([rows, healthy], ignore_index=True), table, CLASSES.read_metadata(table))
    out = _train(_cell(artifacts, epochs=2), tmp_path / "out")
    assert read_card(out).background_prompt == "A normal mucosa"
    assert ', less the similarity to "A normal mucosa"' in readme(out, artifacts / "backbone", None)
    tuned = _train(_cell(artifacts, epochs=2, mining="source_tuned", miner={"steps": 5}), tmp_path / "tuned")
    assert "A normal mucosa" not in readme(tuned, artifacts / "backbone", None)  # its regions are not mined by texts


def test_feature_surgery_of_the_training_regions_is_told_by_card_and_readme(artifacts, tmp_path):
    for site in "ABC":
        stub_sites.mined_by_feature_surgery(artifacts, site)
    out = _train(_cell(artifacts, epochs=2), tmp_path / "out")
    assert read_card(out).text_similarity == "feature_surgery"
    assert "nearest to the class prompts, less what these have in common" in readme(out, artifacts / "backbone", None)


def test_what_is_darker_than_the_training_frames_is_lifted_by_whoever_asks(artifacts, tmp_path):
    """The limit is of the source sites' training frames alone, and holds for stored frames as for given ones."""
    cell = _cell(artifacts, "baseline", mode="partial", views=[], lift_dark=True, flips=())
    loaded = load_model(_train(cell, tmp_path / "out"), artifacts / "backbone")
    below = loaded.card.spec.dark_below
    rows = read_cases(cell.files, cell.lesion_classes)
    trained_on = rows.loc[rows["split"] == "train", "case_id"].tolist()
    with open_sites(cell.files) as reader:
        assert below == pytest.approx(np.quantile(reader.bright_ends(trained_on), 0.05), rel=1e-6)
        dark = Darker(reader)
        given = torch.from_numpy(dark.read(trained_on[:2], mask=False, cached=[])["frames/image"])
        (found,) = predict(loaded, dark, trained_on[:2], 2)
        fabric = Fabric(accelerator="cpu", devices=1)
        fabric.launch()
        feed = Feed(fabric, loaded.method, dark, split(rows), cell.params, 0)
        ends = [255 * bright_end(one.frame) for one in feed.read([trained_on[:2]], "test")]
    batch = batch_of_frames(given, None, loaded)
    assert bright_end(batch.frame).tolist() == pytest.approx([below] * 2, abs=1e-3)
    assert ends[0].tolist() == pytest.approx([255 * below] * 2, abs=0.3)
    np.testing.assert_allclose(found.probability, probability(loaded.method, batch), atol=1e-5)
    with pytest.raises(ValidationError, match="lift_dark true takes the pixels in the loop, which mode frozen hasn't"):
        train_params(mode="frozen", lift_dark=True)


class Darker:
    """A reader whose frames are a quarter as bright."""

    def __init__(self, reader):
        self._reader, self.layout = reader, reader.layout

    def read(self, *given, **named):
        raw = self._reader.read(*given, **named)
        return raw | {"frames/image": raw["frames/image"] // 4}
