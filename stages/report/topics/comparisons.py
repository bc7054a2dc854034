"""Comparisons: every method's Dice less the reference's on the same frames, and what may be said of the difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from mcdrl.base.seeds import generator
from mcdrl.drawing.charts import Chart, ChartRow, Dot, axis_row, scale, strip
from mcdrl.drawing.formatting import (
    bare_points,
    counted,
    listed,
    p_value,
    p_words,
    points,
    seed_span,
    seed_words,
    signed,
    span_or_why,
    too_few,
)
from mcdrl.drawing.html_tables import HtmlTable, Row, html_table, records
from mcdrl.metrics.paired import SURE, Comparison, Pairs, compare, excludes_zero, holm, pair
from stages.report.averages import BASELINE, COMPARED, MEAN, Draws
from stages.report.results import Results
from stages.report.topic import Question, Topic

_ONCE = " at unseen sites; more seeds have to confirm it"  # of one training each nobody knows how another would end
_Key = tuple[str, str]  # method, held-out site


def topic(results: Results) -> Topic:
    """Return comparisons.csv, the section, and how sure the differences are."""
    rows = comparisons_table(results.inputs.scores, results.draws, results.reference)
    values = {"chart": comparison_chart(rows, results.study.methods), "comparisons": comparisons_html(rows)}
    sure = [(Question.HOW_SURE, how_sure(rows, len(results.study.seeds), len(results.study.methods)))]
    return Topic("comparisons", "Comparisons", values, tables={"comparisons": rows}, sentences=sure)


def comparisons_table(scores: pd.DataFrame, draws: Draws, reference: str = BASELINE) -> pd.DataFrame:
    """Compare every method's Dice with the reference's on the same frames and seeds, site by site and over the sites.

    `p` is of the frames, `seed_p` of the seeds, `total_p` of both. `p_holm` corrects `Comparison.p_both` (with one
    seed, that of the frames) in two families: the `mean` rows, which are what a study asks, and the rows of single
    sites, which say where a difference comes from. `sure` is as in `Comparison`. Empty without the reference.

    Args:
        scores: rows of `SCORES`, each seed's own.
        draws: of the intervals.
        reference: the method that is subtracted.
    """
    lesion = scores[scores["lesion_class"].notna()]
    others = [method for method in dict.fromkeys(lesion["method"]) if method != reference]
    base = lesion[lesion["method"] == reference]
    found = {
        (method, site): compare(pairs, draws.count, generator("report", draws.seed, "comparison", method, site))
        for method in (others if len(base) else [])
        for site, pairs in _compared(lesion[lesion["method"] == method], base)
    }
    single, mean = ([key for key in found if (key[1] == MEAN) is is_mean] for is_mean in (False, True))
    corrected = {**_after_holm(found, single), **_after_holm(found, mean)}
    rows = [_comparison_row(*key, reference, found[key], corrected[key]) for key in found]
    return pd.DataFrame(rows, columns=["method", "baseline", "held_out", *COMPARED])


def resolved(row: Row) -> bool:
    """Return whether a comparison is told apart from chance: as `Comparison.sure` says, with one seed on the frames."""
    if row["n_seeds"] > 1:
        return bool(row["sure"])
    return bool(row["p_holm"] < SURE and excludes_zero(row["low"], row["high"]))


def headline(comparisons: pd.DataFrame, reference: str, n_seeds: int) -> str:
    """Say in a sentence which methods beat the reference, if any is shown to; empty where none was compared.

    Args:
        comparisons: as from `comparisons_table`.
        reference: the method that was subtracted.
        n_seeds: trainings of each method; of one alone there is no verdict on the method.
    """
    rows = _means(comparisons)
    if not rows:
        return ""
    better = [row for row in rows if resolved(row) and row["difference"] > 0]
    worse = [row for row in rows if resolved(row) and row["difference"] < 0]
    if better:
        return _gain(max(better, key=lambda row: float(row["difference"])), reference, n_seeds)
    if len(worse) == len(rows):
        return _loss(rows, reference, n_seeds)
    if len(rows) == 1:
        return f"{rows[0]['method']} and the {reference} can't be told apart at unseen sites"
    return f"No method is shown to be better than the {reference} at unseen sites"


def how_sure(comparisons: pd.DataFrame, n_seeds: int, n_methods: int) -> str:
    """Say of each method how it differs from the reference over the sites, and what the intervals leave open.

    Args:
        comparisons: as from `comparisons_table`.
        n_seeds: trainings of each method.
        n_methods: of the study.
    """
    rows = _means(comparisons)
    same = _same(comparisons) if rows else set()
    if not rows and n_methods > 1:
        return "No held-out frame has a lesion, so the methods' Dice can't be compared."
    sentences = [_no_difference(row) if row["method"] in same else _difference(row) for row in rows]
    if n_seeds == 1:
        sentences.append(
            "1 seed: how much another training would differ is not in these intervals, and differences of a point or "
            "two may be no more than that."
        )
    if not rows:
        sentences.insert(0, "There is one method alone, so there is no comparison.")
    return " ".join(sentences)


def comparison_chart(comparisons: pd.DataFrame, methods: Sequence[str]) -> Chart | None:
    """Draw every method's difference to the baseline, filled where it is sure; None where there is none."""
    if comparisons.empty:
        return None
    axis = scale([0.0, *comparisons["difference"], *comparisons["low"], *comparisons["high"]], least=0.05)
    order = [MEAN, *[name for name in dict.fromkeys(comparisons["held_out"]) if name != MEAN]]
    rows = []
    for name in order:
        own = comparisons[comparisons["held_out"] == name]
        marks = [_difference_mark(row, methods.index(row["method"])) for row in records(own)]
        rows.append(ChartRow("mean of sites" if name == MEAN else name, strip(marks, axis), strong=name == MEAN))
    return Chart(rows, axis_row(axis))


def comparisons_html(rows: pd.DataFrame) -> HtmlTable:
    """Format the differences from the baseline."""
    return html_table(
        rows,
        {
            "method": lambda r: r["method"],
            "held out": lambda r: r["held_out"],
            "frames": lambda r: str(r["n_frames"]),
            "groups": lambda r: str(r["n_groups"]),
            "difference in Dice": lambda r: signed(r["difference"]),
            "95 % interval, frames": lambda r: span_or_why(r["low"], r["high"], r["fewest_groups"]),
            "95 % interval, seeds": lambda r: seed_span(r["seed_low"], r["seed_high"], r["n_seeds"]),
            "p, frames": lambda r: p_value(r["p"]),
            "p, seeds": lambda r: p_value(r["seed_p"]),
            "p, both": lambda r: p_value(r["total_p"]),
            "p after Holm": lambda r: p_value(r["p_holm"]),
            "sure": lambda r: "yes" if r["sure"] else "no",
        },
        (MEAN,),
    )


def _compared(ours: pd.DataFrame, theirs: pd.DataFrame) -> Iterator[tuple[str, list[Pairs]]]:
    """Yield each held-out site with its pairs, then `mean` with those of all."""
    sites = pair(ours, theirs, "dice")
    yield from ((site, [pairs]) for site, pairs in sites.items())
    if sites:
        yield MEAN, list(sites.values())


def _after_holm(found: Mapping[_Key, Comparison], family: Sequence[_Key]) -> dict[_Key, float]:
    return dict(zip(family, holm([found[key].p_both for key in family]), strict=True))


def _comparison_row(method: str, site: str, reference: str, found: Comparison, p_holm: float) -> Row:
    return {
        "method": method, "baseline": reference, "held_out": site, **vars(found), "n_frames": found.n,
        "p_holm": p_holm, "sure": found.sure(p_holm),
    }  # fmt: skip


def _means(comparisons: pd.DataFrame) -> list[Row]:
    return records(comparisons[comparisons["held_out"] == MEAN])


def _gain(row: Row, reference: str, n_seeds: int) -> str:
    gain = f"{points(row['difference'])} of Dice"
    if n_seeds == 1:
        return f"In one training of each, {row['method']} was {gain} above the {reference}{_ONCE}"
    return f"{row['method']} beats the {reference} by {gain} at unseen sites"


def _loss(rows: Sequence[Row], reference: str, n_seeds: int) -> str:
    names, single = listed([row["method"] for row in rows]), len(rows) == 1
    least = points(min(abs(row["difference"]) for row in rows))
    least_words = least if single else f"at least {least}"
    if n_seeds == 1:
        verb = "was" if single else "were"
        return f"In one training of each, {names} {verb} {least_words} of Dice below the {reference}{_ONCE}"
    verb = "does" if single else "do"
    return f"{names} {verb} worse than the {reference} at unseen sites, by {least_words} of Dice"


def _same(comparisons: pd.DataFrame) -> set[str]:
    """Return the methods that differ from the reference at no site, nor over it, as far as frames and seeds show."""
    found = comparisons[["difference", "low", "high"]].eq(0).all(axis=1)
    return set(comparisons["method"]) - set(comparisons.loc[~found, "method"])


def _no_difference(row: Row) -> str:
    over = f"{counted(row['n_frames'], 'frame')} in {counted(row['n_groups'], 'group')}"
    return f"{row['method']} and {row['baseline']} don't differ: their Dice is the same over {over}, at every site."


def _difference(row: Row) -> str:
    text = f"{row['method']} less {row['baseline']}: {points(row['difference'], sign=True)}"
    if pd.isna(row["low"]):
        return f"{text}; no interval: {too_few(row['fewest_groups'])} (n {row['n_frames']})."
    text += (
        f", 95 % interval {bare_points(row['low'])} to {bare_points(row['high'])} over "
        f"{counted(row['n_frames'], 'frame')} in {counted(row['n_groups'], 'group')}"
    )
    text += seed_words(row["seed_low"], row["seed_high"], row["n_seeds"])
    after_holm = "" if pd.isna(row["p_holm"]) else f", {p_words(row['p_holm'])} after Holm"
    return f"{text}{after_holm}. {_verdict(row)}"


def _verdict(row: Row) -> str:
    frames = excludes_zero(row["low"], row["high"])
    if row["n_seeds"] == 1:
        return _verdict_of_one(row, frames)
    if frames and excludes_zero(row["seed_low"], row["seed_high"]):
        if row["sure"]:
            return "Zero lies outside both: the difference is real."
        return "Both leave zero out, the tests do not rule out chance: not resolved."
    if frames and pd.isna(row["seed_low"]):
        return "The frames leave zero out; trainings without a spread tell nothing of others: not resolved."
    if frames:
        return "The frames leave zero out, the seeds do not: other trainings could turn it."
    return f"Zero lies inside: {_would_fit(row)}"


def _verdict_of_one(row: Row, frames: bool) -> str:
    if resolved(row):
        return "Zero lies outside: on these frames these trainings differ, which need not be their methods."
    if frames:
        return "The interval leaves zero out, the test does not rule out chance: not resolved."
    return f"Zero lies inside: {_would_fit(row)}"


def _would_fit(row: Row) -> str:
    return f"a gain of {points(row['high'])} and a loss of {points(-row['low'])} would both fit these frames."


def _difference_mark(row: Row, style: int) -> Dot:
    sure, between = "sure" if row["sure"] else "not sure", span_or_why(row["low"], row["high"], row["fewest_groups"])
    text = f"{row['method']}: {signed(row['difference'])} ({between}), {sure}"
    return Dot(row["difference"], row["low"], row["high"], style, text, hollow=not row["sure"])
