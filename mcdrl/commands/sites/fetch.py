"""`mcdrl sites fetch`: a published data set into a folder, whole or not at all."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from mcdrl.base.errors import InputError
from mcdrl.base.files import new_folder
from mcdrl.base.output import say
from mcdrl.commands.sites.download import download
from mcdrl.commands.sites.unpack import unpack
from mcdrl.study.site_cards import Download, Licence, SiteCard


def licence_text(card: SiteCard) -> str:
    """Return what a user has to know before the data are fetched, a few lines."""
    licence = card.licence or Licence(name="none stated", terms="Ask the owners.")
    lines = [card.title, f"  licence: {licence.name}", f"  {licence.terms}"]
    lines += [f"  {where}" for where in (licence.url, card.home) if where]
    lines += [f"  cite: {card.citation}"] if card.citation else []
    return "\n".join(lines)


def fetch(
    name: str, card: SiteCard, to: Path, *, accepted: bool, say: Callable[[str], None] = say,
    sleep: Callable[[float], None] = time.sleep,
) -> Path:  # fmt: skip
    """Fetch a card's files into a new folder.

    The files are gathered in a hidden folder beside `to`, where a later call goes on after a break; `to` appears when
    all of them are there, checked and unpacked.

    Args:
        name: the card's name.
        card: the card.
        to: the folder to make; it may exist if it is empty.
        accepted: whether the user has accepted the licence.
        say: shows a line to the user.
        sleep: waits between tries.

    Returns:
        The site's root inside `to`.

    Raises:
        InputError: there is nothing to fetch, the licence isn't accepted, `to` is in use, or a file can't be had.
    """
    say(licence_text(card))
    if not card.downloads:
        raise InputError(
            f"card '{name}' has nothing to fetch: get it by hand from {card.home or 'its owner'}. {card.notes}"
        )
    if not accepted:
        raise InputError(f"the licence of {card.title} is not accepted; read it and add --accept-licence")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise InputError(f"{to} exists and is not empty; give a new folder with --to, or remove it")
    gathered = to.parent / f".{to.name}.download"
    gathered.mkdir(parents=True, exist_ok=True)
    for item in card.downloads:
        digest = download(item, gathered / item.file, sleep)
        verdict = "checksum as published" if item.sha256 or item.md5 else "no checksum is published"
        say(f"{item.file}: {verdict}, sha256 {digest}")
    with new_folder(to) as folder:
        for item in card.downloads:
            _place(item, gathered / item.file, folder)
    shutil.rmtree(gathered)
    return to / card.root


def next_step(name: str, card: SiteCard, to: Path) -> str:
    """Return what a user does with a card's files in `to`, in a sentence."""
    root = to / card.root
    add = f"mcdrl sites add NAME {root} --card {name}"
    if root.is_dir():
        return f"next: {add}"
    files = ", ".join(str(to / item.file) for item in card.downloads if not item.unpack)
    if not files:
        return f"{root} isn't among it, so look there for the folder that holds the frames; then: {add}"
    return f"next: unpack {files} by hand so that {root} is there, then: {add}"


def _place(item: Download, file: Path, folder: Path) -> None:
    if not item.unpack:
        shutil.copyfile(file, folder / file.name)
        return
    try:
        unpack(file, folder)
    except InputError as error:
        if item.sha256 or item.md5:
            raise InputError(
                f"{error}; {file} is what was published, so fetching it again won't help; look at it by hand"
            ) from None
        file.unlink()
        raise InputError(
            f"{error}; {file} was deleted, so the same command fetches it anew; if that doesn't help, get it by hand "
            f"from {item.url}"
        ) from None
