"""What lies on disk: layout, columns, and bytes that depend on nothing but the parameters."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from mcdrl.renderer import CONFOUNDERS, LESION_CLASSES
from mcdrl.study.sections.phantom import Params
from stages.phantom.sites import SITES
from stages.phantom.write import write_sites
from tests.factories import section_params

SMALL = section_params("phantom", frames_per_site=5, size_px=64, seed=3)


def write(params: Params, out: Path, workers: int = 1) -> Path:
    names = list(write_sites(params, out, workers))
    assert len(names) == len(set(names)) == len(SITES) * params.frames_per_site
    return out


def contents(root: Path) -> dict[str, bytes]:
    files = [path for path in sorted(root.rglob("*")) if path.is_file()]
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def rows(site: Path) -> list[dict[str, str]]:
    with (site / "frames.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(SMALL, tmp_path_factory.mktemp("phantom") / "out")


def test_layout(phantom: Path) -> None:
    assert sorted(path.name for path in phantom.iterdir()) == list("ABCDE") == sorted(SITES)
    for site in phantom.iterdir():
        assert sorted(path.name for path in site.iterdir()) == [
            "contact_sheet.png",
            "frames.csv",
            "images",
            "masks",
        ]
        names = [row["file"] for row in rows(site)]
        assert len(names) == 5
        assert names == sorted(path.name for path in (site / "images").iterdir())
        assert names == sorted(path.name for path in (site / "masks").iterdir())


def test_table(phantom: Path) -> None:
    for site in phantom.iterdir():
        table = rows(site)
        assert tuple(table[0]) == ("file", "group_id", "lesion_class", *CONFOUNDERS)
        assert [row["group_id"] for row in table] == [f"{site.name}-p0000"] * 4 + [f"{site.name}-p0001"]
        for row in table:
            assert row["lesion_class"] in ("", *LESION_CLASSES)
            values = [row[name] for name in CONFOUNDERS]
            assert all(len(value.split(".")[1]) == 4 and 0 <= float(value) <= 1 for value in values)


def test_lesions_of_a_patient_are_of_one_class(phantom: Path) -> None:
    for site in phantom.iterdir():
        classes = {row["lesion_class"] for row in rows(site)[:4]} - {""}
        assert len(classes) <= 1


def test_mask_is_empty_exactly_where_the_table_names_no_class(phantom: Path) -> None:
    for site in phantom.iterdir():
        for row in rows(site):
            image = np.asarray(Image.open(site / "images" / row["file"]))
            mask = np.asarray(Image.open(site / "masks" / row["file"]))
            size = (75, 116) if site.name == "E" else (64, 64)  # E exports whole screens
            assert image.shape == (*size, 3)
            assert mask.shape == size
            assert set(np.unique(mask)) <= {0, 255}
            assert mask.any() == (row["lesion_class"] != "")


def test_same_bytes_with_more_workers(phantom: Path, tmp_path: Path) -> None:
    assert contents(write(SMALL, tmp_path / "two", workers=2)) == contents(phantom)


def test_more_frames_change_no_other_frame(phantom: Path, tmp_path: Path) -> None:
    more = contents(write(SMALL.model_copy(update={"frames_per_site": 9}), tmp_path / "more"))
    for name, data in contents(phantom).items():
        if name.endswith("frames.csv"):
            assert more[name].startswith(data)
        elif "contact_sheet" not in name:
            assert more[name] == data


def test_a_patient_has_as_many_frames_as_params_say(phantom: Path, tmp_path: Path) -> None:
    write(SMALL.model_copy(update={"frames_per_group": 2}), tmp_path / "short")
    groups = {root: [row["group_id"] for row in rows(root / "A")] for root in (phantom, tmp_path / "short")}
    assert groups[phantom] == ["A-p0000"] * 4 + ["A-p0001"]
    assert groups[tmp_path / "short"] == ["A-p0000"] * 2 + ["A-p0001"] * 2 + ["A-p0002"]
    assert rows(tmp_path / "short" / "A")[3]["file"] == "A-p0001-f1.png"


def test_another_seed_is_another_patient(phantom: Path, tmp_path: Path) -> None:
    other = contents(write(SMALL.model_copy(update={"seed": 4}), tmp_path / "other"))
    name = "A/images/A-p0000-f0.png"
    assert other[name] != contents(phantom)[name]


def test_old_output_is_replaced_as_a_whole(tmp_path: Path) -> None:
    stale = tmp_path / "out" / "Z" / "stale.txt"
    stale.parent.mkdir(parents=True)
    stale.write_text("old")
    write(SMALL.model_copy(update={"frames_per_site": 4}), tmp_path / "out")
    assert not stale.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    "change", [{"frames_per_site": 3}, {"frames_per_group": 0}, {"size_px": 16}, {"seed": -1}, {"sites": 2}]
)
def test_parameters_out_of_range_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        section_params("phantom", **change)
