"""`mcdrl run` on a toy pipeline with the real DVC: order, failure, Ctrl-C, and going on."""

import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from mcdrl.commands.run.claim import claim_path
from tests.commands.run.toy import CELLS, Toy

pytestmark = pytest.mark.timeout(300)
MEET = "echo ${item.m} >> log.txt; touch out/here_${item.m}; for i in $(seq 300); do ls out/here_x out/here_y && break; sleep 0.1; done; cat out/plan/a > out/${item.m}"  # noqa: E501


@pytest.fixture
def toy(tmp_path):
    return Toy(tmp_path / "toy")


def wait_for(path: Path):
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def below(pid):
    """The processes that one has started, and those that they have."""
    return psutil.Process(pid).children(recursive=True)


def test_the_record_and_the_artifacts_are_those_of_dvc_repro(toy, tmp_path):
    plain = Toy(tmp_path / "plain")
    plain.dvc("repro")
    code, said, _ = toy.run("--slots", "3")
    assert (code, said) == (0, "6 stages done\n")
    assert sorted(toy.ran()) == sorted(plain.ran())
    for name in ("dvc.lock", "out/all", *(f"out/{cell}" for cell in CELLS)):
        assert toy.read(name) == plain.read(name)
    assert "up to date" in toy.dvc("status")
    assert not claim_path(toy.folder).exists()


@pytest.mark.slow
def test_cells_run_side_by_side_and_nothing_before_what_it_reads(toy):
    """Cells x and y wait for each other, which ends only if both run at a time."""
    toy.write_pipeline(cell=MEET)
    code, _, complained = toy.run("--slots", "2")
    assert code == 0
    assert toy.ran()[-1] == "gather"
    order = [line.partition(":")[0] for line in complained.splitlines() if line.endswith(": running")]
    assert order == ["plan", "cell@x", "cell@y", "cell@z", "beside", "gather"]


@pytest.mark.slow
def test_nothing_changed_runs_nothing_an_edit_what_follows_and_what_is_only_missing_comes_back(toy):
    toy.run()
    toy.ran()
    assert toy.run()[:2] == (0, "all is up to date\n")
    assert toy.run("--dry")[:2] == (0, "all is up to date\n")
    toy.write("in.txt", "two\n")  # as long as before, so that out/plan/b comes out the same
    told = toy.run("--dry")[1].splitlines()
    assert told[:2] == ["plan: changed", "cell@x: follows"]
    assert toy.ran() == []
    assert toy.run()[0] == 0
    ran = toy.ran()
    assert (sorted(ran), ran[-1]) == (["gather", *CELLS], "gather")
    assert "up to date" in toy.dvc("status")
    (toy.folder / "out/all").unlink()
    code, _, complained = toy.run()
    assert (code, toy.ran()) == (0, [])
    assert "gather: restored from the cache" in complained
    assert (toy.folder / "out/all").exists()


@pytest.mark.slow
def test_targets_limit_the_run(toy):
    assert toy.run("cell@y")[1] == "2 stages done\n"
    assert toy.ran() == ["y"]
    code, _, complained = toy.run("cel")
    assert code == 2
    assert complained.startswith("error: DVC can't tell what is to be done: Stage 'cel' not found")


@pytest.mark.slow
def test_a_failure_stops_no_other_and_the_next_run_goes_on(toy):
    good = toy.commands["cell"]
    toy.write_pipeline(cell=f"{good}; test ${{item.m}} != x || (echo 'error: no such site' >&2; exit 2)")
    code, said, complained = toy.run("--slots", "2")
    assert (code, said) == (2, "")
    assert sorted(toy.ran()) == ["beside", *CELLS]
    told = complained.splitlines()[-3:]
    log = toy.folder / ".dvc/tmp/run/cell@x.log"
    assert told == [
        "error: cell@x failed: no such site",
        "  all of it: .dvc/tmp/run/cell@x.log",
        "not started after that: gather",
    ]
    assert "Running stage 'cell@x'" in log.read_text(encoding="utf-8")
    toy.write_pipeline(cell=f"{good}; test ${{item.m}} != z || exit 3")
    assert toy.run("cell@z")[0] == 1  # no user's fault, so far as can be told
    toy.write_pipeline(cell=good)
    toy.ran()
    assert toy.run()[0] == 0
    assert "gather" in toy.ran()
    assert "up to date" in toy.dvc("status")


@pytest.mark.slow
def test_nothing_more_is_started_if_so_wished(toy):
    toy.write_pipeline(cell="echo ${item.m} >> log.txt; exit 1")
    code, _, complained = toy.run("--no-keep-going", "--slots", "1")
    assert (code, toy.ran()) == (1, ["x"])
    assert "not started after that: cell@y, cell@z, beside, gather" in complained


@pytest.mark.parametrize(
    ("signum", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)]
)
def test_a_stopped_run_leaves_no_process_and_no_lock_and_goes_on(toy, signum, code):
    good = toy.commands["cell"]
    toy.write_pipeline(cell=f"touch out/began_${{item.m}}; test ${{item.m}} = x || sleep 300; {good}")
    process = toy.start("--slots", "2")
    for cell in CELLS:
        if cell != "z":
            wait_for(toy.folder / f"out/began_{cell}")
    wait_for(toy.folder / "out/began_z")  # x is done, y and z sleep
    started = below(process.pid)
    assert any("sleep" in one.name() for one in started)
    os.kill(process.pid, signum)
    _, complained = process.communicate(timeout=60)
    assert process.returncode == code
    assert complained.splitlines()[-1] == "stopped; what is done is kept, and the same command goes on"
    assert psutil.wait_procs(started, timeout=5)[1] == []
    assert not claim_path(toy.folder).exists()
    assert toy.read(".dvc/tmp/rwlock") in (b"{}", b'{"read": {}, "write": {}}')
    assert toy.ran() == ["x"]
    toy.write_pipeline(cell=f"touch out/began_${{item.m}}; {good}")
    assert toy.run()[0] == 0
    assert "up to date" in toy.dvc("status")


@pytest.mark.slow
def test_two_runs_of_one_workspace_are_refused(toy):
    toy.write_pipeline(plan="mkdir -p out/plan; touch out/began; sleep 300")
    process = toy.start()
    wait_for(toy.folder / "out/began")
    code, _, complained = toy.run()
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    assert code == 2
    assert f"error: process {process.pid} on " in complained
    assert "runs the stages of this workspace" in complained


def test_options_of_jobs_without_jobs_are_refused(toy):
    for options in (["--partition", "gpu"], ["--by-remote"], ["--sbatch", "account=lab"]):
        code, _, complained = toy.run(*options)
        assert (code, "add --slurm" in complained) == (2, True)
    assert "--sbatch account: expected KEY=VALUE" in toy.run("--slurm", "--sbatch", "account")[2]


def test_outside_of_a_project_it_says_so(tmp_path):
    toy = Toy(tmp_path / "toy")
    toy.folder = tmp_path / "elsewhere"
    toy.folder.mkdir()
    code, _, complained = toy.run()
    assert (code, complained.count("\n")) == (2, 1)
    assert "no project in" in complained


def test_what_only_methods_know_is_told_where_nothing_is_to_run(toy):
    """A run's first stage tells it."""
    text = toy.read("params.yaml").decode().replace("methods: [baseline, mcdrl]", "methods: [baseline, mcdlr]")
    toy.write("params.yaml", text)
    code, said, complained = toy.run("--dry")
    assert (code, said) == (2, "")
    assert "methods: unknown 'mcdlr'; did you mean 'mcdrl'?" in complained


@pytest.mark.parametrize(("seen", "warned"), [("", True), ("0,1", False)])
def test_gpus_of_which_nothing_is_known_are_not_taken_without_a_word(toy, seen, warned):
    toy.extra = {"CUDA_VISIBLE_DEVICES": seen}
    code, _, complained = toy.run("--dry", "--gpus", "0")
    assert code == 0
    assert ("--gpus 0: neither CUDA_VISIBLE_DEVICES nor nvidia-smi tells of a GPU here" in complained) is warned
