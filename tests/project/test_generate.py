"""The words that docs/generate.py makes of types, comments and commands."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Annotated, Literal

import pytest
import typer
from pydantic import Field

import mcdrl
from docs import generate
from mcdrl.base.section import Most, Section
from tests.command_tree import command_tree


class Params(Section):
    """How it is done.

    Attributes:
        rate: how fast; None: as fast
            as it goes.
        kind: of it.
    """

    rate: Annotated[float, Field(gt=0), Most(2000, "no reason")] | None
    kind: Literal["a", "b"] = "a"


def test_a_model_is_a_table_of_bounds_values_and_meanings():
    assert generate.model_table(Params, {"rate": 0.5}).splitlines()[2:] == [
        "| `rate` | number, above 0, up to 2,000, or null | `0.5` | How fast; null: as fast as it goes. |",
        "| `kind` | `a`, `b` | `a` | Of it. |",
    ]
    assert "| needed |" in generate.model_table(Params)


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (list[int], "list of whole number"),
        (dict[str, str | None], "text → (text, or null)"),
        (Annotated[int, Field(multiple_of=4, lt=9)], "whole number, below 9, a multiple of 4"),
        (Params, "keys"),
    ],
)
def test_a_type_in_words(annotation, words):
    assert generate.kind_of(annotation) == words


def test_plain_text_becomes_markdown():
    assert generate.prose("a*b <x> [1] `a*b <x>`") == "a\\*b &lt;x> \\[1\\] `a*b <x>`"
    assert [generate.sentence(text) for text in ("of it", "lr_encoder of it.", "")] == [
        "Of it.",
        "lr_encoder of it.",
        "",
    ]


def test_a_methods_own_parameters_stand_with_their_values_and_those_that_it_takes_over():
    module = ModuleType("mcdrl.methods.new", "Something new: Y = f(X).")
    module.Params, module.BASES = Params, ("old",)
    raw = {
        "method_params": {"old": {"rate": 3.0, "kind": "b", "other": 1}, "new": {"kind": "a"}},
        "variants": {
            "other": {"method": "new", "params": {"kind": "b"}},
            "new": {"method": "new", "train": {"mode": "finetune", "lr": 0.002, "lr_encoder": 0.001, "epochs": 12}},
            "not": {"method": "baseline"},
        },
    }
    text = "\n".join(generate.method_parts("new", module, raw))
    assert "Something new: Y = f(X)." in text
    assert "| `3.0` | How fast" in text
    assert "| `a` | Of it. |" in text
    assert "| `other` | `{params: {kind: b}}` |" in text
    assert "| `new` | `{train: {mode: finetune, lr: 0.002, lr_encoder: 0.001, epochs: 12}}` |" in text
    assert "`not`" not in text


def test_keys_that_hold_keys_are_followed_by_these():
    class Outer(Section):
        """Outer.

        Attributes:
            inner: its parts.
        """

        inner: Params | None = None
        many: dict[str, Params] = Field(default_factory=dict)

    rows = list(generate.model_rows(Outer, {"inner": {"rate": 0.5}}, Outer.model_fields))
    assert [row[0] for row in rows] == ["`inner`", "`inner.rate`", "`inner.kind`", "`many`"]
    assert rows[1][2] == "`0.5`"


def test_comments_are_read_with_what_they_stand_beside(tmp_path, monkeypatch):
    (tmp_path / "declared.py").write_text(
        "SHARED = [column('seed', 1)]  # all begin so\n"
        "T = Table(  # written for some\n"
        "    column('a', 1),  # of a\n"
        "    # of b\n    # and c\n"
        "    column('b', 1), column('c', 1),\n"
        "    {'d': Field(\n        1\n    )},  # of d\n"
        ")\n",
        encoding="utf-8",
    )
    module = ModuleType("declared")
    module.__file__ = str(tmp_path / "declared.py")
    said = generate.comments_of(module)
    assert said.of("T", "a") == "of a"
    assert said.of("T", "d") == "of d"
    assert said.above["T", "b"] == "of b and c"
    assert said.rest["T"] == ["written for some"]
    assert said.of("T", "seed") == "all begin so"


def test_a_command_is_shown_as_it_is_typed():
    app = typer.Typer(add_completion=False)

    @app.command()
    def only(
        places: Annotated[list[Path], typer.Argument(help="Where.")],
        out: Annotated[Path, typer.Option(help="To where.")],
        often: Annotated[list[int] | None, typer.Option(help="Numbers.")] = None,
        loud: Annotated[bool, typer.Option("--loud", help="Say more.")] = False,
        workers: Annotated[int, typer.Option(help="Threads.")] = 2,
        seed: Annotated[int, typer.Option(help="Of all.")] = 0,
        smooth: Annotated[float, typer.Option(help="Seconds.")] = 0.0,
        hold: Annotated[bool, typer.Option("--hold/--no-hold", help="Hold.")] = True,
        keep: Annotated[bool, typer.Option("--keep/--no-keep", help="Keep.")] = False,
        name: Annotated[str, typer.Option(help="A name.")] = "",
    ) -> None:
        """Do it."""

    text = "\n".join(generate.command_parts(typer.main.get_command(app), "mcdrl only"))
    assert "mcdrl only PLACES... --out PATH [OPTIONS]" in text
    assert "| `--often N` | Numbers. As often as needed. |" in text
    assert "| `--loud` | Say more. |" in text
    assert "| `--workers N` | Threads. Default: `2`. |" in text
    assert "| `--seed N` | Of all. Default: `0`. |" in text
    assert "| `--smooth NUMBER` | Seconds. Default: `0.0`. |" in text
    assert "| `--hold, --no-hold` | Hold. Default: `--hold`. |" in text
    assert "| `--keep, --no-keep` | Keep. Default: `--no-keep`. |" in text
    assert "| `--name TEXT` | A name. |" in text


def test_every_option_of_every_command_is_on_the_page():
    sections = dict(section.split("\n", 1) for section in re.split(r"^##+ ", generate.commands_page(), flags=re.M)[1:])
    commands = {" ".join(["mcdrl", *words]): command for words, command in command_tree().items() if words}
    assert list(sections) == list(commands)
    for name, command in commands.items():
        for parameter in command.params:
            option = parameter.param_type_name == "option"
            typed = parameter.opts[0] if option else parameter.metavar or parameter.name.upper()
            assert re.search(rf"^\| `\[?{re.escape(typed)}[ .,`\]]", sections[name], re.M), f"{name} {typed}"
    assert "--help" not in generate.commands_page()
    assert "\n`mcdrl --version`: Show the version.\n" in generate.commands_page().partition("\n## ")[0]


def test_no_meaning_is_empty():
    found = re.findall(r"^\|.*\| meaning \|\n((?:\|.*\n)+)", "\n".join(generate.pages().values()), re.M)
    rows = [row for table in found for row in table.splitlines()]
    assert len(rows) > 500
    assert not [row for row in rows if re.search(r"\|\s*\|$", row)]


def test_a_methods_number_is_told_without_the_title_of_its_class():
    untold = re.findall(r"^\| `\w+` \|.*\| (?:Its|Of its|Of the batches|How many,) .*$", generate.methods_page(), re.M)
    assert not untold


def test_what_a_function_takes_gives_back_and_raises():
    def clips(path, rate=25.0) -> "Iterator[tuple[float, str]]":
        """Read it.

        Args:
            path: where.
            rate: frames a second.

        Yields:
            When it is shown, by its
            own clock.

        Raises:
            InputError: it is none.
        """

    text = list(generate.function_parts("clips", clips))
    assert text[:2] == ["## clips", "Read it."]
    assert "| `rate` | `25.0` | frames a second. |" in text[2]
    assert text[3:] == [
        "Yields `tuple[float, str]`. When it is shown, by its own clock.",
        "Raises `InputError`: it is none.",
    ]


def test_the_page_of_python_has_all_that_is_public_and_what_comes_back():
    page = generate.python_page()
    for name in mcdrl.__all__:
        assert f"mcdrl.{name}" in page
    for name in (one for one in vars(mcdrl.Model) if not one.startswith("_")):
        assert f"## mcdrl.Model.{name}\n" in page or f"| `{name}` |" in page, name
    assert "| `view` |" in page
    assert "Returns `Model`." in page
    assert "Returns `Prediction`. What the model says" in page
    assert re.search(r"Yields `tuple\[float, Prediction\]`. .*own clock.* 25 frames a second", page)


def test_a_stage_depends_on_the_keys_in_its_command_line(tmp_path, monkeypatch):
    (tmp_path / "dvc.yaml").write_text(
        "stages:\n  stress:\n    matrix: {seed: '${seeds}'}\n"
        "    cmd: python -m stages.stress ${item.seed} ${key} --a ${evaluate.threshold} --b ${stress.frames}\n"
        "    params: [stress, stress.frames]\n    outs: [here]\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    assert "| parameters | `stress`, `stress.frames`, `evaluate.threshold` |" in generate.pipeline_page()
