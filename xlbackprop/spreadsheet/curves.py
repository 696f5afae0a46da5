"""What the charts of a workbook draw, read from its file: the cells of each curve, and those that these come from."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from xml.etree import ElementTree

from openpyxl.formula.translate import Translator

from xlbackprop.spreadsheet.addresses import cell_address, column_number
from xlbackprop.spreadsheet.formulas import Reference, parsed
from xlbackprop.spreadsheet.package import MAIN, Package

_CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_CHART_PART = re.compile(r"(?:^|/)charts/[^/]+\.xml$")
_AREA = re.compile(
    r"(?P<sheet>'(?:[^']|'')+'|[^'!(),]+)!\$?(?P<column>[A-Z]{1,3})\$?(?P<row>\d+)"
    r"(?::\$?(?P<last_column>[A-Z]{1,3})\$?(?P<last_row>\d+))?"
)


@dataclass(frozen=True)
class Area:
    """Cells of a sheet, from one corner to the other; rows and columns count from 1."""

    sheet: str
    row: int
    column: int
    last_row: int
    last_column: int

    @property
    def points(self) -> int:
        """The number of cells."""
        return (self.last_row - self.row + 1) * (self.last_column - self.column + 1)


class Curves:
    """The curves in all charts of a workbook; a chart that cannot be read has none.

    Attributes:
        areas: the cells that each curve draws.
    """

    def __init__(self, package: Package) -> None:
        self.areas = list(dict.fromkeys(_drawn(package)))
        self._package = package

    @cached_property
    def _sheets(self) -> dict[str, str]:
        return self._package.sheets

    def sources(self, area: Area) -> tuple[tuple[Area, ...], tuple[Area, ...]]:
        """What the formulas of the first and the last cell of a curve refer to; nothing where none stands."""
        text = self._package.parts.get(self._sheets.get(area.sheet, ""), b"").decode("utf-8", "replace")
        corners = ((area.row, area.column), (area.last_row, area.last_column))
        first, last = (_sources(text, area.sheet, *corner) for corner in corners)
        return first, last


def _drawn(package: Package) -> Iterator[Area]:
    for name, content in package.parts.items():
        if not _CHART_PART.search(name):
            continue
        try:
            chart = ElementTree.fromstring(content)
        except ElementTree.ParseError:
            continue
        for kind in ("val", "yVal"):
            for values in chart.iter(f"{_CHART}{kind}"):
                for formula in values.iter(f"{_CHART}f"):
                    yield from _areas(formula.text or "")


def _areas(text: str) -> Iterator[Area]:
    """The areas of `Sheet1!$W$33:$W$100`, or of `(Sheet1!$W$33:$W$60,Sheet1!$W$62:$W$100)`."""
    for match in _AREA.finditer(text):
        sheet = match["sheet"]
        if sheet.startswith("'"):
            sheet = sheet[1:-1].replace("''", "'")
        row, column = int(match["row"]), column_number(match["column"])
        last_column = column_number(match["last_column"]) if match["last_column"] else column
        yield Area(sheet, row, column, int(match["last_row"] or row), last_column)


def _sources(text: str, sheet: str, row: int, column: int) -> tuple[Area, ...]:
    """What the formula in a cell refers to.

    Args:
        text: the XML of its sheet.
        sheet, row, column: the cell.
    """
    formula = _formula(text, cell_address(row, column))
    if formula is None:
        return ()
    references: tuple[Reference, ...] = parsed(f"={formula}").references
    return tuple(Area(one.sheet or sheet, one.row, one.column, one.last_row, one.last_column) for one in references)


def _formula(text: str, address: str) -> str | None:
    """The formula of a cell without its `=`, also where it is written once for many cells; None where none stands."""
    cell = re.search(rf'<(?:\w+:)?c\b[^>]*\br="{address}"[^>]*>(.*?)</(?:\w+:)?c>', text, re.DOTALL)
    # behind a cell without contents stands another cell, and no formula
    if not cell or not (found := re.match(r"<(?:\w+:)?f\b[^>]*(?:/>|>.*?</(?:\w+:)?f>)", cell[1], re.DOTALL)):
        return None
    try:
        element = ElementTree.fromstring(re.sub(r"(</?)\w+:", r"\1", found[0]))
    except ElementTree.ParseError:
        return None
    if element.text or element.get("t") != "shared":
        return element.text
    shared = re.search(
        rf'\br="([A-Z]+\d+)"[^>]*><(?:\w+:)?f\b(?=[^>]*\bt="shared")(?=[^>]*\bsi="{element.get("si")}")[^>/]*>([^<]+)<',
        text,
    )
    if not shared:
        return None
    return Translator(f"={_unescaped(shared[2])}", shared[1]).translate_formula(address).removeprefix("=")


def _unescaped(text: str) -> str:
    return ElementTree.fromstring(f'<f xmlns="{MAIN}">{text}</f>').text or ""
