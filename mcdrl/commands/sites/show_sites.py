"""What `mcdrl sites` prints: the study's sites, the cards, and what the gate says of a site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mcdrl.base.output import cell
from mcdrl.study.params import Site, resolve
from mcdrl.study.reading import GROUP_RULES, Reading
from mcdrl.study.site_cards import SiteCard

if TYPE_CHECKING:
    from mcdrl.commands.sites.check import Finding, SiteCheck


def show_sites(sites: Sequence[tuple[str, Site, bool]]) -> None:
    """Print the sites of the study."""
    table = Table("site", "held out", "card", "root", "lesion class", "groups", box=None, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    for name, site, held_out in sites:
        reading = resolve(site)
        kind, groups = _rule(reading, reading.class_rules()), _rule(reading, GROUP_RULES) or "each frame"
        table.add_row(*map(cell, (name, "yes" if held_out else "no", site.card, site.root, kind, groups)))
    Console().print(table)


def show_cards(cards: Sequence[tuple[str, SiteCard]]) -> None:
    """Print the site cards."""
    table = Table("card", "data set", "frames", "licence", "fetch", box=None, pad_edge=False)
    for name, card in cards:
        licence = card.licence.name if card.licence else "your own"
        how = "yes" if card.downloads else "by hand" if card.home else ""
        table.add_row(*map(cell, (name, card.title, card.expected.frames or "", licence, how)))
    Console().print(table)


def show_verdict(verdict: SiteCheck, beside: Sequence[str]) -> None:
    """Print what the gate says of a site.

    Args:
        verdict: of the gate.
        beside: lines about what frames show beside the endoscope's view.
    """
    console = Console()
    console.print(cell(f"{verdict.name}: {verdict.card.title}", "bold"))
    table = Table("", "card", "found", "", box=None, pad_edge=False)
    for count in verdict.counts:
        mark = Text("differs", "yellow") if count.differs else Text("")
        table.add_row(count.what, "" if count.expected is None else str(count.expected), str(count.found), mark)
    console.print(table)
    for line in beside:
        console.print(cell(line))
    _show_findings(console, verdict.findings)


def _show_findings(console: Console, findings: Sequence[Finding]) -> None:
    if not findings:
        console.print(Text("every frame has its mask, nothing is odd", "green"))
        return
    table = Table("", "", "file", "found", box=None, pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"
    for finding in findings:
        mark = Text("refused", "bold red") if finding.refused else Text("note", "yellow")
        table.add_row(mark, Text(str(finding.count), justify="right"), cell(finding.kind, "bold"), "")
        for file, detail in finding.examples:
            table.add_row("", "", cell(file), cell(detail))
        if finding.count > len(finding.examples):
            table.add_row("", "", f"and {finding.count - len(finding.examples)} more", "")
    console.print(table)


def _rule(reading: Reading, rules: Sequence[str]) -> str:
    given = [(rule, getattr(reading, rule)) for rule in rules if getattr(reading, rule) is not None]
    return "".join(value if rule == "lesion_class" else _shown(rule, value) for rule, value in given)


def _shown(rule: str, value: object) -> str:
    what = rule.partition("_")[0]
    if isinstance(value, list):
        return f"{len(value)} sequences"
    return f"by {what}" if isinstance(value, dict) else {"table": "column", "folder": "folder"}[what] + f" {value}"
