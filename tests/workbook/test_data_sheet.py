"""The sheet of the samples: what stands there, and that every number follows it."""

import dataclasses
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests import xor
from tests.conftest import Editor, Workbook, cell, filled_cells, sheets_of, where, written
from xlbackprop import reference
from xlbackprop.check.file import verify
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.tables.own import read_own_workbook
from xlbackprop.workbook.network_sheet import network_layout

YELLOW_OF_INPUTS = {f"{column}{row}" for row in range(6, 10) for column in "BCD"}


def test_the_samples_stand_there_one_a_row_and_can_be_edited(in_batch: Workbook) -> None:
    sheet = load_workbook(in_batch.path)["Data"]
    assert [one.value for one in sheet[5]] == ["sample", "i1", "i2", "t1"]
    rows = [[one.value for one in row] for row in sheet["A6:D9"]]
    assert rows == [
        [n, *inputs, *targets] for n, (inputs, targets) in enumerate(zip(xor.INPUTS, xor.TARGETS, strict=True), start=1)
    ]
    yellow = sheet["B6"].fill.fgColor.rgb
    assert filled_cells(in_batch.path, "Data", yellow) == YELLOW_OF_INPUTS


def test_the_order_stands_beside_them_where_one_was_drawn(in_mini_batches: Workbook, in_batch: Workbook) -> None:
    sheet = load_workbook(in_mini_batches.path)["Data"]
    assert [sheet[f"F{row}"].value for row in range(5, 10)] == ["order", 3, 1, 4, 2]
    assert load_workbook(in_batch.path)["Data"]["F5"].value is None


@pytest.mark.parametrize(
    ("workbook", "said"),
    [
        ("in_batch", "Each step takes all of them. Errors and gradients of the samples of a step are added up."),
        (
            "in_mini_batches",
            "Each step takes 2 samples, in the order of the last column: 2 steps are an epoch. "
            "Errors and gradients of the samples of a step are averaged.",
        ),
        ("in_turn", "Each step takes one sample, in the order of the last column: 4 steps are an epoch."),
    ],
)
def test_it_says_how_a_training_shows_them(workbook: str, said: str, request: pytest.FixtureRequest) -> None:
    assert load_workbook(request.getfixturevalue(workbook).path)["Data"]["A3"].value == said


def test_only_numbers_can_be_typed_there(in_turn: Workbook) -> None:
    validations = {
        str(one.sqref): (one.type, one.formula1, one.formula2)
        for one in load_workbook(in_turn.path)["Data"].data_validations.dataValidation
    }
    assert validations["F6:F9"] == ("whole", "1", "4")
    assert {validations[cells][0] for cells in ("B6:C9", "D6:D9")} == {"decimal"}


@pytest.mark.parametrize("edit", ["sample", "target", "weight", "rate", "everything"])
def test_every_number_follows_an_edit(with_samples: Workbook, editor: type[Editor], edit: str) -> None:
    network, layout = with_samples.layout.network, with_samples.layout
    samples, book, eta = network.samples, editor(with_samples.path), 0.5
    if edit in ("sample", "everything"):
        book.type("Data", "C8", "-0.75")
        inputs = (*samples.inputs[:2], (1.0, -0.75), samples.inputs[3])
        samples = dataclasses.replace(samples, inputs=inputs)
    if edit in ("target", "everything"):
        book.type("Data", "D6", "0.3")
        samples = dataclasses.replace(samples, targets=((0.3,), *samples.targets[1:]))
    if edit == "everything" and samples.order:
        # that a sample comes twice, and another one never, is allowed
        book.type("Data", "F6", "4")
        samples = dataclasses.replace(samples, order=(4, *samples.order[1:]))
    network = network.with_samples(samples)
    if edit in ("weight", "everything"):
        book.type("Network", network_layout(layout.network).cell("w3"), "1.25")
        network = network.with_values({"w3": 1.25})
    if edit in ("rate", "everything"):
        book.type("η=0.5", layout.training.eta_cell, "0.9")
        eta = 0.9
    sheets = book.sheets()
    assert read_own_workbook(sheets).network.samples == samples
    report = book.judge()
    assert report.correct, report
    assert cell(sheets, "Check", "A3").startswith("Inputs were changed since this file was built")
    assert cell(sheets, "Check", "A4").startswith("All ")
    # and by itself, step by step and sample by sample
    places = sheets_of(with_samples)
    tables = [(places.training, reference.run(network, [eta, 2.0], layout.steps))]
    if network.in_batches:
        of_passes = [one.passes for one in places.training]
        tables.append((of_passes, reference.run_of_passes(network, [eta, 2.0], layout.steps)))
    for on_sheets, by_numpy in tables:
        for name, array in by_numpy.items():
            for n, sheet in enumerate(on_sheets):
                first = where(places, sheet.column(name)[0])
                letters = first.rstrip("0123456789")
                found = [cell(sheets, sheet.sheet.name, f"{letters}{4 + row}") for row in range(len(array))]
                assert found == pytest.approx(array[:, n], rel=1e-9, abs=1e-13), (sheet.sheet.name, name)


def test_libreoffice_follows_edits_too(
    with_samples: Workbook, editor: type[Editor], tmp_path: Path, libreoffice: str
) -> None:
    book = editor(with_samples.path).type("Data", "B7", "0.4").type("Data", "D9", "1")
    if with_samples.layout.network.samples.order:
        book.type("Data", "F8", "1")
    path = book.save(tmp_path / "edited.xlsx")
    assert verify(path, "libreoffice").correct
    theirs, ours = (recalculated(path, engine) for engine in ("libreoffice", "ironcalc"))
    for sheet in ("Check", "Comparison"):
        for place, value in ours.values(sheet).items():
            if isinstance(value, str):
                assert theirs.value(sheet, *place) == value, (sheet, place)


def test_a_locked_book_leaves_the_samples_open(tmp_path: Path) -> None:
    sheet = load_workbook(written(tmp_path, xor.XOR.with_samples(xor.IN_TURN), steps=2, protect=True).path)["Data"]
    assert sheet.protection.sheet
    unlocked = {one.coordinate for row in sheet.iter_rows() for one in row if not one.protection.locked}
    assert unlocked == YELLOW_OF_INPUTS | {f"F{row}" for row in range(6, 10)}
