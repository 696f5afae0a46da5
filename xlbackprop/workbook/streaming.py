"""A worksheet that writes tens of thousands of formula rows from one row template.

XlsxWriter prepares each formula with some thirty regular expressions and keeps each cell as an
object. The rows of a training table differ only in their row numbers and values, so they are
written here as text, while the file is written, and never kept. The XML is the same.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from html import escape
from zipfile import ZipFile

import xlsxwriter.workbook
from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

#: Compresses twice as fast as XlsxWriter's 6, to a file that is a tenth larger.
COMPRESSION_LEVEL = 4

# stand for the row's own number and for that of the row above
ROW, ROW_ABOVE = "\x01", "\x02"


class StreamedWorkbook(Workbook):
    """A workbook that is compressed faster, for half the time of a long training goes into that."""

    def _store_workbook(self) -> None:
        # XlsxWriter has no option for it
        xlsxwriter.workbook.ZipFile = partial(ZipFile, compresslevel=COMPRESSION_LEVEL)
        try:
            super()._store_workbook()
        finally:
            xlsxwriter.workbook.ZipFile = ZipFile


class StreamedWorksheet(Worksheet):
    """A worksheet whose last rows are streamed; use it as `worksheet_class` of XlsxWriter's `add_worksheet`."""

    def __init__(self) -> None:
        super().__init__()
        self._streams: list[tuple[int, Sequence[str], Sequence[str], Sequence[Format], Iterable[Sequence[float]]]] = []

    def stream_rows(
        self,
        row: int,
        columns: Sequence[str],
        formulas: Sequence[str],
        formats: Sequence[Format],
        rows: Iterable[Sequence[float]],
        row_count: int,
    ) -> None:
        """Append formula rows; nothing else may be written to these rows or below them.

        Args:
            row: number of the first row, from 1.
            columns: the column letters of each cell.
            formulas: the formula of each cell, without `=`, with `ROW` and `ROW_ABOVE` for row numbers.
            formats: the format of each cell.
            rows: the values that stand in the cells until a spreadsheet recalculates them, row by row;
                read when the workbook is closed.
            row_count: how many rows there are.
        """
        self._check_dimensions(row - 1, 0)
        self._check_dimensions(row - 1 + row_count - 1, len(columns) - 1)
        self._streams.append((row, columns, formulas, formats, rows))

    def _write_rows(self) -> None:
        last_row: int = self.dim_rowmax  # type: ignore[has-type]
        if self._streams:
            # the rows that XlsxWriter itself knows of end above the first streamed one
            self.dim_rowmax = self._streams[0][0] - 2
        super()._write_rows()
        self.dim_rowmax = last_row
        for stream in self._streams:
            for line in _row_xml(*stream):
                self.fh.write(line)

    def _prepare_formula(self, formula: str, expand_future_functions: bool = False) -> str:
        # only functions of Excel 2007 are used here, so there is nothing to expand
        return formula.removeprefix("=")

    def _xml_number_element(self, number: float, attributes: Sequence[tuple[str, object]] = ()) -> None:
        # all 17 digits: XlsxWriter writes 16, and a start value must be the very number that was checked
        text = "".join(f' {key}="{value}"' for key, value in attributes)
        self.fh.write(f"<c{text}><v>{_shortest(number)}</v></c>")


def _row_xml(
    row: int,
    columns: Sequence[str],
    formulas: Sequence[str],
    formats: Sequence[Format],
    rows: Iterable[Sequence[float]],
) -> Iterator[str]:
    cells = (
        f'<c r="{letters}{ROW}" s="{cell_format._get_xf_index()}">'
        f"<f>{escape(formula, quote=False).replace('%', '%%')}</f><v>%r</v></c>"
        for letters, formula, cell_format in zip(columns, formulas, formats, strict=True)
    )
    template = f'<row r="{ROW}">{"".join(cells)}</row>'
    for number, values in enumerate(rows, start=row):
        yield template.replace(ROW, str(number)).replace(ROW_ABOVE, str(number - 1)) % tuple(values)


def _shortest(number: float) -> str:
    return repr(float(number)).removesuffix(".0")
