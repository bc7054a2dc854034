"""README.md of a model that leaves its study: what it is, what it was trained on, what it is not for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mcdrl.artifacts.held_out_scores import OF_SOURCES, HeldOutScores
from mcdrl.artifacts.promise import Promise, promise_of
from mcdrl.base.text import markdown
from mcdrl.clip.card import StoredCard, read_stored
from mcdrl.drawing.formatting import counted, listed, number, span
from mcdrl.metrics.intervals import LEAST_GROUPS
from mcdrl.metrics.operating_point import OperatingPoint
from mcdrl.model.adapted import Adapted
from mcdrl.model.card import ModelCard, read_card
from mcdrl.model.folder import read_skeleton
from mcdrl.model.held_out import UNSAID
from mcdrl.model.members import members
from mcdrl.model.shipped import USE, DataSet, origin, read_shipped
from mcdrl.study.site_cards import Licence

USE_OF_MODEL = """\
```
mcdrl predict FRAMES --model THIS_FOLDER --out RESULTS
mcdrl export THIS_FOLDER --format onnx --out EXPORTED
```"""
_TEXT = """# {method}, {trained}

A network that outlines lesions ({classes}) in endoscopic frames, written by the `mcdrl` pipeline.

| | |
|---|---|
| method | `{method}`, mode `{mode}`, seed {seed} |
| trained on | {sources} |
| held out | {held_out} |
| backbone | {title} (`{backbone}`), weights: {pretrained}, licence {licence}, fingerprint `{fingerprint}` |
| frames | RGB, upright, {view}, squashed to {size_px} x {size_px} px (bicubic){lifted}{asked} |
| regions | {regions} |
| epoch | {epoch}, chosen by the Dice of validation frames: {val_dice:.3f}, {known}{averaged} |
| trust | temperature {temperature:.2f}; {flagged} |
| no lesion | {no_lesion} |

{unknown}

## Use

{use}

## Limits

- For research. It is no medical device, and no clinician has judged its masks; a person must look at every frame that a
  decision hangs on, at the flagged ones first.
- It knows the sites, cameras and lesion classes above. On frames without a lesion it may draw one.
- Confidence is the share of a mask that the network expects to be lesion; it is no estimate of Dice, as lesion that was
  missed does not lower it. Confidence and flags were fitted on {fitted};
  elsewhere they are weaker.
- {notice}
{terms}
## Prompts

Classes: {class_prompts}.

Confounders: {confounder_prompts}.
"""
_TERMS = """
## Licence and data

**{use}.** The weights {come} `{name}`, which comes along with `mcdrl`. Whoever passes them on names the
sources of the data.

| | |
|---|---|
| licence of `{name}` | {licence} |
{data}
"""
_KNOWN = "That Dice is of sites that it knows. "
_UNJUDGED = """\
That Dice is of sites that it knows. At a hospital that it doesn't know, expect less: `artifacts/report` of the study
says how much less at {held_out}."""
_JUDGED = """\
That Dice is of sites that it knows. At {held_out}, {seen}, it reached **{dice:.3f}**{interval}:
mean over {n_lesion} frames with a lesion, one training.{negatives} Other hospitals may be harder."""
_PROMISED = """\
It was trained on {them}, so that nobody could judge it elsewhere. The same
method was judged at {sites}, left out in turn and each time trained on the others ({seeds}):
Dice **{dice}**{interval},
mean over {over}; at the worst, {worst}. A new site may lie outside of the interval, as single sites may:
{by_site} ({n_lesion} frames with a lesion).{further}"""
_NO_PROMISE = "**There is no estimate for new sites**: {why}."
_ADAPTED = """\
That Dice is of {whose}, and of sites that it knows. It was adapted to **{site}**
{how}: {n_frames} of its frames{replayed}. {gain}{earlier}
**There is no estimate for other sites**: nobody has judged it there."""
_LEARNED = {
    "labels": "with masks",
    "limits": "with masks, by its limits alone, while its weights stayed",
    "statistics": "without masks, by the frames' statistics in batch normalisation",
    "self-training": "without masks, by what the model itself was sure of",
}
_MASKS_TOO = "; masks chose temperature and limits alone"
_BY_FOLDS = ", answered by networks that were adapted to others of them"
_CHOSEN_BY = {
    "labels": _BY_FOLDS,
    "limits": "",
    "statistics": f" with their masks{_BY_FOLDS}",
    "self-training": f" with their masks{_BY_FOLDS}",
}
_MEASURED = """\
Networks that were adapted to the others of its {n_groups} {groups} reached, fold by fold, {scores}{level}."""
_LIMITS_MEASURED = """\
With `--suppress`, limits that the others of its {n_groups} {groups} chose reached, fold by fold, {scores}{level}."""
_UNMEASURED = "What that brought was not measured."
_OF_MASKS = {"dice": "Dice", "false_alarms": "false alarms"}
_OF_LIMITS = {"sensitivity_suppressed": "lesions found", "false_alarms_suppressed": "false alarms"}
_EARLIER = "\nBefore that it had been adapted {times}."
_UNADVISED = " **It was written against the advice of `mcdrl adapt`.**"
_OF_SINGLE = "\n\nThose figures are of single networks, not of their mean."
_ENSEMBLE = """# {method}: {count} networks {trained}

They answer by the mean of their probabilities (seeds {seeds}). Each lies in a folder of its own, whose README.md says
what it is, and what it is not for.

{elsewhere}

## Use

```
mcdrl predict FRAMES --model THIS_FOLDER --out RESULTS
```
"""
_MINED_BY_NETWORK = "likeliest to be lesion, by a small network fitted on the sites that it was trained on"
_MINED_BY_TEXTS = {  # without, and with a background's prompt
    "cosine": ("nearest to the class prompts", 'nearest to the class prompts, less the similarity to "{}"'),
    "feature_surgery": (
        "nearest to the class prompts, less what these have in common",
        'nearest to the class prompts, less what these have in common with one another and with "{}"',
    ),
}
_NO_REGIONS = "none: the method looks at the whole frame"
_LIFTED = ", those darker than nearly all training frames made brighter by the network itself"
_VIEWS = {"full": "whole", "auto": "cut to the endoscopic view, which is found in each"}


def readme(
    model: Path, backbone: Path, scores: HeldOutScores | None, promise: Promise | None = None, use: str = USE_OF_MODEL
) -> str:
    """Return what README.md says of a trained model, with what is known of it at sites that it has never seen.

    Args:
        model: the model's folder.
        backbone: that of its backbone, whose licence and notice a user has to know.
        scores: the model's at its held-out site; None: it was not judged.
        promise: what its study promises of one that was trained on all sites; None: nothing.
        use: how it is used.

    Raises:
        InputError: a file is missing or damaged.
    """
    card, stored, skeleton = _shown(read_card(model)), read_stored(backbone), read_skeleton(model)
    known = scores or promise or card.adapted
    if scores is not None:
        scores = scores.model_copy(update={"held_out": markdown(scores.held_out)})
    elsewhere = _elsewhere(card, scores, promise and _shown_promise(promise))
    return text_of(card, stored, elsewhere, skeleton.uses_regions, use, known.further_sizes_px if known else ())


def ensemble_readme(folder: Path) -> str:
    """Return what README.md says of an ensemble, beside those of its members.

    Raises:
        InputError: a file is missing or damaged.
    """
    cards, promise = [_shown(read_card(model)) for model in members(folder)], promise_of(folder)
    return _ENSEMBLE.format(
        method=cards[0].method,
        count=len(cards),
        trained=_trained(cards[0]),
        seeds=", ".join(str(card.seed) for card in cards),
        elsewhere=_elsewhere(cards[0], None, promise and _shown_promise(promise))
        + ("" if cards[0].adapted else _OF_SINGLE),
    )


def _shown(card: ModelCard) -> ModelCard:
    """Return a card whose names and prompts, which others chose, Markdown shows as they are."""
    lists = ("sources", "lesion_classes", "class_prompts", "confounder_prompts")
    changes: dict[str, Any] = {name: [markdown(text) for text in getattr(card, name)] for name in lists}
    for name in ("held_out", "background_prompt"):
        text = getattr(card, name)
        changes[name] = None if text is None else markdown(text)
    if card.adapted is not None:
        changes["adapted"] = _shown_adaptation(card.adapted)
    return card.model_copy(update=changes)


def _shown_adaptation(adapted: Adapted) -> Adapted:
    told = {
        "site": markdown(adapted.site),
        "replayed": [markdown(site) for site in adapted.replayed],
        "earlier": [_shown_adaptation(one) for one in adapted.earlier],
    }
    return adapted.model_copy(update=told)


def _shown_promise(promise: Promise) -> Promise:
    told = {
        "drawn": [markdown(site) for site in promise.drawn],
        "by_site": {markdown(site): dice for site, dice in promise.by_site.items()},
        "worst_site": promise.worst_site and markdown(promise.worst_site),
    }
    return promise.model_copy(update=told)


def text_of(
    card: ModelCard, backbone: StoredCard, elsewhere: str, uses_regions: bool, use: str, further_px: Sequence[int]
) -> str:
    """Return what README.md says.

    Args:
        card: the model's.
        backbone: its backbone's.
        elsewhere: what to expect at sites that it has never seen.
        uses_regions: whether its method looks at mined regions.
        use: how it is used.
        further_px: sizes at which it was asked beside its own.
    """
    warning = "**The backbone's weights are RANDOM: this is a dry run, its masks mean nothing.** "
    return _TEXT.format(
        method=card.method, trained=_trained(card),
        held_out=_held_out(card), mode=card.mode, seed=card.seed,
        classes=", ".join(card.lesion_classes), sources=", ".join(card.sources), title=markdown(backbone.title),
        backbone=card.backbone, pretrained=markdown(card.pretrained), licence=markdown(backbone.licence),
        fingerprint=card.fingerprint[:12],
        view=_VIEWS[card.view], size_px=card.size_px, lifted=_LIFTED if card.spec.dark_below else "",
        asked=_asked(further_px), epoch=card.best_epoch + 1,
        regions=f"the {card.alpha:.0%} of places {_mined(card)}" if uses_regions else _NO_REGIONS,
        val_dice=card.val_dice, known=OF_SOURCES, averaged=_averaged(card), temperature=card.temperature,
        flagged=_flagged(card), fitted=_fitted(card), no_lesion=_no_lesion(card), unknown=elsewhere,
        terms=_terms(card), use=use,
        notice=(warning if card.pretrained == "random" else "") + f"The backbone: {backbone.notice}",
        class_prompts="; ".join(card.class_prompts), confounder_prompts="; ".join(card.confounder_prompts),
    )  # fmt: skip


def _flagged(card: ModelCard) -> str:
    told = "and those that show hardly anything, are too dark or have a doubtful view"
    return f"frames of a confidence below {card.flag_below:.2f} are flagged, {told}"


def _averaged(card: ModelCard) -> str:
    return f"; the mean of the weights after {card.averaged_steps:,} steps up to there" if card.averaged_steps else ""


def _terms(card: ModelCard) -> str:
    """Return what the owners of the data ask for, of a model that comes along or went on from one; empty: of others."""
    name = origin(card)
    if name is None:
        return ""
    told = read_shipped(name)
    return _TERMS.format(
        use=USE.capitalize(),
        come="went on from those of" if card.adapted and not card.adapted.weights_stayed else "are those of",
        name=name,
        licence=_licence(told.licence),
        data="\n".join(map(_data, told.data)),
    )


def _data(data: DataSet) -> str:
    return f"| trained on | {data.title} ({data.home}). {data.citation} {_licence(data.licence)} |"


def _licence(licence: Licence) -> str:
    return f"{licence.name} ({licence.url}): {licence.terms}" if licence.url else f"{licence.name}: {licence.terms}"


def _asked(further_px: Sequence[int]) -> str:
    sizes = " and ".join(map(str, further_px))
    return f", from there also brought to {sizes} px; the answer is the mean" if sizes else ""


def _trained(card: ModelCard) -> str:
    if card.adapted is not None:
        return f"adapted to {', then to '.join(one.site for one in card.adapted.history)}"
    return f"trained without {card.held_out}" if card.held_out else "trained on all sites"


def _elsewhere(card: ModelCard, scores: HeldOutScores | None, promise: Promise | None) -> str:
    if card.adapted is not None:
        return _adapted(card.adapted)
    return _unknown(card.held_out, scores) if card.held_out else f"{_KNOWN}{promised(promise, 'all of them')}"


def _adapted(told: Adapted) -> str:
    names = _OF_LIMITS if told.learned == "limits" else _OF_MASKS
    found = {what: told.scores[name] for name, what in names.items() if name in told.scores}
    scores = [f"{what} {number(one.before)} before and {number(one.after)} after" for what, one in found.items()]
    by = _LIMITS_MEASURED if told.learned == "limits" else _MEASURED
    level = "" if told.threshold in (None, UNSAID) else f" (lesion from {told.threshold:g} on)"
    measured = by.format(n_groups=told.n_groups, groups=told.groups, scores="; ".join(scores), level=level)
    return _ADAPTED.format(
        whose=_judged_once(told),
        site=told.site,
        how=_how(told),
        n_frames=told.n_frames,
        replayed=_replayed(told),
        gain=(measured if scores else _UNMEASURED) + ("" if told.advised else _UNADVISED),
        earlier=_earlier(told),
    )


def _judged_once(told: Adapted) -> str:
    """Return which model `val_dice` is of."""
    if told.weights_stayed:
        return "these weights, which stayed as they were"
    first = "first " if told.earlier_sha256 else ""
    return f"the model that it {first}went on from ({told.first_sha256[:12]})"


def _how(told: Adapted) -> str:
    limits_by_masks = told.folds and told.learned in ("statistics", "self-training")
    return _LEARNED[told.learned] + (_MASKS_TOO if limits_by_masks else "")


def _replayed(told: Adapted) -> str:
    return f", beside frames of {listed(told.replayed)}" if told.replayed else ""


def _earlier(told: Adapted) -> str:
    """Return how the model that it went on from had been adapted itself, time after time; empty: it hadn't."""
    if not told.earlier_sha256:
        return ""
    unnoted = [f"{counted(told.n_unnoted, 'time')} of which nothing is noted"] if told.n_unnoted else []
    noted = [
        f"to **{one.site}** {_how(one)} ({one.n_frames} of its frames{_replayed(one)}; "
        f"{'as `mcdrl adapt` advised' if one.advised else 'against the advice of `mcdrl adapt`'})"
        for one in told.earlier
    ]
    return _EARLIER.format(times=", then ".join([*unnoted, *noted]))


def _no_lesion(card: ModelCard) -> str:
    if card.operating_point == OperatingPoint():
        return "has no limit: it may be called in any frame, however small"
    return (
        f"in frames of a score below {card.no_lesion_below:.4f}; components below {card.least_area_share:.2%} of the "
        f"view are none; chosen on {_trusted_by(card, 'validation frames')}, too"
    )


def _fitted(card: ModelCard) -> str:
    first = " first" if card.adapted else ""
    return _trusted_by(card, f"validation frames of the sites that it was{first} trained on")


def _trusted_by(card: ModelCard, validation: str) -> str:
    """Return the frames that chose temperature, limit of confidence and operating point, of which network's answers.

    Args:
        card: the model's.
        validation: what the validation frames are called, which chose them where nothing else did.
    """
    if card.adapted is None:
        return validation
    measured, *later = card.adapted.since_measured
    if measured.folds:
        frames = f"frames of {measured.site}{_CHOSEN_BY[measured.learned]}"
        if later and measured.learned != "limits":  # by networks of folds, not by the one before
            return f"{frames}, before it was adapted to {listed([one.site for one in later])}"
    else:
        later = [measured, *later]
        frames = "frames that nobody noted" if card.adapted.n_unnoted else validation
    return (
        f"{frames}, by the network before it was adapted to {listed([one.site for one in later])}" if later else frames
    )


def _mined(card: ModelCard) -> str:
    if card.mined_by is not None:
        return _MINED_BY_NETWORK
    plain, against = _MINED_BY_TEXTS[card.text_similarity]
    return against.format(card.background_prompt) if card.background_prompt else plain


def _held_out(card: ModelCard) -> str:
    if card.held_out is None:
        return "none"
    if not card.leaked_frames:
        return f"{card.held_out}, never seen, which it is to be judged by"
    return (
        f"{card.held_out}, **{card.leaked_frames} of its frames were seen in training**, as a source site has them, "
        "too (an accepted leak): its figures there are too good"
    )


def promised(promise: Promise | None, them: str = "all sites") -> str:
    """Return what a model that was trained on all sites promises elsewhere.

    Args:
        promise: what leaving one out has shown; None: no site was left out for its method.
        them: the sites that it was trained on.
    """
    if promise is None:
        return _NO_PROMISE.format(why="no site was left out for this method in its study")
    if promise.dice is None or promise.worst_site is None:
        return _NO_PROMISE.format(why="the sites that were left out have no frame with a lesion")
    return _PROMISED.format(
        them=them,
        sites=counted(len(promise.held_out), "site"),
        seeds=f"seed{'s' * (len(promise.seeds) > 1)} {', '.join(map(str, promise.seeds))}",
        dice=number(promise.dice),
        interval=_promised_interval(promise),
        over=_averaged_over(promise),
        worst=f"{promise.worst_site}, {number(promise.by_site[promise.worst_site])}",
        by_site=", ".join(f"{site} {number(dice)}" for site, dice in promise.by_site.items() if dice is not None),
        n_lesion=promise.n_lesion,
        further="".join(f"\n{sentence}" for sentence in _further(promise)),
    )


def _averaged_over(promise: Promise) -> str:
    """Return the sites that a promise's mean is over; those without a lesion have no part in it."""
    without = [site for site, dice in promise.by_site.items() if dice is None]
    if not without:
        return "the sites"
    lacking = f"{listed(without)} {'has' if len(without) == 1 else 'have'} no frame with a lesion"
    return f"{len(promise.by_site) - len(without)} of the {len(promise.by_site)} sites, as {lacking}"


def _promised_interval(promise: Promise) -> str:
    if promise.dice_low is None or promise.dice_high is None:
        return " (no interval: too few patients or sequences at a site, or all alike)"
    between = span(promise.dice_low, promise.dice_high)
    groups = f"{promise.n_groups} patients, sequences or, where nobody knows them, frames"
    return f" (95 % interval of this mean over {groups}: {between})"


def _further(promise: Promise) -> Iterator[str]:
    if promise.false_positive_rate is not None:
        yield f"On {promise.false_positive_rate:.0%} of {promise.n_negative} frames without a lesion it drew one."
    if promise.calibration_error_called is not None:
        off = 100 * promise.calibration_error_called
        yield f"Of the pixels that it calls lesion, its calibrated probabilities are off by {off:.1f} points."
    if promise.flagged is not None:
        dice = f"Dice {number(promise.dice_flagged)} there, {number(promise.dice_unflagged)} elsewhere"
        yield f"It flagged {promise.flagged:.0%} of the frames ({dice})."
    if promise.drawn:
        yield f"**Drawn frames, which say nothing about patients: {', '.join(promise.drawn)}.**"
    if promise.leaked_frames:
        yield (
            f"**{promise.leaked_frames} of the frames were seen in training** (an accepted leak): these figures are "
            "too good."
        )


def _unknown(held_out: str, scores: HeldOutScores | None) -> str:
    """Return what to expect elsewhere: what it reached at its held-out site, or where to look that up."""
    if scores is None or scores.dice is None:
        return _UNJUDGED.format(held_out=held_out)
    rate, leaked = scores.false_positive_rate, scores.leaked_frames
    seen = f"{leaked} of whose frames it was trained on" if leaked else "which it had never seen"
    negatives = f" On {rate:.0%} of {scores.n_negative} frames without one it drew one." if rate is not None else ""
    return _JUDGED.format(
        held_out=scores.held_out,
        seen=seen,
        dice=scores.dice,
        interval=_interval(scores),
        n_lesion=scores.n_lesion,
        negatives=negatives,
    )


def _interval(scores: HeldOutScores) -> str:
    if scores.dice_low is None or scores.dice_high is None or scores.dice_low == scores.dice_high:
        why = "too few for one" if scores.n_groups < LEAST_GROUPS else "all alike"
        return f" (no interval: {scores.n_groups} group{'s' * (scores.n_groups != 1)}, {why})"
    return f" (95 % interval over {scores.n_groups} groups {scores.dice_low:.3f} to {scores.dice_high:.3f})"
