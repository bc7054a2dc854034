"""The documents' tables of results come out again from docs/measured, by the command that stands above each of them."""

import json
import re
import shlex

import pandas as pd
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from tests.benchmarks import acceptance as acceptance_script
from tests.benchmarks import (
    cycle,
    exchanges,
    froc,
    limits,
    pairs,
    pretraining_table,
    ratios,
    recipes_table,
    scale_table,
    sizes_table,
    start_table,
)  # fmt: skip
from tests.benchmarks import devices as devices_script
from tests.benchmarks import label_efficiency as label_efficiency_script
from tests.benchmarks import table as table_script
from tests.benchmarks.view import lesions_on_screens, styles_table
from tests.projects import ROOT, results

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
MEASURED = ROOT / "docs" / "measured"
FINDER_TABLES = ("marked", "screens", "lesions")
_SCRIPTS = {
    "table": table_script,
    "devices": devices_script,
    "acceptance": acceptance_script,
    "label_efficiency": label_efficiency_script,
    "sizes_table": sizes_table,
    "recipes_table": recipes_table,
    "limits": limits,
    "froc": froc,
    "exchanges": exchanges,
    "lesions_on_screens": lesions_on_screens,
    "styles_table": styles_table,
    "cycle": cycle,
    "scale_table": scale_table,
    "start_table": start_table,
    "ratios": ratios,
    "pretraining_table": pretraining_table,
}
_SHOWN = re.compile(
    rf"^```\n(python -m tests\.benchmarks\.(?:view\.)?(?:{'|'.join(_SCRIPTS)}) .*)\n```\n\n((?:\|.*\n)+)", re.MULTILINE
)
TABLES = [
    pytest.param(command, table, id=f"{path.name}: {command.partition('measured/')[2]}")
    for path in DOCUMENTS
    for command, table in _SHOWN.findall(path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("command", "table"), TABLES)
def test_a_table_is_what_its_command_prints(monkeypatch, command, table):
    monkeypatch.chdir(ROOT)
    app = typer.Typer(pretty_exceptions_enable=False)
    _, _, script, *arguments = shlex.split(command)
    app.command()(_SCRIPTS[script.rpartition(".")[2]].main)
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.output == table, f"{command} prints:\n{done.output}"


def test_each_table_of_results_stands_below_its_command():
    text = results()
    beside = len(re.findall(r"^\| (?:question|finder) ", text, re.MULTILINE)) + len(
        re.findall(r"^\| \| \|$", text, re.MULTILINE)
    )
    assert len(re.findall(r"^\|(?: ?-+ ?\|)+$", text, re.MULTILINE)) == len(_SHOWN.findall(text)) + beside
    assert len(_SHOWN.findall(text)) > 10


def test_the_finder_of_the_view_is_as_good_as_its_tables_say():
    marked, screens, lesions = (pd.read_parquet(MEASURED / f"view_{name}.parquet") for name in FINDER_TABLES)
    unseen = screens[screens["split"] == "test"]
    labels = {
        "find_view": "the finder", "with_margin": "the finder with its margin", "view_box": "`view_box`",
        "threshold": "a plain threshold", "endoseg": "endoseg",
    }  # fmt: skip
    for name, label in labels.items():
        rows = [table[table["finder"] == name] for table in (marked, unseen)]
        of_masks = lesions[lesions["finder"] == name]
        lost = f"{(of_masks['cut_px'] > 0).mean():.2%}" if len(of_masks) else "–"
        cells = [
            f"{part:.3f} | {wide:.1%}" for part, wide in ((r["iou"].mean(), (r["error"] > 0.05).mean()) for r in rows)
        ]
        told = f"| {label} | {len(rows[0])} | {cells[0]} | {cells[1]} | {lost} |".replace("%", " %")
        assert told in results()


def test_every_stored_table_is_shown():
    text = results()
    measured = sorted((ROOT / "docs" / "measured").glob("*.parquet"))
    assert all(path.name in text for path in measured)
    stored = [path for path in measured if "method" in pq.read_schema(path).names]
    shown = {path: set(re.findall(rf"{path.name} (.*)", text)) for path in stored}
    for path, commands in shown.items():
        named = {word for command in commands for word in command.split()}
        assert set(pd.read_parquet(path, columns=["method"])["method"]) <= named, path.name


def test_lite0_is_as_good_as_its_own_file_says():
    found = json.loads((ROOT / "data" / "lite0" / "quality.json").read_text(encoding="utf-8"))

    def span(values):
        return f"{min(values.values()):.2f} to {max(values.values()):.2f}"

    figures = [
        f"{found['place_auroc']:.3f}", f"{found['recall']['0.25']:.2f}", span(found["class_auroc"]),
        span(found["confounder_auroc"]),
    ]  # fmt: skip
    rows = re.search(r"^\| \| \|\n\|---\|---\|\n((?:\|.*\n)+)", results(), re.MULTILINE)
    assert [line.split("|")[2].strip() for line in rows.group(1).splitlines()] == figures


def test_methods_without_a_common_seed_are_not_compared():
    rows = pd.read_parquet(ROOT / "docs" / "measured" / "studies_phantom.parquet")
    apart = pd.concat(
        [rows[(rows["method"] == name) & (rows["seed"] == k)] for k, name in enumerate(("mcdrl", "no_mtrs"))]
    )
    assert pairs.compared(apart, "mcdrl", "no_mtrs") == {}
