"""The answer in words: which method, by how much, how sure, where it fails. Every sentence follows from the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from mcdrl.metrics.intervals import LEAST_GROUPS
from mcdrl.metrics.paired import SURE, excludes_zero
from mcdrl.metrics.robustness import ALL as EVERY
from stages.report import views
from stages.report.tables import ALL, MEAN, WORST, reference_of
from stages.report.views import Row, counted, number, span

_LOW_DICE = 0.5
_ONCE = " at unseen sites; more seeds have to confirm it"  # of one training each nobody knows how another would end


@dataclass(frozen=True)
class Answer:
    """The opening of the page.

    Attributes:
        title: one sentence.
        points: (question, sentences).
        tone: "better", "worse", "open" (no difference shown, or none asked) or "dry" (random weights).
    """

    title: str
    points: list[tuple[str, str]]
    tone: str


@dataclass(frozen=True)
class Evidence:
    """The tables that the answer is read from; those that a study lacks have no row.

    Attributes:
        methods: in the order of params.yaml.
        seeds: how many.
        sites: as from `sites_table`.
        lesions: as from `lesions_table`.
        negatives: as from `negatives_table`.
        comparisons: as from `comparisons_table`.
        frames: as from `frame_scores`.
        stress: as from `stress_table` of mcdrl.metrics.robustness.
        coverage: as from `trust_table`.
        calibration: as from `calibration_table`.
        attention: as from `attention_table`.
        random_weights: whether the encoder was never pretrained.
    """

    methods: Sequence[str]
    seeds: int
    sites: pd.DataFrame
    lesions: pd.DataFrame
    negatives: pd.DataFrame
    comparisons: pd.DataFrame
    frames: pd.DataFrame
    stress: pd.DataFrame
    coverage: pd.DataFrame
    calibration: pd.DataFrame
    attention: pd.DataFrame
    random_weights: bool


def answer(found: Evidence) -> Answer:
    """Say what a study shows, and what it doesn't."""
    chosen = _chosen(found)
    title, tone = _title(found)
    points = [
        ("How good", _how_good(found)),
        ("How sure", _how_sure(found)),
        ("Where it fails", _where_it_fails(found, chosen)),
        ("When conditions get worse", _under_stress(found)),
        ("When to believe it", _when_to_believe(found, chosen)),
        ("What the intervention looks at", _what_it_looks_at(found)),
    ]
    return Answer(title, [point for point in points if point[1]], tone)


def resolved(row: Row) -> bool:
    """Return whether a comparison is told apart from chance: as `Comparison.sure` says, with one seed on the frames."""
    if row["n_seeds"] > 1:
        return bool(row["sure"])
    return bool(row["p_holm"] < SURE and excludes_zero(row["low"], row["high"]))


def _chosen(found: Evidence) -> str:
    """Return the method of the best mean Dice, of equal ones the first."""
    means = {row["method"]: row["dice"] for row in views.records(found.sites[found.sites["held_out"] == MEAN])}
    return max(found.methods, key=lambda method: -1.0 if pd.isna(means[method]) else float(means[method]))


def _means(found: Evidence) -> list[Row]:
    return views.records(found.comparisons[found.comparisons["held_out"] == MEAN])


def _title(found: Evidence) -> tuple[str, str]:
    if found.random_weights:
        return "A dry run: the encoder has random weights, so no figure here is a result", "dry"
    rows, reference = _means(found), reference_of(found.methods)
    if not rows:
        best = _at(found.sites, _chosen(found), MEAN)
        return f"{best['method']} reaches a Dice of {number(best['dice'])} at sites it has never seen", "open"
    better = sorted(
        (row for row in rows if resolved(row) and row["difference"] > 0), key=lambda row: -row["difference"]
    )
    worse = [row for row in rows if resolved(row) and row["difference"] < 0]
    if better:
        top = better[0]
        gain = f"{_points(top['difference'])} of Dice"
        if found.seeds == 1:
            return f"In one training of each, {top['method']} was {gain} above the {reference}{_ONCE}", "open"
        return f"{top['method']} beats the {reference} by {gain} at unseen sites", "better"
    if len(worse) == len(rows):
        names, single = _names([row["method"] for row in rows]), len(rows) == 1
        least = min(abs(row["difference"]) for row in rows)
        least_words = f"{_points(least)}" if len(rows) == 1 else f"at least {_points(least)}"
        if found.seeds == 1:
            verb = "was" if single else "were"
            return (
                f"In one training of each, {names} {verb} {least_words} of Dice below the {reference}{_ONCE}",
                "open",
            )
        verb = "does" if single else "do"
        return f"{names} {verb} worse than the {reference} at unseen sites, by {least_words} of Dice", "worse"
    if len(rows) == 1:
        return f"{rows[0]['method']} and the {reference} can't be told apart at unseen sites", "open"
    return f"No method is shown to be better than the {reference} at unseen sites", "open"


def _how_good(found: Evidence) -> str:
    means = [_at(found.sites, method, MEAN) for method in found.methods]
    sites = found.sites[~found.sites["held_out"].isin([MEAN, WORST])]["held_out"].nunique()
    parts = "; ".join(f"{row['method']} {number(row['dice'])}{_between(row)}" for row in means)
    return (
        f"Dice, mean over {counted(sites, 'held-out site')} with its 95 % interval: {parts}. "
        f"{counted(means[0]['n_lesion'], 'frame')} with a lesion."
    )


def _between(row: Row) -> str:
    if pd.isna(row["dice_low"]):
        return f" (no interval: {_too_few(row)})"
    return f" ({span(row['dice_low'], row['dice_high'])})"


def _too_few(row: Row) -> str:
    return f"the site with the fewest has {counted(row['fewest_groups'], 'group')}, {LEAST_GROUPS} are needed"


def _how_sure(found: Evidence) -> str:
    sentences = [_difference(row) for row in _means(found)]
    if found.seeds == 1:
        sentences.append(
            "1 seed: how much another training would differ is not in these intervals, and differences of a point or "
            "two may be no more than that."
        )
    if not _means(found):
        sentences.insert(0, "There is one method alone, so there is no comparison.")
    return " ".join(sentences)


def _difference(row: Row) -> str:
    text = f"{row['method']} less {row['baseline']}: {_points(row['difference'], sign=True)}"
    if pd.isna(row["low"]):
        return f"{text}; no interval: {_too_few(row)} (n {row['n_frames']})."
    text += (
        f", 95 % interval {_plain(row['low'])} to {_plain(row['high'])} over {counted(row['n_frames'], 'frame')} in "
        f"{counted(row['n_groups'], 'group')}"
    )
    if row["n_seeds"] > 1:
        text += f" and {_plain(row['seed_low'])} to {_plain(row['seed_high'])} over {row['n_seeds']} seeds"
    return f"{text}, {_p(row['p_holm'])} after Holm. {_verdict(row)}"


def _verdict(row: Row) -> str:
    frames = excludes_zero(row["low"], row["high"])
    if row["n_seeds"] == 1:
        return _verdict_of_one(row, frames)
    if frames and excludes_zero(row["seed_low"], row["seed_high"]):
        if row["sure"]:
            return "Zero lies outside both: the difference is real."
        return "Both leave zero out, the tests do not rule out chance: not resolved."
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
    return f"a gain of {_points(row['high'])} and a loss of {_points(-row['low'])} would both fit these frames."


def _where_it_fails(found: Evidence, method: str) -> str:
    return " ".join(filter(None, (_worst_site(found, method), _worst_class(found, method), _failures(found, method),
                                  _false_alarms(found, method))))  # fmt: skip


def _worst_site(found: Evidence, method: str) -> str:
    row = _at(found.sites, method, WORST)
    if pd.isna(row["dice"]):
        return ""
    return (
        f"{method} has its lowest Dice at {row['worst_site']}: {number(row['dice'])}, n {row['n_lesion']}; these "
        "frames chose the site, others may choose another."
    )


def _worst_class(found: Evidence, method: str) -> str:
    rows = views.records(found.lesions[found.lesions["method"] == method])
    if len(rows) < 2:
        return ""
    row = min(rows, key=lambda one: float(one["dice"]))
    return f"Of the lesion classes, {row['lesion_class']} has the lowest: {number(row['dice'])}, n {row['n_frames']}."


def _failures(found: Evidence, method: str) -> str:
    dice = found.frames.loc[found.frames["method"] == method, "dice"].dropna()
    low, lost = int((dice < _LOW_DICE).sum()), int((dice == 0).sum())
    if not len(dice):
        return ""
    return f"{low} of {len(dice)} frames with a lesion stay below a Dice of {_LOW_DICE:g}, {lost} of these at zero."


def _false_alarms(found: Evidence, method: str) -> str:
    rows = views.records(found.negatives[(found.negatives["method"] == method) & (found.negatives["held_out"] == ALL)])
    if not rows:
        return "No held-out frame is without a lesion, so false alarms could not be measured."
    share, of = _percent(rows[0]["false_positive_rate"]), counted(rows[0]["n_frames"], "frame")
    return f"It calls something lesion on {share} of {of} without one."


def _under_stress(found: Evidence) -> str:
    if found.stress.empty:
        return ""
    rows = views.records(found.stress[found.stress["confounder"] == EVERY])
    single = found.stress[found.stress["confounder"] != EVERY]
    drops = "; ".join(f"{row['method']} {_points(row['drop'])}" for row in rows)
    parts = [
        f"Confounders of rising strength, averaged over all of them and their strengths, cost {drops} of Dice "
        f"({counted(rows[0]['n_frames'], 'frame')})."
    ]
    reference = reference_of(found.methods)
    parts += [_flatter(row, reference) for row in rows if not pd.isna(row["drop_difference"])]
    worst = single.groupby("confounder", sort=False)["drop"].mean()
    parts.append(f"On these frames {worst.idxmax()} costs most ({_points(worst.max())}).")
    return " ".join(parts)


def _flatter(row: Row, reference: str) -> str:
    change, low, high = row["drop_difference"], row["drop_difference_low"], row["drop_difference_high"]
    words = f"{row['method']} loses {_points(abs(change))} {'less' if change < 0 else 'more'} than the {reference}"
    if pd.isna(low):
        return f"{words}; no interval: {_too_few(row)}."
    if not row["drop_difference_sure"]:
        return f"{words} (95 % interval {_plain(low)} to {_plain(high)}), {_unsure(row)}"
    end = "flatter" if change < 0 else "less robust"
    seeds = f"{_plain(row['drop_difference_seed_low'])} to {_plain(row['drop_difference_seed_high'])}"
    return f"{words} (95 % interval {_plain(low)} to {_plain(high)}, over seeds {seeds}): it is {end}."


def _unsure(row: Row) -> str:
    """Return why a difference under stress is no verdict on the methods."""
    frames = excludes_zero(row["drop_difference_low"], row["drop_difference_high"])
    if frames and row["n_seeds"] == 1 and row["drop_difference_p_holm"] < SURE:
        return "in one training each: more seeds have to confirm it."
    return "which may be chance: neither is shown to be flatter."


def _when_to_believe(found: Evidence, method: str) -> str:
    return " ".join([*_left_to_a_human(found, method), *_miscalibrated(found, method)])


def _left_to_a_human(found: Evidence, method: str) -> list[str]:
    if found.coverage.empty:
        return []
    own = found.coverage[(found.coverage["method"] == method) & (found.coverage["held_out"] == MEAN)]
    at = {row["left"]: row for row in views.records(own)}
    return [
        f"With the least confident fifth of the frames left to a human, {method} goes from {number(at[0.0]['dice'])} "
        f"to {number(at[0.2]['dice'])} on the rest ({counted(at[0.0]['n_frames'], 'frame')} before)."
    ]


def _miscalibrated(found: Evidence, method: str) -> list[str]:
    return [
        f"Of the pixels that it calls lesion, its probabilities are off by {_off(row, 'ece_called')}; over all pixels, "
        f"most of which are plainly no lesion, by {_off(row, 'ece')} (expected calibration error at unseen sites)."
        for row in views.records(found.calibration)
        if row["method"] == method and row["held_out"] == MEAN
    ]


def _off(row: Row, error: str) -> str:
    before, after = (f"{number(100 * row[f'{error}_{end}'], 1)} points" for end in ("before", "after"))
    return f"{before}, and by {after} after calibration on source sites"


def _what_it_looks_at(found: Evidence) -> str:
    known = [row for row in views.records(found.attention) if not pd.isna(row["auroc"])]
    methods = dict.fromkeys(str(row["method"]) for row in known)
    return " ".join(_attends(method, [row for row in known if row["method"] == method]) for method in methods)


def _attends(method: str, rows: Sequence[Row]) -> str:
    ranked = sorted(rows, key=lambda row: float(row["auroc"]))
    mean = sum(float(row["auroc"]) for row in rows) / len(rows)
    return (
        f"Does {method} attend more to a confounder where it is there? AUROC {number(mean, 2)} on average over "
        f"{counted(len(rows), 'confounder')} (0.5 is chance), from the lowest, {number(ranked[0]['auroc'], 2)} for "
        f"{ranked[0]['confounder']}, to the highest, {number(ranked[-1]['auroc'], 2)} for {ranked[-1]['confounder']}."
    )


def _at(sites: pd.DataFrame, method: str, held_out: str) -> Row:
    return views.records(sites[(sites["method"] == method) & (sites["held_out"] == held_out)])[0]


def _points(value: float, *, sign: bool = False) -> str:
    figure = f"{100 * value:+.1f}" if sign else f"{100 * value:.1f}"
    return f"{figure} point" if figure in ("1.0", "+1.0") else f"{figure} points"


def _plain(value: float) -> str:
    return f"{100 * value:+.1f}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def _names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
