"""MCDRL with the sum over views of `viewpoint`: what mining and the dictionary add to it."""

from __future__ import annotations

from mcdrl.methods import mcdrl
from mcdrl.networks.interface import Method, Spec, Texts, Trunk
from mcdrl.networks.params import ViewParams
from mcdrl.networks.views import OverViews
from mcdrl.study.modes import PIXEL_MODES

MODES = PIXEL_MODES  # the pixels have to be in the loop
BASES = ("mcdrl", "viewpoint")


class Params(mcdrl.Params, ViewParams):
    """Those of `mcdrl` and of `viewpoint`."""


class MCDRLViewpoint(OverViews, mcdrl.MCDRL):
    """Target region selection, causal intervention, and a sum over views."""


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return MCDRLViewpoint(spec, params, trunk, texts).over(params)
