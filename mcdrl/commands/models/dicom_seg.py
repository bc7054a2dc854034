"""Predicted masks as DICOM Segmentation objects, which picture archives (PACS) and viewers lay over their frames.

A Segmentation refers to one stored picture by its UID and belongs to that picture's patient and study, so it takes
frames that are DICOM files themselves. Nothing in it comes from clock or chance: its UIDs are digests of what they
name, its date is the frame's, so that equal frames and models give equal bytes.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mcdrl.base.errors import InputError
from mcdrl.base.files import atomic, sha256
from mcdrl.base.issues import RefusedError
from mcdrl.imaging.dicom import head, is_dicom
from mcdrl.model.facts import WEIGHTS, read_facts
from mcdrl.model.members import members

if TYPE_CHECKING:
    from highdicom.seg import Segmentation, SegmentDescription
    from pydicom import DataElement, Dataset
    from pydicom.sr.coding import Code

Array = np.ndarray[Any, np.dtype[Any]]
ENDING = ".dcm"
_BINARY, _FRACTIONAL = "BINARY", "FRACTIONAL"
_LABELS = {_BINARY: "LESIONS", _FRACTIONAL: "PROBABILITIES"}
_SERIES = {_BINARY: 1000, _FRACTIONAL: 2000}  # added to the frames' series number
_LESION = ("52988006", "Lesion")
_TYPES = {
    "polyp": ("41329004", "Polyp"),
    "tumor": ("108369006", "Neoplasm"),
    "inflammation": ("409774005", "Inflammation"),
    "nodule": ("27925004", "Nodule"),
    "cyst": ("367643001", "Cyst"),
    "ulcer": ("56208002", "Ulcer"),
}  # lesion class -> SNOMED CT's code and meaning, from DICOM's context groups 7159 and 6209; of polyps, the morphology
_NEEDED = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_MAY_BE_EMPTY = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate", "StudyTime"
)  # DICOM wants them in every file, if without a value  # fmt: skip
_WHEN = ("Content", "Acquisition", "Series", "Study")  # whose date and time is the content's, the first that is known
_UNICODE = "ISO_IR 192"
_UNKNOWN_DATE, _UNKNOWN_TIME = "19000101", "000000"
_QUOTED = ("AS", "CS", "LO", "LT", "PN", "SH", "ST")  # types of texts that may tell of a patient
_TIMES = {"DA": "date", "DT": "date and time", "TM": "time"}
_TELLING = 4  # characters of a value that is found without quotes
_LONGEST = 64  # characters of a text of DICOM's type LO
_UNFIT = "DICOM that a Segmentation can't refer to"
_FIX = "store it as DICOM first (DCMTK's img2dcm does), or take --format png or coco"


@dataclass(frozen=True)
class Algorithm:
    """What drew the masks, as Segmentations name it.

    Attributes:
        name: of the models' variants.
        version: of this package.
        weights: SHA-256 of each network's weights, hex.
        lesion_classes: that the networks were trained on, each once.
        parameters: what was asked for, such as the threshold.
    """

    name: str
    version: str
    weights: tuple[str, ...]
    lesion_classes: tuple[str, ...]
    parameters: Mapping[str, str]

    @property
    def digest(self) -> str:
        """All weights as one SHA-256, hex."""
        return self.weights[0] if len(self.weights) == 1 else _digest(self.weights)

    @property
    def told(self) -> dict[str, str]:
        """The parameters, and what the masks can be traced back by."""
        return {**self.parameters, "weights_sha256": " ".join(self.weights)}

    @property
    def identity(self) -> list[str]:
        """All that tells it from another one."""
        return [self.version, *(f"{key}={value}" for key, value in self.told.items())]


def algorithm_of(models: Sequence[Path], parameters: Mapping[str, str]) -> Algorithm:
    """Return what Segmentations say of models.

    Args:
        models: folders of models or of ensembles.
        parameters: what was asked for; the same masks come out again with the same ones.

    Raises:
        InputError: a model's card can't be read, or highdicom isn't installed.
    """
    _check_installed()
    folders = [one for folder in models for one in members(folder)]
    facts = [read_facts(folder) for folder in folders]
    names = dict.fromkeys(one.variant for one in facts)
    classes = dict.fromkeys(name for one in facts for name in one.lesion_classes)
    weights = tuple(sha256(folder / WEIGHTS) for folder in folders)
    return Algorithm(_text(" ".join(names)), _version(), weights, tuple(classes), parameters)


@contextmanager
def discreet() -> Iterator[None]:
    """Keep the DICOM libraries from printing warnings: they quote what a file says of its patient, such as the name.

    It is for the thread that starts the others, and holds in all of them.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(highdicom|pydicom)(\.|\Z)")
        yield


def check_sources(frames: Iterable[Path]) -> None:
    """Check that some of the frames are DICOM files; what each other one lacks is told when its turn comes.

    Raises:
        InputError: none of them is.
    """
    found = list(frames)
    if not any(path.is_file() and is_dicom(path) for path in found):
        raise InputError(f"--format dicom-seg takes DICOM frames, and {found[0]} is none, nor is any other; {_FIX}")


def write_segmentation(
    frame: Path, values: Array, algorithm: Algorithm, path: Path, before: Callable[[], None] | None = None
) -> None:
    """Write what a frame shows as a Segmentation of one segment.

    Args:
        frame: its DICOM file.
        values: [H, W] of the frame's own size: bool, where there is lesion; or float32, its probability, 0..1, of which
            256 levels are kept.
        algorithm: what drew them.
        path: of the Segmentation.
        before: what is done once it is made and before it is written; None: nothing.

    Raises:
        RefusedError: the frame is no DICOM file, or lacks what a Segmentation takes from it.
        OSError: the file can't be written.
    """
    made = segmentation(_header(frame), values, algorithm, frame.name)
    if before is not None:
        before()
    with atomic(path) as partial:
        made.save_as(partial, enforce_file_format=True)


def segmentation(source: Dataset, values: Array, algorithm: Algorithm, name: str) -> Segmentation:
    """Return a Segmentation; arguments as `write_segmentation` has them, `name` is the frame's, for the message."""
    from highdicom.seg import Segmentation
    from pydicom.uid import generate_uid

    kind = _BINARY if values.dtype == bool else _FRACTIONAL
    made_by = [kind, *algorithm.identity]
    drawn = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
    date, time = _when(source)
    try:
        made = Segmentation(
            [source],
            values if kind == _BINARY else values[None, ..., None],
            kind,
            [_segment(algorithm)],
            series_instance_uid=generate_uid(entropy_srcs=[source.SeriesInstanceUID, *made_by]),
            series_number=_SERIES[kind] + max(0, int(source.get("SeriesNumber") or 0)),
            series_description=_text(f"{_LABELS[kind].capitalize()} by {algorithm.name}"),
            sop_instance_uid=generate_uid(entropy_srcs=[source.SOPInstanceUID, *made_by, drawn]),
            instance_number=max(1, int(source.get("InstanceNumber") or 1)),
            manufacturer="mcdrl",
            manufacturer_model_name=algorithm.name,
            software_versions=algorithm.version,
            device_serial_number=algorithm.digest,
            content_label=_LABELS[kind],
            content_date=date,
            content_time=time,
            omit_empty_frames=False,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # whatever a sloppy file makes highdicom meet
        raise RefusedError(_UNFIT, f"{name} {_lack(error, source)}") from None
    _settle(made, generate_uid(entropy_srcs=["dimensions", made.SOPInstanceUID]))
    return made


def _settle(made: Segmentation, dimensions: str) -> None:
    """Take out what highdicom has from clock and chance, and put in what it leaves out."""
    del (
        made.InstanceCreationDate,
        made.InstanceCreationTime,
        made.ContributingEquipmentSequence[-1].ContributionDateTime,
    )
    for item in [*made.DimensionOrganizationSequence, *made.DimensionIndexSequence]:
        item.DimensionOrganizationUID = dimensions
    made.ContentCreatorName, made.PatientOrientation = None, None


def _segment(algorithm: Algorithm) -> SegmentDescription:
    from highdicom import AlgorithmIdentificationSequence
    from highdicom.seg import SegmentAlgorithmTypeValues, SegmentDescription
    from pydicom.sr.codedict import codes

    said_by = AlgorithmIdentificationSequence(
        algorithm.name,
        codes.DCM.ArtificialIntelligence,
        _text(f"{algorithm.version}, weights {algorithm.digest[:12]}"),
        parameters=algorithm.told,
    )
    lesion = _type(algorithm.lesion_classes)
    category, automatic = codes.SCT.MorphologicallyAbnormalStructure, SegmentAlgorithmTypeValues.AUTOMATIC
    return SegmentDescription(1, lesion.meaning, category, lesion, automatic, said_by)


def _type(lesion_classes: Sequence[str]) -> Code:
    """Return what the segment shows: the class, where the networks know a single one that has a code; else a lesion."""
    from pydicom.sr.coding import Code

    value, meaning = _TYPES.get(lesion_classes[0], _LESION) if len(lesion_classes) == 1 else _LESION
    return Code(value, "SCT", meaning)


def _header(frame: Path) -> Dataset:
    """Return what a frame's file says of it, without its pixels, ready to be referred to."""
    if not is_dicom(frame):
        raise RefusedError("no DICOM, which a Segmentation refers to", f"{frame.name}; {_FIX}")
    found: Dataset = head(frame)
    if lacking := [name for name in _NEEDED if not found.get(name)]:
        raise RefusedError(_UNFIT, f"{frame.name} lacks {', '.join(lacking)}")
    for name in _MAY_BE_EMPTY:
        if name not in found:
            setattr(found, name, None)
    if found.get("SpecificCharacterSet"):  # highdicom takes over some alone, and none that Japan has
        found.decode()
        found.SpecificCharacterSet = _UNICODE
    return found


def _lack(error: Exception, source: Dataset) -> str:
    """Return what a frame lacks, from the error that highdicom met, without what the file says of its patient."""
    if isinstance(error, AttributeError) and error.name:
        return f"lacks {error.name}"
    if blamed := next((one for one in source if _why_no_time(one) == str(error)), None):
        return f"has what it can't take over: {blamed.keyword} is no {_TIMES[blamed.VR]} as DICOM writes it"
    said = " ".join(str(error).split())
    for one in source:
        if one.VR in _QUOTED and (value := " ".join(str(one.value).split())):
            said = said.replace(repr(value), one.keyword)
            said = said if len(value) < _TELLING else said.replace(value, one.keyword)
    return f"has what it can't take over: {said}"


def _why_no_time(element: DataElement) -> str:
    """Return why an element that has to be a date or a time is none; empty: it is one, or has to be something else."""
    from pydicom.valuerep import DA, DT, TM

    try:
        {"DA": DA, "DT": DT, "TM": TM}.get(element.VR, str)(element.value)
    except ValueError as error:
        return str(error)
    return ""


def _when(source: Dataset) -> tuple[str, str]:
    """Return date and time of the content: of the frame's, as equal frames give equal bytes."""
    for what in _WHEN:
        if date := source.get(f"{what}Date"):
            return str(date), str(source.get(f"{what}Time") or _UNKNOWN_TIME)
    return _UNKNOWN_DATE, _UNKNOWN_TIME


def _check_installed() -> None:
    try:
        import highdicom  # noqa: F401
    except ImportError:
        told = "pip install 'mcdrl[dicom]', in a clone pip install -e '.[dicom]'"
        raise InputError(f"--format dicom-seg takes highdicom, which isn't installed: {told}") from None


def _version() -> str:
    try:
        return version("mcdrl")
    except PackageNotFoundError:
        return "from a clone"


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _text(text: str) -> str:
    """Return a text as DICOM's type LO, in characters that every character set has."""
    plain = text.encode("ascii", "replace").decode().replace("\\", "/")
    return "".join(one if one.isprintable() else "?" for one in plain)[:_LONGEST].strip()
