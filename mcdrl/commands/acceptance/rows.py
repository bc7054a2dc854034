"""What becomes of a frame: a row of cases.csv."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from mcdrl.base.text import printable, spreadsheet_cell


@dataclass(frozen=True)
class CaseRow:
    """A row of cases.csv; what isn't known of a frame, or is undefined, is empty.

    Texts that a spreadsheet would compute have an apostrophe in front, as in predictions.csv.

    Attributes:
        frame: path below the folder.
        reason: why the frame isn't judged: refused, or a site's that the model was trained on; empty: it is.
        group: patient or sequence; empty: nobody has said.
        lesion_class: of the largest lesion; empty: there is none, or no mask.
        width_px: of the frame, upright.
        height_px: likewise.
        view_share: of the frame's area that the model is shown, 0..1.
        lesion_share: of the frame's area, 0..1; empty: there is no lesion, or no mask.
        tp: lesion pixels that were found, at the frame's own size.
        fp: pixels called lesion that are none.
        fn: lesion pixels that were missed.
        tn: pixels rightly left alone.
        dice: of the mask, 0..1; of frames with a lesion, as the next.
        iou: of the mask, 0..1.
        accuracy: share of the pixels that are right.
        nsd: normalised surface distance of the view in its own shape, at as many pixels as the working size, 0..1.
        hd95_px: 95th percentile of the outlines' distance there, px.
        lesions: how many the mask of the truth has.
        lesions_found: how many of these a component of the mask hits.
        false_positives: components that hit none.
        dice_suppressed: Dice of what the operating point leaves, as with `--suppress`.
        lesions_found_suppressed: lesions found by what it leaves.
        false_positives_suppressed: false positives among that.
        called_share: of the frame's area that is called lesion.
        lesion: "yes", or "no": the operating point leaves nothing.
        frame_score: how much the frame, as far as it was judged, looks as if it had a lesion, 0..1.
        confidence: share of the mask that the model expects to be lesion, 0..1.
        flagged: "yes" where the confidence is below the model's limit, or the frame shows hardly anything, is too
            dark or has a doubtful view: a person should look first; else "no".
        confounders: those seen in the frame, separated by "; ", where a model knows.
        brightness: mean luma, 0..1, as the next of the pixels that aren't black.
        contrast: standard deviation of luma.
        sharpness: variance of the Laplacian of luma, grey levels.
        glare_share: bright and colourless pixels.
        saturation: mean, 0..1.
        hue_deg: mean, degrees from red.
        red_share: of the sum of the channels.
        blue_share: likewise.
    """

    frame: str
    reason: str = ""
    group: str | None = None
    lesion_class: str | None = None
    width_px: int | None = None
    height_px: int | None = None
    view_share: float | None = None
    lesion_share: float | None = None
    tp: int | None = None
    fp: int | None = None
    fn: int | None = None
    tn: int | None = None
    dice: float | None = None
    iou: float | None = None
    accuracy: float | None = None
    nsd: float | None = None
    hd95_px: float | None = None
    lesions: int | None = None
    lesions_found: int | None = None
    false_positives: int | None = None
    dice_suppressed: float | None = None
    lesions_found_suppressed: int | None = None
    false_positives_suppressed: int | None = None
    called_share: float | None = None
    lesion: str | None = None
    frame_score: float | None = None
    confidence: float | None = None
    flagged: str | None = None
    confounders: str | None = None
    brightness: float | None = None
    contrast: float | None = None
    sharpness: float | None = None
    glare_share: float | None = None
    saturation: float | None = None
    hue_deg: float | None = None
    red_share: float | None = None
    blue_share: float | None = None


_TEXTS = ("frame", "reason", "group", "lesion_class", "lesion", "flagged", "confounders")
_WHOLE = (
    "width_px", "height_px", "tp", "fp", "fn", "tn", "lesions", "lesions_found", "false_positives",
    "lesions_found_suppressed", "false_positives_suppressed",
)  # fmt: skip


def table(rows: list[CaseRow]) -> pd.DataFrame:
    """Return rows as a table; numbers are floats, NaN where they are missing, texts None."""
    names = [field.name for field in fields(CaseRow)]
    found = pd.DataFrame([vars(row) for row in rows], columns=names)
    numbers = [name for name in names if name not in _TEXTS]
    return found.astype(dict.fromkeys(numbers, "float64") | dict.fromkeys(_TEXTS, "object"))


def as_csv(cases: pd.DataFrame) -> str:
    """Return a table of cases as the text of a CSV file, sorted by frame."""
    whole = cases.sort_values("frame", ignore_index=True).astype(dict.fromkeys(_WHOLE, "Int64"))
    texts = {name: whole[name].map(_cell) for name in _TEXTS}
    text: str = whole.assign(**texts).to_csv(index=False, float_format="%.6g", lineterminator="\n")
    return text


def _cell(value: Any) -> Any:
    return printable(spreadsheet_cell(value)) if isinstance(value, str) else value
