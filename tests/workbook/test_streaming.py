import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from xlsxwriter import Workbook

from xlbackprop.backprop.simulation import Simulation
from xlbackprop.backprop.templates import load_template
from xlbackprop.workbook.layout import training_layout
from xlbackprop.workbook.streaming import ROW, ROW_ABOVE, StreamedWorksheet
from xlbackprop.workbook.training import row_formulas

STEPS = 40


def cells(path: Path) -> list[tuple[str, ...]]:
    """Address, format, formula and value of every cell of the first sheet."""
    with zipfile.ZipFile(path) as package:
        sheet = ElementTree.fromstring(package.read("xl/worksheets/sheet1.xml"))
    main = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    return [
        (cell.get("r", ""), cell.get("s", ""), cell.findtext(f"{main}f", ""), cell.findtext(f"{main}v", ""))
        for cell in sheet.iter(f"{main}c")
    ]


@pytest.mark.parametrize("template", ["A", "deep", "softmax"])
def test_streamed_rows_are_the_cells_that_xlsxwriter_writes(tmp_path: Path, template: str) -> None:
    network = load_template(template)
    training = training_layout(network, STEPS)
    formulas = row_formulas(network, training).step
    rows = [
        tuple({"step": step, **values}[name] for name in training.letters)
        for step, values in enumerate(Simulation(network).steps(0.5, STEPS))
    ]

    plain = Workbook(tmp_path / "plain.xlsx")
    sheet, bold = plain.add_worksheet(), plain.add_format({"bold": True})
    sheet.write("A1", 0.1 + 0.2)
    for number, values in enumerate(rows, start=2):
        for column, (formula, value) in enumerate(zip(formulas, values, strict=True)):
            text = formula.replace(ROW, str(number)).replace(ROW_ABOVE, str(number - 1))
            sheet.write_formula(number - 1, column, f"={text}", bold, value)
    plain.close()

    streamed = Workbook(tmp_path / "streamed.xlsx")
    sheet = streamed.add_worksheet("Sheet1", StreamedWorksheet)
    bold = streamed.add_format({"bold": True})
    sheet.write("A1", 0.1 + 0.2)
    sheet.stream_rows(2, list(training.letters.values()), formulas, [bold] * len(formulas), rows, len(rows))
    streamed.close()

    # XlsxWriter writes a number that is no formula with 16 digits
    first, *expected = cells(tmp_path / "plain.xlsx")
    (first_streamed, *found) = cells(tmp_path / "streamed.xlsx")
    assert (first[3], first_streamed[3]) == ("0.3", "0.30000000000000004")
    assert found == expected
    assert len(found) == (STEPS + 1) * len(formulas)


def test_the_sheet_says_how_far_its_rows_reach(tmp_path: Path) -> None:
    book = Workbook(tmp_path / "book.xlsx")
    sheet = book.add_worksheet("Sheet1", StreamedWorksheet)
    plain = book.add_format()
    sheet.write("B1", "head")
    sheet.stream_rows(2, ["A", "B"], [f"B{ROW_ABOVE}", f'IF(A{ROW}>0,"<50%","&")'], [plain, plain], [(1, 2)] * 3, 3)
    book.close()
    with zipfile.ZipFile(tmp_path / "book.xlsx") as package:
        xml = package.read("xl/worksheets/sheet1.xml").decode()
    assert '<dimension ref="A1:B4"/>' in xml
    assert re.findall(r'<row r="(\d+)"', xml) == ["1", "2", "3", "4"]
    assert '<f>IF(A4&gt;0,"&lt;50%","&amp;")</f>' in xml
