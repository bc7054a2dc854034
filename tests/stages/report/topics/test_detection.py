"""Lesions found and false alarms, by hand."""

import numpy as np
import pandas as pd
import pytest

from mcdrl.artifacts.scores import FINDINGS
from stages.report.topics.detection import (
    detection_table,
    figures,
    found_and_called,
    frames_html,
    froc_panels,
    froc_table,
    joined,
    lesions_html,
    topic,
)
from tests.stages.report.fake_study import build, frames_of, results_of, study_of
from tests.stages.report.rows import DRAWS, at, frame, raw


def alarm(row, score, kept_px):
    """What is said of a frame of `rows.frame`."""
    keys = {name: row[name] for name in ("method", "held_out", "seed", "case_id")}
    return {**keys, "frame_score": score, "alarm": kept_px > 0, "kept_px": kept_px}


def finding(row, kind, number, score, *, kept=True):
    keys = {name: row[name] for name in ("method", "held_out", "seed", "case_id")}
    return {**keys, "kind": kind, "number": number, "area_share": 0.1, "score": score, "best_iou": 0.5, "kept": kept}


def study(lesion_frames, negative_frames, seed=0, site="A"):
    """Frames (score, lesions' scores, false positives' scores), kept where their frame's score is 0.5 at least."""
    rows, alarms, found = [], [], []
    whole = [(True, *one) for one in lesion_frames] + [(False, *one) for one in negative_frames]
    for case, (lesion, score, lesions, false) in enumerate(whole):
        row = frame("m", site, case, 0.5, lesion=lesion, fp=10 * len(false), seed=seed)
        kept = score >= 0.5
        rows.append(row)
        alarms.append(alarm(row, score, 10 * kept * (len(false) + sum(one is not None for one in lesions))))
        found += [finding(row, "lesion", k, one, kept=kept and one is not None) for k, one in enumerate(lesions)]
        found += [finding(row, "false", k, one, kept=kept) for k, one in enumerate(false)]
    empty = {name: pd.Series(dtype=object) for name in FINDINGS.schema.names if name != "leaked_frames"}
    findings = pd.DataFrame(found) if found else pd.DataFrame(empty)
    return raw(*rows), pd.DataFrame(alarms), findings.astype({"score": "float64", "kept": bool})


TWO = study(
    [(0.9, [0.9, None], []), (0.4, [0.6], [0.7])],
    [(0.3, [], []), (0.6, [], [0.8, 0.55])],
)


def table_of(scores, alarms, findings):
    return detection_table(joined(scores, alarms), findings, DRAWS)


def test_figures_by_hand():
    """Three lesions, two of them found; three false positives in four frames; one of two healthy frames is called."""
    found = at(table_of(*TWO), held_out="A")
    assert found[["n_frames", "n_lesions", "n_negative"]].tolist() == [4, 3, 2]
    assert found["lesion_sensitivity"] == pytest.approx(2 / 3)
    assert found["false_positives"] == 0.75
    assert found["sensitivity_at_0.125"] == pytest.approx(1 / 3)  # one false positive is a quarter a frame already
    assert found["sensitivity_at_0.5"] == pytest.approx(2 / 3)  # two have a score of 0.6 and more
    assert found["frame_auroc"] == 0.75  # 0.9 and 0.4 against 0.3 and 0.6
    assert found["false_alarms_90"] == found["false_alarms_95"] == 0.5
    assert found[["called", "called_share"]].tolist() == [0.5, 0.1]
    assert found[["op_lesion_sensitivity", "op_false_positives"]].tolist() == [pytest.approx(1 / 3), 0.5]
    assert found[["op_frame_sensitivity", "op_false_alarms", "op_called_share"]].tolist() == [0.5, 0.5, 0.1]


def test_figures_are_means_over_the_seeds():
    """The second training finds all three lesions, calls nothing in vain, and orders all frames rightly."""
    better = study([(0.9, [0.9, 0.8], []), (0.8, [0.6], [])], [(0.3, [], []), (0.2, [], [])], seed=1)
    one, both = (
        at(table_of(*(pd.concat(parts, ignore_index=True) for parts in zip(*studies, strict=True))), held_out="A")
        for studies in ([TWO], [TWO, better])
    )
    assert both[["n_frames", "n_lesions", "n_negative"]].tolist() == [4, 3, 2]
    for name, value in (
        ("lesion_sensitivity", 1), ("false_positives", 0), ("frame_auroc", 1), ("false_alarms_90", 0), ("called", 0),
        ("op_lesion_sensitivity", 1), ("op_false_alarms", 0), ("op_frame_sensitivity", 1),
    ):  # fmt: skip
        assert both[name] == pytest.approx((one[name] + value) / 2), name


def test_a_site_without_a_lesion_has_false_positives_and_no_sensitivity():
    scores, alarms, findings = study([], [(0.6, [], [0.8]), (0.3, [], [])])
    rows = table_of(scores, alarms, findings)
    for place in ("A", "mean"):
        found = at(rows, held_out=place)
        assert found[["lesion_sensitivity", "frame_auroc", "false_alarms_90", "op_frame_sensitivity"]].isna().all()
        assert found[["n_lesions", "false_positives", "op_false_alarms"]].tolist() == [0, 0.5, 0.5]
        assert found[["sensitivity_at_0.125", "sensitivity_at_0.5"]].isna().all()
    assert froc_table(joined(scores, alarms), findings).empty
    (said,) = found_and_called(rows, "m")
    assert said == (
        "At its operating point, chosen on source validation, it calls, in the mean over the sites, 50 % of the "
        "frames without a lesion instead "
        "of 50 %."
    )


def test_a_site_of_lesions_alone_has_no_false_alarms():
    rows = table_of(*study([(0.9, [0.8], [])], []))
    found = at(rows, held_out="A")
    assert found[["frame_auroc", "false_alarms_95", "called", "called_share", "op_false_alarms"]].isna().all()
    assert found_and_called(rows, "m") == ["It finds 100 % of the lesions (1), with 0.00 false positives a frame."]
    assert frames_html(rows).rows == []


def test_nothing_called_and_nothing_there():
    scores, alarms, findings = study([], [(0.1, [], [])])
    found = at(table_of(scores, alarms, findings), held_out="A")
    assert found[["n_lesions", "false_positives", "op_false_positives", "op_false_alarms"]].tolist() == [0, 0, 0, 0]


def test_the_mean_is_over_the_sites_that_have_the_figure():
    other = study([(0.9, [0.8], [])], [], site="B")
    rows = table_of(*(pd.concat(parts, ignore_index=True) for parts in zip(TWO, other, strict=True)))
    mean = at(rows, held_out="mean")
    assert mean["lesion_sensitivity"] == pytest.approx((2 / 3 + 1) / 2)
    assert mean["false_positives"] == pytest.approx(0.75 / 2)
    assert mean["frame_auroc"] == 0.75
    assert mean[["n_frames", "n_lesions", "n_negative"]].tolist() == [5, 4, 2]


def test_intervals_are_over_groups():
    """Forty frames of groups of their own: the interval holds the mean, and is wider where groups are larger."""
    rng = np.random.default_rng(0)
    lesions = [(float(rng.random()), [0.7 if rng.random() < 0.6 else None], [0.6] * (k % 3)) for k in range(40)]
    scores, alarms, findings = study(lesions, [(float(rng.random()) * 0.8, [], [0.6] * (k % 2)) for k in range(35)])
    own = at(table_of(scores, alarms, findings), held_out="A")
    grouped = at(table_of(scores.assign(group_id=np.arange(75) // 2), alarms, findings), held_out="A")
    assert (own["lesion_groups"], own["n_groups"], own["frame_groups"]) == (40, 75, 35)
    assert (grouped["lesion_groups"], grouped["n_groups"], grouped["frame_groups"]) == (20, 38, 18)
    for name in ("lesion_sensitivity", "false_positives", "frame_auroc"):
        for row in (own, grouped):
            assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]
    few = at(table_of(scores.assign(group_id="g"), alarms, findings), held_out="A")
    figures_ = ("lesion_sensitivity", "false_positives", "frame_auroc")
    ends = [f"{name}_{end}" for name in figures_ for end in ("low", "high")]
    assert few[ends].isna().all()


@pytest.mark.parametrize("n_groups", [6, 40])
@pytest.mark.parametrize(("score", "ends"), [(0.8, ("low", "high")), (None, ("high", "low"))])
def test_all_or_no_lesions_have_wilsons_interval_at_a_site_and_none_in_the_mean(n_groups, score, ends):
    """Wilson's end of n of n is n / (n + z^2); false positives are a count, which has no such interval."""
    parts = [study([(0.9, [score], [])] * n_groups, [], site=site) for site in ("A", "B")]
    rows = table_of(*(pd.concat(both, ignore_index=True) for both in zip(*parts, strict=True)))
    own, mean = at(rows, held_out="A"), at(rows, held_out="mean")
    inner, outer = (own[f"lesion_sensitivity_{end}"] for end in ends)
    rate, least = float(score is not None), n_groups / (n_groups + 1.959964**2)
    assert (inner, outer) == (pytest.approx(least if rate else 1 - least, abs=1e-6), pytest.approx(rate, abs=1e-9))
    bounds = [f"{name}_{end}" for name in ("lesion_sensitivity", "false_positives") for end in ("low", "high")]
    assert mean[bounds].isna().all()
    assert own[bounds[2:]].isna().all()
    one, _, mean_cells = lesions_html(rows).rows
    assert one[5] == f"{own['lesion_sensitivity_low']:.3f} to {own['lesion_sensitivity_high']:.3f}"
    assert [one[7], mean_cells[5], mean_cells[7]] == ["none: no spread"] * 3


def test_the_mean_of_one_site_with_lesions_has_that_sites_interval():
    parts = study([(0.9, [0.8], [])] * 6, [], site="A"), study([], [(0.3, [], [])] * 6, site="B")
    rows = table_of(*(pd.concat(both, ignore_index=True) for both in zip(*parts, strict=True)))
    own, mean = at(rows, held_out="A"), at(rows, held_out="mean")
    bounds = ["lesion_sensitivity_low", "lesion_sensitivity_high"]
    assert mean[bounds].tolist() == own[bounds].tolist()


@pytest.mark.parametrize("n_groups", [25, 50])
def test_a_perfect_auroc_says_why_it_has_no_interval(n_groups):
    rows = table_of(*study([(0.9, [0.8], [])] * n_groups, [(0.3, [], [])] * n_groups))
    assert (at(rows, held_out="A")["frame_auroc"], frames_html(rows).rows[0][4]) == (1, "none: no spread")
    assert frames_html(rows).rows[1][4] == ""


def test_false_positives_a_frame_may_exceed_one():
    rows = table_of(*study([(0.9, [0.8], [0.6] * (2 + k % 2)) for k in range(6)], []))
    found = at(rows, held_out="A")
    assert found["false_positives"] == 2.5
    assert 1 < found["false_positives_low"] < 2.5 < found["false_positives_high"]


def test_the_curve_ends_where_all_components_count():
    scores, alarms, findings = TWO
    points = froc_table(joined(scores, alarms), findings)
    assert points["limit"].tolist() == [np.inf, 0.9, 0.6, 0.55]
    assert points["false_positives"].tolist() == [0, 0, 0.5, 0.75]
    assert points["sensitivity"].tolist() == pytest.approx([0, 1 / 3, 2 / 3, 2 / 3])
    (panel,) = froc_panels(points, ["m"], ["A", "B"])
    assert "m: from 0 at 0 to 0.667 at 0.75" in panel.svg


def test_sentences_and_figures():
    rows = table_of(*TWO)
    assert found_and_called(rows, "m") == [
        "It finds 67 % of the lesions (3), with 0.75 false positives a frame.",
        "Its score of a frame tells those with a lesion from 2 frames without one with AUROC 0.75; where 90 % of the "
        "former are called, by a limit taken on these very frames, so are 50 % of the latter.",
        "At its operating point, chosen on source validation, it calls, in the mean over the sites, 50 % of the "
        "frames without a lesion instead of "
        "50 %, and finds 33 % of the lesions.",
    ]
    assert figures(rows) == {
        "m_lesion_sensitivity_mean": pytest.approx(2 / 3), "m_false_positives_mean": 0.75, "m_frame_auroc_mean": 0.75,
        "m_false_alarms_90_mean": 0.5,
    }  # fmt: skip
    (row, mean) = lesions_html(rows).rows
    assert row[:5] == ["m", "A", "4", "3", "0.667"]
    assert mean[1] == "mean"
    assert frames_html(rows).rows[0][2:4] == ["2", "0.750"]


def test_frames_are_told_apart_only_where_a_site_has_both_kinds():
    """Sites of one kind each have no AUROC; beside a site of both kinds their frames aren't among those it is of."""
    healthy, lesions = study([], [(0.6, [], [0.8])] * 3, site="B"), study([(0.9, [0.8], [])], [], site="C")
    apart = [pd.concat(parts, ignore_index=True) for parts in zip(healthy, lesions, strict=True)]
    said = found_and_called(table_of(*apart), "m")
    assert [one.split()[:2] for one in said] == [["It", "finds"], ["At", "its"]]
    assert "nan" not in " ".join(said)
    beside = [pd.concat(parts, ignore_index=True) for parts in zip(TWO, apart, strict=True)]
    assert found_and_called(table_of(*beside), "m")[1].startswith(
        "Its score of a frame tells those with a lesion from 2 frames without one (of 5; the others' sites have no "
        "lesion) with AUROC 0.75;"
    )


def test_sites_that_lack_a_kind_of_frame_are_named_on_the_page(tmp_path):
    def source(site, count):
        images, masks = frames_of(site, count)
        return (images[1::2], masks[1::2]) if site == "A" else (images, np.zeros_like(masks))

    small = study_of(methods=["baseline"])
    found = topic(results_of(small, build(tmp_path / "artifacts", small, source=source)))
    assert (found.values["without_negatives"], found.values["without_lesions"]) == ("A", "B")
    assert len(found.values["panels"]) == 1


def test_without_its_tables_there_is_no_section(tmp_path):
    small = study_of(methods=["baseline"])
    found = topic(results_of(small, build(tmp_path / "artifacts", small, full=False)))
    assert found.values is None
    assert not found.tables
