"""The matrices of a network with many weights."""

import re
import zipfile
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.conftest import Editor, built, cell
from tests.workbook.test_drawing import template
from xlbackprop.backprop.network import Network
from xlbackprop.check.file import verify
from xlbackprop.workbook.network_sheet import network_layout
from xlbackprop.workbook.weight_matrices import matrix_columns, matrix_layers


def test_a_matrix_has_a_row_a_neuron_and_a_column_for_each_value_that_comes_in(tmp_path: Path) -> None:
    made = built(tmp_path, "softmax")
    sheet = load_workbook(made.path, data_only=True)["Network"]
    rows = [[sheet.cell(row, column).value for column in range(8, 13)] for row in range(18, 29)]
    assert rows[:6] == [
        ["Weights into the hidden neurons", None, None, None, None],
        [None, "i1", "i2", "bias", None],
        ["h1", 0.5, 0.2, 0.1, None],
        ["h2", -0.3, 0.9, 0.1, None],
        ["h3", 0.4, 0.6, 0.1, None],
        [None] * 5,
    ]
    assert rows[6][0] == "Weights into the outputs"
    assert rows[8] == ["o1", 0.3, -0.2, 0.5, 0]


def test_a_matrix_follows_an_edit_and_the_step_chosen_on_the_derivation(tmp_path: Path, editor: type[Editor]) -> None:
    made = built(tmp_path, "softmax")
    book = editor(made.path).type("Network", network_layout(made.layout.network).cell("w2"), "0.25")
    assert cell(book.sheets(), "Network", "J20") == 0.25
    sheets = book.type("Derivation", "B3", "9").sheets()
    reached = cell(sheets, "η=0.5", made.layout.training.cell("w2", 9))
    assert cell(sheets, "Network", "J20") == reached != 0.25


def test_boxes_tell_the_layers_the_weights_between_and_the_error(tmp_path: Path) -> None:
    sheet = load_workbook(built(tmp_path, "softmax").path, data_only=True)["Network"]
    boxes = [[sheet.cell(row, column).value for row in (14, 15, 16)] for column in range(8, 15)]
    assert boxes[:6] == [
        [2, "inputs", None],
        ["→", 6, "weights"],
        [3, "hidden", "relu"],
        ["→", 9, "weights"],
        [3, "outputs", "softmax"],
        ["→", None, None],
    ]
    assert boxes[6][1] == "E_total"
    assert boxes[6][0] > 0


def test_the_colours_of_a_matrix_reach_as_far_below_zero_as_above(tmp_path: Path) -> None:
    with zipfile.ZipFile(built(tmp_path, "softmax").path) as package:
        xml = package.read("xl/worksheets/sheet1.xml").decode()
    scales = re.findall(
        r'<conditionalFormatting sqref="([^"]*)"><cfRule type="colorScale".*?>(<colorScale>.*?)</cfRule>', xml
    )
    assert [cells for cells, _ in scales] == ["I20:J22", "I26:K28"]
    size = "MAX(MAX($I$20:$J$22),-MIN($I$20:$J$22),1E-200)"
    assert scales[0][1].startswith(
        f'<colorScale><cfvo type="formula" val="-{size}"/><cfvo type="num" val="0"/><cfvo type="formula" val="{size}"/>'
    )


@pytest.mark.parametrize(
    ("layers", "shown"),
    [((24, 24, 1), [1, 2]), ((25, 24, 1), [2]), ((24, 25, 1), []), ((64, 10, 3), [2]), ((30, 1), [])],
)
def test_a_matrix_of_more_than_24_rows_or_columns_is_not_shown(layers: tuple[int, ...], shown: list[int]) -> None:
    network = Network.blank(layers)
    assert matrix_layers(network) == shown
    assert matrix_columns(network) <= 25


def test_a_network_with_boxes_alone_is_all_well_and_has_no_empty_picture(tmp_path: Path) -> None:
    made = built(tmp_path, template(tmp_path, [30, 1]), 0.1, steps=2)
    assert verify(made.path).correct
    sheet = load_workbook(made.path, data_only=True)["Network"]
    assert [sheet.cell(14, column).value for column in (8, 9, 10)] == [30, "→", 1]
    assert not sheet._charts
    assert "E_total below" in sheet["F7"].value
