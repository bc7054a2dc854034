"""A file for each held-out site and one for none, the same bytes each time."""

import pytest

from mcdrl.artifacts.source_sites import read_source_sites
from stages.sources.__main__ import main
from tests import stub_sites
from tests.factories import bytes_of
from tests.projects import SHIPPED, copy_project, raw_study, write_params


@pytest.fixture
def artifacts(tmp_path, monkeypatch):
    copy_project(tmp_path)
    write_params(tmp_path, {**SHIPPED, "sites": raw_study("ABC")["sites"], "held_out": ["C", "A"]})
    monkeypatch.chdir(tmp_path)
    stub_sites.write_study(tmp_path / "artifacts")
    return tmp_path / "artifacts"


def test_each_held_out_site_has_its_sources_and_none_has_all(artifacts):
    out = artifacts / "sources"
    main(artifacts, out)
    sources = {"A": "BC", "C": "AB", "none": "ABC"}
    assert {path.stem for path in out.iterdir()} == set(sources)
    for held_out, sites in sources.items():
        found = read_source_sites(out / f"{held_out}.json")
        assert found.held_out == held_out
        assert list(found.views) == list(sites)
        names = ("ingest/{}/cases.parquet", "ingest/{}/frames.h5", "encode/{}.h5", "mine_regions/regions/{}.h5")
        assert set(found.files) == {name.format(site) for site in sites for name in names}


def test_an_edit_of_a_site_leaves_the_bytes_where_it_is_held_out(artifacts):
    out = artifacts / "sources"
    main(artifacts, out)
    before = bytes_of(out)
    stub_sites.empty_masks(artifacts, "C", "train")
    main(artifacts, out)
    after = bytes_of(out)
    assert {name for name in after if after[name] != before[name]} == {"A.json", "none.json"}
    stub_sites.write_study(artifacts)
    main(artifacts, out)
    assert bytes_of(out) == before
