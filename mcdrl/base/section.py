"""The base of everything that is typed and strict: parts of params.yaml and cards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from mcdrl.base.choices import nearest
from mcdrl.base.errors import InputError, brief, shown

S = TypeVar("S", bound=BaseModel)

V = TypeVar("V")


@dataclass(frozen=True)
class Most:
    """An upper bound of a number, as an annotation: `Annotated[int, Most(100, "why")]`.

    Attributes:
        limit: the largest number.
        why: what a larger one would mean, for the message.
    """

    limit: float
    why: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        """Return the schema of the number with the bound behind it."""
        return AfterValidator(self._checked).__get_pydantic_core_schema__(source, handler)

    def _checked(self, value: float) -> float:
        if value > self.limit:
            raise ValueError(f"should be {self.limit:,} at most: {self.why}")
        return value


Seed = Annotated[int, Field(ge=0), Most(2**32 - 1, "random generators take 32 bits")]
Epochs = Annotated[int, Field(ge=1), Most(100_000, "a training would not end")]
BatchSize = Annotated[int, Field(ge=1), Most(4096, "more frames at a time fit into no memory")]
SizePx = Annotated[int, Field(ge=32, multiple_of=32), Most(1024, "a frame's maps would fill the memory")]
Share = Annotated[float, Field(ge=0, le=1)]
Threshold = Annotated[float, Field(gt=0, lt=1)]  # of probabilities: from 0 on all is lesion, above 1 nothing
Weight = Annotated[float, Field(ge=0), Most(1000, "nothing but this term would be trained")]
Number = Annotated[int, Field(ge=0)]  # of things that were counted
Count = Annotated[int, Most(10**12, "no data set has as many")]


def distinct(values: list[V]) -> list[V]:
    """Return a list as it is; for the fields of a section that hold no value twice.

    Raises:
        ValueError: a value stands twice.
    """
    for place, value in enumerate(values):
        if value in values[:place]:
            raise ValueError(f"{shown(value)} stands twice; each value may stand once")
    return values


class Section(BaseModel):
    """A part of params.yaml or of a card: unknown keys, silent conversions, infinity and NaN are refused."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _whole_choice(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse true and 3.0 where one of some whole numbers is chosen: to Python they equal 1 and 3."""
        numbers = _whole_numbers(cls.model_fields[str(info.field_name)].annotation)
        given = value if isinstance(value, list) else [value]
        if numbers and any(isinstance(one, bool | float) for one in given):
            raise ValueError(f"expected one of {', '.join(map(str, numbers))}")
        return value


def _whole_numbers(kind: Any) -> list[int]:
    """Return the whole numbers among which an annotation lets choose; none: it is about something else."""
    if get_origin(kind) is Literal:
        return [choice for choice in get_args(kind) if isinstance(choice, int) and not isinstance(choice, bool)]
    return [number for part in get_args(kind) for number in _whole_numbers(part)]


def validated(kind: type[S], raw: Any, path: Path) -> S:
    """Return what a file holds as its own type.

    Raises:
        InputError: it holds no mapping, or one with errors, all of which are listed.
    """
    if not isinstance(raw, dict):
        raise InputError(f"{path} holds a {type(raw).__name__}, expected keys and values")
    try:
        return kind.model_validate(raw)
    except ValidationError as error:
        problems = sentences(error, "", kind)
    raise InputError(f"{path} has {len(problems)} error(s):\n  " + "\n  ".join(map(brief, problems)))


def sentences(error: ValidationError, prefix: str, kind: type[BaseModel]) -> list[str]:
    """Return one sentence a problem: where (behind `prefix`), what, the value, the nearest legal key of `kind`."""
    return [sentence(dict(problem), prefix, kind) for problem in error.errors()]


def sentence(problem: dict[str, Any], prefix: str, kind: type[BaseModel]) -> str:
    """Return the sentence on one of pydantic's problems, as `sentences` does."""
    where = prefix + ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown key; {nearest(str(problem['loc'][-1]), _legal_keys(kind, problem['loc'][:-1]))}"
    if problem["type"] == "missing":
        return f"{where}: missing"
    message = problem["msg"].removeprefix("Value error, ")
    value = "" if isinstance(problem["input"], dict) else f", got {shown(problem['input'])}"
    place = where.rstrip(".")
    return f"{place}: {message}{value}" if place else f"{message}{value}"


def _legal_keys(kind: Any, place: tuple[Any, ...]) -> list[str]:
    """Return the keys at a place; on the way are keys of sections, names in mappings and numbers in lists."""
    for part in place:
        if _is_section(kind):
            kind = kind.model_fields[part].annotation
            if NoneType in get_args(kind):
                kind = get_args(kind)[0]  # of X | None
        else:
            kind = get_args(kind)[-1]  # of dict[str, X] or list[X]
    return list(kind.model_fields)


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
