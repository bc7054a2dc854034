"""What `mcdrl adapt` says of a site, of what adapting brings there, and of what speaks against it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from mcdrl.commands.models.learnable import LearnableFolder
from mcdrl.drawing.formatting import counted, listed, number, signed, span
from mcdrl.metrics.intervals import LEAST_GROUPS
from mcdrl.model.held_out import UNSAID
from mcdrl.training.adaptation_gain import Gain
from mcdrl.training.site_limits import KeptLesions

_TOLD = {
    "dice": "Dice", "sensitivity": "lesions found", "false_alarms": "false alarms",
    "sensitivity_suppressed": "lesions found, --suppress", "false_alarms_suppressed": "false alarms, --suppress",
}  # fmt: skip
_SHOWN = 5  # refused files
_SCENES = (
    "frames that look alike are kept together; of one patient there may be several scenes, which makes the gain look "
    "surer than it is"
)
_VANISHED = (
    "left out: {} with a lesion that leaves no pixel at the working size, where it can neither be found nor be absent"
)
_NO_ALARMS = (
    "the site has no frame without a lesion, so nobody knows whether false alarms rise; a model that sees lesions "
    "everywhere gains Dice, too"
)
_NO_ALARMS_SPARED = "the site has no frame without a lesion, so nobody knows how many false alarms its limits spare"


def told_site(site: LearnableFolder) -> str:
    """Return how many frames there are, whose they are, which were refused or left out, and what else is odd."""
    n, without = len(site.frames) + site.n_vanished, int((~site.frames.has_lesion).sum())
    whose = f"{site.n_groups} patients or sequences" if site.patients else _told_scenes(site)
    refused = [f"  not read: {line}" for line in site.refused[:_SHOWN]]
    more = [f"  and {len(site.refused) - _SHOWN} more"] if len(site.refused) > _SHOWN else []
    notes = [f"  note: {line}" for line in site.notes]
    masks = f" ({n - without} with a lesion, {without} without)" if site.labelled else ", without masks"
    gone = [_VANISHED.format(site.n_vanished)] if site.n_vanished else []
    head = f"{site.name}: {counted(n, 'frame')}{masks}"
    return "\n".join([head, *gone, f"groups: {whose}", *refused, *more, *notes])


def told_share(site: LearnableFolder) -> str:
    """Return which of a site's frames a model is adapted by."""
    n, all_of_them = len(site.frames), len(site.frames) + site.n_vanished
    return f"{n} of its {all_of_them} frames" if site.n_vanished else f"all of its {n} frames"


def told_gain(gain: Gain, own_px: int, further_px: Sequence[int], threshold: float) -> str:
    """Return the table of before and after; the model was asked at these sizes, and its masks are from there on."""
    return "\n".join(_table(gain, own_px, further_px, threshold))


def against(gain: Gain | None, site: LearnableFolder) -> str:
    """Return what speaks against it; nothing where it is advised."""
    if gain is None:
        return f"{site.name} has no masks, so nobody can tell whether it helps there"
    if gain.advised:
        return ""
    return _against_limits(gain.kept) if gain.kept else _against_training(gain)


def caution(gain: Gain | None) -> str:
    """Return what the frames can't tell, though it is advised."""
    if gain is None or any(name.startswith("false_alarms") for name in gain.scores):
        return ""
    return _NO_ALARMS_SPARED if gain.kept else _NO_ALARMS


def _told_scenes(site: LearnableFolder) -> str:
    n, unknown = len(site.frames), site.n_unknown
    if unknown == n:
        return f"{counted(site.n_groups, 'scene')}: nobody says which patient a frame is of, so {_SCENES}"
    told = f"of {unknown} of {n} frames nobody says which patient they are of, so of these {_SCENES}"
    return f"{site.n_groups} patients and scenes: {told}"


def _table(gain: Gain, own_px: int, further_px: Sequence[int], threshold: float) -> Iterator[str]:
    by = "by limits that others chose" if gain.kept else "judged by networks adapted on others'"
    beside = "".join(f", asked at {side} px, too" for side in further_px)
    least = f", lesion from {threshold:g} on" if threshold != UNSAID else ""
    yield f"each frame {by} ({gain.folds} folds), on the grid of the working size, {own_px} px{beside}{least}:"
    yield f"  {'':26}{'frames':>7}{'before':>9}{'after':>8}  change, 95 % interval"
    for name, change in gain.scores.items():
        interval = span(change.by.low, change.by.high) or f"none: {counted(change.by.n_groups, 'group')}"
        figures = (
            f"{change.by.n:>7}{change.before:>9.3f}{change.after:>8.3f}  {signed(change.by.difference)} ({interval})"
        )
        yield f"  {_TOLD[name]:26}{figures}"
    if gain.kept and gain.kept.n:
        figures = f"{gain.kept.n:>7}{gain.kept.before.mean:>9.3f}{gain.kept.after.mean:>8.3f}"
        yield f"  {'a found lesion kept':26}{figures}  {gain.kept.promised:.3f} is promised"


def _against_training(gain: Gain) -> str:
    dice, alarms = gain.scores["dice"], gain.scores.get("false_alarms")
    reasons = []
    if math.isnan(dice.by.low):
        reasons.append(
            f"{counted(dice.by.n_groups, 'group')} with a lesion are too few for an interval of the gain: "
            f"{LEAST_GROUPS} are needed"
        )
    elif dice.by.low <= 0:
        which = "falls" if dice.by.high < 0 else "isn't better for sure"
        reasons.append(f"Dice {which}: {signed(dice.by.difference)} ({span(dice.by.low, dice.by.high)})")
    if alarms is not None and alarms.by.difference > 0:
        reasons.append(
            f"false alarms on frames without a lesion rise from {number(alarms.before)} to {number(alarms.after)}"
        )
    yet = ""
    if alarms is not None and alarms.by.high < 0:
        yet = f", though false alarms fall for sure, from {number(alarms.before)} to {number(alarms.after)}"
    return listed(reasons) + yet


def _against_limits(kept: KeptLesions) -> str:
    before, after = kept.before, number(kept.after.mean)
    if math.isnan(before.low):
        return (
            f"{counted(kept.n_groups, 'group')} in which a lesion is found are too few to tell what its own limits "
            f"keep: {LEAST_GROUPS} are needed"
        )
    own = f"its own limits keep a lesion in {number(before.mean)} of the frames in which one is found"
    promise = f"where {number(kept.promised)} is promised, and new ones"
    if kept.loses:
        return f"{own}, {promise} in {after}; give more frames"
    spared = "don't spare false alarms for sure" if kept.holds else f"in {after}"
    return f"{own} ({span(before.low, before.high)}), {promise} {spared}"
