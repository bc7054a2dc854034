"""From a cell to its model folder: read, build, train or continue, write."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor

from mcdrl.base.errors import InputError
from mcdrl.base.output import warn
from mcdrl.clip.card import read_stored
from mcdrl.confounders.scores import ReferenceStatistics, reference_statistics
from mcdrl.methods import prepared
from mcdrl.model.assemble import assemble
from mcdrl.model.bundle import bundle
from mcdrl.model.card import MinedBy, ModelCard
from mcdrl.model.facts import HISTORY
from mcdrl.model.folder import save_model
from mcdrl.networks.exposure import limit
from mcdrl.networks.inputs import SitesReader, StoresLayout, open_sites, read_cases
from mcdrl.networks.interface import Method, Spec, Texts
from mcdrl.networks.texts import read_prompts, read_texts
from mcdrl.networks.trunk import spare_memory
from mcdrl.regions.tuned import Miner
from mcdrl.study.sections.train import Params
from mcdrl.training import checkpoint
from mcdrl.training.cell import TrainingJob, check_cached, check_texts, drop_stale, make_spec, resume_folder
from mcdrl.training.checkpoint import TrainingProgress
from mcdrl.training.data import split
from mcdrl.training.fabric import describe
from mcdrl.training.labelled import labelled_cases
from mcdrl.training.leaks import check_leaks, copies_across_split
from mcdrl.training.loop import ChosenWeights, Training
from mcdrl.training.mining import tuned_miners
from mcdrl.training.optimiser import make_optimiser
from mcdrl.training.phrases import drawn_phrases, with_phrases
from mcdrl.training.record import LiveLog, show, write_history
from mcdrl.training.sampling import with_sizes
from mcdrl.training.seen import with_seen
from mcdrl.training.selection import Epoch
from mcdrl.training.trust import Trust, measure_trust

_LOOKED_AT = 2000  # training frames, about, by which the limit of dark ones is known


def train(job: TrainingJob, fabric: Fabric, out: Path, check_opened: Callable[[], None] | None = None) -> None:
    """Train a cell and write its model folder.

    Args:
        job: what is trained.
        fabric: launched.
        out: the model folder.
        check_opened: raises InputError where the sites' data aren't those that are meant; called when all of them are
            open, from when on other files in their place change nothing. None: they are taken as they are.

    Raises:
        InputError: an input is missing, isn't what is meant or doesn't fit the others, the held-out site shares frames
            with a source site, or the training broke down.
    """
    leaked = check_leaks(job.audit, job.held_out)
    cases = read_cases(job.files, job.lesion_classes)
    copies = copies_across_split(job.audit, job.held_out)
    labelled = labelled_cases(cases, job.params.labelled_share, job.seed)
    frames = split(cases, copies, labelled)
    left_out = ((cases["split"] == "val") & cases["case_id"].isin(copies)).sum()
    if left_out and fabric.is_global_zero:
        print(f"{left_out} validation frame(s) left out: copies of training frames ({job.audit})", file=sys.stderr)
    if len(labelled) < len(cases) and fabric.is_global_zero:
        known = f"{len(frames.train)} for training and {len(frames.val)} for validation"
        print(f"labelled frames: {known}; {len(frames.unlabelled)} for training without masks", file=sys.stderr)
    texts, confounders, fingerprint = read_texts(job.texts, job.lesion_classes)
    with open_sites(job.files) as reader:
        if check_opened is not None:
            check_opened()
        check_texts(texts, fingerprint, reader.layout, job.texts)
        phrases = drawn_phrases(len(confounders), job.params.phrases)
        texts, confounders = with_phrases(texts, phrases), [confounders[index] for index in phrases]
        frames = with_sizes(frames, job.params.sampling, reader.lesion_shares)
        spec = make_spec(job.params, reader.layout, job.seed, _dark_below(job.params, reader, frames.train))

        def images() -> Tensor:
            """Return the frozen encoder's features of whole training frames, [n, D] float32."""
            return torch.from_numpy(reader.images(frames.train)).float()

        texts = prepared(job.method, spec, job.method_params, with_seen(texts, frames), images)
        method = _assembled(job, spec, reader.layout.dense_mode, texts)
        if job.params.checkpointing:
            spare_memory(method.trunk)
        tuned = job.params.mining == "source_tuned" and method.uses_regions
        check_cached(job, reader.layout, features=method.trunk.needs_features, maps=tuned)
        miners = tuned_miners(reader, frames, job.params.miner, job.seed, fabric.device) if tuned else None
        optimiser = make_optimiser(method, job.params)
        training = Training(fabric, method, optimiser, reader, frames, job.params, job.seed, miners, job.flips)
        folder = resume_folder(job, describe(fabric))
        progress = _run(training, job, folder, out)
        chosen = training.chosen(progress)
        trust = measure_trust(training, chosen.weights)
        reference = reference_statistics(reader.images(frames.train), texts.confounders.numpy())
    if fabric.is_global_zero:
        facts = {**_counts(method), "leaked_frames": leaked}
        miner = miners.whole if miners else None
        history, layout = progress.history, reader.layout
        _write(history, chosen, trust, reference, job, spec, layout, texts, confounders, facts, miner, out)
        bundle(job.backbone, out)
        shutil.rmtree(folder, ignore_errors=True)
    fabric.barrier()


def _dark_below(params: Params, reader: SitesReader, train: Sequence[str]) -> float:
    if not params.lift_dark:
        return 0.0
    return limit(reader.bright_ends(train[:: max(1, len(train) // _LOOKED_AT)]))


def _assembled(job: TrainingJob, spec: Spec, dense_mode: str, texts: Texts) -> Method:
    try:
        return assemble(job.method, job.params.mode, spec, job.method_params, job.backbone, dense_mode, texts)
    except ValueError as error:
        raise InputError(f"the parameters of '{job.variant}' in params.yaml don't go together: {error}") from None


def _run(training: Training, job: TrainingJob, folder: Path, out: Path) -> TrainingProgress:
    progress = checkpoint.restore(folder, training.method, training.optimiser) or TrainingProgress([], {})
    training.fabric.barrier()  # nobody writes before all have read
    if not training.fabric.is_global_zero:
        return training.run(progress, lambda _: None)
    drop_stale(folder)
    if progress.history:
        print(f"continuing after epoch {len(progress.history)}/{job.params.epochs}", file=sys.stderr, flush=True)
        _tell_threads(progress.threads, torch.get_num_threads(), training.fabric.device.type)
    log = LiveLog(out / "dvclive", progress.history)

    def after_epoch(done: TrainingProgress) -> None:
        """Save the checkpoint, then show and log the epoch."""
        checkpoint.save(folder, done, training.method, training.optimiser)
        show(done.history[-1], job.params.epochs)
        log.add(done.history[-1])

    done = training.run(progress, after_epoch)
    log.close()
    return done


def _tell_threads(before: int, now: int, device: str) -> None:
    """Say so where a training on the CPU goes on by another number of threads."""
    if device == "cpu" and before != now:
        warn(
            f"the epochs so far were computed by {before} thread(s), the others will be by {now}: sums round "
            "otherwise, so the weights will be those of neither; OMP_NUM_THREADS sets the number"
        )


def _write(
    history: list[Epoch], chosen: ChosenWeights, trust: Trust, reference: ReferenceStatistics, job: TrainingJob,
    spec: Spec, layout: StoresLayout, texts: Texts, confounders: list[str], facts: dict[str, int],
    miner: Miner | None, out: Path,
) -> None:  # fmt: skip
    backbone = read_stored(job.backbone)
    class_prompts, confounder_prompts, background_prompt = read_prompts(job.texts, job.lesion_classes, confounders)
    card = ModelCard(
        variant=job.variant, method=job.method, held_out=job.held_out, seed=job.seed, sources=job.sources,
        backbone=backbone.name, pretrained=backbone.pretrained, fingerprint=layout.fingerprint,
        dense_mode=layout.dense_mode, provenance=layout.provenance, mode=job.params.mode, size_px=layout.size_px,
        lesion_classes=job.lesion_classes, confounders=confounders, alpha=layout.alpha,
        text_similarity=layout.text_similarity, spec=spec,
        params=job.method_params.model_dump(),
        n_weights=facts["n_weights"], n_trained=facts["n_trained"], leaked_frames=facts["leaked_frames"],
        best_epoch=chosen.epoch, val_dice=chosen.val_dice, averaged_steps=chosen.averaged_steps,
        temperature=trust.temperature, flag_below=trust.flag_below, view=job.view, class_prompts=class_prompts,
        no_lesion_below=trust.operating_point.frame_score, least_area_share=trust.operating_point.area_share,
        confounder_prompts=confounder_prompts, background_prompt=background_prompt, reference=reference,
        parameters=job.params.model_dump(),
        mined_by=MinedBy(channels=miner.channels, grid=list(miner.grid), hidden=miner.hidden) if miner else None,
    )  # fmt: skip
    if card.val_dice == 0:
        print("warning: no epoch found a lesion in the validation frames; train longer (train.epochs)", file=sys.stderr)
    write_history(history, out / HISTORY)
    save_model(out, chosen.weights, texts, card, miner)


def _counts(method: Method) -> dict[str, int]:
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in method.parameters()]
    return {"n_weights": sum(size for size, _ in sizes), "n_trained": sum(size for size, on in sizes if on)}
