"""A layout that is not judged is told in a sentence: what is seen, and where."""

from pathlib import Path

from openpyxl import Workbook

from tests.handmade import Handmade, write
from xlbackprop.check.file import check
from xlbackprop.spreadsheet.engines import recalculated


def error_of(book: Workbook, path: Path) -> str:
    book.save(path)
    return (check(path).error or "").partition("table: ")[2]


def test_a_table_with_a_step_in_each_column(tmp_path: Path) -> None:
    book = Workbook()
    for (row, column), value in recalculated(write(tmp_path / "book.xlsx", Handmade(steps=4))).values("Sheet1").items():
        if row >= 5:
            book.active.cell(column, row, value)
    assert error_of(book, tmp_path / "turned.xlsx") == (
        "the sheet Sheet has a quantity in each row, from E1 down, and a step in each column: transpose it to have it "
        "judged."
    )


def test_one_step_with_its_numbers_beside_their_labels(tmp_path: Path) -> None:
    book = Workbook()
    for row, (label, number) in enumerate(
        {"x1": 0.05, "w1": 0.15, "w2": 0.2, "w3": 0.25, "b1": 0.35, "net h1": 0.3}.items(), start=2
    ):
        book.active.cell(row, 2, label)
        book.active.cell(row, 3, number)
    assert error_of(book, tmp_path / "step.xlsx") == (
        "the sheet Sheet has its numbers beside their labels, such as w1 in C3: that is one step of a training, and "
        "only tables with a row a step are judged."
    )


def test_matrices(tmp_path: Path) -> None:
    book = Workbook()
    for address, content in {"A1": 0.1, "B1": 0.2, "D1": 0.3, "D2": 0.4, "F1": "=MMULT(A1:B1,D1:D2)"}.items():
        book.active[address] = content
    assert error_of(book, tmp_path / "matrices.xlsx") == (
        "the sheet Sheet computes with matrices, MMULT in F1: only tables with a column for each weight and gradient "
        "are judged."
    )


def test_another_spreadsheet_says_what_a_table_needs(tmp_path: Path) -> None:
    book = Workbook()
    book.active["A1"] = "Shopping"
    assert error_of(book, tmp_path / "other.xlsx").startswith("none of its visible sheets has a row of headers such as")
