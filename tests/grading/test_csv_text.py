"""A CSV file of which single cells are replaced."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlbackprop.errors import UnusableInput
from xlbackprop.grading.csv_text import CsvText, harmless

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff"), max_size=8)


def read(folder: Path, content: bytes) -> CsvText:
    path = folder / "grades.csv"
    path.write_bytes(content)
    return CsvText(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("csv")


@given(
    st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(TEXTS, min_size=width, max_size=width), min_size=1)),
    st.sampled_from(",;\t"),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.data(),
)
def test_one_cell_changes_and_every_other_byte_stays(folder, rows, delimiter, quoting, ending, encoding, data) -> None:
    text = io.StringIO()
    rows = [["a", "b", *["c"] * (len(rows[0]) - 2)], *rows]
    csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=ending).writerows(rows)
    content = text.getvalue().encode(encoding)
    file = read(folder, content)
    # a line of nothing but one empty cell cannot be told from an empty one, so there are two
    assert [[cell.value for cell in row] for row in file.rows] == rows
    assert file.content == content
    row = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.integers(0, len(rows[0]) - 1))
    file.put(row, column, "9.50")
    rows[row][column] = "9.50"
    after = file.content.decode(encoding)
    assert list(csv.reader(io.StringIO(after, newline=""), delimiter=delimiter)) == rows
    # what stands before and behind the cell is the same
    before = content.decode(encoding)
    cell = file.rows[row][column]
    assert after.startswith(before[: cell.start])
    assert after.endswith(before[cell.end :])


def test_a_quoted_cell_stays_quoted_and_quotes_are_doubled(tmp_path: Path) -> None:
    file = read(tmp_path, b'a,b\r\n"1",2\r\n')
    file.put(1, 0, 'says "so"')
    file.put(1, 1, "one, two")
    assert file.content == b'a,b\r\n"says ""so""","one, two"\r\n'


def test_a_row_that_is_too_short_gets_the_cell(tmp_path: Path) -> None:
    file = read(tmp_path, b"a,b,c\n1\n2,3,4")
    file.put(1, 2, "x")
    assert file.content == b"a,b,c\n1,,x\n2,3,4"
    file.put(1, 4, "z")
    file.put(1, 1, "w")
    assert file.content == b"a,b,c\n1,w,x,,z\n2,3,4"


def test_no_cell_is_replaced_twice(tmp_path: Path) -> None:
    file = read(tmp_path, b"a,b\n1,2\n")
    file.put(1, 1, "10.00")
    with pytest.raises(ValueError, match="twice"):
        file.put(1, 1, "5.00")
    assert file.content == b"a,b\n1,10.00\n"


def test_what_an_old_encoding_lacks_is_written_as_html(tmp_path: Path) -> None:
    file = read(tmp_path, "Größe;b\n1;\n".encode("cp1252"))
    file.put(1, 1, "∂E")
    assert file.content == "Größe;b\n1;&#8706;E\n".encode("cp1252")


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
@pytest.mark.parametrize("before", ["", " ", "a;", "a,", "a; ", "a\t", "a\n", "a|"])
def test_no_text_begins_a_formula_wherever_lines_are_split(start: str, before: str) -> None:
    assert harmless(f"{before}{start}1+1") == f"{before}'{start}1+1"


def test_a_text_that_is_no_formula_stays_as_it_is() -> None:
    for text in ("8.50 of 10 points. −0.50: w1-η*∂E/∂w1, off by 1e-3", "a=b", "Doe, Jane", ""):
        assert harmless(text) == text


@pytest.mark.parametrize("content", [b"", b"\n\n", b"a\0b,c\n", b"PK\x03\x04\0\0\x81"])
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnusableInput, match="is no CSV file"):
        read(tmp_path, content)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="missing.csv does not exist"):
        CsvText(tmp_path / "missing.csv")
    with pytest.raises(UnusableInput, match="cannot be read"):
        CsvText(tmp_path)
