"""README.md of a model that leaves its study: what it is, what it was trained on, what it is not for."""

from __future__ import annotations

from pathlib import Path

from mcdrl.artifacts.held_out_scores import OF_SOURCES, HeldOutScores
from mcdrl.clip.card import StoredCard, read_stored
from mcdrl.metrics.operating_point import OperatingPoint
from mcdrl.model.card import ModelCard, read_card
from mcdrl.model.folder import read_skeleton

_TEXT = """# {method}, trained without {held_out}

A network that outlines lesions ({classes}) in endoscopic frames, written by the `mcdrl` pipeline.

| | |
|---|---|
| method | `{method}`, mode `{mode}`, seed {seed} |
| trained on | {sources} |
| held out | {held_out}, {seen} |
| backbone | {title} (`{backbone}`), weights: {pretrained}, licence {licence}, fingerprint `{fingerprint}` |
| frames | RGB, upright, {view}, squashed to {size_px} x {size_px} px (bicubic) |
| regions | {regions} |
| epoch | {epoch}, chosen by the Dice of validation frames: {val_dice:.3f}, {known} |
| trust | temperature {temperature:.2f}; frames of a confidence below {flag_below:.2f} are flagged |
| no lesion | {no_lesion} |

{unknown}

## Use

```
mcdrl predict FRAMES --model THIS_FOLDER --out RESULTS
mcdrl export THIS_FOLDER --format onnx --out EXPORTED
```

## Limits

- For research. It is no medical device, and no clinician has judged its masks; a person must look at every frame that a
  decision hangs on, at the flagged ones first.
- It knows the sites, cameras and lesion classes above. On frames without a lesion it may draw one.
- Confidence is the share of a mask that the network expects to be lesion; it is no estimate of Dice, as lesion that was
  missed does not lower it. Confidence and flags were fitted on validation frames of the sites that it was trained on;
  elsewhere they are weaker.
- {notice}

## Prompts

Classes: {class_prompts}.

Confounders: {confounder_prompts}.
"""
_UNJUDGED = """\
That Dice is of sites that it knows. At a hospital that it doesn't know, expect less: `artifacts/report` of the study
says how much less at {held_out}."""
_JUDGED = """\
That Dice is of sites that it knows. At {held_out}, {seen}, it reached **{dice:.3f}**{interval}:
mean over {n_lesion} frames with a lesion, one training.{negatives} Other hospitals may be harder."""
_MINED = {
    False: "nearest to the class prompts",
    True: "likeliest to be lesion, by a small network fitted on the sites that it was trained on",
}
_NO_REGIONS = "none: the method looks at the whole frame"
_VIEWS = {"full": "whole", "auto": "cut to the endoscopic view, which is found in each"}


def readme(model: Path, backbone: Path, scores: HeldOutScores | None) -> str:
    """Return what README.md says of a trained model.

    Args:
        model: the model's folder.
        backbone: that of its backbone, whose licence and notice a user has to know.
        scores: the model's at its held-out site; None: it was not judged.

    Raises:
        InputError: a file is missing or damaged.
    """
    return text_of(read_card(model), read_stored(backbone), scores, read_skeleton(model).uses_regions)


def text_of(card: ModelCard, backbone: StoredCard, scores: HeldOutScores | None, uses_regions: bool) -> str:
    """Return what README.md says; arguments as the files that `readme` reads have them."""
    warning = "**The backbone's weights are RANDOM: this is a dry run, its masks mean nothing.** "
    return _TEXT.format(
        method=card.method, held_out=card.held_out, mode=card.mode, seed=card.seed,
        classes=", ".join(card.lesion_classes), sources=", ".join(card.sources), title=backbone.title,
        backbone=card.backbone, pretrained=card.pretrained, licence=backbone.licence, fingerprint=card.fingerprint[:12],
        view=_VIEWS[card.view], size_px=card.size_px, epoch=card.best_epoch + 1,
        regions=f"the {card.alpha:.0%} of places {_mined(card)}" if uses_regions else _NO_REGIONS,
        val_dice=card.val_dice, known=OF_SOURCES, temperature=card.temperature,
        flag_below=card.flag_below, no_lesion=_no_lesion(card), seen=_seen(card.leaked_frames),
        unknown=_unknown(card, scores),
        notice=(warning if card.pretrained == "random" else "") + f"The backbone: {backbone.notice}",
        class_prompts="; ".join(card.class_prompts), confounder_prompts="; ".join(card.confounder_prompts),
    )  # fmt: skip


def _no_lesion(card: ModelCard) -> str:
    if card.operating_point == OperatingPoint():
        return "has no limit: it may be called in any frame, however small"
    return (
        f"in frames of a score below {card.no_lesion_below:.2f}; components below {card.least_area_share:.2%} of the "
        "view are none; chosen on validation frames, too"
    )


def _mined(card: ModelCard) -> str:
    less = card.background_prompt and not card.mined_by
    return _MINED[card.mined_by is not None] + (f', less the similarity to "{card.background_prompt}"' if less else "")


def _seen(leaked_frames: int) -> str:
    if not leaked_frames:
        return "never seen, which it is to be judged by"
    return (
        f"**{leaked_frames} of its frames were seen in training**, as a source site has them, too (an accepted "
        "leak): its figures there are too good"
    )


def _unknown(card: ModelCard, scores: HeldOutScores | None) -> str:
    """Return what to expect elsewhere: what it reached at its held-out site, or where to look that up."""
    if scores is None or scores.dice is None:
        return _UNJUDGED.format(held_out=card.held_out)
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
    if scores.dice_low is None or scores.dice_high is None:
        return f" (no interval: {scores.n_groups} group{'s' * (scores.n_groups != 1)}, too few for one)"
    return f" (95 % interval over {scores.n_groups} groups {scores.dice_low:.3f} to {scores.dice_high:.3f})"
