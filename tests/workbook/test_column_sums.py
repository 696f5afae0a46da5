"""Each gradient column, and each column of a weight, adds up to what its definition gives: after any edit."""

from pathlib import Path

import pytest

from tests import one_sample
from tests.conftest import Editor, Workbook, built, cell, sheets_of, where
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.workbook.network_sheet import network_layout


def verdict(sheets: Sheets) -> str:
    return str(cell(sheets, "Check", "A4"))


def in_table(workbook: Workbook, name: str, step: int) -> str:
    """The address of a quantity at a step of the second training sheet, η=2."""
    places = sheets_of(workbook)
    return where(places, places.training[1].cell(name, step))


@pytest.mark.parametrize("template", one_sample.TEMPLATES)
def test_every_column_adds_up_as_built_and_after_edits_of_the_inputs(tmp_path: Path, template: str) -> None:
    made = built(tmp_path, template)
    said = "columns of sums, products and updates are what their definitions give (columns N to T)."
    book = Editor(made.path)
    assert verdict(book.sheets()).startswith("All ")
    assert verdict(book.sheets()).endswith(said)
    for name, text in {"w1": "-0.61", "i1": "3.3", "t1": "0.2"}.items():
        book.type("Network", network_layout(made.layout.network).cell(name), text)
    assert verdict(book.sheets()).startswith("All ")
    assert verdict(book.sheets()).endswith(said)


@pytest.mark.parametrize(
    ("quantity", "step", "wrong", "named"),
    [
        # one cell with the slope of the wrong neuron, and the sum of a whole column by one part in a million
        ("dE_dw3", 5, "={delta_h1}*{i1}", "∂E/∂w3 in η=2"),
        ("dE_dw8", 0, "={delta_o2}*{a_h2}*1.0001", "∂E/∂w8 in η=2"),
        ("w5", 7, "0.4", "w5 in η=2"),
        # what stands before the gradients: the famous slip in δ, an error without its half, an input typed over
        ("delta_h2", 5, "={dE_da_h2}*{da_h1_dh1}", "δ_h2 in η=2"),
        ("E1", 3, "=({t1}-{a_o1})^2", "E1 in η=2"),
        ("E_total", 3, "0", "E_total in η=2"),
        ("i1", 3, "0.06", "i1 in η=2"),
        ("w1", 0, "0.15", "w1 in η=2"),
        ("w5", 12, "={w5}*1.0000001", "w5 in η=2"),
    ],
)
def test_a_column_that_is_wrong_after_an_edit_is_named(
    classic: Workbook, editor: type[Editor], quantity: str, step: int, wrong: str, named: str
) -> None:
    cells = {name: in_table(classic, name, step) for name in classic.layout.training.letters}
    cells["w5"] = in_table(classic, "w5", max(step - 1, 0))
    book = editor(classic.path).type("Network", network_layout(classic.layout.network).cell("w1"), "0.33")
    sheets = book.type("η=2", in_table(classic, quantity, step), wrong.format(**cells)).sheets()
    assert verdict(sheets) == f"{named} is not what its definition gives. See the red cells in column T."


def test_several_wrong_columns_are_counted(classic: Workbook, editor: type[Editor]) -> None:
    book = editor(classic.path)
    for name in ("dE_dw1", "dE_dw2", "dE_dw7"):
        book.type("η=2", in_table(classic, name, 3), "12")
    assert verdict(book.sheets()) == (
        "∂E/∂w7 in η=2 is not what its definition gives, nor are 2 other columns. See the red cells in column T."
    )


def test_rounding_is_no_error(classic: Workbook, editor: type[Editor]) -> None:
    at = in_table(classic, "dE_dw5", 3)
    right = cell(editor(classic.path).sheets(), "η=2", at)
    for part, agrees in ((1e-10, True), (1e-7, False)):
        sheets = editor(classic.path).type("η=2", at, repr(right * (1 + part))).sheets()
        assert verdict(sheets).startswith("All 78 ") == agrees


def test_columns_with_errors_cannot_be_compared(classic: Workbook, editor: type[Editor]) -> None:
    sheets = editor(classic.path).type("Network", network_layout(classic.layout.network).cell("w8"), "=1/0").sheets()
    assert verdict(sheets).endswith(" columns cannot be compared: they hold errors, or too large numbers.")
    assert not verdict(sheets).startswith("All")


def test_libreoffice_adds_up_the_same(classic: Workbook, editor: type[Editor], tmp_path: Path, libreoffice) -> None:
    book = editor(classic.path).type("Network", network_layout(classic.layout.network).cell("w1"), "0.33")
    assert verdict(recalculated(book.save(tmp_path / "right.xlsx"), "libreoffice")).startswith("All 78 ")
    book.type("η=2", in_table(classic, "dE_dw3", 5), "0.0001")
    sheets = recalculated(book.save(tmp_path / "wrong.xlsx"), "libreoffice")
    assert verdict(sheets).startswith("∂E/∂w3 in η=2 is not")


def test_a_last_gradient_that_is_larger_than_all_others_together_hides_none(tmp_path: Path) -> None:
    # the first step leaps to weights of thousands, and the gradients with them
    template = tmp_path / "leap.toml"
    template.write_text(
        'layers = [1, 2, 1]\nhidden = "relu"\noutput = "linear"\ninputs = [3]\ntargets = [-9]\n'
        "weights = [1, 1.5, 2, 0.5]\n"
    )
    made = built(tmp_path, str(template), 500.0, steps=1)
    assert verdict(Editor(made.path).sheets()).startswith("All ")


# --- several samples --------------------------------------------------------------------------------


@pytest.mark.parametrize("edited", ["", "Data", "Network"])
def test_every_column_of_a_workbook_with_samples_adds_up(with_samples: Workbook, editor, edited: str) -> None:
    book = editor(with_samples.path)
    if edited:
        book.type(edited, "D7" if edited == "Data" else "B5", "-0.61")
    said = verdict(book.sheets())
    assert said.startswith("All ")
    assert said.endswith("columns of sums, products and updates are what their definitions give (columns N to T).")


@pytest.mark.parametrize(
    ("sheet", "name", "row", "wrong", "named"),
    [
        ("η=2", "dE_dw3", 5, "0.01", "∂E/∂w3 in η=2"),
        ("η=2", "E_total", 3, "=0", "E_total in η=2"),
        ("η=2", "w5", 7, "0.4", "w5 in η=2"),
        ("η=2 samples", "w5", 9, "0.4", "w5 in η=2 samples"),
        ("η=2 samples", "delta_h2", 9, "0.4", "δ_h2 in η=2 samples"),
        ("η=2 samples", "dE_dw1", 51, "=1", "∂E/∂w1 in η=2 samples"),
    ],
)
def test_a_wrong_column_of_steps_or_samples_is_named_after_an_edit(
    in_batch: Workbook, editor: type[Editor], sheet: str, name: str, row: int, wrong: str, named: str
) -> None:
    table = in_batch.layout.training if sheet == "η=2" else in_batch.layout.samples
    book = editor(in_batch.path).type("Data", "B7", "0.25").type(sheet, table.cell(name, row), wrong)
    assert verdict(book.sheets()) == f"{named} is not what its definition gives. See the red cells in column T."


def test_the_mean_of_gradients_is_compared_with_their_sum_by_the_size_of_a_batch(in_mini_batches, editor) -> None:
    table = in_mini_batches.layout.training
    letters = in_mini_batches.layout.samples.letters["dE_dw3"]
    # the sum where the mean belongs
    book = editor(in_mini_batches.path).type(
        "η=2", table.cell("dE_dw3", 2), f"=SUM('η=2 samples'!{letters}8:{letters}9)"
    )
    assert verdict(book.sheets()).startswith("∂E/∂w3 in η=2 is not what its definition gives")
