"""Patterns that take further masks of a frame, tried on the whole site before anybody is told to use one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from mcdrl.sites.masks import Masks, Pattern, find_masks
from mcdrl.sites.naming import Naming


class Wider:
    """Knows which patterns would serve in the place of a site's own.

    Attributes:
        pattern: the site's own.
    """

    def __init__(self, root: Path, frames: Sequence[Path], masks: str, naming: Naming, paired: Masks) -> None:
        """Take what `find_masks` took, and what it found."""
        self._root, self._frames, self._naming, self._paired = root, frames, naming, paired
        self.pattern = Pattern.of(masks)
        self._found: dict[str, Masks | None] = {}

    def taking(self, frame: Path, files: Iterable[Path]) -> str | None:
        """Return a pattern that takes all of these files for a frame; None: it would take another one its masks."""
        for text in (self.pattern.numbered, self.pattern.widened):
            found = self._by(text)
            if found is not None and frame not in found.shared and set(files) <= set(found.of[frame]):
                return text
        return None

    def settling(self, frame: Path) -> str | None:
        """Return the pattern that gives a frame masks which no other one may have; None: there is none."""
        found = self._by(self.pattern.numbered)
        return self.pattern.numbered if found is not None and frame not in found.shared else None

    def _by(self, text: str) -> Masks | None:
        """Return the masks by another pattern; None: a frame would lose all of its own, or one would be nobody's."""
        if text not in self._found:
            found = find_masks(self._root, self._frames, text, self._naming)
            bare = any(several and not found.of[frame] for frame, several in self._paired.of.items())
            self._found[text] = None if bare or not self._paired.used <= found.used else found
        return self._found[text]
