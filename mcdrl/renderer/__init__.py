"""A procedural endoscope: renders frames with exact lesion masks and confounders of known strength.

Pure functions of numpy arrays and a numpy Generator; nothing is read or written. A frame is made
from a `Style` (how a site looks), a `Patient` (one palette and wall texture) and a `ScenePlan` (which
lesions and confounders it shall show). `corpus` draws broad random styles. What changes a frame that
already exists is in `mcdrl.confounders`.
"""

from mcdrl.renderer.frame import Frame
from mcdrl.renderer.names import CONFOUNDERS, EXCLUSIVE_PAIRS, LESION_CLASSES
from mcdrl.renderer.plan import Placement, ScenePlan
from mcdrl.renderer.scene import Patient, make_patient, render
from mcdrl.renderer.style import Style

__all__ = [
    "CONFOUNDERS",
    "EXCLUSIVE_PAIRS",
    "LESION_CLASSES",
    "Frame",
    "Patient",
    "Placement",
    "ScenePlan",
    "Style",
    "make_patient",
    "render",
]
