"""A site's frames before any of them is decoded."""

import json
import os

import pytest

from mcdrl.base.errors import InputError
from mcdrl.sites.candidates import find_candidates
from mcdrl.study.reading import Reading
from tests.sites.site_folder import SiteFolder


def test_a_polygon_of_nearly_the_same_name_makes_no_negative(folder: SiteFolder):
    for number, stem in enumerate(("IMG_1", "b", "c")):
        folder.pair(stem, number)
    points = [{"x": x, "y": y} for x, y in ((1, 1), (9, 1), (9, 9))]
    outlines = [{"object_id": name, "label_ids": ["l"], "data": points} for name in ("img_1", "b")]
    (folder.root / "all.json").write_text(json.dumps(outlines))
    found = find_candidates("S", folder.root, Reading(polygons="all.json", lesion_class="polyp"))
    assert {one.case_id: len(one.outlines) for one in found.candidates} == {"S/b": 1, "S/c": 0}
    assert [(one.file, one.kind) for one in found.refused] == [
        ("images/IMG_1.png", "annotation of nearly the same name")
    ]


@pytest.mark.parametrize(
    ("closed", "keys"),
    [
        ("images/p2", {"masks": "masks/{stem}.*"}),
        ("masks", {"masks": "masks/{stem}.*"}),
        ("drawn/p2", {"polygons": "drawn/*/*.json"}),
        ("drawn/p2", {"annotations": "drawn/*/*.json", "annotation_format": "labelme"}),
    ],
)
def test_no_patient_is_lost_in_a_folder_that_cannot_be_read(tmp_path, monkeypatch, closed, keys):
    for name in ("images/p1/a.png", "images/p2/b.png", "masks/a.png", "masks/b.png", "drawn/p1/a.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("[]")
    (tmp_path / "drawn" / "p2").mkdir()
    real = os.listdir

    def listing(folder):
        if str(folder).endswith(closed):
            raise PermissionError(13, "Permission denied", str(folder))
        return real(folder)

    monkeypatch.setattr(os, "listdir", listing)
    reading = Reading(images="images/*/*", lesion_class="polyp", missing_mask="no_lesion", **keys)
    with pytest.raises(InputError, match=f"the folder .*{closed} can't be read: Permission denied"):
        find_candidates("S", tmp_path, reading)
