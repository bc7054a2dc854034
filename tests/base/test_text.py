"""Names that others chose do nothing to a terminal and nothing in a spreadsheet."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from mcdrl.base.output import cell, say, warn
from mcdrl.base.text import from_spreadsheet_cell, markdown, printable, spreadsheet_cell, whole_number


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Polyp_01.png", "Polyp_01.png"),
        ("Läsion 病变 آفت", "Läsion 病变 آفت"),
        ("a\x1b[2Jb", r"a\x1b[2Jb"),
        ("a\x9b31m", r"a\x9b31m"),
        ("a\rb\nc\td\x07", r"a\rb\nc\td\x07"),
        ("gnp\u202efdp.exe", r"gnp\u202efdp.exe"),
        ("a\u200bb\u2028", r"a\u200bb\u2028"),
        ("polype_\udce9.png", r"polype_\udce9.png"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
)
def test_what_steers_a_terminal_becomes_an_escape_and_letters_stay(text, shown):
    assert printable(text) == shown


def test_lines_keep_their_ends(capsys):
    say("one\ntwo\x1b]0;title\x07")
    warn("three\x1bc")
    out, err = capsys.readouterr()
    assert (out, err) == ("one\ntwo\\x1b]0;title\\x07\n", "three\\x1bc\n")


def test_cells_of_tables_hold_no_markup_and_no_control_characters():
    stream = io.StringIO()
    table = Table("head")
    table.add_row(cell("[red]x[/red]\x1b[31m"))
    Console(file=stream, width=80).print(table)
    assert r"[red]x[/red]\x1b[31m" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize(
    "formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "=cmd|' /C calc'!A0", "-polyp.png"]
)
def test_a_text_that_a_spreadsheet_would_compute_gets_an_apostrophe(formula):
    assert spreadsheet_cell(formula) == "'" + formula


@pytest.mark.parametrize("value", ["a=1", "polyp", "", "1", "'s", 0.5, -3, None, True, float("inf")])
def test_other_cells_stay(value):
    assert spreadsheet_cell(value) is value


@pytest.mark.parametrize("text", ["=1", "'=1", "''=1", "'", "'s", "-", "a", "", "\tx"])
def test_a_cell_is_read_as_what_was_written(text):
    assert from_spreadsheet_cell(spreadsheet_cell(text)) == text


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("007", 7), ("12", 12), ("", None), ("-1", None), ("1.0", None), ("1_0", None), (" 1", None),
     ("²", None), ("٣", None), ("9" * 5000, None)],
)  # fmt: skip
def test_a_whole_number_is_what_ascii_digits_write(text, number):
    assert whole_number(text) == number


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("kvasir_seg 2", "kvasir_seg 2"),
        ("pi|pe <b>", r"pi\|pe \<b\>"),
        ("*a* _b_ `c` ~d~", r"\*a\* \_b\_ \`c\` \~d\~"),
        ("[x](y) &lt; \\", r"\[x\](y) \&lt; \\"),
        ("two\nlines", r"two\\nlines"),
        ("gnp\u202efdp", r"gnp\\u202efdp"),
        ("病变_é_", r"病变_é\_"),
    ],
)
def test_markdown_shows_a_text_as_it_is(text, shown):
    assert markdown(text) == shown
