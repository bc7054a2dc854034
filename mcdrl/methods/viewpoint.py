"""The view as the confounder: Y = sum_v P(v) P(Y|X_v), X_v the frame with the view v set on its pixels.

The baseline, trained on frames whose view is drawn anew each time (`train.views`), so that it cannot lean on the
distance and the position that go with a site; at prediction its answers for several views are brought back to the frame
and averaged. It has the form of equation 1 of the paper (arXiv 2508.05008), with a confounder that is set instead of
attended to, and P(v) uniform over six views set by hand, not estimated: at prediction it is a test-time augmentation.
"""

from __future__ import annotations

from mcdrl.methods.baseline import Baseline
from mcdrl.networks.interface import Method, Spec, Texts, Trunk
from mcdrl.networks.params import ViewParams
from mcdrl.networks.views import OverViews
from mcdrl.study.modes import PIXEL_MODES

MODES = PIXEL_MODES  # the pixels have to be in the loop


class Params(ViewParams):
    """The sum over views."""


class Viewpoint(OverViews, Baseline):
    """Plain training, and a sum over views."""


def build(spec: Spec, params: Params, trunk: Trunk, texts: Texts) -> Method:
    """Return the method."""
    return Viewpoint(spec, params, trunk, texts).over(params)
