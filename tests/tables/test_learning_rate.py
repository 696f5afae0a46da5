"""The learning rate is found wherever it stands."""

import re
from pathlib import Path

import pytest
from openpyxl import load_workbook

from tests.handmade import FORMULAS, GRADIENTS, WEIGHTS, Handmade, Layout, write, write_table
from xlbackprop.check.file import check
from xlbackprop.spreadsheet.ironcalc import opened
from xlbackprop.tables.finding import find_tables
from xlbackprop.tables.learning_rate import LearningRate, learning_rate


def rate_of(path: Path) -> LearningRate:
    sheets, _ = opened(path)
    (table,) = find_tables(sheets)
    return learning_rate(sheets, table, table.read(sheets))


@pytest.mark.parametrize("place", ["cell", "column", "block", "number"])
def test_it_is_found_in_a_cell_a_column_a_block_or_the_formulas(tmp_path: Path, place: str) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(Layout(eta=place, header_row=12), rate=0.8))
    assert rate_of(path).first == pytest.approx(0.8, rel=1e-7)


def test_the_cell_that_the_updates_use_goes_before_a_label(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(Layout(label="speed"), rate=2.0))
    book = load_workbook(path)
    book.active["A3"], book.active["B3"] = "learning rate", 0.01
    book.save(path)
    assert rate_of(path).first == 2.0


def test_one_of_several_rates_beside_a_label_is_the_one_that_is_used(tmp_path: Path) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(rate=1.0))
    book = load_workbook(path)
    sheet = book.active
    for column, rate in zip("EFG", (0.8, 0.5, 0.2), strict=True):
        sheet[f"{column}1"] = rate
    for row in sheet.iter_rows(min_row=7):
        for cell in row:
            if isinstance(cell.value, str):
                cell.value = cell.value.replace("$D$1", "$F$1")
    book.save(path)
    assert rate_of(path).first == 0.5


def test_most_updates_outvote_the_wrong_ones(tmp_path: Path) -> None:
    wrong = {w: FORMULAS[w].replace("-{eta}", "*{eta}") for w in WEIGHTS[:3]}
    path = write(tmp_path / "book.xlsx", Handmade(Layout(eta="number"), rate=0.2, formulas=FORMULAS | wrong))
    assert rate_of(path).first == pytest.approx(0.2, rel=1e-7)


def test_changes_in_a_column_are_found(tmp_path: Path) -> None:
    cells = {("eta", step): 0.1 for step in range(4, 9)}
    path = write(tmp_path / "book.xlsx", Handmade(Layout(eta="column"), rate=0.5, cells=cells))
    assert rate_of(path).changes == [4]


def test_a_defined_name_is_followed(tmp_path: Path) -> None:
    from openpyxl.workbook.defined_name import DefinedName

    formulas = FORMULAS | {w: FORMULAS[w].replace("{eta}", "speed") for w in WEIGHTS}
    path = write(tmp_path / "book.xlsx", Handmade(Layout(label="-"), rate=0.7, formulas=formulas))
    book = load_workbook(path)
    book.defined_names["speed"] = DefinedName("speed", attr_text="Sheet1!$D$1")
    book.save(path)
    rate = rate_of(path)
    assert rate.first == 0.7
    assert rate.cell is not None


def test_without_gradients_nothing_tells_but_a_label(tmp_path: Path) -> None:
    cells = {(name, step): 0.1 for name in (*GRADIENTS, *WEIGHTS) for step in range(9)}
    path = write(tmp_path / "book.xlsx", Handmade(Layout(eta="number"), cells=cells))
    assert rate_of(path).first is None


@pytest.mark.parametrize(("label", "rate"), [("C18", "D18"), ("AH21", "AI21"), ("A20", "B20")])
def test_each_run_under_one_row_of_headers_has_its_own_labelled_rate(tmp_path: Path, label: str, rate: str) -> None:
    path = write(tmp_path / "book.xlsx", Handmade(rate=0.5))
    book = load_workbook(path)
    sheet = book.active
    write_table(sheet, Handmade(Layout(header_row=20), rate=0.5))
    for cell in sheet[20]:
        cell.value = None
    sheet[label], sheet[rate] = "η", 2.0
    fixed = re.sub(r"([A-Z]+)", r"$\1$", rate)
    for row in sheet.iter_rows(min_row=21):
        for cell in row:
            if isinstance(cell.value, str):
                cell.value = cell.value.replace("$D$1", fixed)
    book.save(path)
    sheets, _ = opened(path)
    first, second = find_tables(sheets)
    assert (first.rows[0], second.rows[0]) == (6, 21)
    rates = [learning_rate(sheets, table, table.read(sheets)).first for table in (first, second)]
    assert rates == [0.5, 2.0]
    assert [table.verdict for table in check(path).tables] == ["correct", "correct"]


@pytest.mark.parametrize(("label", "verdict"), [("η output", "correct"), ("η", "wrong"), (None, "wrong")])
def test_layers_have_learning_rates_of_their_own_where_labels_say_so(
    tmp_path: Path, label: str | None, verdict: str
) -> None:
    other = {w: FORMULAS[w].replace("{eta}", "$D$2") for w in WEIGHTS[4:]}
    path = write(tmp_path / "book.xlsx", Handmade(formulas=FORMULAS | other))
    book = load_workbook(path)
    book.active["C2"], book.active["D2"] = label, 0.1
    book.active["C1"] = "η hidden" if label == "η output" else "η"
    book.save(path)
    (table,) = check(path).tables
    assert table.verdict == verdict
    if verdict == "correct":
        assert table.notes == ("its layers have learning rates of their own, 0.5 in D1 and 0.1 in D2",)
        book.active["M9"] = "=M8-$D$2*AC8"
        book.save(path)
        (finding,) = check(path).tables[0].findings
        assert (finding.quantity, finding.expected) == ("w5", "=M8-$D$2*AB8")
