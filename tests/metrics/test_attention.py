import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from mcdrl.metrics.attention import attention_auroc, most_wrong, proxies

NAMES = ["blood", "mucus", "motion blur"]


def long(values, column, cases=None):
    frame = pd.DataFrame(values, columns=NAMES)
    frame["case_id"] = cases or [f"A/{k}" for k in range(len(frame))]
    return frame.melt("case_id", var_name="confounder", value_name=column)


def attention_of(values, method="mcdrl", seed=0):
    return long(values, "weight").assign(method=method, held_out="A", seed=seed)


def test_auroc_is_that_of_scikit_learn_with_ties_too():
    rng = np.random.default_rng(0)
    weights, strengths = rng.integers(0, 6, (40, 3)) / 6, rng.random((40, 3))
    found = attention_auroc(attention_of(weights), long(strengths, "strength"), limit=0.4).set_index("confounder")
    for place, name in enumerate(NAMES):
        present = strengths[:, place] >= 0.4
        assert found.loc[name, "auroc"] == pytest.approx(roc_auc_score(present, weights[:, place]))
        assert found.loc[name, ["n_present", "n_absent"]].tolist() == [present.sum(), (~present).sum()]


def test_attention_that_follows_the_truth_has_one_and_its_reverse_none():
    strengths = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]])
    right = attention_auroc(attention_of(strengths), long(strengths, "strength"), 0.25)
    assert right["auroc"].tolist() == [1, 1, 1]
    assert attention_auroc(attention_of(1 - strengths), long(strengths, "strength"), 0.25)["auroc"].tolist() == [
        0,
        0,
        0,
    ]


def test_a_confounder_that_all_frames_or_none_have_is_undefined():
    strengths = np.array([[1.0, 0, 1], [1, 0, 0]])
    found = attention_auroc(attention_of(np.eye(3)[:2]), long(strengths, "strength"), 0.25).set_index("confounder")
    assert found["auroc"].isna().to_dict() == {"blood": True, "mucus": True, "motion blur": False}
    assert found.loc["blood", ["n_present", "n_absent"]].tolist() == [2, 0]


def test_cells_are_not_mixed():
    strengths = np.array([[1.0, 0, 0], [0, 1, 1]])
    both = pd.concat([attention_of(strengths), attention_of(1 - strengths, seed=1)])
    found = attention_auroc(both, long(strengths, "strength"), 0.25)
    assert found.groupby("seed")["auroc"].unique().map(list).to_dict() == {0: [1.0], 1: [0.0]}


def test_what_nobody_knows_stays_out():
    known = long(np.array([[1.0, 0, 0], [0, 1, 0]]), "strength").query("confounder != 'mucus'")
    found = attention_auroc(attention_of(np.eye(3)[:2]), known, 0.25)
    assert set(found["confounder"]) == {"blood", "motion blur"}


def test_the_most_wrong_frames_by_hand():
    strengths = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 0], [0.9, 0, 1]])
    weights = np.array([[0.2, 0.5, 0.3], [0.1, 0.8, 0.1], [0.9, 0.05, 0.05], [0.3, 0.5, 0.2]])
    found = most_wrong(attention_of(weights), long(strengths, "strength"), 2, 0.25)
    assert found["case_id"].tolist() == ["A/0", "A/3"]  # A/2 has no confounder, A/1 is right
    assert found["attended"].tolist() == ["mucus", "mucus"]
    assert found["present"].tolist() == ["blood", "blood"]
    assert found["gap"].tolist() == pytest.approx([0.3, 0.2])


def test_proxies_rank_the_frames():
    profile = pd.DataFrame({
        "case_id": ["x/1", "x/2", "x/3", "x/4"], "sharpness": [5.0, 1.0, np.nan, 9.0],
        "brightness": [0.2, 0.9, 0.5, 0.4], "glare_share": 0.0, "red_share": [0.5, 0.4, 0.3, 0.6],
    })  # fmt: skip
    found = proxies(profile).pivot(index="case_id", columns="confounder", values="strength")
    assert found["bright lighting"].tolist() == [0.25, 1, 0.75, 0.5]
    assert found["dark lighting"].tolist() == [1, 0.25, 0.5, 0.75]
    assert found["blood"].tolist() == [0.75, 0.5, 0.25, 1]
    assert found["motion blur"].dropna().tolist() == pytest.approx([2 / 3, 1, 1 / 3])
