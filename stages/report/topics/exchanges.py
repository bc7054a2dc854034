"""What the intervention is worth to a trained network: Dice once its dictionary or its tokens are exchanged at test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from mcdrl.artifacts.scores import AS_TRAINED, EXCHANGED_Z, GRID_ZERO, TOKENS_ZERO
from mcdrl.base.seeds import generator
from mcdrl.drawing.formatting import (
    bare_points,
    counted,
    number,
    points,
    seed_span,
    seed_words,
    signed,
    span_or_why,
    too_few,
)
from mcdrl.drawing.html_tables import HtmlTable, Row, html_table, records
from mcdrl.metrics.paired import SURE, Comparison, compare, excludes_zero, holm, pair
from stages.report.averages import COMPARED, MEAN, Draws, by
from stages.report.results import Results
from stages.report.topic import Question, Topic

NEGLIGIBLE = 0.01  # Dice; a change whose intervals stay below it either way is called none, our choice
_WORDS = {
    "z_random": "Z random", "z_zero": "Z zero", "z_shuffled": "Z shuffled", TOKENS_ZERO: "its tokens zero",
    GRID_ZERO: "all tokens zero",
}  # fmt: skip
_MEANS = ["dice_trained", "dice", "entropy_trained", "entropy"]


def topic(results: Results) -> Topic:
    """Return exchanges.csv, the section, and what the dictionary is worth; nothing where no method intervenes."""
    rows = exchange_table(results.inputs.exchanges, results.draws)
    if rows.empty:
        return Topic("exchanges", "Intervention", None)
    values = {"exchanges": exchanges_html(rows)}
    words = [(Question.WHAT_IT_IS_WORTH, what_it_is_worth(rows))]
    return Topic("exchanges", "Intervention", values, tables={"exchanges": rows}, sentences=words)


def exchange_table(exchanges: pd.DataFrame, draws: Draws) -> pd.DataFrame:
    """Compare every method's Dice under an exchange with its own as trained, on the same frames and trainings.

    Args:
        exchanges: rows of `EXCHANGES`.
        draws: of the intervals.

    Returns:
        A row a (method, exchange, held-out site) and one of their `mean`: Dice and entropy as trained and under the
        exchange, means over seeds, frames, then sites; their difference, its intervals and tests as in `Comparison`,
        `p_holm` over the exchanges of one method and row.
    """
    lesion = exchanges[exchanges["dice"].notna()]
    rows = [row for method, own in by(lesion, "method") for row in _of_method(method, own, draws)]
    return pd.DataFrame(rows, columns=["method", "exchange", "held_out", *_MEANS, *COMPARED])


def what_it_is_worth(table: pd.DataFrame) -> str:
    """Say of each method what exchanging its dictionary and zeroing tokens change, and how even its attention is.

    Args:
        table: as from `exchange_table`.
    """
    means = table[table["held_out"] == MEAN]
    return " ".join(_worth({str(row["exchange"]): row for row in records(own)}) for _, own in by(means, "method"))


def exchanges_html(rows: pd.DataFrame) -> HtmlTable:
    """Format the exchanges."""
    return html_table(
        rows,
        {
            "method": lambda r: r["method"],
            "exchanged at test": lambda r: _WORDS[r["exchange"]],
            "held out": lambda r: r["held_out"],
            "frames": lambda r: str(r["n_frames"]),
            "Dice as trained": lambda r: number(r["dice_trained"]),
            "Dice": lambda r: number(r["dice"]),
            "difference": lambda r: signed(r["difference"]),
            "95 % interval, frames": lambda r: span_or_why(r["low"], r["high"], r["fewest_groups"]),
            "95 % interval, seeds": lambda r: seed_span(r["seed_low"], r["seed_high"], r["n_seeds"]),
            "sure": lambda r: "yes" if r["sure"] else "no",
            "entropy as trained": lambda r: number(r["entropy_trained"]),
        },
        (MEAN,),
    )


def _of_method(method: str, own: pd.DataFrame, draws: Draws) -> Iterator[Row]:
    """Yield the rows of a method, site by site, then those of the mean."""
    trained = own[own["exchange"] == AS_TRAINED]
    others = {name: own[own["exchange"] == name] for name in _WORDS}
    pairs = {name: pair(rows, trained, "dice") for name, rows in others.items()}
    for site in (*dict.fromkeys(own["held_out"]), MEAN):
        found = {
            name: compare(
                list(sites.values()) if site == MEAN else [sites[site]],
                draws.count,
                generator("report", draws.seed, "exchange", method, name, site),
            )
            for name, sites in pairs.items()
        }
        corrected = dict(zip(found, holm([one.p_both for one in found.values()]), strict=True))
        for name, one in found.items():
            means = {**_means(trained, site, "_trained"), **_means(others[name], site)}
            yield {"method": method, "exchange": name, "held_out": site, **means, **_compared(one, corrected[name])}


def _means(rows: pd.DataFrame, site: str, suffix: str = "") -> Row:
    """Return the mean Dice and entropy of a site, or over the sites."""
    sites = rows.groupby("held_out", sort=False)[["dice", "entropy"]].mean()
    found = sites.mean() if site == MEAN else sites.loc[site]
    return {f"{name}{suffix}": value for name, value in found.to_dict().items()}


def _compared(found: Comparison, p_holm: float) -> Row:
    return {**vars(found), "n_frames": found.n, "p_holm": p_holm, "sure": found.sure(p_holm)}


def _worth(rows: Mapping[str, Row]) -> str:
    """Return the sentences on a method.

    Args:
        rows: exchange -> its row of the mean.
    """
    z = [rows[name] for name in EXCHANGED_Z]
    most = max(z, key=lambda row: abs(float(row["difference"])))
    sentences = [
        f"{most['method']}: exchanging the dictionary at test for random, zero or shuffled vectors changes Dice by at "
        f"most {points(abs(most['difference']))} ({_WORDS[most['exchange']]}: {_change(most)}). {_verdict(z)}",
        f"With zeros for what the intervention returns Dice changes by {_change(rows[TOKENS_ZERO])}; with zeros for "
        f"all tokens that the head gets, beside maps and frame, by {_change(rows[GRID_ZERO])}.",
    ]
    if pd.notna(most["entropy_trained"]):
        sentences.append(f"Its attention has {number(most['entropy_trained'])} of the entropy of equal weights.")
    return " ".join(sentences)


def _change(row: Row) -> str:
    """Return a difference with its intervals."""
    text = bare_points(row["difference"])
    frames = f"{counted(row['n_frames'], 'frame')} in {counted(row['n_groups'], 'group')}"
    if pd.isna(row["low"]):
        return f"{text} on {frames}; no interval: {too_few(row['fewest_groups'])}"
    text += f", 95 % interval {bare_points(row['low'])} to {bare_points(row['high'])} over {frames}"
    return text + seed_words(row["seed_low"], row["seed_high"], row["n_seeds"])


def _verdict(z: Sequence[Row]) -> str:
    """Return in a sentence what the exchanges of a dictionary show."""
    once = ", in one training for each site" if z[0]["n_seeds"] == 1 else ""
    told_apart = [row for row in z if _told_apart(row)]
    if all(_negligible(row) for row in z):
        ignores = "all but ignores" if told_apart else "ignores"
        within = f"Of the mean over the sites no interval reaches {points(NEGLIGIBLE)}"
        return f"{within}: the trained network {ignores} its dictionary{once}."
    if any(row["difference"] < 0 for row in told_apart):
        return f"The trained network uses its dictionary{once}."
    if told_apart and once:
        better = "The trained network did better with another dictionary than its own"
        return f"{better}{once}; more seeds have to confirm it."
    if told_apart:
        return "The trained network does better with another dictionary than its own."
    return "Whether the trained network uses its dictionary is not resolved."


def _intervals(row: Row) -> list[tuple[float, float]]:
    """Return the interval over frames, and that over seeds where there are several."""
    seeds = [(row["seed_low"], row["seed_high"])] if row["n_seeds"] > 1 else []
    return [(row["low"], row["high"]), *seeds]


def _negligible(row: Row) -> bool:
    return all(low > -NEGLIGIBLE and high < NEGLIGIBLE for low, high in _intervals(row))


def _told_apart(row: Row) -> bool:
    return bool(row["p_holm"] < SURE and all(excludes_zero(*ends) for ends in _intervals(row)))
