"""How surely a folder or a picture is one of masks, by what it is called."""

from __future__ import annotations

import re
from functools import cache

from mcdrl.sites.naming import TRUTH, like_masks

_MASKS = "mask|masks|gt|gts|label|labels|seg|segmentation|ground[ _-]?truth|truth"
BESIDE = re.compile(rf"[ _-]({_MASKS})([ _-]?\(?\d+\)?)?$", re.IGNORECASE)
"""What a mask's name without its ending has behind that of its frame, where both lie in one folder."""
AHEAD = re.compile(rf"({_MASKS})([ _-]+(?=[^ _-])|(?=\d))", re.IGNORECASE)
"""What it begins with in the place of what its frame's name begins with, such as mask_ of mask_001 beside image_001."""
WITHIN = re.compile(rf"(?<![^\W_])({_MASKS})(?![^\W\d_])", re.IGNORECASE)
"""A word of a mask's name, wherever it stands."""
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_ENDS = ("mask", "masks", "truth", "truths")  # of words such as groundtruth
_WORDS = frozenset(
    ("annot", "annotation", "annotations", "annots", "label", "labelmap", "labelmaps", "labels",
     "segmentation", "segmentations")
)  # fmt: skip


def called_mask(name: str) -> bool:
    """Return whether a picture among frames is called as masks are, by its name without ending."""
    return bool(BESIDE.search(name) or AHEAD.match(name))


@cache
def likeness(name: str) -> int:
    """Return how much a folder's name is that of a folder of masks.

    Returns:
        2: a word of it says masks, as in labelsTr or Ground Truth; 1: it has such a word in another one, as labelled
        and segment_2 do, which frames may be called, too; 0: neither.
    """
    if not like_masks(name):
        return 0
    words = [word.lower() for word in _WORD.findall(name)]
    return 2 if TRUTH.search(name) or any(word in _WORDS or word.endswith(_ENDS) for word in words) else 1
