"""From a folder and models to an acceptance: read, leave out what was trained on, segment, judge."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from mcdrl.artifacts.promise import Promise
from mcdrl.base.errors import InputError
from mcdrl.base.issues import Issue, grouped
from mcdrl.base.makeable import check_makeable
from mcdrl.base.output import warn
from mcdrl.base.view_rule import ViewRule
from mcdrl.commands.acceptance.outcome import AcceptanceOutcome, outcome
from mcdrl.commands.acceptance.promised import common_promise, why_none
from mcdrl.commands.acceptance.rows import CaseRow, table
from mcdrl.commands.acceptance.tally import Frame, Tally, answered
from mcdrl.commands.models.labelled import Labelled, read_labelled
from mcdrl.commands.models.places import check_apart, check_no_model
from mcdrl.commands.models.unlabelled import OF_FRAMES, Unlabelled, frames_reading, holds_frames_alone, no_masks
from mcdrl.commands.sites.survey import masks_beside, survey
from mcdrl.metrics.shift import Shift, shifts
from mcdrl.metrics.verdict import ExpectedDice, FoundDice, Verdict, expected, judge, more_groups
from mcdrl.model.training_data import KnownFrames, known_frames, training_sites
from mcdrl.study.params import load
from mcdrl.study.paths import PARAMS, own_or_shipped
from mcdrl.study.sections.evaluate import Params

if TYPE_CHECKING:
    from mcdrl.model.predictor import Predictor


@dataclass(frozen=True)
class WantedAcceptance:
    """What is judged, and how.

    Attributes:
        folder: of the hospital.
        models: their folders.
        out: the folder of the results.
        threshold: probability from which a pixel is lesion.
        view: what of a frame is looked at.
        card: how to read the folder; None: it is guessed.
        settings: keys of a site beside it.
        frames_only: whether masks that may be there aren't looked at.
    """

    folder: Path
    models: Sequence[Path]
    out: Path
    threshold: float
    view: ViewRule
    card: str | None
    settings: Mapping[str, Any]
    frames_only: bool


@dataclass(frozen=True)
class Acceptance:
    """What was found at a hospital, held against what its models promise.

    Attributes:
        name: of the hospital: its folder's.
        models: folders of the models.
        threshold: probability from which a pixel is lesion.
        labelled: whether there are masks.
        outcome: the figures.
        promise: of the models; None: there is none.
        no_promise: why nothing is promised of the Dice; empty: something is.
        expected: where the promise expects the Dice of a new site; None: nowhere.
        verdict: what follows.
        more: about how many more groups would decide where they are too few; else NaN.
        shifts: the hospital's frames beside those of the training sites; None: the models say nothing of these.
        training: names of the training sites.
        known: the frames that the models were trained on.
        left_out: frame -> the training site that has it, too.
        refused: files that can't be judged.
        notes: what is odd about frames, and which files are none, a line a kind.
        doubts: what of these says that masks or colours may be read wrongly throughout.
        read_as: the keys by which the folder was read, with their values as text; empty without masks.
        tally: rows, sums and examples.
        random_weights: whether an encoder was never pretrained.
        flag_below: confidence below which a frame is flagged.
        further_px: sides, px, at which the models were asked beside their working size.
        n_networks: that answered together.
    """

    name: str
    models: Sequence[Path]
    threshold: float
    labelled: bool
    outcome: AcceptanceOutcome
    promise: Promise | None
    no_promise: str
    expected: ExpectedDice | None
    verdict: Verdict
    more: float
    shifts: list[Shift] | None
    training: list[str]
    known: KnownFrames
    left_out: Mapping[str, str]
    refused: list[Issue]
    notes: list[str]
    doubts: list[str]
    read_as: Mapping[str, str]
    tally: Tally
    random_weights: bool
    flag_below: float
    further_px: Sequence[int]
    n_networks: int

    def cases(self) -> pd.DataFrame:
        """Return a row a frame, those that aren't judged, too."""
        trained = [CaseRow(file, f"the model has learned from it, at {site}") for file, site in self.left_out.items()]
        refused = [CaseRow(issue.file, issue.text) for issue in self.refused]
        parts = [self.tally.cases(), *([table([*trained, *refused])] if trained or refused else [])]
        return pd.concat(parts, ignore_index=True)


def accept(wanted: WantedAcceptance, predictor: Predictor, workers: int) -> Acceptance:
    """Judge models at a hospital.

    Args:
        wanted: what is judged, and how.
        predictor: of the models.
        workers: threads that decode.

    Raises:
        InputError: the folder can't be read as it should, holds no frame that can be judged or none but frames that
            the models were trained on, or a model's folder is damaged.
    """
    if wanted.out.exists():
        raise InputError(f"--out {wanted.out} exists; name a new folder")
    check_apart(wanted.folder, wanted.out)
    check_no_model(wanted.out)
    check_makeable(wanted.out)
    known, training = known_frames(wanted.models), training_sites(wanted.models)
    promise = common_promise(wanted.models)
    _, params = load("evaluate", Params, own_or_shipped(PARAMS))
    source = _source(wanted, predictor)
    tally, left_out = Tally(predictor, wanted.threshold, params.tolerance_px), dict[str, str]()
    for frame, answer in answered(_unseen(source.frames(workers), known, left_out), predictor):
        tally.add(frame, answer)
    refused, notes, doubts = _told(source)
    cases = tally.cases()
    _check_some(wanted.folder, cases, left_out, refused)
    found = outcome(tally, promise, source.name)
    promised = _expected(promise)
    verdict, more = _verdict(promised, found)
    return Acceptance(
        name=source.name, models=wanted.models, threshold=wanted.threshold, labelled=isinstance(source, Labelled),
        outcome=found, promise=promise, no_promise=why_none(wanted.models) if promised is None else "",
        expected=promised, verdict=verdict, more=more,
        shifts=None if training is None else shifts(cases, training),
        training=[] if training is None else sorted(set(training["site"])), known=known, left_out=left_out,
        refused=refused, notes=notes, doubts=doubts, read_as=_read_as(source), tally=tally,
        random_weights=predictor.random_weights, flag_below=predictor.flag_below, further_px=predictor.further_px,
        n_networks=predictor.n_networks,
    )  # fmt: skip


def _source(wanted: WantedAcceptance, predictor: Predictor) -> Labelled | Unlabelled:
    settings, size_px = wanted.settings, predictor.size_px
    guessed = wanted.card is None and not set(settings) - OF_FRAMES and holds_frames_alone(wanted.folder)
    if wanted.frames_only or guessed:
        reading = frames_reading(wanted.view, wanted.card, settings)
        bare = Unlabelled(wanted.folder, wanted.out, size_px, reading.view, swap=reading.channels == "bgr")
        if not wanted.frames_only and (told := masks_beside(wanted.folder)):
            warn(f"note: {told}")
            bare.left_out.append(told)
        return bare
    try:
        return read_labelled(wanted.folder, size_px, view=wanted.view, card=wanted.card, settings=settings)
    except InputError as error:
        told_where = "masks" in settings  # so they aren't missing, whatever the folder itself holds
        raise InputError(f"{error}{'' if told_where else _hint(wanted)}") from None


def _hint(wanted: WantedAcceptance) -> str:
    """Return how a folder that can't be read with masks is judged without them, if it has frames."""
    if holds_frames_alone(wanted.folder):
        alone = "--frames-only, and nothing said of masks, judges what can be told without them"
        return f"; {no_masks(wanted.folder, alone)}"
    told = wanted.card is not None or wanted.settings
    if told or not wanted.folder.is_dir() or not survey(wanted.folder).pictures:
        return ""
    return "; to judge what can be told without masks: --frames-only"


def _unseen(frames: Iterator[Frame], known: KnownFrames, left_out: dict[str, str]) -> Iterator[Frame]:
    """Yield the frames that no model was trained on, and note the others."""
    for frame in frames:
        site = known.site_of.get(frame.sha256)
        if site is None:
            yield frame
        else:
            left_out[frame.file] = site


def _told(source: Labelled | Unlabelled) -> tuple[list[Issue], list[str], list[str]]:
    """Return refused files, a line for each kind of oddity or of files that are no frames, and what is in doubt."""
    if isinstance(source, Unlabelled):
        return source.refused, source.left_out, []
    result = source.result()
    return result.refused, grouped(result.notes), [issue.text for issue in result.doubts]


def _read_as(source: Labelled | Unlabelled) -> dict[str, str]:
    if isinstance(source, Unlabelled):
        return {}
    said = source.reading.model_dump(exclude_unset=True) | {"view": source.reading.view}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in said.items()}


def _check_some(folder: Path, cases: pd.DataFrame, left_out: Mapping[str, str], refused: Sequence[Issue]) -> None:
    if len(cases):
        return
    if left_out:
        raise InputError(
            f"the model has learned from every frame of {folder} ({len(left_out)}, of {_sites(left_out)}), so they say "
            "nothing of a new hospital; give frames that it has never seen"
        )
    reasons = "\n  ".join(grouped(refused))
    raise InputError(f"{folder}: not one of {len(refused)} files can be read as a frame:\n  {reasons}")


def _sites(left_out: Mapping[str, str]) -> str:
    return ", ".join(sorted(set(left_out.values())))


def _expected(promise: Promise | None) -> ExpectedDice | None:
    return None if promise is None else expected([dice for dice in promise.by_site.values() if dice is not None])


def _verdict(promised: ExpectedDice | None, found: AcceptanceOutcome) -> tuple[Verdict, float]:
    """Return what follows of Dice; without masks, that nothing does."""
    dice = found.figures.get("dice")
    if promised is None or dice is None:
        return Verdict.NO_PROMISE if promised is None else Verdict.TOO_FEW, float("nan")
    measured = FoundDice(dice.value, dice.low, dice.high, dice.groups)
    verdict = judge(promised, measured)
    return verdict, more_groups(promised, measured) if verdict is Verdict.TOO_FEW else float("nan")
