"""What the judge finds in a network's workbook: nothing after an edit of inputs, and the very layer after a fault."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.cnn.small import SmallWorkbook
from tests.conftest import Editor
from xlbackprop.check.file import check, verify
from xlbackprop.cnn.check import judge, unlike_written
from xlbackprop.errors import UnusableInput
from xlbackprop.report.findings import CheckedFile, Finding, Kind
from xlbackprop.report.text import sentence
from xlbackprop.spreadsheet import addressing
from xlbackprop.spreadsheet.blocks import Formula, Role
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.spreadsheet.places import Place


def judged(small: SmallWorkbook, *edits: tuple[Place, str]) -> CheckedFile:
    editor = Editor(small.path)
    for cell, text in edits:
        editor.type(*small.where(cell), text)
    return judge(editor.sheets(), small.path, "ironcalc")


def findings(report: CheckedFile) -> list[Finding]:
    return [finding for sheet in report.sheets for finding in sheet.findings]


def formula(small: SmallWorkbook, cell: Place) -> str:
    sheet, row, column = small.sheets.book.where(int(cell.ids.flat[0]))
    return recalculated(small.path).formula(sheet.name, row, column) or ""


def test_a_fresh_workbook_is_right_in_every_cell(small: SmallWorkbook) -> None:
    report = judged(small)
    assert report.correct
    assert report.notes == ()
    maps = 784 + 2 * 784 * 2 + 2 * 49 + 3 * 49 * 2 + 3 + 10
    assert maps < report.cells < maps + 3_000
    assert report.sheets[1].largest_difference.max_abs < 1e-12


def test_an_edited_weight_is_no_fault_and_is_named(small: SmallWorkbook) -> None:
    kernels = small.sheets.network.stages[3].weights[0]["weight"]
    report = judged(small, (kernels[1, 0, 2, 2], "0.75"))
    assert report.correct
    assert report.notes == ("edited since it was built: layer 5: conv 3x3, padding 1, map 2: kernels",)


def test_two_numbers_that_were_exchanged_are_an_edit(small: SmallWorkbook) -> None:
    kernels = small.sheets.network.stages[3].weights[0]["weight"]
    for first, second in ((kernels[0, 0, 0, 0], kernels[1, 0, 0, 0]), (kernels[0, 0, 0, 0], kernels[0, 1, 0, 0])):
        texts = [repr(small.sheets.book.value(cell)) for cell in (second, first)]
        report = judged(small, (first, texts[0]), (second, texts[1]))
        assert report.correct
        assert report.notes[0].startswith("edited since it was built: layer 5")


def test_a_drawn_digit_is_no_fault(small: SmallWorkbook) -> None:
    digit = small.sheets.digit
    typed = [(digit.drawing[row, 14], "1") for row in range(5, 23)]
    report = judged(small, (digit.choice, "0"), *typed)
    assert report.correct
    assert report.notes == ("edited since it was built: image",)


@pytest.mark.parametrize(("stage", "channel"), [(0, 1), (2, 0), (3, 2)])
def test_a_shifted_window_is_found_and_its_layer_named(small: SmallWorkbook, stage: int, channel: int) -> None:
    shown = small.sheets.network.stages[stage]
    cell, beside = shown.maps[channel, 2, 3], shown.maps[channel, 2, 4]
    (finding,) = findings(judged(small, (cell, formula(small, beside))))
    assert finding.quantity == f"{shown.stage.name}, map {channel + 1}"
    assert (finding.kind, finding.cell, finding.rows) == (Kind.FORMULA, small.where(cell)[1], 1)
    assert finding.found != finding.expected


def test_what_stands_around_the_maps_is_told_by_its_cell(small: SmallWorkbook) -> None:
    around = (one for one in small.sheets.book.blocks if one.role is Role.FORMULA and not one.name)
    block = next(one for one in around if isinstance(next(one.cells())[2], Formula))
    cell = Place(np.array([block.first_id]))
    sheet, address = small.where(cell)
    miscalculated = recalculated(small.path)
    miscalculated._values_read[sheet] = miscalculated.values(sheet) | {(block.row, block.column): 77.0}
    for report, what in (
        (judged(small, (cell, "=42")), "holds another formula than the one that was built"),
        (judge(miscalculated, small.path, "ironcalc"), "does not follow from the cells before it"),
    ):
        assert f"{address} {what}." in map(sentence, findings(report))


def test_a_number_typed_over_a_map_is_found(small: SmallWorkbook) -> None:
    cell = small.sheets.network.stages[1].maps[1, 5, 5]
    (finding,) = findings(judged(small, (cell, "0.25")))
    assert (finding.kind, finding.slip) == (Kind.CONSTANT, "holds 0.25 where a formula belongs")


def test_a_missing_padding_is_found(small: SmallWorkbook) -> None:
    pooled = small.sheets.network.stages[2]
    found = findings(judged(small, (pooled.output[1, 0, 3], "1")))
    assert [finding.quantity for finding in found] == [
        # what follows from it, and what stands where nothing should
        *(f"layer 5: conv 3x3, padding 1, map {n}" for n in (1, 2, 3)),
        "layer 4: max pool 4x4, map 2",
    ]
    assert found[-1].slip == "holds 1.0 in the padding around the map, which is empty"


def test_a_convolution_without_its_padding_is_found(small: SmallWorkbook) -> None:
    shown = small.sheets.network.stages[3]
    cell = shown.maps[0, 0, 0]
    sheet = small.sheets.network.sheet
    inside = small.sheets.network.stages[2].maps[:, :2, :2]
    kernels = shown.weights[0]["weight"][0, :, 1:, 1:]
    text = "+".join(f"SUMPRODUCT({x},{w:$})" for x, w in zip(inside, kernels, strict=True))
    (finding,) = findings(judged(small, (cell, f"={addressing.written(text, sheet)}")))
    assert finding.quantity == "layer 5: conv 3x3, padding 1, map 1"
    assert "SUMPRODUCT" in finding.expected


def test_a_value_that_does_not_follow_from_its_inputs_names_one_layer(small: SmallWorkbook) -> None:
    # an engine that computes wrongly: the formulas are right, one cell is not
    sheets = recalculated(small.path)
    shown = small.sheets.network.stages[1]
    # not the largest of those that are pooled, or the pool would not follow from it either
    book = small.sheets.book
    values = np.array(book.values(shown.maps[1])).reshape(28, 28)
    row, column = next((n, k) for n, k in np.ndindex(24, 24) if values[n, k] < values[n // 4 * 4, k // 4 * 4] - 1)
    cell = shown.maps[1, row, column]
    name, row, column = book.where(int(cell.ids))
    poisoned = dict(sheets.values(name.name))
    poisoned[row, column] += 1e-9
    sheets._values_read[name.name] = poisoned
    (finding,) = findings(judge(sheets, small.path, "ironcalc"))
    assert finding.quantity == "layers 2, 3: batch norm, ReLU, map 2"
    assert (finding.cell, finding.rows) == (small.where(cell)[1], 1)


def test_rounding_is_no_fault(small: SmallWorkbook) -> None:
    sheets = recalculated(small.path)
    name = small.sheets.network.sheet.name
    fifteen = {
        place: float(f"{value:.15g}") if isinstance(value, float) else value
        for place, value in sheets.values(name).items()
    }
    sheets._values_read[name] = fifteen
    assert judge(sheets, small.path, "ironcalc").correct


def test_an_error_is_told_where_it_begins(small: SmallWorkbook) -> None:
    cell = small.sheets.network.stages[0].maps[0, 3, 3]
    found = findings(judged(small, (cell, "=1/0")))
    assert [finding.quantity for finding in found] == ["layer 1: conv 3x3, padding 1, map 1"]


def test_a_weight_that_is_no_number_is_a_sentence(small: SmallWorkbook) -> None:
    cell = small.sheets.network.stages[0].weights[0]["bias"][0]
    with pytest.raises(UnusableInput, match=rf"the cell {small.where(cell)[1]} of the sheet Network holds abc"):
        judged(small, (cell, "abc"))


def test_a_weight_that_was_deleted_counts_as_nothing(small: SmallWorkbook) -> None:
    cell = small.sheets.network.stages[0].weights[0]["bias"][0]
    report = judged(small, (cell, ""))
    assert report.correct
    assert report.notes == ("edited since it was built: layer 1: conv 3x3, padding 1, map 1: bias",)


def test_a_value_that_was_written_wrongly_is_found(small: SmallWorkbook) -> None:
    sheets = recalculated(small.path)
    assert not list(unlike_written(sheets, small.sheets))
    block = small.sheets.network.stages[3].blocks[1]
    before = block.contents.values
    try:
        object.__setattr__(block.contents, "values", before + np.eye(7) * 1e-6)
        found = list(unlike_written(sheets, small.sheets))
    finally:
        object.__setattr__(block.contents, "values", before)
    assert {finding.quantity for _, finding in found} == {"layer 5: conv 3x3, padding 1, map 2"}
    assert len(found) == 7


def poisoned(small: SmallWorkbook, path: Path) -> Path:
    """A copy in whose file one cell of a map shows another number than its formula gives."""
    cell = small.where(small.sheets.network.stages[3].maps[0, 2, 2])[1]
    with zipfile.ZipFile(small.path) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "xl/worksheets/sheet2.xml":
                assert f'<c r="{cell}" '.encode() in content
                head, mark, tail = content.partition(f'<c r="{cell}" '.encode())
                before, value, after = tail.partition(b"<v>")
                content = head + mark + before + value + b"77" + after[after.index(b"</v>") :]
            target.writestr(name, content)
    return path


@pytest.mark.parametrize("judge_file", [verify, check])
def test_a_poisoned_value_in_the_file_proves_nothing_because_it_is_recalculated(judge_file, small, tmp_path) -> None:
    path = poisoned(small, tmp_path / "poisoned.xlsx")
    assert judge_file(path).correct


def test_libreoffice_agrees_after_an_edit(small: SmallWorkbook, libreoffice: str, tmp_path: Path) -> None:
    kernels = small.sheets.network.stages[3].weights[0]["weight"]
    path = Editor(small.path).type(*small.where(kernels[1, 0, 2, 2]), "0.75").save(tmp_path / "edited.xlsx")
    report = verify(path, "libreoffice")
    assert report.correct
    assert report.notes == ("edited since it was built: layer 5: conv 3x3, padding 1, map 2: kernels",)


def test_a_missing_sheet_is_a_sentence(small: SmallWorkbook) -> None:
    editor = Editor(small.path)
    editor._model.delete_sheet(editor._sheets.index("Digits"))
    with pytest.raises(UnusableInput, match="its sheet Digits is missing: restore it"):
        judge(editor.sheets(), small.path, "ironcalc")
