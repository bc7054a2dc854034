"""Every number that a user writes has bounds, and what lies outside of them is refused by its key's name."""

import math
from types import NoneType, UnionType
from typing import Annotated, Union, get_args, get_origin

import annotated_types
import pytest
from pydantic import TypeAdapter, ValidationError

from mcdrl.base.errors import InputError
from mcdrl.base.section import Most, Section
from mcdrl.clip.card import OpenClipConfig
from mcdrl.commands.study.studies import Preset
from mcdrl.methods import names, params_type, with_methods
from mcdrl.study.params import STAGES_WITH_SECTION, Reading, Site, Study, check, read_params, section_type
from mcdrl.study.sections.pretrain import Distillation
from mcdrl.study.sections.train import AugmentParams, MinerParams, PatchParams, SwadParams
from mcdrl.study.site_cards import Download, ExpectedCounts, Licence, SiteCard
from mcdrl.study.variants import Variant

NESTED = (
    Study, Site, Reading, SiteCard, Download, ExpectedCounts, Preset, OpenClipConfig, AugmentParams, MinerParams,
    PatchParams, SwadParams, Distillation, Variant, Licence,
)  # fmt: skip
KINDS = {name: section_type(name) for name in STAGES_WITH_SECTION}
KINDS |= {f"method_params.{name}": params_type(name) for name in names()}
KINDS |= {kind.__name__: kind for kind in NESTED}


def leaves(annotation, metadata=()):
    """Yield (int or float, what bounds it) for every number in an annotation; other sections stand in KINDS."""
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        yield from leaves(inner, (*metadata, *more))
    elif get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from leaves(part, metadata)
    elif get_origin(annotation) in (list, dict):
        for part in get_args(annotation):
            yield from leaves(part)
    elif annotation in (int, float):
        yield annotation, metadata


def unpacked(metadata):
    return [part for entry in metadata for part in (getattr(entry, "metadata", None) or [entry])]


def numbers():
    return [
        pytest.param(field, kind, unpacked(metadata), id=f"{name}.{key}")
        for name, section in KINDS.items()
        for key, field in section.model_fields.items()
        for kind, metadata in leaves(field.annotation, tuple(field.metadata))
    ]


def upper(metadata):
    bounds = [part.limit for part in metadata if isinstance(part, Most)]
    bounds += [part.lt for part in metadata if isinstance(part, annotated_types.Lt)]
    return min(bounds + [part.le for part in metadata if isinstance(part, annotated_types.Le)], default=math.inf)


def sections(annotation):
    """Yield the sections in an annotation."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield annotation
    for part in get_args(annotation):
        yield from sections(part)


def test_the_walk_reaches_sections_in_sections():
    fields = [field for kind in KINDS.values() for field in kind.model_fields.values()]
    assert {one for field in fields for one in sections(field.annotation)} <= set(KINDS.values())


SIGNED = ("OpenClipConfig.mean", "OpenClipConfig.std")  # of channels; they come with the weights


def test_the_walk_finds_the_numbers():
    found = {parameter.id for parameter in numbers()}
    assert {
        "method_params.mcdrl.depth",
        "method_params.clipseg.absent_share",
        "MinerParams.steps",
        "train.phrases",
        "stress.strengths",
        "Study.seeds",
        "Download.size_bytes",
    } <= found
    assert len(found) > 60


@pytest.mark.parametrize(("field", "kind", "metadata"), [case for case in numbers() if case.id not in SIGNED])
def test_every_number_has_an_upper_bound(field, kind, metadata):
    assert upper(metadata) <= 10**15


def refused(kind, key, given):
    """Return the keys that are refused where one key has the value given."""
    try:
        kind.model_validate({key: given})
    except ValidationError as error:
        return {problem["loc"][0] for problem in error.errors() if problem["type"] != "missing"}
    return set()


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("value", [10**9, -1, 1e300, math.inf, -math.inf, math.nan, "text", 10**400])
def test_a_section_takes_what_is_in_its_bounds_and_names_the_key_of_all_else(name, value):
    """One key after another of those that hold a number, or a list of them."""
    kind = KINDS[name]
    for key, field in kind.model_fields.items():
        for number, metadata in leaves(field.annotation, tuple(field.metadata)):
            given = value if number is int or isinstance(value, str) or abs(value) > 1e300 else float(value)
            given = [given] if get_origin(field.annotation) is list else given
            assert refused(kind, key, given) == {key} or 0 <= value <= upper(unpacked(metadata))


@pytest.mark.parametrize(
    ("section", "key", "value", "said"),
    [
        ("train", "phrases", 10**7, "train.phrases: should be 10,000 at most: no dictionary has as many; null: all"),
        ("train", "head_width", 16 * 10**7, "train.head_width: should be 4,096 at most"),
        ("train", "lr", math.inf, "train.lr: Input should be a finite number, got inf"),
        ("train", "batch_size", 10**400, "train.batch_size: should be 4,096 at most"),
        ("report", "bootstrap", 10**9, "report.bootstrap: should be 100,000 at most: more move no shown digit"),
        ("evaluate", "threshold", math.nan, "evaluate.threshold: Input should be a finite number, got nan"),
    ],
)
def test_the_sentence_on_a_number_out_of_bounds(section, key, value, said):
    raw = read_params()
    raw[section] = {**raw[section], key: value}
    with pytest.raises(InputError) as refused:
        check(raw)
    assert said in str(refused.value)
    assert len(str(refused.value)) < 500


def test_a_variant_s_number_is_bounded_likewise():
    raw = read_params()
    deep = {"method": "mcdrl", "params": {"depth": 10**7}, "train": {"lr": math.inf}}
    raw["variants"] = {**raw["variants"], "deep": deep}
    with pytest.raises(InputError, match=r"deep\.train\.lr: Input should be a fin[\s\S]*params\.depth: should be 64"):
        check(raw, further=with_methods)


@pytest.mark.parametrize("kind", [NoneType, int])
def test_a_bound_also_holds_beside_none(kind):
    adapter = TypeAdapter(Annotated[int, Most(3, "it is a toy")] | None)
    assert adapter.validate_python(None if kind is NoneType else 3) in (None, 3)
    with pytest.raises(ValidationError, match="3 at most: it is a toy"):
        adapter.validate_python(4)
