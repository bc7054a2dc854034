"""A site's frames before any of them is decoded."""

import json

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
