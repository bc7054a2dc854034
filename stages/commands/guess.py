"""Which card fits a folder: by its layout, its table and its number of frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stages.core.base.cards import Card, card_names, read_card
from stages.core.base.errors import InputError
from stages.core.base.folders import check_hashable
from stages.core.base.output import say
from stages.core.base.reading import Reading
from stages.ingest.folder import list_site
from stages.ingest.table import read_table

OWN = "folder"  # the card of a folder of one's own


@dataclass(frozen=True)
class Guess:
    """A card for a folder.

    Attributes:
        card: its name.
        why: what speaks for it, in a few words.
        others: cards that would read the folder, too, and expect as many frames as are there.
    """

    card: str
    why: str
    others: tuple[str, ...] = ()


def guess_card(root: Path) -> Guess:
    """Return the card that a folder seems to need.

    A card counts as recognised if it reads at least one frame with its mask and has more to go by than the common
    images/ and masks/: a table with the right columns, polygons, or folders of its own.

    Raises:
        InputError: `root` is no folder or can't be read by DVC, no card fits, or several do.
    """
    if not root.is_dir():
        raise InputError(f"{root} is no folder; give the one that holds the site's frames and masks")
    check_hashable(root)
    fitting = {name: (card, count) for name, card, count in _fitting(root)}
    special = [name for name, (card, _) in fitting.items() if _telling(card.read)]
    if len(special) == 1:
        return Guess(special[0], f"its layout is that of {fitting[special[0]][0].title}")
    if special:
        raise InputError(f"several cards fit {root}: {', '.join(special)}; choose one with --card")
    if OWN not in fitting:
        raise InputError(
            f"no card fits {root}: give --card and what differs with --set; cards: {', '.join(card_names())}"
        )
    equal = [name for name, (card, count) in fitting.items() if card.expected.frames == count]
    return Guess(OWN, "it has images/ and masks/", tuple(equal))


def _fitting(root: Path) -> list[tuple[str, Card, int]]:
    cards = [(name, read_card(name)) for name in card_names()]
    counted = [(name, card, _count(root, card.read)) for name, card in cards]
    return [(name, card, count) for name, card, count in counted if count]


def _count(root: Path, reading: Reading) -> int:
    """Return how many frames with a mask, or beside outlines, a reading finds; 0 if it doesn't fit."""
    try:
        if reading.table is not None:
            read_table(root / reading.table, reading)
        if reading.polygons is not None and not any(root.glob(reading.polygons)):
            return 0
        return len(list_site(root, reading.images, reading.masks).sources)
    except InputError:
        return 0


def _telling(reading: Reading) -> bool:
    return reading.table is not None or reading.polygons is not None or not reading.images.startswith("images/")


def guessed_or_given(card: str | None, root: Path) -> str:
    """Return `card`, or the one that fits the folder, and say so.

    Raises:
        InputError: as `guess_card`.
    """
    if card is not None:
        return card
    guess = guess_card(root)
    say(f"card '{guess.card}': {guess.why}")
    if guess.others:
        say(f"  as many frames as here: {', '.join(guess.others)}; if it is that data set, add --card")
    return guess.card
