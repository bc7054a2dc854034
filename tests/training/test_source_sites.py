"""What a training takes of the sites' data: of the held-out site nothing, of the others all that it opens."""

import shutil
from functools import partial

import h5py
import pytest
from lightning_fabric import Fabric

from mcdrl.artifacts.cases import CASES
from mcdrl.artifacts.plan import Views, write_plan
from mcdrl.artifacts.source_sites import read_source_sites, write_source_sites
from mcdrl.base.errors import InputError
from mcdrl.networks.inputs import read_cases
from mcdrl.study.paths import NONE, plan_files, site_files, sources_file, sources_folder
from mcdrl.training.cell import TrainingJob
from mcdrl.training.run import train
from mcdrl.training.source_sites import check_source_sites, source_names, source_sites
from tests import stub_sites
from tests.factories import bytes_of, small_params, train_params
from tests.opened_files import opened_files

SITES = "ABC"
ALL = [*SITES, NONE]
KINDS = ("cases", "frames", "features", "regions")


@pytest.fixture
def artifacts(tmp_path):
    stub_sites.write_study(tmp_path / "artifacts")
    return tmp_path / "artifacts"


def told(artifacts):
    """Held-out site, or none -> what is told of its sources."""
    held_out = {name: None if name == NONE else name for name in ALL}
    return {name: source_sites(artifacts, source_names(SITES, site), site) for name, site in held_out.items()}


def moved(artifacts, before):
    """Return for which held-out sites something else is told."""
    now = told(artifacts)
    return {name for name in ALL if now[name] != before[name]}


def edited(path):
    """Change a value of a store, or a row of a table."""
    if path.suffix == ".h5":
        with h5py.File(path, "r+") as store:
            store.attrs["edited"] = "yes"
    else:
        rows = CASES.read(path)
        CASES.write(rows.assign(group_id=rows["group_id"] + "x"), path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_site_s_data_concern_all_trainings_but_those_that_leave_it_out(artifacts, kind):
    before = told(artifacts)
    edited(getattr(site_files(artifacts, "A"), kind))
    assert moved(artifacts, before) == {"B", "C", NONE}


def test_a_mask_or_a_frame_that_joins_is_told_likewise(artifacts):
    before = told(artifacts)
    stub_sites.empty_masks(artifacts, "B", "train")
    assert moved(artifacts, before) == {"A", "C", NONE}
    before = told(artifacts)
    stub_sites.write_site(artifacts, "C", count=17)
    assert moved(artifacts, before) == {"A", "B", NONE}


def test_equal_data_written_anew_are_told_in_equal_words(artifacts):
    before = told(artifacts)
    stub_sites.write_study(artifacts)
    assert moved(artifacts, before) == set()


def test_what_no_training_opens_is_not_told(artifacts):
    before = told(artifacts)
    files = site_files(artifacts, "A")
    files.quarantine.write_bytes(b"other")
    files.geometry.write_bytes(b"other")
    (files.folder.parent / "removed").mkdir()
    assert moved(artifacts, before) == set()


@pytest.mark.parametrize(
    ("pair", "concerned"),
    [
        (("A/001", "B/002", True), {"C", NONE, "A", "B"}),  # copies where both train; accepted leaks where one doesn't
        (("A/001", "B/002", False), {"C", NONE, "A", "B"}),  # where one is left out nothing may be trained
        (("A/002", "B/002", True), {"A", "B"}),  # both train: validation loses nothing
        (("A/001", "A/002", False), {"B", "C", NONE}),  # inside a site
        (("A/002", "A/003", False), set()),
    ],
)
def test_of_the_audit_those_pairs_are_told_that_decide_something(artifacts, pair, concerned):
    before = told(artifacts)
    stub_sites.write_pairs(artifacts, pair)
    assert moved(artifacts, before) == concerned


def test_to_accept_a_pair_of_source_sites_trains_nothing(artifacts):
    stub_sites.write_pairs(artifacts, ("A/001", "B/002", False))
    before = told(artifacts)
    stub_sites.write_pairs(artifacts, ("A/001", "B/002", True))
    assert moved(artifacts, before) == {"A", "B"}  # for which it is a leak: what was refused is trained now


def test_the_numbers_of_a_leak_and_the_copies_are_told(artifacts):
    stub_sites.write_pairs(artifacts, ("A/001", "B/002", True), ("A/001", "C/007", True), ("A/003", "C/007", False))
    found = told(artifacts)
    assert [(found[name].leaked_frames, found[name].leaks) for name in ALL] == [(2, 1), (1, 0), (1, 1), (0, 0)]
    assert found["C"].copies == ["A/001", "B/002"]
    assert found["B"].copies == ["A/001", "C/007"]
    assert found[NONE].copies == ["A/001", "B/002", "C/007"]


def test_how_a_site_s_frames_are_looked_at_is_told_where_it_trains(artifacts):
    before = told(artifacts)
    write_plan(Views(view={"A": "full", "B": "auto", "C": "auto"}), plan_files(artifacts).views)
    assert moved(artifacts, before) == {"B", "C", NONE}


def test_a_site_that_joins_or_leaves_concerns_all_others(artifacts):
    one, other = (source_sites(artifacts, source_names(sites, "C"), "C") for sites in ("ABC", "BC"))
    assert one != other
    assert source_names("CBA", "B") == source_names("ABC", "B") == ["A", "C"]


OTHERWISE = {
    "frozen": {"mode": "frozen"},
    "source_tuned": {"mode": "frozen", "mining": "source_tuned", "miner": {"steps": 5}},
    "on pixels": {
        "mode": "partial", "views": ["viewpoint", "colour"], "lift_dark": True, "sampling": "size_balanced",
        "erased_share": 0.25, "healthy_share": 0.25, "flips": False,
    },
    "unlabelled": {"mode": "finetune", "labelled_share": 0.5, "unlabelled": "patches"},
}  # fmt: skip


def job(artifacts, held_out="C", **params):
    params = train_params(epochs=2, batch_size=8, head_width=16, intervene_from=1, **params)
    sources, flips = source_names(SITES, held_out), ["horizontal"] if params.flips else []
    return TrainingJob(
        "mcdrl", "mcdrl", held_out, 0, sources, artifacts, stub_sites.LESIONS, params, small_params("mcdrl"),
        flips=flips,
    )  # fmt: skip


def trained(made, out, check=None):
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    train(made, fabric, out, check)
    return bytes_of(out)


@pytest.mark.parametrize(("kind", "held_out"), [*((kind, "C") for kind in OTHERWISE), ("frozen", None)])
def test_all_that_a_training_opens_of_the_sites_is_told(artifacts, tmp_path, monkeypatch, kind, held_out):
    """Whatever opens it, HDF5 and Arrow in C, too. The audit's table is opened and its decisions are told."""
    monkeypatch.setattr("mcdrl.clip.load.load_encoder", lambda *_: stub_sites.StubEncoder())
    made = job(artifacts, held_out, **OTHERWISE[kind])
    with opened_files(artifacts) as opened:
        whole = trained(made, tmp_path / "out")
    data = {path for path in opened if not path.startswith((".", "backbone/", "build_confounders/", "plan/"))}
    files = source_sites(artifacts, made.sources, held_out).files
    assert data == {*files, "audit/audit.parquet"}
    assert {path for path in opened if path.startswith("plan/")} <= {"plan/views.json"}

    kept = {*files, "audit/audit.parquet", "plan/views.json"}
    for path in [path for path in artifacts.rglob("*") if path.is_file()]:
        name = path.relative_to(artifacts).as_posix()
        if name not in kept and not name.startswith(("backbone/", "build_confounders/")):
            path.unlink()
    assert trained(made, tmp_path / "alone") == whole


@pytest.fixture
def checked(artifacts):
    """Return artifacts with what is told of C's sources."""
    write_source_sites(source_sites(artifacts, ["A", "B"], "C"), sources_file(sources_folder(artifacts), "C"))
    return artifacts


def test_what_is_told_is_read_as_it_was_written(checked):
    assert read_source_sites(sources_file(sources_folder(checked), "C")) == source_sites(checked, ["A", "B"], "C")
    check_source_sites(checked, ["A", "B"], "C")


def test_nothing_is_trained_on_other_data_than_dvc_knows_of(checked):
    edited(site_files(checked, "C").frames)
    check_source_sites(checked, ["A", "B"], "C")
    edited(site_files(checked, "B").regions)
    with pytest.raises(InputError, match=r"C\.json tells of other data.*the first: mine_regions/regions/B\.h5; run"):
        check_source_sites(checked, ["A", "B"], "C")


def test_nor_on_other_sites_or_decisions(checked):
    with pytest.raises(InputError, match=r"the first: encode/B\.h5"):
        check_source_sites(checked, ["A"], "C")
    stub_sites.write_pairs(checked, ("A/001", "B/002", True))
    with pytest.raises(InputError, match="the first: copies"):
        check_source_sites(checked, ["A", "B"], "C")


def test_nor_on_data_that_come_while_it_begins_and_what_comes_later_changes_nothing(checked, tmp_path, monkeypatch):
    made, mask = job(checked), site_files(checked, "B").frames
    meant, other = mask.read_bytes(), tmp_path / "other.h5"
    check = partial(check_source_sites, checked, made.sources, "C")
    right = trained(made, tmp_path / "right", check)
    stub_sites.empty_masks(checked, "B", "val")
    mask.rename(other)
    mask.write_bytes(meant)
    check()

    def replaced():
        mask.unlink()  # as DVC does, whose files are links
        shutil.copy(other, mask)

    def read(*given):
        found = read_cases(*given)
        replaced()
        return found

    with monkeypatch.context() as patch:
        patch.setattr("mcdrl.training.run.read_cases", read)
        with pytest.raises(InputError, match=r"the first: ingest/B/frames\.h5"):
            trained(made, tmp_path / "wrong", check)
    assert not (tmp_path / "wrong").exists()
    mask.write_bytes(meant)
    assert trained(made, tmp_path / "late", lambda: (check(), replaced())) == right
    assert trained(made, tmp_path / "otherwise") != right


def test_what_is_missing_or_damaged_is_named(checked):
    path = sources_file(sources_folder(checked), "C")
    path.write_text('{"held_out": "C"}', encoding="utf-8")
    with pytest.raises(InputError, match=r"C\.json is damaged .*run `dvc repro sources`"):
        check_source_sites(checked, ["A", "B"], "C")
    shutil.rmtree(path.parent)
    with pytest.raises(InputError, match=r"C\.json does not exist; run `dvc repro sources`"):
        check_source_sites(checked, ["A", "B"], "C")
    site_files(checked, "B").features.unlink()
    with pytest.raises(InputError, match=r"encode/B\.h5 does not exist; run `dvc repro` to make it"):
        source_sites(checked, ["A", "B"], "C")
