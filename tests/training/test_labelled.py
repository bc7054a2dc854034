import numpy as np
import pandas as pd

from mcdrl.training.labelled import labelled_cases


def _cases(site="A", groups=20, frames=5):
    names = [f"{site}/{group:02d}-{frame}" for group in range(groups) for frame in range(frames)]
    splits = ["val" if group % 5 == 4 else "train" for group in range(groups) for _ in range(frames)]
    return pd.DataFrame(
        {"case_id": names, "site": site, "group_id": [name.split("-")[0] for name in names], "split": splits}
    )


def _counts(cases, labelled):
    return cases[cases["case_id"].isin(labelled)].groupby("split").size().to_dict()


def test_a_share_of_each_split_is_whole_groups_and_all_is_all():
    cases = _cases()
    for share, counts in (
        (0.25, {"train": 20, "val": 5}),
        (0.5, {"train": 40, "val": 10}),
        (1.0, {"train": 80, "val": 20}),
    ):
        labelled = labelled_cases(cases, share, 0)
        assert _counts(cases, labelled) == counts
        chosen = cases["case_id"].isin(labelled)
        assert chosen.groupby(cases["group_id"]).nunique().eq(1).all()
    assert _counts(cases, labelled_cases(cases, 1e-6, 0)) == {"train": 5, "val": 5}


def test_a_smaller_share_is_part_of_a_larger_one_and_other_seeds_draw_others():
    cases = _cases()
    few, more = (labelled_cases(cases, share, 0) for share in (0.25, 0.5))
    assert few < more
    assert len({labelled_cases(cases, 0.25, seed) for seed in range(5)}) == 5


def test_neither_labels_nor_other_sites_nor_the_order_of_rows_say_which():
    cases = _cases()
    alone = labelled_cases(cases, 0.25, 0)
    both = pd.concat([_cases("B", groups=7), cases.assign(class_index=0)]).sample(frac=1, random_state=1)
    assert {case for case in labelled_cases(both, 0.25, 0) if case.startswith("A")} == alone


def test_large_groups_are_taken_until_the_share_is_reached():
    cases = _cases(groups=4, frames=1).assign(split="train")
    cases = cases.loc[np.repeat(cases.index, [10, 1, 1, 1])]
    cases["case_id"] = [f"A/{number}" for number in range(len(cases))]
    sizes = {len(labelled_cases(cases, 0.5, seed)) for seed in range(20)}
    assert 6.5 <= min(sizes) < max(sizes) < 6.5 + 10
