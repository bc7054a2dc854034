"""A folder that can't be made is told before the work, and nothing is left of trying."""

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
    with pytest.raises(InputError, match=r"^--out .*file/two/three can't be made: .*file/two: Not a directory; name a"):
        check_makeable(tmp_path / "file" / "two" / "three")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_link_to_nothing_is_refused_and_stays(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"link can't be made: .*link: File exists"):
        check_makeable(tmp_path / "link")
    assert [path.name for path in tmp_path.iterdir()] == ["link"]


def test_of_a_refused_folder_those_above_it_go_again(tmp_path):
    with pytest.raises(InputError, match="File name too long"):
        check_makeable(tmp_path / "one" / ("x" * 300))
    assert not list(tmp_path.iterdir())


def test_what_somebody_puts_there_meanwhile_stays(tmp_path):
    class Busy(type(tmp_path)):
        def mkdir(self):
            super().mkdir()
            (tmp_path / "new" / "theirs").write_text("")

    check_makeable(Busy(tmp_path / "new"))
    assert (tmp_path / "new" / "theirs").exists()
