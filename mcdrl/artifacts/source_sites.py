"""artifacts/sources: what of the sites' data a training takes where a site is held out, as digests and decisions.

DVC trains a cell anew when its file here has changed. Of the held-out site nothing is in it but how many of its frames
the audit found at source sites, too, which the model's card says, and at which a training stops.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from mcdrl.base.errors import InputError
from mcdrl.base.files import read_json, write_json
from mcdrl.base.section import Section, sentences
from mcdrl.base.view_rule import ViewRule

_AGAIN = "run `dvc repro sources`"


class SourceSites(Section):
    """artifacts/sources/<held_out>.json: what a training takes of the data of all sites but one.

    Attributes:
        held_out: the site that is left out; none: none is.
        files: path below the artifacts -> hex SHA-256, of all files of the source sites that a training opens.
        views: source site -> what of its frames is looked at, as `Reading` has it.
        copies: frames of the source sites with a copy on the other side of training and validation, sorted.
        leaked_frames: frames of the held-out site that are at a source site, too.
        leaks: pairs of such frames that params.yaml doesn't accept, so that nothing is trained.
    """

    held_out: str
    files: dict[str, str]
    views: dict[str, ViewRule]
    copies: list[str]
    leaked_frames: int
    leaks: int


def write_source_sites(sources: SourceSites, path: Path) -> None:
    """Write the file."""
    write_json(sources.model_dump(), path)


def read_source_sites(path: Path) -> SourceSites:
    """Read the file.

    Raises:
        InputError: it is missing or damaged.
    """
    value = read_json(path, _AGAIN)
    try:
        return SourceSites.model_validate(value)
    except ValidationError as error:
        problem = sentences(error, "", SourceSites)[0]
    raise InputError(f"{path} is damaged ({problem}); delete it and {_AGAIN}")
