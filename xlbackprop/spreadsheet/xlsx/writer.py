"""Writes a book as an .xlsx file; the one module that knows XlsxWriter, and its private parts."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from xlsxwriter import Workbook
from xlsxwriter.chart_scatter import ChartScatter
from xlsxwriter.exceptions import XlsxWriterException
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet import addressing
from xlbackprop.spreadsheet.addresses import quoted
from xlbackprop.spreadsheet.blocks import Block, Content, FilledDown, FilledOver, Formula, Link
from xlbackprop.spreadsheet.book import Book, Sheet
from xlbackprop.spreadsheet.cells import Value
from xlbackprop.spreadsheet.charts import Axis, Chart, Series
from xlbackprop.spreadsheet.limits import MAX_FORMULA_LENGTH
from xlbackprop.spreadsheet.looks import PLAIN, Look
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import Bars, ColourScale, Rule, Shades, Validation
from xlbackprop.spreadsheet.xlsx.streaming import CurveChart, LabelledChart, StreamedWorksheet, StreamingWorkbook

#: A larger book goes through files beside the one that is written, and takes no memory.
_CELLS_IN_MEMORY = 200_000
#: Two builds of the same input are the same file, so no clock time goes in.
_CREATED = datetime(2000, 1, 1)
_PAPER_A4 = 9
_GRID = {"visible": True, "line": {"color": "#E5E7EB", "width": 0.75}}


def write(book: Book, path: Path, *, streamed: bool = True) -> None:
    """Write a book to a file, which is overwritten.

    Args:
        book: its streamed rows are used up.
        path: the file.
        streamed: whether rows that are filled down go straight into the file; the alternative, cell by
            cell through XlsxWriter, gives the same file and is there to be compared with.

    Raises:
        UnusableInput: a formula is longer than a cell can hold.
        OSError: the file cannot be written.
    """
    size = sum(block.shape[0] * block.shape[1] for block in book.blocks)
    options = {
        "tmpdir": str(path.parent),
        "in_memory": size <= _CELLS_IN_MEMORY,
        "strings_to_formulas": False,
        "strings_to_urls": False,
    }
    workbook = (StreamingWorkbook if streamed else Workbook)(path, options)
    workbook.set_properties({**book.properties, "created": _CREATED})
    formats = _Formats(workbook)
    sheets = {
        sheet.name: workbook.add_worksheet(sheet.name, StreamedWorksheet if streamed else None) for sheet in book.sheets
    }
    for (name, scope), cells in book.names.items():
        refers_to = f"={addressing.address(book, cells, '$')}"
        workbook.define_name(f"{quoted(scope)}!{name}" if scope else name, refers_to)
    for sheet in book.sheets:
        _Writer(book, sheet, workbook, sheets[sheet.name], formats, streamed).write()
    try:
        workbook.close()
    except XlsxWriterException as error:
        # it wraps what the disk said
        raise error.args[0] if isinstance(error.args[0], OSError) else OSError(str(error)) from error


class _Formats:
    """The formats of a workbook, one for each look."""

    def __init__(self, workbook: Workbook) -> None:
        self._workbook = workbook
        self._formats: dict[tuple[Look, bool], Format] = {}

    def of(self, look: Look, *, rule: bool = False) -> Format | None:
        """The format of a look; one of a rule holds only what the rule changes."""
        if look == PLAIN and not rule:
            return None
        if (look, rule) not in self._formats:
            self._formats[look, rule] = self._workbook.add_format(_properties(look))
        return self._formats[look, rule]


def _properties(look: Look) -> dict[str, Any]:
    """A look in XlsxWriter's words."""
    found = {
        "font_color": look.colour,
        "bg_color": look.fill,
        "bold": look.bold,
        "font_size": look.size,
        "underline": int(look.underline),
        "num_format": look.number_format,
        "align": look.align,
        "valign": "vcenter" if look.middle else None,
        "indent": look.indent,
        "text_wrap": look.wrap,
        "border": 1 if look.border else 0,
        "border_color": look.border,
    }
    for side in ("top", "bottom", "left", "right"):
        if colour := getattr(look, side):
            found |= {side: 1, f"{side}_color": colour}
    return {name: value for name, value in found.items() if value} | ({} if look.locked else {"locked": False})


@dataclass(frozen=True)
class _Writer:
    """Writes one sheet."""

    book: Book
    sheet: Sheet
    workbook: Workbook
    worksheet: Worksheet
    formats: _Formats
    streamed: bool

    def write(self) -> None:
        self._size()
        for cell, (rows, columns) in self.sheet.merged:
            cell_id = int(cell.ids)
            _, row, column = self.book.where(cell_id)
            block = self.book.block(cell_id)
            look = self.formats.of(block.look(*block.position(cell_id)))
            # the content comes with the blocks
            self.worksheet.merge_range(row - 1, column - 1, row + rows - 2, column + columns - 2, "", look)
        for block in self.sheet.blocks:
            if isinstance(block.contents, FilledDown):
                self._write_filled_down(block, block.contents)
            elif isinstance(block.contents, FilledOver):
                self._write_filled_over(block, block.contents)
            for row, column, content in block.cells():
                self._write_cell(row - 1, column - 1, content, block.look(row - block.row, column - block.column))
        for note in self.sheet.notes:
            _, row, column = self.book.where(int(note.cell.ids))
            options = {"width": note.width, "height": note.height, "font_size": 9}
            self.worksheet.write_comment(row - 1, column - 1, note.text, options)
        for scale in self.sheet.scales:
            self.worksheet.conditional_format(self._address(scale.cells), self._scale(scale))
        for rule in self.sheet.rules:
            self.worksheet.conditional_format(self._address(rule.cells), self._rule(rule))
        for shades in self.sheet.shades:
            self.worksheet.conditional_format(self._address(shades.cells), _shades(shades))
        for bars in self.sheet.bars:
            self.worksheet.conditional_format(self._address(bars.cells), _bars(bars))
        for validation in self.sheet.validations:
            self.worksheet.data_validation(self._address(validation.cells), self._validation(validation))
        for at, chart, right, down in self.sheet.charts:
            options = {"description": chart.description, "x_offset": right, "y_offset": down}
            self.worksheet.insert_chart(at, self._chart(chart), options)
        for cells in self.sheet.unlike_neighbours:
            self.worksheet.ignore_errors({"formula_differs": self._address(cells)})
        self._set_up_page()

    def _size(self) -> None:
        for width in self.sheet.widths:
            options = {"hidden": width.hidden, "level": int(width.grouped), "collapsed": width.collapsed}
            first, last = width.first - 1, width.last - 1
            if width.pixels is None:
                self.worksheet.set_column(first, last, None, None, options)
            else:
                self.worksheet.set_column_pixels(first, last, width.pixels, None, options)
        for row, pixels in self.sheet.heights.items():
            self.worksheet.set_row_pixels(row - 1, pixels)

    def _write_cell(self, row: int, column: int, content: Content, look: Look) -> None:
        cell = row, column, self.formats.of(look)
        match content:
            case Formula():
                text = addressing.written(content, self.sheet)
                self._write_formula(row, column, text, cell[2], self.book.shown(content, self.sheet))
            case Link(text=text, sheet=sheet):
                self.worksheet.write_url(row, column, f"internal:'{sheet}'!A1", cell[2], text)
            case str() if content:
                self.worksheet.write_string(row, column, content, cell[2])
            case None:
                pass
            case "":
                self.worksheet.write_blank(row, column, None, cell[2])
            case _:
                self.worksheet.write_number(row, column, content, cell[2])

    def _write_formula(self, row: int, column: int, text: str, look: Format | None, value: Value) -> None:
        self._insist_on_length(text)
        self.worksheet.write_formula(row, column, f"={text}", look, value)

    def _insist_on_length(self, text: str) -> None:
        if len(text) > MAX_FORMULA_LENGTH:
            raise UnusableInput(
                f"A formula of the sheet {self.sheet.name} is longer than a cell can hold: "
                "give fewer learning rates or use smaller layers."
            )

    def _write_filled_down(self, block: Block, filled: FilledDown) -> None:
        looks = [self.formats.of(block.look(0, n)) or self.workbook.default_url_format for n in range(block.shape[1])]
        formulas = [addressing.written(formula, self.sheet, from_row=block.row) for formula in filled.formulas]
        if self.streamed:
            self.worksheet.stream_rows(block, formulas, looks, filled.rows)
            return
        for down, values in enumerate(filled.rows):
            for n, (formula, value) in enumerate(zip(formulas, values, strict=True)):
                text = addressing.in_row(formula, block.row, down)
                self.worksheet.write_formula(block.row - 1 + down, block.column - 1 + n, f"={text}", looks[n], value)

    def _write_filled_over(self, block: Block, filled: FilledOver) -> None:
        margin = filled.margin
        looks = [self.formats.of(block.look(0, n)) for n in range(block.shape[1])]
        texts = addressing.written_over(block, filled)
        inside = block.place.ids[margin : block.shape[0] - margin, margin : block.shape[1] - margin]
        if self.streamed and filled.step == 1:
            row, column, text = next(texts)
            self._insist_on_length(text)
            values = [self.book.values(Place(ids)) for ids in inside]
            self.worksheet.write_shared(row - 1, column - 1, text, looks[margin:], values)
            return
        for (row, column, text), cell_id in zip(texts, inside.ravel().tolist(), strict=True):
            value = self.book.value(Place(np.asarray(cell_id)))
            self._write_formula(row - 1, column - 1, text, looks[column - block.column], value)

    def _address(self, cells: Place) -> str:
        return addressing.address(self.book, cells, on=self.sheet)

    def _rule(self, rule: Rule) -> dict[str, Any]:
        look, condition = self.formats.of(rule.look, rule=True), addressing.written(rule.condition, self.sheet)
        if rule.begins_with:
            return {"type": "text", "criteria": "begins with", "value": condition, "format": look}
        if rule.equals:
            return {"type": "cell", "criteria": "==", "value": f'"{condition}"', "format": look}
        return {"type": "formula", "criteria": f"={condition}", "format": look, "stop_if_true": rule.last}

    def _scale(self, scale: ColourScale) -> dict[str, Any]:
        cells = addressing.address(self.book, scale.cells, "$", self.sheet)
        # where all are 0, they have the middle colour
        size = f"MAX(MAX({cells}),-MIN({cells}),1E-200)"
        if scale.most is not None:
            size = addressing.address(self.book, scale.most, "$", self.sheet)
        kinds = {"min_type": "formula", "mid_type": "num", "max_type": "formula"}
        values = {"min_value": f"-{size}", "mid_value": 0, "max_value": size}
        colours = {"min_color": scale.negative, "mid_color": scale.zero, "max_color": scale.positive}
        return {"type": "3_color_scale", **kinds, **values, **colours}

    def _validation(self, validation: Validation) -> dict[str, Any]:
        if validation.choices is not None:
            source = f"={addressing.address(self.book, validation.choices, '$', self.sheet)}"
            return {"validate": "list", "source": source, "error_type": "warning"}
        words = {"error_title": validation.title, "error_message": validation.message}
        if validation.kind == "above":
            return {"validate": "decimal", "criteria": ">", "value": validation.least, **words}
        ends = {"minimum": validation.least, "maximum": validation.most}
        return {"validate": validation.kind, "criteria": "between", **ends, **words}

    def _chart(self, chart: Chart) -> ChartScatter:
        made = self.workbook.add_chart({"type": "scatter", "subtype": "straight"})
        # add_worksheet takes a class, add_chart takes none
        made.__class__ = CurveChart if self.streamed else LabelledChart
        for series in chart.series:
            made.add_series(self._series(series))
        words = {"name": chart.title, "name_font": {"size": chart.title_size}, "overlay": False}
        made.set_title(words if chart.title else {"none": True})
        made.set_x_axis(_axis(chart.x))
        made.set_y_axis(_axis(chart.y))
        made.set_legend({"position": "bottom"} if chart.legend else {"none": True})
        made.set_size({"width": chart.size[0], "height": chart.size[1]})
        if chart.hidden_cells:
            made.show_hidden_data()
        if chart.bare:
            made.set_plotarea({"layout": {"x": 0, "y": 0, "width": 1, "height": 1}})
            made.set_chartarea({"border": {"none": True}})
        return made

    def _series(self, series: Series) -> dict[str, Any]:
        found: dict[str, Any] = {
            "name": f"={addressing.address(self.book, series.name, '$')}",
            "categories": f"={addressing.address(self.book, series.x, '$')}",
            "values": f"={addressing.address(self.book, series.y, '$')}",
            "categories_data": self._drawn(series.x),
            "values_data": self._drawn(series.y),
            "line": {"color": series.line.colour, "width": series.line.width} if series.line else {"none": True},
        }
        if marker := series.marker:
            found["marker"] = {
                "type": "circle",
                "size": marker.size,
                "fill": {"color": marker.fill},
                "border": {"color": marker.border},
            }
        elif series.label:
            found["marker"] = {"type": "none"}
        if label := series.label:
            font = {"size": label.size, "bold": label.bold or None, "color": label.colour}
            found["data_labels"] = {
                "series_name": True,
                "value": False,
                "position": label.side,
                "font": {name: value for name, value in font.items() if value},
            }
            if label.fill:
                found["data_labels"]["fill"] = {"color": label.fill}
            if label.only is not None:
                points = series.x.ids.size
                found["data_labels"]["custom"] = [None if n == label.only else {"delete": True} for n in range(points)]
        return found

    def _drawn(self, cells: Place) -> list[Value]:
        """The stored values of a curve; where a cell shows an error, such as #N/A, there is no point."""
        values = self.book.values(cells)
        if any(isinstance(value, str) and value.startswith("#") for value in values):
            return [None if isinstance(value, str) and value.startswith("#") else value for value in values]
        return values

    def _set_up_page(self) -> None:
        page, worksheet = self.sheet.page, self.worksheet
        if page.frozen != (0, 0):
            worksheet.freeze_panes(*page.frozen)
        if page.repeated_rows:
            worksheet.repeat_rows(page.repeated_rows[0] - 1, page.repeated_rows[1] - 1)
        if page.repeated_column:
            worksheet.repeat_columns(0)
        if page.tab:
            worksheet.set_tab_color(page.tab)
        worksheet.set_landscape()
        worksheet.set_paper(_PAPER_A4)
        worksheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
        if page.breaks:
            worksheet.set_v_pagebreaks([column - 1 for column in page.breaks])
            worksheet.set_print_scale(page.scale)
        else:
            worksheet.fit_to_pages(1, 0)
        worksheet.set_footer("&L&A&Rpage &P of &N")
        worksheet.hide_gridlines(2)
        if self.book.locked:
            worksheet.protect("", {"format_columns": True, "format_rows": True, "objects": False})


def _shades(shades: Shades) -> dict[str, Any]:
    ends = {"min_type": "num", "min_value": shades.least, "max_type": "num", "max_value": shades.most}
    ends |= {"min_color": shades.low, "max_color": shades.high}
    if shades.middle is None:
        return {"type": "2_color_scale", **ends}
    half_way = (shades.least + shades.most) / 2
    return {"type": "3_color_scale", **ends, "mid_type": "num", "mid_value": half_way, "mid_color": shades.middle}


def _bars(bars: Bars) -> dict[str, Any]:
    ends = {"min_type": "num", "min_value": 0, "max_type": "num", "max_value": bars.most}
    return {"type": "data_bar", **ends, "bar_color": bars.colour, "bar_solid": True, "bar_only": True}


def _axis(axis: Axis) -> dict[str, Any]:
    found: dict[str, Any] = {"min": axis.least, "max": axis.most}
    if not axis.title:
        return {"visible": False, "major_gridlines": {"visible": False}, **found}
    found |= {"name": axis.title, "major_gridlines": _GRID}
    if axis.logarithmic:
        found |= {"log_base": 10, "crossing": "min", "num_format": "0E+00"}
    if axis.letters:
        found |= {"name_font": {"size": axis.letters, "bold": False}, "num_font": {"size": axis.letters}}
    if axis.below:
        found["label_position"] = "low"
    return found
