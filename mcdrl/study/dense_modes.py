"""The names of the ways in which an encoder's map is made dense; `mcdrl.clip.dense` says what they do."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

_SURGERY = (
    "'surgery' is called vv_attention here: value-value attention beside the blocks of the trainable suffix, where "
    "CLIP Surgery (arXiv 2304.05653) changes the last six blocks; write vv_attention, or clip_surgery for the paper's"
)


def check_renamed(name: Any) -> Any:
    """Return a mode's name as it is.

    Raises:
        ValueError: it is one that a mode had before; says which one it has now.
    """
    if name == "surgery":
        raise ValueError(_SURGERY)
    return name


DenseMode = Annotated[
    Literal["plain", "maskclip", "vv_attention", "clip_surgery", "naclip"], BeforeValidator(check_renamed)
]
DenseModeOrAuto = Annotated[
    Literal["auto", "plain", "maskclip", "vv_attention", "clip_surgery", "naclip"], BeforeValidator(check_renamed)
]
