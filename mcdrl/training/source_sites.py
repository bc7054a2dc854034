"""What of the sites' data a training takes: told by `sources` for DVC to compare, and checked by the training.

A cell doesn't depend on the folders of all sites, or an edit of the held-out one would train it anew. So what it opens
of the sites' data has to be what is told here: a further file of a source site belongs into `SiteFiles.trained_on`, a
further decision of the audit into `SourceSites`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from mcdrl.artifacts.audit import PAIRS
from mcdrl.artifacts.plan import read_views
from mcdrl.artifacts.source_sites import SourceSites, read_source_sites
from mcdrl.base.digests import remembered_sha256
from mcdrl.base.errors import InputError
from mcdrl.study.leaks import crossing, own_frames, straddling
from mcdrl.study.paths import NONE, audit_files, digests_folder, plan_files, site_files, sources_file, sources_folder


def source_names(sites: Iterable[str], held_out: str | None) -> list[str]:
    """Return all sites but the held-out one by name: that is the order of each batch, and DVC knows none of mappings.

    Args:
        sites: of the study.
        held_out: the site that is left out; None: none is.
    """
    return sorted(site for site in sites if site != held_out)


def source_sites(artifacts: Path, sources: Sequence[str], held_out: str | None) -> SourceSites:
    """Return what a training takes of the data of its source sites; equal data are told in equal words.

    Args:
        artifacts: what the other stages wrote.
        sources: the sites that are trained on.
        held_out: the site that is left out, of which no file is opened; None: none is.

    Raises:
        InputError: a file is missing or damaged.
    """
    paths = [path for site in sources for path in site_files(artifacts, site).trained_on]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise InputError(f"{missing[0]} does not exist; run `dvc repro` to make it")
    notes, pairs = digests_folder(artifacts), PAIRS.read(audit_files(artifacts).pairs)
    common = pairs[:0] if held_out is None else crossing(pairs, held_out)
    return SourceSites(
        held_out=held_out or NONE,
        files={path.relative_to(artifacts).as_posix(): remembered_sha256(path, notes) for path in paths},
        views=dict(zip(sources, read_views(plan_files(artifacts).views, sources), strict=True)),
        copies=sorted(straddling(pairs, held_out)),
        leaked_frames=len(own_frames(common, held_out or NONE)),
        leaks=int((~common["accepted"]).sum()),
    )


def check_source_sites(artifacts: Path, sources: Sequence[str], held_out: str | None) -> None:
    """Check that the data are those that DVC knows of, else it would take a training on these for one on those.

    Args:
        artifacts: as that of `source_sites`.
        sources: likewise.
        held_out: likewise.

    Raises:
        InputError: they aren't, or a file is missing or damaged.
    """
    path = sources_file(sources_folder(artifacts), held_out or NONE)
    told, found = read_source_sites(path).model_dump(), source_sites(artifacts, sources, held_out).model_dump()
    if told == found:
        return
    other = next(name for name in found if told[name] != found[name])
    files = {**told["files"], **found["files"]}
    first = next((name for name in sorted(files) if told["files"].get(name) != found["files"].get(name)), other)
    raise InputError(
        f"{path} tells of other data than there are, the first: {first}; run `dvc repro` without --single-item, which "
        "brings it up to date before it trains"
    )
