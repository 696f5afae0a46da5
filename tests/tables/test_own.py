from pathlib import Path

import pytest
from openpyxl import Workbook as NewWorkbook
from openpyxl import load_workbook

from tests.conftest import Editor, Workbook, fact_cell
from xlbackprop.backprop.templates import load_template, template_names
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.cells import as_number
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.spreadsheet.xlsx import write
from xlbackprop.tables.own import read_own_workbook
from xlbackprop.workbook.layout import WorkbookLayout
from xlbackprop.workbook.network_sheet import Origin
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.sheets import our_sheets


@pytest.mark.parametrize("template", template_names())
def test_the_network_of_a_file_is_the_one_that_it_was_built_from(tmp_path: Path, template: str) -> None:
    network = load_template(template)
    run = Run(WorkbookLayout(network, (0.1, 3.0), 5))
    write(our_sheets(run, Origin("0", "", template)).book, tmp_path / "book.xlsx")
    read = read_own_workbook(recalculated(tmp_path / "book.xlsx"))
    assert read.network.start_values == network.start_values
    for attribute in ("layers", "hidden", "output", "loss", "biases"):
        assert getattr(read.network, attribute) == getattr(network, attribute)
    assert [(table.sheet, table.steps) for table in read.tables] == [("η=0.1", 5), ("η=3", 5)]


def test_an_edited_input_counts_as_edited(classic: Workbook, editor: type[Editor]) -> None:
    sheets = editor(classic.path).type("Network", "B14", "0.7").type("η=2", "C2", "1.5").sheets()
    read = read_own_workbook(sheets)
    assert read.network.start_values["w2"] == 0.7
    assert [table.read(sheets)["eta"][0] for table in read.tables] == [0.5, 1.5]


def test_a_moved_sheet_is_found_at_its_new_place(classic: Workbook, tmp_path: Path) -> None:
    book = load_workbook(classic.path)
    book.move_sheet("η=2", -4)
    book.save(tmp_path / "moved.xlsx")
    assert [table.sheet for table in read_own_workbook(recalculated(tmp_path / "moved.xlsx")).tables] == [
        "η=2",
        "η=0.5",
    ]


def test_a_workbook_of_another_kind_is_refused(tmp_path: Path) -> None:
    book = NewWorkbook()
    book.active["A1"] = "step"
    book.save(tmp_path / "other.xlsx")
    with pytest.raises(UnusableInput, match="not a workbook made by xlbackprop"):
        read_own_workbook(recalculated(tmp_path / "other.xlsx"))


@pytest.mark.parametrize(
    ("sheet", "address", "text", "sentence"),
    [
        ("Network", "B14", "hello", "w2 on the sheet Network, row 14, is not a number"),
        ("η=2", "C2", "fast", "eta on the sheet η=2, row 2, is not a number"),
        ("η=2", "A3", "t", "the sheet η=2 has lost its header row"),
        ("Network", "layers", "two", "not a workbook made by xlbackprop"),
    ],
)
def test_what_cannot_be_read_is_named(classic: Workbook, editor: type[Editor], sheet, address, text, sentence) -> None:
    if address == "layers":
        address = fact_cell(classic.path, address)
    with pytest.raises(UnusableInput, match=sentence):
        read_own_workbook(editor(classic.path).type(sheet, address, text).sheets())


def test_a_table_that_lost_rows_cannot_be_judged(classic: Workbook, tmp_path: Path) -> None:
    book = load_workbook(classic.path)
    book["η=2"].delete_rows(11, 3)
    book.save(tmp_path / "short.xlsx")
    with pytest.raises(UnusableInput, match="the sheet η=2 ends with step 9, but the workbook was built with 12"):
        read_own_workbook(recalculated(tmp_path / "short.xlsx"))


def test_a_training_sheet_that_was_deleted_is_missed(classic: Workbook, tmp_path: Path) -> None:
    book = load_workbook(classic.path)
    del book["η=2"]
    book.save(tmp_path / "deleted.xlsx")
    with pytest.raises(UnusableInput, match="built with 2 training sheets, but 1 of them define a learning rate"):
        read_own_workbook(recalculated(tmp_path / "deleted.xlsx"))


def test_a_shape_that_would_fill_the_memory_is_refused(classic: Workbook, editor: type[Editor]) -> None:
    layers = fact_cell(classic.path, "layers")
    with pytest.raises(UnusableInput, match="not a workbook made by xlbackprop"):
        read_own_workbook(editor(classic.path).type("Network", layers, "50000-50000").sheets())


@pytest.mark.parametrize("name", ["w_3", "eta"])
def test_a_name_that_was_deleted_is_missed(classic: Workbook, tmp_path: Path, name: str) -> None:
    book = load_workbook(classic.path)
    if name == "eta":
        for sheet in ("η=0.5", "η=2"):
            del book[sheet].defined_names[name]
    else:
        del book.defined_names[name]
    book.save(tmp_path / "nameless.xlsx")
    with pytest.raises(UnusableInput, match="the name w_3 is missing|no sheet of it defines a learning rate"):
        read_own_workbook(recalculated(tmp_path / "nameless.xlsx"))


def test_only_a_number_is_a_number() -> None:
    assert as_number(3) == 3.0
    assert all(value != value for value in map(as_number, (None, "3", True, "#NUM!")))


def test_samples_are_read_as_they_were_built(with_samples: Workbook) -> None:
    own = read_own_workbook(recalculated(with_samples.path))
    assert own.network.samples == with_samples.layout.network.samples
    assert own.network.start_values == with_samples.layout.network.start_values
    assert [table.sheet for table in own.tables] == ["η=0.5", "η=2"]
    of_samples = ["η=0.5 samples", "η=2 samples"] if own.network.in_batches else []
    assert [table.sheet for table in own.passes] == of_samples


@pytest.mark.parametrize(
    ("sheet", "address", "text", "sentence"),
    [
        ("Data", "C7", "hello", "C7 on the sheet Data is not a number: type one there"),
        ("Data", "D9", "", "D9 on the sheet Data is not a number: type one there"),
        ("Data", "F8", "first", "F8 on the sheet Data is not a number: type one there"),
        ("Data", "F8", "5", "the order on the sheet Data names a sample that there is not"),
        ("Data", "F8", "0", "the order on the sheet Data names a sample that there is not"),
        ("Data", "F8", "2.5", "the order on the sheet Data names a sample that there is not"),
        (
            "η=2 samples",
            "W3",
            "hello",
            "the sheet η=2 samples lacks the column right: restore its header or the column",
        ),
        ("η=2 samples", "A3", "t", "the sheet η=2 samples has lost its header row"),
        ("η=2", "O3", "x", "the sheet η=2 lacks the column ∂E/∂w1: restore its header or the column"),
        ("Network", "samples a step", "3", "not a workbook made by xlbackprop"),
    ],
)
def test_of_samples_what_cannot_be_read_is_named(
    in_mini_batches: Workbook, editor, sheet, address, text, sentence
) -> None:
    if " " in address:
        address = fact_cell(in_mini_batches.path, address)
    with pytest.raises(UnusableInput, match=sentence):
        read_own_workbook(editor(in_mini_batches.path).type(sheet, address, text).sheets())
