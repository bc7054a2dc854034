"""The opening of the page follows from what the topics say."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from stages.report.answer import answer, cards, points, title
from stages.report.topic import Question, Topic
from tests.stages.report.rows import comparison, sites_rows

NONE = pd.DataFrame(columns=["method", "held_out"])


def study(methods=("baseline", "mcdrl"), *, random_weights=False):
    return SimpleNamespace(
        study=SimpleNamespace(methods=list(methods), seeds=[0]),
        inputs=SimpleNamespace(random_weights=random_weights),
        reference=methods[0],
        best_method=methods[-1],
    )


def test_the_title_is_the_verdict_of_the_comparisons():
    rows = pd.DataFrame([comparison("mcdrl", 0.007, -0.005, 0.019, 0.31)])
    assert title(study(), sites_rows(baseline=0.7, mcdrl=0.71), rows) == (
        "mcdrl and the baseline can't be told apart at unseen sites"
    )


def test_without_a_baseline_there_is_a_figure_but_no_verdict():
    assert title(study(["mcdrl"]), sites_rows(mcdrl=0.7), NONE) == (
        "mcdrl reaches a Dice of 0.700 at sites it has never seen"
    )


def test_without_a_lesion_no_dice_is_said_to_be_reached():
    sites = sites_rows(baseline=np.nan, mcdrl=np.nan)
    assert title(study(), sites, NONE) == "No held-out frame has a lesion, so no Dice could be measured"


def test_random_weights_come_before_everything():
    rows = pd.DataFrame([comparison("mcdrl", 0.03, 0.01, 0.05, 0.001)])
    found = title(study(random_weights=True), sites_rows(baseline=0.7, mcdrl=0.71), rows)
    assert found.startswith("A dry run")


def test_questions_keep_their_order_and_topics_theirs():
    said = [
        Topic("a", "A", {}, sentences=[(Question.WHERE_IT_FAILS, "At B."), (Question.HOW_GOOD, "Good.")]),
        Topic("b", "B", None, sentences=[(Question.WHERE_IT_FAILS, ""), (Question.HOW_SURE, "Sure.")]),
        Topic("c", "C", {}, sentences=[(Question.WHERE_IT_FAILS, "On cysts.")]),
    ]
    assert points(said) == [("How good", "Good."), ("How sure", "Sure."), ("Where it fails", "At B. On cysts.")]


def test_questions_that_no_topic_answers_are_left_out():
    assert points([Topic("a", "A", {}, sentences=[(Question.HOW_GOOD, "")])]) == []


def test_a_card_has_the_mean_the_worst_site_and_the_false_alarms():
    negatives = pd.DataFrame([{"method": "mcdrl", "held_out": "all", "n_frames": 8, "false_positive_rate": 0.25}])
    first, second = cards(sites_rows(baseline=0.7, mcdrl=0.71), negatives, ["baseline", "mcdrl"])
    assert (first.mean, first.interval, first.worst, first.worst_site) == ("0.700", "0.670 to 0.730", "0.600", "B")
    assert (first.negatives, second.negatives, second.n_frames) == ("–", "25 %", "80")


def test_the_answer_reads_the_tables_of_the_topics():
    tables = {"sites": sites_rows(mcdrl=0.7), "comparisons": NONE, "negatives": NONE}
    topic = Topic("results", "Results", {}, tables=tables, sentences=[(Question.HOW_GOOD, "Good.")])
    found = answer(study(["mcdrl"]), [topic])
    assert (found.title[:5], found.points, [card.method for card in found.cards]) == (
        "mcdrl", [("How good", "Good.")], ["mcdrl"],
    )  # fmt: skip
