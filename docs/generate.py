"""The pages of docs/reference, made of what the code says of itself.

Types and docstrings of the sections of params.yaml, of cards and of model.json; schemas of the artifacts and the
comments beside their columns; docstrings of methods and of what Python imports; dvc.yaml; help of the commands. A test
makes the pages again and compares, so they can't fall behind. To write them: python -m docs.generate [--out FOLDER]
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import mcdrl.artifacts
import mcdrl.methods
from mcdrl.artifacts.scores import EVALUATED
from mcdrl.artifacts.store_contract import BYTES
from mcdrl.artifacts.stores import Store
from mcdrl.artifacts.tables import Table
from mcdrl.base.section import Section
from mcdrl.cli import app
from mcdrl.clip.card import BackboneCard
from mcdrl.commands.acceptance.rows import CaseRow
from mcdrl.commands.models.rows import PredictionRow, VideoRow
from mcdrl.commands.models.shipped import model_page
from mcdrl.commands.study.studies import Preset
from mcdrl.model import api
from mcdrl.model.adapted import Adapted, ScoreChange
from mcdrl.model.card import ModelCard
from mcdrl.model.shipped import DataSet, ShippedModel, model_names
from mcdrl.networks.interface import Method
from mcdrl.study.params import STAGES_WITH_SECTION, Site, Study, read_params, section_type
from mcdrl.study.paths import ARTIFACTS, MODELS, Cell, TextFiles, audit_files, site_files, table_path, texts_folder
from mcdrl.study.site_cards import SiteCard

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
_MADE = "<!-- Made by docs/generate.py from the code; edit the code and run it again. -->"
_LONG = 60  # letters of a value from which a table points to the file instead
_BOUNDS = {
    "ge": "{} and more", "gt": "above {}", "le": "up to {:,}", "lt": "below {}", "limit": "up to {:,}",
    "multiple_of": "a multiple of {}",
}  # fmt: skip
_IN_OUT = re.compile(r"(?<=\s)(In|Out):(?=\s)")
Row = Sequence[str]


def main(
    out: Annotated[Path, typer.Option(help="The folder of the pages.")] = REFERENCE,
) -> None:
    """Write the reference pages."""
    out.mkdir(parents=True, exist_ok=True)
    for name, page in pages().items():
        (out / name).write_text(page, encoding="utf-8")


def pages() -> dict[str, str]:
    """Return the text of every reference page by its file's name."""
    makers: dict[str, Callable[[], str]] = {
        "params.md": params_page, "methods.md": methods_page, "cards.md": cards_page, "pipeline.md": pipeline_page,
        "models.md": models_page, "artifacts.md": artifacts_page, "commands.md": commands_page,
        "python.md": python_page,
    }  # fmt: skip
    return {name: f"{_MADE}\n\n{make().strip()}\n" for name, make in makers.items()}


# --- words


def prose(text: str) -> str:
    """Return plain text as Markdown: formulas are escaped, what stands between backticks stays."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else _escaped(part) for part in parts)


def _escaped(text: str) -> str:
    return re.sub(r"([*\[\]])", r"\\\1", text).replace("<", "&lt;")


def table(head: Row, rows: Iterable[Row]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") or " " for cell in line) + " |" for line in lines)


def code(value: Any) -> str:
    """Return a value of params.yaml as it is written there, as code."""
    text = written(value)
    return f"`{text}`" if len(text) <= _LONG else "see the file"


def written(value: Any) -> str:
    """Return a value as YAML, on one line."""
    return yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False).removesuffix("...\n").strip()


def sentence(text: str) -> str:
    """Return a text that begins with a capital, unless it begins with a name, and ends with a full stop."""
    text = text.strip()
    first = text[:1] if "_" in text.partition(" ")[0] else text[:1].upper()
    return first + text[1:] + ("" if text.endswith((".", ":")) else ".") if text else ""


def documentation(thing: Any) -> str:
    """Return a docstring as Markdown, without its sections; what goes in and out of a stage gets lines of their own."""
    text = re.split(r"\n(?:Attributes|Args|Returns|Yields|Raises):\n", inspect.cleandoc(thing.__doc__ or ""))[0].strip()
    return re.sub(r"\s+\*\*(In|Out):\*\* ", r"\n\n**\1:** ", _IN_OUT.sub(r"**\1:**", prose(text)))


def attributes(thing: type) -> dict[str, str]:
    """Return name -> meaning from the section `Attributes` of a class's docstring and of those that it builds on."""
    found: dict[str, str] = {}
    for kind in reversed(thing.__mro__[:-1]):
        found |= meanings(kind.__dict__.get("__doc__"), "Attributes")
    return found


def meanings(docstring: str | None, section: str) -> dict[str, str]:
    """Return name -> meaning from a section of a docstring, such as `Args`; empty: it has none."""
    found: dict[str, str] = {}
    for names, meaning in re.findall(r"^    ([\w, ]+): (.*(?:\n {5,}.*)*)", block(docstring, section), re.MULTILINE):
        found |= dict.fromkeys(names.split(", "), " ".join(meaning.split()))
    return found


def block(docstring: str | None, section: str) -> str:
    """Return the lines of a section of a docstring as they stand there; empty: it has none."""
    return inspect.cleandoc(docstring or "").partition(f"{section}:\n")[2].partition("\n\n")[0]


# --- sections, cards and other models


def kind_of(annotation: Any) -> str:
    """Return a type in words: choices, bounds, what lists and mappings hold."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return ", ".join([kind_of(args[0]), *bounds(args[1:])])
    if origin in (Union, UnionType):
        return ", or ".join([*(kind_of(one) for one in args if one is not NoneType), *["null"] * (NoneType in args)])
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in args)
    if origin is list:
        return f"list of {kind_of(args[0])}"
    if origin in (dict, Mapping):
        inner = kind_of(args[1])
        return f"{kind_of(args[0])} → {f'({inner})' if ',' in inner else inner}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "keys"
    return {int: "whole number", float: "number", str: "text", bool: "`true`, `false`"}.get(annotation, "anything")


def bounds(metadata: Iterable[Any]) -> Iterator[str]:
    """Yield what the constraints of a number say, in words."""
    for one in metadata:
        if isinstance(one, FieldInfo):
            yield from bounds(one.metadata)
        for name, words in _BOUNDS.items():
            value = getattr(one, name, None)
            if value is not None:
                yield words.format(int(value) if value == int(value) else value)


def model_table(kind: type[BaseModel], given: Mapping[str, Any] | None = None, names: Iterable[str] = ()) -> str:
    """Return a table of a model's keys: what they may be, their value, what they mean.

    Args:
        kind: the model.
        given: values by key, as params.yaml has them; None: the defaults of the model.
        names: the keys that are wanted; none: all.
    """
    head = ["key", "may be", "default" if given is None else "in params.yaml", "meaning"]
    return table(head, model_rows(kind, given, list(names) or list(kind.model_fields)))


def model_rows(
    kind: type[BaseModel], given: Mapping[str, Any] | None, names: Iterable[str], above: str = ""
) -> Iterator[Row]:
    """Yield the rows of a model's keys, behind each key that holds keys the rows of these."""
    meanings = attributes(kind)
    for name in names:
        info = kind.model_fields[name]
        legal = ", ".join([kind_of(info.annotation), *bounds(info.metadata)])
        meaning = re.sub(r"\bNone\b", "null", meanings.get(name, ""))
        inner = nested(info.annotation)
        value = "" if inner else value_of(name, info, given)
        yield [f"`{above}{name}`", legal, value, prose(sentence(meaning))]
        if inner:
            values = None if given is None else given.get(name) or {}
            yield from model_rows(inner, values, inner.model_fields, f"{above}{name}.")


def nested(annotation: Any) -> type[BaseModel] | None:
    """Return the model whose keys a key holds, which may be left out; None: it holds something else."""
    kinds = [one for one in (annotation, *get_args(annotation)) if one is not NoneType]
    direct = get_origin(annotation) in (None, Union, UnionType)
    models = [one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel)]
    return models[0] if direct and models else None


def value_of(name: str, info: FieldInfo, given: Mapping[str, Any] | None) -> str:
    """Return a key's value as code: what is given, else the default."""
    if given is not None and name in given:
        return code(given[name])
    if info.is_required():
        return "" if given is not None else "needed"
    return code(info.get_default(call_default_factory=True))


# --- params.yaml


def params_page() -> str:
    """Return the page of params.yaml."""
    raw = read_params(ROOT / "params.yaml")
    parts = [
        "# params.yaml",
        "Every key is checked before a stage starts, all errors are shown at once, and an unknown key is an error. "
        "The values are those that the project ships. A method's own parameters are on the page of the "
        "[methods](methods.md), the keys of a site on that of the [cards](cards.md).",
        "## Keys of the study",
        model_table(Study, raw),
    ]
    for name in STAGES_WITH_SECTION:
        kind = section_type(name)
        parts += [f"## {name}", documentation(kind), model_table(kind, raw.get(name) or {})]
    return "\n\n".join(parts)


# --- methods


def methods_page() -> str:
    """Return the page of the methods."""
    raw = read_params(ROOT / "params.yaml")
    names = sorted(one.name for one in pkgutil.iter_modules(mcdrl.methods.__path__) if not one.name.startswith("_"))
    modules = {name: importlib.import_module(f"mcdrl.methods.{name}") for name in names}
    rows = [[f"[`{name}`](#{name})", *facts(module)] for name, module in modules.items()]
    return "\n\n".join(
        [
            "# Methods",
            "A name in `methods` of params.yaml is one of these, or a variant: one of these with numbers of its own. "
            "Where a variant is called like its method, the name stands for the variant.",
            table(["method", "mined regions", "intervention", "sum over views", "training modes"], rows),
            *(part for name, module in modules.items() for part in method_parts(name, module, raw)),
        ]
    )


def facts(module: ModuleType) -> Row:
    """Return what a method's class says of itself, as cells."""
    kind = method_class(module)
    flags = ["yes" if getattr(kind, name) else "–" for name in ("uses_regions", "intervenes", "sums_views")]
    return [*flags, ", ".join(f"`{mode}`" for mode in getattr(module, "MODES", ())) or "all"]


def method_class(module: ModuleType) -> type:
    """Return the class that a method's module makes: its own, else one that it imports, by itself or in a module."""
    found = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Method)]
    own = [one for one in found if one.__module__.startswith(module.__name__)]
    taken = [one for one in found if one is not Method]
    modules = [one for one in vars(module).values() if isinstance(one, ModuleType) and "mcdrl.methods" in one.__name__]
    kinds: list[type] = [Method, *map(method_class, modules), *taken, *own]
    return kinds[-1]


def method_parts(name: str, module: ModuleType, raw: Mapping[str, Any]) -> Iterator[str]:
    """Yield the parts of a method's section: what it is, its parameters, its variants."""
    yield f"## {name}"
    yield documentation(module)
    own = getattr(module, "Params", None)
    if own is not None and own.model_fields:
        yield model_table(own, shipped(name, module, raw))
    variants = [(key, one) for key, one in raw.get("variants", {}).items() if one["method"] == name]
    if variants:
        rows = [[f"`{key}`", f"`{written({k: v for k, v in one.items() if k != 'method'})}`"] for key, one in variants]
        yield table(["variant in params.yaml", "what it has otherwise"], rows)


def shipped(name: str, module: ModuleType, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a method's parameters as params.yaml has them: from the methods that it builds on, then its own."""
    given = raw.get("method_params", {})
    values = {key: value for one in (*getattr(module, "BASES", ()), name) for key, value in given.get(one, {}).items()}
    return {key: value for key, value in values.items() if key in module.Params.model_fields}


# --- cards


def cards_page() -> str:
    """Return the page of the cards: what people write into data/ and under `sites`."""
    reading = [name for name in Site.model_fields if name not in ("root", "card")]
    parts = [
        "# Cards and sites",
        "## A site in params.yaml",
        documentation(Site),
        model_table(Site, names=["root", "card", *reading]),
        "## A site card, data/sites/NAME.yaml",
        "Its `read` holds the keys above, but for `root` and `card`; a site's entry in params.yaml overrides them.",
        model_table(SiteCard, names=[name for name in SiteCard.model_fields if name != "read"]),
        "## A backbone card, data/backbones/NAME.yaml",
        documentation(BackboneCard),
        model_table(BackboneCard),
        "## A study, data/studies/NAME.yaml",
        documentation(Preset),
        model_table(Preset),
        "## A model that comes along, data/models/NAME.yaml",
        documentation(ShippedModel),
        model_table(ShippedModel),
        "Of each data set in `data`:",
        model_table(DataSet),
    ]
    return "\n\n".join(parts)


# --- models that come along


def models_page() -> str:
    """Return the page of the models that come along: the card of each."""
    parts = [
        "# Models that come along",
        "`mcdrl models list` shows them, `mcdrl models show NAME` what stands here. Where a model's folder is asked "
        "for, the name will do.",
        *(re.sub("^#", "##", model_page(name), flags=re.MULTILINE).strip() for name in model_names(ROOT / MODELS)),
    ]
    return "\n\n".join(parts)


# --- dvc.yaml


def pipeline_page() -> str:
    """Return the page of the stages."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    parts = [
        "# Stages",
        "A stage runs when a file, a parameter or the meaning of the code that it depends on has changed "
        "([why did this run again?](../how-to/reruns.md)).",
    ]
    for name, entry in stages.items():
        one = entry.get("do", entry)
        module = importlib.import_module("stages." + re.findall(r"stages\.(\w+)", one["cmd"])[0])
        given = [entry["foreach"]] if "foreach" in entry else entry.get("matrix", {}).values()
        each = [name for some in given for name in ([some] if isinstance(some, str) else some)]
        parts += [f"## {name}", documentation(module)]
        rows = [
            ["runs for each of", _listed(name.strip("${}") for name in each)],
            ["parameters", _listed(dict.fromkeys([*one.get("params", []), *_KEY.findall(one["cmd"])]))],
            ["reads", _listed(dep for dep in one.get("deps", []) if not dep.startswith("artifacts/plan/code"))],
            ["writes", _listed(next(iter(out)) if isinstance(out, dict) else out for out in one["outs"])],
        ]
        parts.append(table(["", ""], [row for row in rows if row[1]]))
    return "\n\n".join(parts)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{_HOLE.sub(_NAMED, name)}`" for name in names)


_HOLE = re.compile(r"[$]{(?:item[.])?(\w+)}")  # that DVC fills in
_NAMED = r"<\1>"
_KEY = re.compile(r"[$]{(?!item[.])(\w+[.][\w.]+)}")  # of params.yaml, in a command line: the stage depends on it, too


# --- artifacts

_SITE, _CELL = site_files(ARTIFACTS, "<site>"), Cell._make(("<method>", "<site>", "<seed>"))
_AUDIT, _TEXTS = audit_files(ARTIFACTS), TextFiles(texts_folder(ARTIFACTS))
_FILES = {
    "cases": _SITE.cases, "quarantine": _SITE.quarantine, "geometry": _SITE.geometry, "strengths": _SITE.strengths,
    "frames": _SITE.frames, "pairs": _AUDIT.pairs, "splits": _AUDIT.splits, "profile": _AUDIT.profile,
    "features": _SITE.features, "dictionary": _TEXTS.dictionary, "classes": _TEXTS.classes,
    "class_confounders": _TEXTS.class_confounders, "regions": _SITE.regions,
    "quality": table_path(ARTIFACTS, "mine_regions", "quality"), "scores": table_path(ARTIFACTS, "evaluate", "cases"),
    **{name: table_path(ARTIFACTS, "evaluate", name) for name in EVALUATED if name != "cases"},
    "predictions": _CELL.predictions(ARTIFACTS), "stress": table_path(ARTIFACTS, "stress", "cases"),
}  # fmt: skip
_COMMON = {  # columns that stand in many tables
    "case_id": "the frame, `<site>/<file stem>`", "site": "the frame's site", "group_id": "patient or sequence",
    "split": "`train` or `val`, inside a source site", "method": "name of a method or variant",
    "held_out": "the site that was left out", "seed": "of the training", "confounder": "as the dictionary calls it",
    "category": "of the confounder", "lesion_class": "one of lesion_classes", "prompt": "the sentence",
    "embedding": "its vector in joint space, unit norm", "tp": "lesion pixels called lesion",
    "fp": "background pixels called lesion", "fn": "lesion pixels called background",
    "tn": "background pixels called background", "dice": "null: no lesion in the frame", "iou": "null: as for Dice",
    "nsd": "normalised surface distance", "hd95_px": "95th percentile of the Hausdorff distance",
    "accuracy": "share of right pixels",
    "height_px": "likewise", "file": "below the site's folder", "reason": "why it was refused", "n_px": "pixels",
    "calibrated": "whether the probabilities are calibrated", "lesion_share": "share of these pixels that are lesion",
    "alpha": "share of the grid that was mined", "panel_share": "strips left and right of the view",
}  # fmt: skip
_LETTERS = "Letters of shapes: H W grid, Y X pixels at working size, C channels, D joint width."


class Comments:
    """The comments that stand beside the declarations of a module, by what they belong to.

    Attributes:
        trailing: (declaration, column or field) -> the comment beside it.
        above: likewise -> the comment on the lines above it, which speaks of those that follow, too.
        rest: declaration -> its other comments.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self.trailing: dict[tuple[str, str], str] = {}
        self.above: dict[tuple[str, str], str] = {}
        self.rest: dict[str, list[str]] = {}

    def of(self, declaration: str, name: str) -> str:
        """Return the comment beside a column, which other declarations of the module may share."""
        shared = [text for (_, other), text in self.trailing.items() if other == name]
        return self.trailing.get((declaration, name)) or (shared[0] if len(shared) == 1 else "")


def comments_of(module: ModuleType) -> Comments:
    """Read a module's comments."""
    path = Path(str(module.__file__))
    with path.open("rb") as stream:
        tokens = [token for token in tokenize.tokenize(stream.readline) if token.type == tokenize.COMMENT]
    comments = {token.start[0]: token.string.lstrip("# ") for token in tokens}
    own_line = {token.start[0] for token in tokens if not token.line[: token.start[1]].strip()}
    found = Comments()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            _take(found, node.targets[0].id, node, comments, own_line)
    return found


def _take(found: Comments, declaration: str, node: ast.Assign, comments: dict[int, str], own: set[int]) -> None:
    lines = {line: text for line, text in comments.items() if node.lineno <= line <= (node.end_lineno or 0)}
    for name, first, last in _declared(node):
        beside = [lines.pop(line) for line in range(first, last + 1) if line in lines and line not in own]
        before: list[str] = []
        while first - 1 in lines and first - 1 in own:
            first -= 1
            before.insert(0, lines.pop(first))
        if beside:
            found.trailing[declaration, name] = " ".join(beside)
        if before:
            found.above[declaration, name] = " ".join(before)
    found.rest[declaration] = [" ".join(block) for block in _blocks(lines, own)]


def _declared(node: ast.Assign) -> Iterator[tuple[str, int, int]]:
    """Yield name, first and last line of the columns and fields that an assignment declares."""
    for one in ast.walk(node):
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id == "column":
            if isinstance(one.args[0], ast.Constant):
                yield str(one.args[0].value), one.lineno, one.end_lineno or one.lineno
        elif isinstance(one, ast.Dict):
            for key, value in zip(one.keys, one.values, strict=True):
                if isinstance(key, ast.Constant):
                    yield str(key.value), key.lineno, value.end_lineno or value.lineno


def _blocks(lines: Mapping[int, str], own: set[int]) -> list[list[str]]:
    """Return comments as blocks: lines that follow one another and stand alone belong together."""
    blocks: list[list[str]] = []
    for line in sorted(lines):
        if line in own and line - 1 in lines and line - 1 in own:
            blocks[-1].append(lines[line])
        else:
            blocks.append([lines[line]])
    return blocks


def artifacts_page() -> str:
    """Return the page of the artifacts."""
    parts = [
        "# Artifacts",
        "Each file has one declared schema, whose id it carries; it is checked when it is written and when it is read. "
        "Parquet tables open with pandas, HDF5 stores with h5py; [how to read them](../how-to/tables.md). "
        "Sizes ending in `_px` are pixels, shares are 0..1. " + _LETTERS,
    ]
    for info in sorted(pkgutil.iter_modules(mcdrl.artifacts.__path__), key=lambda one: one.name):
        parts += list(artifact_parts(importlib.import_module(f"mcdrl.artifacts.{info.name}")))
    parts += ["## model.json", documentation(ModelCard), plain_table(ModelCard)]
    parts += ["### adapted", documentation(Adapted), plain_table(Adapted)]
    parts += ["Each of its `scores`:", plain_table(ScoreChange)]
    parts += ["## predictions.csv", "What `mcdrl predict` writes beside the masks.", plain_table(PredictionRow)]
    parts += ["## VIDEO.csv", "What it writes beside the masks of a video.", plain_table(VideoRow)]
    parts += ["## cases.csv", "What `mcdrl accept` writes of each frame.", plain_table(CaseRow)]
    return "\n\n".join(parts)


def artifact_parts(module: ModuleType) -> Iterator[str]:
    """Yield the parts of a module: its words, and a table for every schema or model that it declares."""
    own = [(name, one) for name, one in vars(module).items() if isinstance(one, Table | Store)]
    own += [(name, one) for name, one in vars(module).items() if _is_model(one, module)]
    if not own:
        return
    yield f"## {module.__name__.rpartition('.')[2]}"
    yield documentation(module)
    comments = comments_of(module)
    for name, one in own:
        yield from schema_parts(name, one, comments) if isinstance(one, Table | Store) else model_parts(one)


def _is_model(thing: Any, module: ModuleType) -> bool:
    return isinstance(thing, type) and issubclass(thing, Section) and thing.__module__ == module.__name__


def model_parts(kind: type[BaseModel]) -> Iterator[str]:
    """Yield heading, words and keys of a model that is stored as JSON."""
    yield f"### {kind.__name__}"
    yield documentation(kind)
    yield plain_table(kind)


def plain_table(kind: type) -> str:
    """Return a table of the attributes of a model or data class."""
    names = [one.name for one in fields(kind)] if is_dataclass(kind) else list(getattr(kind, "model_fields", {}))
    meanings = attributes(kind)
    return table(["key", "meaning"], [[f"`{name}`", prose(sentence(meanings.get(name, "")))] for name in names])


def schema_parts(name: str, one: Table | Store, comments: Comments) -> Iterator[str]:
    """Yield heading, keys and columns of a schema."""
    place = _FILES.get(one.name.partition("/")[0])
    yield f"### {name.lower()}"
    yield f"`{place.as_posix()}`, schema `{one.name}`." if place else f"Schema `{one.name}`."
    rows = list(_columns(one) if isinstance(one, Table) else _fields(one))
    yield table(
        ["column" if isinstance(one, Table) else "dataset", "type", "meaning"], _explained(name, rows, comments)
    )
    carried = one.metadata if isinstance(one, Table) else one.attributes
    key = [f"Key: {_listed(one.key)}."] if isinstance(one, Table) else []
    yield " ".join([*key, *([f"The file carries {_listed(carried)}."] if carried else [])])
    yield from (prose(sentence(text)) for text in comments.rest.get(name, []))


def _columns(one: Table) -> Iterator[tuple[str, str]]:
    for column in one.schema:
        kind = re.sub(r"list<\w+: (\w+)>", r"list of \1", str(column.type)).replace("double", "float64")
        kind = re.sub(r"\bfloat$", "float32", kind).replace("string", "text")
        yield column.name, f"{kind}, or null" if column.nullable else kind


def _fields(one: Store) -> Iterator[tuple[str, str]]:
    yield "case_id", "text"
    for name, entry in one.fields.items():
        kind = "byte string" if entry.dtype == BYTES else entry.dtype
        shape = "" if entry.dims is None else f" \\[{' '.join(entry.dims)}\\]" if entry.dims else ""
        yield name, f"{kind}{shape}" + (", may be absent" if entry.optional else "")


def _explained(name: str, rows: Iterable[tuple[str, str]], comments: Comments) -> Iterator[Row]:
    for column, kind in rows:
        above, own = comments.above.get((name, column), ""), comments.of(name, column) or _COMMON.get(column, "")
        if above and own:  # it speaks of those that follow, too
            yield ["", "", f"*{prose(sentence(above))}*"]
        yield [f"`{column}`", kind, prose(sentence(own or above))]


# --- commands


def commands_page() -> str:
    """Return the page of the commands."""
    parts = [
        "# Commands",
        "Exit codes: 0 done; 1 a bug, or what was made failed its check (a copy that answers otherwise, a stage of "
        "`mcdrl run`); 2 the input is wrong, with a sentence that names file or key, value and fix; 3 a model does "
        "worse than promised (`mcdrl accept`).",
    ]
    return "\n\n".join([*parts, *command_parts(typer.main.get_command(app), "mcdrl")])


def command_parts(command: Any, name: str) -> Iterator[str]:
    """Yield heading, words, usage and options of a click command and of those below it."""
    below = getattr(command, "commands", None)  # not isinstance: typer may bring a click of its own
    if below is not None:
        if " " in name:
            yield f"## {name}"
            yield prose(command.help or "")
        yield from (f"`{name} {text}`: {explained(one)}" for one, text in taken(command).items())
        for key, one in below.items():
            yield from command_parts(one, f"{name} {key}")
        return
    yield f"{'###' if name.count(' ') > 1 else '##'} {name}"
    yield prose(inspect.cleandoc(command.help or ""))
    shown = taken(command)
    usage = [text for one, text in shown.items() if one.required or is_argument(one)]
    options = ["[OPTIONS]"] * any(not is_argument(one) for one in shown)
    yield f"```text\n{' '.join([name, *usage, *options])}\n```"
    if shown:
        yield table(["", ""], [[f"`{text}`", explained(one)] for one, text in shown.items()])


def taken(command: Any) -> dict[Any, str]:
    """Return the arguments and options of a click command, each with how it is typed."""
    types = get_type_hints(inspect.unwrap(command.callback)) if command.callback else {}  # some groups take none
    return {one: spelled(one, types[one.name]) for one in command.params if "--help" not in one.opts}


def is_argument(one: Any) -> bool:
    """Return whether a parameter of a command is an argument, not an option."""
    return bool(one.param_type_name == "argument")


def spelled(one: Any, kind: Any) -> str:
    """Return an argument or option as it is typed, with what it takes.

    Args:
        one: a parameter of a click command.
        kind: its type in the function behind the command.
    """
    if is_argument(one):
        name = one.metavar or one.name.upper() + "..." * (one.nargs == -1)
        return str(name) if one.required else f"[{name}]"
    names = ", ".join([*one.opts, *one.secondary_opts])
    return f"{names} {word(kind)}".strip()


def word(kind: Any) -> str:
    """Return what stands for an option's value, nothing for a flag."""
    while get_args(kind):  # of a list, or of something that may be None
        kind = get_args(kind)[0]
    if issubclass(kind, Enum):
        return "{" + ",".join(one.value for one in kind) + "}"
    return {bool: "", int: "N", float: "NUMBER", Path: "PATH"}.get(kind, "TEXT")


def explained(one: Any) -> str:
    """Return the help of an argument or option, with its default if there is one to tell."""
    text = prose(str(getattr(one, "help", "") or "")) + " As often as needed." * bool(getattr(one, "multiple", False))
    if isinstance(one.default, bool) and one.secondary_opts:
        return f"{text} Default: `{(one.opts if one.default else one.secondary_opts)[0]}`."
    if one.default is None or isinstance(one.default, bool) or one.default in ("", []):  # 0 is told
        return text
    return f"{text} Default: `{getattr(one.default, 'value', one.default)}`."


# --- Python


def python_page() -> str:
    """Return the page of what `import mcdrl` offers."""
    parts = [
        "# Python",
        "What `import mcdrl` offers ([how to use it](../how-to/python.md)). It is typed; torch is imported when it is "
        "first used. What is wrong with the input is told by an `mcdrl.InputError`, in a sentence.",
        *function_parts("mcdrl.load", api.load),
        "## mcdrl.Model",
        documentation(api.Model),
        table(["attribute", "meaning"], attribute_rows(api.Model)),
        *function_parts("mcdrl.Model.predict", api.Model.predict),
        *function_parts("mcdrl.Model.predict_video", api.Model.predict_video),
        "## mcdrl.Prediction",
        documentation(api.Prediction),
        plain_table(api.Prediction),
    ]
    return "\n\n".join(parts)


def attribute_rows(kind: type) -> Iterator[Row]:
    """Yield name and meaning of a class's public attributes, those that its docstring tells and its properties."""
    for name, meaning in attributes(kind).items():
        yield [f"`{name}`", prose(sentence(meaning))]
    for name, one in vars(kind).items():
        if isinstance(one, property | cached_property) and not name.startswith("_"):
            yield [f"`{name}`", " ".join([*documentation(one).split(), *raised(one)])]


def function_parts(name: str, function: Callable[..., Any]) -> Iterator[str]:
    """Yield heading, words, arguments with their defaults, what a function returns or yields, and what it raises."""
    yield f"## {name}"
    yield documentation(function)
    given, said = inspect.signature(function).parameters, meanings(function.__doc__, "Args")
    defaults = {key: "" if one.default is one.empty else f"`{one.default!r}`" for key, one in given.items()}
    rows = [[f"`{key}`", defaults[key], prose(meaning)] for key, meaning in said.items()]
    yield table(["argument", "default", "meaning"], rows)
    yield given_back(function)
    yield from raised(function)


def given_back(function: Callable[..., Any]) -> str:
    """Return what a function returns, or yields one by one: its type, and what its docstring says of it."""
    kind = str(inspect.signature(function).return_annotation)  # as it stands there: annotations aren't evaluated
    each = re.fullmatch(r"Iterator\[(.*)\]", kind)
    said = " ".join(block(function.__doc__, "Yields" if each else "Returns").split())
    return f"{f'Yields `{each[1]}`' if each else f'Returns `{kind}`'}. {prose(said)}".strip()


def raised(thing: Any) -> Iterator[str]:
    """Yield what a function or property raises, and when."""
    yield from (f"Raises `{kind}`: {prose(why)}" for kind, why in meanings(thing.__doc__, "Raises").items())


if __name__ == "__main__":
    typer.run(main)
