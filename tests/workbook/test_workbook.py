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
from xlbackprop.workbook.derivation_lines import DerivationLayout

FUNCTIONS = {
    *[
        "ABS",
        "AND",
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
        "NA",
        "OR",
        "ROUND",
    ],
    *["SIGN", "SUMPRODUCT", "TANH", "CHOOSE"],
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


def test_every_sheet_prints_on_landscape_pages_of_one_width_with_its_headers(book: Book) -> None:
    for sheet in book:
        assert sheet.page_setup.orientation == "landscape"
        assert (sheet.page_setup.fitToWidth or 1, sheet.page_setup.fitToHeight) == (1, 0)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        if sheet.title.startswith("η"):
            assert sheet.print_title_rows == "$11:$12"


def test_names_are_defined_as_promised(book: Book) -> None:
    expected = {"i_1", "i_2", "t_1", "t_2", *(f"w_{n}" for n in range(1, 9))}
    assert set(book.defined_names) == expected
    assert book.defined_names["w_1"].attr_text == "Network!$B$13"
    for sheet in ("η=0.5", "η=2"):
        assert book[sheet].defined_names["eta"].attr_text == f"'{sheet}'!$C$3"


def test_what_may_be_edited_looks_the_same_everywhere(book: Book) -> None:
    inputs = [book["Network"][f"B{row}"] for row in (5, 6, 9, 10, *range(13, 21))]
    inputs += [book["η=2"]["C3"], book["Derivation"]["B3"], book["Derivation"]["B4"], book["Gradient check"]["B3"]]
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


# --- training --------------------------------------------------------------------------------------


def test_a_training_sheet_is_the_classic_table(book: Book) -> None:
    sheet = book["η=2"]
    headers = [one.value for one in sheet[12]]
    assert headers[:10] == ["step", "t1", "t2", "i1", "i2", "w1", "w2", "w3", "w4", "h1"]
    assert headers[-2:] == ["∂E/∂w7", "∂E/∂w8"]
    start = [one.value for one in sheet[13]]
    assert start[:6] == [0, "=t_1", "=t_2", "=i_1", "=i_2", "=w_1"]
    assert start[9] == "=F13*D13+G13*E13"
    assert sheet["A14"].value == "=A13+1"
    assert sheet["F14"].value == "=F13-$C$3*AK13"
    assert sheet["K14"].value == "=1/(1+EXP(-J14))"
    assert sheet["V14"].value == "=0.5*(B14-S14)^2"
    assert sheet["AM14"].value == "=AJ14*D14"
    assert sheet.max_row == 25


def test_the_header_and_the_step_stay_in_view(book: Book) -> None:
    assert book["η=2"].freeze_panes == "B13"


def test_the_chain_rule_is_folded_away_and_can_be_opened(book: Book, tmp_path: Path) -> None:
    folded = [letters for letters, column in book["η=2"].column_dimensions.items() if column.outline_level == 1]
    assert folded == ["Y"]
    assert book["η=2"].column_dimensions["Y"].hidden
    assert book["η=2"].column_dimensions["Y"].max - book["η=2"].column_dimensions["Y"].min == 11
    # a protected sheet could not be unfolded
    protected = load_workbook(built(tmp_path, protect=True).path)
    assert not protected["η=2"].column_dimensions["Y"].hidden


def test_every_header_has_a_note(book: Book) -> None:
    notes = {one.value: one.comment.text for one in book["η=2"][12]}
    assert notes["∂E/∂w3"] == (
        "How E_total changes with w3: the δ of the neuron it leads to, times the value that comes in.\n\n"
        "∂E/∂w3 = δ_h2·i1"
    )
    assert notes["w3"] == "w3: weight from i1 to h2.\n\nnext row: w3 − η·∂E/∂w3"
    assert all(notes.values())


@pytest.mark.parametrize("number", [2, 3])
def test_the_chart_of_a_training_sheet_is_complete(classic: Workbook, number: int) -> None:
    (chart,) = part(classic, rf"xl/charts/chart{number}\.xml")
    sheet = {2: "η=0.5", 3: "η=2"}[number]
    assert f"'{sheet}'!$A$13:$A$25" in chart
    assert f"'{sheet}'!$X$13:$X$25" in chart
    titles = re.findall(r"<a:t>(.*?)</a:t>", chart)
    assert titles == ["step", "E_total"]
    assert f"'{sheet}'!$H$1" in chart
    assert f"E_total over the steps, {sheet.replace('=', ' = ')}" in chart
    # the values that previewers show
    assert chart.count("<c:pt idx") >= 2 * 13
    drawings = "".join(part(classic, r"xl/drawings/drawing\d+\.xml"))
    assert f"with learning rate {sheet[2:]}; at the start it is 0.24252, at the end" in drawings


def test_every_drawing_has_an_alternative_text(classic: Workbook) -> None:
    drawings = "".join(part(classic, r"xl/drawings/drawing\d+\.xml"))
    assert drawings.count("<xdr:graphicFrame ") == len(re.findall(r'descr="[^"]{20,}"', drawings)) == 5


# --- derivation ------------------------------------------------------------------------------------


def test_the_derivation_explains_each_step_in_order(book: Book) -> None:
    sections = [section.title for section in DerivationLayout(load(book)).sections]
    assert sections == [
        "What this step starts from",
        "1. Forward: hidden layer",
        "2. Forward: output layer",
        "3. Error",
        "4. Chain rule: weights into the output layer",
        "5. What flows back to the hidden layer",
        "6. Chain rule: weights into the hidden layer",
        "7. Update",
    ]


def load(book: Book):
    from xlbackprop.backprop.templates import load_template

    return load_template("A")


def test_a_line_of_the_derivation_is_said_four_ways(classic: Workbook, editor: type[Editor]) -> None:
    rows = DerivationLayout(classic.layout.network).rows
    sheets = editor(classic.path).type("Derivation", "B3", "1").type("Derivation", "B4", "2").sheets()

    def line(name: str) -> list[object]:
        return [sheets.value("Derivation", rows[name], column) for column in (1, 3, 4)]

    assert line("h1") == ["h1", "h1 = w1·i1 + w2·i2", "= 0.149623 × 0.05 + 0.199247 × 0.1"]
    assert line("E1") == ["E1", "E1 = ½·(t1 − a_o1)²", "= ½ × (0.01 − 0.570804)²"]
    assert line("delta_o2") == ["δ_o2", "δ_o2 = ∂E/∂a_o2·∂a_o2/∂o2", "= (-0.339562) × 0.227368"]
    assert line("new w5")[1:] == ["new w5 = w5 − η·∂E/∂w5", "= 0.255686 − 2 × 0.069636"]
    after = cell(sheets, "η=2", classic.layout.training.cell("w5", 2))
    assert sheets.value("Derivation", rows["new w5"], 2) == after


@pytest.mark.parametrize("template", template_names())
def test_all_gradients_agree_with_their_central_differences(tmp_path: Path, template: str, editor) -> None:
    made = built(tmp_path, template)
    network, rows = made.layout.network, DerivationLayout(made.layout.network).rows
    book = editor(made.path)
    for edit in ({}, {"w1": "-0.61", "i1": "0.33", "t1": "0.2"}):
        for name, text in edit.items():
            book.type("Network", made.layout.start.cell(name), text)
        sheets = book.type("Derivation", "B3", "5").sheets()
        assert str(sheets.value("Derivation", 5, 2)).startswith(f"Gradient check: all {len(network.trained_names)}")
        relative = [sheets.value("Derivation", rows[f"dE_d{name}"], 6) for name in network.trained_names]
        assert all(isinstance(difference, float) and difference < 1e-4 for difference in relative), relative


def test_the_gradient_check_finds_the_slip_of_the_class_file(classic: Workbook, editor: type[Editor]) -> None:
    cells = DerivationLayout(classic.layout.network)
    wrong = f"={cells.cell('dE_da_h2')}*{cells.cell('da_h1_dh1')}"
    sheets = editor(classic.path).type("Derivation", cells.cell("delta_h2"), wrong).sheets()
    assert sheets.value("Derivation", 5, 2) == (
        "2 of the gradients do not agree with their central differences: see the red cells."
    )
    assert sheets.value("Derivation", cells.rows["dE_dw3"], 6) == "differs: 0.000262"


def test_the_gradient_check_says_where_relu_has_no_derivative(tmp_path: Path) -> None:
    made = built(tmp_path, "softmax", values={"w1": 0.0, "w2": 0.0, "b1": 0.0})
    sheets = recalculated(made.path)
    rows = DerivationLayout(made.layout.network).rows
    assert sheets.value("Derivation", rows["dE_db1"], 5) == "at a kink"
    assert sheets.value("Derivation", rows["dE_db1"], 6) == "no derivative"
    assert made.report.correct


# --- comparison ------------------------------------------------------------------------------------


def test_the_comparison_lists_the_errors_at_round_steps(default: Workbook) -> None:
    sheets = recalculated(default.path)
    rows = {sheets.value("Comparison", row, 1): row for row in range(23, 32)}
    assert list(rows) == [0, 1, 2, 5, 10, 20, 50, 100, 200]
    assert [sheets.value("Comparison", rows[200], column) for column in range(2, 8)] == pytest.approx(
        [0.0792891988681, 0.0381141962119, 0.0124798651505, 0.00690698159307, 0.00520746608632, 0.00214959545202]
    )
    assert [sheets.value("Comparison", row, 8) for row in rows.values()] == ["all equal", *[2] * 8]


def test_the_comparison_follows_a_learning_rate(classic: Workbook, editor: type[Editor]) -> None:
    sheets = editor(classic.path).type("η=2", "C3", "0.1").sheets()
    assert [cell(sheets, "Comparison", address) for address in ("C22", "C21", "D28")] == ["η = 0.1", 0.1, 0.5]


def test_the_comparison_has_every_curve_on_a_linear_and_on_a_logarithmic_axis(default: Workbook) -> None:
    linear, logarithmic = (part(default, rf"xl/charts/chart{number}\.xml")[0] for number in (8, 9))
    for chart in (linear, logarithmic):
        assert chart.count("<c:ser>") == 6
        assert re.findall(r"<a:t>(.*?)</a:t>", chart)[1:] == ["step", "E_total"]
        assert all(f"Comparison!${letters}$22" in chart for letters in "BCDEFG")
    assert "<c:logBase" in logarithmic
    assert "<c:logBase" not in linear


# --- check -----------------------------------------------------------------------------------------


def verdict(sheets) -> str:
    return sheets.value("Check", 3, 1)


def test_the_check_agrees_as_built(default: Workbook) -> None:
    assert verdict(recalculated(default.path)) == "All 54 values of E_total agree with NumPy."


@pytest.mark.parametrize(("sheet", "address"), [("η=2", "C3"), ("Network", "B5"), ("Network", "B20")])
def test_the_check_says_that_inputs_were_changed(classic: Workbook, editor, sheet: str, address: str) -> None:
    text = verdict(editor(classic.path).type(sheet, address, "0.123").sheets())
    assert text.startswith(
        "Inputs were changed since this file was built (cells changed: 1): NumPy's values below belong"
    )


@pytest.mark.parametrize("wrong", ["=1/0", "=AG15*0.999"])
def test_the_check_says_that_a_formula_is_wrong(classic: Workbook, editor: type[Editor], wrong: str) -> None:
    address = classic.layout.training.cell("delta_o1", 2)
    text = verdict(editor(classic.path).type("η=2", address, wrong).sheets())
    assert re.fullmatch(r"\d+ values of E_total differ from NumPy: a formula was changed.*", text)


def test_what_rounding_makes_incomparable_is_not_called_wrong(tmp_path: Path) -> None:
    made = built(tmp_path, "deep", 500.0, steps=200, values={"t1": 0.3, "t2": 0.7})
    text = verdict(recalculated(made.path))
    assert "cannot be compared, because rounding grows too far" in text or "agree with NumPy" in text
    assert "differ" not in text
