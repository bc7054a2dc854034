"""The opening of the page: which method, by how much, how sure, where it fails. All of it follows from the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from mcdrl.drawing.formatting import interval_or_why, number, percent
from mcdrl.drawing.html_tables import records
from stages.report.averages import ALL, MEAN, WORST
from stages.report.results import Results
from stages.report.topic import Question, Topic
from stages.report.topics.comparisons import headline


@dataclass(frozen=True)
class MethodCard:
    """A method's headline figures, as texts."""

    method: str
    style: int
    mean: str
    interval: str
    worst: str
    worst_site: str
    n_frames: str
    negatives: str


@dataclass(frozen=True)
class Opening:
    """The opening of the page.

    Attributes:
        title: one sentence.
        points: (question, sentences).
        cards: one a method.
    """

    title: str
    points: list[tuple[str, str]]
    cards: list[MethodCard]


def answer(results: Results, topics: Sequence[Topic]) -> Opening:
    """Say what a study shows, and what it doesn't.

    Args:
        results: of the study.
        topics: what each topic says; among them sites, comparisons and negatives.
    """
    tables = {name: rows for topic in topics for name, rows in topic.tables.items()}
    return Opening(
        title(results, tables["sites"], tables["comparisons"]),
        points(topics),
        cards(tables["sites"], tables["negatives"], results.study.methods),
    )


def title(results: Results, sites: pd.DataFrame, comparisons: pd.DataFrame) -> str:
    """Return the answer in one sentence."""
    if results.inputs.random_weights:
        return "A dry run: the encoder has random weights, so no figure here is a result"
    verdict = headline(comparisons, results.reference, len(results.study.seeds))
    if verdict:
        return verdict
    best = results.best_method
    dice = sites.loc[(sites["method"] == best) & (sites["held_out"] == MEAN), "dice"].iloc[0]
    if pd.isna(dice):
        return "No held-out frame has a lesion, so no Dice could be measured"
    return f"{best} reaches a Dice of {number(dice)} at sites it has never seen"


def points(topics: Sequence[Topic]) -> list[tuple[str, str]]:
    """Return what the topics say to each question, in their order; questions that none answers are left out."""
    said = [sentence for topic in topics for sentence in topic.sentences]
    words = {
        question: " ".join(sentence for asked, sentence in said if asked is question and sentence)
        for question in Question
    }
    return [(question.value, sentences) for question, sentences in words.items() if sentences]


def cards(sites: pd.DataFrame, negatives: pd.DataFrame, methods: Sequence[str]) -> list[MethodCard]:
    """Return each method's headline figures."""
    found = []
    for style, method in enumerate(methods):
        own = {row["held_out"]: row for row in records(sites[sites["method"] == method])}
        wrong = negatives[(negatives["method"] == method) & (negatives["held_out"] == ALL)]
        mean, worst = own[MEAN], own[WORST]
        found.append(
            MethodCard(
                method, style, number(mean["dice"]),
                interval_or_why(mean["dice_low"], mean["dice_high"], mean["fewest_groups"]), number(worst["dice"]),
                str(worst["worst_site"]) if pd.notna(worst["worst_site"]) else "–", str(mean["n_lesion"]),
                percent(wrong["false_positive_rate"].iloc[0]) if len(wrong) else "–",
            )
        )  # fmt: skip
    return found
