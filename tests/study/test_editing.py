"""An edit of params.yaml changes what it is about, and no comment, link or mode beside it."""

import os
import subprocess
import sys
import threading
from stat import S_IMODE

import pytest
from dvc.utils.serialize import parse_yaml

from mcdrl.base.errors import InputError
from mcdrl.base.strict_yaml import load_yaml
from mcdrl.commands.sites.edit import add_site, remove_sites
from mcdrl.commands.study.studies import use_study
from mcdrl.study.editing import edited, put_list
from tests.projects import copy_project

HELD_OUT = "held_out: [A, B, C, D, E]  # each is left out in turn: trained on all others, tested on it\n"
BLOCK = """\
held_out: # who is left out
  # in this order
- A  # the first
- B

  # two of one kind
- C
- D # the last but one
- E # the last

# what of them
# is called what
"""
SITES = """\
  A: {card: phantom, root: data/phantom/A} # the first

  # about B
  B:
    card: phantom
    root: data/phantom/B # its folder

  # about C
  C: {card: phantom, root: data/phantom/C}
  # about D
  D: {card: phantom, root: data/phantom/D}
  E: {card: phantom, root: data/phantom/E} # the last

  # below them all
"""


@pytest.fixture
def params(tmp_path, monkeypatch):
    """A copy of params.yaml, its sites and those held out below one another, with comments everywhere."""
    path = copy_project(tmp_path)
    text = path.read_text(encoding="utf-8")
    start, end = text.index("  A: {card"), text.index("held_out:")
    text = (text[:start] + SITES + text[end:]).replace(HELD_OUT, BLOCK)
    text = text.replace("methods: [baseline, mcdrl] #", "methods:\n- baseline # alone\n- mcdrl\n\n# many more:\n#")
    path.write_text(text, encoding="utf-8")
    (tmp_path / "x:y").mkdir()
    monkeypatch.chdir(tmp_path)
    return path


def changed(path, change):
    """Return the lines that a change takes out, and those that it puts in."""
    before = path.read_text(encoding="utf-8").splitlines()
    change()
    after = path.read_text(encoding="utf-8").splitlines()
    return [line for line in before if line not in after], [line for line in after if line not in before]


def held_out(path, names):
    def change():
        with edited(path) as params:
            put_list(params["held_out"], list(names))

    return changed(path, change)


def test_a_list_that_is_equal_already_is_left_alone(params):
    assert held_out(params, "ABCDE") == ([], [])


@pytest.mark.parametrize(
    ("names", "gone", "new"),
    [
        ("ABCD", ["- E # the last"], []),
        ("ABDE", ["  # two of one kind", "- C"], []),
        ("BCDE", ["- A  # the first"], []),
        ("CE", ["- A  # the first", "- B", "- D # the last but one"], []),
        ("BCE", ["- A  # the first", "- D # the last but one"], []),
        ("A", ["- B", "  # two of one kind", "- C", "- D # the last but one", "- E # the last"], []),
    ],
)
def test_comments_of_what_stays_and_below_the_list_stay(params, names, gone, new):
    assert held_out(params, names) == (gone, new)
    text = params.read_text(encoding="utf-8")
    assert text.index(f"- {names[-1]}") < text.index("\n\n# what of them\n# is called what\nlesion_classes:")


def test_dashes_that_stand_further_right_than_their_key_stay_there(params):
    text = params.read_text(encoding="utf-8")
    lines = [f"  {line}" if line.startswith("- ") else line for line in text.splitlines()]
    params.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert held_out(params, "ABCDE") == ([], [])
    assert held_out(params, "ABDE") == (["  # two of one kind", "  - C"], [])


def test_a_list_in_another_order_takes_its_comments_along(params):
    held_out(params, "DA")
    assert "- D # the last but one\n- A  # the first\n\n# what of them\n" in params.read_text(encoding="utf-8")


FIRST = """\
held_out:
  # A has whole screens

  # and more
- A
- B
# C is the hard one
- C
- D
- E
# what of them
"""


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("CA", "# C is the hard one\n- C\n  # A has whole screens\n\n  # and more\n- A\n"),
        ("AC", "  # A has whole screens\n\n  # and more\n- A\n# C is the hard one\n- C\n"),
        ("BA", "- B\n  # A has whole screens\n\n  # and more\n- A\n"),
        ("BC", "- B\n# C is the hard one\n- C\n"),
        ("C", "# C is the hard one\n- C\n"),
        ("ED", "- E\n- D\n"),
    ],
)
def test_a_comment_above_the_first_value_goes_with_it(params, names, text):
    params.write_text(params.read_text(encoding="utf-8").replace(BLOCK, FIRST), encoding="utf-8")
    held_out(params, names)
    assert f"\nheld_out:\n{text}# what of them\nlesion_classes:" in params.read_text(encoding="utf-8")


@pytest.mark.parametrize("block", [BLOCK, FIRST, "held_out:\n  - A # a\n  # below\n\n", "held_out: [A] # a\n"])
def test_a_list_of_which_nothing_is_left_is_refused_as_that(params, block):
    params.write_text(params.read_text(encoding="utf-8").replace(BLOCK, block), encoding="utf-8")
    before = params.read_bytes()
    with pytest.raises(InputError, match="held_out: List should have at least 1 item"):
        held_out(params, "")
    assert params.read_bytes() == before


def test_a_study_keeps_the_comments_around_its_lists(params):
    gone, new = changed(params, lambda: use_study(params, "quick", seeds=[0, 1], methods=["mcdrl"], sites=["A", "B"]))
    assert gone == [
        "  # two of one kind", "- C", "- D # the last but one", "- E # the last", "- baseline # alone", "seeds: [0]",
    ]  # fmt: skip
    assert new == ["seeds: [0, 1]"]


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("A", ["  A: {card: phantom, root: data/phantom/A} # the first", "- A  # the first"]),
        ("B", ["  B:", "    card: phantom", "    root: data/phantom/B # its folder", "- B"]),
        ("E", ["  E: {card: phantom, root: data/phantom/E} # the last", "- E # the last"]),
    ],
)
def test_a_removed_site_takes_no_comment_of_others_along(params, name, gone):
    assert changed(params, lambda: remove_sites(params, [name])) == (gone, [])
    lines = "\n\n  # about C\n  C: {card: phantom, root: data/phantom/C}\n  # about D\n  D: "
    assert lines in params.read_text(encoding="utf-8")


@pytest.mark.parametrize("gap", ["", "\n"])
@pytest.mark.parametrize("behind", ["", " # cut"])
@pytest.mark.parametrize("view", ["[0.1, 0, 1, 1]", "full"])
@pytest.mark.parametrize("names", ["B", "BCDE", "A"])
def test_a_comment_at_the_end_of_a_site_stays_whatever_goes_below_it(params, names, view, behind, gap):
    own = f"    view: {view}{behind}\n    # measured by hand\n      # on the left\n{gap}"
    start = f"  A:\n    card: phantom\n    root: data/phantom/A\n{own}"
    below = "".join(f"  {name}: {{card: phantom, root: data/phantom/{name}}}\n" for name in "BCDEFG")
    text = params.read_text(encoding="utf-8").replace(SITES, f"{start}  # about B\n{below}")
    params.write_text(text, encoding="utf-8")
    remove_sites(params, list(names))
    text = params.read_text(encoding="utf-8")
    assert "    # measured by hand\n      # on the left\n" in text
    assert (own in text) == (names != "A")


def test_an_added_site_stands_above_the_comments_below_them_all(params):
    gone, new = changed(params, lambda: add_site(params, "F", {"card": "phantom", "root": "data/phantom/F"}))
    assert (gone, new) == ([], ["  F: {card: phantom, root: data/phantom/F}", "- F"])
    text = params.read_text(encoding="utf-8")
    assert "  F: {card: phantom, root: data/phantom/F}\n\n  # below them all\nheld_out:" in text
    assert "- E # the last\n- F\n\n# what of them\n" in text


@pytest.mark.parametrize("before", ["", "---\n", "# our study, 2026\n\n---  # it begins\n", "%YAML 1.2\n---\n# a\n"])
@pytest.mark.parametrize("behind", ["", "...\n", "# b\n... # it ends\n\n  # read by DVC\n", "...\n# no line ends"])
def test_what_stands_around_the_document_stays(params, before, behind):
    text = f"{before}{params.read_text(encoding='utf-8')}{behind}"
    params.write_text(text, encoding="utf-8")
    held_out(params, "ABCD")
    assert params.read_text(encoding="utf-8") == text.replace("- E # the last\n", "")


@pytest.mark.parametrize("among", ["[A, # one\n  B]", "[A,\n  # one\n  B]"])
def test_a_comment_that_an_edit_would_lose_stops_it(params, among):
    text = params.read_text(encoding="utf-8").replace(BLOCK, f"held_out: {among}\n")
    params.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"params\.yaml, line \d+: a comment stands within brackets") as refused:
        held_out(params, "AC")
    number = int(str(refused.value).split("line ")[1].split(":")[0])
    assert "# one" in text.splitlines()[number - 1]
    assert params.read_text(encoding="utf-8") == text


def test_a_folder_with_a_colon_is_written_as_dvc_reads_it(params):
    add_site(params, "F", {"card": "folder", "root": "x:y", "lesion_class": "polyp"})
    assert parse_yaml(params.read_text(encoding="utf-8"), params)["sites"]["F"]["root"] == "x:y"


def test_a_link_stays_one_and_what_it_leads_to_is_written(params, tmp_path):
    target = tmp_path / "elsewhere" / "mine.yaml"
    target.parent.mkdir()
    params.rename(target)
    params.symlink_to(os.path.relpath(target, tmp_path))
    held_out(params, "AB")
    assert params.is_symlink()
    assert "- C" not in target.read_text(encoding="utf-8")


def test_the_file_keeps_its_mode(params):
    for mode in (0o444, 0o600, 0o664):
        params.chmod(mode)
        held_out(params, "AB" if mode == 0o444 else "ABC" if mode == 0o600 else "A")
        assert S_IMODE(params.stat().st_mode) == mode


@pytest.mark.parametrize("ends", [{"\r\n"}, {"\n"}])
def test_lines_end_as_they_did(params, ends):
    (end,) = ends
    params.write_text(params.read_text(encoding="utf-8"), encoding="utf-8", newline=end)
    held_out(params, "ABDE")
    lines = params.read_bytes().decode().splitlines(keepends=True)
    assert {line[len(line.rstrip("\r\n")) :] for line in lines} == ends
    assert f"- B{end}" in lines
    assert f"- C{end}" not in lines


def test_a_file_of_both_line_ends_keeps_what_most_have(params):
    text = params.read_text(encoding="utf-8").replace("\n", "\r\n").replace("\r\n", "\n", 1)
    params.write_bytes(text.encode())
    held_out(params, "ABDE")
    assert params.read_bytes().count(b"\r\n") == params.read_bytes().count(b"\n")


def test_of_two_edits_at_once_one_waits_and_both_are_there(params):
    came = threading.Event()

    def other():
        with edited(params) as further:
            came.set()
            put_list(further["seeds"], [7])

    with edited(params) as found:
        thread = threading.Thread(target=other)
        thread.start()
        assert not came.wait(0.5)
        put_list(found["held_out"], ["A", "B"])
    thread.join(60)
    after = load_yaml(params.read_text(encoding="utf-8"))
    assert (after["held_out"], after["seeds"]) == (["A", "B"], [7])


def test_commands_at_once_lose_no_site(params, tmp_path):
    code = (
        "import sys; from pathlib import Path; from mcdrl.commands.sites.edit import add_site; "
        "add_site(Path('params.yaml'), sys.argv[1], {'card': 'folder', 'root': sys.argv[1], 'lesion_class': 'polyp'})"
    )
    names = ["north", "south", "west"]
    for name in names:
        (tmp_path / name).mkdir()
    commands = [subprocess.Popen([sys.executable, "-c", code, name], cwd=tmp_path) for name in names]
    assert [command.wait(120) for command in commands] == [0, 0, 0]
    after = load_yaml(params.read_text(encoding="utf-8"))
    assert set(names) <= after["sites"].keys()
    assert set(names) <= set(after["held_out"])


def test_an_edit_that_failed_keeps_nobody_waiting(params):
    with pytest.raises(InputError), edited(params) as found:
        put_list(found["held_out"], ["nobody"])
    assert held_out(params, "ABCDE") == ([], [])
    assert not [path for path in params.parent.iterdir() if path.name.startswith(".")]


def test_a_link_to_nowhere_is_refused(tmp_path):
    (tmp_path / "params.yaml").symlink_to(tmp_path / "gone" / "params.yaml")
    with pytest.raises(InputError), edited(tmp_path / "params.yaml"):
        pass
