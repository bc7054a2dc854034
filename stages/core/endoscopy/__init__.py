"""A procedural endoscope: renders frames with exact lesion masks and confounders of known strength.

Pure functions of numpy arrays and a numpy Generator; nothing is read or written. A frame is made
from a `Style` (how a site looks), a `Patient` (one palette and wall texture) and a `Plan` (which
lesions and confounders it shall show). `corpus` draws broad random styles, `apply_confounder`
changes a frame that already exists.
"""

from stages.core.endoscopy.confounders import apply_confounder
from stages.core.endoscopy.frame import Frame
from stages.core.endoscopy.names import CONFOUNDERS, EXCLUSIVE_PAIRS, LESION_CLASSES
from stages.core.endoscopy.plan import Placement, Plan
from stages.core.endoscopy.scene import Patient, make_patient, render
from stages.core.endoscopy.style import Style

__all__ = [
    "CONFOUNDERS",
    "EXCLUSIVE_PAIRS",
    "LESION_CLASSES",
    "Frame",
    "Patient",
    "Placement",
    "Plan",
    "Style",
    "apply_confounder",
    "make_patient",
    "render",
]
