"""What a box cuts from a lesion that a drawn screen shows."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.benchmarks._toys import noise, run
from tests.benchmarks.view import lesions_on_screens


@pytest.fixture
def site(tmp_path):
    """Four frames whose left half is lesion, and one without."""
    for kind in ("images", "masks"):
        (tmp_path / "north" / kind).mkdir(parents=True)
    for number in range(5):
        noise(number, 200).save(tmp_path / "north" / "images" / f"{number}.png")
        mask = np.zeros((200, 200), np.uint8)
        mask[:, :100] = 255 * (number < 4)
        Image.fromarray(mask).save(tmp_path / "north" / "masks" / f"{number}.png")
    return tmp_path / "north"


def test_who_shows_all_cuts_nothing_and_who_shows_nothing_cuts_all(site, tmp_path, monkeypatch):
    sizes = []

    def whole(frame):
        sizes.append(frame.shape[1::-1])
        return 0, 0, frame.shape[1], frame.shape[0]

    finders = {"whole": whole, "none": lambda _: (0, 0, 0, 0)}
    monkeypatch.setattr(lesions_on_screens, "FINDERS", finders)
    out = tmp_path / "rows.parquet"
    lines = run(lesions_on_screens, site, "--out", out).splitlines()
    assert lines[2:] == [
        "| `whole` | 4 | 0.00 % | 0.00 % | 0.00 % |",
        "| `none` | 4 | 100.00 % | 100.00 % | 100.00 % |",
    ]
    rows = pd.read_parquet(out)
    assert (rows.loc[rows["finder"] == "none", "cut_px"] == rows.loc[rows["finder"] == "none", "lesion_px"]).all()
    assert len(set(sizes)) > 1, "screens differ"
    assert run(lesions_on_screens, out).splitlines() == lines
