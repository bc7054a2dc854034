"""MCDRL with the sum over views of `viewpoint`: what mining and the dictionary add to it."""

from __future__ import annotations

from mcdrl.methods.mcdrl import MCDRL
from mcdrl.networks.interface import Method, Spec, Texts, Trunk
from mcdrl.networks.views import OverViews

MODES = ("partial", "finetune")  # the pixels have to be in the loop


class MCDRLViewpoint(OverViews, MCDRL):
    """Target region selection, causal intervention, and a sum over views."""


def build(spec: Spec, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return MCDRLViewpoint(spec, trunk, texts)
