"""Which stages may start when; no process is run."""

import pytest

from mcdrl.commands.run.schedule import Schedule, State

DIAMOND = {"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"], "e": []}  # in the order of dvc repro


def work(schedule, name, *, moved=True):
    schedule.start(name)
    schedule.finish(name, moved=moved)


def test_a_stage_may_start_once_all_that_it_reads_is_done():
    schedule = Schedule(DIAMOND, DIAMOND)
    assert schedule.ready() == ["a", "e"]
    schedule.start("a")
    assert schedule.ready() == ["e"]
    schedule.finish("a", moved=True)
    assert schedule.ready() == ["b", "c", "e"]
    work(schedule, "b")
    work(schedule, "e")
    assert schedule.ready() == ["c"]
    work(schedule, "c")
    assert schedule.ready() == ["d"]
    work(schedule, "d")
    assert (schedule.ready(), schedule.named(State.DONE)) == ([], list(DIAMOND))


def test_nobody_is_asked_about_what_has_not_changed():
    schedule = Schedule(DIAMOND, {"c"})
    assert schedule.due == {"c", "d"}
    assert schedule.ready() == ["c"]
    work(schedule, "c", moved=False)
    assert schedule.ready() == []
    assert schedule.named(State.FRESH) == ["a", "b", "d", "e"]


def test_what_reads_from_a_stage_whose_outputs_moved_is_looked_at():
    schedule = Schedule(DIAMOND, {"c"})
    schedule.ready()
    work(schedule, "c")
    assert schedule.ready() == ["d"]


def test_a_failure_holds_up_its_dependants_alone():
    schedule = Schedule(DIAMOND, {"b", "c", "d"})
    schedule.ready()
    schedule.start("b")
    schedule.fail("b")
    assert schedule.ready() == ["c"]
    work(schedule, "c")
    assert schedule.ready() == []
    assert (schedule.skipped(), schedule.named(State.FAILED)) == (["d"], ["b"])


@pytest.mark.parametrize("stale", [set(), {"e"}])
def test_a_run_without_a_failure_skips_nothing(stale):
    schedule = Schedule(DIAMOND, stale)
    for name in schedule.ready():
        work(schedule, name)
    assert schedule.skipped() == []
