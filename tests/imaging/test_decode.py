"""Decoding: every way to store one picture gives the same frame and mask; what can't be known is refused."""

import hashlib
import struct

import numpy as np
import pytest
from PIL import Image

from mcdrl.artifacts.frames import unpack_native_mask
from mcdrl.base.errors import InputError
from mcdrl.base.issues import RefusedError
from mcdrl.imaging.decode import DecodedFrame
from mcdrl.imaging.decode import read_pixels as decode
from mcdrl.imaging.picture import read_picture
from mcdrl.imaging.recipe import ReadingRecipe
from tests.sites.site_folder import smooth_disc

S = 64
WIDTH, HEIGHT = 40, 30


def colours() -> np.ndarray:
    """Four flat quadrants: red, green, blue, grey, [HEIGHT, WIDTH, 3]."""
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    rgb[:15, :20], rgb[:15, 20:], rgb[15:, :20], rgb[15:, 20:] = (200, 0, 0), (0, 180, 0), (0, 0, 160), (90, 90, 90)
    return rgb


def corner(height: int = HEIGHT, width: int = WIDTH) -> np.ndarray:
    """A lesion in the upper left 10 x 6 pixels, bool."""
    lesion = np.zeros((height, width), bool)
    lesion[:6, :10] = True
    return lesion


def grey_mask(lesion: np.ndarray, value: int = 255) -> Image.Image:
    return Image.fromarray(lesion.astype(np.uint8) * np.uint8(value))


def with_orientation(image: Image.Image, turn: int) -> dict:
    exif = image.getexif()
    exif[0x0112] = turn
    return {"exif": exif.tobytes()}


def native(pixels) -> np.ndarray:
    return unpack_native_mask(pixels.native_mask)


def read_pixels(frame, mask, size_px, threshold) -> DecodedFrame:
    recipe = ReadingRecipe(size_px=size_px, threshold=threshold, swap=False, view="full", values={"polyp": 1})
    return decode(frame, mask, "polyp", recipe)


@pytest.fixture
def read(tmp_path):
    """Save a frame and a mask, decode them."""

    def save_and_read(frame, mask, frame_name="f.png", mask_name="m.png", threshold=128, **options):
        frame.save(tmp_path / frame_name, **options.get("frame_options", {}))
        mask.save(tmp_path / mask_name, **options.get("mask_options", {}))
        return read_pixels(tmp_path / frame_name, tmp_path / mask_name, S, threshold)

    return save_and_read


def quadrants(image: np.ndarray) -> np.ndarray:
    """The colours in the middle of the quadrants of a working image, [4, 3]."""
    quarter = S // 4
    return image[[quarter, quarter, -quarter, -quarter], [quarter, -quarter, quarter, -quarter]].astype(int)


EXPECTED = np.array([(200, 0, 0), (0, 180, 0), (0, 0, 160), (90, 90, 90)])


@pytest.mark.parametrize("name", ["f.png", "f.tif", "f.bmp"])
def test_lossless_formats_agree_to_the_last_bit(read, name):
    pixels = read(Image.fromarray(colours()), grey_mask(corner()), name)
    assert np.array_equal(quadrants(pixels.image), EXPECTED)
    assert (pixels.width_px, pixels.height_px) == (WIDTH, HEIGHT)
    assert pixels.sha256 == hashlib.sha256(b"40x30" + colours().tobytes()).hexdigest()


def test_jpeg_is_close(read):
    pixels = read(Image.fromarray(colours()), grey_mask(corner()), "f.jpg", frame_options={"quality": 95})
    assert np.abs(quadrants(pixels.image) - EXPECTED).max() <= 6


def test_working_image_is_the_antialiased_resize(read):
    big = Image.fromarray(np.random.default_rng(0).integers(0, 256, (150, 200, 3), np.uint8))
    pixels = read(big, grey_mask(corner(150, 200)))
    reference = np.asarray(big.resize((S, S), Image.Resampling.BICUBIC)).astype(int)
    assert np.array_equal(pixels.image, reference)


def test_cmyk_jpeg_keeps_its_colours(read):
    pixels = read(
        Image.fromarray(colours()).convert("CMYK"), grey_mask(corner()), "f.jpg", frame_options={"quality": 98}
    )
    assert np.abs(quadrants(pixels.image) - EXPECTED).max() <= 8


def test_grey_palette_and_one_bit_frames(read):
    grey = read(Image.fromarray(colours()[..., 0]), grey_mask(corner()))
    assert np.array_equal(quadrants(grey.image), np.array([200, 0, 0, 90])[:, None].repeat(3, 1))
    palette = read(Image.fromarray(colours()).quantize(8), grey_mask(corner()))
    assert np.array_equal(quadrants(palette.image), EXPECTED)
    one_bit = read(Image.fromarray(colours()[..., 0] > 100), grey_mask(corner()))
    assert np.array_equal(quadrants(one_bit.image)[:, 0], [255, 0, 0, 0])


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_laid_on_black(read, mode):
    alpha = np.full((HEIGHT, WIDTH), 255, np.uint8)
    alpha[15:] = 0
    rgba = Image.fromarray(np.dstack([colours(), alpha]), "RGBA")
    options = {}
    if mode == "P":
        frame = Image.fromarray(colours()).quantize(4)
        hidden = [frame.getpixel((5, 20)), frame.getpixel((30, 20))]
        options["frame_options"] = {"transparency": bytes(0 if index in hidden else 255 for index in range(4))}
    else:
        frame = rgba.convert(mode)
    pixels = read(frame, grey_mask(corner()), **options)
    assert (quadrants(pixels.image)[2:] == 0).all()
    luma = [[200 * 0.299] * 3, [180 * 0.587] * 3]  # of red and green, by ITU-R 601
    assert np.abs(quadrants(pixels.image)[:2] - (luma if mode == "LA" else EXPECTED[:2])).max() <= 1


def test_half_transparency_halves(read):
    rgba = np.dstack([colours(), np.full((HEIGHT, WIDTH), 128, np.uint8)])
    pixels = read(Image.fromarray(rgba, "RGBA"), grey_mask(corner()))
    assert np.abs(quadrants(pixels.image) - EXPECTED * 128 / 255).max() <= 1


@pytest.mark.parametrize("name", ["f.png", "f.tif"])
def test_sixteen_bits_are_scaled_by_the_full_range(read, name):
    values = np.zeros((HEIGHT, WIDTH), np.uint16)
    values[:15, :20], values[:15, 20:], values[15:, :20] = 65535, 32768, 257
    pixels = read(Image.fromarray(values), grey_mask(corner()), name)
    assert quadrants(pixels.image)[:, 0].tolist() == [255, 128, 1, 0]


@pytest.mark.parametrize("name", ["f.png", "f.tif"])
@pytest.mark.parametrize(("top", "dim"), [(255, False), (256, True), (4095, True), (32767, True), (32768, False)])
def test_dim_frames_are_those_of_sixteen_bits_in_the_lower_half(read, name, top, dim):
    values = np.zeros((HEIGHT, WIDTH), np.uint16)
    values[3, 5] = top
    assert read(Image.fromarray(values), grey_mask(corner()), name).dim is dim


def test_a_dark_frame_of_eight_bits_is_not_dim(read):
    assert not read(Image.fromarray(colours() // 4), grey_mask(corner())).dim


def test_eight_bit_values_in_a_sixteen_bit_file_stay(read):
    values = np.zeros((HEIGHT, WIDTH), np.uint16)
    values[:15] = 200
    assert quadrants(read(Image.fromarray(values), grey_mask(corner())).image)[:, 0].tolist() == [200, 200, 0, 0]


@pytest.mark.parametrize("shift", [0, 4])
def test_colour_of_sixteen_bits(tmp_path, shift):
    """A PNG of 16 bits a channel, written by hand as Pillow can't."""
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    deep = (colours().astype(np.uint16) * 257 >> shift).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in deep)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    (tmp_path / "f.png").write_bytes(png)
    grey_mask(corner()).save(tmp_path / "m.png")
    pixels = read_pixels(tmp_path / "f.png", tmp_path / "m.png", S, 128)
    assert np.array_equal(quadrants(pixels.image), EXPECTED >> shift)
    assert pixels.dim == (shift > 0)


def test_floating_point_and_wide_integers_are_refused(read):
    with pytest.raises(RefusedError, match="floating-point pixels; save it with 8 or 16 bits"):
        read(Image.fromarray(np.ones((HEIGHT, WIDTH), np.float32)), grey_mask(corner()), "f.tif")
    wide = np.zeros((HEIGHT, WIDTH), np.int32)
    wide[0, 0] = 70000
    with pytest.raises(RefusedError, match=r"values 0\.\.70000"):
        read(Image.fromarray(wide), grey_mask(corner()), "g.tif")


# The eight ways in which EXIF stores the picture `colours()`: from upright to stored, by numpy alone.
STORED = {
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: np.swapaxes(a, 0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.swapaxes(a, 0, 1)[::-1, ::-1],
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("name", ["f.png", "f.tif", "f.jpg"])
@pytest.mark.parametrize("turn", STORED)
def test_frames_are_turned_upright(read, turn, name):
    stored = Image.fromarray(np.ascontiguousarray(STORED[turn](colours())))
    options = with_orientation(stored, turn)
    if name == "f.jpg":
        options["quality"] = 95
    pixels = read(stored, grey_mask(np.zeros((HEIGHT, WIDTH), bool)), name, frame_options=options)
    assert np.abs(quadrants(pixels.image) - EXPECTED).max() <= (6 if name == "f.jpg" else 0)
    assert (pixels.width_px, pixels.height_px) == (WIDTH, HEIGHT)


UNPACKED = {
    "L": colours()[..., 0] + np.arange(WIDTH, dtype=np.uint8),
    "I;16": (colours()[..., 0] + np.arange(WIDTH, dtype=np.uint8)).astype(np.uint16) * 257,
    "RGBA": np.dstack([colours(), np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).astype(np.uint8)]),
    "CMYK": np.dstack([colours(), np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).astype(np.uint8)]),
}


@pytest.mark.parametrize("mode", UNPACKED)
@pytest.mark.parametrize("turn", STORED)
def test_pixels_of_a_turned_tiff_without_compression_stay_in_their_places(tmp_path, turn, mode):
    """Pillow maps such a file into memory, if it knows its name."""
    pixels = UNPACKED[mode]
    stored = Image.fromarray(np.ascontiguousarray(STORED[turn](pixels)))
    stored = stored if pixels.ndim == 2 else Image.frombytes(mode, stored.size, stored.tobytes())
    stored.save(tmp_path / "f.tif", **with_orientation(stored, turn))
    found = read_picture(tmp_path / "f.tif", "frame")
    assert (found.shown.mode, found.turn) == (mode, turn)
    assert np.array_equal(np.asarray(found.shown), pixels)


@pytest.mark.parametrize("name", ["f.png", "f.tif"])
@pytest.mark.parametrize("turn", [5, 6, 7, 8])
@pytest.mark.parametrize("drawn_on", ["stored", "upright"])
def test_the_size_says_what_a_mask_was_drawn_on(read, turn, drawn_on, name):
    stored = Image.fromarray(np.ascontiguousarray(STORED[turn](colours())))
    lesion = STORED[turn](corner()) if drawn_on == "stored" else corner()
    pixels = read(stored, grey_mask(lesion), name, frame_options=with_orientation(stored, turn))
    assert np.array_equal(native(pixels), corner())
    assert pixels.lesion_area_px == 60


@pytest.mark.parametrize("turn", [2, 3, 4])
def test_a_mask_that_fits_both_ways_is_refused(read, turn):
    stored = Image.fromarray(np.ascontiguousarray(STORED[turn](colours())))
    with pytest.raises(RefusedError, match=f"orientation {turn} and its mask fits both ways"):
        read(stored, grey_mask(corner()), frame_options=with_orientation(stored, turn))


@pytest.mark.parametrize("turn", [6, 8])
def test_a_square_mask_that_fits_both_ways_is_refused(read, turn):
    square = Image.fromarray(np.ascontiguousarray(STORED[turn](colours()[:30, :30])))
    with pytest.raises(RefusedError, match="fits both ways"):
        read(square, grey_mask(corner(30, 30)), frame_options=with_orientation(square, turn))


def test_a_mask_that_looks_the_same_both_ways_is_fine(read):
    stored = Image.fromarray(np.ascontiguousarray(STORED[3](colours())))
    lesion = np.zeros((HEIGHT, WIDTH), bool)
    lesion[10:20, 15:25] = True
    pixels = read(stored, grey_mask(lesion), frame_options=with_orientation(stored, 3))
    assert np.array_equal(native(pixels), lesion)


@pytest.mark.parametrize("turn", [3, 6])
def test_a_mask_with_its_own_tag_is_turned_by_it(read, turn):
    stored = Image.fromarray(np.ascontiguousarray(STORED[turn](colours())))
    mask = grey_mask(np.ascontiguousarray(STORED[turn](corner())))
    options = {"frame_options": with_orientation(stored, turn), "mask_options": with_orientation(mask, turn)}
    assert np.array_equal(native(read(stored, mask, **options)), corner())


def test_an_impossible_orientation_is_none(read):
    image = Image.fromarray(colours())
    pixels = read(image, grey_mask(corner()), frame_options=with_orientation(image, 9))
    assert np.array_equal(quadrants(pixels.image), EXPECTED)


def one_bit(lesion):
    return Image.fromarray(lesion)


def coloured(lesion):
    return Image.fromarray(np.where(lesion[..., None], np.uint8([255, 0, 0]), np.uint8(0)))


def with_alpha(lesion):
    return Image.fromarray(np.where(lesion[..., None], np.uint8([255, 255, 255, 255]), np.uint8(0)), "RGBA")


def indexed(lesion):
    image = Image.fromarray(lesion.astype(np.uint8), "L")
    image.putpalette([0, 0, 0, 0, 255, 128])
    return image


def inverted_palette(lesion):
    image = Image.fromarray((~lesion).astype(np.uint8), "L")
    image.putpalette([255, 255, 255, 0, 0, 0])
    return image


def sixteen_bit(lesion):
    return Image.fromarray(lesion.astype(np.uint16) * np.uint16(65535))


def sixteen_bit_labels(lesion):
    return Image.fromarray(lesion.astype(np.uint16))


FORMS = [
    grey_mask, lambda m: grey_mask(m, 1), one_bit, coloured, with_alpha, indexed, inverted_palette, sixteen_bit,
    sixteen_bit_labels,
]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["m.png", "m.tif"])
def test_every_form_of_a_mask_is_the_same_lesion(read, form, name):
    pixels = read(Image.fromarray(colours()), form(corner()), mask_name=name)
    assert np.array_equal(native(pixels), corner())
    assert (pixels.lesion_area_px, pixels.between_px) == (60, 0)


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 0, 0)])
@pytest.mark.parametrize("name", ["m.png", "m.tif"])
def test_a_mask_drawn_in_its_transparency_is_refused(read, colour, name):
    rgba = np.dstack([np.full((HEIGHT, WIDTH), value, np.uint8) for value in (*colour, 255)])
    rgba[corner(), 3] = 0
    with pytest.raises(RefusedError, match=r"drawn in its transparency: .* save it as grey values"):
        read(Image.fromarray(rgba, "RGBA"), Image.fromarray(rgba, "RGBA"), mask_name=name)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_an_empty_mask_is_a_negative(read, form):
    pixels = read(Image.fromarray(colours()), form(np.zeros((HEIGHT, WIDTH), bool)))
    assert pixels.lesion_area_px == 0
    assert not pixels.mask.any()


def test_the_colour_of_a_palette_counts_not_its_index(read):
    """The second colour of the common label palette is a red of 128; one of 64 is below the threshold."""
    mask = indexed(corner())
    mask.putpalette([0, 0, 0, 128, 0, 0])
    assert read(Image.fromarray(colours()), mask).lesion_area_px == 60
    mask.putpalette([0, 0, 0, 64, 0, 0])
    with pytest.raises(RefusedError, match="brightest value is 64"):
        read(Image.fromarray(colours()), mask)


def test_jpeg_noise_is_no_lesion(read, tmp_path):
    grey = np.where(corner(), 248, 7).astype(np.uint8)
    pixels = read(Image.fromarray(colours()), Image.fromarray(grey))
    assert (pixels.lesion_area_px, pixels.between_px) == (60, 0)


@pytest.mark.parametrize("threshold", [60, 128, 200])
def test_the_threshold_counts_from_its_value_on_between_black_and_white(read, threshold):
    soft = smooth_disc(HEIGHT, WIDTH)
    pixels = read(Image.fromarray(colours()), Image.fromarray(soft), threshold=threshold)
    assert pixels.lesion_area_px == np.count_nonzero(soft >= threshold)
    assert pixels.between_px == np.count_nonzero((soft > 8) & (soft < 247)) > 20


def test_the_threshold_can_be_chosen(read):
    pixels = read(Image.fromarray(colours()), grey_mask(corner(), 100), threshold=100)
    assert pixels.lesion_area_px == 60


@pytest.mark.parametrize(("value", "name"), [(3, "m.png"), (127, "m.png"), (100, "m.jpg")])
def test_a_mask_that_never_reaches_the_threshold_is_no_negative(read, value, name):
    with pytest.raises(RefusedError, match=r"brightest value is 1?[0-9]{1,2}, mask_threshold is 128"):
        read(Image.fromarray(colours()), grey_mask(corner(), value), mask_name=name)


def test_mask_of_another_size(read):
    with pytest.raises(RefusedError, match="frame 40x30, mask 20x15"):
        read(Image.fromarray(colours()), grey_mask(corner(15, 20)))


def test_working_mask_is_nearest(read):
    big = np.zeros((128, 128), bool)
    big[:64, :32] = True
    pixels = read(Image.fromarray(np.zeros((128, 128, 3), np.uint8)), grey_mask(big))
    expected = np.zeros((S, S), np.uint8)
    expected[:32, :16] = 1
    assert np.array_equal(pixels.mask, expected)
    assert pixels.mask.dtype == np.uint8


@pytest.mark.filterwarnings("ignore:Truncated File Read")
@pytest.mark.parametrize("name", ["f.jpg", "f.png", "f.tif", "f.bmp"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9])
def test_a_file_cut_short_is_refused(tmp_path, name, share):
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / name)
    grey_mask(corner()).save(tmp_path / "m.png")
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(RefusedError, match="unreadable frame"):
        read_pixels(tmp_path / name, tmp_path / "m.png", S, 128)


def test_a_broken_mask_is_refused_as_such(tmp_path):
    Image.fromarray(colours()).save(tmp_path / "f.png")
    (tmp_path / "m.png").write_bytes(b"<html>not found</html>")
    with pytest.raises(RefusedError, match=r"unreadable mask: m\.png is no JPEG, PNG, TIFF, BMP, WebP or DICOM"):
        read_pixels(tmp_path / "f.png", tmp_path / "m.png", S, 128)


@pytest.mark.parametrize(("name", "what"), [("f.png", "frame"), ("m.png", "mask")])
def test_an_empty_file_is_said_to_be_empty(tmp_path, name, what):
    Image.fromarray(colours()).save(tmp_path / "f.png")
    grey_mask(corner()).save(tmp_path / "m.png")
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(RefusedError) as refused:
        read_pixels(tmp_path / "f.png", tmp_path / "m.png", S, 128)
    assert str(refused.value) == f"unreadable {what}: {name} is empty, 0 bytes; copy or export it again"


def test_a_mask_of_floating_point_numbers_is_not_taken_for_its_frame(tmp_path):
    Image.fromarray(colours()).save(tmp_path / "f.png")
    Image.fromarray(np.zeros((HEIGHT, WIDTH), np.float32)).save(tmp_path / "m.tif")
    with pytest.raises(RefusedError) as refused:
        read_pixels(tmp_path / "f.png", tmp_path / "m.tif", S, 128)
    assert str(refused.value) == "unknown depth: mask m.tif: floating-point pixels; save it with 8 or 16 bits"


def test_a_tiff_of_several_pages_is_refused(tmp_path):
    page = Image.fromarray(colours())
    page.save(tmp_path / "f.tif", save_all=True, append_images=[page, page])
    grey_mask(corner()).save(tmp_path / "m.png")
    with pytest.raises(RefusedError, match=r"in one frame: f.tif holds 3; save the one that is meant alone"):
        read_pixels(tmp_path / "f.tif", tmp_path / "m.png", S, 128)


def test_the_first_picture_of_a_camera_file_counts(tmp_path):
    """An MPO is a JPEG with previews behind it."""
    Image.fromarray(colours()).save(tmp_path / "f.mpo", save_all=True, append_images=[Image.new("RGB", (8, 8))])
    (tmp_path / "f.mpo").rename(tmp_path / "f.jpg")
    grey_mask(corner()).save(tmp_path / "m.png")
    assert read_pixels(tmp_path / "f.jpg", tmp_path / "m.png", S, 128).width_px == WIDTH


def test_a_file_that_the_system_refuses_stops_the_run(tmp_path):
    grey_mask(corner()).save(tmp_path / "m.png")
    with pytest.raises(InputError, match=r"f\.png can't be read: No such file"):
        read_pixels(tmp_path / "f.png", tmp_path / "m.png", S, 128)


def test_a_picture_of_absurd_size_is_refused(read, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 400)
    with pytest.raises(RefusedError, match=r"unreadable frame: \w+\.png has more than 800 pixels; shrink it first"):
        read(Image.fromarray(colours()), grey_mask(corner()))
