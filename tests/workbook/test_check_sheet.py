"""What the check says about NumPy's values, fresh and after an edit."""

import re
from pathlib import Path

import pytest

from tests.conftest import Editor, Workbook, built, cell, sheets_of, where
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.workbook import looks


def verdict(sheets: Sheets) -> str:
    return str(cell(sheets, "Check", "A3"))


def test_numpy_agrees_as_built(default: Workbook) -> None:
    assert verdict(recalculated(default.path)) == "All 54 values of E_total agree with NumPy."


@pytest.mark.parametrize("name", ["eta", "i1", "w8"])
def test_the_check_says_that_inputs_were_changed(classic: Workbook, editor: type[Editor], name: str) -> None:
    places = sheets_of(classic)
    sheet, place = ("η=2", places.training[1].eta) if name == "eta" else ("Network", places.network.start[name])
    text = verdict(editor(classic.path).type(sheet, where(places, place), "0.123").sheets())
    assert text.startswith(
        "Inputs were changed since this file was built (cells changed: 1): NumPy's values below belong"
    )


@pytest.mark.parametrize("wrong", ["=1/0", "={}*0.999"])
def test_the_check_names_the_first_of_numpys_rows_that_differs(classic: Workbook, editor, wrong: str) -> None:
    places = sheets_of(classic)
    training = places.training[1]
    delta, other = (where(places, training.cell(name, 2)) for name in ("delta_o1", "dE_da_o1"))
    text = verdict(editor(classic.path).type("η=2", delta, wrong.format(other)).sheets())
    # the weights of the step after it are the first that are wrong, and 5 is the next of the round steps
    assert re.fullmatch(
        r"\d+ values of E_total differ from NumPy, the first in η=2 at step 5: a formula was changed.*", text
    )


def test_what_rounding_makes_incomparable_is_not_called_wrong(tmp_path: Path) -> None:
    made = built(tmp_path, "deep", 500.0, steps=200, values={"t1": 0.3, "t2": 0.7})
    text = verdict(recalculated(made.path))
    assert "cannot be compared, because rounding grows too far" in text or "agree with NumPy" in text
    assert "differ" not in text


def test_after_an_edit_numpys_rows_are_grey_and_not_red(classic: Workbook) -> None:
    places = sheets_of(classic)
    sheet = places.check.sheet
    said = next(block.place for block in sheet.blocks if block.name == "whether E_total agrees")
    rules = [rule for rule in sheet.rules if rule.cells is said]
    assert [rule.look for rule in rules] == [looks.GREY, looks.RED, looks.GREEN]
    assert rules[0].last
    assert '"changed")>0' in rules[0].condition


def test_a_verdict_is_amber_where_it_is_neither_good_nor_bad(classic: Workbook) -> None:
    sheet = sheets_of(classic).check.sheet
    verdicts = [block for block in sheet.blocks if block.name == "verdict"]
    assert [block.look(0, 0) for block in verdicts] == [looks.VERDICT, looks.VERDICT]
    assert looks.VERDICT.fill == looks.AMBER.fill
    for block in verdicts:
        rules = [rule for rule in sheet.rules if rule.cells.ids.flat[0] == block.first_id]
        assert [rule.look for rule in rules] == [looks.RED, looks.GREEN]


def test_an_error_in_an_input_counts_as_a_change(classic: Workbook, editor: type[Editor]) -> None:
    places = sheets_of(classic)
    text = verdict(editor(classic.path).type("Network", where(places, places.network.start["w1"]), "=1/0").sheets())
    assert text.startswith("Inputs were changed since this file was built (cells changed: 1)")


@pytest.mark.parametrize("address", ["B6", "D9", "F7"])
def test_a_changed_sample_target_or_order_is_a_changed_input(
    in_mini_batches: Workbook, editor: type[Editor], address: str
) -> None:
    assert verdict(editor(in_mini_batches.path).sheets()) == "All 12 values of E_total agree with NumPy."
    text = verdict(editor(in_mini_batches.path).type("Data", address, "4").sheets())
    assert text.startswith(
        "Inputs were changed since this file was built (cells changed: 1): NumPy's values below belong"
    )


def test_each_number_of_the_samples_stands_among_the_inputs(in_mini_batches: Workbook) -> None:
    sheets = recalculated(in_mini_batches.path)
    names = [sheets.value("Check", row, 1) for row in range(7, 60)]
    assert set(names) >= {f"{name} of {n}" for name in ("i1", "i2", "t1") for n in range(1, 5)}
    assert set(names) >= {f"order {n}" for n in range(1, 5)}
