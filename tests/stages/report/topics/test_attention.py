import numpy as np
import pandas as pd
import pytest

from stages.report.topics.attention import (
    attention_panels,
    attention_table,
    auroc_chart,
    frame_weights,
    what_it_looks_at,
    wrong_frames,
)
from tests.factories import section_params

NAMES = ("motion blur", "blood")
PARAMS = section_params("report")


def attention(site="A", blur=(0.9, 0.8, 0.2, 0.1), seed=0):
    rows = [
        (f"{site}/{k}", name, weight)
        for k, value in enumerate(blur)
        for name, weight in zip(NAMES, (value, 1 - value), strict=True)
    ]
    table = pd.DataFrame(rows, columns=["case_id", "confounder", "weight"])
    return table.assign(method="mcdrl", held_out=site, seed=seed)


def strengths(site="A", blur=(1, 0.5, 0, 0), blood=(0, 0, 0, 0)):
    each = [(f"{site}/{k}", name, value) for name, values in (("motion blur", blur), ("blood", blood))
            for k, value in enumerate(values)]  # fmt: skip
    return pd.DataFrame(each, columns=["case_id", "confounder", "strength"])


def profile(site="A", sharpness=(1.0, 2.0, 3.0, 4.0)):
    rows = pd.DataFrame(
        {"case_id": [f"{site}/{k}" for k in range(len(sharpness))], "site": site, "sharpness": sharpness}
    )
    return rows.assign(brightness=0.5, glare_share=0.0, red_share=np.nan)


def at(table, name):
    return table[table["confounder"] == name].iloc[0]


def test_attention_that_follows_the_confounder_has_an_auroc_of_one():
    table = attention_table(attention(), strengths(), profile(), PARAMS)
    blur, blood = at(table, "motion blur"), at(table, "blood")
    assert (blur["auroc"], blur["n_sites"], blur["n_present"], blur["n_frames"], blur["truth"]) == (
        1.0,
        1,
        2,
        4,
        "known",
    )
    assert blur["weight"] == pytest.approx(0.5)
    assert np.isnan(blood["auroc"])  # in no frame
    assert (blood["n_sites"], blood["n_present"]) == (0, 0)


def test_sites_that_nothing_is_known_of_are_judged_by_their_looks():
    table = attention_table(attention("real"), strengths("A"), profile("real"), PARAMS)
    blur = at(table, "motion blur")
    assert (blur["auroc"], blur["truth"], blur["n_present"]) == (1.0, "measured", 2)  # sharpness falls as weight rises
    assert pd.isna(at(table, "blood")["truth"])


def test_two_kinds_of_truth_are_both_named():
    rows = pd.concat([attention("A"), attention("real", blur=(0.1, 0.2, 0.8, 0.9))])
    table = attention_table(rows, strengths("A"), pd.concat([profile("A"), profile("real")]), PARAMS)
    assert (at(table, "motion blur")["auroc"], at(table, "motion blur")["truth"]) == (0.5, "both")


def test_without_any_truth_there_are_weights_alone():
    table = attention_table(attention(), strengths().iloc[:0], profile().iloc[:0], PARAMS)
    assert table["auroc"].isna().all()
    assert auroc_chart(table, ["mcdrl"]) is None
    assert at(table, "motion blur")["weight"] == pytest.approx(0.5)


def test_the_heat_map_shows_per_cent_by_site():
    weights = frame_weights(pd.concat([attention("A"), attention("B", blur=(0.101, 0.111))]))
    (panel,) = attention_panels(weights)
    assert ">50.0<" in panel.svg
    assert ">10.6<" in panel.svg
    assert ">89.4<" in panel.svg


def test_the_most_wrong_frame_comes_first():
    rows = attention(blur=(0.1, 0.8, 0.2, 0.1))
    found = wrong_frames(rows, strengths(), profile(), PARAMS, 5)
    assert found["case_id"].tolist()[0] == "A/0"
    assert found.iloc[0][["attended", "present"]].tolist() == ["blood", "motion blur"]


def test_a_study_without_intervention_has_no_rows():
    empty = attention().iloc[:0]
    assert frame_weights(empty).empty
    assert attention_table(empty, strengths(), profile(), PARAMS).empty


def test_the_answer_spans_the_confounders_that_were_judged():
    rows = pd.DataFrame({"method": "mcdrl", "confounder": ["blood", "blur", "mucus"], "auroc": [0.6, 0.4, np.nan]})
    assert (
        "AUROC 0.50 on average over 2 confounders (0.5 is chance), from the lowest, 0.40 for blur, to the highest, "
        "0.60 for blood." in what_it_looks_at(rows)
    )
    assert what_it_looks_at(rows.iloc[2:]) == ""


def test_from_where_on_a_confounder_is_there_is_a_parameter():
    strict = section_params("report", present_from=0.6, ranked_from=0.5)
    known = [attention_table(attention(), strengths(), profile(), params) for params in (PARAMS, strict)]
    assert [at(table, "motion blur").n_present for table in known] == [2, 1]
    real = [attention_table(attention("real"), strengths(), profile("real"), params) for params in (PARAMS, strict)]
    assert [at(table, "motion blur").n_present for table in real] == [2, 3]
