"""The command over sites on disk."""

import pytest
import yaml

from mcdrl.artifacts.audit import PAIRS, PROFILE, SPLITS
from mcdrl.base.errors import InputError
from mcdrl.study.params import load_study
from stages.audit.__main__ import main
from stages.audit.sites import read_sites
from tests.projects import SHIPPED, copy_project, write_params
from tests.stages.audit.pictures import all_at_once, picture, working, write_site


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A repository in small: params.yaml with sites A and B, and their frames; B has a copy of A's first."""
    params = {**SHIPPED, "sites": {name: SHIPPED["sites"][name] for name in "AB"}, "held_out": ["A"]}
    copy_project(tmp_path)
    write_params(tmp_path, params)
    frames = {site: [picture(number, ord(site)) for number in range(4)] for site in "AB"}
    frames["B"][2] = all_at_once(frames["A"][0])
    for site, images in frames.items():
        write_site(tmp_path / "ingest", site, [working(image) for image in images], groups=["x", "x", "y", "y"],
                   splits=["train", "train", "val", "val"])  # fmt: skip
    monkeypatch.chdir(tmp_path)
    return tmp_path, params


def test_three_tables_and_a_summary(folder, capsys):
    root, _ = folder
    main(root / "ingest", root / "audit")
    pairs = PAIRS.read(root / "audit" / "audit.parquet")
    assert pairs[["case_a", "case_b", "accepted"]].values.tolist() == [["A/000", "B/002", False]]
    splits = SPLITS.read(root / "audit" / "splits.parquet")
    assert splits.iloc[6].tolist() == ["B/002", "B", "y", "val"]
    profile = PROFILE.read(root / "audit" / "profile.parquet")
    assert list(profile["case_id"]) == list(splits["case_id"])
    assert profile["lesion_share"].tolist() == pytest.approx([0.1] * 8)
    assert (profile["border_share"] == 0.25).all()
    assert profile["sharpness"].gt(0).all()
    assert "  A: 1 of 4 frames are at B, too (25.0%)\n" in capsys.readouterr().out


def test_equal_inputs_give_equal_bytes(folder):
    root, _ = folder
    for name in ("one", "two"):
        main(root / "ingest", root / name)
    for path in (root / "one").iterdir():
        assert path.read_bytes() == (root / "two" / path.name).read_bytes()


def test_an_accepted_pair_of_sites_is_marked(folder):
    root, params = folder
    write_params(root, params | {"audit": {**params["audit"], "accepted": [["B", "A"]]}})
    main(root / "ingest", root / "audit")
    assert PAIRS.read(root / "audit" / "audit.parquet")["accepted"].tolist() == [True]


def test_accepting_an_unknown_site_is_an_error(folder):
    root, params = folder
    write_params(root, params | {"audit": {**params["audit"], "accepted": [["A", "BB"]]}})
    with pytest.raises(InputError, match=r"audit\.accepted: unknown site 'BB'; did you mean 'B'\?"):
        main(root / "ingest", root / "audit")


@pytest.mark.parametrize("pair", [["A"], ["A", "A"], ["A", "B", "C"]])
def test_only_pairs_of_two_sites_can_be_accepted(folder, pair):
    root, params = folder
    write_params(root, params | {"audit": {"accepted": [pair]}})
    with pytest.raises(InputError, match="is no pair of two sites"):
        main(root / "ingest", root / "audit")


def test_masks_are_not_read(folder):
    import h5py

    root, _ = folder
    main(root / "ingest", root / "before")
    with h5py.File(root / "ingest" / "A" / "frames.h5", "r+") as file:
        file["mask"][:] = 1
    main(root / "ingest", root / "after")
    for path in (root / "before").iterdir():
        assert path.read_bytes() == (root / "after" / path.name).read_bytes()


def test_the_order_of_the_sites_in_params_yaml_changes_no_byte(folder):
    root, params = folder
    main(root / "ingest", root / "audit")
    turned = {**params, "sites": dict(reversed(params["sites"].items()))}
    (root / "params.yaml").write_text(yaml.safe_dump(turned, sort_keys=False))
    assert list(load_study().sites) == ["A", "B"]
    main(root / "ingest", root / "turned")
    files = sorted(path.name for path in (root / "audit").iterdir())
    assert len(files) == 3
    assert all((root / "audit" / name).read_bytes() == (root / "turned" / name).read_bytes() for name in files)


def test_rows_stand_by_name_whatever_reads_params_yaml(folder):
    """What reads it is in no digest."""
    root, _ = folder
    one, other = (read_sites(root / "ingest", sites) for sites in ("AB", "BA"))
    assert one.cases.equals(other.cases)
    assert one.profile.equals(other.profile)
