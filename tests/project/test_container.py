"""The Dockerfile says what it should, to a linter's satisfaction; its steps run in `test_wheel.py`, without Docker."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.project.test_wheel import SOURCES
from tests.projects import ROOT

NOT_FOR_USERS = {"cluster", "dev", "docs"}  # extras; an image has no SLURM to submit to


def instructions():
    """Word and rest of each instruction, continued lines joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    text = "\n".join(lines).replace("\\\n", " ")
    return [tuple(" ".join(line.split()).split(" ", 1)) for line in text.splitlines() if line.strip()]


def of(word):
    return [rest for name, rest in instructions() if name == word]


def arguments():
    return dict(rest.split("=", 1) for rest in of("ARG"))


def test_the_linter_finds_nothing():
    linter = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([linter, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_it_stands_on_one_release_of_a_python_that_the_project_knows():
    assert {rest.split(" AS ")[0] for rest in of("FROM")} == {"python:${PYTHON}"}
    release = re.fullmatch(r"(3\.\d+)\.\d+-slim-\w+", arguments()["PYTHON"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == f">={release[1]}"


def test_it_runs_mcdrl_as_a_user_without_rights():
    assert [json.loads(rest) for rest in of("ENTRYPOINT")] == [["mcdrl"]]
    assert of("USER") == ["1000"]
    last = [name for name, _ in instructions()]
    assert "RUN" not in last[last.index("USER") :]


def test_it_has_all_extras_that_users_have_a_use_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(arguments()["EXTRAS"].split(",")) == set(project["optional-dependencies"]) - NOT_FOR_USERS


def test_it_tells_licence_and_name():
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', of("LABEL")[0]))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (labels["title"], labels["licenses"]) == (project["name"], project["license"])


def test_the_sources_of_the_wheel_are_all_that_it_is_given():
    """From these `test_wheel.py` builds the wheel, which has to hold every file."""
    assert {name for name in SOURCES if not (ROOT / name).exists()} == set()
    assert not {"data", "artifacts", "tests", "docs", ".git"} & set(SOURCES)
