"""How far a run is, in words."""

import io

import pytest
from rich.console import Console

from mcdrl.commands.run.child import StageOutcome
from mcdrl.commands.run.progress import RunProgress, duration, seconds_left
from mcdrl.commands.run.schedule import Schedule, State


def test_time_left_goes_by_the_stages_own_group():
    lasted = {"train": [100.0, 120.0], "plan": [2.0]}
    assert seconds_left(lasted, ["train@a", "train@b"], {}, 1) == 220
    assert seconds_left(lasted, ["train@a", "train@b"], {}, 2) == 110
    assert seconds_left(lasted, ["train@a"], {"train@b": 50.0}, 4) == (110 + 60) / 2  # two at most, not four
    assert seconds_left(lasted, [], {"train@b": 500.0}, 2) == 0
    assert seconds_left(lasted, ["stress"], {}, 1) == pytest.approx((100 + 120 + 2) / 3)  # none of its kind has ended
    assert seconds_left({}, ["train@a"], {}, 1) is None


@pytest.mark.parametrize(("seconds", "text"), [(8.2, "8 s"), (99, "99 s"), (180, "3 min"), (9000, "2.5 h")])
def test_times_are_told_as_people_do(seconds, text):
    assert duration(seconds) == text


class Attempt:
    def __init__(self, log):
        self.log = log


def test_the_table_names_what_runs_and_what_it_said_last(tmp_path):
    schedule = Schedule(
        {"plan": [], "train@a": ["plan"], "train@b": ["plan"], "other": []}, {"plan", "train@a", "train@b"}
    )
    progress = RunProgress(schedule, 2)
    (tmp_path / "log").write_text("epoch 1\nepoch 2/3: [16]\n\n", encoding="utf-8")
    for name in ("plan", "train@a"):
        schedule.ready()
        schedule.start(name)
        progress.started(name, {name: Attempt(tmp_path / "log")})
        if name == "plan":
            schedule.finish(name, moved=True)
            progress.ended(name, StageOutcome.RAN)
    screen = io.StringIO()
    Console(file=screen, width=100).print(progress.table())
    told = screen.getvalue()
    assert "train@a" in told
    assert "epoch 2/3: [16]" in told
    assert "1 of 3 done, about 0 s left" in told  # `other` is up to date, so nothing is due there


def test_without_a_terminal_each_stage_is_a_line(capsys):
    schedule = Schedule({"a": [], "b": []}, {"a", "b"})
    progress = RunProgress(schedule, 2)
    with progress.shown():
        for name in schedule.ready():
            progress.started(name, {})
        progress.ended("a", StageOutcome.RESTORED)
        progress.ended("b", State.FAILED)
    lines = capsys.readouterr().err.splitlines()
    assert lines[:3] == ["a: running", "b: running", "a: restored from the cache"]
    assert lines[3].startswith("b: failed (")
