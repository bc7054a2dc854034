"""What `mcdrl doctor` says of a sound and of a broken repository."""

import math
import os
import shutil
from pathlib import Path

import h5py  # noqa: F401  runs `uname` as it is imported, so it can't be imported where `subprocess` has a stand-in
import pytest
from scmrepo.git import Git

from mcdrl.base.files import write_json
from mcdrl.commands.doctor import machine
from mcdrl.commands.doctor import repository as repository_checks
from mcdrl.commands.doctor import study as study_checks
from mcdrl.commands.doctor.check import NOTE, OK, PROBLEM, problems
from mcdrl.commands.doctor.examine import examine
from tests.projects import ROOT, copy_project


def answers(text):
    """Stand in for `dvc status`, which must be asked for what report and models need alone: a phantom may be none's."""

    def run(command, **_):
        assert command[2:] == ["dvc", "status", "--json", "--with-deps", "report", "deploy"]
        return repository_checks.subprocess.CompletedProcess(command, 0, text, "")

    return run


def fails(said):
    def run(command, **_):
        raise repository_checks.subprocess.CalledProcessError(1, command, "", said)

    return run


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A copy of what doctor looks at, with one site of its own and git, dvc and packages in place."""
    copy_project(tmp_path)
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    (tmp_path / ".dvc").mkdir()
    shutil.copytree(ROOT / "data" / "lite0", tmp_path / "data" / "lite0")
    monkeypatch.setattr(repository_checks.subprocess, "run", answers("{}"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(machine.importlib.metadata, "requires", lambda _: ["numpy>=1", "absent; extra == 'dev'"])
    return tmp_path


def row(checks, what):
    return next(check for check in checks if check.what == what)


def edit(repository, old, new):
    path = repository / "params.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_fresh_repository_has_no_problem(repository):
    checks = examine(Path())
    assert problems(checks) == 0
    assert row(checks, "site A").status == NOTE
    assert row(checks, "params.yaml").status == OK
    assert row(checks, "packages").status == OK


@pytest.mark.parametrize(
    ("what", "missing", "extra"),
    [
        ("export to ONNX", "onnxscript", "export"),
        ("DICOM", "highdicom", "dicom"),
        ("videos", "av", "video"),
        ("SLURM jobs", "submitit", "cluster"),
    ],
)
def test_packages_of_an_extra_are_a_note(repository, monkeypatch, what, missing, extra):
    monkeypatch.setattr(machine.importlib.util, "find_spec", lambda name: None if name == missing else name)
    found = row(examine(Path()), what)
    assert (found.status, found.found) == (NOTE, f"{missing} not installed")
    assert found.fix == f"pip install -e '.[{extra}]'"
    monkeypatch.setattr(machine.importlib.util, "find_spec", lambda name: name)
    assert row(examine(Path()), what).status == OK


def test_every_problem_says_how_to_mend_it(repository):
    shutil.rmtree(repository / ".dvc")
    edit(repository, "root: data/phantom/B", "root: raw/b")
    checks = examine(Path())
    assert problems(checks) == 2
    assert all(check.fix for check in checks if check.status == PROBLEM)
    assert "raw/b" in row(checks, "site B").found


def test_a_site_without_frames_or_table_is_a_problem(repository):
    site = repository / "data" / "phantom" / "A"
    (site / "images").mkdir(parents=True)
    assert "no frame" in row(examine(Path()), "site A").found
    (site / "images" / "1.png").write_bytes(b"-")
    assert "no table" in row(examine(Path()), "site A").found
    (site / "frames.csv").write_text("file\n")
    found = row(examine(Path()), "site A")
    assert (found.status, found.found) == (OK, "1 frames in data/phantom/A")


def test_what_is_left_of_a_site_that_is_none_is_noted(repository):
    for name in ("ingest/A", "ingest/gone", "encode"):
        (repository / "artifacts" / name).mkdir(parents=True)
    for name in ("encode/A.h5", "encode/gone.h5", "encode/.gitignore"):
        (repository / "artifacts" / name).touch()
    found = row(examine(Path()), "artifacts")
    assert found.status == NOTE
    assert found.found.startswith("artifacts/encode/gone.h5, artifacts/ingest/gone: of no site here")
    assert found.fix == "rm -r artifacts/encode/gone.h5 artifacts/ingest/gone"


def test_a_folder_of_a_site_that_cannot_be_read_is_a_problem(repository, monkeypatch):
    (repository / "data" / "phantom" / "A" / "images").mkdir(parents=True)
    real = os.listdir

    def listing(folder):
        if str(folder).endswith("A/images"):
            raise PermissionError(13, "Permission denied", str(folder))
        return real(folder)

    monkeypatch.setattr(os, "listdir", listing)
    found = row(examine(Path()), "site A")
    assert found.status == PROBLEM
    assert "the folder data/phantom/A/images can't be read: Permission denied" in found.found


@pytest.mark.parametrize("pattern", ["/abs/*", "a/**b/*"])
def test_a_pattern_that_is_none_is_a_problem(repository, pattern):
    (repository / "own").mkdir()
    edit(repository, "{card: phantom, root: data/phantom/A}", f"{{card: folder, root: own, images: {pattern}}}")
    found = row(examine(Path()), "params.yaml")
    assert found.status == PROBLEM
    assert "sites.A.images: no pattern below the root (" in found.found
    assert f"got '{pattern}'" in found.found


def test_a_typo_in_the_parameters_is_shown(repository):
    edit(repository, "alpha:", "alhpa:")
    found = row(examine(Path()), "params.yaml")
    assert found.status == PROBLEM
    assert "alhpa" in found.found


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("methods: [baseline, mcdrl]", "methods: [baseline, mcdlr]", "unknown 'mcdlr'; did you mean 'mcdrl'?"),
        ("dictionary: text ", "dictionary: texts ", "method_params.mcdrl.dictionary"),
    ],
)
def test_what_is_wrong_with_a_method_is_told_before_the_first_stage(repository, old, new, found):
    edit(repository, old, new)
    check = row(examine(Path()), "params.yaml")
    assert (check.status, found in check.found) == (PROBLEM, True)


def test_without_torch_the_rest_of_the_parameters_is_still_checked(repository, monkeypatch):
    def no_torch(*_):
        raise ImportError("no torch")

    monkeypatch.setattr(study_checks, "with_methods", no_torch)
    assert row(examine(Path()), "params.yaml").status == OK
    edit(repository, "hash_bits: 52", "hash_bit: 52")
    assert "hash_bit" in row(examine(Path()), "params.yaml").found


def test_weights_that_are_not_there_are_a_problem(repository):
    edit(repository, "backbone: lite0", "backbone: rn50")
    assert row(examine(Path()), "backbone rn50").status == NOTE
    edit(repository, "rn50: null", "rn50: nowhere.pt")
    found = row(examine(Path()), "backbone rn50")
    assert found.status == PROBLEM
    assert "nowhere.pt" in found.found


def test_the_embedded_backbone_without_its_files_is_a_problem(repository):
    shipped = repository / "data" / "lite0"
    assert row(examine(Path()), "backbone lite0").status == OK
    for damage in ((shipped / "words.json").unlink, lambda: (shipped / "tower.safetensors").write_bytes(b"junk")):
        damage()
        found = row(examine(Path()), "backbone lite0")
        assert (found.status, found.fix) == (PROBLEM, "git checkout data/lite0")
        shutil.copy(ROOT / "data" / "lite0" / "words.json", shipped)


def test_weights_of_another_hash_are_a_problem(repository):
    edit(repository, "backbone: lite0", "backbone: rn50")
    (repository / "junk.pt").write_bytes(b"junk")
    edit(repository, "rn50: null", "rn50: junk.pt")
    found = row(examine(Path()), "backbone rn50")
    assert (found.status, "junk.pt has sha256" in found.found) == (PROBLEM, True)


def test_what_dvc_cannot_read_in_a_site_is_a_problem(repository):
    site = repository / "data" / "phantom" / "A"
    (site / "images").mkdir(parents=True)
    (site / "images" / "1.png").write_bytes(b"-")
    (site / "frames.csv").write_text("file\n")
    (site / "masks").symlink_to("nowhere")
    found = row(examine(Path()), "site A")
    assert (found.status, found.fix) == (PROBLEM, "remove it; mcdrl sites check A")
    assert not [check for check in examine(Path()) if check.what == "artifacts"]  # DVC would say the same again


def test_stored_random_weights_are_called_so(repository):
    card = {
        "name": "lite0",
        "title": "L",
        "family": "lite",
        "model": "m",
        "pretrained": "random",
        "source_sha256": None,
        "dense": "plain",
        "licence": "x",
        "notice": "x",
        "config": {},
        "fingerprint": "f",
    }
    (repository / "artifacts" / "backbone").mkdir(parents=True)
    write_json(card, repository / "artifacts" / "backbone" / "card.json")
    found = row(examine(Path()), "backbone lite0")
    assert found.status == NOTE
    assert "RANDOM" in found.found


def test_packages_that_are_missing_or_too_old_are_named(repository, monkeypatch):
    monkeypatch.setattr(machine.importlib.metadata, "requires", lambda _: ["numpy>=999", "no-such-package>=1"])
    found = row(examine(Path()), "packages")
    assert found.status == PROBLEM
    assert "numpy" in found.found
    assert "no-such-package is missing" in found.found


def test_missing_tools_are_problems(repository, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert row(examine(Path()), "dvc").status == PROBLEM
    assert row(examine(Path()), "git").status == PROBLEM


def test_a_hub_that_answers_is_told_from_one_that_does_not(repository, monkeypatch):
    edit(repository, "backbone: lite0", "backbone: rn50")
    monkeypatch.setattr("mcdrl.commands.doctor.study._hub_answers", lambda: True)
    assert row(examine(Path()), "backbone rn50").status == OK
    monkeypatch.setattr("mcdrl.commands.doctor.study._hub_answers", lambda: False)
    found = row(examine(Path()), "backbone rn50")
    assert (found.status, "weights.rn50" in found.fix) == (NOTE, True)


@pytest.mark.parametrize(
    ("answer", "status", "found"),
    [
        ("{}", OK, "up to date"),
        ('{"train": [], "a": [], "b": [], "c": []}', NOTE, "stale or missing: a, b, c and 1 more"),
        ("no JSON", NOTE, "DVC can't tell whether they are up to date"),
    ],
)
def test_stale_artifacts_are_named(repository, monkeypatch, answer, status, found):
    assert row(examine(Path()), "artifacts").found == "nothing has been run yet"
    monkeypatch.setattr(repository_checks.subprocess, "run", fails("'./dvc.yaml' is invalid.\n\nNo cmd.\nLine 3\n"))
    checked = row(examine(Path()), "artifacts")
    assert checked.status == PROBLEM
    assert checked.found == "DVC can't read the pipeline: './dvc.yaml' is invalid. No cmd."
    monkeypatch.setattr(repository_checks.subprocess, "run", fails("Unable to acquire lock. Most likely\n"))
    assert row(examine(Path()), "artifacts").status == NOTE
    (repository / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    monkeypatch.setattr(repository_checks.subprocess, "run", answers(answer))
    checked = row(examine(Path()), "artifacts")
    assert (checked.status, checked.found) == (status, found)


@pytest.mark.parametrize(
    ("answer", "same", "found"),
    [
        ('{"plan": ["always changed"]}', {"plan"}, "up to date"),
        ('{"plan": ["always changed"]}', set(), "stale or missing: plan"),
        ('{"plan": ["always changed"], "report": []}', {"plan"}, "stale or missing: report"),
        ('{"plan": [{"changed deps": {}}, "always changed"]}', None, "stale or missing: plan"),
    ],
)
def test_a_stage_that_is_always_looked_at_is_not_stale_by_that(repository, monkeypatch, answer, same, found):
    def unchanged(root, looked_at):
        assert list(looked_at) == ([] if same is None else ["plan"])
        return same or set()

    (repository / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    monkeypatch.setattr(repository_checks, "unchanged", unchanged)
    monkeypatch.setattr(repository_checks.subprocess, "run", answers(answer))
    assert repository_checks.stale(repository).found == found


@pytest.mark.parametrize(("recorded", "patience_s"), [(0, 60), (3_000_000, 360)])
def test_dvc_has_the_longer_the_more_it_compares(repository, monkeypatch, recorded, patience_s):
    """A study of six hundred cells has a dvc.lock of about three megabytes."""
    asked = []

    def run(command, **how):
        asked.append(how["timeout"])
        return answers("{}")(command)

    (repository / "dvc.lock").write_text("#" * recorded)
    monkeypatch.setattr(repository_checks.subprocess, "run", run)
    repository_checks.stale(repository)
    assert asked == [patience_s]


def test_little_memory_is_noted(monkeypatch):
    """Of a container as of a machine: `tests/base/test_runtime.py` has what they give."""
    monkeypatch.setattr(machine, "machine_memory_gb", lambda: 2.048)
    monkeypatch.setattr(machine, "free_memory_bytes", lambda: 40_000_000)
    assert machine.memory().found == "2.0 GB, 0.0 GB unused"
    assert machine.memory().status == NOTE
    monkeypatch.setattr(machine, "machine_memory_gb", lambda: 4.0)
    assert machine.memory().status == OK


@pytest.mark.parametrize(("most_gb", "free"), [(math.inf, 10**9), (8.0, 0)])
def test_memory_that_nobody_tells_is_noted(monkeypatch, most_gb, free):
    monkeypatch.setattr(machine, "machine_memory_gb", lambda: most_gb)
    monkeypatch.setattr(machine, "free_memory_bytes", lambda: free)
    assert (machine.memory().status, machine.memory().found) == (NOTE, "this system doesn't tell")


def test_a_lesion_class_that_no_site_can_have_is_told(repository):
    assert not [check for check in examine(Path()) if check.what == "lesion classes"]  # a table says the phantom's
    for name in "AB":
        (repository / f"own{name}" / "images").mkdir(parents=True)
    sites = "".join(f"  {name}: {{card: phantom, root: data/phantom/{name}}}\n" for name in "ABCDE")
    own = "".join(f"  {name}: {{card: folder, root: own{name}, lesion_class: polyp}}\n" for name in "AB")
    edit(repository, sites, own)
    edit(repository, "held_out: [A, B, C, D, E]", "held_out: [A, B]")
    told = row(examine(Path()), "lesion classes")
    assert (told.status, told.found) == (
        NOTE,
        "no site can have tumor, inflammation, nodule, cyst, but prompts ask for them",
    )
    edit(repository, "lesion_classes: [polyp, tumor, inflammation, nodule, cyst]", "lesion_classes: [polyp]")
    edit(
        repository,
        "{polyp: polyp, tumor: tumor, inflammation: inflammation, nodule: nodule, cyst: cyst}",
        "{polyp: polyp}",
    )
    told = row(examine(Path()), "lesion classes")
    assert (told.status, told.found) == (NOTE, "polyp alone: L_contrast has nothing to compare it with and is 0")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "dvc.lock is empty"),
        ("schema: '2.0'\nstages:\n<<<<<<< HEAD\n  a:\n=======\n  b:\n>>>>>>> topic\n",
         "dvc.lock holds the conflict markers of a merge, the first in line 3"),
        ("schema: '2.0'\nstages:\n  plan:\n    deps: [{", "dvc.lock is cut short or damaged: it is no YAML"),
        ("schema: '2.0'\nstages:\n", "dvc.lock is cut short or damaged: it doesn't list stages"),
        ("schema: '2.0'\nstages:\n  plan:\n", "dvc.lock is cut short or damaged: it doesn't list stages"),
        ("\x00\x00", "dvc.lock is cut short or damaged: it is no YAML"),
    ],
)  # fmt: skip
def test_a_lock_that_dvc_cannot_read_is_a_problem_with_its_mend(repository, text, found):
    (repository / "dvc.lock").write_text(text)
    checked = row(examine(Path()), "artifacts")
    assert (checked.status, checked.found) == (PROBLEM, found)
    assert checked.fix.startswith("git checkout dvc.lock; where git has no good one, delete it, then dvc commit")


@pytest.mark.parametrize(
    ("said", "status", "found", "fix"),
    [
        (
            "ERROR: /x is not a git repository\n",
            PROBLEM,
            "as in an unpacked ZIP",
            "git init && git add -A && git commit",
        ),
        ("'./dvc.lock' validation failed.\n\nextra keys\n", PROBLEM, "can't read dvc.lock", "git checkout dvc.lock"),
        ("'./dvc.yaml' is busy, it is being blocked by:\n", NOTE, "at work elsewhere", "mcdrl doctor"),
        ("'./block.yaml' is invalid.\n", PROBLEM, "can't read the pipeline", "dvc status"),
    ],
)
def test_only_a_dvc_that_is_busy_is_at_work_elsewhere(repository, monkeypatch, said, status, found, fix):
    monkeypatch.setattr(repository_checks.subprocess, "run", fails(said))
    checked = row(examine(Path()), "artifacts")
    assert checked.status == status
    assert found in checked.found
    assert checked.fix.startswith(fix)


def test_an_unpacked_zip_is_told_what_dvc_needs(repository):
    shutil.rmtree(repository / ".dvc")
    checked = row(examine(Path()), "repository")
    assert (checked.status, checked.fix) == (PROBLEM, "git init && git add -A && git commit -m start && dvc init")


def test_relative_paths_that_a_copy_of_the_repository_lacks_are_noted(repository):
    git = Git.init(str(repository))
    git.close()
    (repository / ".gitignore").write_text("/raw/\n/weights/\n")
    for place in ("raw/b", "kept/c", "tracked/d", "weights"):
        (repository / place).mkdir(parents=True)
    (repository / ".gitignore").write_text("/raw/\n/weights/\n/tracked/d\n")
    (repository / "tracked" / "d.dvc").write_text("outs: []\n")
    (repository / "weights" / "w.pt").write_bytes(b"-")
    for old, new in (("phantom/B", "../raw/b"), ("phantom/C", "../kept/c"), ("phantom/D", "../tracked/d")):
        edit(repository, f"root: data/{old}", f"root: data/{new}")
    edit(repository, "rn50: null", "rn50: weights/w.pt")
    checked = row(examine(Path()), "relative paths")
    assert checked.status == NOTE
    assert checked.found == (
        "sites.B.root: data/../raw/b is ignored by git; weights.rn50: weights/w.pt is ignored by git: not there in "
        "dvc exp run --temp and in the queue"
    )
    edit(repository, "root: data/../raw/b", f"root: {repository}/raw/b")
    edit(repository, "rn50: weights/w.pt", f"rn50: {repository}/weights/w.pt")
    assert not [check for check in examine(Path()) if check.what == "relative paths"]


def test_two_sites_of_the_same_frames_are_a_problem(repository):
    edit(repository, "  B: {card: phantom, root: data/phantom/B}", "  B: {card: phantom, root: ./data/phantom/A}")
    found = [check for check in examine(Path()) if check.what == "site B"]
    assert [check.status for check in found] == [NOTE, PROBLEM]  # neither is rendered yet
    assert found[1].found == "has the very frames of site A, which would leak"
    assert not any("very frames" in check.found for check in examine(Path()) if check.what == "site A")
