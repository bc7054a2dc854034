"""DICOM pictures: every way to pack one gives the same pixels; what can't be unpacked is told."""

import io
import sys

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from mcdrl.base.errors import InputError
from mcdrl.base.issues import RefusedError
from mcdrl.imaging.decode import read_pixels
from mcdrl.imaging.depth import to_rgb
from mcdrl.imaging.dicom import is_dicom
from mcdrl.imaging.picture import read_picture
from mcdrl.imaging.recipe import ReadingRecipe

RGB = np.random.default_rng(0).integers(0, 256, (30, 40, 3), np.uint8)
SMOOTH = np.asarray(Image.fromarray(RGB[:3, :4]).resize((40, 30), Image.Resampling.BILINEAR))

SIGNED = np.arange(-5, 115, dtype=np.int8).reshape(10, 12)


def bare(given, *, implicit):
    """The bytes of a file as old archives keep it: without preamble and what follows it."""
    del given.file_meta
    given.preamble = None
    file = io.BytesIO()
    given.save_as(file, implicit_vr=implicit, little_endian=True)
    return file.getvalue()


def content(pixels, meaning, syntax=ExplicitVRLittleEndian, bits=None, **more):
    """A picture as a file's content; tags of the object alone, as most of a real file's say who and when."""
    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = syntax
    found.SOPClassUID, found.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.77.1.1", "1.2.3"
    found.Rows, found.Columns = pixels.shape[:2]
    found.SamplesPerPixel, found.PlanarConfiguration = (3 if pixels.ndim == 3 else 1), 0
    found.PhotometricInterpretation, found.PixelRepresentation = meaning, 0
    found.BitsAllocated = 8 * pixels.dtype.itemsize
    found.BitsStored = bits or found.BitsAllocated
    found.HighBit = found.BitsStored - 1
    found.PixelData = pixels.tobytes()
    for key, value in more.items():
        setattr(found, key, value)
    return found


def packed(kind, syntax, meaning, **options):
    stream = io.BytesIO()
    Image.fromarray(SMOOTH).save(stream, kind, **options)
    found = content(SMOOTH, meaning, syntax)
    found.PixelData = encapsulate([stream.getvalue()])
    found["PixelData"].VR = "OB"
    return found


@pytest.fixture
def shown(tmp_path):
    def read(given, name="a.dcm"):
        given.save_as(tmp_path / name, enforce_file_format=True, implicit_vr=False, little_endian=True)
        return np.asarray(to_rgb(read_picture(tmp_path / name, "frame").shown))

    return read


@pytest.mark.parametrize("name", ["a.dcm", "a.png", "IM0001"])
def test_a_picture_is_read_whatever_its_ending(shown, tmp_path, name):
    assert np.array_equal(shown(content(RGB, "RGB"), name), RGB)
    assert is_dicom(tmp_path / name)


def test_run_lengths(shown):
    given = content(RGB, "RGB")
    given.compress(RLELossless)
    assert np.array_equal(shown(given), RGB)


@pytest.mark.parametrize(
    ("given", "most"),
    [
        (packed("JPEG", JPEGBaseline8Bit, "YBR_FULL", quality=98, subsampling=0), 4),
        (packed("JPEG2000", JPEG2000Lossless, "YBR_RCT", irreversible=False, mct=1), 0),
    ],
)
def test_packed_colours_come_out_as_rgb(shown, given, most):
    assert np.abs(shown(given).astype(int) - SMOOTH).max() <= most


def test_grey_and_inverted_grey(shown):
    grey = RGB[..., 0]
    assert np.array_equal(shown(content(grey, "MONOCHROME2"))[..., 1], grey)
    assert np.array_equal(shown(content(255 - grey, "MONOCHROME1"))[..., 1], grey)


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_deep_grey_uses_the_range_that_the_file_says(shown, tmp_path, bits):
    grey = np.linspace(0, (1 << bits) - 1, 1200).reshape(30, 40).astype(np.uint16)
    wanted = grey / ((1 << bits) - 1) * 255
    assert np.abs(shown(content(grey, "MONOCHROME2", bits=bits))[..., 0] - wanted).max() < 1
    assert read_picture(tmp_path / "a.dcm", "frame").deep
    assert np.abs(shown(content(grey, "MONOCHROME1", bits=bits))[..., 0] - (255 - wanted)).max() < 1


@pytest.fixture
def masked(tmp_path):
    """Save a frame and a DICOM mask, decode them by the table."""

    def read(mask, meanings=None):
        mask.save_as(tmp_path / "m.dcm", enforce_file_format=True, implicit_vr=False, little_endian=True)
        Image.new("RGB", (40, 30), (200, 90, 80)).save(tmp_path / "f.png")
        recipe = ReadingRecipe(64, 128, swap=False, view="full", values={"polyp": 1, "cyst": 2}, meanings=meanings)
        return read_pixels(tmp_path / "f.png", tmp_path / "m.dcm", "polyp", recipe)

    return read


IDS = np.zeros((30, 40), np.uint16)
IDS[3:20, 4:18], IDS[5:12, 22:35] = 1, 2


@pytest.mark.parametrize(
    ("bits", "factor"), [(8, 1), (8, 100), (9, 1), (9, 200), (12, 1), (12, 1000), (15, 1), (15, 1000), (16, 1000)]
)
def test_ids_of_a_mask_are_those_that_are_stored(masked, bits, factor):
    """Whatever the bits that the file says they have."""
    ids = IDS * np.uint16(factor)
    mask = content(ids.astype(np.uint8) if bits == 8 else ids, "MONOCHROME2", bits=bits)
    with pytest.raises(RefusedError, match=rf"0: \d+ px, {factor}: 238 px, {2 * factor}: 91 px"):
        masked(mask)
    found = masked(mask, {str(factor): "cyst", str(2 * factor): "polyp"})
    assert found.areas_px == {2: 238, 1: 91}


@pytest.mark.parametrize("bits", [9, 12, 16])
@pytest.mark.parametrize(("white", "drawn"), [(1, "1"), (255, "255"), (None, "255")])
def test_a_plain_mask_is_white_at_the_end_of_its_range(masked, bits, white, drawn):
    mask = (IDS == 1) * np.uint16(white or (1 << bits) - 1)
    found = masked(content(mask, "MONOCHROME2", bits=bits))
    assert (found.areas_px, found.drawn) == ({1: 238}, drawn)


def test_a_mask_below_its_threshold_is_told_in_its_own_range(masked):
    with pytest.raises(RefusedError, match="its brightest value is 1000 of 4095, as 62 of 255"):
        masked(content((IDS == 1) * np.uint16(1000), "MONOCHROME2", bits=12))


@pytest.mark.parametrize("bits", [12, 16])
def test_a_mask_in_deep_colours_is_refused(masked, bits):
    """What its colours differ in may lie in the lower bits."""
    with pytest.raises(RefusedError, match="unknown depth: a mask in colours of more than 8 bits"):
        masked(content(np.stack([IDS] * 3, axis=-1), "RGB", bits=bits), {"1": "polyp", "2": "cyst"})


def test_a_palette(shown):
    indices = np.arange(1200).reshape(30, 40).astype(np.uint8) % 4
    colours = np.array([[0, 0, 0], [65535, 0, 0], [0, 32768, 0], [1000, 2000, 60000]], np.uint16)
    names = ("Red", "Green", "Blue")
    tables = {f"{name}PaletteColorLookupTableData": colours[:, n].tobytes() for n, name in enumerate(names)}
    described = {f"{name}PaletteColorLookupTableDescriptor": [4, 0, 16] for name in names}
    assert np.array_equal(shown(content(indices, "PALETTE COLOR", **tables, **described)), (colours >> 8)[indices])


def without_pixels():
    found = content(RGB, "RGB")
    del found.PixelData
    return found


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (without_pixels(), r"DICOM without pixels: a\.dcm holds no picture"),
        (content(RGB, "RGB", NumberOfFrames=7), r"several pictures in one frame: a\.dcm holds 7; `mcdrl predict`"),
        (content(RGB, "RGB", "1.2.3.4"), r"DICOM that can't be unpacked: a\.dcm, transfer syntax 1\.2\.3\.4: "),
        (packed("JPEG", JPEGLSLossless, "RGB"), "transfer syntax JPEG-LS Lossless"),
        (content(SIGNED, "MONOCHROME2", PixelRepresentation=1), r"values below 0: a\.dcm: -5; export it"),
        (content(SIGNED, "MONOCHROME1", PixelRepresentation=1), "values below 0"),
        (content(SIGNED.astype(np.int16), "MONOCHROME2", PixelRepresentation=1), "values below 0"),
        (content(RGB, "RGB", Rows=400), "unreadable frame"),
        (content(RGB, "RGB", Rows=0), "frame|unpacked"),
    ],
)
def test_what_cannot_be_shown_is_refused(shown, given, said):
    with pytest.raises(RefusedError, match=said) as error:
        shown(given)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kept", [132, 140, 300, 1000])
def test_a_file_that_breaks_off_is_refused(shown, tmp_path, kept):
    shown(content(RGB, "RGB"))
    whole = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "b.dcm").write_bytes(whole[:kept])
    with pytest.raises(RefusedError):
        read_picture(tmp_path / "b.dcm", "frame")


def test_without_pydicom_the_extra_is_named(shown, tmp_path, monkeypatch):
    shown(content(RGB, "RGB"))
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(InputError, match=r"pydicom isn't installed: pip install 'mcdrl\[dicom\]'"):
        read_picture(tmp_path / "a.dcm", "frame")


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("name", ["a.dcm", "1.2.840.5"])
def test_a_file_without_preamble_is_read(tmp_path, implicit, name):
    (tmp_path / name).write_bytes(bare(content(RGB, "RGB"), implicit=implicit))
    assert is_dicom(tmp_path / name)
    assert np.array_equal(np.asarray(read_picture(tmp_path / name, "frame").shown), RGB)


def test_one_that_has_lost_its_preamble_alone_is_read(tmp_path):
    content(RGB, "RGB").save_as(tmp_path / "whole.dcm", enforce_file_format=True)
    (tmp_path / "a.dcm").write_bytes((tmp_path / "whole.dcm").read_bytes()[132:])
    assert np.array_equal(np.asarray(read_picture(tmp_path / "a.dcm", "frame").shown), RGB)


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"hello", "a.dcm is called like DICOM and doesn't begin like it, .*; export it again"),
        (b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100", "DICOM without pixels: a.dcm holds no picture, or breaks off"),
    ],
)
def test_what_is_no_picture_without_a_preamble_is_told(tmp_path, start, said):
    (tmp_path / "a.dcm").write_bytes(start + bytes(200))
    with pytest.raises(RefusedError, match=said):
        read_picture(tmp_path / "a.dcm", "frame")
