from pathlib import Path

from openpyxl import load_workbook

from tests.check.test_other_sheets import at, findings
from tests.conftest import Editor, Workbook
from xlbackprop.check.as_built import compare_with_written
from xlbackprop.check.file import verify
from xlbackprop.spreadsheet.engines import recalculated


def test_recalculated_values_are_compared_with_the_written_ones(classic: Workbook) -> None:
    sheets = recalculated(classic.path)
    assert compare_with_written(sheets, {"Comparison": {"B22": "η = 0.5", "B21": 0.5}}) == []
    (numbers, texts, words) = (
        compare_with_written(sheets, {"Comparison": {address: value}})
        for address, value in (("B21", 0.5001), ("B22", "η = 0.6"), ("B22", "eta = 0.5"))
    )
    assert [finding.cell for _, finding in (*numbers, *texts, *words)] == ["B21", "B22", "B22"]


def test_what_a_student_adds_is_no_business_of_the_check(classic: Workbook, editor: type[Editor]) -> None:
    book = editor(classic.path).type("Network", "B40", "=1/0").type("η=2", "BA5", "=nothing")
    for sheet, address, text in (
        ("Gradient check", "A40", "my own note"),
        ("Gradient check", "A4", "weight"),
        ("Derivation", "A100", "h1"),
        ("Derivation", "B100", "7"),
        ("Comparison", "A10", "step"),
        ("Check", "F40", "η=0.5"),
    ):
        book.type(sheet, address, text)
    assert book.judge().correct


def test_an_emptied_sheet_is_a_finding_a_column(classic: Workbook, tmp_path: Path) -> None:
    book = load_workbook(classic.path)
    book["Gradient check"].delete_rows(1, 500)
    book.save(tmp_path / "emptied.xlsx")
    found = findings(verify(tmp_path / "emptied.xlsx"))
    assert [sheet for sheet, _, _ in found] == ["Gradient check"] * 13
    assert found[0] == ("Gradient check", "B6", "constant")


def test_a_workbook_of_another_version_is_judged_by_its_numbers(classic: Workbook, editor: type[Editor]) -> None:
    book = editor(classic.path).type("Network", "N22", "xlbackprop 99.0").type("Check", "A3", "=42")
    report = book.judge()
    assert report.correct
    (note,) = report.notes
    assert note.startswith(
        "it was built by xlbackprop 99.0, so the formulas around the training tables were not compared"
    )
    address = at(classic, "h1")
    assert ("Derivation", address, "formula") in findings(book.type("Derivation", address, "=42").judge())
