"""The sheet with the samples of each step: a row a sample, which takes its weights from its step."""

from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests import xor
from tests.conftest import Workbook, notes_of, written
from xlbackprop.spreadsheet.cells import Sheets
from xlbackprop.spreadsheet.ironcalc import load
from xlbackprop.workbook.table_layout import samples_layout


def test_a_row_is_a_sample_with_all_that_a_step_of_one_has(in_batch: Workbook) -> None:
    sheet = load_workbook(in_batch.path)["η=2 samples"]
    headers = [one.value for one in sheet[3]]
    assert headers[:11] == ["step", "sample", "t1", "i1", "i2", "w1", "w2", "w3", "w4", "b1", "b2"]
    assert headers[-3:] == ["∂E/∂b1", "∂E/∂b2", "∂E/∂b3"]
    assert sheet.max_row == 3 + 13 * 4
    assert [one.value for one in sheet[9]][:6] == [
        "='η=2'!A5",
        "=MOD(ROW()-ROW(A$3)-1,4)+1",
        "=INDEX(Data!$D$6:$D$9,$B9)",
        "=INDEX(Data!$B$6:$B$9,$B9)",
        "=INDEX(Data!$C$6:$C$9,$B9)",
        "='η=2'!C5",
    ]


def test_each_row_refers_to_its_step_and_the_steps_to_their_rows(with_samples: Workbook) -> None:
    network = with_samples.layout.network
    if not network.in_batches:
        assert "η=2 samples" not in load_workbook(with_samples.path).sheetnames
        return
    batch, book = network.samples.batch, load_workbook(with_samples.path)
    for step in range(13):
        for n in range(batch):
            assert book["η=2 samples"].cell(4 + step * batch + n, 1).value == f"='η=2'!A{4 + step}"
    training = with_samples.layout.training
    letters, gathers = with_samples.layout.samples.letters["dE_dw1"], {"sum": "SUM", "mean": "AVERAGE"}
    for step in range(13):
        first = 4 + step * batch
        assert book["η=2"][training.cell("dE_dw1", step)].value == (
            f"={gathers[network.samples.reduction]}('η=2 samples'!{letters}{first}:{letters}{first + batch - 1})"
        )


def test_rows_that_are_inserted_above_the_table_change_no_sample(in_mini_batches: Workbook) -> None:
    model = load(in_mini_batches.path)
    (index,) = [n for n, one in enumerate(model.get_worksheets_properties()) if one["name"] == "η=2 samples"]
    for inserted in (0, 3):
        if inserted:
            model.insert_rows(index, 1, inserted)
        model.evaluate()
        cells = Sheets(model)
        assert [cells.value("η=2 samples", 4 + inserted + n, 2) for n in range(6)] == [3, 1, 4, 2, 3, 1]


@pytest.mark.parametrize(("reduction", "verb"), [("sum", "adds up"), ("mean", "averages")])
def test_the_sheet_says_what_becomes_of_its_rows(tmp_path: Path, reduction: str, verb: str) -> None:
    samples = xor.Samples(xor.INPUTS, xor.TARGETS, batch=2, reduction=reduction)
    sheet = load_workbook(written(tmp_path, xor.XOR.with_samples(samples), steps=1).path)["η=2 samples"]
    assert sheet["C2"].value == (
        f"Each row is one sample. Its weights are those of its step; the step {verb} its 2 errors and gradients."
    )


def test_every_header_has_a_note(in_batch: Workbook) -> None:
    notes = notes_of(in_batch.path, "η=2 samples")
    assert notes["B3"] == "Which sample of the sheet Data this row takes.\n\ngroup: inputs"
    columns = samples_layout(in_batch.layout.network, 12).columns
    assert set(notes) == {f"{column.letters}3" for column in columns}


def test_the_header_and_the_sample_stay_in_view_and_the_sheets_are_linked(in_batch: Workbook) -> None:
    sheet = load_workbook(in_batch.path)["η=2 samples"]
    assert sheet.freeze_panes == "C4"
    assert (sheet["A1"].hyperlink.location, sheet["A2"].hyperlink.location) == ("'Network'!A1", "'η=2'!A1")
