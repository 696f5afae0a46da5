from pathlib import Path

import numpy as np
import pytest
from openpyxl import load_workbook

from tests import one_sample
from tests.conftest import Editor, Workbook, built, cell
from xlbackprop import reference
from xlbackprop.check.file import verify
from xlbackprop.errors import UnusableInput
from xlbackprop.report.findings import CheckedFile
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.tables.own import read_own_workbook
from xlbackprop.workbook.network_sheet import network_layout


def causes(report: CheckedFile) -> list[tuple[str, str, str, str]]:
    return [
        (table.sheet, finding.quantity, finding.kind, finding.cell)
        for table in report.tables
        for finding in table.findings
    ]


def test_a_fresh_workbook_is_correct_to_the_last_digit(default: Workbook) -> None:
    assert default.report.correct
    assert default.report.cells > 53_000
    differences = [difference for table in default.report.tables for difference in table.differences]
    # each learning rate, each of the 39 quantities that are computed
    assert len(differences) == 6 * 39
    assert max(difference.max_abs for difference in differences) < 1e-14
    assert max(difference.max_rel for difference in differences) < 1e-12


@pytest.mark.parametrize(
    ("name", "step", "wrong", "kind"),
    [
        # the slip of the class file: the slope of the first hidden neuron for the second
        ("delta_h2", 0, "={dE_da_h2}*{da_h1_dh1}", "formula"),
        # a swapped weight index: w7 for w6
        ("dE_da_h1", 4, "={delta_o1}*{w6}+{delta_o2}*{w7}", "formula"),
        # a reference shifted by a row
        ("o1", 5, "={w5}*{a_h1 above}+{w6}*{a_h2}", "reference"),
        # another weight's gradient
        ("w3", 7, "={w3 above}-$C$2*{dE_dw4 above}", "update"),
        # a plus for the minus
        ("w8", 2, "={w8 above}+$C$2*{dE_dw8 above}", "update"),
        # a learning rate that slides off its cell
        ("w1", 3, "={w1 above}-D2*{dE_dw1 above}", "reference"),
        # the factor one half missing, squared, doubled
        ("E1", 6, "=({t1}-{a_o1})^2", "formula"),
        ("dE_dw5", 9, "={delta_o1}*{a_h1}*{a_h1}", "formula"),
        ("E_total", 1, "={E1}+{E2}+{E2}", "formula"),
        # the sigmoid of minus h
        ("a_h1", 8, "=1/(1+EXP({h1}))", "formula"),
        # an input that follows another cell
        ("i1", 4, "=t_1", "reference"),
        # a step that is miscounted
        ("step", 4, "={step above}+2", "formula"),
        ("dE_dw2", 10, "=1/0", "error"),
        ("w5", 6, "0.39", "constant"),
    ],
)
def test_one_wrong_formula_is_found_and_named(classic: Workbook, editor, name, step, wrong, kind) -> None:
    training = classic.layout.training
    columns = {key: training.cell(key, step) for key in training.letters}
    columns |= {f"{key} above": training.cell(key, step - 1) for key in training.letters}
    address = training.cell(name, step)
    report = editor(classic.path).type("η=0.5", address, wrong.format(**columns)).judge()
    assert causes(report) == [("η=0.5", name, kind, address)]
    (finding,) = next(table for table in report.tables if table.sheet == "η=0.5").findings
    assert finding.rows == 1
    assert finding.found in (wrong.format(**columns), "0.39")


def test_the_expected_formula_is_ready_to_paste(classic: Workbook, editor: type[Editor]) -> None:
    training = classic.layout.training
    book = editor(classic.path)
    for name, step in (("delta_h2", 3), ("w3", 5), ("w6", 0), ("t2", 4)):
        book.type("η=2", training.cell(name, step), "12345")
    broken = book.judge()
    assert [finding[3] for finding in causes(broken)]
    for table in broken.tables:
        for finding in table.findings:
            book.type(table.sheet, finding.cell, finding.expected)
    assert book.judge().correct


def test_a_wrong_column_is_one_finding_with_all_its_rows(classic: Workbook, editor: type[Editor]) -> None:
    training = classic.layout.training
    book = editor(classic.path)
    for step in range(13):
        book.type(
            "η=2",
            training.cell("delta_h2", step),
            f"={training.cell('dE_da_h2', step)}*{training.cell('da_h1_dh1', step)}",
        )
    report = book.judge()
    assert causes(report) == [("η=2", "delta_h2", "formula", training.cell("delta_h2", 0))]
    (finding,) = next(table for table in report.tables if table.sheet == "η=2").findings
    assert finding.rows == 13
    assert finding.max_abs_error is not None
    assert 0 < finding.max_abs_error < 1e-4


def test_a_pasted_constant_is_found_although_its_value_is_right(classic: Workbook, editor: type[Editor]) -> None:
    address = classic.layout.training.cell("a_o1", 6)
    value = cell(recalculated(classic.path), "η=2", address)
    report = editor(classic.path).type("η=2", address, repr(value)).judge()
    assert causes(report) == [("η=2", "a_o1", "constant", address)]
    assert [table.verdict for table in report.tables if table.sheet == "η=2"] == ["constants"]


def test_an_equal_formula_written_differently_is_right(classic: Workbook, editor: type[Editor]) -> None:
    training = classic.layout.training
    report = (
        editor(classic.path)
        .type("η=2", training.cell("a_h1", 2), f"=1-1/(1+EXP({training.cell('h1', 2)}))")
        .type("η=2", training.cell("E1", 3), f"=POWER({training.cell('t1', 3)}-{training.cell('a_o1', 3)},2)/2")
        .type("η=2", training.cell("h1", 4), "=SUMPRODUCT(G8:H8,E8:F8)")
        .judge()
    )
    assert report.correct


def test_a_table_that_lost_a_column_cannot_be_judged(classic: Workbook, tmp_path: Path) -> None:
    book = load_workbook(classic.path)
    book["η=2"][f"{classic.layout.training.letters['delta_o2']}3"] = "something else"
    book.save(tmp_path / "lost.xlsx")
    with pytest.raises(UnusableInput, match=r"lost.xlsx: the sheet η=2 lacks the column δ_o2: restore"):
        verify(tmp_path / "lost.xlsx")


@pytest.fixture(scope="module", params=one_sample.TEMPLATES)
def any_template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Workbook:
    return built(tmp_path_factory.mktemp("live"), request.param)


@pytest.mark.parametrize("edit", ["eta", "i1", "t1", "w2", "everything"])
def test_every_number_follows_an_edit(any_template: Workbook, editor: type[Editor], edit: str) -> None:
    network, layout = any_template.layout.network, any_template.layout
    book = editor(any_template.path)
    changed = {"i1": -0.3, "t1": 0.25, "w2": 0.85} if edit == "everything" else {edit: 0.35}
    eta = changed.pop("eta", 0.5)
    if edit == "everything":
        eta = 0.9
    book.type("η=0.5", layout.training.eta_cell, repr(eta))
    for name, value in changed.items():
        book.type("Network", network_layout(layout.network).cell(name), repr(value))
    sheets = book.sheets()

    edited = network.with_values(changed)
    assert read_own_workbook(sheets).network.start_values == edited.start_values
    assert book.judge().correct
    # and by itself, step by step
    for n, step in enumerate(reference.train(edited, [eta, 2.0], layout.steps)):
        for name, by_numpy in reference.named(edited, step).items():
            for sheet, value in zip(layout.training_sheets, by_numpy, strict=True):
                found = cell(sheets, sheet, layout.training.cell(name, n))
                assert found == pytest.approx(value, rel=1e-9, abs=1e-13), (sheet, name, n)


def test_a_training_in_which_rounding_grows_is_no_mistake(tmp_path: Path) -> None:
    # with t = (.3, .7) a learning rate of 500 jumps about for hundreds of steps
    book = built(tmp_path, "A", 500.0, steps=300, values={"t1": 0.3, "t2": 0.7})
    assert book.report.correct


def test_a_sigmoid_that_excel_cannot_compute_is_found(classic: Workbook, editor: type[Editor]) -> None:
    # IronCalc goes on with infinity where Excel and LibreOffice show #NUM!
    report = editor(classic.path).type("η=2", "C2", "1e9").judge()
    found = causes(report)
    assert {("η=2", "a_h1", "error"), ("η=2", "a_h2", "error")} == {cause[:3] for cause in found}
    (finding,) = [f for table in report.tables for f in table.findings if f.quantity == "a_h1"]
    assert "use a smaller learning rate" in finding.expected


def test_a_start_value_that_overflows_is_the_cause_of_all_that_follows(classic: Workbook, editor) -> None:
    book = editor(classic.path).type("Network", "B5", "1e308").type("Network", "B13", "1e308")
    report = book.judge()
    assert [cause[:3] for cause in causes(report)] == [("η=0.5", "h1", "error"), ("η=2", "h1", "error")]
    (finding, _) = [finding for table in report.tables for finding in table.findings]
    assert finding.expected.startswith("a number that a cell can hold: use smaller start values")


def test_a_difference_that_is_no_number_is_none(classic: Workbook, editor: type[Editor]) -> None:
    report = editor(classic.path).type("η=2", classic.layout.training.cell("o1", 3), "=1/0").judge()
    (table,) = [table for table in report.tables if table.sheet == "η=2"]
    assert {difference.max_abs for difference in table.differences if difference.quantity == "o1"} == {None}
    assert table.largest_difference is None


def test_differences_are_measured_from_numpys_own_run(classic: Workbook, editor: type[Editor]) -> None:
    training = classic.layout.training
    report = editor(classic.path).type("η=2", training.cell("w5", 3), "0.5").judge()
    (table,) = [table for table in report.tables if table.sheet == "η=2"]
    differences = {difference.quantity: difference for difference in table.differences}
    # the cause is one cell, but the run is another one from there on
    assert differences["w5"].max_abs > 0.1
    assert differences["E_total"].max_abs > 1e-3
    assert np.isfinite(table.largest_difference.max_abs)


@pytest.mark.parametrize(("part", "wrong"), [("1E-9", True), ("2E-12", True), ("5E-13", False)])
def test_what_comes_from_the_network_sheet_is_the_same_up_to_rounding(
    classic: Workbook, editor: type[Editor], part: str, wrong: bool
) -> None:
    address = classic.layout.training.cell("i2", 4)
    report = editor(classic.path).type("η=2", address, f"=i_2*(1+{part})").judge()
    assert causes(report) == [("η=2", "i2", "reference", address)] * wrong
    assert report.correct is not wrong
