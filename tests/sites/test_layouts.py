"""Each published data set's layout, in small, read by its own card; the masks are known to the pixel."""

import json

import numpy as np
import pytest
from PIL import Image, ImageOps

from mcdrl.artifacts.frames import to_native, unpack_native_mask
from mcdrl.sites.summary import summary
from mcdrl.study.params import Site
from tests.sites.site_folder import noise

CLASSES = ["polyp", "tumor", "inflammation", "nodule", "cyst"]


@pytest.fixture
def ingest(tmp_path, through_gate):
    def run(card, **keys):
        return through_gate("S", Site.model_validate({"card": card, "root": str(tmp_path / "raw"), **keys}), CLASSES)

    return run


@pytest.fixture
def masks(passed):
    return lambda: {case: unpack_native_mask(pixels.native_mask) for case, pixels in passed.items()}


def save(path, image, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)


def lesion(left, top, right, bottom, value=255, size=(40, 30)):
    grey = np.zeros(size[::-1], np.uint8)
    grey[top:bottom, left:right] = value
    return Image.fromarray(grey)


def area(mask):
    return np.bincount(mask.ravel(), minlength=6)[1:].tolist()


def entry(image, label, points):
    return {"object_id": image, "label_ids": [label], "data": [{"x": x, "y": y} for x, y in points]}


def box(left, top, right, bottom):
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


NAMES = ["Tumor", "Muscosal erythema", "Main carina", "Stenosis"]


def broncholc(root):
    """Two patients with cancer, one without: five frames of 48x48."""
    frames = {
        "Lung_cancer": {"p1/v1": ["a", "b"], "p1/v2": ["c"], "p2/v3": ["d"]},
        "Non_lung_cancer": {"p3/v4": ["e"]},
    }
    outlines = {
        "Lung_cancer": [
            entry("a", "l0", box(2, 3, 5, 6)),
            entry("a", "l0", box(10, 10, 19, 11)),
            entry("a", "l1", box(30, 30, 31, 31)),
            entry("a", "l2", box(0, 0, 47, 47)),
            entry("b", "l0", box(-5, -5, 3, 1)),
            entry("c", "l3", box(4, 4, 9, 9)),
            entry("d", "l0", [(1, 1), (2, 2)]),
        ],
        "Non_lung_cancer": [entry("e", "l2", box(4, 4, 9, 9)), entry("gone", "l0", box(4, 4, 9, 9))],
    }
    seeds = iter(range(100))
    for part, videos in frames.items():
        for video, images in videos.items():
            for image in images:
                save(root / part / "imgs" / video / f"{image}.png", noise(next(seeds), 48, 48))
        labels = [{"id": f"l{number}", "name": name} for number, name in enumerate(NAMES)]
        (root / part / "labels.json").write_text(json.dumps(labels))
        (root / part / "annotation.json").write_text(json.dumps(outlines[part]))
        (root / part / "objects.json").write_text("[]")


def test_bm_broncholc_polygons_labels_and_patients(tmp_path, ingest, masks):
    broncholc(tmp_path / "raw")
    result = ingest("bm_broncholc")
    cases = result.cases.set_index("case_id")
    assert cases["group_id"].to_dict() == {"S/a": "p1", "S/b": "p1", "S/e": "p3"}
    assert cases["lesion_class"].fillna("none").to_dict() == {"S/a": "tumor", "S/b": "tumor", "S/e": "none"}
    found = masks()
    assert area(found["S/a"]) == [0, 4 * 4 + 10 * 2, 2 * 2, 0, 0]
    assert set(found["S/a"][3:7, 2:6].ravel()) == {2}
    assert set(found["S/a"][30:32, 30:32].ravel()) == {3}
    assert area(found["S/b"]) == [0, 4 * 2, 0, 0, 0]
    assert area(found["S/e"]) == [0] * 5
    assert {issue.file: issue.kind for issue in result.refused} == {
        "Lung_cancer/annotation.json entry 6": "polygon with under three points",
        "Lung_cancer/imgs/p1/v2/c.png": "label without a class",
        "Lung_cancer/imgs/p2/v3/d.png": "lesion without an outline",
    }
    assert {note.kind: note.file for note in result.notes} == {
        "outline without a frame": "gone",
        "polygon that reaches out of the frame, clipped": "Lung_cancer/imgs/p1/v1/b.png",
        "several classes in one frame, its class is that of the largest area": "Lung_cancer/imgs/p1/v1/a.png",
        "class without a frame": "S",
    }


def test_the_working_mask_keeps_the_classes(tmp_path, ingest, passed):
    broncholc(tmp_path / "raw")
    ingest("bm_broncholc")
    assert set(np.unique(passed["S/a"].mask)) == {0, 2, 3}


def test_kvasir_masks_are_jpeg(tmp_path, ingest, masks):
    root = tmp_path / "raw"
    for number in range(3):
        save(root / "images" / f"k{number}.jpg", noise(number, 64, 48), quality=95)
        save(root / "masks" / f"k{number}.jpg", lesion(8, 8, 24, 32, 255, (64, 48)), quality=80)
    assert ingest("kvasir_seg").refused == []
    found = masks()
    assert [area(mask) for mask in found.values()] == [[16 * 24, 0, 0, 0, 0]] * 3
    assert set(found["S/k0"][8:32, 8:24].ravel()) == {1}


def test_clinicdb_tiff_and_sequences(tmp_path, ingest, masks):
    root = tmp_path / "raw"
    for number in (1, 25, 26, 50, 51, 612):
        save(root / "Original" / f"{number}.tif", noise(number))
        save(root / "Ground Truth" / f"{number}.tif", lesion(0, 0, number % 7 + 1, 2))
    result = ingest("cvc_clinicdb")
    groups = result.cases.set_index("case_id")["group_id"].to_dict()
    assert groups == {"S/1": "1", "S/25": "1", "S/26": "2", "S/50": "2", "S/51": "3", "S/612": "29"}
    assert {case: area(mask)[0] for case, mask in masks().items()} == {
        f"S/{number}": 2 * (number % 7 + 1) for number in (1, 25, 26, 50, 51, 612)
    }


def test_etis_masks_have_a_p_before_the_number(tmp_path, ingest, masks):
    root = tmp_path / "raw"
    for number in (1, 2, 11):
        save(root / "ETIS-LaribPolypDB" / f"{number}.tif", noise(number))
        save(root / "Ground Truth" / f"p{number}.tif", lesion(0, 0, number, 1))
    assert ingest("etis_larib").refused == []
    assert {case: area(mask)[0] for case, mask in masks().items()} == {"S/1": 1, "S/2": 2, "S/11": 11}


@pytest.mark.parametrize("centre", [1, 2, 3, 4, 5, 6])
def test_polypgen_centres_are_sites_of_their_own(tmp_path, ingest, masks, centre):
    for other in range(1, 7):
        folder = tmp_path / "raw" / f"data_C{other}"
        save(folder / f"images_C{other}" / f"C{other}_1.jpg", noise(other, 64, 48))
        save(folder / f"masks_C{other}" / f"C{other}_1_mask.jpg", lesion(8, 8, 24, 24, 255, (64, 48)), quality=80)
    result = ingest(f"polypgen_c{centre}")
    assert result.cases["case_id"].tolist() == [f"S/C{centre}_1"]
    assert result.refused == []
    assert area(masks()[f"S/C{centre}_1"])[0] == 256


def test_clinicdb_as_converted_with_a_table(tmp_path, ingest):
    lines = ["frame_id,sequence_id,image_path,mask_path"]
    for number, sequence in ((1, 1), (2, 1), (3, 2)):
        save(tmp_path / "raw" / "images" / f"clinicdb_{number:03}.jpg", noise(number))
        save(tmp_path / "raw" / "masks" / f"clinicdb_{number:03}.png", lesion(0, 0, 3, 3).convert("1"))
        lines.append(f"clinicdb_{number:03},{sequence},images/x.jpg,masks/x.png")
    (tmp_path / "raw" / "metadata.csv").write_text("\n".join(lines))
    assert ingest("cvc_clinicdb_flat").cases["group_id"].tolist() == ["1", "1", "2"]


def test_laryngoscope_classes_are_folders_and_masks_are_never_invented(tmp_path, ingest):
    root = tmp_path / "raw"
    for seed, (folder, stem) in enumerate([("polyp", "a"), ("cyst", "b"), ("normal", "c"), ("nodule", "d")]):
        save(root / "images" / folder / f"{stem}.jpg", noise(seed))
    save(root / "masks" / "a.png", lesion(0, 0, 3, 3))
    save(root / "masks" / "b.png", lesion(0, 0, 3, 3))
    save(root / "masks" / "c.png", lesion(0, 0, 0, 0))
    result = ingest("laryngoscope8")
    assert result.cases["lesion_class"].fillna("none").tolist() == ["polyp", "cyst", "none"]
    assert [(one.file, one.kind) for one in result.refused] == [("images/nodule/d.jpg", "no mask")]


def test_masks_of_the_background_are_noticed(tmp_path, ingest):
    for name, box in (("a", (0, 0, 39, 29)), ("b", (0, 0, 30, 29)), ("c", (0, 0, 3, 3))):
        save(tmp_path / "raw" / "images" / f"{name}.png", Image.effect_noise((40, 30), 99).convert("RGB"))
        save(tmp_path / "raw" / "masks" / f"{name}.png", lesion(*box))
    found = ingest("folder", lesion_class="polyp")
    told = {note.kind: note.detail for note in found.notes}
    assert found.doubts == found.notes
    fix = "invert them or say so: mask_values={0: lesion, 255: background}"
    assert told == {"lesion in more than half of the frame": f"2 of 3 masks; if they show the background, {fix}"}
    meant = ingest("folder", lesion_class="polyp", mask_values={"0": "lesion", "255": "background"})
    areas = dict(zip(found.cases["case_id"], found.cases["lesion_area_px"], strict=True))
    assert {case: 40 * 30 - area for case, area in areas.items() if area < 40 * 30} == {
        case: area for case, area in zip(meant.cases["case_id"], meant.cases["lesion_area_px"], strict=True) if area
    }


def test_red_and_blue_change_places_where_the_reading_says_so(tmp_path, ingest, passed):
    blue = Image.new("RGB", (40, 30), (60, 80, 200))
    save(tmp_path / "raw" / "images" / "a.png", blue)
    save(tmp_path / "raw" / "masks" / "a.png", lesion(0, 0, 3, 3))
    told = ingest("folder", lesion_class="polyp").notes
    assert "more blue than red" in {note.kind for note in told}
    assert ingest("folder", lesion_class="polyp", channels="bgr").notes == []
    assert passed["S/a"].image[0, 0].tolist() == [200, 80, 60]


def tissue(height, width):
    """Pixels of tissue's colour with some grain; what is of one colour is drawn by a machine."""
    grain = np.random.default_rng(0).normal(0, 16, (height, width, 3))
    return np.clip(grain + np.array([190, 90, 80]), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("view", "box"), [("auto", [164, 109, 508, 339]), ([0.25, 0.25, 0.75, 0.75], [168, 112, 504, 336])]
)
def test_the_view_is_the_same_for_frame_and_mask_is_recorded_and_can_be_undone(
    tmp_path, ingest, passed, masks, view, box
):
    frame = np.zeros((448, 672, 3), np.uint8)
    frame[112:336, 168:504] = tissue(224, 336)
    frame[200:248, 300:360] = (90, 200, 80)
    truth = lesion(300, 200, 360, 248, 255, (672, 448))
    save(tmp_path / "raw" / "images" / "a.png", Image.fromarray(frame))
    save(tmp_path / "raw" / "masks" / "a.png", truth)
    result = ingest("folder", lesion_class="polyp", view=view)
    crop = result.geometry.filter(like="crop").values.tolist()[0]
    assert crop == box
    share = (box[2] - box[0]) * (box[3] - box[1]) / (448 * 672)
    assert f"cut to the view: 1 of 1 frames, to {share:.0%} of their area" in summary("S", result)
    assert result.geometry["border_share"].tolist() == pytest.approx([0.75], abs=0.01)
    image, mask = passed["S/a"].image, passed["S/a"].mask
    assert np.median(image[..., 0]) > 180
    green = image[..., 1].astype(int) - image[..., 0] > 50
    assert np.abs(green.astype(int) - mask).sum() < 0.25 * mask.sum()  # the rim of the resampled square
    native = to_native(mask, tuple(crop), 672, 448)
    assert np.mean(native != masks()["S/a"]) < 0.002
    assert np.array_equal(masks()["S/a"], np.asarray(truth) > 0)


def test_a_lesion_outside_the_view_is_told(tmp_path, ingest):
    frame = np.zeros((224, 224, 3), np.uint8)
    frame[56:168, 56:168] = tissue(112, 112)
    save(tmp_path / "raw" / "images" / "a.png", Image.fromarray(frame))
    save(tmp_path / "raw" / "masks" / "a.png", lesion(50, 100, 60, 110, 255, (224, 224)))
    result = ingest("folder", lesion_class="polyp")
    assert [note.kind for note in result.notes] == ["lesion outside the view, which counts as missed"]
    assert result.cases["lesion_area_px"].tolist() == [100]


def test_names_of_any_script(tmp_path, ingest):
    names = ["Köln-0815", "病例 一", "диагноз", "مريض", "a\u0308"]
    for seed, name in enumerate(names):
        save(tmp_path / "raw" / "images" / f"{name}.png", noise(seed))
        save(tmp_path / "raw" / "masks" / f"{name}.png", lesion(0, 0, 3, 3))
    result = ingest("folder", lesion_class="polyp")
    assert result.refused == []
    assert set(result.cases["case_id"]) == {"S/Köln-0815", "S/病例 一", "S/диагноз", "S/مريض", "S/ä"}


def test_masks_beside_their_folder(tmp_path, ingest):
    for seed, patient in enumerate(("p1", "p2")):
        save(tmp_path / "raw" / patient / "frames" / f"{patient}-1.png", noise(seed))
        save(tmp_path / "raw" / "truth" / "frames" / f"{patient}-1.png", lesion(0, 0, 3, 3))
    keys = {"images": "*/frames/*", "masks": "truth/{parent}/{stem}.*", "lesion_class": "cyst", "folder_group": 0}
    assert ingest("folder", **keys).cases["group_id"].tolist() == ["p1", "p2"]


def test_a_mask_that_no_frame_has_is_told(tmp_path, ingest):
    save(tmp_path / "raw" / "images" / "a.png", noise(0))
    for name in ("a", "b"):
        save(tmp_path / "raw" / "masks" / f"{name}.png", lesion(0, 0, 3, 3))
    notes = ingest("folder", lesion_class="polyp").notes
    assert [(note.file, note.kind) for note in notes] == [("masks/b.png", "mask without a frame")]


@pytest.mark.slow
def test_ten_thousand_frames_in_one_folder(tmp_path, ingest):
    (tmp_path / "raw" / "images").mkdir(parents=True)
    (tmp_path / "raw" / "masks").mkdir()
    mask = lesion(0, 0, 3, 3)
    for number in range(10_000):
        colour = (number % 251, number // 251, 90)
        Image.new("RGB", (40, 30), colour).save(tmp_path / "raw" / "images" / f"{number:05}.png")
        mask.save(tmp_path / "raw" / "masks" / f"{number:05}.png")
    assert len(ingest("folder", lesion_class="polyp").cases) == 10_000


def test_a_few_masks_of_the_background_among_others_are_named(tmp_path, ingest):
    """A large lesion leaves some corner of the frame free; its mask's inverse doesn't."""
    for name, box in (("a", (10, 10, 19, 19)), ("b", (0, 0, 39, 25)), ("c", (0, 0, 3, 3)), ("d", (9, 9, 20, 20))):
        save(tmp_path / "raw" / "images" / f"{name}.png", Image.effect_noise((40, 30), 99).convert("RGB"))
        mask = lesion(*box)
        save(tmp_path / "raw" / "masks" / f"{name}.png", ImageOps.invert(mask) if name == "a" else mask)
    found = ingest("folder", lesion_class="polyp")
    assert [(note.file, note.kind) for note in found.notes] == [
        ("images/a.png", "mask that looks inverted: lesion in most of the frame and all its corners")
    ]


def test_a_table_of_which_no_column_is_named_is_told(tmp_path, ingest):
    save(tmp_path / "raw" / "images" / "a.png", noise(0))
    save(tmp_path / "raw" / "masks" / "a.png", lesion(0, 0, 3, 3))
    (tmp_path / "raw" / "t.csv").write_text("file,patient\na.png,7\n")
    kinds = [[note.kind for note in ingest("folder", lesion_class="polyp", table="t.csv", **more).notes]
             for more in ({}, {"table_group": "patient"})]  # fmt: skip
    assert kinds == [["table of which only the names of the frames count"], []]
