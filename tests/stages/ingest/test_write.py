"""What the stage leaves behind of a small site."""

import hashlib
import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from mcdrl.artifacts.cases import CASES, GEOMETRY, QUARANTINE
from mcdrl.artifacts.frames import FRAMES, unpack_native_mask
from mcdrl.base.errors import InputError
from mcdrl.study.params import resolve
from stages.ingest.write import write_site
from tests.factories import section_params
from tests.sites.site_folder import box_mask, noise

CLASSES = ["polyp", "cyst"]


@pytest.fixture
def ingest(folder, tmp_path):
    def run(name="A", workers=2, size_px=64, out="out", **keys):
        (tmp_path / out).mkdir(exist_ok=True)
        params = section_params("ingest", size_px=size_px, val_share=0.2)
        reading = resolve(folder.site(**keys))
        return write_site(name, folder.root, reading, params, CLASSES, tmp_path / out, workers)

    return run


def test_the_four_artifacts_agree(folder, ingest, tmp_path):
    for number in (3, 1, 2):
        folder.pair(f"f{number}", number, lesion=number != 2)
    (folder.root / "images" / "readme.txt").touch()
    result = ingest()
    cases = CASES.read(tmp_path / "out" / "cases.parquet")
    assert cases.equals(result.cases.astype(cases.dtypes.to_dict()))
    assert cases["case_id"].tolist() == ["A/f1", "A/f2", "A/f3"]
    assert cases["site"].tolist() == ["A"] * 3
    assert cases["group_id"].tolist() == cases["case_id"].tolist()
    assert cases["lesion_class"].fillna("none").tolist() == ["polyp", "none", "polyp"]
    assert cases["lesion_area_px"].tolist() == [60, 0, 60]
    assert cases[["width_px", "height_px"]].values.tolist() == [[40, 30]] * 3
    assert cases["sha256"][0] == hashlib.sha256(b"40x30" + noise(1).tobytes()).hexdigest()
    assert set(cases["split"]) == {"train", "val"}
    quarantine = QUARANTINE.read(tmp_path / "out" / "quarantine.parquet")
    assert quarantine["file"].tolist() == ["images/readme.txt"]
    with FRAMES.read(tmp_path / "out" / "frames.h5") as frames:
        assert frames.case_ids == cases["case_id"].tolist()
        assert frames.attributes == {"site": "A"}
        expected = np.asarray(noise(3).resize((64, 64), Image.Resampling.BICUBIC))
        assert np.array_equal(frames.rows("image", ["A/f3"])[0], expected)
        assert frames.rows("mask", ["A/f1", "A/f2"]).any(axis=(1, 2)).tolist() == [True, False]
        (png,) = frames.blobs("native_mask", ["A/f1"])
        assert Image.open(io.BytesIO(png)).size == (40, 30)
        assert np.array_equal(unpack_native_mask(png), np.asarray(box_mask()) > 0)
    geometry = GEOMETRY.read(tmp_path / "out" / "geometry.parquet")
    assert geometry["case_id"].tolist() == cases["case_id"].tolist()
    assert geometry.filter(like="crop").values.tolist() == [[0, 0, 40, 30]] * 3


def test_nothing_to_quarantine_is_an_empty_table(folder, ingest, tmp_path):
    folder.pair("a")
    ingest()
    assert len(QUARANTINE.read(tmp_path / "out" / "quarantine.parquet")) == 0


def test_one_or_four_threads_write_equal_bytes(folder, ingest, tmp_path):
    for number in range(30):
        folder.pair(f"f{number:02}", number)
    ingest(workers=1, out="one")
    ingest(workers=4, out="four")
    for name in ("cases.parquet", "geometry.parquet", "quarantine.parquet", "frames.h5"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "four" / name).read_bytes()


def test_a_read_only_source_serves(folder, ingest):
    folder.pair("a")
    paths = [folder.root, *folder.root.rglob("*")]
    for path in reversed(paths):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert len(ingest().cases) == 1
    finally:
        for path in paths:
            path.chmod(0o755)


def test_a_site_without_one_usable_frame_stops(folder, ingest, tmp_path):
    for number in range(3):
        folder.frame(f"f{number}.png", noise(number))
    with pytest.raises(InputError, match=r"not one of 3 frames can be used:\n  3 x no mask, e\.g\. images/f0\.png"):
        ingest()
    assert list((tmp_path / "out").iterdir()) == []


def test_the_stage_needs_no_torch():
    code = "import sys, stages.ingest.__main__; print({'torch', 'timm', 'open_clip', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
