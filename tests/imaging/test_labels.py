"""Masks of strangers: plain ones are read, others by the site's table, and the rest is refused with its values."""

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation

from mcdrl.artifacts.frames import IGNORED
from mcdrl.base.issues import RefusedError
from mcdrl.imaging.decode import read_pixels
from mcdrl.imaging.labels import read_labels
from mcdrl.imaging.recipe import ReadingRecipe
from mcdrl.imaging.unexplained import UNEXPLAINED
from tests import factories
from tests.sites.site_folder import smooth_disc

HEIGHT, WIDTH = 120, 160
VALUES = {"polyp": 1, "tumor": 2}


def disc(radius: float = 30, cy: float = 70, cx: float = 90) -> np.ndarray:
    return factories.disc(HEIGHT, WIDTH, cy, cx, radius)


def second() -> np.ndarray:
    """A second lesion, apart from `disc()`."""
    other = np.zeros((HEIGHT, WIDTH), bool)
    other[10:30, 10:40] = True
    return other


def ring() -> np.ndarray:
    """Labels 0, 1, and 255 in a ring that nobody judged."""
    labels = np.where(binary_dilation(disc(), iterations=4), 255, 0)
    labels[disc()] = 1
    return labels.astype(np.uint8)


def two_colours(other: tuple[int, int, int]) -> np.ndarray:
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    rgb[disc()], rgb[second()] = (250, 50, 83), other
    return rgb


def class_ids(factor: int = 1) -> np.ndarray:
    """Labels 0, 1 and 2, times a factor."""
    return (disc() * 1 + second() * 2).astype(np.uint8) * np.uint8(factor)


def palette(labels: np.ndarray, *colours: tuple[int, int, int]) -> Image.Image:
    image = Image.fromarray(labels, "L")
    image.putpalette([part for colour in colours for part in colour])
    return image


@pytest.fixture
def read(tmp_path):
    """Save a frame and a mask, decode them by the recipe."""

    def save_and_read(mask, meanings=None, name="m.png", lesion_class="polyp", threshold=128, **options):
        image = mask if isinstance(mask, Image.Image) else Image.fromarray(mask)
        Image.new("RGB", image.size, (200, 90, 80)).save(tmp_path / "f.png")
        image.save(tmp_path / name, **options)
        recipe = ReadingRecipe(64, threshold, swap=False, view="full", values=VALUES, meanings=meanings)
        return read_pixels(tmp_path / "f.png", tmp_path / name, lesion_class, recipe)

    return save_and_read


def areas(*found: np.ndarray) -> dict[int, int]:
    return {value + 1: int(one.sum()) for value, one in enumerate(found)}


@pytest.mark.parametrize(
    ("mask", "told"),
    [
        (ring(), r"0: \d+ px, 1: 28\d\d px, 255: 7\d\d px; .*mask_values: \{.1.: ..., .255.: ...\}"),
        (two_colours((36, 36, 107)), r"0: \d+ px, 250,50,83: 28\d\d px, 36,36,107: 600 px"),
        (two_colours((0, 255, 0)), r"0: \d+ px, 250,50,83: 28\d\d px, 0,255,0: 600 px"),
        (class_ids(100), r"0: \d+ px, 100: 28\d\d px, 200: 600 px"),
        (np.full((HEIGHT, WIDTH), 255, np.uint8), "255: 19200 px"),  # all of it lesion, or nothing judged?
        (np.where(disc(), 255, 254).astype(np.uint8), "254: .*255: "),  # no background
        (ring().astype(np.uint16) * 256, r"0: \d+ px, 256: 28\d\d px, 65280: 7\d\d px"),
        (np.where(disc()[..., None], np.uint8([255, 0, 0]), np.uint8(255)), "255: .*255,0,0: "),  # on white, not black
    ],
)
def test_values_that_nobody_has_explained_are_refused_with_their_counts_and_the_setting(read, mask, told):
    with pytest.raises(RefusedError, match=told) as refused:
        read(mask)
    assert refused.value.kind == UNEXPLAINED
    assert "say what each means in mask_values" in refused.value.detail


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_class_ids_in_a_jpeg_are_refused_whatever_a_table_says(read, factor):
    with pytest.raises(RefusedError, match=r"brightest value is .* a JPEG blurs labels, so save the masks as PNG"):
        read(class_ids(factor), name="m.jpg", quality=95)
    with pytest.raises(RefusedError, match=r"a JPEG can't tell .*, it needs 32 between values"):
        read(class_ids(factor), {str(factor): "polyp", str(2 * factor): "tumor"}, name="m.jpg", quality=95)


@pytest.mark.parametrize("value", [128, 200, 246])
def test_a_mask_of_two_values_is_not_called_smooth(read, value):
    pixels = read(np.where(disc(), value, 0).astype(np.uint8))
    assert (pixels.lesion_area_px, pixels.between_px) == (disc().sum(), 0)


def test_a_class_id_of_sixteen_bits_is_no_label_of_eight(read):
    """257 is 1 of 255 once it is scaled."""
    with pytest.raises(RefusedError, match="257: 28"):
        read(disc().astype(np.uint16) * np.uint16(257))


def test_the_void_of_a_palette_is_no_lesion(read):
    mask = palette(np.where(ring() == 255, np.uint8(2), ring()), (0, 0, 0), (128, 0, 0), (224, 224, 192))
    with pytest.raises(RefusedError, match=r"1 \(128,0,0\): 28\d\d px, 2 \(224,224,192\): 7\d\d px"):
        read(mask)
    by_id, by_colour = (
        read(mask, {one: "lesion", void: "ignore"}) for one, void in (("1", "2"), ("128,0,0", "224,224,192"))
    )
    assert by_id.areas_px == by_colour.areas_px == areas(disc())


def test_what_nobody_judged_is_neither_lesion_nor_background(read):
    pixels = read(ring(), {"1": "polyp", "255": "ignore"})
    assert pixels.areas_px == areas(disc())
    assert pixels.lesion_area_px == disc().sum()
    assert set(np.unique(pixels.mask)) == {0, 1, IGNORED}
    reference = np.asarray(Image.fromarray(ring()).resize((64, 64), Image.Resampling.NEAREST))
    assert np.array_equal(pixels.mask == IGNORED, reference == 255)


def test_a_mask_that_judges_nothing_is_refused(read):
    with pytest.raises(RefusedError, match="mask that judges no pixel"):
        read(np.full((HEIGHT, WIDTH), 255, np.uint8), {"1": "polyp", "255": "ignore"})


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize(
    ("other", "meaning", "found"),
    [
        ((36, 36, 107), "polyp", areas(disc() | second())),
        ((36, 36, 107), "tumor", areas(disc(), second())),
        ((0, 255, 0), "background", areas(disc())),
        ((0, 255, 0), "ignore", areas(disc())),
    ],
)
def test_a_table_of_colours_gives_areas_exactly(read, mode, other, meaning, found):
    mask = Image.fromarray(two_colours(other)).convert(mode)
    pixels = read(mask, {"250,50,83": "lesion", ",".join(map(str, other)): meaning})
    assert pixels.areas_px == found


def test_a_table_names_its_lesion_by_the_frames_class(read):
    assert read(ring(), {"1": "lesion", "255": "ignore"}, lesion_class="tumor").areas_px == {2: disc().sum()}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_table_of_ids_reads_both_depths(read, dtype):
    pixels = read(class_ids().astype(dtype), {"1": "polyp", "2": "tumor"})
    assert pixels.areas_px == areas(disc(), second())


def test_ids_beyond_eight_bits(read):
    mask = disc().astype(np.uint16) * np.uint16(300) + second().astype(np.uint16) * np.uint16(1000)
    assert read(mask, {"300": "polyp", "1000": "tumor"}).areas_px == areas(disc(), second())


def test_a_table_may_call_black_something_else(read):
    inverted = np.where(disc(), 0, 255).astype(np.uint8)
    assert read(inverted, {"0": "polyp", "255": "background"}).areas_px == areas(disc())


@pytest.mark.parametrize("name", ["m.png", "m.tif", "m.bmp"])
@pytest.mark.parametrize("white", ["255", "255,255,255", "1"])
def test_white_of_one_bit_is_called_as_it_is_told(read, name, white):
    mask = Image.fromarray(disc())
    assert read(mask, name=name).drawn == "255"
    assert read(mask, {"0": "background", white: "tumor"}, name=name).areas_px == {2: disc().sum()}
    with pytest.raises(RefusedError, match=r"doesn't list: 255: 28\d\d px; list them"):
        read(mask, {"0": "background", "7": "polyp"}, name=name)


def test_a_value_that_the_table_has_under_two_names_of_two_meanings_is_refused(read):
    """Masks of one bit beside those of 0 and 1 whose 1 is no lesion."""
    told = r"mask value of two meanings: 255 is 255 and 1 in mask_values, which differ there; leave one, or save "
    told += r"the mask as grey of 8 bits, where white then means what 255 means$"
    with pytest.raises(RefusedError, match=told):
        read(Image.fromarray(disc()), {"0": "background", "1": "background", "255": "lesion"})
    assert read(Image.fromarray(disc()), {"1": "polyp", "255": "lesion"}).areas_px == areas(disc())
    indexed = palette(disc().astype(np.uint8), (0, 0, 0), (128, 0, 0))
    with pytest.raises(RefusedError, match=r"1 \(128,0,0\) is 1 and 128,0,0 in mask_values.* of 8 bits$"):
        read(indexed, {"1": "polyp", "128,0,0": "tumor"})


@pytest.mark.parametrize("mask", [class_ids(), two_colours((0, 255, 0))])
def test_values_that_the_table_does_not_list_are_refused(read, mask):
    with pytest.raises(RefusedError, match=r"mask_values doesn't list: (2|0,255,0): 600 px; list them"):
        read(mask, {"0": "background", "1": "polyp", "250,50,83": "polyp"})


def test_blurred_labels_are_not_to_be_listed_one_by_one(read):
    smooth = smooth_disc(HEIGHT, WIDTH)
    with pytest.raises(RefusedError, match=r"doesn't list: .* and \d+ more values; so many are a picture, or blurred"):
        read(np.stack([smooth, 0 * smooth, 0 * smooth], -1), {"255,0,0": "polyp", "0,255,0": "tumor"})
    ids = np.kron(np.arange(12, dtype=np.uint8).reshape(3, 4), np.ones((HEIGHT // 3, WIDTH // 4), np.uint8))
    with pytest.raises(RefusedError, match=r"and 5 more values; list them$"):
        read(ids, {"0": "background"})


def test_a_jpeg_of_values_far_apart_is_read_by_a_table(read):
    pixels = read(class_ids(100), {"100": "polyp", "200": "tumor"}, name="m.jpg", quality=90)
    assert abs(pixels.areas_px[1] - disc().sum()) <= 0.03 * disc().sum()
    assert abs(pixels.areas_px[2] - 600) <= 18
    coloured = read(two_colours((0, 255, 0)), {"250,50,83": "polyp", "0,255,0": "ignore"}, name="m.jpg", quality=90)
    assert abs(coloured.areas_px[1] - disc().sum()) <= 0.05 * disc().sum()
    with pytest.raises(RefusedError, match="mask_values doesn't list"):
        read(class_ids(100), {"100": "polyp"}, name="m.jpg", quality=90)
    with pytest.raises(RefusedError, match="mask_values doesn't list"):
        read(two_colours((0, 255, 0)), {"250,50,83": "polyp"}, name="m.jpg", quality=90)


def test_a_speck_in_a_jpeg_is_not_lost_between_the_values_of_a_table(read):
    speck = np.zeros((HEIGHT, WIDTH), np.uint8)
    speck[50:52, 50:52] = 255
    with pytest.raises(RefusedError, match="mask_values doesn't list"):
        read(speck, {"255": "polyp"}, name="m.jpg", quality=100)


@pytest.mark.parametrize("quality", [50, 75, 95, 100])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_noise_around_black_and_white_is_read(read, tmp_path, quality, mode):
    mask = Image.fromarray((disc() | second()).astype(np.uint8) * 255).convert(mode)
    pixels = read(mask, name="m.jpg", quality=quality)
    assert abs(pixels.lesion_area_px - (disc() | second()).sum()) <= 15
    with Image.open(tmp_path / "m.jpg") as decoded:
        decoded.save(tmp_path / "decoded.png")
    again = read(Image.open(tmp_path / "decoded.png")) if quality < 95 else pixels
    assert again.areas_px == pixels.areas_px


@pytest.mark.parametrize("quality", [50, 75, 95])
def test_an_empty_jpeg_is_a_negative(read, quality):
    assert read(np.zeros((HEIGHT, WIDTH), np.uint8), name="m.jpg", quality=quality).lesion_area_px == 0


@pytest.mark.parametrize("void", [128, 255])
@pytest.mark.parametrize("quality", [80, 95])
def test_labels_and_a_void_in_a_jpeg_are_no_noise(read, quality, void):
    """The inside of the ring is 1, or 255 where the ring is 128."""
    big = np.kron(ring(), np.ones((3, 3), np.uint8))
    mask = np.where(big == 255, void, np.where(big == 1, 1 if void == 255 else 255, 0)).astype(np.uint8)
    with pytest.raises(RefusedError, match=UNEXPLAINED):
        read(mask, name="m.jpg", quality=quality)


@pytest.mark.parametrize("way", [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.BOX])
@pytest.mark.parametrize("scale", [0.4, 4])
def test_smooth_borders_are_read_from_the_threshold_on(read, way, scale):
    size = (int(WIDTH * scale), int(HEIGHT * scale))
    soft = Image.fromarray((disc() | second()).astype(np.uint8) * 255).resize(size, way)
    assert read(soft).lesion_area_px == np.count_nonzero(np.asarray(soft) >= 128)
    assert read(soft.convert("RGBA")).lesion_area_px == np.count_nonzero(np.asarray(soft) >= 128)


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize("value", [1, 100, 128])
def test_a_third_label_is_no_smooth_border(read, width, value):
    labels = np.where(binary_dilation(disc(), iterations=width), value, 0)
    labels[disc()] = 255
    with pytest.raises(RefusedError, match=UNEXPLAINED):
        read(labels.astype(np.uint8))


def test_a_painted_frame_is_no_mask(read):
    rng = np.random.default_rng(0)
    painted = rng.integers(60, 200, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    painted[binary_dilation(disc(), iterations=2) & ~disc()] = (0, 255, 0)
    for mask in (painted, painted[..., 0]):
        with pytest.raises(RefusedError, match=r"and \d+ more values"):
            read(mask)


def outlined(radius: int, width: int) -> np.ndarray:
    return (binary_dilation(disc(radius), iterations=width) & ~disc(radius)).astype(np.uint8) * 255


@pytest.mark.parametrize("width", [1, 3, 5, 8, 10, 14])
def test_an_outline_is_no_lesion(read, width):
    with pytest.raises(RefusedError, match=r"a closed curve of \d+ px .* fill it, or give it as a polygon"):
        read(outlined(40, width))


def test_an_outline_beside_a_lesion_is_none_either(read):
    with pytest.raises(RefusedError, match="outline instead of a lesion"):
        read(outlined(30, 2) | second().astype(np.uint8) * 255)


@pytest.mark.parametrize("width", [2, 8])
@pytest.mark.parametrize("scale", [1, 8])
@pytest.mark.parametrize("how", ["dashed", "opened", "at a side", "in a corner", "around a lesion"])
def test_an_outline_that_is_not_quite_closed_is_no_lesion_either(read, width, scale, how):
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    ring = outlined(35, width) > 0
    drawn = {
        "dashed": ring & (np.degrees(np.arctan2(y - 70, x - 90)) % 30 > 8),
        "opened": ring & ~((abs(y - 70) < 3) & (x > 90)),
        "at a side": np.pad(ring, ((0, 60), (0, 0)))[60:, :],
        "in a corner": np.pad(ring, ((0, 60), (0, 85)))[60:, 85:],
        "around a lesion": ring | disc(8),
    }[how]
    with pytest.raises(RefusedError, match="outline instead of a lesion"):
        read(np.kron(drawn, np.ones((scale, scale), bool)).astype(np.uint8) * 255)


def test_what_nobody_judged_inside_a_lesion_is_no_hole(read):
    labels = np.where(disc(25), 255, disc(35)).astype(np.uint8)
    assert read(labels, {"1": "polyp", "255": "ignore"}).areas_px == areas(disc(35) & ~disc(25))


def test_a_lesion_across_a_corner_or_the_frame_is_a_lesion(read):
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for lesion in ((abs(x - 80) < 20) & (y >= 0), (x + y > 40) & (x + y < 110)):
        assert read(lesion.astype(np.uint8) * 255).lesion_area_px == lesion.sum()


@pytest.mark.parametrize("hole", [1, 10, 18])
def test_a_lesion_with_a_hole_is_a_lesion(read, hole):
    lesion = disc(35) & ~disc(hole)
    assert read(lesion.astype(np.uint8) * 255).lesion_area_px == lesion.sum()


def test_small_and_narrow_lesions_are_no_lines(read):
    mask = second() | disc(2) | np.roll(disc(4), -50, 1)
    assert read(mask.astype(np.uint8) * 255).line_px == 0


def test_open_lines_are_told_and_kept(read):
    line = np.zeros((HEIGHT, WIDTH), np.uint8)
    line[60:62, 20:140] = 255
    assert read(line).line_px == 240


def test_the_threshold_reads_two_values_and_leaves_three_to_a_table(read):
    two = np.where(disc(), 100, 0).astype(np.uint8)
    assert read(two, threshold=90).lesion_area_px == disc().sum()
    with pytest.raises(RefusedError, match="brightest value is 100, mask_threshold is 128"):
        read(two)
    with pytest.raises(RefusedError, match=UNEXPLAINED):
        read(class_ids(100), threshold=90)


def test_what_was_taken_for_lesion_is_told():
    def drawn(mask):
        return read_labels(Image.fromarray(mask), lossy=False, table=None, threshold=128, value=1).drawn

    grey = disc().astype(np.uint8)
    red = np.where(disc()[..., None], np.uint8([255, 0, 0]), np.uint8(0))
    assert [drawn(one) for one in (grey, grey * 254, grey * 200, grey * 0)] == ["1", "255", "200", None]
    assert (drawn(red), drawn(smooth_disc(HEIGHT, WIDTH))) == ("255,0,0", "255")


@pytest.mark.parametrize("ids", [(1, 65535), (1, 2), (100, 300), (65535, 65400)])
def test_ids_of_sixteen_bits_that_are_alike_in_eight_are_told_apart(read, ids):
    """0, 1 and 65535: the void would be the lesion if 1 were black."""
    mask = np.where(disc(), ids[0], np.where(second(), ids[1], 0)).astype(np.uint16)
    told = "".join(rf"(?=.*\b{value}: \d+ px)" for value in (0, *ids))
    with pytest.raises(RefusedError, match=told):
        read(mask)
    assert read(mask, {str(ids[0]): "polyp", str(ids[1]): "tumor"}).areas_px == areas(disc(), second())


def test_eight_bits_stretched_to_sixteen_are_read_like_eight(read):
    soft = np.asarray(Image.fromarray(disc().astype(np.uint8) * 255).resize((64, 48), Image.Resampling.BILINEAR))
    assert read(soft.astype(np.uint16) * np.uint16(257)).areas_px == read(soft).areas_px


def transparent(colours: np.ndarray, alpha: np.ndarray) -> Image.Image:
    rgb = np.broadcast_to(colours[..., None], (*colours.shape, 3)) if colours.ndim == 2 else colours
    return Image.fromarray(np.dstack([rgb, alpha]).astype(np.uint8), "RGBA")


LESION = disc().astype(np.uint8) * np.uint8(255)
ONE_HOT = np.dstack([second(), disc(), np.zeros_like(disc())]).astype(np.uint8)


@pytest.mark.parametrize("table", [None, {"255": "polyp"}])
@pytest.mark.parametrize(
    "mask",
    [
        transparent(LESION, LESION * 0),  # an empty channel
        transparent(LESION, 255 - LESION),  # the lesion is the transparent part
        transparent(class_ids(), LESION * 0 + 2),
        transparent(ONE_HOT, ~(disc() | second())),  # four classes, the background in the fourth channel
        transparent(ONE_HOT * 255, ~(disc() | second()) * 255),
        transparent(LESION, LESION * 0).convert("LA"),
    ],
)
def test_colours_that_transparency_hides_are_refused(read, mask, table):
    with pytest.raises(RefusedError, match=r"colours hidden by its transparency: 0,0,0 and .* look alike on black"):
        read(mask, table)


def test_a_transparent_background_hides_nothing(read):
    red = np.where(disc()[..., None], np.uint8([255, 0, 0]), np.uint8(255))
    assert read(transparent(red, LESION)).areas_px == areas(disc())


@pytest.mark.parametrize("options", [{"transparency": 1}, {}])
def test_indices_of_one_colour_are_refused_until_a_table_names_them(read, options):
    lesion = (255, 255, 255) if options else (0, 0, 0)
    mask = palette(disc().astype(np.uint8), (0, 0, 0), lesion)
    with pytest.raises(
        RefusedError, match=r"0 \(0,0,0\): \d+ px, 1 \(0,0,0\): 28\d\d px; .*mask_values: \{.1.: \.\.\.\}"
    ):
        read(mask, **options)
    with pytest.raises(RefusedError, match=r"doesn't list: 0 \(0,0,0\): .*, 1 \(0,0,0\): "):
        read(mask, {"255,255,255": "polyp"}, **options)
    assert read(mask, {"1": "polyp"}, **options).areas_px == areas(disc())


def test_classes_of_one_colour_are_not_merged(read):
    mask = palette(class_ids(), (0, 0, 0), (255, 0, 0), (255, 0, 0))
    with pytest.raises(RefusedError, match=r"1 \(255,0,0\): 28\d\d px, 2 \(255,0,0\): 600 px"):
        read(mask)
    assert read(mask, {"1": "polyp", "2": "tumor"}).areas_px == areas(disc(), second())


@pytest.mark.parametrize("name", ["m.jpg", "m.webp", "decoded.png"])
@pytest.mark.parametrize("quality", [75, 95])
@pytest.mark.parametrize("shade", [12, 20, 30, 225, 240])
@pytest.mark.parametrize("inside", [True, False])
def test_a_lesion_one_shade_off_black_or_white_is_no_noise(read, tmp_path, name, quality, shade, inside):
    """The void, 255, would be the lesion."""
    void = disc(45) if inside else np.roll(second(), 60, 0)
    mask = Image.fromarray(np.where(disc(25), shade, np.where(void, 255, 0)).astype(np.uint8))
    if name == "decoded.png":
        mask.save(tmp_path / "first.jpg", quality=quality)
        mask = Image.open(tmp_path / "first.jpg")
    with pytest.raises(RefusedError, match=UNEXPLAINED):
        read(mask, name=name, quality=quality)


@pytest.mark.parametrize("quality", [75, 95])
@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)])
@pytest.mark.parametrize("name", ["m.jpg", "decoded.png"])
def test_one_pure_colour_in_a_jpeg_is_read_and_a_second_refused(read, tmp_path, quality, colour, name):
    def saved(rgb):
        Image.fromarray(rgb.astype(np.uint8)).save(tmp_path / "first.jpg", quality=quality)
        return Image.open(tmp_path / "first.jpg") if name == "decoded.png" else Image.fromarray(rgb.astype(np.uint8))

    one = np.where((disc() | second())[..., None], np.uint8(colour), np.uint8(0))
    found = read(saved(one), name=name, **({"quality": quality} if name == "m.jpg" else {}))
    assert abs(found.lesion_area_px - (disc() | second()).sum()) <= 30
    assert found.drawn == ",".join(map(str, colour))
    for other in ((255, 0, 255), (128, 128, 128), tuple(part // 12 for part in colour), (90, 40, 0)):
        two = np.where(second()[..., None], np.uint8(other), np.where(disc()[..., None], np.uint8(colour), np.uint8(0)))
        with pytest.raises(RefusedError, match=UNEXPLAINED):
            read(saved(two), name=name, **({"quality": quality} if name == "m.jpg" else {}))


def test_a_refusal_suggests_no_setting_that_can_not_work(read):
    rng = np.random.default_rng(0)
    with pytest.raises(RefusedError, match="so many are a picture, or blurred labels") as refused:
        read(rng.integers(60, 200, (HEIGHT, WIDTH, 3)).astype(np.uint8))
    assert "mask_values" not in refused.value.detail
    with pytest.raises(RefusedError, match=r"mask_values: \{.100.: \.\.\., .200.: \.\.\.\}, each .*PNG"):
        read(class_ids(100), name="m.jpg", quality=90)
