"""The drawing of a small network, after edits recalculated by the engine."""

import re
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.conftest import Editor, Workbook, built, cell
from xlbackprop.backprop.network import Network
from xlbackprop.check.file import check
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.workbook.drawing import MAX_DRAWN_WEIGHTS, _part_of_the_way, drawing_size, is_drawn

# the hidden columns: x, y, text, which line, and the heights of the six lines
X, Y, TEXT, WHICH, LINES = 27, 28, 29, 30, range(31, 37)


def template(folder: Path, layers: list[int], more: str = "") -> str:
    path = folder / f"{'-'.join(map(str, layers))}.toml"
    path.write_text(f"layers = {layers}\ninputs = {[0.1] * layers[0]}\ntargets = {[0.5] * layers[-1]}\n{more}")
    return str(path)


def labels(sheets: Sheets) -> list[str]:
    """All texts of the drawing."""
    found = [sheets.value("Network", row, TEXT) for row in range(1, 400)]
    return [text for text in found if isinstance(text, str)]


def line(sheets: Sheets, weight: str) -> int:
    """Which of its six lines a connection is drawn as: three widths for positive weights, three for negative ones."""
    (row,) = (row for row in range(1, 100) if sheets.value("Network", row, TEXT) == weight)
    shown = [
        n
        for n, column in enumerate(LINES)
        if all(isinstance(sheets.value("Network", r, column), float) for r in (row, row + 1))
    ]
    assert sum(sheets.value("Network", row, column) == "#N/A" for column in LINES) == 5
    (found,) = shown
    return found


def chart(workbook: Workbook) -> str:
    with zipfile.ZipFile(workbook.path) as package:
        return package.read("xl/charts/chart1.xml").decode()


def test_a_weight_made_negative_moves_its_connection_to_the_other_colour(
    classic: Workbook, editor: type[Editor]
) -> None:
    assert line(editor(classic.path).sheets(), "w2") == 1
    assert line(editor(classic.path).type("Network", "B14", "-0.2").sheets(), "w2") == 4
    colours = re.findall(r'<c:ser>.*?srgbClr val="(\w+)"', chart(classic))
    assert [colours[n] for n in (7, 10)] == ["0072B2", "D55E00"]


@pytest.mark.parametrize(("w1", "width"), [("0.33", 0), ("0.34", 1), ("0.66", 1), ("0.67", 2), ("0", 0)])
def test_a_line_is_the_wider_the_larger_its_weight(
    classic: Workbook, editor: type[Editor], w1: str, width: int
) -> None:
    book = editor(classic.path).type("Network", "B13", w1).type("Network", "B20", "-1")
    assert line(book.sheets(), "w1") == width
    assert line(book.type("Network", "B13", f"-{w1}").sheets(), "w1") == width + 3 * (w1 != "0")
    # the largest weight of all decides
    assert line(book.type("Network", "B20", "-100").sheets(), "w1") % 3 == 0


def test_the_drawing_follows_the_weights(classic: Workbook, editor: type[Editor]) -> None:
    sheets = editor(classic.path).type("Network", "B13", "-0.77").type("Network", "B9", "0.3").sheets()
    assert {"w1 = -0.77", "w2 = 0.2", "i1", "0.05", "h1", "o1", "t1 = 0.3"} <= set(labels(sheets))


@pytest.mark.parametrize(("step", "eta"), [("0", "0.5"), ("7", "2")])
def test_the_drawing_shows_the_step_chosen_on_the_derivation(
    classic: Workbook, editor: type[Editor], step: str, eta: str
) -> None:
    sheets = editor(classic.path).type("Derivation", "B3", step).type("Derivation", "B4", eta).sheets()
    table = classic.layout.training
    reached = {name: cell(sheets, f"η={eta}", table.cell(name, int(step))) for name in table.letters}
    title = sheets.value("Network", 11, 8)
    assert title == f"Step {step} of η={eta}: E_total = {reached['E_total']:.3g}"
    shown = labels(sheets)
    for text in (f"w5 = {reached['w5']:.3g}", f"a = {reached['a_o1']:.3g}", f"δ = {reached['delta_h1']:.3g}"):
        assert text in shown


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("0.123456789", "0.123"), ("-0.123456789", "-0.123"), ("1234.5678", "1230"), ("0", "0"), ("-99949", "-99900"),
        ("0.001", "0.001"), ("0.00099", "9.9E-4"), ("-0.0000123456", "-1.23E-5"), ("123456", "1.23E5"), ("1e-13", "0"),
    ],
)  # fmt: skip
def test_a_number_of_many_digits_is_shortened(classic: Workbook, editor: type[Editor], number: str, text: str) -> None:
    assert f"w1 = {text}" in labels(editor(classic.path).type("Network", "B13", number).sheets())


def test_biases_and_deltas_stand_at_every_neuron_but_the_inputs(tmp_path: Path) -> None:
    shown = labels(recalculated(built(tmp_path, "mazur").path))
    assert {"b1 = 0.35", "b2 = 0.35", "b3 = 0.6", "b4 = 0.6"} <= set(shown)
    assert sum(text.startswith("δ = ") for text in shown) == 4


@pytest.mark.parametrize(("layers", "drawn"), [([2, 7], True), ([1, 14], True), ([3, 5], False), ([15, 1], False)])
def test_a_network_of_14_weights_is_drawn_and_one_of_15_is_not(tmp_path: Path, layers: list[int], drawn: bool) -> None:
    assert MAX_DRAWN_WEIGHTS == 14
    assert is_drawn(Network.blank(tuple(layers))) == drawn
    made = built(tmp_path, template(tmp_path, layers), 0.1, steps=1) if layers[0] < 4 else None
    if made:
        with zipfile.ZipFile(made.path) as package:
            assert (b"Drawing of the" in package.read("xl/drawings/drawing1.xml")) == drawn


@pytest.mark.parametrize("layers", [[1] * 15, [1, 14], [14, 1], [1, 2, 2, 2, 2]])
def test_no_drawing_has_more_series_than_a_chart_can_hold(tmp_path: Path, layers: list[int]) -> None:
    more = f'biases = "trained"\nbias_values = {[0.1] * sum(layers[1:])}'
    made = built(tmp_path, template(tmp_path, layers, more), 0.1, steps=1)
    assert 100 < chart(made).count("<c:ser>") <= 255


def test_lines_end_at_the_circles_and_everything_lies_within_the_chart(classic: Workbook) -> None:
    sheets = recalculated(classic.path)
    width, height = drawing_size(classic.layout.network)
    points = {}
    for row in range(1, 100):
        text, x, y = (sheets.value("Network", row, column) for column in (TEXT, X, Y))
        if isinstance(x, float) and isinstance(y, float):
            assert 0 < x < width
            assert 0 < y < height
            points.setdefault(text, (x, y))
        if text == "w1":
            ends = [(sheets.value("Network", r, X), sheets.value("Network", r, LINES[0])) for r in (row, row + 1)]
    # w1 runs level from i1 to h1; circles have a radius of 32, names stand 9 above the centre
    (x0, y0), (x1, y1) = ends
    assert y0 == y1 == points["i1"][1] - 9 == points["h1"][1] - 9
    assert (x0 - points["i1"][0], points["h1"][0] - x1) == (36, 36)


@pytest.mark.parametrize(("before", "after"), [(2, 2), (2, 3), (3, 2), (3, 3), (3, 4), (4, 3), (2, 7), (14, 1)])
def test_the_labels_of_two_connections_are_never_at_the_same_height(before: int, after: int) -> None:
    part = _part_of_the_way(before, after)
    heights = sorted((1 - part) * m + part * n for m in range(before) for n in range(after))
    # letters are 11 pixels high, and neurons 112 apart
    assert min(b - a for a, b in pairwise(heights)) > 11 / 112


def test_a_copy_that_another_program_saved_without_values_is_not_called_wrong(
    classic: Workbook, tmp_path: Path
) -> None:
    book = load_workbook(classic.path)
    book["Network"]["B14"] = -0.4
    book.save(tmp_path / "saved.xlsx")
    assert check(tmp_path / "saved.xlsx").correct
    # what is wrong is found there, too
    book["Network"]["AF4"] = 0.0
    book["Network"]["AF5"] = "=1"
    book.save(tmp_path / "wrong.xlsx")
    assert not check(tmp_path / "wrong.xlsx").correct
