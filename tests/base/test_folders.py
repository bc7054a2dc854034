"""What lies below a folder."""

import os
import shutil
import subprocess
import sys

import pytest

from mcdrl.base.errors import InputError
from mcdrl.base.folders import check_hashable, is_archive, matching, names_in, no_folder, walked

FILES = ("a.png", "images/b.png", "images/.c.png", "images/p/d.png", "images/p/q/e.png", "images/[x]/f.PNG", ".h/g.png")


@pytest.fixture
def tree(tmp_path):
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.fixture
def closed(tree, monkeypatch):
    """Make a folder of the tree one that nobody may read, whoever runs the tests."""

    def refuse(real, name):
        def listing(folder="."):
            if str(folder) == str(tree / name):
                raise PermissionError(13, "Permission denied", str(folder))
            return real(folder)

        return listing

    def close(name):
        for function in ("scandir", "listdir"):
            monkeypatch.setattr(os, function, refuse(getattr(os, function), name))
        return tree

    return close


def below(root, pattern):
    return [path.relative_to(root).as_posix() for path in matching(root, pattern)]


@pytest.mark.parametrize(
    "pattern",
    ["*", "a.png", "images/*", "images/*/*", "**/*", "**/*.png", "*/**/q/*", "**/q/*", "images/[[]x]/*", "b/*"],
)
def test_a_glob_names_what_the_librarys_does_hidden_names_aside(tree, pattern):
    named = sorted(path.relative_to(tree) for path in tree.glob(pattern))
    expected = [path.as_posix() for path in named if not any(part.startswith(".") for part in path.parts)]
    assert below(tree, pattern) == expected


def test_what_windows_hides_in_folders_is_hidden(tree):
    for name in ("images/Thumbs.db", "images/desktop.ini", "images/p/ehthumbs.db", "images/p/thumbs.db"):
        (tree / name).touch()
    assert below(tree, "images/*.*") == ["images/b.png"]
    assert sorted(name for _, names in walked(tree) for name in names) == ["a.png", "b.png", "d.png", "e.png", "f.PNG"]


@pytest.mark.parametrize("pattern", ["images/**/*", "images/**"])
def test_folders_behind_links_are_entered_once(tree, pattern):
    (tree / "images" / "in").symlink_to(tree / ".h")
    (tree / "images" / "round").symlink_to(tree / "images")
    (tree / "images" / "gone").symlink_to(tree / "nowhere")
    (tree / "images" / "itself").symlink_to("itself")
    found = below(tree, pattern)
    assert [name for name in found if "in/" in name or "round" in name] == ["images/in/g.png", "images/round"]
    assert {"images/gone", "images/itself", "images/p/q/e.png"} <= set(found)


@pytest.mark.parametrize("pattern", ["images/*/*", "**/*.png", "images/p/*.png", "**"])
def test_a_folder_that_cannot_be_read_is_refused(closed, pattern):
    with pytest.raises(InputError, match=r"the folder .*/images/p can't be read: Permission denied"):
        matching(closed("images/p"), pattern)


def test_a_folder_that_cannot_be_read_holds_up_no_pattern_that_leaves_it_out(closed):
    assert below(closed("images/p"), "images/*.png") == ["images/b.png"]


def test_what_dvc_cannot_enter_is_refused(closed):
    with pytest.raises(InputError, match=r"images/p/q can't be read: Permission denied; mend its permissions"):
        check_hashable(closed("images/p/q"))


@pytest.mark.skipif(shutil.which("setpriv") is None or os.getuid() != 0, reason="takes rights away from root")
def test_folders_without_rights(tree):
    """Of a folder that may not be entered nobody can say whether it holds a name."""
    (tree / "images" / "p").chmod(0)
    code = "import pathlib; from mcdrl.base.folders import matching; matching(pathlib.Path({!r}), {!r})"
    without = [f"--{kind}=-dac_override,-dac_read_search" for kind in ("bounding-set", "inh-caps")]
    for pattern in ("images/*/q/*", "images/*/*", "**/*.png"):
        command = ["setpriv", *without, sys.executable, "-c", code.format(str(tree), pattern)]
        told = subprocess.run(command, capture_output=True, text=True, check=False).stderr
        assert f"InputError: the folder {tree}/images/p can't be read: Permission denied" in told
    (tree / "images" / "p").chmod(0o755)


def test_a_folder_that_is_not_there_lists_nothing(tree):
    assert names_in(tree / "nowhere") == names_in(tree / "a.png") == names_in(tree / "a.png" / "b") == []


def test_an_archive_in_place_of_a_folder_is_to_be_unpacked(tmp_path):
    (tmp_path / "north.ZIP").touch()
    assert no_folder(tmp_path / "north.ZIP") == f"{tmp_path}/north.ZIP is an archive, to be unpacked first"
    assert no_folder(tmp_path / "gone.zip") == f"{tmp_path}/gone.zip is no folder"


@pytest.mark.parametrize("ending", [".tar.gz", ".tgz", ".tar.bz2", ".TAR.xz"])
def test_a_packed_tar_file_is_an_archive(tmp_path, ending):
    (tmp_path / f"north{ending}").touch()
    assert is_archive(tmp_path / f"north{ending}")


@pytest.mark.parametrize("name", ["scan.nii.gz", "north.csv.gz", "north.bz2", "north.xz"])
def test_a_packed_file_holds_no_folder(tmp_path, name):
    (tmp_path / name).touch()
    assert no_folder(tmp_path / name) == f"{tmp_path}/{name} is no folder"
