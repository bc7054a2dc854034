"""What one frame shall show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Placement = Literal["any", "lesion", "elsewhere"]


@dataclass(frozen=True)
class ScenePlan:
    """What a frame shall show.

    lesion_class with `lesion_count` lesions, or None; strengths of the present confounders; where
    mucus, blood and reflections lie: anywhere, on the lesions, or away from them.
    """

    lesion_class: str | None = None
    lesion_count: int = 1
    strengths: Mapping[str, float] = field(default_factory=dict)
    placement: Mapping[str, Placement] = field(default_factory=dict)

    @property
    def near(self) -> float:
        """Strength of the near view."""
        return self.strengths.get("near_view", 0.0)

    @property
    def far(self) -> float:
        """Strength of the far view."""
        return self.strengths.get("far_view", 0.0)
