"""A layout that is not judged is told in a sentence: what is seen, and where."""

from pathlib import Path

from openpyxl import Workbook, load_workbook

from tests.handmade import Handmade, write
from xlbackprop.check.file import check
from xlbackprop.report.findings import CheckedTable
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


def with_second(path: Path, second: dict[tuple[int, int], object]) -> CheckedTable:
    book = load_workbook(write(path, Handmade(steps=4)))
    sheet = book.create_sheet("second")
    for (row, column), content in second.items():
        sheet.cell(row, column, content)
    book.save(path)
    result = check(path)
    assert result.tables[0].verdict == "correct"
    assert [table.sheet for table in result.tables] in (["Sheet1"], ["Sheet1", "second"])
    assert result.correct == (len(result.tables) == 1)
    return result.tables[-1]


def test_a_second_sheet_with_foreign_headers_is_not_passed_over(tmp_path: Path) -> None:
    sheet = load_workbook(write(tmp_path / "other.xlsx", Handmade(steps=4))).active
    cells = {(cell.row, cell.column): cell.value for row in sheet for cell in row if cell.value is not None}
    foreign = cells | {(5, column): f"columna {column}" for column in range(1, 32)}
    table = with_second(tmp_path / "book.xlsx", foreign)
    assert (table.sheet, table.verdict, table.notes) == (
        "second",
        "incomplete",
        (
            "it looks like a training, with updates from row 7 on, but the headers above are not understood: call its "
            "columns w1, h1, a_h1, E_total, ∂E/∂w1 and so on to have it judged",
        ),
    )


def test_a_second_sheet_with_a_step_in_each_column_is_not_passed_over(tmp_path: Path) -> None:
    values = recalculated(write(tmp_path / "other.xlsx", Handmade(steps=4))).values("Sheet1")
    turned: dict[tuple[int, int], object] = {(c, r): value for (r, c), value in values.items() if r >= 5}
    table = with_second(tmp_path / "book.xlsx", turned)
    assert (table.sheet, table.verdict, table.notes) == (
        "second",
        "incomplete",
        ("it has a quantity in each row, from E1 down, and a step in each column: transpose it to have it judged",),
    )
    # three numbers beside each name are no steps, and a summary of some trainings is none
    three = {(r, c): value for (r, c), value in turned.items() if c <= min(c for _, c in turned) + 3}
    assert with_second(tmp_path / "book.xlsx", three).sheet == "Sheet1"
    summary = {(r, c): value for (r, c), value in turned.items() if r <= 23}
    assert with_second(tmp_path / "book.xlsx", summary).sheet == "Sheet1"


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
