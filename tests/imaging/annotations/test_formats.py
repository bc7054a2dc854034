"""Every format that a site may name has a reader."""

from typing import get_args

from mcdrl.imaging.annotations.formats import READERS
from mcdrl.study.reading import AnnotationFormat


def test_every_format_has_a_reader():
    assert set(READERS) == set(get_args(AnnotationFormat))
