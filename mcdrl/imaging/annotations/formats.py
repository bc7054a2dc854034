"""The annotation formats that are read, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mcdrl.imaging.annotations.annotated import Annotated
from mcdrl.imaging.annotations.coco import read_coco
from mcdrl.imaging.annotations.cvat import read_cvat
from mcdrl.imaging.annotations.labelme import read_labelme
from mcdrl.imaging.annotations.yolo import read_yolo
from mcdrl.study.reading import AnnotationFormat

READERS: Mapping[AnnotationFormat, Callable[[Sequence[Path], Path], Annotated]] = {
    "coco": read_coco,
    "labelme": read_labelme,
    "cvat": read_cvat,
    "yolo": read_yolo,
}
"""Value of `annotation_format` -> what reads the files, given their paths and the site's folder."""
