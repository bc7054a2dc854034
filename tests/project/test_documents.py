"""Every command that stands in a document is one that there is: its name, its options, its keys and its files."""

import importlib
import re
import shlex
import sys
import tomllib

import pytest
import typer
import yaml
from dvc.cli.parser import get_main_parser

from docs import generate
from mcdrl.cli import app
from mcdrl.commands.study.studies import presets
from mcdrl.methods import names, with_methods
from mcdrl.study.params import check, load_study, read_params
from tests.projects import ROOT, results

DOCUMENTS = sorted(path for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")))
PROGRAMS = ("mcdrl", "dvc", "python", "pip", "pytest", "ruff", "mypy")
_SHELLS = ("", "bash", "console", "sh", "shell")
_SETTING = re.compile(r"\w+=\S*")
_LEFT_OPEN = re.compile(r"\$|\.\.\.|^[A-Z@:]+$")  # of a value that the reader fills in


def commands(text):
    """The shell commands of a document: those of its blocks, and those in the line between backticks."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for language, block in blocks if language in _SHELLS for line in block.splitlines()]
    lines += [" ".join(code.split()) for code in re.findall(r"(?<!`)`([^`]+)`(?!`)", rest)]
    lines = [f"dvc exp run {line}" if line.startswith("-S ") else line for line in lines]  # as prose shortens it
    found = [part for line in lines for part in parts(line)]
    return list(dict.fromkeys(found))


def parts(line):
    """The commands of a line of a shell, each as its words, without loops, variables in front and comments."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split, words, found = True, [], []
    try:
        read = [*lexer, ";"]
    except ValueError:  # a quotation mark in prose
        return []
    for word in read:
        if set(word) <= set(";&|"):
            found.append(words)
            words = []
        elif word != "do":
            words.append(word)
    return [tuple(one) for one in map(_without_variables, found) if one and one[0] in PROGRAMS]


def _without_variables(words):
    while words and _SETTING.fullmatch(words[0]):
        words = words[1:]
    return words


CASES = [(path, command) for path in DOCUMENTS for command in commands(path.read_text(encoding="utf-8"))]


@pytest.fixture(autouse=True)
def _at_the_top(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", list(sys.path))


def of(program, *second):
    return [pytest.param(command[1:], id=f"{path.name}: {' '.join(command)}") for path, command in CASES
            if command[0] == program and command[1 : 1 + len(second)] == second]  # fmt: skip


def test_the_documents_hold_commands_of_each_kind():
    kinds = {(command[0], *command[1:3]) for _, command in CASES}
    wanted = {("mcdrl", "predict"), ("mcdrl", "sites"), ("mcdrl", "doctor"), ("dvc", "repro"), ("dvc", "exp")}
    assert wanted <= {kind[:2] for kind in kinds}
    assert len([1 for program, *_ in kinds if program == "python"]) > 5


def test_a_line_is_taken_apart_as_a_shell_does():
    assert parts("for a in 1 2; do dvc exp run -S a.b=$a; done") == [("dvc", "exp", "run", "-S", "a.b=$a")]
    assert parts("A=1 python x.py 'b c' && mcdrl doctor  # why") == [("python", "x.py", "b c"), ("mcdrl", "doctor")]
    assert parts("mcdrl_random") == parts("it's prose") == parts("train.mode") == []


def parsed(command, arguments):
    """Parse arguments as the command does; a bare mention of a command names no arguments."""
    while arguments and (below := getattr(command, "commands", None)):  # not isinstance: typer may bring its own click
        if arguments[0] in (option for one in command.params for option in one.opts):  # a flag, as --version
            arguments = arguments[1:]
            continue
        assert arguments[0] in below, f"no command {arguments[0]}"
        command, arguments = below[arguments[0]], arguments[1:]
    if arguments:
        return command.make_context("x", list(arguments)).params
    return {}


@pytest.mark.parametrize(
    "arguments",
    [("no_such_command",), ("sites", "no_such_command"), ("doctor", "--no-such-option"), ("--no-such-option",)],
)
def test_a_command_that_does_not_exist_is_noticed(arguments):
    with pytest.raises(Exception, match=r"no_such_command|no-such-option"):
        parsed(typer.main.get_command(app), arguments)


@pytest.mark.parametrize("arguments", of("mcdrl"))
def test_mcdrl(arguments):
    given = parsed(typer.main.get_command(app), arguments)
    if arguments[:2] == ("studies", "use") and given:
        assert given["name"] in presets()


@pytest.mark.parametrize("arguments", of("dvc"))
def test_dvc(arguments):
    parser = get_main_parser()
    if len(arguments) == 1:  # a mention
        assert arguments[0] in next(action.choices for action in parser._actions if action.choices)
        return
    given, rest = parser.parse_known_args(list(arguments))
    assert not rest
    for setting in getattr(given, "params", None) or []:
        check_setting(setting)
    for target in getattr(given, "targets", None) or []:
        stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
        assert target.partition("@")[0] in stages


def check_setting(setting):
    key, _, value = setting.partition("=")
    raw = whole = read_params()
    *above, last = key.split(".")
    for name in above:
        raw = raw[name]
    assert last in raw, f"params.yaml has no {key}"
    if not _LEFT_OPEN.search(value):
        raw[last] = yaml.safe_load(value)
        check(whole, further=with_methods)


@pytest.mark.parametrize("arguments", of("python"))
def test_python(arguments):
    if arguments[0] == "-m":
        name, rest = arguments[1], arguments[2:]
    else:
        assert (ROOT / arguments[0]).is_file(), f"no {arguments[0]}"
        name, rest = arguments[0].removesuffix(".py").replace("/", "."), arguments[1:]
    package = (ROOT / name.replace(".", "/") / "__main__.py").is_file()
    module = importlib.import_module(f"{name}.__main__" if package else name)
    documented = typer.Typer()
    documented.command()(module.main)
    typer.main.get_command(documented).make_context("x", list(rest))


@pytest.mark.parametrize("arguments", of("pip", "install"))
def test_pip(arguments):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = re.findall(r"\[(\w+)\]", " ".join(arguments))
    assert set(named) <= set(extras)


def rows_of(page, first):
    """The names between backticks in the first column of the table that begins with a heading."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    rows = re.search(rf"^\| {first} \|.*?\n\n", text, re.DOTALL | re.MULTILINE).group().strip().splitlines()
    return {name for line in rows[2:] for name in re.findall(r"`(\w+)`", line.split("|")[1])}


def test_methods_and_studies_that_pages_list_are_there():
    listed = rows_of("explanation/method.md", "method")
    assert listed == set(names())
    assert set(load_study().methods) <= listed
    assert rows_of("how-to/studies.md", "study") == set(presets())


def test_the_page_on_devices_speaks_of_every_method_of_their_study():
    page = (ROOT / "docs" / "explanation" / "devices.md").read_text(encoding="utf-8")
    devices = {variant.method for variant in presets()["devices"].variants.values()} - {"baseline"}
    assert len(devices) > 4
    assert devices == set(re.findall(r"^\*\*`(\w+)`\*\*", page, re.MULTILINE))


def test_variants_that_the_gaps_name_are_measured():
    text = (ROOT / "docs" / "explanation" / "method.md").read_text(encoding="utf-8")
    rows = re.search(r"^\| gap \|.*?\n\n", text, re.DOTALL | re.MULTILINE).group().strip().splitlines()
    named = {name for line in rows[2:] for name in re.findall(r"`([\w.]+)`", line.split("|")[4])}
    text = results()
    assert len(named) > 10
    assert {name for name in named if f"| `{name}` |" not in text} == set()


def test_names_in_the_tables_of_results_are_methods_variants_or_told_of():
    text = results()
    commands = re.findall(r"^python -m tests\.benchmarks\.table \S+ ((?:[a-z][\w.]* ?)+)", text, re.MULTILINE)
    shown = {name for command in commands for name in command.split()}
    studies = [name for preset in presets().values() for name in preset.variants]
    defined = {*names(), *load_study().variants, *studies}
    paragraph = re.search(r"^\*\*What the names stand for\.\*\*.*?\n\n(?!- )", text, re.DOTALL | re.MULTILINE).group()
    told = set(re.findall(r"`(.+?)`", " ".join(re.findall(r"^- (.*?):", paragraph, re.MULTILINE))))
    assert len(shown) > 40
    assert told == shown - defined


def test_pages_of_the_tutorials_study_tell_the_same_figures():
    tables, tutorial = ((ROOT / f"docs/{page}.md").read_text() for page in ("how-to/tables", "tutorial"))
    found = re.search(r"^mcdrl +(0\.\d+) +(0\.\d+) +(0\.\d+)$", tables, re.MULTILINE)
    told = [f"{float(dice):.3f}" for dice in found.groups()]
    assert "east {}, north {}, south {} (".format(*told) in tutorial


def test_links_between_documents_lead_somewhere():
    for path in DOCUMENTS:
        text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            place, _, anchor = target.partition("#")
            if "://" in target:
                continue
            page = path.parent / place if place else path
            assert page.exists(), f"{path.name}: {target}"
            assert not anchor or anchor in anchors(page), f"{path.name}: {target}"


def anchors(page):
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_the_reference_is_what_the_code_says():
    made = generate.pages()
    stored = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "reference").glob("*.md")}
    assert set(made) == set(stored)
    for name, page in made.items():
        assert page == stored[name], f"docs/reference/{name} fell behind; run `python -m docs.generate`"
