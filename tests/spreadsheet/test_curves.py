"""What the charts of a workbook draw."""

import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook as NewWorkbook
from openpyxl.chart import LineChart, Reference, ScatterChart, Series

from xlbackprop.spreadsheet.curves import Area, Curves
from xlbackprop.spreadsheet.package import Package


def curves(path: Path) -> Curves:
    return Curves(Package(path))


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Numbers on one sheet, copies of them and a chart of each kind on another."""
    workbook = NewWorkbook()
    numbers = workbook.active
    numbers.title = "It's 0.5"
    copies = workbook.create_sheet("copies")
    for row in range(1, 6):
        numbers.cell(row, 2, row)
        copies.cell(row, 1, f"='It''s 0.5'!B{row}*1")
        copies.cell(row, 2, row)
    line = LineChart()
    line.add_data(Reference(numbers, min_col=2, min_row=1, max_row=5))
    scatter = ScatterChart()
    cells = [Reference(copies, min_col=column, min_row=1, max_row=5) for column in (1, 2)]
    scatter.series.append(Series(cells[0], cells[1]))
    copies.add_chart(line, "D1")
    copies.add_chart(scatter, "D20")
    workbook.save(tmp_path / "book.xlsx")
    return tmp_path / "book.xlsx"


def test_the_cells_of_lines_and_of_y_values_are_drawn(book: Path) -> None:
    assert curves(book).areas == [Area("It's 0.5", 1, 2, 5, 2), Area("copies", 1, 1, 5, 1)]
    assert curves(book).areas[0].points == 5


def test_what_drawn_formulas_refer_to_is_told_and_numbers_refer_to_nothing(book: Path) -> None:
    found = curves(book)
    numbers, copies = found.areas
    assert found.sources(numbers) == ((), ())
    assert found.sources(copies) == ((Area("It's 0.5", 1, 2, 1, 2),), (Area("It's 0.5", 5, 2, 5, 2),))


def with_sheet(book: Path, old: bytes, new: bytes, part: str = "xl/worksheets/sheet2.xml") -> Path:
    with zipfile.ZipFile(book) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    assert old in parts[part]
    parts[part] = parts[part].replace(old, new)
    with zipfile.ZipFile(book, "w") as target:
        for name, content in parts.items():
            target.writestr(name, content)
    return book


def test_a_formula_that_is_written_once_for_many_cells_is_read_in_each(book: Path) -> None:
    first, last = (f"<f>'It''s 0.5'!B{row}*1</f>".encode() for row in (1, 5))
    with_sheet(book, first, b'<f t="shared" ref="A1:A5" si="0">\'It\'\'s 0.5\'!B1*1</f>')
    with_sheet(book, last, b'<f t="shared" si="0"/>')
    found = curves(book)
    assert found.sources(found.areas[1])[1] == (Area("It's 0.5", 5, 2, 5, 2),)


def test_an_empty_cell_takes_no_formula_from_the_next_one(book: Path) -> None:
    with_sheet(book, b'<c r="A1"', b'<c r="Z9" s="0"/><c r="A1"')
    found = curves(book)
    assert found.sources(Area("copies", 9, 26, 9, 26)) == ((), ())


def test_a_chart_that_cannot_be_read_draws_nothing(book: Path) -> None:
    with_sheet(book, b"<lineChart>", b"<lineChart", part="xl/charts/chart1.xml")
    assert curves(book).areas == [Area("copies", 1, 1, 5, 1)]


def test_an_area_of_several_parts_is_read_part_by_part(book: Path) -> None:
    old = b"'copies'!$A$1:$A$5"
    with_sheet(book, old, b"(copies!$A$1:$A$2,'copies'!$A$4:$A$5)", part="xl/charts/chart2.xml")
    assert curves(book).areas[1:] == [Area("copies", 1, 1, 2, 1), Area("copies", 4, 1, 5, 1)]
