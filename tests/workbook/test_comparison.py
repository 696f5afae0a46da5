"""Which learning rate the comparison calls the best, what it says about it, and what its charts show."""

import re
import zipfile
from pathlib import Path

import pytest

from tests.conftest import Editor, Workbook, built, cell
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.spreadsheet.libreoffice import recalculated as by_libreoffice
from xlbackprop.workbook.charts import colour, colour_among
from xlbackprop.workbook.comparison import FLOOR, drawn_steps
from xlbackprop.workbook.looks import CURVES, RAMP
from xlbackprop.workbook.network_sheet import Origin, network_layout
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.sheets import our_sheets


@pytest.fixture(scope="module")
def three_rates(tmp_path_factory: pytest.TempPathFactory) -> Workbook:
    return built(tmp_path_factory.mktemp("three"), "A", 0.5, 1.0, 2.0, steps=2)


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Workbook:
    return built(tmp_path_factory.mktemp("single"), "A", 0.5, steps=2)


def charts(workbook: Workbook) -> list[str]:
    """The parts of the two charts of the comparison."""
    with zipfile.ZipFile(workbook.path) as package:
        parts = [package.read(name).decode() for name in package.namelist() if "charts/chart" in name]
    return [part for part in parts if "axis</a:t>" in part]


# --- the best learning rate ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("errors", "best"),
    [
        # up to a billionth more is the same error, and of equals the largest learning rate is the best
        (("0.1", "0.10000000009", "0.2"), 1.0),
        (("0.1", "0.10000000011", "0.2"), 0.5),
        (("0.1", "0.104", "0.2"), 0.5),
        (("0.10000000009", "0.2", "0.1"), 2.0),
        (("0.1", "0.10000000009", "0.10000000009"), "all equal"),
        (("0.1", "0.10000000009", "0.10000000011"), 1.0),
        # what has vanished is the same, whatever is left of it
        (("0", "9e-13", "1"), 1.0),
        (("0", "1.1e-12", "1"), 0.5),
        # an error value is never the smallest
        (("=1/0", "0.2", "0.1"), 2.0),
        (("0.1", "=LN(-1)", "=1/0"), 0.5),
        (("=1/0", "=1/0", "=1/0"), "none"),
        (("=1/0", "a word", "=1/0"), "none"),
    ],
)
def test_the_best_learning_rate_is_the_largest_of_those_with_the_smallest_error(
    three_rates: Workbook, editor: type[Editor], errors: tuple[str, ...], best: float | str
) -> None:
    book = editor(three_rates.path)
    for eta, error in zip((0.5, 1, 2), errors, strict=True):
        book.type(f"η={eta}", three_rates.layout.training.cell("E_total", 1), error)
    assert cell(book.sheets(), "Comparison", "B24") == best


def test_errors_that_differ_by_more_than_rounding_have_a_best_one_as_built(tmp_path: Path, editor) -> None:
    # at step 1 the errors are 2 % apart
    book = editor(built(tmp_path, "A", 0.5, 0.9, steps=1).path).sheets()
    small, smaller = (cell(book, "Comparison", f"{letter}24") for letter in "CD")
    assert 0.95 < smaller / small < 1
    assert cell(book, "Comparison", "B24") == 0.9


@pytest.mark.parametrize(
    ("errors", "answer"),
    [
        (("0.3", "0.2", "0.1"), "After 2 steps η = 2 has the smallest error."),
        (
            ("0.3", "0.1", "0.1"),
            "After 2 steps 2 learning rates share the smallest error; the largest of them is η = 2.",
        ),
        (("0.1", "0.1", "0.1"), "After 2 steps all learning rates have the same error."),
        (
            ("0.3", "0.1", "=1/0"),
            "After 2 steps η = 1 has the smallest error. One training ended in an error such as #NUM!.",
        ),
        (
            ("=1/0", "0.1", "=LN(-1)"),
            "After 2 steps η = 1 has the smallest error. 2 trainings ended in an error such as #NUM!.",
        ),
        (
            ("=1/0", "=1/0", "=1/0"),
            "After 2 steps no error is a number. 3 trainings ended in an error such as #NUM!.",
        ),
    ],
)
def test_the_sheet_answers_the_question_of_its_title(
    three_rates: Workbook, editor: type[Editor], errors: tuple[str, ...], answer: str
) -> None:
    book = editor(three_rates.path)
    for eta, error in zip((0.5, 1, 2), errors, strict=True):
        book.type(f"η={eta}", three_rates.layout.training.cell("E_total", 2), error)
    sheets = book.sheets()
    assert cell(sheets, "Comparison", "A1") == "Which learning rate is best?"
    assert cell(sheets, "Comparison", "A2") == answer


def test_the_answer_follows_a_learning_rate(three_rates: Workbook, editor: type[Editor]) -> None:
    sheets = editor(three_rates.path).type("η=2", three_rates.layout.training.eta_cell, "0.1").sheets()
    assert cell(sheets, "Comparison", "A2") == "After 2 steps η = 1 has the smallest error."


@pytest.mark.parametrize(
    ("ends", "answer"),
    [
        (("0.2", "0.05"), "After 2 steps the error is 25 % of what it was at step 0."),
        (("0.2", "0.3"), "After 2 steps the error is 150 % of what it was at step 0."),
        (("1", "0.0001"), "After 2 steps the error is 0.01 % of what it was at step 0."),
        (("1", "0.00009"), "After 2 steps the error is less than 0.01 % of what it was at step 0."),
        (("0", "0"), "The error at the end cannot be compared with that at step 0."),
        (("0.2", "=1/0"), "The error at the end cannot be compared with that at step 0."),
    ],
)
def test_a_single_learning_rate_is_compared_with_its_start_and_not_called_the_best(
    single: Workbook, editor: type[Editor], ends: tuple[str, str], answer: str
) -> None:
    book = editor(single.path)
    for step, error in zip((0, 2), ends, strict=True):
        book.type("η=0.5", single.layout.training.cell("E_total", step), error)
    sheets = book.sheets()
    assert [cell(sheets, "Comparison", f"{letter}22") for letter in "ABC"] == ["step", "η = 0.5", None]
    assert cell(sheets, "Comparison", "A1") == "How does the error fall?"
    assert cell(sheets, "Comparison", "A2") == answer


# --- the charts ------------------------------------------------------------------------------------


def curve_of(workbook: Workbook, sheets, number: int) -> list[object]:
    """What the charts show of the n-th learning rate, counted from 0."""
    comparison = our_sheets(Run(workbook.layout), Origin("", "", "")).comparison
    (block,) = [block for block in comparison.sheet.blocks if block.name == "curves"]
    rows = range(block.row, block.row + block.shape[0])
    return [cell(sheets, "Comparison", cell_address(row, block.column + number)) for row in rows]


def test_a_curve_goes_on_where_the_error_is_0_and_stops_where_it_is_no_number(classic: Workbook, editor) -> None:
    total = classic.layout.training.cell
    as_built = curve_of(classic, editor(classic.path).sheets(), 1)
    book = editor(classic.path)
    for step, text in ((3, "0"), (4, "9e-13"), (5, "1.1e-12"), (6, "=1/0"), (7, "a word")):
        book.type("η=2", total("E_total", step), text)
    curve = curve_of(classic, book.sheets(), 1)
    assert curve[3:8] == [FLOOR, FLOOR, 1.1e-12, "#N/A", "#N/A"]
    assert curve[:3] + curve[8:] == as_built[:3] + as_built[8:]


def test_a_logarithmic_chart_never_holds_a_0(tmp_path: Path) -> None:
    # with the larger learning rate E_total is 0 from the first step on
    vanished = built(tmp_path, "softmax", 2.0, 50.0, steps=5)
    assert vanished.report.correct
    for chart in charts(vanished):
        curves = re.findall(r"<c:yVal>(.*?)</c:yVal>", chart, re.DOTALL)
        stored = [[float(value) for value in re.findall(r"<c:v>(.*?)</c:v>", curve)] for curve in curves]
        assert stored[1][1:] == [FLOOR] * 5
        assert min(stored[0]) > FLOOR


def test_an_error_in_a_curve_is_told_where_it_comes_from_and_not_in_the_comparison(classic: Workbook, editor) -> None:
    report = editor(classic.path).type("η=2", classic.layout.training.eta_cell, "1e308").judge()
    assert "Comparison" not in {sheet.sheet for sheet in report.sheets if sheet.findings}


@pytest.mark.parametrize(
    ("steps", "first", "count"),
    [
        (1, [0, 1], 2),
        (499, [0, 1, 2], 500),
        (500, [0, 1, 2], 501),
        # an odd number of steps apart, so that what changes from step to step is still seen
        (501, [0, 3, 6], 168),
        (1_500, [0, 3, 6], 501),
        (1_501, [0, 5, 10], 302),
        (100_000, [0, 201, 402], 499),
    ],
)
def test_a_long_training_is_drawn_at_some_500_of_its_steps_and_at_the_last(steps, first, count) -> None:
    drawn = drawn_steps(steps)
    assert drawn[: len(first)] == first
    assert drawn[-1] == steps
    assert len(drawn) == len(set(drawn)) == count


@pytest.mark.parametrize(("count", "legend"), [(1, False), (2, True), (12, True), (13, False)])
def test_a_legend_names_the_curves_where_there_are_some_but_not_many(tmp_path: Path, count, legend) -> None:
    many = built(tmp_path, "A", *(n / 10 for n in range(1, count + 1)), steps=1)
    for chart in charts(many):
        assert ("<c:legend>" in chart) is legend
        assert chart.count("<c:ser>") == count


def test_curves_have_the_colours_of_their_sheets_or_run_along_a_ramp_where_these_run_out() -> None:
    few = len(CURVES)
    assert [colour_among(n, few) for n in range(few)] == [colour(n) for n in range(few)]
    many = [colour_among(n, few + 1) for n in range(few + 1)]
    assert len(set(many)) == few + 1
    assert (many[0], many[-1]) == (RAMP[0], RAMP[-1])
    assert [colour_among(n, 4 * 3 + 1) for n in (0, 4, 8, 12)] == list(RAMP)


def test_the_titles_of_the_charts_name_no_learning_rate(three_rates: Workbook) -> None:
    titles = [re.findall(r"<a:t>(.*?)</a:t>", chart)[0] for chart in charts(three_rates)]
    assert titles == ["E_total over the steps, linear axis", "E_total over the steps, logarithmic axis"]


def test_libreoffice_shows_the_same_after_edits(
    three_rates: Workbook, editor, libreoffice: str, tmp_path: Path
) -> None:
    total = three_rates.layout.training.cell
    book = editor(three_rates.path).type("η=0.5", total("E_total", 1), "0").type("η=1", total("E_total", 2), "=1/0")
    sheets = by_libreoffice(book.save(tmp_path / "edited.xlsx"))
    assert curve_of(three_rates, sheets, 0)[1] == FLOOR
    assert curve_of(three_rates, sheets, 1)[2] == "#N/A"
    assert cell(sheets, "Comparison", "D25") == "no number"
    assert cell(sheets, "Comparison", "A2") == (
        "After 2 steps η = 2 has the smallest error. One training ended in an error such as #NUM!."
    )


def test_negative_errors_have_a_smallest_one_too(tmp_path: Path) -> None:
    made = built(tmp_path, "softmax", 0.5, 2.0, steps=5)
    sheets = Editor(made.path).type("Network", network_layout(made.layout.network).cell("t2"), "-1").sheets()
    assert "has the smallest error" in str(cell(sheets, "Comparison", "A2"))


def test_in_turn_it_compares_the_errors_of_an_epoch(in_turn: Workbook) -> None:
    sheets, training = recalculated(in_turn.path), in_turn.layout.training
    for row, step in enumerate((0, 1, 2, 5, 10, 12), start=23):
        assert sheets.value("Comparison", row, 1) == step
        for column, name in ((3, "η=0.5"), (4, "η=2")):
            assert sheets.value("Comparison", row, column) == cell(sheets, name, training.cell("E_epoch", step))
    assert all("E_epoch over the steps" in part for part in charts(in_turn))


def test_a_batch_of_all_is_compared_by_its_error(in_batch: Workbook) -> None:
    sheets, training = recalculated(in_batch.path), in_batch.layout.training
    assert sheets.value("Comparison", 28, 4) == cell(sheets, "η=2", training.cell("E_total", 12))
