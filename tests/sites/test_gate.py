"""A whole site, from its folder to its four artifacts."""

import hashlib
import io
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from mcdrl.artifacts.cases import CASES, GEOMETRY, QUARANTINE
from mcdrl.artifacts.frames import FRAMES, unpack_native_mask
from mcdrl.base.errors import InputError
from mcdrl.base.issues import Remark, grouped
from mcdrl.base.parallel import batches, in_order
from mcdrl.sites.gate import write_site
from mcdrl.sites.summary import borders, summary
from mcdrl.study.params import Site
from tests.factories import section_params
from tests.sites.site_folder import box_mask, noise, smooth_disc

CLASSES = ["polyp", "cyst"]


@pytest.fixture
def ingest(folder, tmp_path):
    def run(name="A", workers=2, size_px=64, out="out", **keys):
        (tmp_path / out).mkdir(exist_ok=True)
        params = section_params("ingest", size_px=size_px, val_share=0.2)
        return write_site(name, folder.site(**keys), params, CLASSES, tmp_path / out, workers)

    return run


def reasons(result):
    return {remark.file: remark.text for remark in result.refused}


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


def test_every_matched_file_is_a_case_or_in_quarantine(folder, ingest):
    for number in range(12):
        folder.pair(f"ok{number}", number)
    folder.frame("no_mask.png", noise(20))
    folder.frame("small_mask.png", noise(21))
    folder.mask("small_mask.png", box_mask(20, 15))
    folder.pair("cut", 22)
    (folder.root / "images" / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\nhalf")
    folder.pair("copy", 0)
    folder.pair("other", 1)
    folder.mask("other.png", box_mask(value=0))
    result = ingest()
    assert len(result.cases) + len(result.refused) == len(list((folder.root / "images").iterdir()))
    found = reasons(result)
    assert found["images/no_mask.png"].startswith("no mask: expected masks/no_mask.*; where none means")
    assert found["images/small_mask.png"] == "mask of another size: frame 40x30, mask 20x15"
    assert found["images/cut.png"].startswith("unreadable frame")
    # Copies are found in the order of the case ids: "copy" comes before "ok0", "ok1" before "other".
    assert found["images/ok0.png"] == "same pixels as another frame: as images/copy.png, which was kept"
    assert found["images/other.png"].endswith(
        "as images/ok1.png, which was kept but another mask: check which one is right"
    )
    assert "A/copy" in set(result.cases["case_id"])


def test_a_refused_frame_does_not_shadow_its_copy(folder, ingest):
    """The first of two equal frames has no usable mask, so the second one is the case."""
    folder.pair("a", 5)
    folder.mask("a.png", box_mask(20, 15))
    folder.pair("b", 5)
    result = ingest()
    assert result.cases["case_id"].tolist() == ["A/b"]


def test_groups_and_classes_from_a_table(folder, ingest):
    for number, stem in enumerate("abcdef"):
        folder.pair(stem, number, lesion=stem not in "ef")
    rows = [
        "file,patient,kind",
        "a,p1,polyp",
        "b,p1,cyst",
        "c,,polyp",
        "d,p2,polip",
        "e,p2,",
        "f,p3,cyst",
        "gone,p4,cyst",
    ]
    (folder.root / "t.csv").write_text("\n".join(rows))
    result = ingest(table="t.csv", table_group="patient", table_class="kind")
    cases = result.cases.set_index("case_id")
    assert cases["group_id"].to_dict() == {"A/a": "p1", "A/b": "p1", "A/c": "A/c", "A/e": "p2", "A/f": "p3"}
    assert cases["lesion_class"].dropna().to_dict() == {"A/a": "polyp", "A/b": "cyst", "A/c": "polyp"}
    assert reasons(result) == {
        "images/d.png": "unknown lesion class: 'polip'; did you mean 'polyp'? legal: cyst, polyp; "
        "class_names: {polip: ...} maps it"
    }
    assert {note.kind: note.detail for note in result.notes} == {
        "row without a frame": "gone",
        "empty mask, taken as a negative though the table names a class": "",
    }


def test_a_lesion_without_a_class_is_refused(folder, ingest):
    folder.pair("a", 0)
    folder.pair("b", 1)
    folder.pair("c", 2)
    (folder.root / "t.csv").write_text("file,kind\na,polyp\nb,\n")
    assert reasons(ingest(table="t.csv", table_class="kind")) == {
        "images/b.png": "lesion without a class: there is a lesion, and neither table nor folder gives its class",
        "images/c.png": "no row in the table: t.csv has neither its path, its name nor its stem",
    }


def test_groups_never_straddle_the_split(folder, ingest):
    lines = ["file,patient"]
    for number in range(40):
        folder.pair(f"f{number:02}", number)
        lines.append(f"f{number:02},p{number % 10}")
    (folder.root / "t.csv").write_text("\n".join(lines))
    cases = ingest(table="t.csv", table_group="patient").cases
    assert cases.groupby("group_id")["split"].nunique().eq(1).all()
    assert set(cases["split"]) == {"train", "val"}


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


def test_the_summary_says_it_all(folder, ingest):
    for number in range(10):
        folder.pair(f"f{number}", number, lesion=number != 0)
    folder.frame("x.png", noise(20))
    folder.frame("y.png", noise(21))
    folder.mask("gone.png", box_mask())
    folder.mask("f3.png", Image.fromarray(smooth_disc(30, 40)))
    result = ingest()
    train, val = (int((result.cases["split"] == side).sum()) for side in ("train", "val"))
    beside = [f"  {line}" for line in borders(result)]  # of noise; what they say is tested with drawn frames
    assert [line for line in summary("A", result).splitlines() if line not in beside] == [
        f"A: 10 frames accepted, 1 of them without a lesion, in 10 groups: {train} train, {val} val; 2 in quarantine",
        "  quarantine: 2 x no mask, e.g. images/x.png: expected masks/x.*; where none means no lesion: "
        "missing_mask: no_lesion",
        "  note: 1 x mask not binary, thresholded at 128, e.g. images/f3.png",
        "  note: 1 x mask without a frame, e.g. masks/gone.png: no frame of images/* names it",
    ]


def test_notes_of_classes_and_vanished_lesions(folder, ingest):
    folder.frame("big.png", noise(0, 640, 640))
    dot = np.zeros((640, 640), np.uint8)
    dot[1, 1] = 255
    folder.mask("big.png", Image.fromarray(dot))
    (folder.root / "t.csv").write_text("file,kind\nbig,cyst\n")
    result = ingest(table="t.csv", table_class="kind")
    assert result.cases["lesion_area_px"].tolist() == [1]
    assert [(note.kind, note.detail) for note in result.notes] == [
        ("lesion that vanishes at the working size", ""),
        ("class without a frame", "polyp"),
    ]


def test_frames_that_use_less_than_half_of_their_sixteen_bits_are_told(folder, ingest):
    for stem, top in (("a", 4095), ("b", 4000), ("c", 65535)):
        values = np.random.default_rng(top).integers(0, top + 1, (30, 40)).astype(np.uint16)
        folder.frame(f"{stem}.png", Image.fromarray(values))
        folder.mask(f"{stem}.png", box_mask())
    (line,) = [line for line in grouped(ingest().notes) if "16-bit" in line]
    assert line == "2 x 16-bit frame that uses less than half of the range, it looks dark, e.g. images/a.png"


def test_frames_that_take_much_memory_are_told(folder, ingest, monkeypatch):
    monkeypatch.setattr("mcdrl.imaging.decode._LARGE_PX", 30 * 40)
    for stem, size in (("a", (40, 30)), ("b", (41, 30))):
        folder.frame(f"{stem}.png", Image.new("RGB", size, "red"))
        folder.mask(f"{stem}.png", Image.new("L", size))
    (line,) = [line for line in grouped(ingest().notes) if "megapixels" in line]
    assert line.startswith("1 x frame of more than 40 megapixels, which takes half a gigabyte and more")
    assert line.endswith("e.g. images/b.png")


def test_a_site_of_negatives_alone_is_accepted_with_a_note(folder, ingest):
    folder.pair("a", lesion=False)
    result = ingest()
    assert result.cases["lesion_class"].isna().all()
    assert [(note.kind, note.detail) for note in result.notes] == [("class without a frame", "polyp")]


def test_a_site_without_one_usable_frame_stops(folder, ingest, tmp_path):
    for number in range(3):
        folder.frame(f"f{number}.png", noise(number))
    with pytest.raises(InputError, match=r"not one of 3 frames can be used:\n  3 x no mask, e\.g\. images/f0\.png"):
        ingest()
    assert list((tmp_path / "out").iterdir()) == []


def test_remarks_are_grouped_the_commonest_first():
    remarks = [Remark("a", "odd", "1"), Remark("b", "even", ""), Remark("c", "even", "2")]
    assert grouped(remarks) == ["2 x even, e.g. b", "1 x odd, e.g. a: 1"]


def test_work_comes_back_in_order_and_runs_little_ahead():
    begun = []

    def slow_first(item):
        begun.append(item)
        time.sleep(0.02 if item == 0 else 0)
        return item * item

    results = in_order(slow_first, range(1000), workers=2)
    assert next(results) == 0
    assert len(begun) <= 9
    assert list(results) == [item * item for item in range(1, 1000)]


def test_batches_are_drawn_as_they_are_read():
    drawn = []
    lists = batches((drawn.append(item) or item for item in range(7)), 3)
    assert next(lists) == [0, 1, 2]
    assert drawn == [0, 1, 2]
    assert list(lists) == [[3, 4, 5], [6]]
    assert list(batches([], 3)) == []


def test_an_error_of_a_worker_reaches_the_reader():
    def fail(item):
        raise InputError(f"item {item}")

    with pytest.raises(InputError, match="item 0"):
        list(in_order(fail, range(100), workers=2))


@pytest.mark.parametrize(
    ("key", "value"), [("size_px", 60), ("size_px", 1028), ("size_px", 226), ("val_share", 0), ("val_share", 0.5)]
)
def test_params_out_of_range(key, value):
    with pytest.raises(ValueError, match=key):
        section_params("ingest", **{key: value})


def test_the_stage_needs_no_torch():
    code = "import sys, stages.ingest.__main__; print({'torch', 'timm', 'open_clip', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_site_needs_a_folder(ingest):
    with pytest.raises(InputError, match="is no folder"):
        write_site(
            "A", Site(root="nowhere", card="folder", lesion_class="polyp"), section_params("ingest"), CLASSES, ".", 1
        )
