"""From a cell to its model folder: read, build, train or continue, write."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor

from mcdrl.base.errors import InputError
from mcdrl.clip.card import read_stored
from mcdrl.confounders.scores import usual_scores
from mcdrl.methods import prepared
from mcdrl.model.bundle import bundle
from mcdrl.model.folder import MinedBy, ModelCard, Usual, assemble, read_card, save_model
from mcdrl.model.readme import write_readme
from mcdrl.networks.inputs import Layout, open_sites, read_cases
from mcdrl.networks.interface import Method, Spec, Texts
from mcdrl.networks.texts import read_prompts, read_texts
from mcdrl.networks.trunk import spare_memory
from mcdrl.regions.tuned import Miner
from mcdrl.training import checkpoint
from mcdrl.training.cell import Cell, check_cached, check_texts, drop_stale, make_spec, resume_folder
from mcdrl.training.checkpoint import Progress
from mcdrl.training.data import split
from mcdrl.training.fabric import describe
from mcdrl.training.leaks import check_leaks, copies_across_split
from mcdrl.training.loop import Training
from mcdrl.training.mining import tuned_miners
from mcdrl.training.optimiser import make_optimiser
from mcdrl.training.phrases import drawn_phrases, with_phrases
from mcdrl.training.record import LiveLog, show, write_history
from mcdrl.training.seen import with_seen
from mcdrl.training.trust import Trust, measure_trust


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
    leaked = check_leaks(cell.audit, cell.held_out)
    cases = read_cases(cell.files, cell.lesion_classes)
    frames = split(cases, copies_across_split(cell.audit, cell.held_out))
    left_out = len(cases) - len(frames.train) - len(frames.val)
    if left_out and fabric.is_global_zero:
        print(f"{left_out} validation frame(s) left out: copies of training frames ({cell.audit})", file=sys.stderr)
    texts, confounders, fingerprint = read_texts(cell.texts, cell.lesion_classes)
    with open_sites(cell.files) as reader:
        check_texts(texts, fingerprint, reader.layout, cell.texts)
        phrases = drawn_phrases(len(confounders), cell.params.phrases)
        texts, confounders = with_phrases(texts, phrases), [confounders[place] for place in phrases]
        spec = make_spec(cell.params, reader.layout, cell.seed)

        def images() -> Tensor:
            return torch.from_numpy(reader.images(frames.train)).float()

        texts = prepared(cell.method, spec, cell.method_params, with_seen(texts, frames), images)
        method = _assembled(cell, spec, reader.layout.dense_mode, texts)
        if cell.params.checkpointing:
            spare_memory(method.trunk)
        tuned = cell.params.mining == "source_tuned" and method.uses_regions
        check_cached(cell, reader.layout, features=method.trunk.needs_features, maps=tuned)
        miners = tuned_miners(reader, frames, cell.params.miner, cell.seed, fabric.device) if tuned else None
        optimiser = make_optimiser(method, cell.params)
        training = Training(fabric, method, optimiser, reader, frames, cell.params, cell.seed, miners, cell.flips)
        folder = resume_folder(cell, describe(fabric))
        progress = _run(training, cell, folder, out)
        best = training.best_epoch(progress.history)
        trust = measure_trust(training, progress.best)
        usual = Usual(**vars(usual_scores(reader.images(frames.train), texts.confounders.numpy())))
    if fabric.is_global_zero:
        facts = {**_counts(method), "leaked_frames": leaked}
        miner = miners.whole if miners else None
        _write(progress, best, trust, usual, cell, spec, reader.layout, texts, confounders, facts, miner, out)
        write_readme(read_card(out), read_stored(cell.backbone), out, uses_regions=method.uses_regions)
        bundle(cell.backbone, out)
        shutil.rmtree(folder, ignore_errors=True)
    fabric.barrier()


def _assembled(cell: Cell, spec: Spec, dense_mode: str, texts: Texts) -> Method:
    try:
        return assemble(cell.method, cell.params.mode, spec, cell.method_params, cell.backbone, dense_mode, texts)
    except ValueError as error:
        raise InputError(f"the parameters of '{cell.variant}' in params.yaml don't go together: {error}") from None


def _run(training: Training, cell: Cell, folder: Path, out: Path) -> Progress:
    progress = checkpoint.restore(folder, training.method, training.optimiser) or Progress([], {})
    training.fabric.barrier()  # nobody writes before all have read
    if not training.fabric.is_global_zero:
        return training.run(progress, lambda _: None)
    drop_stale(folder)
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
    progress: Progress, best: int, trust: Trust, usual: Usual, cell: Cell, spec: Spec, layout: Layout, texts: Texts,
    confounders: list[str], facts: dict[str, int], miner: Miner | None, out: Path,
) -> None:  # fmt: skip
    backbone = read_stored(cell.backbone)
    class_prompts, confounder_prompts, background_prompt = read_prompts(cell.texts, cell.lesion_classes, confounders)
    card = ModelCard(
        variant=cell.variant, method=cell.method, held_out=cell.held_out, seed=cell.seed, sources=cell.sources,
        backbone=backbone.name, pretrained=backbone.pretrained, fingerprint=layout.fingerprint,
        dense_mode=layout.dense_mode, provenance=layout.provenance, mode=cell.params.mode, size_px=layout.size_px,
        lesion_classes=cell.lesion_classes, confounders=confounders, alpha=layout.alpha, spec=spec,
        params=cell.method_params.model_dump(),
        n_weights=facts["n_weights"], n_trained=facts["n_trained"], leaked_frames=facts["leaked_frames"],
        best_epoch=best, val_dice=progress.history[best].val_dice,
        temperature=trust.temperature, flag_below=trust.flag_below, crop=cell.crop, class_prompts=class_prompts,
        confounder_prompts=confounder_prompts, background_prompt=background_prompt, usual=usual,
        parameters=cell.params.model_dump(),
        mined_by=MinedBy(channels=miner.channels, grid=list(miner.grid), hidden=miner.hidden) if miner else None,
    )  # fmt: skip
    if card.val_dice == 0:
        print("warning: no epoch found a lesion in the validation frames; train longer (train.epochs)", file=sys.stderr)
    write_history(progress.history, out / "history.csv")
    save_model(out, progress.best, texts, card, miner)


def _counts(method: Method) -> dict[str, int]:
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in method.parameters()]
    return {"n_weights": sum(size for size, _ in sizes), "n_trained": sum(size for size, on in sizes if on)}
