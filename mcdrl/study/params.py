"""params.yaml: typed, strict, all of its errors at once.

Each stage has its own section in `mcdrl.study.sections`; the keys that several stages share are the `Study`. Whichever
stage runs first checks the whole file, so a typo in the last section stops the first stage. No section has a default:
params.yaml is the only place of one. What the methods' own numbers must be the methods say: see `mcdrl.methods`.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, Field, ValidationError

from mcdrl.base.choices import nearest, unknown
from mcdrl.base.errors import InputError, brief, shown
from mcdrl.base.section import Section, Seed, sentences
from mcdrl.base.strict_yaml import load_yaml, read_yaml
from mcdrl.study.agreement import disagreements
from mcdrl.study.meanings import unfit_class
from mcdrl.study.missing import told
from mcdrl.study.outside import holds_project, outside
from mcdrl.study.paths import BACKBONE_CARDS, LONGEST_NAME, NONE, PARAMS, Cell, own_or_shipped
from mcdrl.study.reading import Reading, merge
from mcdrl.study.site_cards import card_names, read_card
from mcdrl.study.variants import Variant, resolved

STAGES_WITH_SECTION = (
    "phantom", "pretrain", "ingest", "audit", "encode", "build_confounders", "mine_regions", "train", "evaluate",
    "stress", "report", "deploy",
)  # fmt: skip
RESERVED_SITE_NAMES = ("mean", "worst", "all", NONE)  # what stands for several sites in tables, and for none

S = TypeVar("S", bound=Section)


def _no_blank(place: str) -> str:
    if not place.strip():
        raise ValueError("a blank is no path; name a folder or a file")
    return place


Place = Annotated[str, AfterValidator(_no_blank)]
Further = Callable[["Study", Mapping[str, Any]], list[str]]


class Site(Reading):
    """Where a site's frames are and how to read them: a card, and whatever this site does otherwise.

    Attributes:
        root: folder, relative to the repository or absolute.
        card: name of a card in data/sites; `folder` for a folder of one's own with images/ and masks/.
    """

    root: Place
    card: str = Field(min_length=1)


def resolve(site: Site) -> Reading:
    """Return how a site is read: its card's keys, overridden by its own.

    Raises:
        InputError: there is no such card, the root holds the project, or card and keys together leave something open,
            say it twice or read what lies outside the root.
    """
    if holds_project(site.root):
        raise InputError(f"root: {site.root} holds the project and what it writes; give the folder of the site's files")
    own = site.model_dump(exclude_unset=True, exclude={"root", "card"})
    card = read_card(site.card)
    try:
        reading = Reading.model_validate(merge(card.read.model_dump(exclude_unset=True), own))
    except ValidationError as error:
        raise InputError(f"card '{site.card}': " + "; ".join(sentences(error, "", Reading))) from None
    if reading.gaps():
        raise InputError(f"card '{site.card}': " + "; ".join(reading.gaps()))
    problem = outside(site.root, reading)
    if problem is not None:
        raise InputError(problem)
    return reading


def _by_name(sites: dict[str, Site]) -> dict[str, Site]:
    return dict(sorted(sites.items()))


class Study(Section):
    """The keys of params.yaml that are no stage's own.

    Attributes:
        backbone: a card's name in data/backbones.
        weights: backbone -> where its weights come from instead of the card's source: a file, `local-dir:FOLDER`
            or `none` (random, for dry runs). A file that is not the one that the card knows, or a folder, has its hash
            behind it, `@sha256:HEX`, or lies in data/backbones, where DVC notices that it changes.
        sites: name -> site, by name in whichever order they were given, as to DVC a mapping has none; names are of
            ASCII letters, digits, _ and -.
        held_out: the sites that are left out in turn.
        lesion_classes: the classes, in the order of every class axis.
        methods: names of variants, or of methods.
        method_params: method -> its own numbers, as the `Params` in its file says.
        variants: name -> the method and the numbers that it stands for.
        seeds: one training a seed; 0 and more.
    """

    backbone: str
    weights: dict[str, Place | None]
    sites: Annotated[dict[str, Site], AfterValidator(_by_name)]
    held_out: list[str] = Field(min_length=1)
    lesion_classes: list[str] = Field(min_length=1, max_length=254)  # values of a mask below the one for ignored pixels
    methods: list[str] = Field(min_length=1)
    method_params: dict[str, dict[str, Any]] = Field(default_factory=dict)
    variants: dict[str, Variant] = Field(default_factory=dict)
    seeds: list[Seed] = Field(min_length=1, max_length=1000)

    def check_site(self, name: str) -> None:
        """Check that the study has a site.

        Raises:
            InputError: it hasn't.
        """
        if name not in self.sites:
            raise InputError(f"params.yaml has no site '{name}'; {nearest(name, self.sites)}")


def unfit_name(name: str, whose: str) -> str | None:
    """Return why a name can't become part of file and stage names; None: it can.

    Args:
        name: to be judged.
        whose: what it is the name of, such as "a site's".
    """
    if len(name) > LONGEST_NAME:
        return (
            f"{shown(name)} can't be {whose} name; {len(name)} letters, {LONGEST_NAME} at most, as files are called so"
        )
    if re.fullmatch(r"\w[\w-]*", name, re.ASCII):
        return None
    return f"{name!r} can't be {whose} name; use ASCII letters, digits, '_' and '-'"


def unfit_site_name(name: str) -> str | None:
    """Return why a name can't be a site's; None: it can."""
    problem = unfit_name(name, "a site's")
    if problem is not None:
        return problem
    if name in RESERVED_SITE_NAMES:
        return f"{name!r} can't be a site's name; it stands for several sites, or for none"
    if not _is_text(name):
        return f"{name!r} can't be a site's name, as YAML takes it for something else; call it 'site_{name}', say"
    return None


def _is_text(word: str) -> bool:
    """Return whether a word is a text to all readers of YAML, those of version 1.1 included, to which `no` is false."""
    try:
        return all(isinstance(read(word), str) for read in (load_yaml, yaml.safe_load))
    except (yaml.YAMLError, ValueError):
        return False


def load(section: str, kind: type[S], path: Path = PARAMS, further: Further | None = None) -> tuple[Study, S]:
    """Check all of params.yaml and return the shared keys and one stage's section.

    Args:
        section: the stage's.
        kind: of that section.
        path: params.yaml.
        further: as that of `check`.

    Raises:
        InputError: lists every unknown key, wrong type and value out of range in the file.
    """
    raw = read_params(path)
    study = check(raw, path, further)
    return study, kind.model_validate(_given(raw, section))


def load_study(path: Path = PARAMS) -> Study:
    """Check all of params.yaml and return the shared keys, for a stage without a section of its own.

    Raises:
        InputError: as `load`.
    """
    return check(read_params(path), path)


def check(raw: dict[str, Any], path: Path = PARAMS, further: Further | None = None) -> Study:
    """Check the whole of params.yaml.

    Args:
        raw: its keys and values.
        path: where they are from.
        further: says what is wrong with it that this floor doesn't know of, where the shared keys are right;
            `mcdrl.methods.with_methods` for the methods' own numbers.

    Raises:
        InputError: as `load`.
    """
    shared = set(Study.model_fields)
    legal = shared | set(STAGES_WITH_SECTION)
    problems = [f"{key}: unknown key; {nearest(str(key), legal)}" for key in raw if key not in legal]
    study = None
    try:
        study = Study.model_validate({key: raw[key] for key in raw if key in shared})
    except ValidationError as error:
        problems += told(error, "", Study)
    sections = {}
    for name in STAGES_WITH_SECTION:
        kind = section_type(name)
        try:
            sections[name] = kind.model_validate(_given(raw, name))
        except ValidationError as error:
            problems += told(error, f"{name}.", kind)
    if study is not None:
        readings, misread = _readings(study)
        problems += _disagreements(study, misread) + _misfits(study, raw)
        problems += disagreements(
            sections, sites=study.sites, lesion_classes=study.lesion_classes, variants=study.variants,
            strengths={name: list((one.table_strengths or {}).values()) for name, one in readings.items()},
        )  # fmt: skip
        problems += further(study, raw) if further else []
    if problems or study is None:
        raise InputError(f"{path} has {len(problems)} error(s):\n  " + "\n  ".join(map(brief, problems)))
    return study


def read_params(path: Path = PARAMS) -> dict[str, Any]:
    """Return the keys and values of params.yaml, unchecked.

    Raises:
        InputError: the file is missing or isn't a YAML mapping.
    """
    try:
        raw = read_yaml(path)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist here; run from the repository's top folder") from None
    if not isinstance(raw, dict):
        raise InputError(f"{path} holds a {type(raw).__name__}, expected keys and values")
    return raw


def _given(raw: Mapping[str, Any], section: str) -> Any:
    return {} if raw.get(section) is None else raw[section]


def section_type(name: str) -> type[Section]:
    """Return the type of a stage's section of params.yaml."""
    module = importlib.import_module(f"mcdrl.study.sections.{name}")
    kind: type[Section] = module.Params
    return kind


def _misfits(study: Study, raw: Mapping[str, Any]) -> list[str]:
    """Return what variants make of the section `train` that is wrong, whatever is wrong with itself."""
    train = raw.get("train")
    if not isinstance(train, dict):
        return []
    kind = section_type("train")
    return [line for name in study.variants for line in _misfit(name, study, train, kind)]


def _misfit(name: str, study: Study, train: dict[str, Any], kind: type[Section]) -> list[str]:
    own = study.variants[name].train
    try:
        kind.model_validate(resolved(name, study.variants, train)[1])
    except ValidationError as error:
        return told(error, f"variants.{name}.train.", kind, own=set(own)) if own else []
    return []


def _readings(study: Study) -> tuple[dict[str, Reading], list[str]]:
    """Return how the sites are read, without those that can't be, and what is wrong with them."""
    readings: dict[str, Reading] = {}
    problems: list[str] = []
    cards = card_names()
    for name, site in study.sites.items():
        if no_card := unknown(f"sites.{name}.card", [site.card], cards):
            problems += no_card
            continue
        try:
            reading = readings[name] = resolve(site)
        except InputError as error:
            problems.append(f"sites.{name}: {error}")
            continue
        problems += unknown(f"sites.{name}: lesion class", reading.classes(), study.lesion_classes)
    return readings, problems


def _disagreements(study: Study, misread: list[str]) -> list[str]:
    backbones = [path.stem for path in own_or_shipped(BACKBONE_CARDS).glob("*.yaml")]
    return [
        *unknown("backbone", [study.backbone], backbones),
        *unknown("weights", study.weights, backbones),
        *unknown("held_out", study.held_out, study.sites),
        *_unfit_variant_names(study),
        *_unfit_site_names(study),
        *_called_alike(study),
        *_unfit_classes(study),
        *misread,
        *_repeated(study),
        *_too_few(study),
    ]


def _unfit_site_names(study: Study) -> list[str]:
    return [f"sites: {problem}" for problem in map(unfit_site_name, study.sites) if problem is not None]


def _unfit_classes(study: Study) -> list[str]:
    problems = [unfit_class(name) for name in study.lesion_classes]
    return [f"lesion_classes: {problem}; rename it, or take it out" for problem in problems if problem is not None]


def _unfit_variant_names(study: Study) -> list[str]:
    found = [unfit_name(name, "a variant's") for name in study.variants]
    return [f"variants: {problem}" for problem in found if problem is not None]


def _called_alike(study: Study) -> list[str]:
    """Return which cells have one name; that of a model of all sites is its method and seed, which can't collide."""
    first: dict[str, Cell] = {}
    cells = [Cell(method, site, study.seeds[0]) for method in study.methods for site in study.held_out]
    pairs = [(first.setdefault(cell.label, cell), cell) for cell in cells]
    return [
        f"methods and held_out: {one.variant} at {one.held_out} and {other.variant} at {other.held_out} would both be "
        f"the training {one.label}; rename a variant or a site, with '_' in place of '-', say"
        for one, other in pairs
        if one != other
    ]


def _repeated(study: Study) -> list[str]:
    lists: dict[str, list[Any]] = {
        "held_out": study.held_out, "lesion_classes": study.lesion_classes, "methods": study.methods,
        "seeds": study.seeds,
    }  # fmt: skip
    return [
        f"{key}: a value stands twice in {values}" for key, values in lists.items() if len(set(values)) < len(values)
    ]


def _too_few(study: Study) -> list[str]:
    if len(study.sites) >= 2:
        return []
    return [f"sites: {len(study.sites)} given; leaving one out needs at least 2"]
