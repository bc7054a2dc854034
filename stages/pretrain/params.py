"""The section `pretrain` of params.yaml."""

from __future__ import annotations

from pydantic import Field

from stages.core.base.params import Section


class Params(Section):
    """How lite0 is pretrained.

    Attributes:
        frames: rendered frames to train on.
        check_frames: further frames, never trained on, for quality.json.
        epochs: passes over the frames.
        seed: of everything that is drawn.
    """

    frames: int = Field(default=3000, ge=8)
    check_frames: int = Field(default=500, ge=8)
    epochs: int = Field(default=16, ge=1)
    seed: int = Field(default=0, ge=0)
