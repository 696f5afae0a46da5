from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.conftest import Editor, Workbook, cell, fact_cell, sheets_of, where
from xlbackprop.check.around import sheets_as_built
from xlbackprop.check.file import check, judge_own, verify
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.blocks import FilledDown, Formula, Role
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.tables.own import read_own_workbook


def at(workbook: Workbook, name: str) -> str:
    """The cell of a quantity's value on the derivation."""
    sheets = sheets_of(workbook)
    return where(sheets, sheets.derivation.values[name])


def findings(report) -> list[tuple[str, str, str]]:
    return [(sheet.sheet, finding.cell, finding.kind) for sheet in report.around for finding in sheet.findings]


def cells(workbook: Workbook) -> dict[str, str]:
    """The cells of the derivation's quantities by name, and one of some other blocks."""
    sheets = sheets_of(workbook)
    check = sheets.gradient_check
    compared = {block.name: block for block in sheets.comparison.sheet.blocks}
    places = sheets.derivation.values | {
        "pass": check.passes[0, 0],
        "moved by": check.moved_by[0, 0],
        "slope": check.differences["w1"],
        "verdict of w1": sheets.derivation.verdicts["w1"],
        "w1 of the training": sheets.derivation.gradients.training["w1"],
        "error": sheets.comparison.totals[1, 0],
        "eta of the first": sheets.comparison.etas[0, 0],
        "best": compared["best learning rate"].cell(1),
        "smallest": compared["learning rates with the smallest error"].cell(1),
        "curve": compared["curves"].cell(1),
        "live": sheets.check.live[1, 0],
        "E_total of η=2": sheets.training[1].cell("E_total", 1),
    }
    return {name: where(sheets, place) for name, place in places.items()}


@pytest.mark.parametrize(
    ("sheet", "address", "wrong", "kind"),
    [
        ("Derivation", "h1", "={w1}*{i1}+{w3}*{i2}", "formula"),
        ("Derivation", "dE_dw3", "={delta_h1}*{i1}", "formula"),
        ("Derivation", "new w3", "={w3}+{eta}*{dE_dw3}", "formula"),
        ("Derivation", "w1", "0.15", "constant"),
        ("Derivation", "w1 of the training", "={dE_dw1}", "formula"),
        ("Gradient check", "pass", "=Derivation!{w1}*Derivation!{i1}+Derivation!{w2}*Derivation!{i2}", "formula"),
        ("Comparison", "error", "='η=2'!{E_total of η=2}", "formula"),
        ("Comparison", "eta of the first", "0.1", "constant"),
        ("Comparison", "A2", "=42", "formula"),
        ("Comparison", "best", "=42", "formula"),
        # in hidden columns: which errors are the smallest, and what the charts show
        ("Comparison", "smallest", "=42", "formula"),
        ("Comparison", "curve", "='η=2'!{E_total of η=2}", "formula"),
        ("Comparison", "curve", "0.1", "constant"),
        ("Check", "live", "='η=2'!{E_total of η=2}", "formula"),
        # a text, a verdict, a summary: whatever is a formula there
        ("Derivation", "B5", "=42", "formula"),
        ("Derivation", "verdict of w1", "agrees", "constant"),
        ("Gradient check", "moved by", "", "constant"),
        ("Gradient check", "slope", "=42", "formula"),
        ("Check", "A3", "=42", "formula"),
        ("Check", "A4", "=42", "formula"),
        ("Check", "T9", "agrees", "constant"),
        ("Network", "AD2", "=42", "formula"),
    ],
)
def test_a_wrong_cell_around_the_tables_is_found(classic: Workbook, editor: type[Editor], sheet, address, wrong, kind):
    places = cells(classic)
    address, wrong = places.get(address, address), wrong.format(**places)
    report = editor(classic.path).type(sheet, address, wrong).judge()
    assert (sheet, address, kind) in findings(report)
    assert all(finding.is_around for one in report.around for finding in one.findings)


@pytest.mark.parametrize(
    ("cell", "wrong", "quantity"),
    [
        ("moved down", 2.0, "step of w1"),
        ("pass", 1.001, "h1"),
        ("E_total", 1.001, "E_total"),
        # the slope of one weight with half of it, with the wrong sign, and off by a millionth
        ("w1", 2.0, "dE_dw1"),
        ("w2", -1.0, "dE_dw2"),
        ("w8", 1.000001, "dE_dw8"),
    ],
)
def test_a_number_of_the_gradient_check_that_its_formula_does_not_give_is_found(
    classic: Workbook, cell: str, wrong: float, quantity: str
) -> None:
    built = sheets_of(classic)
    check = built.gradient_check
    places = check.differences | {
        "moved down": check.moved_by[1, 0],
        "pass": check.passes[0, 0],
        "E_total": check.passes[2, check.names.index("E_total")],
    }
    _, row, column = built.book.where(int(places[cell].ids))
    sheets = Tampered(recalculated(classic.path), ("Gradient check", row, column), lambda value: value * wrong)
    report = judge_own(sheets, classic.path, "ironcalc")
    found = [(table.sheet, finding.quantity, finding.cell) for table in report.sheets for finding in table.findings]
    assert ("Gradient check", quantity, where(built, places[cell])) in found


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


def test_what_a_student_adds_is_no_business_of_the_check(classic: Workbook, editor: type[Editor]) -> None:
    book = editor(classic.path).type("Network", "B60", "=1/0").type("η=2", "BA5", "=nothing")
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
    assert [sheet for sheet, _, _ in found] == ["Gradient check"] * 12
    assert found[0] == ("Gradient check", "B6", "constant")


def test_of_a_workbook_of_another_version_only_the_tables_are_judged(classic: Workbook, tmp_path: Path) -> None:
    book = load_workbook(classic.path)
    # as another version might have it: other sheets, other places, and tables that begin further below
    book["Network"][fact_cell(classic.path, "made by")].value = "xlbackprop 99.0"
    del book["Check"]
    for sheet in ("Derivation", "Gradient check", "Comparison"):
        book[sheet].insert_rows(1, 3)
        book[sheet].insert_cols(1)
    book.save(tmp_path / "other.xlsx")
    report = verify(tmp_path / "other.xlsx")
    assert report.correct
    assert [sheet.sheet for sheet in report.sheets] == ["η=0.5", "η=2"]
    note = "it was made by xlbackprop 99.0, and what stands around its training tables is judged only by that version"
    assert report.notes == check(tmp_path / "other.xlsx").notes == (note,)

    address = classic.layout.training.cell("h1", 3)
    book["η=2"][address] = "=42"
    book.save(tmp_path / "wrong.xlsx")
    for judged in (verify(tmp_path / "wrong.xlsx"), check(tmp_path / "wrong.xlsx")):
        assert [finding.cell for sheet in judged.sheets for finding in sheet.findings] == [address]


class Tampered:
    """A recalculated workbook in which one cell shows another value than its formula gives."""

    def __init__(
        self, sheets, place: tuple[str, int, int], wrong: Callable[[float], float] = lambda value: value * 1.01 + 0.01
    ) -> None:
        self._sheets, self._place = sheets, place
        value = sheets.value(*place)
        self._value = wrong(value) if isinstance(value, float) else "something else"

    def __getattr__(self, name: str):
        return getattr(self._sheets, name)

    def value(self, sheet: str, row: int, column: int):
        if (sheet, row, column) != self._place:
            return self._sheets.value(sheet, row, column)
        return self._value

    def values(self, sheet: str):
        values = dict(self._sheets.values(sheet))
        if sheet == self._place[0]:
            values[self._place[1:]] = self.value(*self._place)
        return values


def test_every_cell_of_every_sheet_is_judged_by_somebody(classic: Workbook) -> None:
    sheets = recalculated(classic.path)
    built = sheets_as_built(read_own_workbook(sheets))
    free = {Role.INPUT, Role.TEXT, Role.CONSTANT}
    judged = 0
    for sheet in built.book.sheets:
        for block in sheet.blocks:
            if block.role in free:
                assert not any(isinstance(content, Formula) for _, _, content in block.cells()), block.name
                continue
            size = block.shape[0] * block.shape[1]
            last = size - 1 if isinstance(block.contents, FilledDown) else 0
            for n in {0, size // 2, last}:
                row, column = block.position(block.first_id + n)
                place = (sheet.name, block.row + row, block.column + column)
                if sheets.value(*place) is None:
                    continue
                judged += 1
                report = judge_own(Tampered(sheets, place), classic.path, "ironcalc", built)
                found = [finding for one in report.sheets if one.sheet == sheet.name for finding in one.findings]
                assert found, f"{sheet.name}, {block.name}: {place} is judged by nobody"
    assert judged > 60


def test_what_nobody_judges_is_what_a_reader_may_change_or_words_or_from_the_time_of_building(
    classic: Workbook,
) -> None:
    built = sheets_as_built(read_own_workbook(recalculated(classic.path)))
    constants = {block.name for block in built.book.blocks if block.role is Role.CONSTANT}
    assert constants == {
        "points of the drawing",
        "step 0",
        "round steps",
        "floor",
        "steps of the curves",
        "inputs when built",
        "E_total by NumPy",
        "allowed difference",
    }
