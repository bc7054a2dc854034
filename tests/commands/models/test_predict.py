"""Folders of odd files, through a stub that calls bright pixels lesion."""

import errno
import os
import weakref

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pycocotools.coco import COCO
from typer.testing import CliRunner

from mcdrl import cli
from mcdrl.base.errors import InputError
from mcdrl.commands.models import frames as reading
from mcdrl.commands.models import masks
from mcdrl.commands.models.frames import view_rule
from mcdrl.commands.models.masks import WantedOutput
from mcdrl.commands.models.predict import predict_frames, refused, summary
from mcdrl.imaging.decode import DIM
from mcdrl.metrics.operating_point import OperatingPoint
from mcdrl.model.predictor import Answer, Assessment, ModelAnswer
from mcdrl.model.shown import FLAT, SMALL

EVERYTHING = OperatingPoint()


class Bright:
    """Probability of lesion = brightness of the frame at working size."""

    size_px, batch_size, random_weights = 32, 2, False

    def __init__(self, batch_size=2, operating_point=EVERYTHING):
        self.batch_size, self.operating_point = batch_size, operating_point

    def __call__(self, frames):
        assert frames.dtype == np.uint8
        assert frames.shape[1:] == (32, 32, 3)
        assert len(frames) <= self.batch_size
        return [Answer((ModelAnswer((frame.mean(axis=2) / 255).astype(np.float32)),)) for frame in frames]

    def assess(self, answer):
        level = float(answer.probability.max())
        return Assessment(level, level < 0.5, {"blood": 3 * level, "mucus": 1.0, "far view": 2.0}, level)

    def calibrated(self, raw):
        return raw / 2


def half_white(width, height, side="left"):
    pixels = np.zeros((height, width, 3), np.uint8)
    if side == "left":
        pixels[:, : width // 2] = 255
    else:
        pixels[: height // 2] = 255
    return Image.fromarray(pixels)


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "frames"
    (place / "more").mkdir(parents=True)
    half_white(80, 60).save(place / "a.png")
    half_white(64, 96, "top").save(place / "more" / "b.bmp")
    Image.new("RGB", (50, 40)).save(place / "dark.png")
    return place


def contents(place):
    return {path: path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}


def run(folder, out, **options):
    wanted = WantedOutput(
        out,
        options.pop("threshold", 0.5),
        options.pop("overlay", False),
        options.pop("probabilities", False),
        options.pop("coco", False),
        options.pop("suppress", False),
    )
    predictor = options.pop("predictor", None) or Bright(options.pop("batch_size", 2))
    given = folder if isinstance(folder, list) else [folder]
    return predict_frames(given, predictor, wanted, **{"view": "full", "workers": 2, **options})


def test_masks_have_the_frames_size_and_lie_where_the_lesion_is(folder, tmp_path):
    run(folder, tmp_path / "out")
    left = np.asarray(Image.open(tmp_path / "out" / "a.png"))
    assert left.shape == (60, 80)
    assert set(np.unique(left)) == {0, 255}
    assert (left[:, :38] == 255).all()
    assert (left[:, 42:] == 0).all()
    top = np.asarray(Image.open(tmp_path / "out" / "more" / "b.png"))
    assert top.shape == (96, 64)
    assert (top[:46] == 255).all()
    assert (top[50:] == 0).all()


def test_table_follows_from_the_masks(folder, tmp_path):
    run(folder, tmp_path / "out")
    rows = pd.read_csv(tmp_path / "out" / "predictions.csv", keep_default_na=False).set_index("frame")
    assert rows.index.tolist() == ["a.png", "dark.png", "more/b.bmp"]
    for frame, row in rows.iterrows():
        mask = np.asarray(Image.open(tmp_path / "out" / row["mask"])) > 0
        assert mask.shape == (row["height_px"], row["width_px"]), frame
        assert mask.sum() == row["lesion_area_px"]
        assert float(row["lesion_percent"]) == pytest.approx(100 * mask.mean(), abs=1e-4)
    assert float(rows.loc["dark.png", "confidence"]) == 0


def test_masks_as_coco_are_those_that_the_pngs_show(folder, tmp_path):
    """Read by pycocotools; the score is the mean of the calibrated probabilities, which the stub halves."""
    (folder / "broken.png").write_text("no picture")
    run(folder, tmp_path / "png")
    rows = run(folder, tmp_path / "coco", coco=True, overlay=True)
    reader = COCO(tmp_path / "coco" / "predictions.coco.json")
    assert [image["file_name"] for image in reader.imgs.values()] == ["a.png", "dark.png", "more/b.bmp"]
    for image in reader.imgs.values():
        wanted = np.asarray(Image.open(tmp_path / "png" / image["file_name"].replace(".bmp", ".png"))) > 0
        found = [reader.annToMask(one) for one in reader.loadAnns(reader.getAnnIds(imgIds=image["id"]))]
        assert len(found) == wanted.any()
        assert np.array_equal(sum(found, np.zeros(wanted.shape, int)), wanted)
    assert all(0.4 < one["score"] <= 0.5 for one in reader.anns.values())
    told = "predictions.coco.json"
    assert [(row.frame, row.mask) for row in rows] == [
        ("a.png", told), ("broken.png", ""), ("dark.png", told), ("more/b.bmp", told),
    ]  # fmt: skip
    assert not list((tmp_path / "coco").rglob("*.png"))
    assert (tmp_path / "coco" / "overlays" / "a.jpg").exists()


@pytest.mark.parametrize(("given", "names"), [([], {"a.png"}), (["--format", "coco"], {"predictions.coco.json"})])
def test_the_command_writes_masks_in_the_format_that_is_asked_for(tmp_path, monkeypatch, given, names):
    (tmp_path / "frames").mkdir()
    half_white(80, 60).save(tmp_path / "frames" / "a.png")
    monkeypatch.setattr("mcdrl.model.predictor.load_predictor", lambda *_args, **_options: (Bright(), "full"))
    command = ["predict", tmp_path / "frames", "--model", tmp_path, "--out", tmp_path / "out", *given]
    done = CliRunner().invoke(cli.app, [str(one) for one in command])
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*names, "predictions.csv"}


def test_without_one_frame_there_is_no_coco_file(tmp_path):
    (tmp_path / "frames").mkdir()
    (tmp_path / "frames" / "a.png").write_text("")
    with pytest.raises(InputError, match="not one of the 1 files"):
        run(tmp_path / "frames", tmp_path / "out", coco=True)
    assert not (tmp_path / "out" / "predictions.coco.json").exists()


def write_marks(folder):
    """A frame of two marks, 900 and 100 px of its 10,000, on a ground that isn't even, and a dimmer one."""
    pixels = np.tile(np.arange(100, dtype=np.uint8) // 4, (100, 1))
    pixels[10:40, 10:40] = 255
    pixels[70:80, 70:80] = 255
    Image.fromarray(pixels).save(folder / "marks.png")
    Image.fromarray((pixels * 0.7).astype(np.uint8)).save(folder / "dim.png")


def told(out):
    return pd.read_csv(out / "predictions.csv", keep_default_na=False).set_index("frame")


def test_below_the_operating_point_there_is_no_lesion_and_the_mask_is_empty(folder, tmp_path):
    write_marks(folder)
    point = OperatingPoint(0.8, 0.0)
    rows = run(folder, tmp_path / "out", predictor=Bright(operating_point=point), suppress=True)
    table = told(tmp_path / "out")
    assert table["lesion"].to_dict() == {
        "a.png": "yes", "dark.png": "no", "dim.png": "no", "marks.png": "yes", "more/b.bmp": "yes",
    }  # fmt: skip
    assert float(table.loc["dim.png", "frame_score"]) == pytest.approx(0.7, abs=0.06)  # bicubic overshoots
    assert table.loc["dim.png", "lesion_area_px"] == 0
    assert not np.asarray(Image.open(tmp_path / "out" / "dim.png")).any()
    assert "5 masks" in summary(rows, tmp_path / "out")
    assert "3 of them with a lesion" in summary(rows, tmp_path / "out")
    assert "2 without a lesion at the models' operating point" in summary(rows, tmp_path / "out")


def test_components_below_the_least_area_of_the_view_are_left_out(folder, tmp_path):
    write_marks(folder)
    whole, without, none = (
        run(folder, tmp_path / name, predictor=Bright(operating_point=OperatingPoint(0.0, area)), suppress=True)
        for name, area in (("whole", 0.0), ("without", 0.02), ("none", 0.6))
    )
    large, small = (slice(5, 45),) * 2, (slice(65, 85),) * 2
    masks_ = [np.asarray(Image.open(tmp_path / name / "marks.png")) > 0 for name in ("whole", "without", "none")]
    assert [bool(mask[large].any()) for mask in masks_] == [True, True, False]
    assert [bool(mask[small].any()) for mask in masks_] == [True, False, False]
    assert np.array_equal(masks_[0][large], masks_[1][large])
    areas = [next(row for row in rows if row.frame == "marks.png") for rows in (whole, without, none)]
    assert [row.lesion for row in areas] == ["yes", "yes", "no"]
    assert [row.lesion_area_px for row in areas] == [int(mask.sum()) for mask in masks_]


def test_masks_are_left_as_they_are_unless_asked_and_the_table_tells_all_the_same(folder, tmp_path):
    write_marks(folder)
    strict = OperatingPoint(0.8, 0.02)
    run(folder, tmp_path / "kept", predictor=Bright(operating_point=strict))
    run(folder, tmp_path / "cut", predictor=Bright(operating_point=strict), suppress=True)
    run(folder, tmp_path / "plain")
    for frame in ("dim", "marks", "a"):
        kept, plain = (np.asarray(Image.open(tmp_path / name / f"{frame}.png")) for name in ("kept", "plain"))
        assert np.array_equal(kept, plain)
    assert told(tmp_path / "kept")["lesion"].equals(told(tmp_path / "cut")["lesion"])
    assert told(tmp_path / "kept").loc["dim.png", "lesion_area_px"] > 0
    assert told(tmp_path / "cut").loc["dim.png", "lesion_area_px"] == 0


def test_a_refused_frame_has_neither_a_lesion_nor_none(folder, tmp_path):
    (folder / "cut.jpg").write_bytes(b"no picture")
    run(folder, tmp_path / "out")
    assert told(tmp_path / "out").loc["cut.jpg", ["lesion", "frame_score"]].tolist() == ["", ""]


def test_exif_orientation_turns_frame_and_mask(folder, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying: the viewer turns it by 90 degrees clockwise
    half_white(80, 60).save(folder / "turned.jpg", exif=exif, quality=95)
    run(folder, tmp_path / "out")
    mask = np.asarray(Image.open(tmp_path / "out" / "turned.png"))
    assert mask.shape == (80, 60)
    assert (mask[:36] == 255).all()
    assert (mask[44:] == 0).all()


def test_unreadable_files_are_listed_with_a_reason_and_the_others_go_on(folder, tmp_path):
    (folder / "notes.gif").write_text("no frame")
    (folder / "cut.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut short")
    (folder / ".hidden").write_text("not even listed")
    (folder / ".git").mkdir()
    half_white(40, 40).save(folder / ".git" / "nor.png")
    rows = run(folder, tmp_path / "out")
    reasons = {row.frame: row.reason for row in rows if row.reason}
    assert set(reasons) == {"notes.gif", "cut.jpg"}
    assert all("unreadable frame" in reason for reason in reasons.values())
    table = pd.read_csv(tmp_path / "out" / "predictions.csv", keep_default_na=False)
    assert len(table) == 5
    assert not (tmp_path / "out" / "notes.png").exists()
    assert "3 masks" in summary(rows, tmp_path / "out")
    assert refused(rows).splitlines()[0].startswith("not read: cut.jpg: unreadable frame")
    assert refused(rows, shown=1).splitlines()[1] == "and 1 more; all of them are in the table"


def test_frames_that_differ_in_their_ending_alone_keep_two_masks(folder, tmp_path):
    half_white(40, 40).save(folder / "a.bmp")
    rows = run(folder, tmp_path / "out")
    assert {row.mask for row in rows} == {"a.bmp.png", "a.png.png", "dark.png", "more/b.png"}


def test_a_higher_threshold_finds_less(folder, tmp_path):
    Image.fromarray(np.tile(np.linspace(0, 255, 64, dtype=np.uint8), (64, 1))).save(folder / "ramp.png")
    areas = [
        {row.frame: row.lesion_area_px for row in run(folder, tmp_path / "out", threshold=t)}["ramp.png"]
        for t in (0.2, 0.5, 0.8)
    ]
    assert areas[0] > areas[1] > areas[2] > 0


def test_the_batch_size_changes_nothing(folder, tmp_path):
    assert run(folder, tmp_path / "one", batch_size=1) == run(folder, tmp_path / "all", batch_size=9)


def test_other_files_in_the_results_stay(folder, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    run(folder, tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "keep"


def test_what_an_earlier_run_left_stays_and_is_told(folder, tmp_path, capsys):
    run(folder, tmp_path / "out", overlay=True, probabilities=True)
    run(folder, tmp_path / "out", overlay=True, probabilities=True)
    assert capsys.readouterr().err == ""
    (folder / "dark.png").unlink()
    (folder / "a.png").rename(folder / "new.png")
    (tmp_path / "out" / "mine.csv").write_text("keep")
    before = {path for path in contents(tmp_path / "out")}
    run(folder, tmp_path / "out", probabilities=True)
    told = (
        "7 files of an earlier run stay in {}, which predictions.csv doesn't name: a.png, dark.png, overlays/a.jpg, ..."
    )
    assert capsys.readouterr().err == f"{told.format(tmp_path / 'out')}\n"
    assert before < set(contents(tmp_path / "out"))


def test_pngs_beside_a_coco_file_and_masks_of_what_cannot_be_read_any_more_are_told(folder, tmp_path, capsys):
    (tmp_path / "out" / "x").mkdir(parents=True)
    run(folder / "a.png", tmp_path / "out")
    (folder / "a.png").write_bytes(b"broken")
    run(folder, tmp_path / "out", coco=True)
    told = f"1 file of an earlier run stays in {tmp_path / 'out'}, which predictions.csv doesn't name: a.png\n"
    assert capsys.readouterr().err == told


def test_after_a_coco_file_its_overlays_are_told_by_their_frames_names(folder, tmp_path, capsys):
    half_white(80, 60).save(folder / "a.jpg")
    run(folder, tmp_path / "out", coco=True, overlay=True, probabilities=True)
    before = {path.relative_to(tmp_path / "out").as_posix() for path in contents(tmp_path / "out")}
    half_white(80, 60).save(folder / "more" / "c.png")
    run(folder / "more", tmp_path / "out")
    assert left(capsys.readouterr().err) == (
        len(before) - 1,
        "overlays/a.jpg.jpg, overlays/a.png.jpg, overlays/dark.jpg",
    )


class Stops(Bright):
    """Is interrupted at a batch."""

    def __init__(self, at):
        super().__init__(1)
        self.left = at

    def __call__(self, frames):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return super().__call__(frames)


def test_no_table_stands_beside_masks_of_an_interrupted_run_and_its_files_are_known_to_the_next(
    folder, tmp_path, capsys
):
    out, other = tmp_path / "out", tmp_path / "other"
    run(folder, out)
    other.mkdir()
    for name in ("a", "more", "new"):
        half_white(80, 60, "top").save(other / f"{name}.png")
    for _ in range(2):  # one after another
        with pytest.raises(KeyboardInterrupt):
            run(other, out, predictor=Stops(2))
        assert not (out / "predictions.csv").exists()
        assert f"{out} has no predictions.csv now: some of its masks are this run's" in capsys.readouterr().err
    masks_there = {path.relative_to(out).as_posix() for path in contents(out) if path.suffix == ".png"}
    assert masks_there == {"a.png", "dark.png", "more.png", "more/b.png"}
    half_white(80, 60).save(tmp_path / "last.png")
    run(tmp_path / "last.png", out)
    assert left(capsys.readouterr().err) == (4, "a.png, dark.png, more.png")
    assert {path.name for path in out.iterdir() if path.is_file()} == {
        *("a.png", "dark.png", "last.png", "more.png", "predictions.csv"),
    }
    run(tmp_path / "last.png", out)
    assert capsys.readouterr().err == ""


def test_before_the_first_mask_nothing_happens_to_the_table(folder, tmp_path, capsys):
    run(folder, tmp_path / "out")
    before = contents(tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        run(folder, tmp_path / "out", predictor=Stops(0))
    assert contents(tmp_path / "out") == before
    assert capsys.readouterr().err == ""


def test_an_interrupted_run_makes_no_file_of_somebodys_own_its(folder, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    half_white(8, 8).save(tmp_path / "out" / "dark.png")
    with pytest.raises(KeyboardInterrupt):
        run(folder, tmp_path / "out", predictor=Stops(1))
    half_white(80, 60).save(tmp_path / "last.png")
    capsys.readouterr()
    run(tmp_path / "last.png", tmp_path / "out")
    assert left(capsys.readouterr().err) == (1, "a.png")


@pytest.mark.parametrize("name", ["predictions.csv", "predictions.unfinished"])
def test_a_folder_in_the_place_of_the_table_is_told_before_anything_is_written(folder, tmp_path, name):
    (tmp_path / "out" / name).mkdir(parents=True)
    with pytest.raises(InputError, match=rf"{name} is a folder, where a file is written; move it away"):
        run(folder, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [name]


def test_where_no_mask_can_be_written_masks_of_an_earlier_run_are_told(folder, tmp_path, capsys):
    run(folder / "a.png", tmp_path / "out")
    (tmp_path / "out" / "dark.png").mkdir()
    capsys.readouterr()
    with pytest.raises(InputError, match=r"not one of the 1 files can be read"):
        run(folder / "dark.png", tmp_path / "out")
    told = f"1 file of an earlier run stays in {tmp_path / 'out'}, which predictions.csv doesn't name: a.png"
    assert told in capsys.readouterr().err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "dark.png", "predictions.csv"]


def left(told):
    """Return how many files a line on an earlier run counts, and those that it names."""
    count, _, rest = told.partition(" ")
    return int(count), rest.split("doesn't name: ")[1].strip().removesuffix(", ...")


def test_what_no_run_wrote_is_neither_told_nor_looked_at(folder, tmp_path, capsys, monkeypatch):
    own, out = tmp_path / "own", tmp_path / "out"
    for place in (own, out / "closed", out / "overlays"):
        place.mkdir(parents=True)
        half_white(8, 8).save(place / "mine.png")
    half_white(8, 8).save(out / "mine.png")
    (out / "elsewhere").symlink_to(own)
    opened = os.scandir

    def refuse(place):
        if str(place).startswith(str(out)):
            raise PermissionError(errno.EACCES, "Permission denied", str(place))
        return opened(place)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", refuse)
        run(folder, out)
        run(folder, out)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:0],
        lambda text: "\x00" + text,
        lambda text: text + "cut off,",
        lambda text: text + '"',
        lambda text: text.replace("frame,mask", "frame,label"),
        lambda text: text.replace("a.png", "../mine.png"),
        lambda text: text.replace("a.png", "/etc/passwd"),
        lambda text: text.replace("a.png", "x" * 5000),
        lambda text: text.encode("utf-16"),
    ],
)
def test_a_table_before_that_is_damaged_or_not_of_predict_tells_of_nothing(folder, tmp_path, capsys, change):
    out = tmp_path / "out"
    run(folder / "a.png", out)
    half_white(8, 8).save(tmp_path / "mine.png")
    changed = change((out / "predictions.csv").read_text())
    (out / "predictions.csv").write_bytes(changed if isinstance(changed, bytes) else changed.encode())
    run(folder / "more", out)
    assert capsys.readouterr().err == ""


def test_a_pipe_in_place_of_the_table_is_not_read(folder, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    os.mkfifo(tmp_path / "out" / "predictions.csv")
    run(folder, tmp_path / "out")
    assert capsys.readouterr().err == ""
    assert (tmp_path / "out" / "predictions.csv").is_file()


def test_names_that_a_spreadsheet_would_compute_are_told_as_they_are(folder, tmp_path, capsys):
    (folder / "a.png").rename(folder / "=1.png")
    run(folder / "=1.png", tmp_path / "out")
    run(folder / "more", tmp_path / "out")
    assert left(capsys.readouterr().err) == (1, "=1.png")


@pytest.mark.parametrize("out", [".", "masks", "deep/masks"])
def test_results_inside_the_frames_folder_are_refused(folder, out):
    with pytest.raises(InputError, match="would count as frames"):
        run(folder, folder / out)


def test_missing_empty_and_unreadable_folders_are_named(tmp_path):
    with pytest.raises(InputError, match="there is no folder or file"):
        run(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no files"):
        run(tmp_path / "empty", tmp_path / "out")
    (tmp_path / "empty" / "a.jpg").write_text("nothing")
    with pytest.raises(InputError, match="not one of the 1 files"):
        run(tmp_path / "empty", tmp_path / "out")
    assert (tmp_path / "out" / "predictions.csv").exists()


@pytest.mark.parametrize("view", ["auto", [28 / 224, 0.25, 196 / 224, 0.75]])
def test_a_cut_to_the_view_is_undone(tmp_path, view):
    frame = np.zeros((224, 224, 3), np.uint8)
    frame[56:168, 28:196] = np.random.default_rng(0).normal((120, 60, 50), 8, (112, 168, 3))
    frame[84:112, 70:112] = 250
    (tmp_path / "in").mkdir()
    Image.fromarray(frame).save(tmp_path / "in" / "a.png")
    seen = []

    class Whole(Bright):
        def __call__(self, frames):
            seen.append(np.median(frames))
            return super().__call__(frames)

    (row,) = run(tmp_path / "in", tmp_path / "out", predictor=Whole(), view=view)
    lesion = np.asarray(Image.open(tmp_path / "out" / row.mask)) > 0
    truth = frame[..., 0] == 250
    assert lesion.shape == (224, 224)
    assert (lesion & truth).sum() > 0.8 * (lesion | truth).sum()
    assert seen[0] > 40
    left, top, right, bottom = map(int, row.view_px.split())
    assert (20 < left <= 28, 50 < top <= 56, 196 <= right < 204, 168 <= bottom < 174) == (True,) * 4


def test_the_command_lines_view_is_a_rule(tmp_path):
    assert (view_rule("auto"), view_rule("full"), view_rule("0.25, 0,1,1")) == ("auto", "full", [0.25, 0, 1, 1])
    for text in ("none", "0,0,1", "0.5,0,0.5,1", "0,0,1,2", "nan,0,1,1"):
        with pytest.raises(InputError, match=f"--view {text}: expected auto, full or left,top,right,bottom"):
            view_rule(text)


def test_what_is_said_of_a_frame_is_in_its_row(folder, tmp_path):
    rows = {row.frame: row for row in run(folder, tmp_path / "out")}
    assert (rows["a.png"].flagged, rows["dark.png"].flagged) == ("no", "yes")
    assert rows["a.png"].confounders == "blood; far view"  # 3 and 2 deviations; the limit is 2
    assert rows["dark.png"].confounder_scores == "far view 2.0; mucus 1.0; blood 0.0"
    text = summary(list(rows.values()), tmp_path / "out")
    assert "1 flagged" in text
    assert "far view in 3, blood in 2" in text


def test_overlays_and_probabilities_have_the_frames_size(folder, tmp_path):
    run(folder, tmp_path / "out", overlay=True, probabilities=True)
    drawn = np.asarray(Image.open(tmp_path / "out" / "overlays" / "more" / "b.jpg")).astype(int)
    assert drawn.shape == (96, 64, 3)
    magenta = (abs(drawn - [255, 0, 255]) < 60).all(axis=2)
    rows = np.flatnonzero(magenta.mean(axis=1) > 0.5)
    assert len(rows)
    assert set(rows) <= {0, 1, 2, *range(44, 51)}
    grey = np.asarray(Image.open(tmp_path / "out" / "probabilities" / "a.png"))
    assert grey.shape == (60, 80)
    assert (grey[:, :36] == 128).all()  # the stub's calibration halves
    assert (grey[:, 44:] == 0).all()


def test_single_frames_and_several_folders(folder, tmp_path):
    rows = run([folder / "a.png", folder / "more"], tmp_path / "out")
    assert [row.frame for row in rows] == ["a.png", "more/b.bmp"]
    assert (tmp_path / "out" / "more" / "b.png").exists()
    with pytest.raises(InputError, match="both be called a"):
        run([folder / "a.png", folder / "a.png"], tmp_path / "out")


def test_more_frames_than_are_read_ahead_keep_their_order(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(30):
        Image.new("RGB", (20 + number, 30), (255,) * 3 if number % 3 else (0,) * 3).save(
            tmp_path / "in" / f"{number:02}.png"
        )
    rows = run(tmp_path / "in", tmp_path / "out", workers=3)
    assert [row.width_px for row in rows] == list(range(20, 50))
    assert [row.lesion_area_px > 0 for row in rows] == [number % 3 > 0 for number in range(30)]


@pytest.mark.parametrize(
    ("given", "out", "said"),
    [
        (["a.png", "more/b.bmp"], ".", "is the folder of .*a.png"),
        (["a.png"], "more/..", "is the folder of .*a.png"),
        (["link.png"], "x/probabilities", "is the folder of .*link.png"),
        (["more"], ".", "holds .*more"),
        (["a.png", "x/probabilities"], ".", "is the folder of .*a.png"),
        (["more", "x/probabilities"], "x", "holds .*probabilities"),
        (["a.png", "link.png"], "x", "probabilities of a.png would replace the frame .*link.png"),
    ],
)
def test_no_frame_is_replaced(folder, given, out, said):
    (folder / "x" / "probabilities").mkdir(parents=True)
    half_white(20, 20).save(folder / "x" / "probabilities" / "a.png")
    (folder / "link.png").symlink_to(folder / "x" / "probabilities" / "a.png")
    before = contents(folder)
    with pytest.raises(InputError, match=said):
        run([folder / name for name in given], folder / out, probabilities=True)
    assert contents(folder) == before


def test_a_mask_and_another_frames_probabilities_do_not_share_a_file(folder, tmp_path):
    (folder / "probabilities").mkdir()
    half_white(20, 20).save(folder / "probabilities" / "a.jpg")
    with pytest.raises(
        InputError, match=r"probabilities/a\.png would be the probabilities of a\.png and the mask of prob"
    ):
        run(folder, tmp_path / "out", probabilities=True)
    assert len(run(folder, tmp_path / "out")) == 4


def test_names_that_are_no_utf8_or_long_get_their_masks(folder, tmp_path):
    odd = os.fsdecode(b"polype_\xe9.png")
    half_white(20, 20).save(folder / odd)
    half_white(20, 20).save(folder / f"{'n' * 245}.png")
    rows = run(folder, tmp_path / "out")
    assert [row.reason for row in rows] == [""] * 5
    assert (tmp_path / "out" / odd).is_file()
    assert (tmp_path / "out" / f"{'n' * 245}.png").is_file()
    table = pd.read_csv(tmp_path / "out" / "predictions.csv")
    assert "polype_\\udce9.png" in set(table["frame"])
    assert summary(rows, tmp_path / os.fsdecode(b"\xe9")).encode()


def test_a_frame_that_cannot_be_written_is_listed_and_the_others_go_on(folder, tmp_path):
    (tmp_path / "out" / "a.png").mkdir(parents=True)
    rows = {row.frame: row for row in run(folder, tmp_path / "out")}
    assert rows["a.png"].reason == "its results can't be written: Is a directory"
    assert rows["a.png"].mask == ""
    assert (tmp_path / "out" / "dark.png").is_file()
    assert len(pd.read_csv(tmp_path / "out" / "predictions.csv")) == 3


def test_a_full_disk_ends_the_run(folder, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(masks, "_save", full)
    with pytest.raises(OSError, match="full"):
        run(folder, tmp_path / "out")


def test_links_to_nothing_and_pipes_are_listed(folder, tmp_path):
    (folder / "gone.png").symlink_to(folder / "nothing.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    os.mkfifo(folder / "pipe.png")
    nowhere = "a link that leads nowhere"
    expected = {"gone.png": nowhere, "loop.png": nowhere, "pipe.png": "no regular file"}
    assert {row.frame: row.reason for row in run(folder, tmp_path / "out") if row.reason} == expected
    given = [folder / "pipe.png", folder / "a.png"]
    assert [row.reason for row in run(given, tmp_path / "given")] == ["", "no regular file"]


def test_files_beside_the_frames_are_told_once_and_change_nothing(folder, tmp_path, capsys):
    for name in ("a.json", "dark.json", "more/README.md"):
        (folder / name).write_text("{}")
    (folder / "Thumbs.db").touch()
    rows = run(folder, tmp_path / "out")
    assert {row.mask for row in rows} == {"a.png", "dark.png", "more/b.png"}
    assert refused(rows) == ""
    assert capsys.readouterr().err == "left out, no pictures by their ending: 3 files (.json, .md)\n"
    (row, *_) = run([folder / "a.json", folder / "a.png"], tmp_path / "given")
    assert "unreadable frame" in row.reason


def test_an_archive_in_place_of_frames_is_to_be_unpacked(folder, tmp_path):
    (tmp_path / "north.zip").write_bytes(b"PK")
    (_, row) = run([folder / "a.png", tmp_path / "north.zip"], tmp_path / "out")
    assert row.reason == "an archive, to be unpacked first"


def test_a_name_that_looks_like_another_ones_mask_keeps_its_ending(folder, tmp_path):
    half_white(40, 40).save(folder / "a.bmp")
    half_white(40, 40).save(folder / "a.png.jpg")
    assert {row.mask for row in run(folder, tmp_path / "out")} >= {"a.bmp.png", "a.png.png", "a.png.jpg.png"}


def test_a_name_keeps_all_but_the_ending_of_a_picture(tmp_path):
    frames = tmp_path / "frames"
    frames.mkdir()
    for name in ("1.2.840.0.55", "1.2.840.1.55", "v1.2.png", "IM0001", "a.JPG", "b.jfif", "c.mpo", "d.jps"):
        half_white(40, 40).save(frames / name, format="PNG")
    masks = {row.mask for row in run(frames, tmp_path / "out")}
    named = {"1.2.840.0.55.png", "1.2.840.1.55.png", "v1.2.png", "IM0001.png", "a.png", "b.png", "c.png", "d.png"}
    assert masks == named
    half_white(40, 40).save(frames / "1.2.840.0.56", format="PNG")
    assert {row.mask for row in run(frames, tmp_path / "out")} == named | {"1.2.840.0.56.png"}
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == named | {"1.2.840.0.56.png"}


def test_folders_of_one_name_are_told_what_to_do(folder, tmp_path):
    (tmp_path / "q" / "more").mkdir(parents=True)
    half_white(40, 40).save(tmp_path / "q" / "more" / "b.png")
    half_white(40, 40).save(folder / "more" / "b.png")
    with pytest.raises(InputError, match=rf"both be called more/b; give the folder that holds them all: {tmp_path}$"):
        run([folder / "more", tmp_path / "q" / "more"], tmp_path / "out")
    with pytest.raises(InputError, match=r"name .*a\.png once"):
        run([folder / "a.png", folder / "a.png"], tmp_path / "out")


def test_frames_that_take_much_memory_are_told(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("mcdrl.imaging.decode._LARGE_PX", 100 * 100)
    half_white(101, 100).save(folder / "large.png")
    rows = run(folder, tmp_path / "out")
    assert {row.frame for row in rows if "megapixels" in row.issues} == {"large.png"}
    assert "1 x frame of more than 40 megapixels" in summary(rows, tmp_path / "out")


def test_twelve_bits_in_sixteen_are_told(folder, tmp_path):
    deep = np.random.default_rng(0).integers(0, 4095, (60, 60)).astype(np.uint16)
    Image.fromarray(deep).save(folder / "deep.png")
    rows = run(folder, tmp_path / "out")
    assert {row.frame: row.flagged for row in rows if DIM in row.issues} == {"deep.png": "yes"}
    assert {row.flagged for row in rows if row.issues == ""} == {"no"}
    assert "1 x 16-bit frame that uses less than half of the range" in summary(rows, tmp_path / "out")


@pytest.mark.parametrize("batch_size", [4, 16])
def test_frames_at_their_own_size_are_held_by_the_threads_alone(tmp_path, monkeypatch, batch_size):
    (tmp_path / "in").mkdir()
    for number in range(40):
        Image.new("RGB", (50, 40), (number,) * 3).save(tmp_path / "in" / f"{number:02}.png")
    held, most = set(), []
    original = reading.read_frame

    def counted(path, *, swap):
        picture, dim = original(path, swap=swap)
        held.add(number := len(most))
        weakref.finalize(picture, held.discard, number)
        most.append(len(held))
        return picture, dim

    monkeypatch.setattr(reading, "read_frame", counted)
    monkeypatch.setattr(masks, "read_frame", counted)
    run(tmp_path / "in", tmp_path / "out", batch_size=batch_size, overlay=True)
    assert len(most) == 80
    assert max(most) <= 2 * 2 + 2  # threads of both kinds; a thread's last one may live until its next is there


def test_folders_behind_links_are_entered_once(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    half_white(40, 40).save(tmp_path / "elsewhere" / "c.png")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "aside").mkdir()
    (folder / "aside" / "alias").symlink_to(folder / "more")  # comes first by name, but is no place of its own
    (folder / "more" / "again").symlink_to(folder)
    assert {row.frame for row in run(folder, tmp_path / "out")} == {"a.png", "dark.png", "linked/c.png", "more/b.bmp"}


def test_results_behind_a_link_to_a_folder_of_folders_are_refused(folder, tmp_path):
    (tmp_path / "elsewhere" / "sub").mkdir(parents=True)
    half_white(40, 40).save(tmp_path / "elsewhere" / "sub" / "c.png")
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="would count as frames next time"):
        run(folder, tmp_path / "elsewhere" / "out")


def test_a_folder_that_cannot_be_read_is_named(folder, tmp_path, monkeypatch):
    original = os.scandir

    def refuse(path):
        if str(path).endswith("more"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return original(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(InputError, match=r"the folder .*more can't be read: Permission denied"):
        run(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_table_of_masks_is_not_replaced_by_one_of_refusals(folder, tmp_path):
    out, junk = tmp_path / "out", tmp_path / "junk"
    junk.mkdir()
    (junk / "x.png").write_text("no frame")
    with pytest.raises(InputError, match=r"the first: x\.png: unreadable frame.*; all of them: .*predictions\.csv"):
        run(junk, tmp_path / "new")
    assert len(pd.read_csv(tmp_path / "new" / "predictions.csv")) == 1
    run(folder, out)
    before = (out / "predictions.csv").read_bytes()
    with pytest.raises(InputError, match="is left as it was"):
        run(junk, out)
    assert (out / "predictions.csv").read_bytes() == before


def test_frames_that_show_nothing_are_flagged_however_sure_the_model_is(tmp_path):
    frames = tmp_path / "frames"
    frames.mkdir()
    for name, picture in (("white", Image.new("RGB", (80, 60), "white")), ("tiny", half_white(8, 8))):
        picture.save(frames / f"{name}.png")
    half_white(80, 60).save(frames / "fine.png")
    rows = run(frames, tmp_path / "out")
    told = {row.frame: (row.confidence, row.flagged, row.issues) for row in rows}
    assert told == {"fine.png": (1, "no", ""), "tiny.png": (1, "yes", SMALL), "white.png": (1, "yes", FLAT)}
    assert "2 flagged: look at these first, their confidence is low or an issue tells why" in summary(rows, frames)


def test_swapped_colours_are_told_and_can_be_swapped_back(tmp_path):
    frames = tmp_path / "frames"
    frames.mkdir()
    blue = np.random.default_rng(0).integers((0, 20, 160), (80, 100, 240), (40, 40, 3))
    Image.fromarray(blue.astype(np.uint8)).save(frames / "blue.png")
    (row,) = run(frames, tmp_path / "out")
    assert row.issues.endswith("try --channels bgr")
    (row,) = run(frames, tmp_path / "out", swap=True, overlay=True)
    assert row.issues == ""
    overlay = np.asarray(Image.open(tmp_path / "out" / "overlays" / "blue.jpg")).reshape(-1, 3).mean(axis=0)
    assert overlay[0] > 150 > 60 > overlay[2]


def two_values(width=80, height=60):
    pixels = np.zeros((height, width), np.uint8)
    pixels[10:20, 10:30] = 255
    return Image.fromarray(pixels)


def tissue(seed):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (60, 80, 3), np.uint8))


def test_masks_beside_frames_are_left_out_and_told(tmp_path, capsys):
    for place in ("images", "masks", "labelled_frames", "p1/images", "p1/Ground Truth"):
        (tmp_path / "site" / place).mkdir(parents=True)
    for seed, place in enumerate(("images", "labelled_frames", "p1/images")):
        tissue(seed).save(tmp_path / "site" / place / "0.png")
    two_values().save(tmp_path / "site" / "masks" / "0.png")
    Image.new("L", (80, 60)).save(tmp_path / "site" / "masks" / "1.png")
    two_values().convert("RGB").save(tmp_path / "site" / "p1" / "Ground Truth" / "0.jpg", quality=90)
    rows = run(tmp_path / "site", tmp_path / "out")
    assert [row.frame for row in rows] == ["images/0.png", "labelled_frames/0.png", "p1/images/0.png"]
    told = capsys.readouterr().err
    assert "left out, masks by their folder, two values or kind: 3 files, such as " in told
    assert "; --masks-too segments them, too" in told
    assert len(run(tmp_path / "site", tmp_path / "all", masks_too=True)) == 6


def test_a_mask_in_the_frames_folder_is_known_by_its_two_values(tmp_path, capsys):
    (tmp_path / "f").mkdir()
    tissue(0).save(tmp_path / "f" / "a.png")
    tissue(1).convert("L").save(tmp_path / "f" / "grey.png")
    Image.new("L", (80, 60), 90).save(tmp_path / "f" / "flat.png")
    assert len(run(tmp_path / "f", tmp_path / "out")) == 3
    two_values().save(tmp_path / "f" / "a_mask.png")
    assert [row.frame for row in run(tmp_path / "f", tmp_path / "out2")] == ["a.png", "grey.png"]
    assert "2 files, such as" in capsys.readouterr().err
    assert [row.frame for row in run(tmp_path / "f" / "a_mask.png", tmp_path / "out3")] == ["a_mask.png"]


def test_masks_alone_are_refused_with_the_way_to_segment_them(tmp_path):
    (tmp_path / "masks").mkdir()
    two_values().save(tmp_path / "masks" / "a.png")
    with pytest.raises(InputError, match=r"masks by .*: 1 files, .*a\.png, and there is nothing else; --masks-too"):
        run(tmp_path / "masks", tmp_path / "out")


def test_names_that_steer_a_terminal_or_a_spreadsheet_do_nothing_in_either(folder, tmp_path):
    for name in ("=1+1.png", "-2.png", "\t@x.png", "red\x1b[31m.png", "two\nlines.png"):
        half_white(20, 20).save(folder / name)
    (folder / "=bad\x1b[2J.jpg").write_bytes(b"no picture")
    rows = run(folder, tmp_path / "out")
    assert (tmp_path / "out" / "=1+1.png").is_file()
    text = (tmp_path / "out" / "predictions.csv").read_text(encoding="utf-8")
    assert len(text.splitlines()) == len(rows) + 1 == 10
    assert text.replace("\n", "").isprintable()
    table = pd.read_csv(tmp_path / "out" / "predictions.csv", keep_default_na=False)
    assert {"'=1+1.png", "'-2.png", "'\\t@x.png", r"red\x1b[31m.png", r"two\nlines.png"} <= set(table["frame"])
    assert table.loc[table["frame"] == "'=1+1.png", "mask"].item() == "'=1+1.png"
    assert table["lesion_area_px"].dtype.kind == "i"
    for said in (summary(rows, tmp_path / "out\x1b[0m"), refused(rows)):
        assert said.replace("\n", "").isprintable()
    assert r"=bad\x1b[2J.jpg" in refused(rows)


def test_confounders_that_look_like_formulas_are_shown_as_text(folder, tmp_path):
    predictor = Bright()
    predictor.assess = lambda _: Assessment(0.5, True, {"=HYPERLINK(1)": 9.0}, 0.5)
    run(folder, tmp_path / "out", predictor=predictor)
    table = pd.read_csv(tmp_path / "out" / "predictions.csv", keep_default_na=False)
    assert set(table["confounders"]) == {"'=HYPERLINK(1)"}
    assert set(table["confounder_scores"]) == {"'=HYPERLINK(1) 9.0"}


@pytest.mark.parametrize("place", ["", "more"])
@pytest.mark.parametrize("name", ["model.json", "ensemble.json"])
def test_nothing_is_written_into_a_model_s_folder(folder, tmp_path, place, name):
    model = tmp_path / "model"
    model.mkdir()
    (model / name).touch()
    with pytest.raises(InputError, match=r"is a model's folder or lies in one .*; name another folder"):
        run(folder, model / place)
    assert [path.name for path in model.iterdir()] == [name]


@pytest.mark.parametrize("ours", ['{"size_px": 224}', '{"lesion_classes": ["polyp"], "new": 1}', "{", ""])
def test_a_model_s_folder_is_known_by_what_its_card_says(folder, tmp_path, ours):
    (tmp_path / "model.json").write_text(ours)
    with pytest.raises(InputError, match="is a model's folder or lies in one"):
        run(folder, tmp_path / "out")


@pytest.mark.parametrize("theirs", ['{"format": "layers-model"}', "[1]", "{}"])
@pytest.mark.parametrize("name", ["model.json", "ensemble.json"])
def test_a_file_of_that_name_of_another_program_is_no_model(folder, tmp_path, name, theirs):
    (tmp_path / name).write_text(theirs)
    assert run(folder, tmp_path / "out")
    assert (tmp_path / name).read_text() == theirs
