from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.conftest import Editor, Workbook, cell
from xlbackprop.check.file import verify
from xlbackprop.errors import UnusableInput
from xlbackprop.workbook.derivation import DerivationLayout


def at(workbook: Workbook, name: str) -> str:
    """The cell of a quantity's value on the derivation."""
    return DerivationLayout(workbook.layout.network).cell(name).replace("$", "")


def findings(report) -> list[tuple[str, str, str]]:
    return [(sheet.sheet, finding.cell, finding.kind) for sheet in report.around for finding in sheet.findings]


@pytest.mark.parametrize(
    ("sheet", "address", "wrong", "kind"),
    [
        ("Derivation", "h1", "={w1}*{i1}+{w3}*{i2}", "formula"),
        ("Derivation", "dE_dw3", "={delta_h1}*{i1}", "formula"),
        ("Derivation", "new w3", "={w3}+{eta}*{dE_dw3}", "formula"),
        ("Derivation", "w1", "0.15", "constant"),
        ("Gradient check", "C6", "=Derivation!{w1}*Derivation!{i1}+Derivation!{w2}*Derivation!{i2}", "formula"),
        ("Comparison", "B24", "='η=2'!W14", "formula"),
        ("Comparison", "C26", "0.1", "constant"),
        ("Check", "I8", "='η=2'!W14", "formula"),
        # a text, a verdict, a summary: whatever is a formula there
        ("Derivation", "B5", "=42", "formula"),
        ("Derivation", "D28", "the same", "constant"),
        ("Gradient check", "B6", "", "constant"),
        ("Comparison", "D25", "=42", "formula"),
        ("Check", "A3", "=42", "formula"),
        ("Check", "L9", "agrees", "constant"),
        ("Network", "AC1", "=42", "formula"),
    ],
)
def test_a_wrong_cell_around_the_tables_is_found(classic: Workbook, editor: type[Editor], sheet, address, wrong, kind):
    cells = {name: at(classic, name) for name in DerivationLayout(classic.layout.network).rows}
    address = cells.get(address, address)
    wrong = wrong.format(**cells)
    found = findings(editor(classic.path).type(sheet, address, wrong).judge())
    assert (sheet, address, kind) in found


@pytest.mark.parametrize(("step", "rate"), [("0", "2"), ("7", "0.5"), ("12", "2"), ("3", "77")])
def test_the_derivation_shows_whatever_step_is_chosen(classic: Workbook, editor: type[Editor], step, rate) -> None:
    book = editor(classic.path).type("Derivation", "B3", step).type("Derivation", "B4", rate)
    assert findings(book.judge()) == []
    # a learning rate that no sheet has shows the first sheet
    sheet = f"η={rate}" if rate != "77" else "η=0.5"
    sheets = book.sheets()
    row = classic.layout.training.row(int(step))
    assert cell(sheets, "Derivation", at(classic, "w5")) == cell(
        sheets, sheet, classic.layout.training.letters["w5"] + str(row)
    )


@pytest.mark.parametrize(
    ("sheet", "address"),
    [("Derivation", "A11"), ("Gradient check", "B5"), ("Gradient check", "A8"), ("Check", "G6"), ("Comparison", "A22")],
)
def test_a_label_is_no_part_of_the_numbers(classic: Workbook, editor: type[Editor], sheet, address) -> None:
    assert editor(classic.path).type(sheet, address, "another word").judge().correct


@pytest.mark.parametrize("step", ["500", "-1", "1.5", "abc"])
def test_a_step_that_does_not_exist_cannot_be_judged(classic: Workbook, editor: type[Editor], step: str) -> None:
    with pytest.raises(UnusableInput, match=f"Derivation is asked for step {step}: choose one from 0 to 12"):
        editor(classic.path).type("Derivation", "B3", step).judge()


def test_a_sheet_that_was_deleted_is_missed(classic: Workbook, tmp_path: Path) -> None:
    book = load_workbook(classic.path)
    del book["Check"]
    book.save(tmp_path / "deleted.xlsx")
    with pytest.raises(UnusableInput, match="its sheet Check is missing"):
        verify(tmp_path / "deleted.xlsx")
