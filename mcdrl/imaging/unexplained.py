"""What is said of a mask whose values nobody has explained, and the setting that would."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from mcdrl.base.issues import RefusedError
from mcdrl.imaging.stored_mask import APART, BLACK, MOST_LABELS, NOISE, StoredMask, colour_of

UNEXPLAINED = "mask values that nobody has explained"
_DARK = "mask below its threshold"
_SHOWN = 6  # values that a refusal lists
NO_LABELS = "so many are a picture, or blurred labels; save a mask that has one value for each thing"
_LOSSLESS = "a JPEG blurs labels, so save the masks as PNG"
_MEANINGS = "lesion, a lesion class, background or ignore"


class UnexplainedError(RefusedError):
    """A mask whose values nobody has explained.

    Attributes:
        values: how they are called, as long as they are few enough to be labels; else empty.
    """

    def __init__(self, kind: str, detail: str, values: tuple[str, ...]) -> None:
        """Take the parts of an `Issue` and the values."""
        super().__init__(kind, detail)
        self.values = values


def unexplained(stored: StoredMask, threshold: int) -> UnexplainedError:
    """Return the refusal of such a mask: its values, and what would let it through.

    Of a JPEG in colours no setting is named: it keeps them at half their size, so that none may read the mask.

    Args:
        stored: the mask.
        threshold: grey value 1..255 from which a pixel of a plain mask is lesion.
    """
    codes = np.unique(stored.codes).tolist()
    smeared = stored.lossy and stored.chroma > NOISE
    template = "" if smeared else _template(stored, codes)
    many = [NO_LABELS] * (not stored.lossy or (len(codes) > _SHOWN and not smeared))
    fixes = [f"say what each means in mask_values: {template}"] if template else many
    detail = "; ".join([counted(stored), *fixes, *[_LOSSLESS] * stored.lossy])
    values = tuple(stored.shown(int(code)) for code in codes) if len(codes) <= _SHOWN else ()
    top = int(stored.grey.max())
    if top < threshold:
        brightest = f"{codes[-1]} of {stored.white}, as {top} of 255" if stored.deep else str(top)
        told = f"its brightest value is {brightest}, mask_threshold is {threshold}; it holds {detail}"
        return UnexplainedError(_DARK, told, values)
    return UnexplainedError(UNEXPLAINED, detail, values)


def _template(stored: StoredMask, codes: list[int]) -> str:
    """Return the setting to be filled in, without black, unless several indices of a palette are.

    Of a JPEG and of many values those that fill a patch; empty: no setting could read the mask.
    """
    if stored.lossy or len(codes) > _SHOWN:
        flat = _flat(stored, codes)
        codes = flat if stored.lossy or len(flat) == len(codes) else []
    names = [(code, stored.names(int(code))) for code in codes[: _SHOWN + 1]]
    keys = [f'"{name[0]}": ...' for code, name in names if name[-1] != BLACK or code]
    if not keys:
        return ""
    return f"{{{', '.join(keys[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''}}}, each of them {_MEANINGS}"


def _flat(stored: StoredMask, codes: list[int]) -> list[int]:
    """Return the values that fill a patch, sorted; of a JPEG black and those that it can tell, the commonest."""
    counts = np.unique(stored.codes, return_counts=True)[1]
    commonest = [codes[index] for index in np.argsort(-counts, kind="stable")[:MOST_LABELS]]
    patches = [code for code in commonest if ndimage.binary_erosion(stored.codes == code, np.ones((3, 3))).any()]
    kept = [0] if stored.lossy else []
    for code in patches:
        colour = colour_of(stored.names(code)[-1])
        if not stored.lossy or all(np.abs(colour - colour_of(stored.names(one)[-1])).max() >= APART for one in kept):
            kept.append(code)
    return sorted(kept)


def blurred(stored: StoredMask, among: list[int]) -> bool:
    """Return whether values of a lossless mask are more than labels would be, and most of them fill no patch."""
    flat = _flat(stored, np.unique(stored.codes).tolist()) if len(among) > _SHOWN else among
    return 2 * len(set(flat) & set(among)) < len(among)


def counted(stored: StoredMask, among: list[int] | None = None) -> str:
    """Return a mask's values, the commonest first, with their pixel counts."""
    codes, counts = np.unique(stored.codes, return_counts=True)
    found = [(int(n), int(code)) for code, n in zip(codes, counts, strict=True) if among is None or code in among]
    commonest = sorted(found, key=lambda pair: (-pair[0], pair[1]))
    told = ", ".join(f"{stored.shown(code)}: {n} px" for n, code in commonest[:_SHOWN])
    return told + (f" and {len(found) - _SHOWN} more values" if len(found) > _SHOWN else "")
