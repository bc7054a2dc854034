"""Whether a folder of results can be made, before the work whose results it takes."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from mcdrl.base.errors import InputError


def check_makeable(out: Path) -> None:
    """Make a folder of the new one's name, and those above it that are missing, in a place aside that goes again.

    Raises:
        InputError: the folder that `--out` names can't be made.
    """
    place = Path(os.path.abspath(out))
    above = next(folder for folder in place.parents if os.path.lexists(folder))
    try:
        if os.path.lexists(place):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        with TemporaryDirectory(prefix=".", suffix=".partial", dir=above) as aside:
            (Path(aside) / place.relative_to(above)).mkdir(parents=True)
    except OSError as error:
        raise InputError(
            f"--out {out} can't be made in {above}: {error.strerror}; name a folder where one can be"
        ) from None
