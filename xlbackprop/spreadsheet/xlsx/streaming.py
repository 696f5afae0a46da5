"""What XlsxWriter does slowly, done faster: the same XML, by means of its private parts.

XlsxWriter prepares each formula with some thirty regular expressions and keeps each cell as an object.
The rows of a block that is filled down differ only in their row numbers and values, so they are written
here as text, while the file is written, and never kept.
"""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import chain
from types import FunctionType
from typing import Any
from zipfile import ZipFile

import xlsxwriter.workbook
from xlsxwriter import Workbook
from xlsxwriter.chart_scatter import ChartScatter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import CellFormulaTuple, Worksheet

from xlbackprop.spreadsheet.addresses import cell_address, column_letters
from xlbackprop.spreadsheet.addressing import ROW_MARK, row_number
from xlbackprop.spreadsheet.blocks import Block
from xlbackprop.spreadsheet.cells import Value
from xlbackprop.spreadsheet.numbers import short_number

#: Compresses twice as fast as XlsxWriter's 6, to a file that is a tenth larger.
_COMPRESSION_LEVEL = 4
#: Where that takes no time worth speaking of: in parts of fewer bytes than a long training has.
_THOROUGH_LEVEL, _LONG = 7, 4_000_000
#: The mark of the row that is written.
_THIS_ROW = "\x040\x05"
#: Stands in front of the text of a formula that is shared, behind the attributes that say so.
_SHARED = "\x06"


class _Package(ZipFile):
    """A package that is compressed faster."""

    def __init__(self, file: Any, mode: Any, **options: Any) -> None:
        super().__init__(file, mode, **options, compresslevel=_COMPRESSION_LEVEL)

    def writestr(
        self, part: Any, data: Any, compress_type: int | None = None, compresslevel: int | None = None
    ) -> None:
        level = _THOROUGH_LEVEL if len(data) < _LONG else _COMPRESSION_LEVEL
        super().writestr(part, data, compress_type, compresslevel or level)


class StreamingWorkbook(Workbook):
    """A workbook that is compressed faster, for half the time of a long training goes into that."""

    # XlsxWriter has no option for it: this is its own method, which finds another ZipFile
    _store_workbook = FunctionType(
        Workbook._store_workbook.__code__,
        {**vars(xlsxwriter.workbook), "ZipFile": _Package},
    )


class StreamedWorksheet(Worksheet):
    """A worksheet whose last rows are streamed, from blocks that stand side by side."""

    def __init__(self) -> None:
        super().__init__()
        self._streams: list[tuple[Block, Sequence[str], Sequence[Format], Iterable[Sequence[float]]]] = []
        self._shared = 0

    def stream_rows(
        self, block: Block, formulas: Sequence[str], formats: Sequence[Format], rows: Iterable[Sequence[float]]
    ) -> None:
        """Append rows; nothing but blocks of the same rows, further right, may be written there or below.

        Args:
            block: where they stand.
            formulas: those of a row, with marks for the rows that move.
            formats: those of its cells.
            rows: the values of each row; read when the workbook is closed.
        """
        last = (block.row - 1 + block.shape[0] - 1, block.column - 1 + block.shape[1] - 1)
        self._check_dimensions(block.row - 1, block.column - 1)
        self._check_dimensions(*last)
        self._streams.append((block, formulas, formats, rows))

    def write_shared(
        self, row: int, column: int, formula: str, formats: Sequence[Format | None], values: Sequence[Sequence[Value]]
    ) -> None:
        """Write a formula that is filled right and down once, as Excel itself does (ECMA-376, 18.3.1.40).

        Args:
            row, column: the first cell, counted from 0.
            formula: its text there.
            formats: that of each column.
            values: what each cell shows.
        """
        last = row + len(values) - 1, column + len(values[0]) - 1
        for corner in ((row, column), last):
            self._check_dimensions(*corner)
        area = f"{cell_address(row + 1, column + 1)}:{cell_address(last[0] + 1, last[1] + 1)}"
        again = f' t="shared" si="{self._shared}"{_SHARED}'
        text = f' t="shared" ref="{area}" si="{self._shared}"{_SHARED}{escape(formula, quote=False)}'
        self._shared += 1
        for n, line in enumerate(values):
            cells = self.table[row + n]
            for k, value in enumerate(line):
                cells[column + k] = CellFormulaTuple(text, formats[k], value)
                text = again

    def _xml_formula_element(self, formula: str, result: Any, attributes: Any = ()) -> None:
        about, shared, text = formula.partition(_SHARED)
        if not shared:
            super()._xml_formula_element(formula, result, attributes)
            return
        attribute = "".join(f' {key}="{value}"' for key, value in attributes)
        end = f">{text}</f>" if text else "/>"
        self.fh.write(f"<c{attribute}><f{about}{end}<v>{escape(str(result), quote=False)}</v></c>")

    def _write_rows(self) -> None:
        if not self._streams:
            super()._write_rows()
            return
        first_row = self._streams[0][0].row
        last_row: int = self.dim_rowmax  # type: ignore[has-type]
        # the rows that XlsxWriter itself knows of end above the first streamed one
        self.dim_rowmax = first_row - 2
        super()._write_rows()
        self.dim_rowmax = last_row
        cells = "".join(_cells_template(block, formulas, formats) for block, formulas, formats, _ in self._streams)
        template = f'<row r="{_THIS_ROW}">{cells}</row>'
        marks = {mark[0]: mark for mark in ROW_MARK.finditer(template)}
        beside = zip(*(rows for *_, rows in self._streams), strict=True)
        for down, values in enumerate(beside):
            text = template
            for written, mark in marks.items():
                text = text.replace(written, str(row_number(mark, first_row, down)))
            self.fh.write(text % tuple(chain.from_iterable(values)))

    def _prepare_formula(self, formula: str, expand_future_functions: bool = False) -> str:
        # only functions of Excel 2007 are used here, so there is nothing to expand
        return formula.removeprefix("=")

    def _xml_number_element(self, number: float, attributes: Sequence[tuple[str, object]] = ()) -> None:
        # all 17 digits: XlsxWriter writes 16, and a start value must be the very number that was checked
        text = "".join(f' {key}="{value}"' for key, value in attributes)
        self.fh.write(f"<c{text}><v>{short_number(number)}</v></c>")


def _cells_template(block: Block, formulas: Sequence[str], formats: Sequence[Format]) -> str:
    """The XML of a block's cells in a row, with `%r` for the values and a mark for each row number, how far that
    lies below."""
    return "".join(
        f'<c r="{column_letters(column)}{_THIS_ROW}" s="{look._get_xf_index()}">'
        f"<f>{escape(formula, quote=False).replace('%', '%%')}</f><v>%r</v></c>"
        for column, (formula, look) in enumerate(zip(formulas, formats, strict=True), start=block.column)
    )


class LabelledChart(ChartScatter):
    """A scatter chart whose labels are never broken into lines, for which XlsxWriter has no option."""

    _in_labels = False

    def _write_d_lbls(self, labels: Any) -> None:
        self._in_labels = True
        super()._write_d_lbls(labels)
        self._in_labels = False

    def _write_a_body_pr(self, rotation: Any, is_horizontal: Any) -> None:
        if self._in_labels:
            self._xml_empty_tag("a:bodyPr", [("wrap", "none")])
        else:
            super()._write_a_body_pr(rotation, is_horizontal)


class CurveChart(LabelledChart):
    """A scatter chart whose stored values are written at once and not one by one; the XML is the same."""

    def _get_data_type(self, data: Sequence[float | str | None] | None) -> str:
        if data is not None and len(data) > 0 and not isinstance(data[0], str):
            return "num"
        data_type: str = super()._get_data_type(data)
        return data_type

    def _write_num_cache(self, data: Sequence[float | None]) -> None:
        self._xml_start_tag("c:numCache")
        self._write_format_code("General")
        self._write_pt_count(len(data))
        self.fh.writelines(
            f'<c:pt idx="{n}"><c:v>{short_number(value)}</c:v></c:pt>'
            for n, value in enumerate(data)
            if value is not None
        )
        self._xml_end_tag("c:numCache")
