"""A folder that can't be made is told before the work, and nothing is left of trying."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from mcdrl.base.errors import InputError
from mcdrl.base.makeable import check_makeable


def test_what_can_be_made_is_left_unmade(tmp_path):
    check_makeable(tmp_path / "one")
    check_makeable(tmp_path / "one" / "two" / "three")
    assert not list(tmp_path.iterdir())
    (tmp_path / "one").mkdir()
    check_makeable(tmp_path / "one" / "two")
    assert [path.name for path in tmp_path.rglob("*")] == ["one"]


def test_a_folder_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match=r"^--out .*file/two/three can't be made in .*/file: Not a directory; name a"):
        check_makeable(tmp_path / "file" / "two" / "three")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_link_to_nothing_is_refused_and_stays(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"link can't be made in .*: File exists"):
        check_makeable(tmp_path / "link")
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


def test_of_a_refused_folder_those_above_it_go_again(tmp_path):
    with pytest.raises(InputError, match="File name too long"):
        check_makeable(tmp_path / "one" / ("x" * 300))
    assert not list(tmp_path.iterdir())


def test_of_several_who_ask_for_folders_below_one_that_is_missing_none_gets_into_anothers_way(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(check_makeable, [tmp_path / "new" / str(number % 4) for number in range(400)]))
    assert not list(tmp_path.iterdir())


def test_a_path_that_leads_back_is_followed_as_it_is_written(tmp_path):
    check_makeable(tmp_path / "missing" / ".." / "new")
    assert not list(tmp_path.iterdir())
