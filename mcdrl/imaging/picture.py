"""Stored pictures, whatever their format, as upright pixels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageFile, UnidentifiedImageError

from mcdrl.base.errors import InputError
from mcdrl.base.issues import RefusedError
from mcdrl.imaging.dicom import What, is_dicom, read_dicom

ENDINGS = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp", ".dcm", ".dicom")
"""Endings of the files that are read, in lower case."""
OTHER_ENDINGS = (
    ".gif", ".jfif", ".jpe", ".jp2", ".j2k", ".jxl", ".ppm", ".pgm", ".pbm", ".pnm", ".dib", ".tga", ".ima", ".heic",
    ".heif", ".avif", ".mpo", ".jps", ".jfi", ".jif", ".apng", ".pns",
)  # fmt: skip
"""Those of other pictures, and of these by another name."""
_OF_DICOM = (".dcm", ".dicom", ".ima")
_FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "WEBP")
_LOSSY = ("JPEG", "MPO", "WEBP")  # MPO: a JPEG with further pictures behind it; WebP doesn't tell
_SEVERAL = ("TIFF", "WEBP")  # may hold several pictures of which none is the first
_ORIENTATION = 0x0112  # the EXIF tag
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # EXIF orientation -> what turns the stored picture upright


@dataclass(frozen=True)
class StoredPicture:
    """A decoded file: `shown` is upright by the file's own EXIF tag, `turn` is that tag (1: stored upright).

    `deep`: the file has more than 8 bits a channel; the upper 8 of colours are kept. `white`: the greatest value that
    grey of more than 8 bits may have.
    """

    shown: Image.Image
    turn: int
    lossy: bool
    deep: bool
    white: int = 0xFFFF


@contextmanager
def refusing(path: Path, what: str) -> Iterator[None]:
    """Turn whatever reading a broken file raises into a `RefusedError`, and what the system does into an `InputError`.

    Args:
        path: of the file.
        what: it is, for the message: frame, mask or video.
    """
    try:
        yield
    except (RefusedError, InputError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise RefusedError(f"unreadable {what}", f"{path.name} {_foreign(path)}") from None
    except Image.DecompressionBombError:
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise RefusedError(
            f"unreadable {what}", f"{path.name} has more than {most:,} pixels; shrink it first"
        ) from None
    except Exception as error:  # Pillow's parsers raise whatever a broken file makes them meet
        if isinstance(error, OSError) and error.errno is not None:
            raise InputError(f"{path} can't be read: {error.strerror}") from None
        raise RefusedError(f"unreadable {what}", f"{path.name}: {error}") from None


def _foreign(path: Path) -> str:
    """Return what is wrong with a file that begins like no picture."""
    if not path.stat().st_size:
        return "is empty, 0 bytes; copy or export it again"
    if path.suffix.lower() in _OF_DICOM:
        return (
            "is called like DICOM and doesn't begin like it, with a preamble or a group 0002 or 0008; export it again"
        )
    return "is no JPEG, PNG, TIFF, BMP, WebP or DICOM"


@contextmanager
def opened(path: Path, formats: tuple[str, ...] | None = None) -> Iterator[ImageFile.ImageFile]:
    """Open a picture for Pillow as a stream: of a file with a name it may take the pixels before it knows their layout.

    Of a TIFF without compression that is stored turned it maps the file with the sides of the upright picture, and
    every row begins at another column.

    Args:
        path: of the file.
        formats: those that are tried; None: all that Pillow knows.
    """
    with path.open("rb") as stream, Image.open(stream, formats=formats) as image:
        yield image


def read_picture(path: Path, what: What) -> StoredPicture:
    """Decode a file.

    Args:
        path: of the file.
        what: it is; a mask keeps the values that are stored, which are ids.

    Raises:
        RefusedError: it can't be decoded, or holds several pictures.
        InputError: the system can't read it.
    """
    with refusing(path, what):
        if is_dicom(path):
            shown, bits = read_dicom(path, what)
            white = (1 << min(bits, 16)) - 1 if what == "mask" else 0xFFFF
            return StoredPicture(shown, 1, lossy=False, deep=bits > 8, white=white)
    with refusing(path, what), opened(path, _FORMATS) as image:
        deep = any(";16" in str(tile) for tile in image.tile)  # how the pixels are unpacked; gone once they are
        pictures = getattr(image, "n_frames", 1) if image.format in _SEVERAL else 1
        if pictures > 1:
            told = f"{path.name} holds {pictures}; save the one that is meant alone"
            raise RefusedError(f"several pictures in one {what}", told)
        turn = image.getexif().get(_ORIENTATION, 1)
        image.load()
        if image.getexif().get(_ORIENTATION, 1) == 1:  # nothing to do, or Pillow has turned a TIFF while loading it
            return StoredPicture(image, turn if turn in _TURNS else 1, image.format in _LOSSY, deep)
        shown = image.transpose(_TURNS[turn]) if turn in _TURNS else image
        return StoredPicture(shown, turn if turn in _TURNS else 1, image.format in _LOSSY, deep)


def is_picture(path: Path) -> bool:
    """Return whether a file begins as a picture does, of a kind other than DICOM."""
    try:
        with opened(path, _FORMATS):
            return True
    except Exception:  # as in `refusing`
        return False


def upright_mask(mask: Image.Image, mask_turn: int, size: tuple[int, int], frame_turn: int) -> Image.Image:
    """Turn a mask like its frame if it was drawn on the frame's stored pixels.

    A mask with an orientation tag of its own is upright already. Where the frame alone has a tag, the sizes say what
    the mask was drawn on; where they can't (half turns, mirrors, squares), a guess could put the lesion on the wrong
    side, so the frame is refused, unless the mask looks the same both ways.
    """
    if frame_turn == 1 or mask_turn != 1:
        return mask
    stored_size = size if frame_turn < 5 else size[::-1]
    if mask.size != stored_size:
        return mask
    turned = mask.transpose(_TURNS[frame_turn])
    if mask.size == size and turned.tobytes() != mask.tobytes():
        raise RefusedError(
            "mask that may be turned",
            f"the frame has EXIF orientation {frame_turn} and its mask fits both ways; store the frame upright",
        )
    return turned


def size_text(size: tuple[int, int]) -> str:
    """Return width and height as text."""
    return f"{size[0]}x{size[1]}"


def same_shape(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Return whether one of two sizes is the other one enlarged, up to a pixel."""
    (small, low), (large, high) = sorted((one, other))
    return abs(small * high / large - low) <= 1
