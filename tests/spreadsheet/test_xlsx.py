"""A book as it comes out of the file, and beside what XlsxWriter itself would have written."""

import re
import zipfile
from pathlib import Path

import pytest

from tests import xor
from xlbackprop.backprop.templates import load_template
from xlbackprop.spreadsheet.blocks import FilledDown, FilledOver, Formula, Link, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.charts import Axis, Chart, Label, Series
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.spreadsheet.looks import Look
from xlbackprop.spreadsheet.presentation import ColourScale
from xlbackprop.spreadsheet.xlsx import write
from xlbackprop.workbook.layout import WorkbookLayout
from xlbackprop.workbook.network_sheet import Origin
from xlbackprop.workbook.run import Run
from xlbackprop.workbook.sheets import our_sheets


def parts(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as package:
        return {name: package.read(name).decode() for name in package.namelist()}


def sheet(path: Path, number: int = 1) -> str:
    return parts(path)[f"xl/worksheets/sheet{number}.xml"]


NETWORKS = {name: load_template(name) for name in ("A", "deep", "softmax")} | {
    "in a batch": xor.XOR,
    "in mini-batches": xor.XOR.with_samples(xor.IN_MINI_BATCHES),
    "in turn": xor.XOR.with_samples(xor.IN_TURN),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_streamed_rows_and_charts_are_what_xlsxwriter_itself_writes(tmp_path: Path, name: str) -> None:
    written = []
    for streamed in (True, False):
        book = our_sheets(Run(WorkbookLayout(NETWORKS[name], (0.5, 2.0), 20)), Origin("0", "", name)).book
        path = tmp_path / f"{streamed}.xlsx"
        write(book, path, streamed=streamed)
        written.append(parts(path))
    ours, plain = written
    assert ours.keys() == plain.keys()
    for name in ours:
        # XlsxWriter writes a number that is no formula with 16 digits, and how many columns a row has
        texts = [
            re.sub(r"(<v>|<c:v>)(-?\d[\d.]*(?:[eE][-+]?\d+)?)(?=<)", shorter, re.sub(r' spans="[^"]*"', "", part[name]))
            for part in written
        ]
        assert texts[0] == texts[1], name


def shorter(match: re.Match[str]) -> str:
    return f"{match[1]}{float(match[2]):.13g}"


def test_the_sheet_says_how_far_its_streamed_rows_reach(tmp_path: Path) -> None:
    book = Book()
    page = book.sheet("Sheet1")
    page.put("B1", "head")
    rows = page.reserve("rows", "A2", (3, 2), Role.QUANTITY)
    above, below = rows.cell(0, 1), rows.cell(0, 0)
    formulas = [Formula(f"{above}*2"), Formula(f'IF({below}>0,"<50%","&")')]
    page.fill(rows, FilledDown(formulas, [(1, 2)] * 3, {}))
    write(book, tmp_path / "book.xlsx")
    xml = sheet(tmp_path / "book.xlsx")
    assert '<dimension ref="A1:B4"/>' in xml
    assert re.findall(r'<row r="(\d+)"', xml) == ["1", "2", "3", "4"]
    assert "<f>B4*2</f>" in xml
    assert '<f>IF(A4&gt;0,"&lt;50%","&amp;")</f>' in xml


@pytest.mark.parametrize("streamed", [True, False])
def test_rows_that_refer_to_a_table_with_more_or_fewer_rows_find_theirs(tmp_path: Path, streamed: bool) -> None:
    book = Book()
    few, many = book.sheet("Few"), book.sheet("Many")
    numbers = book.sheet("Numbers").put("A2", [[1.0], [2.0], [3.0]], role=Role.CONSTANT)
    sums, rows = few.reserve("sums", "B2", (3, 1)), many.reserve("rows", "A5", (6, 1))
    two = rows.column_place(0)[0:2]
    few.fill(sums, FilledDown([Formula(f"SUM({two:*2})")], [(2.0,), (4.0,), (6.0,)], {}))
    many.fill(rows, FilledDown([Formula(f"{numbers.cell(0):/2}")], [(float(n // 2 + 1),) for n in range(6)], {}))
    write(book, tmp_path / "book.xlsx", streamed=streamed)
    cells = recalculated(tmp_path / "book.xlsx")
    assert [cells.formula("Few", 2 + n, 2) for n in range(3)] == [f"=SUM(Many!A{row}:A{row + 1})" for row in (5, 7, 9)]
    assert [cells.formula("Many", 5 + n, 1) for n in range(6)] == [f"=Numbers!A{row}" for row in (2, 2, 3, 3, 4, 4)]
    assert [cells.value("Few", 2 + n, 2) for n in range(3)] == [2, 4, 6]


def test_blocks_that_are_streamed_side_by_side_share_their_rows(tmp_path: Path) -> None:
    book = Book()
    page = book.sheet("Sheet1")
    left, right = page.reserve("left", "A2", (2, 1)), page.reserve("right", "C2", (2, 2))
    page.fill(left, FilledDown([Formula("A1+1")], [(1,), (2,)], {}))
    page.fill(right, FilledDown([Formula(f"{left.cell(0)}*2"), Formula("7")], [(2, 7), (4, 7)], {}))
    write(book, tmp_path / "book.xlsx")
    rows = re.findall(r'<row r="(\d)"[^>]*>(.*?)</row>', sheet(tmp_path / "book.xlsx"))
    assert [(row, re.findall(r'r="(\w+)"', cells)) for row, cells in rows] == [
        ("2", ["A2", "C2", "D2"]),
        ("3", ["A3", "C3", "D3"]),
    ]
    assert "<f>A3*2</f><v>4</v>" in rows[1][1]


def test_contents_of_every_kind_are_written(tmp_path: Path) -> None:
    book = Book({"title": "a title"})
    first, second = book.sheet("First"), book.sheet("The second's")
    number = first.put("A1", 0.1 + 0.2, Look(bold=True), role=Role.CONSTANT)
    first.put("B1", ["=no formula", "", None, Link("over there", second.name)])
    second.put("A1", Formula(f"{number.place:$}*10"))
    write(book, tmp_path / "book.xlsx")
    assert "<v>0.30000000000000004</v>" in sheet(tmp_path / "book.xlsx")
    assert "<f>First!$A$1*10</f><v>3" in sheet(tmp_path / "book.xlsx", 2)
    assert "location=\"'The second's'!A1\"" in sheet(tmp_path / "book.xlsx")
    assert 'r="D1"' not in sheet(tmp_path / "book.xlsx")
    assert "=no formula" in parts(tmp_path / "book.xlsx")["xl/sharedStrings.xml"]


def test_a_locked_book_leaves_its_inputs_open(tmp_path: Path) -> None:
    book = Book(locked=True)
    book.sheet("Sheet1").put("A1", 1.0, Look(locked=False), role=Role.INPUT)
    write(book, tmp_path / "book.xlsx")
    assert "<sheetProtection" in sheet(tmp_path / "book.xlsx")
    assert 'locked="0"' in parts(tmp_path / "book.xlsx")["xl/styles.xml"]


@pytest.mark.parametrize("streamed", [True, False])
def test_a_curve_has_no_stored_point_where_a_cell_shows_an_error(tmp_path: Path, streamed: bool) -> None:
    book = Book()
    page = book.sheet("Sheet1")
    name = page.put("A1", "curve").place
    cells = page.put("A2", [[Formula("NA()")], [Formula("1/4")], [Formula("1/0")]]).place
    page.charts.append(("C1", Chart("", 9, Axis(), Axis(), (300, 200), "", [Series(name, cells, cells)]), 0, 0))
    write(book, tmp_path / "book.xlsx", streamed=streamed)
    written = parts(tmp_path / "book.xlsx")
    assert '<c r="A2" t="e"><f>NA()</f><v>#N/A</v></c>' in written["xl/worksheets/sheet1.xml"]
    cached = re.findall(
        r'<c:pt idx="(\d)"><c:v>([^<]*)</c:v>', written["xl/charts/chart1.xml"].partition("<c:xVal>")[2]
    )
    assert cached == [("1", "0.25"), ("1", "0.25")]


def test_a_drawing_has_no_frame_no_title_and_labels_on_one_line_over_what_is_behind_them(tmp_path: Path) -> None:
    book = Book()
    page = book.sheet("Sheet1")
    name = page.put("A1", "w1 = 0.5").place
    cells = page.put("A2", [[1.0], [2.0]], role=Role.CONSTANT).place
    label = Label("center", 8, fill="#FFFFFF")
    series = [Series(name, cells, cells, label=label)]
    for bare in (True, False):
        chart = Chart("" if bare else "title", 9, Axis(), Axis(), (300, 200), "", series, bare=bare)
        page.charts.append(("C1", chart, 0, 0))
    write(book, tmp_path / "book.xlsx")
    drawing, other = (parts(tmp_path / "book.xlsx")[f"xl/charts/chart{n}.xml"] for n in (1, 2))
    for text, found in (("<c:autoTitleDeleted", drawing), ("<c:title>", other)):
        assert text in found
        assert (drawing + other).count(text) == 1
    assert '<c:layoutTarget val="inner"/>' in drawing
    assert "<c:layoutTarget" not in other
    labels = re.findall(r"<c:dLbls>(.*?)</c:dLbls>", drawing)
    assert len(labels) == 1
    assert '<a:bodyPr wrap="none"/>' in labels[0]
    assert '<a:solidFill><a:srgbClr val="FFFFFF"/></a:solidFill>' in labels[0]
    assert other.count("wrap=") == 1


def test_a_colour_scale_is_written_around_zero(tmp_path: Path) -> None:
    book = Book()
    page = book.sheet("Sheet1")
    cells = page.put("A1", [[1.0, -2.0]], role=Role.CONSTANT).place
    page.scales.append(ColourScale(cells, "#AA0000", "#FFFFFF", "#0000AA"))
    write(book, tmp_path / "book.xlsx")
    size = "MAX(MAX($A$1:$B$1),-MIN($A$1:$B$1),1E-200)"
    ends = [
        f'<cfvo type="formula" val="-{size}"/>',
        '<cfvo type="num" val="0"/>',
        f'<cfvo type="formula" val="{size}"/>',
    ]
    colours = [f'<color rgb="FF{colour}"/>' for colour in ("AA0000", "FFFFFF", "0000AA")]
    assert f"<colorScale>{''.join(ends + colours)}</colorScale>" in sheet(tmp_path / "book.xlsx")


def filled_over(path: Path, *, streamed: bool, step: int = 1) -> Path:
    book = Book()
    first = book.sheet("Sheet")
    numbers = first.put("A1", [[float(row * column) for column in range(6)] for row in range(6)], role=Role.INPUT)
    block = first.reserve("sums", "H1", (4, 4))
    first.fill(block, FilledOver(f'IF(1<2,SUM({numbers.place[:2, :2]}),0)&""', step, margin=1))
    write(book, path, streamed=streamed)
    return path


def test_a_formula_that_is_filled_over_a_block_is_written_once_and_read_in_every_cell(tmp_path: Path) -> None:
    once, each = (filled_over(tmp_path / f"{streamed}.xlsx", streamed=streamed) for streamed in (True, False))
    assert sheet(once).count("SUM(") == 1
    assert sheet(each).count("SUM(") == 4
    ours, plain = recalculated(once), recalculated(each)
    assert ours.formulas("Sheet") == plain.formulas("Sheet")
    assert ours.value("Sheet", 3, 10) == plain.value("Sheet", 3, 10) == "9"


def test_a_filled_formula_that_moves_by_more_than_a_cell_is_written_in_each(tmp_path: Path) -> None:
    assert sheet(filled_over(tmp_path / "steps.xlsx", streamed=True, step=2)).count("SUM(") == 4


def test_libreoffice_reads_a_filled_formula_in_every_cell(libreoffice: str, tmp_path: Path) -> None:
    path = filled_over(tmp_path / "filled.xlsx", streamed=True)
    assert recalculated(path, "libreoffice").values("Sheet") == recalculated(path).values("Sheet")
