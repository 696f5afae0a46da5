"""The gradients in cells: those of NumPy, and every fault in them is found and named."""

from pathlib import Path

import numpy as np
import pytest

from tests.cnn.small import SmallWorkbook
from tests.conftest import Editor
from xlbackprop.cnn.check import judge
from xlbackprop.report.findings import Finding
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.spreadsheet.places import Place


def findings(back: SmallWorkbook, *edits: tuple[Place, str]) -> list[Finding]:
    editor = Editor(back.path)
    for cell, text in edits:
        editor.type(*back.where(cell), text)
    report = judge(editor.sheets(), back.path, "ironcalc")
    return [finding for sheet in report.sheets for finding in sheet.findings]


def rewritten(back: SmallWorkbook, cell: Place, before: str, after: str) -> tuple[Place, str]:
    """An edit: the formula of a cell with a part of it changed."""
    sheet, row, column = back.sheets.book.where(int(cell.ids))
    formula = Editor(back.path).sheets().formula(sheet.name, row, column) or ""
    assert before in formula, formula
    return cell, formula.replace(before, after)


def test_a_fresh_workbook_has_a_gradient_for_every_number(back: SmallWorkbook) -> None:
    assert back.built.report.correct
    gradients = back.sheets.gradients
    assert gradients.image.shape == (1, 28, 28)
    assert [stage.of_input.shape for stage in gradients.stages] == [
        (1, 28, 28), (2, 28, 28), (2, 28, 28), (2, 7, 7), (3, 7, 7), (3, 7, 7), (3, 1, 1),
    ]  # fmt: skip
    sizes = [sum(place.ids.size for own in stage.of_weights for place in own.values()) for stage in gradients.stages]
    assert sizes == [20, 4, 0, 54, 0, 0, 40]


def test_the_gradient_of_a_number_stands_where_the_number_does(back: SmallWorkbook) -> None:
    network, gradients = back.sheets.network, back.sheets.gradients
    for cell in (network.image[0, 3, 4], network.stages[2].maps[1, 2, 2], network.logits[3]):
        assert back.where(cell)[1] == back.where(gradients.of(cell))[1]
    kernel = network.stages[3].weights[0]["weight"][1, 0, 0, 0]
    assert back.where(kernel)[1] == back.where(gradients.stages[3].of_weights[0]["weight"][1, 0, 0, 0])[1]


def test_edited_weights_and_another_image_are_no_fault(back: SmallWorkbook) -> None:
    sheets = back.sheets
    kernels = sheets.network.stages[3].weights[0]["weight"]
    assert findings(back, (kernels[1, 0, 2, 2], "0.75"), (sheets.digit.choice, "2")) == []


def test_a_blank_drawing_with_ties_in_every_square_is_no_fault(back: SmallWorkbook) -> None:
    assert findings(back, (back.sheets.digit.choice, "0")) == []


def test_a_wrong_tie_rule_is_found_and_its_layer_named(back: SmallWorkbook) -> None:
    pool = back.sheets.gradients.stages[2]
    cell = pool.of_input[1, 0, 1]
    earlier = back.where(pool.of_input[1, 0, 0])[1]
    # each of the largest gets all
    edit = rewritten(back, cell, f"-{earlier}", "")
    (first, *_) = findings(back, edit)
    assert first.quantity == "layer 4: max pool 4x4, back to map 2"


def test_a_kernel_that_is_not_turned_round_is_found_and_its_layer_named(back: SmallWorkbook) -> None:
    stage = back.sheets.gradients.stages[3]
    kernel, turned = stage.shown.weights[0]["weight"], stage.around.turned
    edits = [
        (turned[output, channel, row, column], f"=Network!{back.where(kernel[output, channel, row, column])[1]}")
        for output, channel, row, column in np.ndindex(*kernel.shape)
    ]
    found = findings(back, *edits)
    assert {finding.quantity for finding in found} >= {"layer 5: conv 3x3, padding 1, kernels turned round"}
    assert all("layer 5" in finding.quantity for finding in found)


@pytest.mark.parametrize("which", ["input", "kernel"])
def test_a_shifted_window_is_found_and_its_layer_named(back: SmallWorkbook, which: str) -> None:
    stage = back.sheets.gradients.stages[3]
    cells = stage.of_input[1] if which == "input" else stage.of_weights[0]["weight"][2, 1]
    sheet, row, column = back.sheets.book.where(int(cells[1, 2].ids))
    beside = Editor(back.path).sheets().formula(sheet.name, row, column) or ""
    (finding,) = findings(back, (cells[1, 1], beside))
    names = {
        "input": "layer 5: conv 3x3, padding 1, back to map 2",
        "kernel": "gradient of layer 5: conv 3x3, padding 1, map 3: kernel 2",
    }
    assert (finding.quantity, finding.rows) == (names[which], 1)


def test_a_number_in_the_room_around_a_gradient_is_found(back: SmallWorkbook) -> None:
    ringed = back.sheets.gradients.stages[3].around.ringed
    found = findings(back, (ringed[0, 0, 3], "1"))
    assert any("holds 1.0 in the padding" in (finding.slip or "") for finding in found)


def test_a_value_that_does_not_follow_names_the_very_layer(back: SmallWorkbook) -> None:
    # an engine that computes wrongly: the formulas are right, one cell is not
    sheets = recalculated(back.path)
    cells = back.sheets.gradients.stages[1].around.passed[1]
    values = np.array(back.sheets.book.values(cells)).reshape(28, 28)
    at = tuple(np.argwhere(values == 0)[0])
    name, row, column = back.sheets.book.where(int(cells[at].ids))
    poisoned = dict(sheets.values(name.name))
    poisoned[row, column] += 1e-7
    sheets._values_read[name.name] = poisoned
    report = judge(sheets, back.path, "ironcalc")
    found = {finding.quantity for sheet in report.sheets for finding in sheet.findings}
    assert "layers 2, 3: batch norm, ReLU, what ReLU lets pass, map 2" in found
    # what follows from it within the same layers, and nothing else
    assert all("layers 2, 3: batch norm, ReLU" in one for one in found)


def test_libreoffice_agrees(back: SmallWorkbook, libreoffice: str, tmp_path: Path) -> None:
    from xlbackprop.check.file import verify

    assert verify(back.path, "libreoffice").correct
