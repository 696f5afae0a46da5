"""What a reader of the file finds, sheet by sheet, seen through openpyxl and the parts of the package."""

import re
import zipfile
from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.workbook import Workbook as Book

from tests.conftest import Editor, Workbook, built, cell
from xlbackprop.backprop.templates import template_names
from xlbackprop.spreadsheet.engines import recalculated

FUNCTIONS = {
    *[
        "ABS",
        "AND",
        "AVERAGE",
        "COUNTIF",
        "EXP",
        "IF",
        "IFERROR",
        "INDEX",
        "INT",
        "ISERROR",
        "ISTEXT",
        "LN",
        "LOG10",
        "MATCH",
        "MAX",
        "MIN",
        "MOD",
        "NA",
        "OR",
        "ROUND",
        "ROW",
    ],
    *["SIGN", "SQRT", "SUM", "SUMPRODUCT", "SUMSQ", "TANH", "CHOOSE"],
}


@pytest.fixture(scope="module")
def book(classic: Workbook) -> Book:
    return load_workbook(classic.path)


@pytest.fixture(scope="module")
def values(classic: Workbook) -> Book:
    return load_workbook(classic.path, data_only=True)


def part(workbook: Workbook, pattern: str) -> list[str]:
    """The texts of the parts of a package whose names match."""
    with zipfile.ZipFile(workbook.path) as package:
        return [package.read(name).decode() for name in package.namelist() if re.fullmatch(pattern, name)]


# --- the file as a whole ---------------------------------------------------------------------------


def test_the_sheets_come_in_the_order_of_the_lesson(book: Book) -> None:
    assert book.sheetnames == ["Network", "Derivation", "Gradient check", "η=0.5", "η=2", "Comparison", "Check"]


def test_every_formula_cell_carries_its_value(book: Book, values: Book) -> None:
    formulas = 0
    for sheet in book:
        for row in sheet.iter_rows():
            for formula in row:
                if formula.data_type == "f":
                    formulas += 1
                    value = values[sheet.title][formula.coordinate].value
                    assert value is not None, (sheet.title, formula.coordinate)
                    # of the lines that a connection could be, all but one are not there
                    assert not str(value).startswith("#") or (sheet.title, formula.value[-5:]) == ("Network", "NA())")
    assert formulas > 1500


@pytest.mark.parametrize("template", template_names())
def test_only_functions_that_every_spreadsheet_knows_are_used(tmp_path: Path, template: str) -> None:
    texts = part(built(tmp_path, template, steps=2), r"xl/worksheets/sheet\d+\.xml")
    formulas = [re.sub(r'"[^"]*"', "", formula) for text in texts for formula in re.findall(r"<f>(.*?)</f>", text)]
    used = {function for formula in formulas for function in re.findall(r"([A-Z][A-Z0-9.]*)\(", formula)}
    assert used <= FUNCTIONS
    # no literal text in a formula may be longer than this
    literals = [
        text for sheet in texts for formula in re.findall(r"<f>(.*?)</f>", sheet) for text in formula.split('"')[1::2]
    ]
    assert max(map(len, literals)) <= 255
    # a minus in front of a power means another thing in a spreadsheet than in mathematics
    assert not [formula for formula in formulas if re.search(r"(^|[(,=*/+-])-[A-Z$]+[0-9$]+\^", formula)]


def test_there_are_no_macros_and_no_links_to_other_files(classic: Workbook) -> None:
    with zipfile.ZipFile(classic.path) as package:
        names = package.namelist()
    assert not [name for name in names if "vba" in name.lower() or "externalLink" in name]
    assert not any('TargetMode="External"' in text for text in part(classic, r".*\.rels"))


def test_the_document_properties_say_what_it_is(book: Book) -> None:
    assert book.properties.title == "Backpropagation, a 2-2-2 network"
    assert book.properties.creator.startswith("xlbackprop ")
    assert book.properties.description == "xlbackprop build --template A --lrs 0.5,2 --steps 12"


def test_every_sheet_but_those_of_the_training_prints_on_landscape_pages_of_one_width(book: Book) -> None:
    for sheet in book:
        assert sheet.page_setup.orientation == "landscape"
        if not sheet.title.startswith("η"):
            assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
            assert sheet.sheet_properties.pageSetUpPr.fitToPage


def test_names_are_defined_as_promised(book: Book) -> None:
    expected = {"i_1", "i_2", "t_1", "t_2", *(f"w_{n}" for n in range(1, 9))}
    assert set(book.defined_names) == expected
    assert book.defined_names["w_1"].attr_text == "Network!$B$13"
    for sheet in ("η=0.5", "η=2"):
        assert book[sheet].defined_names["eta"].attr_text == f"'{sheet}'!$C$2"


def test_what_may_be_edited_looks_the_same_everywhere(book: Book) -> None:
    inputs = [book["Network"][f"B{row}"] for row in (5, 6, 9, 10, *range(13, 21))]
    inputs += [book["η=2"]["C2"], book["Derivation"]["B3"], book["Derivation"]["B4"], book["Gradient check"]["B3"]]
    assert {(one.fill.start_color.rgb, one.font.color.rgb) for one in inputs} == {("FFFFF6CC", "FF1D4ED8")}
    assert all(not isinstance(one.value, str) for one in inputs)
    yellow = [
        one.coordinate
        for sheet in book
        for row in sheet.iter_rows()
        for one in row
        if one.fill.start_color.rgb == "FFFFF6CC"
    ]
    assert len(yellow) == len(inputs) + 1


def test_protection_locks_everything_else_without_a_password(tmp_path: Path) -> None:
    protected = load_workbook(built(tmp_path, protect=True).path)
    for sheet in protected:
        assert sheet.protection.sheet
        assert not sheet.protection.password
        for row in sheet.iter_rows():
            for one in row:
                assert one.protection.locked == (one.fill.start_color.rgb != "FFFFF6CC")


def test_without_protection_nothing_is_locked(book: Book) -> None:
    assert not any(sheet.protection.sheet for sheet in book)


def test_every_drawing_has_an_alternative_text(classic: Workbook) -> None:
    drawings = "".join(part(classic, r"xl/drawings/drawing\d+\.xml"))
    assert drawings.count("<xdr:graphicFrame ") == len(re.findall(r'descr="[^"]{20,}"', drawings)) == 5


# --- comparison ------------------------------------------------------------------------------------


def test_the_comparison_lists_the_errors_at_round_steps(default: Workbook) -> None:
    sheets = recalculated(default.path)
    rows = {sheets.value("Comparison", row, 1): row for row in range(23, 32)}
    assert list(rows) == [0, 1, 2, 5, 10, 20, 50, 100, 200]
    assert [sheets.value("Comparison", rows[200], column) for column in range(3, 9)] == pytest.approx(
        [0.0792891988681, 0.0381141962119, 0.0124798651505, 0.00690698159307, 0.00520746608632, 0.00214959545202]
    )
    assert [sheets.value("Comparison", row, 2) for row in rows.values()] == ["all equal", *[2] * 8]


def test_the_comparison_follows_a_learning_rate(classic: Workbook, editor: type[Editor]) -> None:
    sheets = editor(classic.path).type("η=2", "C2", "0.1").sheets()
    assert [cell(sheets, "Comparison", address) for address in ("D22", "D21", "B28")] == ["η = 0.1", 0.1, 0.5]


def test_the_comparison_has_every_curve_on_a_linear_and_on_a_logarithmic_axis(default: Workbook) -> None:
    linear, logarithmic = (part(default, rf"xl/charts/chart{number}\.xml")[0] for number in (8, 9))
    for chart in (linear, logarithmic):
        assert chart.count("<c:ser>") == 6
        assert re.findall(r"<a:t>(.*?)</a:t>", chart)[1:] == ["step", "E_total"]
        assert all(f"Comparison!${letters}$22" in chart for letters in "CDEFGH")
    assert "<c:logBase" in logarithmic
    assert "<c:logBase" not in linear
