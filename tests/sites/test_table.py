"""The CSV beside the frames."""

from pathlib import Path

import pytest

from mcdrl.base.errors import InputError
from mcdrl.base.issues import RefusedError
from mcdrl.sites.folder import FrameFiles
from mcdrl.sites.table import Entry, read_table
from mcdrl.study.reading import Reading

SITE = Reading(table="t.csv", table_file="file", table_group="patient", table_class="kind")


def source(stem: str, file: str | None = None) -> FrameFiles:
    file = file or f"images/{stem}.jpg"
    return FrameFiles(stem, file, Path("/root") / file, Path("/root/masks") / f"{stem}.png")


@pytest.fixture
def table(tmp_path):
    def write(text, site=SITE, encoding="utf-8"):
        (tmp_path / "t.csv").write_text(text, encoding=encoding)
        return read_table(tmp_path / "t.csv", site)

    return write


@pytest.mark.parametrize("name", ["a", "a.jpg", "images/a.jpg", "./images/a.jpg", "images\\a.jpg"])
def test_a_frame_is_found_by_stem_name_or_path(table, name):
    assert table(f"file,patient,kind\n{name},p1,polyp\n").entry(source("a")) == Entry("p1", "polyp")


@pytest.mark.parametrize("name", ["1", "image_1", "image_1.jpg"])
def test_a_frame_whose_prefix_is_taken_off_is_found_with_it_and_without(table, name):
    rows = table(f"file,patient,kind\n{name},p1,polyp\n")
    assert rows.entry(source("1", "images/image_1.jpg")) == Entry("p1", "polyp")


def test_where_the_path_alone_counts_it_is_said(table):
    rows = table("file,patient,kind\nf0.png,p1,polyp\n")
    with pytest.raises(RefusedError) as refused:
        rows.entry(FrameFiles("f0", "images/0/f0.png", Path("a"), Path("b"), path="0/f0"))
    assert str(refused.value) == (
        "no row in the table: t.csv has neither its path images/0/f0.png nor 0/f0 "
        "(with case_ids: path, names and stems don't count), but 'f0.png'; give paths below the site's folder"
    )
    with pytest.raises(RefusedError, match="has neither its path, its name nor its stem"):
        rows.entry(source("f1"))


def test_the_most_exact_name_counts(table):
    rows = table("file,patient,kind\na,p1,polyp\nimages/a.jpg,p2,cyst\n")
    assert rows.entry(source("a")) == Entry("p2", "cyst")


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_separators(table, mark):
    assert table(f"kind{mark}file{mark}patient\npolyp{mark}a{mark}p1\n").entry(source("a")) == Entry("p1", "polyp")


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"', "sep=|", "sep=\t"])
def test_the_line_in_which_excel_says_the_separator(table, first):
    mark = first.strip('"')[-1]
    text = f"{first}\nfile{mark}patient{mark}kind\na{mark}p,1{mark}polyp\n"
    assert table(text).entry(source("a")) == Entry("p,1", "polyp")
    with pytest.raises(InputError, match="line 4: 1 cells, the header has 3"):
        table(f"{text}b\n")


@pytest.mark.parametrize("line", [1, 2, 40])
def test_a_quote_that_is_never_closed_is_told_with_its_line(table, line):
    lines = ["file,patient,kind", *[f"frame{number},p1,polyp" for number in range(10_000)]]
    lines[line - 1] = lines[line - 1].replace(",", ',"', 1)
    with pytest.raises(InputError, match=rf"line {line}: field larger than .*; is there a quote that is never"):
        table("\n".join(lines))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_quotes_spaces_blank_lines_and_byte_order_mark(table, encoding):
    rows = table('file , patient,kind\r\n\r\n"a","p, 1",polyp \r\n', encoding=encoding)
    assert rows.entry(source("a")) == Entry("p, 1", "polyp")


def test_empty_cells_say_nothing(table):
    assert table("file,patient,kind\na,,\n").entry(source("a")) == Entry(None, None)


def test_columns_that_are_not_named_are_not_read(table):
    site = Reading(table="t.csv", lesion_class="polyp")
    assert table("file,patient,kind\na,p1,cyst\n", site).entry(source("a")) == Entry(None, None)


def test_a_frame_without_a_row(table):
    with pytest.raises(RefusedError, match=r"t\.csv has neither its path, its name nor its stem"):
        table("file,patient,kind\na,p1,polyp\n").entry(source("b"))


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("C:\\data\\images\\007.jpg", ", but 'C:/data/images/007.jpg'; give paths below the site's folder"),
        ("/mnt/clinic/007.png", ", but '/mnt/clinic/007.png'; give paths below the site's folder"),
        ("7", ", but '7'; give the number with its zeros"),
        ("7.jpg", ", but '7.jpg'; give the number with its zeros"),
        ("8", ""),
        ("a007", ""),
    ],
)
def test_the_row_that_may_be_meant_is_told(table, row, told):
    with pytest.raises(RefusedError) as refused:
        table(f"file,patient,kind\n{row},p1,polyp\n").entry(source("007"))
    assert refused.value.detail == f"t.csv has neither its path, its name nor its stem{told}"


def test_rows_that_agree_and_rows_that_do_not(table):
    rows = table("file,patient,kind\na,p1,polyp\na,p1,polyp\nb,p1,polyp\nb,p2,polyp\n")
    assert rows.entry(source("a")) == Entry("p1", "polyp")
    with pytest.raises(RefusedError, match="gives 2 groups or classes for it"):
        rows.entry(source("b"))


def test_rows_without_a_frame_are_named(table):
    rows = table("file,patient,kind\na,p1,polyp\nb,p1,polyp\n")
    rows.entry(source("a"))
    assert [issue.text for issue in rows.unused()] == ["row without a frame: b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,patiant,kind\n", "has no column 'patient'; did you mean 'patiant'"),
        ("file,patient,kind,kind\n", "has more than one column 'kind'"),
        ("", "has no column 'file'; legal: none"),
        ("Datei,patient,kind\na,p1,polyp\n", "has no column 'file'; legal: Datei, kind, patient"),
        ("file,patient,kind\na,p1,polyp\nb,p1\n", "line 3: 2 cells, the header has 3"),
        ("file,patient,kind\na,p1,polyp,x\n", "line 2: 4 cells, the header has 3"),
        ('file,patient,kind\na,"p1,polyp\nb,p1,polyp\n', "line 2: 2 cells, the header has 3; is there a quote"),
    ],
)
def test_malformed_tables(table, text, message):
    with pytest.raises(InputError, match=message):
        table(text)


def test_missing_and_foreign_files(tmp_path):
    with pytest.raises(InputError, match=r"t\.csv does not exist"):
        read_table(tmp_path / "t.csv", SITE)
    (tmp_path / "t.csv").write_bytes("file,patient,kind\né,p,c\n".encode("latin-1"))
    with pytest.raises(InputError, match="is not UTF-8"):
        read_table(tmp_path / "t.csv", SITE)


@pytest.mark.parametrize("head", [b"PK\x03\x04\x14\x00", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"])
def test_a_file_of_excel_is_called_one(tmp_path, head):
    (tmp_path / "t.xlsx").write_bytes(head + bytes(range(256)))
    with pytest.raises(InputError, match=r"t\.xlsx is a file of Excel or LibreOffice, no CSV; save it as CSV UTF-8"):
        read_table(tmp_path / "t.xlsx", SITE)


def test_a_column_that_begins_like_a_file_of_excel_is_a_column(table):
    assert table("PK,file,patient,kind\n1,a,p1,polyp\n").entry(source("a")) == Entry("p1", "polyp")
