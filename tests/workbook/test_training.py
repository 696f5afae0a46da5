"""The training sheets: the table, what stands above it, its chart, and how it prints."""

import re
from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.workbook import Workbook as Book

from tests import xor
from tests.conftest import Editor, Workbook, built, cell, written
from tests.workbook.test_workbook import part
from xlbackprop.backprop.templates import template_names
from xlbackprop.spreadsheet.engines import recalculated


@pytest.fixture(scope="module")
def book(classic: Workbook) -> Book:
    return load_workbook(classic.path)


def test_a_training_sheet_is_the_classic_table(book: Book) -> None:
    sheet = book["η=2"]
    headers = [one.value for one in sheet[3]]
    assert headers[:11] == ["step", "error over the steps", "t1", "t2", "i1", "i2", "w1", "w2", "w3", "w4", "h1"]
    assert headers[-2:] == ["∂E/∂w7", "∂E/∂w8"]
    start = [one.value for one in sheet[4]]
    assert start[:7] == [0, None, "=t_1", "=t_2", "=i_1", "=i_2", "=w_1"]
    assert start[10] == "=G4*E4+H4*F4"
    assert sheet["A5"].value == "=A4+1"
    assert sheet["B5"].value is None
    assert sheet["G5"].value == "=G4-$C$2*AL4"
    assert sheet["L5"].value == "=1/(1+EXP(-K5))"
    assert sheet["W5"].value == "=0.5*(C5-T5)^2"
    assert sheet["AN5"].value == "=AK5*E5"
    assert sheet.max_row == 16


@pytest.mark.parametrize("template", template_names())
def test_exactly_one_cell_is_the_header_of_e_total(tmp_path: Path, template: str) -> None:
    sheet = load_workbook(built(tmp_path, template, 0.5, steps=2).path)["η=0.5"]
    named = [one.coordinate for row in sheet.iter_rows() for one in row if one.value == "E_total"]
    assert len(named) == 1
    assert named[0].endswith("3")


def test_three_rows_and_the_step_stay_in_view(book: Book) -> None:
    assert book["η=2"].freeze_panes == "B4"


def test_above_the_table_stands_what_it_trains_with_and_what_came_of_it(classic: Workbook) -> None:
    sheets = recalculated(classic.path)
    totals = [cell(sheets, "η=2", classic.layout.training.cell("E_total", step)) for step in range(13)]
    assert [sheets.value("η=2", 1, column) for column in range(1, 8)] == [
        "← all sheets",
        "Training with learning rate η = 2",
        "learning rate η",
        "error at\nstep 0",
        "error at\nstep 12",
        "fell by",
        "smallest\nerror",
    ]
    assert [sheets.value("η=2", 2, column) for column in range(3, 8)] == [
        2,
        totals[0],
        totals[12],
        pytest.approx(1 - totals[12] / totals[0]),
        min(totals),
    ]


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("0.2", "0.05", ("fell by", 0.75)),
        ("0.2", "0.2001", ("rose by", "less than 0.1%")),
        ("0.2", "0.3", ("rose by", 0.5)),
        ("0.2", "2.2", ("rose by", 10.0)),
        ("0.2", "2.3", ("rose by", "more than 1000%")),
        # neither 0.0% nor 100.0% where something is left
        ("0.2", "0.19979", ("fell by", 0.00105)),
        ("0.2", "0.19981", ("fell by", "less than 0.1%")),
        ("0.2", "0.00021", ("fell by", 0.99895)),
        ("0.2", "0.00019", ("fell by", "more than 99.9%")),
        ("0.2", "1e-200", ("fell by", "more than 99.9%")),
        ("0.2", "0", ("fell by", "100%")),
        ("0.2", "0.2", ("fell by", 0.0)),
        ("0", "0", ("fell by", 0.0)),
        ("0", "0.2", ("fell by", "cannot be said")),
        ("0.2", "=1/0", ("fell by", "cannot be said")),
        ("=1/0", "0.2", ("fell by", "cannot be said")),
    ],
)
def test_how_far_the_error_fell_is_never_said_wrongly(
    classic: Workbook, editor: type[Editor], first: str, last: str, said: tuple[str, float | str]
) -> None:
    training = classic.layout.training
    book = editor(classic.path)
    sheets = (
        book.type("η=2", training.cell("E_total", 0), first).type("η=2", training.cell("E_total", 12), last).sheets()
    )
    direction, change = said
    assert cell(sheets, "η=2", "F1") == direction
    assert cell(sheets, "η=2", "F2") == (pytest.approx(change) if isinstance(change, float) else change)


def folding(sheet) -> dict[str, tuple[bool, int]]:
    """Whether each group of columns is folded, and how many columns it has."""
    columns = {letters: one for letters, one in sheet.column_dimensions.items() if one.outline_level}
    return {letters: (one.hidden, one.max - one.min + 1) for letters, one in columns.items()}


def test_the_chart_and_the_chain_rule_fold_but_not_in_a_protected_sheet(book: Book, tmp_path: Path) -> None:
    assert folding(book["η=2"]) == {"B": (False, 1), "Z": (True, 12)}
    # there nothing could be unfolded
    protected = load_workbook(built(tmp_path, protect=True).path)
    assert folding(protected["η=2"]) == {"Z": (False, 12)}


def test_every_header_of_a_quantity_has_a_note(book: Book) -> None:
    notes = {one.value: one.comment.text for one in book["η=2"][3] if one.value != "error over the steps"}
    assert notes["∂E/∂w3"] == (
        "How E_total changes with w3: the δ of the neuron it leads to, times the value that comes in.\n\n"
        "∂E/∂w3 = δ_h2·i1\n\ngroup: gradients"
    )
    assert notes["w3"] == "w3: weight from i1 to h2.\n\nnext row: w3 − η·∂E/∂w3\n\ngroup: weights (hidden)"
    assert notes["step"] == "How many updates have been made before this row."
    assert all(notes.values())


@pytest.mark.parametrize("number", [2, 3])
def test_the_chart_of_a_training_sheet_is_complete(classic: Workbook, number: int) -> None:
    (chart,) = part(classic, rf"xl/charts/chart{number}\.xml")
    sheet = {2: "η=0.5", 3: "η=2"}[number]
    assert f"'{sheet}'!$A$4:$A$16" in chart
    assert f"'{sheet}'!$Y$4:$Y$16" in chart
    # a title from a cell would stay as it was when the cell changes
    assert re.findall(r"<a:t>(.*?)</a:t>", chart) == ["E_total over the steps", "step", "E_total"]
    # the values that previewers show
    assert chart.count("<c:pt idx") >= 2 * 13
    drawings = "".join(part(classic, r"xl/drawings/drawing\d+\.xml"))
    assert f"with learning rate {sheet[2:]}; at the start it is 0.24252, at the end" in drawings


def test_the_chart_covers_no_cell_of_the_table(classic: Workbook) -> None:
    drawing = part(classic, r"xl/drawings/drawing2\.xml")[0]
    ends = [
        (int(column), int(row)) for column, row in re.findall(r"<xdr:col>(\d+)</xdr:col>.*?<xdr:row>(\d+)", drawing)
    ]
    assert [column for column, _ in ends] == [1, 1]
    assert ends[0][1] == 3


def test_the_table_prints_in_groups_of_columns_large_enough_to_read(book: Book) -> None:
    sheet = book["η=2"]
    assert sheet.print_title_rows == "$1:$3"
    assert sheet.print_title_cols == "$A:$A"
    assert not sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.page_setup.scale * 11 / 100 > 8.5
    # pages end behind the inputs, the hidden layer, and the error with the chain rule, which is folded away
    assert pages_end(sheet) == ["i2", "a_h2", "δ_h2"]


def test_an_open_chain_rule_prints_on_a_page_of_its_own(tmp_path: Path) -> None:
    sheet = load_workbook(built(tmp_path, protect=True).path)["η=2"]
    assert pages_end(sheet) == ["i2", "a_h2", "E_total", "∂a_h2/∂h2"]


def pages_end(sheet) -> list[str]:
    """The header of the last column of each printed page but the last."""
    return [sheet.cell(3, one.id).value for one in sheet.col_breaks.brk]


# --- several samples --------------------------------------------------------------------------------


def test_a_step_over_a_batch_gathers_from_its_samples(in_batch: Workbook) -> None:
    sheet, training = load_workbook(in_batch.path)["η=2"], in_batch.layout.training
    letters = in_batch.layout.samples.letters
    assert (
        sheet[training.cell("E_total", 0)].value == f"=SUM('η=2 samples'!{letters['E_total']}4:{letters['E_total']}7)"
    )
    accuracy = f"=AVERAGE('η=2 samples'!{letters['right']}8:{letters['right']}11)"
    assert sheet[training.cell("accuracy", 1)].value == accuracy
    # the third of the samples of step 2
    assert sheet[training.cell("a_o1_of_3", 2)].value == f"='η=2 samples'!{letters['a_o1']}14"
    weight, gradient = training.cell("w1", 1), training.cell("dE_dw1", 1)
    assert sheet[training.cell("w1", 2)].value == f"={weight}-$C$2*{gradient}"
    assert sheet[training.cell("w1", 0)].value == "=w_1"


def test_in_turn_a_step_takes_the_sample_whose_turn_it_is(in_turn: Workbook) -> None:
    sheet, training = load_workbook(in_turn.path)["η=2"], in_turn.layout.training
    sheets = recalculated(in_turn.path)
    assert sheet["C9"].value == "=INDEX(Data!$F$6:$F$9,MOD($A9,4)+1)"
    taken = [cell(sheets, "η=2", training.cell("sample", step)) for step in range(9)]
    assert taken == [3, 1, 4, 2, 3, 1, 4, 2, 3]
    assert [sheet[f"{letter}9"].value for letter in "DEF"] == [
        "=INDEX(Data!$D$6:$D$9,$C9)",
        "=INDEX(Data!$B$6:$B$9,$C9)",
        "=INDEX(Data!$C$6:$C$9,$C9)",
    ]


def test_in_turn_errors_and_right_answers_are_means_over_the_last_epoch(in_turn: Workbook) -> None:
    sheet, letters = load_workbook(in_turn.path)["η=2"], in_turn.layout.training.letters
    total, epoch = letters["E_total"], letters["E_epoch"]
    # of all there are, until an epoch is complete
    assert [sheet[f"{epoch}{row}"].value for row in (4, 6, 7, 8, 16)] == [
        f"=AVERAGE({total}$4:{total}4)",
        f"=AVERAGE({total}$4:{total}6)",
        f"=AVERAGE({total}4:{total}7)",
        f"=AVERAGE({total}5:{total}8)",
        f"=AVERAGE({total}13:{total}16)",
    ]


def test_above_steps_in_turn_stand_the_errors_of_the_first_and_the_last_epoch(in_turn: Workbook) -> None:
    sheets, training = recalculated(in_turn.path), in_turn.layout.training
    assert [sheets.value("η=2", 1, column) for column in (4, 5)] == [
        "error of the\nfirst epoch",
        "error of the\nlast epoch",
    ]
    assert [sheets.value("η=2", 2, column) for column in (4, 5)] == [
        cell(sheets, "η=2", training.cell("E_epoch", step)) for step in (3, 12)
    ]


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
def test_fewer_steps_than_an_epoch_are_a_training_too(tmp_path: Path, steps: int) -> None:
    made = written(tmp_path, xor.XOR.with_samples(xor.IN_TURN), 0.5, steps=steps)
    assert made.report.correct
    sheets, training = recalculated(made.path), made.layout.training
    last = cell(sheets, "η=0.5", training.cell("E_epoch", steps))
    errors = [cell(sheets, "η=0.5", training.cell("E_total", step)) for step in range(steps + 1)]
    assert last == pytest.approx(sum(errors[-4:]) / len(errors[-4:]), rel=1e-14)


def test_charts_show_the_error_the_right_answers_and_the_outputs_over_the_steps(in_batch: Workbook) -> None:
    parts = part(in_batch, r"xl/charts/chart\d+\.xml")
    titles = {re.findall(r"<a:t>(.*?)</a:t>", chart)[0]: chart for chart in parts if "'η=2'!$A$4:$A$16" in chart}
    assert set(titles) == {"E_total over the steps", "Right answers over the steps", "What it answers to each sample"}
    for name, columns in (
        ("Right answers over the steps", ["accuracy"]),
        ("What it answers to each sample", [f"a_o1_of_{n}" for n in range(1, 5)]),
    ):
        for column in columns:
            letters = in_batch.layout.training.letters[column]
            assert f"'η=2'!${letters}$4:${letters}$16" in titles[name]
        # each series has its steps and its values, all of them
        assert titles[name].count("<c:pt idx") >= 2 * 13 * len(columns)


def test_with_a_step_in_turn_charts_are_drawn_without_a_gap_over_the_special_first_rows(in_turn: Workbook) -> None:
    parts = part(in_turn, r"xl/charts/chart\d+\.xml")
    letters = in_turn.layout.training.letters["E_epoch"]
    (chart,) = [one for one in parts if f"'η=2'!${letters}$4:${letters}$16" in one and "over the steps</a:t>" in one]
    assert chart.count("<c:pt idx") >= 2 * 13


def test_a_legend_takes_nothing_from_the_height_of_its_chart(in_batch: Workbook) -> None:
    drawings = "".join(part(in_batch, r"xl/drawings/drawing\d+\.xml"))
    rows = [
        (int(first), int(last))
        for first, last in re.findall(
            r"<xdr:from><xdr:col>1</xdr:col>.*?<xdr:row>(\d+)</xdr:row>.*?<xdr:to>.*?<xdr:row>(\d+)</xdr:row>", drawings
        )
    ]
    error, right, outputs = rows[:3]
    assert error[1] - error[0] == right[1] - right[0] < outputs[1] - outputs[0]
    # none covers the one below it
    assert error[1] <= right[0]
    assert right[1] <= outputs[0]
