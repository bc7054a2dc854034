"""From a cell to its model folder: read, build, train or continue, write."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from lightning_fabric import Fabric

from stages.core.clip.card import read_stored
from stages.core.methods import build
from stages.core.networks.data import Layout, open_sites, read_cases
from stages.core.networks.interface import Spec, Texts
from stages.core.networks.model import ModelCard, channels_last, make_trunk, save_model
from stages.core.networks.texts import read_texts
from stages.train import checkpoint
from stages.train.cell import Cell, check_texts, make_spec, resume_key
from stages.train.checkpoint import Progress
from stages.train.data import split
from stages.train.leaks import check_leaks
from stages.train.loop import Training
from stages.train.optimiser import make_optimiser
from stages.train.record import LiveLog, show, write_history
from stages.train.selection import best_validation_epoch


def train(cell: Cell, fabric: Fabric, out: Path) -> None:
    """Train a cell and write its model folder.

    Args:
        cell: what is trained.
        fabric: launched.
        out: the model folder.

    Raises:
        InputError: an input is missing or doesn't fit the others, the held-out site shares frames with a source site,
            or the training broke down.
    """
    check_leaks(cell.artifacts / "audit" / "audit.parquet", cell.held_out)
    frames = split(read_cases(cell.files, cell.lesion_classes))
    texts, confounders, fingerprint = read_texts(cell.texts, cell.lesion_classes)
    with open_sites(cell.files) as reader:
        check_texts(texts, fingerprint, reader.layout, cell.texts)
        spec = make_spec(cell.params, reader.layout, cell.seed)
        trunk = make_trunk(cell.params.mode, spec, cell.backbone, reader.layout.dense_mode)
        method = channels_last(build(cell.method, spec, trunk, texts))
        training = Training(fabric, method, make_optimiser(method, cell.params), reader, frames, cell.params, cell.seed)
        progress = _run(training, cell, out)
    if fabric.is_global_zero:
        _write(progress, cell, spec, reader.layout, texts, confounders, out)
    fabric.barrier()


def _run(training: Training, cell: Cell, out: Path) -> Progress:
    folder = cell.artifacts / ".resume" / resume_key(cell)
    progress = checkpoint.restore(folder, training.method, training.optimiser) or Progress([], {})
    training.fabric.barrier()  # nobody writes before all have read
    if not training.fabric.is_global_zero:
        return training.run(progress, lambda _: None)
    if progress.history:
        print(f"continuing after epoch {len(progress.history)}/{cell.params.epochs}", file=sys.stderr, flush=True)
    log = LiveLog(out / "dvclive", progress.history)

    def after_epoch(done: Progress) -> None:
        checkpoint.save(folder, done, training.method, training.optimiser)
        show(done.history[-1], cell.params.epochs)
        log.add(done.history[-1])

    done = training.run(progress, after_epoch)
    log.close()
    return done


def _write(
    progress: Progress, cell: Cell, spec: Spec, layout: Layout, texts: Texts, confounders: list[str], out: Path
) -> None:
    best = best_validation_epoch(progress.history)
    backbone = read_stored(cell.backbone)
    card = ModelCard(
        method=cell.method, held_out=cell.held_out, seed=cell.seed, sources=cell.sources,
        backbone=backbone.name, pretrained=backbone.pretrained, fingerprint=layout.fingerprint,
        dense_mode=layout.dense_mode, mode=cell.params.mode, size_px=layout.size_px,
        lesion_classes=cell.lesion_classes, confounders=confounders, alpha=layout.alpha, spec=spec,
        best_epoch=best, val_dice=progress.history[best].val_dice,
    )  # fmt: skip
    if card.val_dice == 0:
        print("warning: no epoch found a lesion in the validation frames; train longer (train.epochs)", file=sys.stderr)
    write_history(progress.history, out / "history.csv")
    save_model(out, progress.best, texts, card)
    shutil.rmtree(cell.artifacts / ".resume" / resume_key(cell), ignore_errors=True)
