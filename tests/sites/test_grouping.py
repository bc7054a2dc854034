"""Groups and classes that the names of files and folders say."""

import pytest

from mcdrl.base.issues import RefusedError
from mcdrl.sites.grouping import class_of_folder, group_of_folder, group_of_sequence
from mcdrl.study.site_cards import read_card


def test_the_folder_of_a_patient():
    assert group_of_folder("Lung_cancer/imgs/p7/v1/a.png", 2) == "p7"
    with pytest.raises(RefusedError, match=r"folder_group is 2, its path has 1 folder"):
        group_of_folder("images/a.png", 2)


def test_the_published_sequences_of_clinicdb():
    ends = read_card("cvc_clinicdb").read.sequence_ends
    found = [group_of_sequence(str(number), ends) for number in range(1, 613)]
    assert [found.count(str(number)) for number in (1, 2, 3, 28, 29)] == [25, 25, 17, 20, 21]
    assert sorted(set(found), key=int) == [str(number) for number in range(1, 30)]
    assert [found[number - 1] for number in (25, 26, 612)] == ["1", "2", "29"]


@pytest.mark.parametrize("stem", ["613", "a1", "-1", "", "1.5"])
def test_a_frame_of_no_sequence_is_refused(stem):
    with pytest.raises(RefusedError, match="no number for its sequence"):
        group_of_sequence(stem, [25, 612])


def test_the_folder_of_a_class():
    classes = {"polyp": "polyp", "normal": None, "tumour": "tumor"}
    assert class_of_folder("images/tumour/a.png", classes) == "tumor"
    assert class_of_folder("images/normal/a.png", classes) is None
    for file in ("images/a.png", "polyp/normal/a.png"):
        with pytest.raises(RefusedError, match="folder"):
            class_of_folder(file, classes)
