"""Options of the commands that use models: those of several, those of `mcdrl predict`, and what others choose from."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from mcdrl.base.runtime import finite
from mcdrl.study.paths import START_MODEL

OR_NAME = "or the name of a model that comes along"
Models = Annotated[
    list[Path] | None,
    typer.Option(
        help=f"A trained model's folder, {OR_NAME}; several: the mean of their answers. Default: {START_MODEL}, which "
        "does."
    ),
]
OneModel = Annotated[
    Path | None, typer.Argument(help=f"A trained model's folder, {OR_NAME}; default: {START_MODEL}, which does.")
]


class Format(StrEnum):
    """What `mcdrl export` writes."""

    ONNX = "onnx"
    TORCHSCRIPT = "torchscript"


class MaskFormat(StrEnum):
    """What `mcdrl predict` writes masks as."""

    PNG = "png"
    COCO = "coco"
    DICOM_SEG = "dicom-seg"


class Learned(StrEnum):
    """What `mcdrl adapt` learns from."""

    LABELS = "labels"
    LIMITS = "limits"
    STATISTICS = "statistics"
    SELF_TRAINING = "self-training"


class Channels(StrEnum):
    """In which order the files of frames hold their colours."""

    RGB = "rgb"
    BGR = "bgr"


Sizes = Annotated[
    str | None,
    typer.Option(
        help="Sides in px at which the network looks at a frame, its own among them, such as 224,320: the mean of "
        "the answers counts. Default: those of the models' scores at sites never seen, else their own alone."
    ),
]

Confounders = Annotated[
    bool,
    typer.Option(
        "--confounders",
        help="Score confounders for models on pixels (partial, finetune, unet), too: their encoder runs extra.",
    ),
]
Backbones = Annotated[Path | None, typer.Option(help="The models' backbone, where their folders don't hold it.")]
Backbone = Annotated[Path | None, typer.Option(help="The model's backbone, where its folder doesn't hold it.")]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Frames at a time; default: what suits device and memory.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, ...; auto: a GPU if there is one.")]

MaskKind = Annotated[
    MaskFormat,
    typer.Option(
        "--format",
        help="Of the masks: a PNG a frame and a video a video, one predictions.coco.json of lesions, or a DICOM "
        "Segmentation a DICOM frame, as picture archives take them.",
    ),
]
Overlay = Annotated[bool, typer.Option("--overlay", help="Draw the outlines on the frames, too.")]
Probabilities = Annotated[
    bool,
    typer.Option(
        "--probabilities",
        help="Write calibrated probabilities, too: grey 0..255 for 0..1, or fractional Segmentations.",
    ),
]
Suppress = Annotated[
    bool,
    typer.Option(
        "--suppress",
        help="Take out of the masks what is no lesion at the models' operating point; the table tells it anyway.",
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        callback=finite,
        help="Probability from which a pixel is lesion; default: that of the models' scores at sites never seen or "
        "of their adaptation, else 0.5. Confidence and flags stay those of the mask at one half.",
    ),
]
View = Annotated[
    str | None,
    typer.Option(
        help="What of a frame is looked at: auto, the endoscopic view that is found in it; full; or a box for all: "
        "left,top,right,bottom in parts of width and height. Default: full if the models' sites were all taken "
        "whole, else auto."
    ),
]
ColourOrder = Annotated[
    Channels, typer.Option(help="Order of the files' colours; bgr: red and blue were swapped when they were saved.")
]
MasksToo = Annotated[
    bool, typer.Option("--masks-too", help="Segment files that look like masks, too, instead of leaving them out.")
]
Smooth = Annotated[
    float,
    typer.Option(
        min=0,
        callback=finite,
        help="Of videos: seconds over which probabilities are smoothed; 0: each frame stands by itself.",
    ),
]
Frames = Annotated[list[Path], typer.Argument(help="Folders of frames and videos, subfolders count; or single files.")]
Workers = Annotated[int, typer.Option(min=1, help="Threads that decode, and as many that write.")]
