"""U-Net with the sum over views of `viewpoint`: what that sum is worth to a network of another kind."""

from __future__ import annotations

from mcdrl.methods.unet import UNet
from mcdrl.networks.interface import Method, Spec, Texts, Trunk
from mcdrl.networks.params import ViewParams
from mcdrl.networks.views import OverViews

MODES = ("finetune",)
OWN_ENCODER = True
BASES = ("viewpoint",)


class Params(ViewParams):
    """Those of `viewpoint`."""


class UNetViewpoint(OverViews, UNet):
    """U-Net, and a sum over views."""


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return UNetViewpoint(spec, params, trunk, texts).over(params)
