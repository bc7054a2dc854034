"""model.json: what a trained model is and what it is built from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from mcdrl.base.section import Section, sentences
from mcdrl.methods import names, no_such, params_type
from mcdrl.model.facts import LARGEST_PX, ModelFacts, read_typed
from mcdrl.networks.inputs import fine_to_coarse
from mcdrl.networks.interface import Spec
from mcdrl.regions.tuned import Miner

_Channels = Annotated[int, Field(gt=0, le=2**16)]
_Side = Annotated[int, Field(gt=0, le=LARGEST_PX)]


class MinedBy(Section):
    """What a miner looks at.

    Attributes:
        channels: of the maps, by tap.
        grid: H and W of the dense map.
        hidden: channels inside.
    """

    channels: dict[str, _Channels] = Field(min_length=1, max_length=64)
    grid: list[_Side] = Field(min_length=2, max_length=2)
    hidden: Annotated[int, Field(gt=0, le=2**12)]

    def build(self, alpha: float) -> Miner:
        """Return a miner that has no values yet."""
        height, width = self.grid
        channels = {tap: self.channels[tap] for tap in fine_to_coarse(self.channels)}
        return Miner(channels, (height, width), alpha, hidden=self.hidden)


class ModelCard(ModelFacts):
    """model.json as networks are built from it; see `ModelFacts` for the rest.

    Attributes:
        spec: the numbers that its network is built from.
        mined_by: the network that selects the target regions; None: similarity to the class texts does.
    """

    spec: Spec
    mined_by: MinedBy | None = None

    @field_validator("method")
    @classmethod
    def _method(cls, value: str) -> str:
        if value not in names():
            raise ValueError(no_such(value))
        return value

    @model_validator(mode="after")
    def _params(self) -> Self:
        """Check the method's own numbers: their bounds keep a stranger's card from asking for a huge network."""
        kind = params_type(self.method)
        try:
            kind.model_validate(self.params)
        except ValidationError as error:
            raise ValueError("; ".join(sentences(error, "params.", kind))) from None
        return self

    @property
    def method_params(self) -> Section:
        """The method's own numbers, typed."""
        return params_type(self.method).model_validate(self.params)

    @field_validator("spec", mode="before")
    @classmethod
    def _spec(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        channels = value.get("map_channels")  # JSON keeps no order
        if not isinstance(channels, dict):
            raise ValueError(f"map_channels is {channels!r}, expected taps with their channels")
        return {**value, "map_channels": {tap: channels[tap] for tap in fine_to_coarse(channels)}}


def read_card(folder: Path) -> ModelCard:
    """Read model.json.

    Raises:
        InputError: it is missing or isn't a model's card.
    """
    return read_typed(ModelCard, folder)
