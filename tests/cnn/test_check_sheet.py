"""What the sheet Check says: right, edited, or wrong."""

import pytest

from tests.cnn.small import SmallWorkbook
from tests.conftest import Editor
from xlbackprop.cnn import looks
from xlbackprop.cnn.sheets import CnnSheets
from xlbackprop.spreadsheet import addressing
from xlbackprop.spreadsheet.cells import Value
from xlbackprop.spreadsheet.places import Place


def said(small: SmallWorkbook, *edits: tuple[Place, str]) -> str:
    editor = Editor(small.path)
    for cell, text in edits:
        editor.type(*small.where(cell), text)
    return str(editor.sheets().value("Check", 3, 1))


def weight(sheets: CnnSheets) -> Place:
    return sheets.network.stages[3].weights[0]["weight"][1, 0, 2, 2]


def test_a_fresh_file_holds_what_numpy_computed(small: SmallWorkbook) -> None:
    assert said(small) == "The logits and the answer are those that NumPy computed when the file was built."


def test_an_edited_weight_is_named(small: SmallWorkbook) -> None:
    edits = (weight(small.sheets), "0.75"), (small.sheets.network.normalisation[0], "0.5")
    named = "layer 5: conv 3x3, padding 1, map 2: kernels"
    assert said(small, edits[0]) == f"Edited since the file was built: {named}. So the logits may be others."
    assert said(small, *edits).startswith("Edited since the file was built: mean, and 1 more.")


def test_another_image_is_no_edit_of_the_weights(small: SmallWorkbook) -> None:
    text = said(small, (small.sheets.digit.choice, "0"))
    assert text.startswith("Another image is read than when the file was built")
    assert text.endswith("The weights are as built.")


@pytest.mark.parametrize("formula", ["=1/0", "=1"])
def test_a_changed_formula_is_wrong(small: SmallWorkbook, formula: str) -> None:
    cell = small.sheets.network.stages[-1].maps[4, 0, 0]
    assert said(small, (cell, formula)).startswith("Wrong: nothing was edited, but the logits are not those")


def test_an_edit_that_is_taken_back_is_none(small: SmallWorkbook) -> None:
    cell = weight(small.sheets)
    value = repr(small.sheets.book.value(cell))
    assert said(small, (cell, "0.75"), (cell, value)) == said(small)


@pytest.mark.parametrize(
    ("edit", "colour"),
    [(None, looks.GREEN), ("weight", None), ("image", None), ("formula", looks.RED)],
)
def test_the_colour_follows_from_what_is_said(small: SmallWorkbook, edit: str | None, colour) -> None:
    sheets, editor = small.sheets, Editor(small.path)
    edits = {
        "weight": (weight(sheets), "0.75"),
        "image": (sheets.digit.choice, "0"),
        "formula": (sheets.network.stages[-1].maps[4, 0, 0], "=1"),
    }
    if edit:
        cell, text = edits[edit]
        editor.type(*small.where(cell), text)
    rules = [rule for rule in sheets.check.sheet.rules if rule.look in (looks.RED, looks.GREEN) and not rule.equals]
    for n, rule in enumerate(rules):
        editor.type("Check", f"ZZ{n + 1}", f"={addressing.written(rule.condition, sheets.check.sheet)}")
    live = editor.sheets()
    holding: list[Value] = [live.value("Check", n + 1, 702) for n in range(len(rules))]
    # amber is how the verdict looks where neither holds
    assert [rule.look for rule, holds in zip(rules, holding, strict=True) if holds] == ([colour] if colour else [])
    assert looks.VERDICT.fill == looks.AMBER.fill
