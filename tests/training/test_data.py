import pandas as pd
import pytest

from mcdrl.base.errors import InputError
from mcdrl.training.data import epoch_batches, split


def _cases(splits, classes):
    count = len(splits)
    names = {"case_id": [f"A/{n}" for n in range(count)], "group_id": [f"g{n}" for n in range(count)]}
    return pd.DataFrame({**names, "site": "A", "split": splits, "class_index": classes})


def test_an_epoch_shuffles_all_frames_into_equal_batches():
    cases = [f"A/{n}" for n in range(10)]
    batches = epoch_batches(cases, 4, seed=0, epoch=0)
    assert [len(batch) for batch in batches] == [4, 4]
    assert len({case for batch in batches for case in batch}) == 8
    assert batches == epoch_batches(cases, 4, seed=0, epoch=0)
    assert batches != epoch_batches(cases, 4, seed=0, epoch=1)
    assert batches != epoch_batches(cases, 4, seed=1, epoch=0)
    assert sorted(epoch_batches(cases, 64, seed=0, epoch=0)[0]) == sorted(cases)


def test_frames_are_divided_by_their_split():
    frames = split(_cases(["train", "val", "train", "val"], [0, 1, -1, -1]))
    assert frames.train == ["A/0", "A/2"]
    assert frames.val == ["A/1", "A/3"]
    assert frames.class_index == {"A/0": 0, "A/1": 1, "A/2": -1, "A/3": -1}
    assert set(frames.site_index.values()) == {0}
    assert frames.group == {f"A/{number}": f"A/g{number}" for number in range(4)}


def test_a_copy_of_a_training_frame_does_not_choose_the_epoch():
    cases = _cases(["train", "val", "train", "val"], [0, 1, -1, 1])
    frames = split(cases, {"A/0", "A/1"})
    assert (frames.train, frames.val) == (["A/0", "A/2"], ["A/3"])
    with pytest.raises(InputError, match=r"split 'val' .*\(A, 2 copies of training frames left out\)"):
        split(cases, {"A/0", "A/1", "A/3"})


def test_unlabelled_frames_show_neither_class_nor_choose_the_epoch():
    frames = split(_cases(["train", "val", "train", "val"], [0, 1, 1, 0]), labelled={"A/0", "A/3"})
    assert (frames.train, frames.val, frames.unlabelled) == (["A/0"], ["A/3"], ["A/2"])
    assert frames.class_index == {"A/0": 0, "A/1": -1, "A/2": -1, "A/3": 0}
    with pytest.raises(InputError, match=r"no labelled frame with a lesion in split 'val' .* or train.labelled_share"):
        split(_cases(["train", "val", "val"], [0, 1, -1]), labelled={"A/0", "A/2"})


@pytest.mark.parametrize(("classes", "part"), [([-1, 0], "train"), ([0, -1], "val")])
def test_a_part_without_lesions_is_refused(classes, part):
    with pytest.raises(InputError, match=rf"no frame with a lesion in split '{part}'.*\(A\)"):
        split(_cases(["train", "val"], classes))
