"""`import mcdrl`: a frame gets from Python what `mcdrl predict` writes of it."""

import errno
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

import mcdrl
from mcdrl import cli
from mcdrl.artifacts.promise import PROMISE, write_promise
from mcdrl.commands.models.export import made_up_frames
from mcdrl.commands.models.pack import pack
from mcdrl.imaging.decode import DIM
from mcdrl.model.shipped import shipped_folder
from mcdrl.model.shown import FLAT
from mcdrl.study.paths import START_MODEL
from tests import lite_model
from tests.factories import make_promise
from tests.imaging.test_dicom import content
from tests.projects import ROOT
from tests.videos import LOSSLESS, marks, read_video, write_video

TURNED, TURNED_PATH = "try frame[..., ::-1]", "read it and give frame[..., ::-1]"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two models that differ in what they learned."""
    return [lite_model.write_model(tmp_path_factory.mktemp("study"), drawn) for drawn in (1, 2)]


@pytest.fixture(scope="module")
def model(folders):
    return mcdrl.load(folders[0], device="cpu")


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """A folder of made-up frames of other sizes, one of them within a black border, as files that keep every bit."""
    folder = tmp_path_factory.mktemp("frames")
    for number, size in enumerate([(320, 240), (97, 131), (224, 224), (500, 60)]):
        Image.fromarray(made_up_frames(224, 4)[number]).resize(size).save(folder / f"{number}.png")
    whole = np.zeros((300, 400, 3), np.uint8)
    whole[50:250, 100:300] = np.asarray(Image.open(folder / "0.png").resize((200, 200)))
    Image.fromarray(whole).save(folder / "border.png")
    return folder


@pytest.mark.parametrize(("view", "count"), [(None, 1), ("full", 1), ([0.25, 0, 1, 0.5], 1), ("auto", 2)])
def test_a_frame_gets_what_mcdrl_predict_writes(folders, frames, tmp_path, view, count):
    given = [argument for folder in folders[:count] for argument in ("--model", str(folder))]
    options = ["--device", "cpu", "--probabilities", "--threshold", "0.4"]
    options += ["--view", view if isinstance(view, str) else ",".join(map(str, view))] if view else []
    done = CliRunner().invoke(cli.app, ["predict", str(frames), *given, "--out", str(tmp_path), *options])
    assert done.exit_code == 0, done.output
    rows = pd.read_csv(tmp_path / "predictions.csv", keep_default_na=False).set_index("frame")
    model = mcdrl.load(folders[:count], device="cpu", view=view)
    seen = set()
    for path in sorted(frames.iterdir()):
        by_path, by_array = model.predict(path, threshold=0.4), model.predict(pixels(path), threshold=0.4)
        for found in (by_path, by_array):
            np.testing.assert_array_equal(255 * found.mask, np.asarray(Image.open(tmp_path / path.name)))
            grey = np.asarray(Image.open(tmp_path / "probabilities" / path.name))
            np.testing.assert_array_equal(np.rint(255 * found.probability), grey)
            row = rows.loc[path.name]
            assert round(found.confidence, 4) == float(row["confidence"])
            said = ["yes" if one else "no" for one in (found.flagged, found.lesion)]
            issues = row["issues"].replace("try --channels bgr", TURNED_PATH if found is by_path else TURNED)
            assert [*said, found.issues] == [row["flagged"], row["lesion"], issues]
        seen |= set(np.unique(found.mask))
    assert seen == {False, True}


def test_where_nothing_is_said_the_threshold_is_that_of_what_is_promised(folders, frames, tmp_path):
    promised = tmp_path / "model"
    shutil.copytree(folders[0], promised)
    write_promise(make_promise(threshold=0.3), promised / PROMISE)
    model, path = mcdrl.load(promised, device="cpu"), frames / "0.png"
    found = model.predict(path).mask
    assert model.threshold == 0.3
    np.testing.assert_array_equal(found, model.predict(path, threshold=0.3).mask)
    assert found.sum() > model.predict(path, threshold=0.5).mask.sum()
    given = ["predict", str(path), "--model", str(promised), "--device", "cpu", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(cli.app, given)
    assert "a pixel is lesion from 0.3 on" in done.output
    np.testing.assert_array_equal(255 * found, np.asarray(Image.open(tmp_path / "out" / "0.png")))
    assert "a pixel is lesion" not in CliRunner().invoke(cli.app, [*given, "--threshold", "0.5"]).output


def test_where_nothing_is_said_the_sizes_are_those_of_what_is_promised(folders, frames, tmp_path):
    promised, path = tmp_path / "model", frames / "0.png"
    shutil.copytree(folders[0], promised)
    write_promise(make_promise(further_sizes_px=[320]), promised / PROMISE)
    asked = {sizes: mcdrl.load(promised, device="cpu", sizes=sizes) for sizes in (None, (224, 320), (320, 224), (224,))}
    found = {sizes: model.predict(path).probability for sizes, model in asked.items()}
    for sizes in ((224, 320), (320, 224)):
        np.testing.assert_array_equal(found[None], found[sizes])
    assert np.abs(found[None] - found[224,]).max() > 0.01
    np.testing.assert_array_equal(found[224,], mcdrl.load(folders[0], device="cpu").predict(path).probability)


@pytest.mark.parametrize("sizes", ["224,320", "224"])
def test_sizes_are_asked_on_the_command_line_as_in_python(folders, frames, tmp_path, sizes):
    given = ["predict", str(frames / "0.png"), "--model", str(folders[0]), "--device", "cpu", "--out", str(tmp_path)]
    done = CliRunner().invoke(cli.app, [*given, "--probabilities", "--sizes", sizes])
    assert done.exit_code == 0, done.output
    model = mcdrl.load(folders[0], device="cpu", sizes=[int(side) for side in sizes.split(",")])
    found = np.rint(255 * model.predict(frames / "0.png").probability)
    np.testing.assert_array_equal(found, np.asarray(Image.open(tmp_path / "probabilities" / "0.png")))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ("320", "sizes 320: the models' working size, 224 px, is always asked; add it"),
        ("224,300", "can't be asked at 300 px beside: expected multiples of 32 px"),
        ("224,224", "--sizes 224,224: expected sides in px, each once, such as 224,320"),
        ("224,large", "--sizes 224,large: expected sides in px"),
        ("٢٢٤", "--sizes ٢٢٤: expected sides in px"),
    ],
)
def test_sizes_that_cannot_be_asked_are_refused(folders, frames, tmp_path, sizes, message):
    given = ["predict", str(frames / "0.png"), "--model", str(folders[0]), "--device", "cpu", "--out", str(tmp_path)]
    with pytest.raises(mcdrl.InputError) as refused:
        CliRunner().invoke(cli.app, [*given, "--sizes", sizes], catch_exceptions=False)
    assert message in str(refused.value)


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def test_shapes_and_types_are_those_that_are_told(model, frames):
    frame = pixels(frames / "1.png")
    found = model.predict(frame)
    assert frame.shape[:2] == found.mask.shape == found.probability.shape == (131, 97)
    assert (found.mask.dtype, found.probability.dtype) == (bool, np.float32)
    assert (type(found.confidence), type(found.flagged), type(found.lesion)) == (float, bool, bool)
    assert 0 <= found.probability.min() < found.probability.max() <= 1


def test_arrays_may_be_views_of_others_and_copy_weights(model, frames):
    frame = pixels(frames / "0.png")
    swapped = frame[..., ::-1].copy()
    found = model.predict(swapped[..., ::-1])
    np.testing.assert_array_equal(found.probability, model.predict(frame).probability)
    np.testing.assert_array_equal(swapped[..., ::-1], frame)


def test_a_packed_model_says_the_same_and_one_at_a_time_nearly_so(model, folders, frames, tmp_path):
    pack(folders[0], tmp_path / "packed", None)
    frame = frames / "0.png"
    one = model.predict(frame)
    np.testing.assert_array_equal(mcdrl.load(str(tmp_path / "packed"), device="cpu").predict(frame).mask, one.mask)
    alone = mcdrl.load(folders[0], device="cpu", batch_size=1).predict(frame)
    np.testing.assert_allclose(alone.probability, one.probability, atol=1e-4)


F = np.zeros((4, 5, 3), np.uint8)
SPOT = F + np.eye(4, 5, dtype=np.int64)[..., None]
WRONG = {
    "the frame is a list, no array": F.tolist(),
    "the frame is a Image, no array": Image.fromarray(F),
    r"shape \[4, 5\]: a grey one is np.stack": F[..., 0],
    r"shape \[4, 5, 4\]: leave transparency out, frame\[..., :3\]": np.zeros((4, 5, 4), np.uint8),
    r"shape \[3, 4, 5\]: channels go last": np.moveaxis(F, 2, 0),
    r"shape \[1, 4, 5, 3\]: give one frame at a time": F[None],
    r"shape \[7\];": np.zeros(7, np.uint8),
    r"shape \[0, 5, 3\], so no pixel": F[:0],
    r"float64, values 0.0..1.0: one of 0..1 is \(255 \* frame\)": F + np.eye(4, 5)[..., None],
    r"float32, values -2.0..0.0; expected a frame \[H, W, 3\] of uint8": (F - 2 * np.eye(4, 5)[..., None]).astype("f"),
    r"float32, values 0.0..1.25;": (1.25 * SPOT).astype("f"),
    r"float64, values nan..nan;": F + np.nan,
    r"float64, values 0.0..200.0: one of 0..255 is frame.round\(\).astype\(np.uint8\);": 200.0 * SPOT,
    r"uint16, values 0..0;": F.astype(np.uint16),
    r"uint16, values 0..4095;": (4095 * SPOT).astype(np.uint16),
    r"uint16, values 0..65535: one of 0..65535 is \(frame / 257\).round\(\).astype": (65_535 * SPOT).astype(np.uint16),
    r"int64, values 0..1;": SPOT,
    r"int64, values -200..0;": -200 * SPOT,
    r"int64, values 0..200: one of 0..255 is frame.astype\(np.uint8\);": 200 * SPOT,
    r"int64, values 0..70000;": 70_000 * SPOT,
    r"bool, values False..True: one of black and white is 255 \* frame.astype\(np.uint8\);": SPOT > 0,
}  # fmt: skip


@pytest.mark.parametrize("as_told", [
    lambda whole: whole.astype(np.int64), lambda whole: whole.astype(np.float32), lambda whole: whole.astype("f") / 255,
    lambda whole: whole.astype(np.uint16) * 257, lambda whole: whole > 100,
])  # fmt: skip
def test_the_line_that_is_told_makes_a_frame_fit(model, as_told):
    whole = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    frame = as_told(whole)
    with pytest.raises(mcdrl.InputError) as refused:
        model.predict(frame)
    line = str(refused.value).partition(" is ")[2].partition(" is ")[2].partition(";")[0]
    fits = eval(line, {"np": np, "frame": frame})
    np.testing.assert_array_equal(fits, 255 * (whole > 100) if frame.dtype == bool else whole)
    model.predict(fits)


@pytest.mark.parametrize("message", WRONG)
def test_what_is_no_frame_is_refused_with_the_way_out(model, message):
    with pytest.raises(mcdrl.InputError, match=message):
        model.predict(WRONG[message])


def test_paths_that_hold_no_frame_are_named(model, tmp_path):
    (tmp_path / "notes.png").write_text("no frame")
    os.mkfifo(tmp_path / "pipe.png")
    for path, message in (
        (tmp_path / "nowhere.png", "no regular file .*nowhere.png"),
        (tmp_path / "pipe.png", "no regular file .*pipe.png"),
        (tmp_path, "is a folder; give one image at a time"),
        (tmp_path / "notes.png", "notes.png: unreadable frame"),
    ):
        with pytest.raises(mcdrl.InputError, match=message):
            model.predict(str(path))


def test_a_name_that_the_system_refuses_is_told(model, tmp_path):
    (tmp_path / "a.png").touch()
    for name, message in (
        ("x" * 300, r"x\.\.\. can't be read: File name too long; expected"),
        ("x" * 5000, r"^x{200}\.\.\. can't be read: File name too long; expected"),
        ("a.png/b.png", "there is no regular file"),
        ("a\0b", "there is no regular file"),
    ):
        path = name if len(name) > 1000 else tmp_path / name
        for ask in (model.predict, lambda given: next(model.predict_video(given))):
            with pytest.raises(mcdrl.InputError, match=message):
                ask(path)


@pytest.mark.parametrize("place", ["stat", "open"])
def test_a_file_or_folder_without_permission_is_told(model, frames, tmp_path, monkeypatch, place):
    path = write_video(tmp_path / "clip.mp4", marks(2))
    original = getattr(Path, place)

    def refuse(self, *args, **kwargs):
        if self in (path, frames / "0.png"):
            raise PermissionError(errno.EACCES, "Permission denied", str(self))
        return original(self, *args, **kwargs)

    monkeypatch.setattr(Path, place, refuse)
    with pytest.raises(mcdrl.InputError, match=r"clip\.mp4 can't be read: Permission denied; expected MP4"):
        next(model.predict_video(path))
    with pytest.raises(mcdrl.InputError, match=r"0\.png can't be read: Permission denied; expected a frame"):
        model.predict(frames / "0.png")


def test_swapped_colours_are_told_with_what_python_takes(model, tmp_path):
    pixels = np.random.default_rng(0).integers((0, 20, 160), (80, 100, 240), (40, 50, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    clip = write_video(tmp_path / "a.mkv", [pixels, pixels], **LOSSLESS)
    told = "more blue than red; if tissue looks blue, its order is blue, green, red: "
    assert model.predict(pixels).issues == told + TURNED
    for path in (tmp_path / "a.png", str(tmp_path / "a.png")):
        assert model.predict(path).issues == told + TURNED_PATH
    by_command = f"{told}try mcdrl predict --channels bgr"
    assert [found.issues for _, found in model.predict_video(clip)] == [by_command] * 2
    assert model.predict(pixels[..., ::-1]).issues == ""


def test_a_frame_that_shows_nothing_is_flagged(model):
    for pixels in (np.zeros((60, 80, 3), np.uint8), np.full((60, 80, 3), 255, np.uint8)):
        found = model.predict(pixels)
        assert (found.issues, found.flagged) == (FLAT, True)


def test_a_frame_that_is_too_dark_is_flagged(model, tmp_path):
    deep = np.random.default_rng(0).integers(0, 4095, (60, 80)).astype(np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    found = model.predict(tmp_path / "deep.png")
    assert (found.issues, found.flagged) == (DIM, True)


@pytest.mark.parametrize("threshold", [-0.1, 1.5, float("nan"), "a", np.zeros(2), 1j])
def test_a_threshold_is_a_probability(model, threshold):
    with pytest.raises(mcdrl.InputError, match="expected a probability"):
        model.predict(F, threshold=threshold)


def test_what_is_no_model_is_named(folders, tmp_path):
    for given, message in (
        (tmp_path / "nowhere", r"nowhere/model\.json does not exist; name a model's folder.* `mcdrl models list` has"),
        (folders[0] / "model.safetensors", r"model\.safetensors is no folder; name the one that holds it"),
        ([], "no model is given"),
        ([folders[0], tmp_path], r"model\.json does not exist"),
    ):
        with pytest.raises(mcdrl.InputError, match=message):
            mcdrl.load(given)
    with pytest.raises(mcdrl.InputError, match="batch_size 0"):
        mcdrl.load(folders[0], batch_size=0)
    shutil.copytree(folders[0], tmp_path / "cut")
    (tmp_path / "cut" / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(mcdrl.InputError, match=r"model\.safetensors"):
        mcdrl.load(tmp_path / "cut")


@pytest.mark.parametrize("given", [{}, {"model": None}, {"model": START_MODEL}])
def test_where_no_model_is_given_it_is_the_one_that_comes_along(given):
    assert mcdrl.load(**given, device="cpu")._folders == [shipped_folder(START_MODEL)]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"model": 5}, "model 5: expected the folder of a model, a name of one that comes along, or several"),
        ({"model": [5]}, "model 5: expected the path of a folder"),
        ({"model": "x" * 300}, "can't be read: File name too long; name a model's folder"),
        ({"sizes": 224}, r"sizes 224: expected sides in px, each once, such as \[224, 320\]"),
        ({"sizes": "224"}, r"sizes 224: expected sides in px, each once, such as \[224, 320\]"),
        ({"sizes": [224, 320, 320]}, r"sizes \[224, 320, 320\]: expected sides in px, each once"),
        ({"sizes": [224, 0.5]}, r"sizes \[224, 0\.5\]: expected sides in px"),
        ({"batch_size": "two"}, "batch_size two: expected 1 and more"),
        ({"backbone": 5}, "backbone 5: expected the path of a folder"),
        ({"device": "meta"}, r"--device meta can't be used here \(it holds no numbers\); use auto or cpu"),
        ({"device": None}, "--device None can't be used here"),
    ],
)
def test_what_no_argument_of_load_can_be_is_told(folders, given, message):
    with pytest.raises(mcdrl.InputError, match=message):
        mcdrl.load(**{"model": folders[0], **given})


@pytest.mark.parametrize("view", ["cropped", [0, 0, 1], [0.5, 0, 0.5, 1], 3])
def test_a_view_is_a_rule_or_a_box(folders, view):
    with pytest.raises(mcdrl.InputError, match=r"view .*expected auto, full or left, top, right, bottom"):
        mcdrl.load(folders[0], view=view)


def test_random_weights_are_called_so(folders, tmp_path):
    shutil.copytree(folders[0], tmp_path / "m")
    card = tmp_path / "m" / "backbone" / "card.json"
    card.write_text(card.read_text().replace('"embedded"', '"random"'))
    with pytest.warns(UserWarning, match="RANDOM weights"):
        mcdrl.load(tmp_path / "m")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mcdrl.load(folders[0])


def test_its_names_are_imported_when_they_are_used():
    code = (
        "import sys, mcdrl; assert not {'torch', 'numpy', 'PIL'} & set(sys.modules); "
        "assert set(mcdrl.__all__) <= set(dir(mcdrl)); mcdrl.InputError; assert 'torch' not in sys.modules; "
        "assert not hasattr(mcdrl, 'lode'); mcdrl.load; assert 'torch' in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_a_video_gets_what_mcdrl_predict_writes(folders, tmp_path):
    frames = [np.roll(made_up_frames(224, 1)[0], 9 * index, axis=1)[:150] for index in range(5)]
    path = write_video(tmp_path / "clip.mkv", frames, **LOSSLESS)
    options = ["--device", "cpu", "--probabilities", "--smooth", "0.1", "--threshold", "0.4"]
    done = CliRunner().invoke(
        cli.app, ["predict", str(path), "--model", str(folders[0]), "--out", str(tmp_path / "out"), *options]
    )
    assert done.exit_code == 0, done.output
    rows = pd.read_csv(tmp_path / "out" / "clip.csv", keep_default_na=False)
    masks, greys = (read_video(tmp_path / "out" / kind / "clip.mp4", "gray")[0] for kind in (".", "probabilities"))
    found = list(mcdrl.load(folders[0], device="cpu").predict_video(path, threshold=0.4, smooth_s=0.1))
    assert [time_s for time_s, _ in found] == rows["time_s"].tolist() == [0, 0.04, 0.08, 0.12, 0.16]
    for index, (_, one) in enumerate(found):
        np.testing.assert_array_equal(255 * one.mask, masks[index])
        np.testing.assert_array_equal(np.rint(255 * one.probability), greys[index])
        assert round(one.confidence, 4) == rows["confidence"][index]


def test_what_is_wrong_with_a_video_is_told(model, tmp_path):
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    (tmp_path / "b.mp4").write_text("no video")
    for path, said in [
        (tmp_path / "a.png", "a.png is no video that is known"),
        (tmp_path / "gone.mp4", r"there is no regular file .*gone\.mp4; expected MP4"),
        (tmp_path, "is a folder; give one video at a time"),
        (None, "the file None: expected MP4"),
        (tmp_path / "b.mp4", "unreadable video"),
    ]:
        with pytest.raises(mcdrl.InputError, match=said):
            next(model.predict_video(path))
    for smooth_s in (-1, float("nan"), float("inf"), "a"):
        with pytest.raises(mcdrl.InputError, match=f"smooth_s {smooth_s}: expected seconds"):
            model.predict_video(tmp_path / "a.png", smooth_s=smooth_s)  # before a frame is asked for


def test_a_video_in_place_of_a_picture_is_told(model, tmp_path):
    path = write_video(tmp_path / "a.mp4", marks(2))
    with pytest.raises(mcdrl.InputError, match=r"a\.mp4 is a video; give it to predict_video"):
        model.predict(path)


def test_a_video_without_times_is_not_smoothed(model, tmp_path):
    pixels = np.stack(marks(2))
    given = content(pixels[0], "RGB", NumberOfFrames=2, PixelData=pixels.tobytes())
    given.save_as(tmp_path / "a.dcm", enforce_file_format=True, implicit_vr=False, little_endian=True)
    assert [time_s for time_s, _ in model.predict_video(tmp_path / "a.dcm")] == [0, 0.04]
    with pytest.raises(mcdrl.InputError, match=r"a\.dcm: video without times: it can't be smoothed"):
        next(model.predict_video(tmp_path / "a.dcm", smooth_s=0.1))


def test_behind_the_last_frame_of_a_video_what_is_missing_is_told(model, tmp_path):
    drawn = np.random.default_rng(0)
    noise = [drawn.integers(0, 256, (96, 128, 3), np.uint8) for _ in range(8)]
    path = write_video(tmp_path / "a.avi", noise, codec="mjpeg", stored="yuvj420p")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found = model.predict_video(path)
    assert next(found)[0] == 0
    with pytest.raises(mcdrl.InputError, match=r"it breaks off, as \d of the 8 frames .*; \d frames could be read"):
        list(found)
