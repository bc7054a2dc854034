import numpy as np
import pytest
from scipy import ndimage

from mcdrl.renderer.corpus import sample_corpus_frame
from mcdrl.view import Kind, cut, find_view
from tests.view.drawings import as_jpeg, filled, screen, sloping, stencil, tissue, written

BOX = (170, 40, 590, 440)
ROUND = (150, 40, 550, 440)
GROUNDS = ((0, 0, 0), (16, 16, 16), (22, 23, 25), (70, 75, 90), (245, 245, 245), (30, 60, 140))
KINDS = (Kind.CIRCLE, Kind.OCTAGON, Kind.RECTANGLE)


def box_of(kind):
    return ROUND if kind is Kind.CIRCLE else BOX


def assert_near(box, truth, px=2, share=0.01):
    """Each side within 2 px or 1 % of the view's width or height."""
    size = (truth[2] - truth[0], truth[3] - truth[1])
    for side in range(4):
        assert abs(box[side] - truth[side]) <= max(px, share * size[side % 2]), (box, truth)


@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_view_of_each_kind_is_found_on_grounds_of_any_colour(kind, ground):
    view = find_view(as_jpeg(screen(kind, box_of(kind), ground=ground)))
    assert_near(view.box, box_of(kind))
    assert view.kind is kind
    assert view.confidence > 0.7


@pytest.mark.parametrize("size", [(320, 240), (640, 480), (1280, 960), (1920, 1440)])
@pytest.mark.parametrize("kind", KINDS)
def test_sides_are_exact_at_every_size(kind, size):
    box = tuple(value * size[0] // 640 for value in box_of(kind))
    assert_near(find_view(screen(kind, box, size)).box, box)


@pytest.mark.parametrize("kind", KINDS)
def test_the_mask_is_the_views_outline(kind):
    left, top, right, bottom = box_of(kind)
    frame = screen(kind, box_of(kind), ground=(0, 0, 0))
    truth = np.zeros(frame.shape[:2], bool)
    truth[top:bottom, left:right] = stencil(kind, right - left, bottom - top)
    mask = find_view(frame).mask(640, 480)
    assert (mask & truth).sum() / (mask | truth).sum() > 0.97
    assert (truth & ~mask).sum() < 0.002 * truth.sum()


@pytest.mark.parametrize("seed", range(3))
def test_a_frame_of_tissue_alone_is_all_view(seed):
    view = find_view(as_jpeg(tissue(448, 336, seed)))
    assert view.box == (0, 0, 448, 336)
    assert view.kind is Kind.FULL
    assert view.mask(448, 336).all()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_cut_already_stays(kind):
    frame = as_jpeg(screen(kind, box_of(kind), ground=(16, 16, 16)))
    inside = cut(frame, find_view(frame))
    again = find_view(inside)
    assert_near(again.box, (0, 0, inside.shape[1], inside.shape[0]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("axis", [0, 1])
def test_a_mirrored_frame_has_the_mirrored_view(kind, axis):
    frame = written(screen(kind, box_of(kind), ground=(12, 12, 12)), (10, 60), ["NAME", "12:30"])
    left, top, right, bottom = find_view(frame).box
    box = find_view(np.ascontiguousarray(np.flip(frame, axis))).box
    mirrored = (left, 480 - bottom, right, 480 - top) if axis == 0 else (640 - right, top, 640 - left, bottom)
    assert max(abs(one - other) for one, other in zip(box, mirrored, strict=True)) <= 2


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("factor", [0.5, 0.7])
def test_brightness_changes_nothing(kind, factor):
    frame = (screen(kind, box_of(kind), ground=(16, 16, 16)) * factor).astype(np.uint8)
    assert_near(find_view(frame).box, box_of(kind))


def test_equal_frames_have_equal_views():
    frame = screen(Kind.OCTAGON, BOX)
    assert find_view(frame) == find_view(frame.copy())


def test_a_side_panel_with_text_and_a_map_is_no_view():
    frame = filled(screen(Kind.OCTAGON, BOX), (0, 0, 150, 480), (60, 70, 110))
    frame = filled(frame, (0, 330, 190, 480), (44, 183, 142))
    frame = written(frame, (10, 20), ["PATIENT", "ID 12345", "F 61", "12:30:05"])
    assert_near(find_view(as_jpeg(frame)).box, BOX)


@pytest.mark.parametrize("pattern", ["gradient", "noise", "stripes"])
@pytest.mark.parametrize("right", [False, True])
def test_a_panel_that_is_no_even_area_is_no_view(pattern, right):
    y, x = np.mgrid[:480, :160]
    shade = {
        "gradient": 60 + 80 * y / 480,
        "noise": 120 + np.random.default_rng(0).normal(0, 14, y.shape),
        "stripes": 90 + 20 * ((x + y) // 12 % 2),
    }[pattern]
    frame = np.concatenate([np.repeat(shade[..., None], 3, 2).astype(np.uint8), tissue(480, 480)], axis=1)
    box = find_view(as_jpeg(frame[:, ::-1] if right else frame)).box
    assert_near(box, (0, 0, 480, 480) if right else (160, 0, 640, 480))


@pytest.mark.parametrize("slope", [(0, 0.8), (0, -0.8), (0.8, 0), (-0.6, 0.4)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_ground_that_fades_is_no_view(kind, slope):
    frame = screen(kind, box_of(kind), ground=(1, 2, 3))
    frame = np.where((frame == (1, 2, 3)).all(axis=2, keepdims=True), sloping((110, 125, 90), slope), frame)
    for one in (frame, filled(frame, (0, 464, 640, 480), (200, 60, 30))):
        view = find_view(as_jpeg(one))
        assert_near(view.box, box_of(kind))
        assert view.kind is kind


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("slope", [(0, 0.8), (0.8, 0)])
def test_tissue_out_of_focus_under_light_that_fades_is_all_view(slope, seed):
    light = sloping((255, 255, 255), slope, (448, 336)) / 255
    frame = ndimage.gaussian_filter(tissue(448, 336, seed).astype(float), (40, 40, 0)) * light
    assert find_view(as_jpeg(frame.clip(0, 255).astype(np.uint8))).box == (0, 0, 448, 336)


@pytest.mark.parametrize("colour", [(90, 140, 120), (200, 150, 80), (150, 90, 180)])
@pytest.mark.parametrize("side", [20, 30, 40])
@pytest.mark.parametrize("right", [False, True])
def test_a_panel_with_a_pattern_of_two_shades_is_no_view(colour, side, right):
    y, x = np.mgrid[:480, :150]
    panel = np.array(colour) + (25 * ((x // side + y // side) % 2))[..., None]
    frame = tissue(640, 480)
    frame[:, :150] = panel
    frame = frame[:, ::-1] if right else frame
    assert_near(find_view(as_jpeg(frame)).box, (0, 0, 490, 480) if right else (150, 0, 640, 480))


def test_grey_tissue_of_two_shades_is_all_view():
    frame = tissue(640, 480).mean(axis=2, keepdims=True).repeat(3, axis=2)
    frame[:, :150] *= 0.75
    assert find_view(as_jpeg(frame.astype(np.uint8))).box == (0, 0, 640, 480)


@pytest.mark.parametrize("small", [(20, 330, 170, 480), (60, 0, 200, 120), (10, 200, 150, 320)])
def test_a_second_picture_is_no_part_of_the_view(small):
    frame = screen(Kind.OCTAGON, BOX)
    left, top, right, bottom = small
    frame[top:bottom, left:right] = tissue(right - left, bottom - top, 9)
    assert_near(find_view(as_jpeg(frame)).box, BOX)


def test_text_at_the_views_side_is_no_part_of_it():
    frame = written(
        screen(Kind.OCTAGON, BOX), (30, 60), ["ID: 4711", "Name:", "", "Sex: Age:", "28/05/2020", "10:04:14"]
    )
    assert_near(find_view(as_jpeg(frame)).box, BOX)


def test_a_box_over_a_corner_of_the_view_cuts_nothing():
    frame = filled(screen(Kind.OCTAGON, (0, 0, 640, 480)), (0, 300, 210, 480), (0, 0, 0))
    assert find_view(as_jpeg(frame)).box == (0, 0, 640, 480)


@pytest.mark.parametrize("ground", [0, 16])
def test_a_dark_lumen_at_the_rim_is_not_cut(ground):
    y, x = np.mgrid[:400, :420]
    light = np.clip(np.hypot((x - 40) / 200, (y - 200) / 260), 0.12, 1)[..., None]
    frame = screen(Kind.OCTAGON, BOX, ground=(ground,) * 3)
    frame[40:440, 170:590] = np.maximum(frame[40:440, 170:590] * light, ground).astype(np.uint8)
    assert_near(find_view(as_jpeg(frame)).box, BOX)


def test_a_dark_grey_lumen_beside_a_constant_border_is_not_cut():
    frame = screen(Kind.OCTAGON, (0, 0, 448, 336), (448, 336), ground=(16, 16, 16))
    lumen = stencil(Kind.OCTAGON, 448, 336) & (np.arange(448) > 300)
    y, x = np.mgrid[:336, :448]
    frame[lumen] = (27 + 3 * np.sin(x / 30) * np.cos(y / 40))[lumen, None].round()
    assert find_view(frame).box == (0, 0, 448, 336)


def test_a_dark_part_inside_a_noisy_border_is_not_cut():
    noise = np.random.default_rng(2).normal(0, 3, (192, 256, 3))
    frame = screen(Kind.CIRCLE, (60, 20, 220, 180), (256, 192), ground=(10, 10, 10))
    dark = frame[20:100, 60:220]
    dark[stencil(Kind.CIRCLE, 160, 160)[:80]] = (32, 38, 36)
    assert_near(find_view((frame + noise).clip(0, 255).astype(np.uint8)).box, (60, 20, 220, 180), px=3)


def test_a_black_border_that_drifts_is_no_view():
    frame = screen(Kind.OCTAGON, BOX, ground=(0, 0, 0))
    border = ~frame.any(axis=2)
    y, x = np.mgrid[:480, :640]
    frame[border] = (np.array([14, 16, 16]) + (x / 640 * 10 + y / 480 * 4).astype(int)[border, None]).astype(np.uint8)
    assert_near(find_view(as_jpeg(frame)).box, BOX)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("cast", [(3, 3, 3), (0, 3, -3)])
def test_a_black_border_of_another_tinge_on_each_side_is_no_view(kind, axis, cast):
    frame = screen(kind, box_of(kind), ground=(0, 0, 0))
    border = ~frame.any(axis=2)
    place = np.indices(border.shape)[axis] / border.shape[axis]
    frame[border] = (20 + np.tanh(12 * (place - 0.5))[border, None] * cast).round().astype(np.uint8)
    assert_near(find_view(as_jpeg(frame)).box, box_of(kind))


def test_a_dark_rim_all_around_that_ends_softly_is_not_cut():
    y, x = np.mgrid[:336, :448]
    light = np.clip(1.6 - np.hypot((x - 224) / 190, (y - 168) / 140), 0, 1)[..., None]
    frame = np.maximum(tissue(448, 336) * light, 12) + np.random.default_rng(4).normal(0, 1, (336, 448, 1))
    left, top, right, bottom = find_view(as_jpeg(frame.astype(np.uint8))).box
    shown = (tissue(448, 336) * light).max(axis=2) > 25
    assert shown[top:bottom, left:right].sum() > 0.995 * shown.sum()


def test_a_black_strip_at_a_corner_of_the_view_cuts_nothing():
    frame = filled(screen(Kind.OCTAGON, (0, 0, 448, 336), (448, 336)), (0, 130, 8, 336), (0, 0, 0))
    assert find_view(frame).box == (0, 0, 448, 336)


def test_a_vignette_is_no_border():
    y, x = np.mgrid[:336, :448]
    light = np.exp(-1.2 * (((x - 224) / 224) ** 2 + ((y - 168) / 168) ** 2))[..., None]
    assert find_view(as_jpeg((tissue(448, 336) * light).astype(np.uint8))).box == (0, 0, 448, 336)


def test_an_outline_leaves_out_nothing_that_shows():
    y, x = np.mgrid[:336, :448]
    light = np.exp(-3 * (((x - 300) / 224) ** 2 + ((y - 168) / 168) ** 2))[..., None]
    frame = as_jpeg((tissue(448, 336) * light).astype(np.uint8))
    shown = frame.max(axis=2) > 25
    assert (shown & ~find_view(frame).mask(448, 336)).sum() < 0.01 * shown.sum()


@pytest.mark.parametrize("kind", [Kind.OCTAGON, Kind.RECTANGLE])
def test_glare_at_the_rim_is_not_cut(kind):
    frame = screen(kind, BOX)
    glare = frame[120:400, 540:590]
    glare[glare.any(axis=2)] = 255
    assert_near(find_view(as_jpeg(frame)).box, BOX)


@pytest.mark.parametrize("kind", KINDS)
def test_noise_in_the_border_changes_nothing(kind):
    frame = screen(kind, box_of(kind), ground=(16, 16, 16)) + np.random.default_rng(1).normal(0, 3, (480, 640, 3))
    assert_near(find_view(as_jpeg(frame.clip(0, 255).astype(np.uint8))).box, box_of(kind))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("light", ["narrow band", "blue", "grey"])
def test_other_light_than_white_is_found(kind, light):
    frame = screen(kind, box_of(kind))
    if light == "narrow band":
        frame = frame[..., [1, 2, 2]]
    elif light == "blue":
        frame = frame[..., [2, 1, 0]]
    else:
        frame = np.repeat(frame.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    assert_near(find_view(as_jpeg(frame)).box, box_of(kind))


def panes(seed):
    """A screen of four panes: tissue, a panel, a gradient and nothing, wherever they come to lie."""
    drawn = np.random.default_rng(seed)
    frame = np.zeros((256, 256, 3))
    x, y = (int(256 * share) for share in drawn.uniform(0.25, 0.6, 2))
    margin = int(drawn.integers(0, 25))
    rows, columns = ((margin, y), (y, 256 - margin)), ((margin, x), (x, 256 - margin))
    for top, bottom in rows:
        for left, right in columns:
            shape = (bottom - top, right - left)
            noise = drawn.normal(0, 4, (*shape, 1))
            cloudy = ndimage.zoom(drawn.uniform(-128, 128, (6, 6)), (shape[0] / 6, shape[1] / 6))[..., None]
            tissue_like = np.array([180, 95, 85]) + 0.3 * cloudy + noise
            panel = drawn.integers(40, 256, 3) + noise
            gradient = np.linspace(*drawn.integers(0, 256, 2), shape[1])[None, :, None] * drawn.uniform(0.3, 1, 3)
            frame[top:bottom, left:right] = (tissue_like, panel, gradient, 0)[drawn.integers(4)]
    return frame.clip(0, 255).astype(np.uint8)


def test_a_screen_of_several_panes_has_a_view_whatever_is_left_beside_its_panels():
    for seed in range(150, 160):
        view = find_view(panes(seed))
        assert view.width_px > 0
        assert view.height_px > 0


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (15, 15), (40, 60), (200, 3), (16, 1000)])
def test_frames_of_any_size_have_a_view(shape):
    frame = tissue(shape[1], shape[0]) if min(shape) > 1 else np.zeros((*shape, 3), np.uint8)
    assert find_view(frame).box == (0, 0, shape[1], shape[0])


@pytest.mark.parametrize("value", [0, 16, 128, 255])
def test_a_frame_of_one_colour_is_all_view(value):
    assert find_view(np.full((240, 320, 3), value, np.uint8)).box == (0, 0, 320, 240)


@pytest.mark.parametrize("seed", range(40))
def test_no_lesion_of_a_rendered_frame_is_lost(seed):
    frame = sample_corpus_frame(seed, 224)
    left, top, right, bottom = find_view(frame.image).box
    assert frame.mask[top:bottom, left:right].sum() == frame.mask.sum()


def beside(gap, second=None, ground=(0, 0, 0)):
    """Two pictures, the gap between them of the ground's colour."""
    frame = np.full((340, 2 * gap + 640, 3), ground, np.uint8)
    frame[20:320, gap : gap + 300] = tissue(300, 300)
    second = tissue(300, 300, seed=1) if second is None else second
    high, wide = second.shape[:2]
    frame[20 : 20 + high, 2 * gap + 300 : 2 * gap + 300 + wide] = second
    return frame


@pytest.mark.parametrize("upright", [True, False])
@pytest.mark.parametrize(
    ("gap", "ground"),
    [(6, (0, 0, 0)), *((gap, ground) for gap in (10, 20, 60) for ground in ((0, 0, 0), (70, 75, 90)))],
)
def test_a_second_picture_of_about_equal_size_is_told(gap, ground, upright):
    frame = as_jpeg(beside(gap, ground=ground))
    assert find_view(frame if upright else np.ascontiguousarray(frame.transpose(1, 0, 2))).another


def dark_sided(seed, side=40):
    """A picture whose left and right sides fade to black over some pixels."""
    place = np.arange(300)
    light = np.clip(np.minimum(place, 299 - place) / side, 0, 1)
    return (tissue(300, 300, seed=seed) * light[None, :, None]).astype(np.uint8)


def cornered(seed, cut):
    """A picture without its corners: straight cuts of some pixels; None: all that lies outside a disc."""
    y, x = np.mgrid[:300, :300]
    from_side = np.minimum(x, 299 - x) + np.minimum(y, 299 - y)
    inside = np.hypot(x - 149.5, y - 149.5) <= 150 if cut is None else from_side >= cut
    return (tissue(300, 300, seed=seed) * inside[..., None]).astype(np.uint8)


@pytest.mark.parametrize("gap", [8, 16])
@pytest.mark.parametrize(
    "make", [dark_sided, lambda seed: cornered(seed, 60), lambda seed: cornered(seed, 90), lambda s: cornered(s, None)]
)
@pytest.mark.parametrize("upright", [True, False])
def test_a_second_picture_is_told_though_both_have_dark_sides_or_corners(make, gap, upright):
    frame = np.zeros((340, gap + 640, 3), np.uint8)
    frame[20:320, 20:320], frame[20:320, gap + 320 : gap + 620] = make(0), make(1)
    assert find_view(as_jpeg(frame if upright else np.ascontiguousarray(frame.transpose(1, 0, 2)))).another


@pytest.mark.parametrize("wide", [12, 24])
def test_a_dark_fold_in_the_middle_is_no_gap_between_pictures(wide):
    y, x = np.mgrid[:480, :640]
    for bend in (20, 60):
        away = np.abs(x - 320 - bend * np.sin(y / 90))
        light = np.clip((away - wide / 4) / (wide / 4), 0.06, 1)
        assert not find_view(as_jpeg((tissue(640, 480) * light[..., None]).astype(np.uint8))).another


def test_small_pictures_that_touch_are_no_second_picture():
    column = np.concatenate([tissue(225, 75, seed=seed) * (0.5 if seed % 2 else 1) for seed in range(1, 5)])
    assert not find_view(as_jpeg(beside(40, column.astype(np.uint8)))).another


def test_a_wide_strip_is_no_second_picture():
    frame = np.zeros((520, 660, 3), np.uint8)
    frame[20:320, 180:480], frame[360:500, 20:640] = tissue(300, 300), tissue(620, 140, seed=1)
    assert not find_view(as_jpeg(frame)).another


@pytest.mark.parametrize("gap", [8, 40])
def test_so_are_pictures_in_four_panes(gap):
    two = np.concatenate([tissue(300, 240), np.zeros((240, gap, 3), np.uint8), tissue(300, 240, seed=1)], axis=1)
    four = np.concatenate([two, np.zeros((gap, two.shape[1], 3), np.uint8), two[:, ::-1]], axis=0)
    assert find_view(as_jpeg(four)).another


@pytest.mark.parametrize(
    "frame",
    [
        beside(40, tissue(140, 140, seed=1)),
        beside(40, np.full((300, 300, 3), (70, 75, 90), np.uint8)),
        tissue(640, 480),
        (tissue(640, 480) // 16).astype(np.uint8),
        filled(tissue(640, 480), (0, 0, 640, 6), (0, 0, 0)),
        screen(Kind.CIRCLE, ROUND),
        screen(Kind.OCTAGON, BOX),
        np.full((240, 320, 3), 16, np.uint8),
    ],
)
def test_a_small_picture_a_panel_and_one_view_are_no_second_picture(frame):
    assert not find_view(as_jpeg(frame)).another
