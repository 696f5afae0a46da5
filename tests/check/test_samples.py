"""Workbooks with samples: which formula is wrong, on the sheet of the steps and on that of their samples."""

from dataclasses import replace
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests import xor
from tests.conftest import Editor, Workbook, cell, written
from tests.strategies import SEVERAL_KINDS
from xlbackprop.check.file import check, verify
from xlbackprop.errors import UnusableInput
from xlbackprop.report.findings import CheckedFile, Verdict
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.workbook.table_layout import TableLayout


def findings(report: CheckedFile) -> list[tuple[str, str, str, str]]:
    return [
        (table.sheet, finding.quantity, finding.kind, finding.cell)
        for table in report.sheets
        for finding in table.findings
    ]


def tables(workbook: Workbook) -> dict[str, TableLayout]:
    """The tables of η=2 by their sheets."""
    found: dict[str, TableLayout] = {"η=2": workbook.layout.training}
    return found | ({"η=2 samples": workbook.layout.samples} if workbook.layout.network.in_batches else {})


def computed(workbook: Workbook, row: int) -> list[tuple[str, str, str]]:
    """Sheet, quantity and address of every cell with a formula in a row of the tables of η=2."""
    return [
        (sheet, name, table.cell(name, row))
        for sheet, table in tables(workbook).items()
        for name in table.letters
        if not (name == "step" and row == 0 and sheet == "η=2")
    ]


def test_a_fresh_workbook_is_correct_to_the_last_digit(with_samples: Workbook) -> None:
    assert with_samples.report.correct
    differences = [one for table in with_samples.report.tables for one in table.differences]
    assert {one.quantity for one in differences} >= {"E_total", "accuracy", "dE_dw1", "dE_db3", "a_o1"}
    assert max(one.max_abs for one in differences) < 1e-14


@pytest.mark.parametrize("name", SEVERAL_KINDS)
def test_every_kind_of_network_is_found_right(tmp_path: Path, name: str) -> None:
    assert written(tmp_path, SEVERAL_KINDS[name], steps=7).report.correct
    assert check(tmp_path / "written.xlsx").correct


@pytest.mark.parametrize("row", [0, 1, 7])
def test_a_typed_number_is_found_in_every_column_and_is_called_wrong_where_it_is(
    with_samples: Workbook, editor: type[Editor], row: int
) -> None:
    values = recalculated(with_samples.path)
    for part, verdict in ((0.0, Verdict.CONSTANTS), (1e-3, Verdict.WRONG)):
        book, typed = editor(with_samples.path), computed(with_samples, row)
        if verdict is Verdict.WRONG:
            # which inputs belong to a sample that there is not cannot be said
            typed = [one for one in typed if one[1] != "sample"]
        for n, (sheet, _, address) in enumerate(typed, start=1):
            # each by another part of it: a gradient that is a δ must not follow it
            book.type(sheet, address, repr(cell(values, sheet, address) * (1 + n * part) + n * part))
        report = book.judge()
        assert {found[0::3] for found in findings(report)} == {(sheet, address) for sheet, _, address in typed}
        assert {found[2] for found in findings(report)} == {"constant"}
        right = {finding.is_right_constant for one in report.sheets for finding in one.findings}
        assert right == {part == 0}
        verdicts = {table.sheet: table.verdict for table in report.sheets}
        assert {verdicts[sheet] for sheet in tables(with_samples)} == {verdict}
        assert verdicts["η=0.5"] is Verdict.CORRECT


@pytest.mark.parametrize("text", ["0.123", "hello", "=1/0"])
@pytest.mark.parametrize("name", ["sample", "i1", "w2", "right", "dE_dw3"])
def test_one_changed_cell_of_a_sample_is_the_only_cause(
    in_batch: Workbook, editor: type[Editor], name: str, text: str
) -> None:
    address = in_batch.layout.samples.cell(name, 9)
    report = editor(in_batch.path).type("η=2 samples", address, text).judge()
    assert [found[0::3] for found in findings(report)] == [("η=2 samples", address)]


@pytest.mark.parametrize("text", ["0.123", "hello", "=1/0"])
@pytest.mark.parametrize("name", ["w1", "accuracy", "a_o1_of_2"])
@pytest.mark.parametrize("step", [0, 4])
def test_one_changed_cell_of_a_step_is_the_only_cause(
    in_batch: Workbook, editor: type[Editor], name: str, text: str, step: int
) -> None:
    address = in_batch.layout.training.cell(name, step)
    report = editor(in_batch.path).type("η=2", address, text).judge()
    assert [found[0::3] for found in findings(report)] == [("η=2", address)]


#: A slip by its sheet and quantity, the formula that is planted and what is said of it. In the formula, `{w1}` is the
#: cell of its own row, `{w1 above}` of the row above, `{w1 all}` of the rows of the step's samples.
SLIPS = [
    ("η=2", "dE_dw1", "=AVERAGE({dE_dw1 all})", "averages where the step adds up"),
    ("η=2", "E_total", "=AVERAGE({E_total all})", "averages where the step adds up"),
    ("η=2", "dE_dw1", "=SUM({dE_dw2 all})", "takes ∂E/∂w2 instead of ∂E/∂w1"),
    ("η=2", "dE_dw1", "=SUM({dE_dw1 first three})", "leaves out 1 of 4 samples"),
    ("η=2", "dE_dw1", "=SUM({dE_dw1 of the last})", "takes its numbers from another step"),
    ("η=2", "a_o1_of_2", "={a_o1 of the first}", "takes its numbers from another step"),
    ("η=2", "w1", "={w1 above}+$C$2*{dE_dw1 above}", "uses w1+η*∂E/∂w1; it should be w1-η*∂E/∂w1"),
    ("η=2", "w1", "={w1 above}-$C$2*{dE_dw2 above}", "uses ∂E/∂w2; it should be ∂E/∂w1"),
    ("η=2 samples", "dE_da_o1", "={t1}-{a_o1}", "has the wrong sign"),
    ("η=2 samples", "E1", "=({t1}-{a_o1})^2", "lacks the factor 0.5"),
    ("η=2 samples", "dE_dw2", "={delta_h1}*{i1}", "is the formula of ∂E/∂w1"),
    ("η=2 samples", "delta_h2", "={dE_da_h2}*{da_h1_dh1}", "uses ∂a_h1/∂h1; it should be ∂a_h2/∂h2"),
    ("η=2 samples", "w1", "='η=2'!C4", "takes its numbers from another step"),
    ("η=2 samples", "w1", "='η=2'!D8", "takes w2 instead of w1"),
]


@pytest.mark.parametrize(("sheet", "name", "formula", "said"), SLIPS)
def test_a_slip_in_a_step_or_a_sample_is_named(
    in_batch: Workbook, editor: type[Editor], sheet: str, name: str, formula: str, said: str
) -> None:
    step, samples = 4, in_batch.layout.samples
    rows = {"η=2": step, "η=2 samples": step * 4 + 1}
    table = tables(in_batch)[sheet]
    cells = {other: table.cell(other, rows[sheet]) for other in table.letters}
    cells |= {f"{other} above": table.cell(other, rows[sheet] - 1) for other in table.letters}
    for other, letters in samples.letters.items():
        first = samples.row(step * 4)
        for word, (start, end) in {
            "all": (0, 3),
            "first three": (0, 2),
            "of the last": (-4, -1),
            "of the first": (0, 0),
        }.items():
            ends = f"{letters}{first + start}" + f":{letters}{first + end}" * (end > start)
            cells[f"{other} {word}"] = f"'η=2 samples'!{ends}"
    planted = formula.format(**cells)
    address = table.cell(name, rows[sheet])
    book, expected = editor(in_batch.path), load_workbook(in_batch.path)[sheet][address].value
    report = book.type(sheet, address, planted).judge()
    assert [found[:2] + found[3:] for found in findings(report)] == [(sheet, name, address)]
    (finding,) = next(one for one in report.sheets if one.sheet == sheet).findings
    assert (finding.slip, finding.found, finding.expected) == (said, planted, expected)
    # and what is expected can be pasted
    assert book.type(sheet, address, finding.expected).judge().correct


@pytest.mark.parametrize(
    ("name", "formula", "said"),
    [
        ("sample", "=MOD($A8,4)+1", "takes its numbers from other cells"),
        ("i1", "=INDEX(Data!$C$6:$C$9,$C8)", "takes its numbers from other cells"),
        ("E_epoch", "=AVERAGE(W6:W8)", "leaves out 1 of 4 samples"),
        ("accuracy", "=SUM(X5:X8)", "adds up where the step takes the mean"),
        ("E_epoch", "=AVERAGE(V5:V8)", "takes E1 instead of E_total"),
    ],
)
def test_a_slip_is_named_where_samples_come_in_turn(
    in_turn: Workbook, editor: type[Editor], name: str, formula: str, said: str
) -> None:
    address = in_turn.layout.training.cell(name, 4)
    report = editor(in_turn.path).type("η=2", address, formula).judge()
    wrong = [(found.quantity, found.slip) for one in report.sheets for found in one.findings]
    # E_total and E1 are the same where there is one output, so only the sentence of a wrong number can be told
    assert wrong == ([] if "V5" in formula else [(name, said)])


def test_a_slip_in_a_whole_column_is_one_finding_with_all_its_rows(in_batch: Workbook, editor: type[Editor]) -> None:
    training, samples = in_batch.layout.training, in_batch.layout.samples
    book, letters = editor(in_batch.path), samples.letters["dE_dw1"]
    for step in range(13):
        first = samples.row(step * 4)
        book.type("η=2", training.cell("dE_dw1", step), f"=SUM('η=2 samples'!{letters}{first}:{letters}{first + 2})")
    (finding,) = [found for one in book.judge().sheets for found in one.findings]
    assert (finding.rows, finding.slip) == (13, "leaves out 1 of 4 samples")


def test_an_equal_formula_written_differently_is_right(in_batch: Workbook, editor: type[Editor]) -> None:
    samples = in_batch.layout.samples
    book = editor(in_batch.path)
    for row in range(52):
        delta, i2 = samples.cell("delta_h2", row), samples.cell("i2", row)
        book.type("η=2 samples", samples.cell("dE_dw4", row), f"={i2}*{delta}")
    assert book.judge().correct


def test_check_and_verify_say_the_same(with_samples: Workbook, tmp_path: Path) -> None:
    book = load_workbook(with_samples.path)
    for sheet, name in (("η=2", "w1"), (list(tables(with_samples))[-1], "delta_o1")):
        address = tables(with_samples)[sheet].cell(name, 5)
        book[sheet][address] = f"{book[sheet][address].value}*1.001"
    book.save(tmp_path / "wrong.xlsx")
    checked, verified = check(tmp_path / "wrong.xlsx"), verify(tmp_path / "wrong.xlsx")
    assert findings(checked) == findings(verified)
    assert len(findings(checked)) == 2


def test_sheets_may_have_other_names(in_mini_batches: Workbook, tmp_path: Path) -> None:
    book = Editor(in_mini_batches.path).rename("η=2", "fast").rename("η=2 samples", "each one")
    report = check(book.save(tmp_path / "renamed.xlsx"))
    assert report.correct
    assert {table.sheet: table.samples_of for table in report.tables} == {
        "η=0.5": None,
        "fast": None,
        "η=0.5 samples": "η=0.5",
        "each one": "fast",
    }


def test_a_step_or_a_sample_that_was_deleted_is_asked_back(in_batch: Workbook, tmp_path: Path) -> None:
    book = load_workbook(in_batch.path)
    book["η=2 samples"].delete_rows(55)
    book.save(tmp_path / "short.xlsx")
    with pytest.raises(UnusableInput, match="the sheet η=2 samples has 51 rows, but 4 samples for each of 13 steps"):
        verify(tmp_path / "short.xlsx")


def test_a_sample_that_was_deleted_is_asked_back(in_batch: Workbook, tmp_path: Path) -> None:
    book = load_workbook(in_batch.path)
    book["Data"].delete_rows(9)
    book.save(tmp_path / "short.xlsx")
    with pytest.raises(UnusableInput, match="B9 on the sheet Data is not a number: type one there"):
        verify(tmp_path / "short.xlsx")


def test_an_order_that_shows_a_sample_twice_is_allowed(in_turn: Workbook, editor: type[Editor]) -> None:
    assert editor(in_turn.path).type("Data", "F7", "3").judge().correct
    assert replace(xor.IN_TURN, order=(3, 3, 4, 2)).shown(1) == [2]


def test_a_text_among_the_samples_is_one_sentence_and_calls_no_formula_wrong(
    with_samples: Workbook, tmp_path: Path
) -> None:
    book, path = load_workbook(with_samples.path), tmp_path / "text.xlsx"
    book["Data"]["D7"] = "one"
    book.save(path)
    said = f"{path}: D7 on the sheet Data is not a number: type one there."
    report = check(path)
    assert (report.error, report.sheets) == (said, ())
    with pytest.raises(UnusableInput) as refused:
        verify(path)
    assert str(refused.value) == said
