"""Merged cells, shades and bars, as they stand in a file."""

import zipfile
from pathlib import Path

from xlbackprop.spreadsheet.blocks import Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.engines import recalculated
from xlbackprop.spreadsheet.presentation import Bars, ColourScale, Shades
from xlbackprop.spreadsheet.xlsx import write


def written(book: Book, path: Path) -> str:
    write(book, path)
    with zipfile.ZipFile(path) as package:
        return package.read("xl/worksheets/sheet1.xml").decode()


def test_merged_cells_keep_their_contents(tmp_path: Path) -> None:
    book = Book()
    sheet = book.sheet("Sheet")
    number = sheet.put_over("B2:D3", 4.0, role=Role.INPUT, name="number")
    column = sheet.put("F2", [[Formula(f"{number.place}*{n}")] for n in (2, 3)])
    sheet.merge(column, 1, 3)
    text = written(book, tmp_path / "merged.xlsx")
    assert all(f'<mergeCell ref="{cells}"/>' in text for cells in ("B2:D3", "F2:H2", "F3:H3"))
    cells = recalculated(tmp_path / "merged.xlsx")
    assert [cells.value("Sheet", row, 6) for row in (2, 3)] == [8, 12]
    assert cells.value("Sheet", 2, 2) == 4


def test_shades_and_bars_have_fixed_ends(tmp_path: Path) -> None:
    book = Book()
    sheet = book.sheet("Sheet")
    place = sheet.put("A1", [[0.0, 0.5]], role=Role.INPUT).place
    sheet.shades.append(Shades(place, "#FFFFFF", "#000000", 0, 255))
    sheet.bars.append(Bars(place, "#7FA8E0", 1))
    text = written(book, tmp_path / "shades.xlsx")
    assert '<colorScale><cfvo type="num" val="0"/><cfvo type="num" val="255"/><color rgb="FFFFFFFF"/>' in text
    assert '<dataBar showValue="0"><cfvo type="num" val="0"/><cfvo type="num" val="1"/>' in text


def test_shades_can_have_a_colour_half_way(tmp_path: Path) -> None:
    book = Book()
    sheet = book.sheet("Sheet")
    place = sheet.put("A1", [[-1.0, 0.5]], role=Role.INPUT).place
    sheet.shades.append(Shades(place, "#FF0000", "#0000FF", -1, 2, middle="#FFFFFF"))
    text = written(book, tmp_path / "shades.xlsx")
    assert '<cfvo type="num" val="-1"/><cfvo type="num" val="0.5"/><cfvo type="num" val="2"/>' in text
    assert '<color rgb="FFFF0000"/><color rgb="FFFFFFFF"/><color rgb="FF0000FF"/>' in text


def test_scales_can_share_how_far_they_go(tmp_path: Path) -> None:
    book = Book()
    sheet = book.sheet("Sheet")
    place = sheet.put("A1", [[1.0, 2.0]], role=Role.INPUT).place
    most = sheet.put("A3", Formula(f"MAX({place})")).place
    sheet.scales.append(ColourScale(place, "#0000FF", "#FFFFFF", "#FF0000", most))
    text = written(book, tmp_path / "scale.xlsx")
    assert '<cfvo type="formula" val="-$A$3"/><cfvo type="num" val="0"/><cfvo type="formula" val="$A$3"/>' in text
