"""`mcdrl adapt`: a model goes on learning with one site's frames; what that brings is measured first, and said."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from mcdrl.base.errors import InputError
from mcdrl.base.files import sha256
from mcdrl.base.makeable import check_makeable
from mcdrl.base.output import say, warn
from mcdrl.commands.models.adapt_told import against, caution, told_gain, told_share, told_site
from mcdrl.commands.models.learnable import (
    LearnableFolder,
    Replay,
    Showing,
    bare_site,
    labelled_site,
    replayed,
    replayed_of_study,
)
from mcdrl.commands.models.places import check_apart, check_no_model
from mcdrl.commands.models.unlabelled import holds_frames_alone, no_masks
from mcdrl.commands.sites.classes import DEFAULT
from mcdrl.drawing.formatting import listed
from mcdrl.metrics.intervals import LEAST_GROUPS
from mcdrl.model.adapted import Adapted, ScoreChange
from mcdrl.model.bundle import find_backbone
from mcdrl.model.card import ModelCard
from mcdrl.model.ensemble import Ensemble, Member, load_ensemble
from mcdrl.model.facts import WEIGHTS
from mcdrl.model.folder import copy_weights, save_model
from mcdrl.model.held_out import further_sizes_of, threshold_of
from mcdrl.model.members import members
from mcdrl.model.predictor import Predictor
from mcdrl.model.take_along import copy_models
from mcdrl.model.training_data import (
    KnownFrames,
    known_frames,
    training_sites,
    write_known_frames,
    write_training_sites,
)
from mcdrl.training.adapt import RECIPE, AdaptationRecipe, LabelledFrames, State, adapt, answers, training_params
from mcdrl.training.adaptation_gain import Change, Gain, changes, cross_validated, folds, judge, points
from mcdrl.training.fabric import make_deterministic
from mcdrl.training.site_limits import kept_by
from mcdrl.training.trust import Trust
from mcdrl.training.unlabelled import adapt_statistics, pseudo_labelled

LearnFrom = Literal["labels", "limits", "statistics", "self-training"]
_NO_REPLAY = "nothing is replayed: no frames of the sites that the model was trained on; --replay names some"


@dataclass(frozen=True)
class Options:
    """What the command line says.

    Attributes:
        learn: from what.
        frames_only: whether the folder has no masks.
        replay: places of frames that the model was trained on; None: the study that it lies in, if that has some.
        folds: of the cross-validation at most.
        steps: of the optimiser; None: as `RECIPE` has it.
        rate: learning rates as a share of those of the model's training; None: likewise.
        seed: of all that is drawn.
        anyway: write the model even if it doesn't help, or if nobody can tell.
        backbone: where the model's backbone is; None: in its folder, else in its study.
        workers: threads that decode.
        device: auto, cpu, cuda, ...
    """

    learn: LearnFrom
    frames_only: bool
    replay: Sequence[Path] | None
    folds: int
    steps: int | None
    rate: float | None
    seed: int
    anyway: bool
    backbone: Path | None
    workers: int
    device: str

    @property
    def recipe(self) -> AdaptationRecipe:
        """The numbers of the training."""
        return replace(RECIPE, steps=self.steps or RECIPE.steps, rate_share=self.rate or RECIPE.rate_share)

    @property
    def trains(self) -> bool:
        """Whether weights are trained."""
        return self.learn in ("labels", "self-training")


@dataclass(frozen=True)
class AdaptationPlan:
    """How a model is adapted.

    Attributes:
        learn: from what.
        recipe: numbers.
        replay: frames of the sites that it was trained on.
        folds: of the cross-validation at most; 0: nothing is measured, as the frames have no masks.
        further_px: sizes beside the working size at which the model was judged, so that it is asked at them here, too.
        threshold: probability from which a pixel was lesion when it was judged, and is here.
        seed: of all that is drawn.
    """

    learn: LearnFrom
    recipe: AdaptationRecipe
    replay: Replay
    folds: int
    further_px: Sequence[int]
    threshold: float
    seed: int

    @property
    def weights_stay(self) -> bool:
        """Whether no network is adapted, and limits alone are chosen."""
        return self.learn == "limits"

    def __call__(self, member: Member, frames: LabelledFrames) -> State:
        """Adapt one network in place, where weights don't stay; return its state."""
        if self.learn == "statistics":
            return adapt_statistics(member, frames)
        own = frames if self.learn == "labels" else pseudo_labelled(member, frames)
        return adapt(member, own, self.replay.frames, self.recipe, self.seed)


def adapt_folder(
    folder: Path, model: Path, out: Path, card: str | None, settings: Mapping[str, Any], options: Options
) -> None:
    """Adapt a model to a folder's frames, as `mcdrl adapt` does.

    Args:
        folder: one site's frames, with masks unless the options say otherwise.
        model: the folder of a model or an ensemble.
        out: a new folder.
        card: how to read the folder; None: it is guessed.
        settings: key of a site -> value, beside the card's.
        options: the rest of the command line.

    Raises:
        InputError: one of the folders won't do.
    """
    if out.exists():
        raise InputError(f"--out {out} exists; name a new folder")
    check_apart(folder, out)
    check_no_model(out)
    check_makeable(out)
    _check_options(options)
    make_deterministic()
    further_px = further_sizes_of([model])
    ensemble = load_ensemble([model], options.backbone, options.device, further_px)
    shown = Showing(ensemble.members[0].model.card, ensemble.members[0].model.card.view, options.workers)
    site = _site(folder, shown, out, card, settings, frames_only=options.frames_only)
    replay = _replay(model, shown, site, settings.get("lesion_class", DEFAULT), options)
    n_folds = 0 if options.frames_only else options.folds
    plan = AdaptationPlan(
        options.learn, options.recipe, replay, n_folds, further_px, threshold_of([model]), options.seed
    )
    if options.trains:
        say(f"replayed: {len(replay.frames)} frames of {listed(replay.sites)}" if replay.frames else _NO_REPLAY)
    adapt_model(site, ensemble, model, out, plan, backbone=options.backbone, anyway=options.anyway)


def _site(
    folder: Path, shown: Showing, out: Path, card: str | None, settings: Mapping[str, Any], *, frames_only: bool
) -> LearnableFolder:
    if frames_only:
        return bare_site(folder, shown, out, card, settings)
    try:
        return labelled_site(folder, shown, card, settings)
    except InputError as error:
        if not holds_frames_alone(folder):
            raise
        remedy = "--frames-only with --learn statistics or self-training learns without them"
        raise InputError(f"{error}; {no_masks(folder, remedy)}") from None


def adapt_model(
    site: LearnableFolder,
    ensemble: Ensemble,
    model: Path,
    out: Path,
    plan: AdaptationPlan,
    *,
    backbone: Path | None,
    anyway: bool,
) -> None:
    """Measure what adapting a model brings; write the adapted model if that helps; say all of it.

    Args:
        site: whose frames it is adapted to.
        ensemble: the model, loaded.
        model: its folder, which stays as it is.
        out: a new folder.
        plan: how.
        backbone: where its backbone is; None: in its folder, else in its study.
        anyway: write it even if it doesn't help, or if nobody can tell.

    Raises:
        InputError: the frames won't do, or the model's files can't be used.
    """
    known = known_frames([model])
    _check(site, known, plan)
    say(told_site(site))
    gain = _measured(site, ensemble.members, plan) if plan.folds else None
    if gain is not None:
        say(told_gain(gain, ensemble.size_px, plan.further_px, plan.threshold))
    if reasons := against(gain, site):
        say(f"don't: {reasons}" + (f"; {out} is written all the same" if anyway else "; no model is written"))
        if not anyway:
            return
    if careful := caution(gain):
        say(f"take care: {careful}")
    _write(site, ensemble, model, out, plan, gain, known, backbone)
    how = "the model with limits for" if plan.weights_stay else "adapted to"
    say(f"{out}: {how} {site.name}, by {told_share(site)}; mcdrl predict FRAMES --model {out}")


def _replay(model: Path, shown: Showing, site: LearnableFolder, lesion_class: str, options: Options) -> Replay:
    """Return the frames to be replayed: of the places that are named, else of the study that the model lies in."""
    if not options.trains:
        return Replay(None, [], {})
    if options.replay is None:
        return replayed_of_study(model, shown, options.seed, site.every_sha256)
    return replayed(options.replay, shown, options.seed, site.every_sha256, lesion_class)


def _check_options(options: Options) -> None:
    """Raise InputError where one option leaves another nothing to act on."""
    if options.learn in ("labels", "limits") and options.frames_only:
        raise InputError("--frames-only leaves no labels to learn from; add --learn self-training or statistics")
    given = {"--replay": options.replay, "--steps": options.steps, "--rate": options.rate}
    idle = [name for name, value in given.items() if value is not None]
    if idle and not options.trains:
        raise InputError(f"--learn {options.learn} trains nothing, so {listed(idle)} can't act on it; leave it out")


def _check(site: LearnableFolder, known: KnownFrames, plan: AdaptationPlan) -> None:
    """Raise InputError where frames were trained on, or nothing could be measured with them."""
    seen = [(file, known.site_of[one]) for file, one in site.every_file if one in known.site_of]
    if seen:
        raise InputError(
            f"{len(seen)} of {len(site.every_file)} frames are among those that the model has learned from, the first: "
            f"{seen[0][0]}, of {seen[0][1]}; take them out: what adapting brings can't be measured on them"
        )
    if not known.complete:
        known_of = f" but of {listed(sorted(set(known.site_of.values())))}" if known.site_of else ""
        warn(
            f"the model doesn't say which frames it has learned from{known_of}, so nobody checked whether these are "
            "among them"
        )
    if plan.folds and not site.frames.has_lesion.any():
        n, gone = len(site.frames) + site.n_vanished, site.n_vanished
        visible = f" that leaves a pixel at the working size ({gone} have a smaller one)" if gone else ""
        raise InputError(
            f"not one of the {n} frames has a lesion{visible}, so nobody can tell what becomes of lesions; "
            "give some that have"
        )
    if plan.folds and site.n_groups < 2:
        whose = "of one patient" if site.patients else "of one scene, they all look alike"
        beside = f" that aren't left out ({site.n_vanished} are)" if site.n_vanished else ""
        raise InputError(
            f"all {len(site.frames)} frames{beside} are {whose}, so nobody can tell what adapting brings to another; "
            f"give frames of {LEAST_GROUPS} patients and more"
        )


def _measured(site: LearnableFolder, networks: Sequence[Member], plan: AdaptationPlan) -> Gain:
    frames, params = site.frames, training_params(networks[0])
    fold = folds(frames, plan.folds, plan.seed)
    own = [Predictor(Ensemble(networks, random_weights=False), 1).operating_point] * len(frames)
    before = judge(answers(networks, frames, plan.further_px), frames, plan.threshold)
    if plan.weights_stay:
        after, new = before, points(before, fold, params.keep_share)
        was, now = before.suppressed(own), before.suppressed(new)
        kept = kept_by(before.answers.judged, frames.groups, own, new, params.keep_share)
    else:
        after, kept = cross_validated(plan, networks, frames, fold, plan.further_px, plan.threshold), None
        was = before.scores | before.suppressed(own)
        now = after.scores | after.suppressed(points(after, fold, params.keep_share))
    trust = after.answers.trust(params.flag_share, params.keep_share)
    return Gain(int(fold.max()) + 1, changes(was, now, frames.groups), trust, kept)


def _adapted(site: LearnableFolder, plan: AdaptationPlan, gain: Gain | None, start: Path, card: ModelCard) -> Adapted:
    before = card.adapted
    hashes = [*before.earlier_sha256, before.weights_sha256] if before else []
    earlier = [one.model_copy(update={"earlier": []}) for one in before.history] if before else []
    scores = {} if gain is None else {name: _score(change) for name, change in gain.scores.items()}
    return Adapted(
        weights_sha256=sha256(start / WEIGHTS), earlier_sha256=hashes, earlier=earlier,
        site=site.name, learned=plan.learn, n_frames=len(site.frames), n_groups=site.n_groups,
        groups="patients" if site.patients else "scenes", replayed=list(plan.replay.sites),
        folds=gain.folds if gain else 0, further_sizes_px=list(plan.further_px), threshold=plan.threshold,
        scores=scores, advised=bool(gain and gain.advised),
    )  # fmt: skip


def _score(change: Change) -> ScoreChange:
    low, high = (None if math.isnan(end) else end for end in (change.by.low, change.by.high))
    return ScoreChange(before=change.before, after=change.after, low=low, high=high, n_frames=change.by.n)


def _write(
    site: LearnableFolder, ensemble: Ensemble, model: Path, out: Path, plan: AdaptationPlan, gain: Gain | None,
    known: KnownFrames, backbone: Path | None,
) -> None:  # fmt: skip
    """Adapt every network to all frames, and write them as one model's folder."""
    places, looks = members(model), training_sites([model])
    seen = {**dict.fromkeys(site.every_sha256, site.name), **plan.replay.site_of, **known.site_of}
    with tempfile.TemporaryDirectory() as folder:
        written = {str(place.relative_to(model)): Path(folder) / str(at) for at, place in enumerate(places)}
        for member, place, new in zip(ensemble.members, places, written.values(), strict=True):
            card, of = member.model.card, [] if plan.weights_stay else [*plan.replay.sites, site.name]
            facts = {
                "adapted": _adapted(site, plan, gain, place, card),
                "held_out": None, "sources": list(dict.fromkeys([*card.sources, *of])),
                **(_trusted(gain.trust) if gain else {}),
            }  # fmt: skip
            new_card = card.model_copy(update=facts)
            if plan.weights_stay:
                copy_weights(place, new, new_card)
            else:
                save_model(new, plan(member, site.frames), member.model.texts, new_card, member.model.miner)
            write_known_frames(seen, new, complete=known.complete)
            if looks is not None:
                write_training_sites([looks] if plan.weights_stay else [site.looks, looks], new)
        first = ensemble.members[0].model.card
        copy_models(written, find_backbone(places[0], first.fingerprint, backbone), out, limit_bytes=None)


def _trusted(trust: Trust) -> dict[str, float]:
    return {
        "temperature": trust.temperature, "flag_below": trust.flag_below,
        "no_lesion_below": trust.operating_point.frame_score, "least_area_share": trust.operating_point.area_share,
    }  # fmt: skip
