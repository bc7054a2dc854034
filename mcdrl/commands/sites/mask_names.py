"""How surely a folder or a picture is one of masks, by what it is called."""

from __future__ import annotations

import re
from functools import cache

from mcdrl.sites.naming import like_masks

BESIDE = re.compile(r"[ _-](mask|masks|gt|label|labels|seg|segmentation|truth)([ _-]?\(?\d+\)?)?$", re.IGNORECASE)
"""What a mask's name without its ending has behind that of its frame, where both lie in one folder."""
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_ENDS = ("mask", "masks", "truth", "truths")  # of words such as groundtruth
_WORDS = frozenset(
    ("annot", "annotation", "annotations", "annots", "gt", "gts", "label", "labelmap", "labelmaps", "labels",
     "segmentation", "segmentations")
)  # fmt: skip


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
    return 2 if any(word in _WORDS or word.endswith(_ENDS) for word in words) else 1
