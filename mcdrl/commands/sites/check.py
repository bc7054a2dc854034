"""`mcdrl sites check`: the gate of the ingest stage without writing anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mcdrl.base.choices import nearest
from mcdrl.base.errors import InputError
from mcdrl.base.folders import check_hashable, name_of
from mcdrl.base.issues import Issue, by_kind
from mcdrl.commands.sites.edit import site_from
from mcdrl.sites.gate import Gate, Ingested
from mcdrl.study.params import Site, resolve
from mcdrl.study.reading import Reading
from mcdrl.study.sections.ingest import Params
from mcdrl.study.site_cards import SiteCard, read_card


@dataclass(frozen=True)
class Count:
    """A number that the card expects beside the one that was found; None: the card doesn't know it."""

    what: str
    expected: int | None
    found: int

    @property
    def differs(self) -> bool:
        """Whether the two disagree."""
        return self.expected is not None and self.expected != self.found


@dataclass(frozen=True)
class Finding:
    """Issues of one kind.

    Attributes:
        kind: what they say.
        refused: whether they cost a frame or an object.
        count: how many there are.
        examples: the first of them, file and detail.
    """

    kind: str
    refused: bool
    count: int
    examples: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class SiteCheck:
    """What the gate says of a site.

    Attributes:
        name: of the site.
        card: its card.
        counts: what the card expects and what is there.
        findings: what was refused, then what is odd, each the commonest first.
        result: the tables that the stage would write.
    """

    name: str
    card: SiteCard
    counts: tuple[Count, ...]
    findings: tuple[Finding, ...]
    result: Ingested


def check_site(
    name: str, site: Site, params: Params, lesion_classes: Sequence[str], workers: int, examples: int = 3
) -> SiteCheck:
    """Read every frame of a site as the ingest stage would; nothing is written.

    Args:
        name: the site's name.
        site: where its frames are.
        params: of the ingest stage.
        lesion_classes: the legal classes.
        workers: threads that decode.
        examples: how many files are named for each kind of issue.

    Raises:
        InputError: the site can't be ingested, or DVC can't read its folder.
    """
    check_hashable(Path(site.root))
    reading = resolve(site)
    for lesion_class in reading.classes():
        if lesion_class not in lesion_classes:
            raise InputError(f"{name}: unknown lesion class '{lesion_class}'; {nearest(lesion_class, lesion_classes)}")
    gate = Gate(name, Path(site.root), reading, params, lesion_classes)
    for _ in gate.frames(workers):
        pass
    result = gate.result()
    card = read_card(site.card)
    findings = [*_findings(result.refused, True, examples), *_findings(result.notes, False, examples)]
    return SiteCheck(name, card, tuple(_counts(card, reading, result)), tuple(findings), result)


def site_of(target: str, sites: dict[str, Site], values: dict[str, object]) -> tuple[str, Site]:
    """Return the site that `target` names: one of the study's, or a folder read by the given keys.

    Raises:
        InputError: it is neither.
    """
    if target in sites:
        return target, sites[target]
    if not Path(target).is_dir():
        raise InputError(f"'{target}' is no site of params.yaml and no folder; {nearest(target, sites)}")
    name = name_of(Path(target))
    return name, site_from(name, {**values, "root": target})


def _counts(card: SiteCard, reading: Reading, result: Ingested) -> list[Count]:
    cases = result.cases
    grouped = bool(reading.table_group or reading.sequence_ends) or reading.folder_group is not None
    groups = [Count("groups", card.expected.groups, cases["group_id"].nunique())] if grouped else []
    negatives = int(cases["lesion_class"].isna().sum())
    return [
        Count("frames", card.expected.frames, len(cases)),
        Count("of these without a lesion", card.expected.negatives, negatives),
        *groups,
    ]


def _findings(issues: Iterable[Issue], refused: bool, examples: int) -> list[Finding]:
    return [
        Finding(kind, refused, len(group), tuple((one.file, one.detail) for one in group[:examples]))
        for kind, group in by_kind(issues)
    ]
