"""The ways in which frames are mirrored, by name."""

from typing import Literal

Flip = Literal["horizontal", "vertical", "both"]
