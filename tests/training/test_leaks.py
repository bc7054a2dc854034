"""Training stops where the held-out site is among the source sites."""

import pytest
from lightning_fabric import Fabric

from mcdrl.base.errors import InputError
from mcdrl.metrics.operating_point import OperatingPoint
from mcdrl.model.card import read_card
from mcdrl.model.readme import readme
from mcdrl.study.paths import site_files
from mcdrl.training.cell import TrainingJob
from mcdrl.training.leaks import check_leaks, copies_across_split
from mcdrl.training.run import train
from tests import stub_sites
from tests.factories import method_params, train_params

PARAMS = train_params(epochs=1, batch_size=8, head_width=16, intervene_from=0)


def cell_of(artifacts):
    own = method_params("baseline")
    return TrainingJob("baseline", "baseline", "C", 0, ["A", "B"], artifacts, stub_sites.LESIONS, PARAMS, own)


def audit(folder, *rows):
    stub_sites.write_pairs(folder, *rows)
    return folder / "audit" / "audit.parquet"


def test_a_leak_names_count_first_pair_sites_and_the_way_out(tmp_path):
    path = audit(tmp_path, ("A/001", "C/007", False), ("B/002", "C/003", False), ("A/004", "B/004", False))
    with pytest.raises(InputError) as caught:
        check_leaks(path, "C")
    message = str(caught.value)
    assert message.startswith("2 pair(s) of frames cross the border of the held-out site 'C'")
    assert "A/001 and C/007 (identical)" in message
    assert "adding [A, C], [B, C] to audit.accepted in params.yaml" in message


def test_common_frames_of_two_source_sites_are_no_leak(tmp_path):
    assert check_leaks(audit(tmp_path, ("A/004", "B/004", False)), "C") == 0


def test_an_accepted_leak_passes_and_another_does_not(tmp_path):
    path = audit(tmp_path, ("A/001", "C/007", True), ("B/002", "C/003", True), ("B/001", "C/007", True))
    assert check_leaks(path, "C") == 2
    path = audit(tmp_path, ("A/001", "C/007", True), ("B/002", "C/003", False))
    with pytest.raises(InputError, match=r"1 pair.*B/002 and C/003"):
        check_leaks(path, "C")


def test_copies_across_training_and_validation_are_those_of_source_sites(tmp_path):
    path = audit(tmp_path, ("A/001", "B/004", True), ("A/002", "B/003", False), ("A/006", "C/007", True))
    assert copies_across_split(path, "C") == {"A/001", "B/004"}
    assert copies_across_split(path, "B") == {"A/006", "C/007"}


def test_where_no_site_is_left_out_none_can_leak_and_copies_are_those_of_all_sites(tmp_path):
    path = audit(tmp_path, ("A/001", "B/004", True), ("A/002", "B/003", False), ("A/006", "C/007", False))
    assert check_leaks(path, None) == 0
    assert copies_across_split(path, None) == {"A/001", "B/004", "A/006", "C/007"}


def test_validation_does_without_frames_that_another_source_site_trains_on(tmp_path, capsys):
    artifacts = tmp_path / "artifacts"
    stub_sites.write_study(artifacts)
    audit(artifacts, ("A/001", "B/002", True), ("A/006", "B/006", True))
    cell = cell_of(artifacts)
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    train(cell, fabric, tmp_path / "out")
    assert "1 validation frame(s) left out: copies of training frames" in capsys.readouterr().err


def test_without_an_audit_nothing_is_trained(tmp_path):
    with pytest.raises(InputError, match="dvc repro"):
        check_leaks(tmp_path / "audit.parquet", "C")


def operating_point(artifacts, out):
    """That of a model that was trained long enough to call something in vain."""
    own = method_params("baseline")
    params = train_params(epochs=3, batch_size=8, head_width=16, intervene_from=0, lr=0.01)
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    train(
        TrainingJob("baseline", "baseline", "C", 0, ["A", "B"], artifacts, stub_sites.LESIONS, params, own), fabric, out
    )
    return read_card(out).operating_point


def test_the_operating_point_is_that_of_the_source_sites_whatever_the_held_out_one_holds(tmp_path):
    """Other frames and masks at the held-out site change nothing, other masks in validation do."""
    artifacts = tmp_path / "artifacts"
    stub_sites.write_study(artifacts, count=40)
    clean = operating_point(artifacts, tmp_path / "clean")
    assert clean != OperatingPoint()
    held_out = site_files(artifacts, "C")
    for path in (held_out.cases, held_out.geometry, held_out.frames, held_out.features, held_out.regions):
        path.write_bytes(b"poison")
    assert operating_point(artifacts, tmp_path / "poisoned") == clean
    stub_sites.empty_masks(artifacts, "B", split="val")
    assert operating_point(artifacts, tmp_path / "other") != clean


@pytest.mark.parametrize("accepted", [False, True])
def test_a_training_stops_or_runs(tmp_path, accepted, capsys):
    artifacts = tmp_path / "artifacts"
    stub_sites.write_study(artifacts)
    audit(artifacts, ("A/001", "C/007", accepted))
    cell = cell_of(artifacts)
    fabric = Fabric(accelerator="cpu", devices=1)
    fabric.launch()
    if accepted:
        train(cell, fabric, tmp_path / "out")
        assert read_card(tmp_path / "out").leaked_frames == 1
        assert "left out" not in capsys.readouterr().err  # A/001 is in validation, C/007 in no training
        assert not (tmp_path / "out" / "README.md").exists()  # words are for `mcdrl pack`, which trains nothing anew
        told = readme(tmp_path / "out", artifacts / "backbone", None)
        assert "| held out | C, **1 of its frames were seen in training**" in told
        assert "never seen" not in told
        assert "| regions | none: the method looks at the whole frame |" in told
    else:
        with pytest.raises(InputError, match="held-out site 'C'"):
            train(cell, fabric, tmp_path / "out")
    assert (tmp_path / "out" / "model.json").exists() == accepted
