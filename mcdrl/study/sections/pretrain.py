"""The section `pretrain` of params.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mcdrl.base.section import Epochs, Most, Section, Seed

Frames = Annotated[int, Field(ge=8), Most(1_000_000, "more than any memory holds")]


class Params(Section):
    """How lite0 is pretrained.

    Attributes:
        frames: rendered frames to train on.
        check_frames: further frames, never trained on, for quality.json.
        epochs: passes over the frames.
        seed: of everything that is drawn.
    """

    frames: Frames
    check_frames: Frames
    epochs: Epochs
    seed: Seed
