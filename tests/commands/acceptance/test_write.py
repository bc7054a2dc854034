"""The folder of an acceptance."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from mcdrl.base.errors import InputError
from mcdrl.commands.acceptance.write import write_acceptance
from tests.commands.acceptance.hospital import by_site, judged
from tests.factories import bytes_of

COLUMNS = [*[(16, 15 + number % 3) for number in range(12)], (4, 0), (0, 0)]


@pytest.fixture
def found(tmp_path):
    return judged(tmp_path, COLUMNS, by_site(0.9, 0.95, 0.97), known={}, sites={"N": (0.0, 0.5), "S": (0.1, 0.9)})


def test_figures_come_out_again(found, tmp_path):
    write_acceptance(found, tmp_path / "out")
    assert sorted(bytes_of(tmp_path / "out")) == ["acceptance.json", "cases.csv", "index.html", "summary.csv"]
    told = json.loads((tmp_path / "out" / "acceptance.json").read_text())
    summary = pd.read_csv(tmp_path / "out" / "summary.csv").set_index("figure")
    cases = pd.read_csv(tmp_path / "out" / "cases.csv")
    assert told["verdict"] == "as promised"
    assert summary.loc["dice", "value"] == pytest.approx(cases["dice"].mean(), abs=1e-5)
    assert told["figures"]["dice"]["value"] == pytest.approx(cases["dice"].mean(), abs=1e-5)
    assert summary.loc["false_alarms", "value"] == pytest.approx((cases.loc[cases["dice"].isna(), "fp"] > 0).mean())
    places = {one["quantity"]: one["place"] for one in told["shift"]}
    assert (places["view_share"], places["height_px"]) == ("outside", None)
    assert len(cases) == told["n_judged"] == 14


def test_equal_inputs_give_equal_bytes(found, tmp_path):
    write_acceptance(found, tmp_path / "one")
    again = judged(tmp_path / "again", COLUMNS, by_site(0.9, 0.95, 0.97), {}, {"N": (0.0, 0.5), "S": (0.1, 0.9)})
    write_acceptance(again, tmp_path / "two")
    one, two = bytes_of(tmp_path / "one"), bytes_of(tmp_path / "two")
    for name in ("acceptance.json", "cases.csv", "summary.csv"):
        assert one[name] == two[name]


def test_what_another_run_wrote_meanwhile_stays(found, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "note.txt").write_text("note")
    with pytest.raises(InputError, match=r"stays as it is; see .*out-2 for the new one"):
        write_acceptance(found, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["note.txt"]
    assert (tmp_path / "out-2" / "index.html").is_file()


def test_without_masks_no_verdict_is_written(tmp_path):
    found = judged(tmp_path, [(bright, None) for bright, _ in COLUMNS], by_site(0.9, 0.95, 0.97))
    write_acceptance(found, tmp_path / "out")
    told = json.loads((tmp_path / "out" / "acceptance.json").read_text())
    assert told["verdict"] == "no masks"
    assert told["shift"] is None


def test_programs_read_what_speaks_against_the_verdict(found, tmp_path):
    write_acceptance(
        replace(found, doubts=["lesions of more than half of the frame in 12 of 12 masks"]), tmp_path / "out"
    )
    told = json.loads((tmp_path / "out" / "acceptance.json").read_text())
    assert told["warnings"][0] == {
        "title": "Masks or colours may be read wrongly; then no figure counts.",
        "words": "Lesions of more than half of the frame in 12 of 12 masks.",
        "alarm": True,
    }
