"""What the names of frames and of masks have in common, and how `masks` and the frames' affixes say it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LOOKED_AT = 300  # names of each kind that are compared pair by pair
_MOST = 50  # masks that may share a part of their names which tells frames apart
_AFFIXES = 3  # pairs of prefix and suffix that are proposed
_PIECE = re.compile(r"\d+|[^\W\d_]+")  # of a name: a number or a word
_OF_FRAMES = frozenset(("endo", "frame", "frames", "image", "images", "img", "imgs", "original", "rgb"))


@dataclass(frozen=True)
class MaskName:
    """What a frame's mask is called.

    Attributes:
        pattern: with {stem}.
        prefix: what is to be taken off the beginning of the frames' names; may be empty.
        suffix: of their end, likewise.
    """

    pattern: str
    prefix: str = ""
    suffix: str = ""


def mask_names(frames: Sequence[str], masks: Sequence[str]) -> list[MaskName]:
    """Return what masks may be called, the likelier first; empty: their names have nothing in common with frames'.

    A mask's name may hold the whole of its frame's, or the beginning of it, or a part of which the rest is the same in
    most frames, such as the number of image_001 and mask_001.

    Args:
        frames: their names, without endings.
        masks: likewise.
    """
    if whole := _pattern(frames, masks):
        return [MaskName(whole)]
    ours = _longest(frames)
    theirs = sorted(set(masks))[:_LOOKED_AT]
    longest = sorted(theirs, key=len, reverse=True)
    ends = Counter(end for end in (_end(frame, longest) for frame in ours) if end is not None)
    found = [MaskName("{stem}.*", suffix=end) for end, _ in ends.most_common(1)]
    return found or list(_exchanged(frames, masks))


def rests_of(name: str) -> list[tuple[str, str]]:
    """Return what is left before and behind of a name without one of its words, or without a part at its beginning."""
    pieces = list(_PIECE.finditer(name))
    words = [(name[: word.start()], name[word.end() :]) for word in pieces if not word[0].isdecimal()]
    return [*words, *(("", name[piece.start() :]) for piece in pieces[1:])]


def _longest(names: Sequence[str]) -> list[str]:
    return sorted(set(names), key=lambda name: (-len(name), name))[:_LOOKED_AT]


def _pattern(frames: Sequence[str], masks: Sequence[str]) -> str | None:
    """Return the pattern of masks that hold their frames' names; None: they don't."""
    ours, theirs = _longest(frames), sorted(set(masks))[:_LOOKED_AT]
    around = Counter(pair for pair in (_around(mask, ours) for mask in theirs) if pair is not None)
    if not around:
        return None
    before = Counter(pair[0] for pair in around.elements()).most_common(1)[0][0]
    behind = sorted({pair[1] for pair in around if pair[0] == before}, key=lambda text: (len(text), text))
    common = behind[0] if all(text.startswith(behind[0]) for text in behind) else ""
    return f"{before}{{stem}}{common}{'*' if len(behind) > 1 else ''}.*"


def _around(mask: str, frames: Sequence[str]) -> tuple[str, str] | None:
    """Return what a mask's name has before and behind that of the longest frame in it."""
    for frame in frames:
        before, found, behind = mask.partition(frame)
        if found and not behind[:1].isalnum() and not before[-1:].isdigit():
            return before, behind
    return None


def _end(frame: str, masks: Sequence[str]) -> str | None:
    return next((frame[len(mask) :] for mask in masks if frame.startswith(mask)), None)


def _exchanged(frames: Sequence[str], masks: Sequence[str]) -> Iterator[MaskName]:
    """Yield names of masks that have something else in the place of what all frames' names begin or end with."""
    for prefix, suffix in _affixes(frames, masks)[:_AFFIXES]:
        fitting = [name for name in frames if name.startswith(prefix) and name.endswith(suffix)]
        if len(fitting) < sum(bool(_numbered(prefix, suffix).fullmatch(name)) for name in frames):
            continue  # a number in it counts something, patients, say
        stems = [name.removeprefix(prefix).removesuffix(suffix) for name in fitting]
        pattern = _pattern([stem for stem in stems if stem], masks)
        if pattern is not None:
            yield MaskName(pattern, prefix, suffix)


def _numbered(prefix: str, suffix: str) -> re.Pattern[str]:
    """Return the pattern of names with such a prefix and suffix, whatever numbers these hold."""
    before, behind = (re.sub(r"\d+", r"\\d+", re.escape(affix)) for affix in (prefix, suffix))
    return re.compile(f"{before}.*{behind}", re.DOTALL)


def _affixes(frames: Sequence[str], masks: Sequence[str]) -> list[tuple[str, str]]:
    """Return what frames' names have before and behind a part that most masks' names share, the best first.

    Best is what leads most frames to masks, of equals what is called like frames, then what leaves the longest part.
    It leads to more than half of the masks, and more than half as many frames as the very best.
    """
    places: dict[str, list[tuple[str, str]]] = {}
    for mask in sorted(set(masks)):
        for before, part, _ in _parts(mask):
            places.setdefault(part, []).append((before, mask))
    found: dict[tuple[str, str, str], tuple[set[str], set[str]]] = {}
    for frame in sorted(set(frames)):
        for before, part, behind in _parts(frame):
            there = places.get(part, ())
            for start, mask in there if len(there) <= _MOST else ():
                both = found.setdefault((before, behind, start), (set(), set()))
                both[0].add(frame)
                both[1].add(mask)
    half = len(set(masks)) / 2
    counts = {key: len(ours) for key, (ours, theirs) in found.items() if len(theirs) > half}
    most = max(counts.values(), default=0)
    told = {key: count for key, count in counts.items() if 2 * count > most}
    ordered = sorted(told, key=lambda key: (-told[key], not _like_frames(key[0] + key[1]), len(key[0] + key[1]), key))
    return list(dict.fromkeys((before, behind) for before, behind, _ in ordered))


def _like_frames(affixes: str) -> bool:
    return not _OF_FRAMES.isdisjoint(word.casefold() for word in _PIECE.findall(affixes))


def _parts(name: str) -> Iterator[tuple[str, str, str]]:
    """Yield each part of a name from the beginning of a number or word to the end of one, between what is around it."""
    pieces = list(_PIECE.finditer(name))
    for index, first in enumerate(pieces):
        for last in pieces[index:]:
            yield name[: first.start()], name[first.start() : last.end()], name[last.end() :]
