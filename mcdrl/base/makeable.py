"""Whether a folder of results can be made, before the work whose results it takes."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from mcdrl.base.errors import InputError


def check_makeable(out: Path) -> None:
    """Make the new folder that `--out` names, and those above it that are missing, and take all of them away again.

    Raises:
        InputError: it can't be made.
    """
    missing = [folder for folder in (out, *out.parents) if not folder.exists()]
    made = []
    try:
        for folder in reversed(missing):
            folder.mkdir()
            made.append(folder)
    except OSError as error:
        raise InputError(
            f"--out {out} can't be made: {error.filename}: {error.strerror}; name a folder where one can be"
        ) from None
    finally:
        for folder in reversed(made):
            with suppress(OSError):  # somebody has put something there meanwhile
                folder.rmdir()
