"""What of a frame is looked at, as sites, operators and the command line say it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mcdrl.base.section import Share

ViewBox = Annotated[list[Share], Field(min_length=4, max_length=4)]
"""Left, top, right, bottom in parts of a frame's width and height."""
ViewRule = Literal["auto", "full"] | ViewBox
"""The endoscopic view that is found in a frame, all of the frame, or a box."""
