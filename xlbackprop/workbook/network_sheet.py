"""The first sheet: the start values to edit, where to start, a list of the sheets, a live picture of the network."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Protocol

from xlbackprop.backprop.network import Network
from xlbackprop.backprop.notation import defined_name
from xlbackprop.spreadsheet.addresses import cell_address, column_letters, column_number
from xlbackprop.spreadsheet.blocks import Content, Formula, Link, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import Place, joined
from xlbackprop.spreadsheet.presentation import Validation
from xlbackprop.workbook import looks
from xlbackprop.workbook.drawing import draw, drawing_size, is_drawn, significant
from xlbackprop.workbook.layout import CHECK, DERIVATION, LEARNED, NETWORK, WorkbookLayout
from xlbackprop.workbook.weight_matrices import CELL_PIXELS, matrix_columns, matrix_layers, write_matrices

# Start values on the left; "start here" in the upper right, above the sheets and the picture. Of the picture the
# columns depend on the network, so nothing stands right of it; the facts, which can be long, stand below it all.
_WIDTHS = {"A": 40, "B": 76, "C": 142, "D": 6, "E": 90, "F": 168, "G": 6}
_LINK, _TEXT = "E", "F"
_FIRST_PICTURE_COLUMN = column_number("H")
_START_ROW, _SHEETS_ROW = 4, 11
# what there is to be watched while a network learns from samples, by the number of its inputs
_WATCH = {
    1: "Move the step, and watch the curve bend through the samples.",
    2: "Move the step, and watch the boundary between the answers.",
}
_WATCH_ANSWERS = "Move the step, and watch the answers become right."
# what is left of a screen of 1,440 pixels for the picture
_PICTURE_PIXELS = 432
# `weight from a_h2 to o1` and its like; names such as h1_2 take more
_MEANING_LETTERS, _LETTER_PIXELS = 24, 8
# what wrapped text keeps from the edges of its cell
_INDENT_PIXELS = 16
# the columns that a drawing lies over
_COLUMNS_OF_A_DRAWING = 6


@dataclass(frozen=True)
class Origin:
    """What built a workbook, for the list of facts on its first sheet."""

    version: str
    command: str
    template: str


def network_facts(network: Network, steps: int, eta_count: int) -> dict[str, str]:
    """What the workbook says about its network in words; `tables.own` reads the same lines back."""
    samples = network.samples
    shown = (
        {
            "samples": str(samples.count),
            "samples a step": str(samples.batch),
            "errors and gradients": samples.reduction,
            "order of samples": "drawn" if samples.order else "listed",
            "right answers": samples.answers,
        }
        if samples
        else {}
    )
    return {
        "layers": network.shape,
        "hidden activation": network.hidden,
        "output activation": network.output,
        "error": network.loss,
        "biases": network.biases,
        "steps": str(steps),
        "learning rates": str(eta_count),
        **shown,
    }


class Choice(Protocol):
    """Which step is shown."""

    @property
    def step(self) -> Place:
        """The cell of the step."""

    @property
    def sample(self) -> Place | None:
        """The cell that says which of the samples of the step is shown, if one can be chosen."""


@dataclass(frozen=True)
class NetworkLayout:
    """The rows of the start values on the network sheet, in sections.

    Attributes:
        sections: title and names of each section.
    """

    sections: tuple[tuple[str, tuple[str, ...]], ...]

    name_column = "A"
    value_column = "B"
    meaning_column = "C"
    first_section_row = 4

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each start value."""
        rows: dict[str, int] = {}
        row = self.first_section_row
        for _, names in self.sections:
            rows |= {name: row + n for n, name in enumerate(names, start=1)}
            row += len(names) + 2
        return rows

    def cell(self, name: str) -> str:
        """The absolute address of a start value, within the sheet."""
        return f"${self.value_column}${self.rows[name]}"


def network_layout(network: Network) -> NetworkLayout:
    """The sections of a network's start values."""
    sections = (
        *(() if network.samples else (("Inputs", network.input_names), ("Targets", network.target_names))),
        ("Start weights", network.weight_names),
        ("Biases" if network.biases == "fixed" else "Start biases", network.bias_names),
    )
    return NetworkLayout(tuple((title, tuple(names)) for title, names in sections if names))


class NetworkSheet:
    """The first sheet.

    Attributes:
        start: the cell of each start value.
    """

    def __init__(self, book: Book, layout: WorkbookLayout) -> None:
        self._layout = layout
        self.sheet = book.sheet(NETWORK, "start values: edit the yellow cells")
        self._start = start = network_layout(layout.network)
        self._sections = {
            title: self.sheet.reserve(title, f"{start.value_column}{start.rows[names[0]]}", (len(names), 1), Role.INPUT)
            for title, names in start.sections
        }
        self.start = {
            name: self._sections[title].cell(n) for title, names in start.sections for n, name in enumerate(names)
        }
        book.names |= {(defined_name(name), None): cell for name, cell in self.start.items()}

    def fill(self, origin: Origin, shown: Mapping[str, Place], chosen: Choice) -> None:
        """Fill the sheet; the other sheets must be there, for the contents.

        Args:
            origin: what built the workbook.
            shown: the cell of each quantity of the step that the picture shows, and of `eta`.
            chosen: which step that is.
        """
        sheet, network = self.sheet, self._layout.network
        further = max(0, max(map(len, network.meanings.values())) - _MEANING_LETTERS)
        sheet.set_widths(_WIDTHS | {"C": _WIDTHS["C"] + further * _LETTER_PIXELS})
        sheet.heights[1] = looks.TITLE_PIXELS
        sheet.put("A1", network.title or f"A {network.shape} network", looks.TITLE)
        sheet.put("A2", f"{network.description} Edit the yellow cells: every number follows.".strip(), looks.MUTED)
        self._write_start_values()
        self._write_start_here()
        below = max(self._write_contents(), self._write_picture(shown, chosen))
        self._write_facts(origin, below + 1)

    @property
    def _sheets_row(self) -> int:
        # with samples there is a line more about where to start
        return _SHEETS_ROW + (self._layout.network.samples is not None)

    @property
    def _picture_columns(self) -> int:
        network = self._layout.network
        return (
            _COLUMNS_OF_A_DRAWING if is_drawn(network) else max(matrix_columns(network), _PICTURE_PIXELS // CELL_PIXELS)
        )

    def _write_start_values(self) -> None:
        sheet, network, start = self.sheet, self._layout.network, self._start
        meanings, values = network.meanings, network.start_values
        for title, names in start.sections:
            row = start.rows[names[0]]
            sheet.put(f"A{row - 1}", [title, "", ""], looks.SECTION)
            sheet.put(f"{start.name_column}{row}", [[name] for name in names], looks.NAME)
            sheet.fill(self._sections[title], [[values[name]] for name in names], looks.INPUT)
            sheet.put(f"{start.meaning_column}{row}", [[meanings[name]] for name in names], looks.MUTED_INDENTED)
        every = joined(self.start.values())
        sheet.validations.append(
            Validation(
                every,
                "decimal",
                -1e300,
                1e300,
                title="Start value",
                message="Only a number can stand here, and no formula.",
            )
        )

    def _write_start_here(self) -> None:
        """What makes a learner play, a line each."""
        sheet, network = self.sheet, self._layout.network
        weight = next(iter(network.weight_names))
        if is_drawn(network):
            watched = "its line in the drawing"
        else:
            watched = "its cell in the matrix" if 1 in matrix_layers(network) else "E_total below"
        lines = [
            *([(LEARNED, _WATCH.get(network.layers[0], _WATCH_ANSWERS))] if network.samples else []),
            (
                self._layout.training_sheets[0],
                "Change the learning rate η in its yellow cell: the curve follows at once.",
            ),
            (DERIVATION, "Choose a step: each formula with its numbers. The picture below shows that step, too."),
            (NETWORK, f"Change a weight on the left, say {weight} to -0.5, and watch {watched}."),
            (DERIVATION, f"Try to break it: type 1 over the value of ∂E/∂{weight}. The gradient check turns red."),
            (CHECK, "Save, and run xlbackprop check on this file: it names each cell that is wrong, and why."),
        ]
        fill = [""] * (self._picture_columns + 1)
        sheet.put(f"{_LINK}{_START_ROW}", ["Start here", "", *fill], looks.SECTION)
        contents: list[list[Content]] = [
            [Link(f"{n}. {name}", name), text, *fill] for n, (name, text) in enumerate(lines, start=1)
        ]
        look = [looks.START_HERE_LINK, *[looks.START_HERE] * (len(fill) + 1)]
        sheet.put(f"{_LINK}{_START_ROW + 1}", contents, *look)

    def _write_contents(self) -> int:
        """Write the list of the sheets; gives the first row below."""
        sheet, row = self.sheet, self._sheets_row
        sheet.put(f"{_LINK}{row}", ["Sheets", ""], looks.SECTION)
        contents = [(Link(other.name, other.name), other.about) for other in sheet.book.sheets]
        sheet.put(f"{_LINK}{row + 1}", contents, looks.LINK, looks.HINT)
        return row + 1 + len(contents)

    def _write_picture(self, shown: Mapping[str, Place], chosen: Choice) -> int:
        """Write the picture of the network at the chosen step; gives the first row below."""
        sheet, network, row, column = self.sheet, self._layout.network, self._sheets_row, _FIRST_PICTURE_COLUMN
        count = self._picture_columns
        error = significant(shown["E_total"])
        which = f'"Step "&{chosen.step:$}'
        if chosen.sample:
            which += f'&", sample "&{chosen.sample:$}'
        title = Formula(f'{which}&" of η="&{shown["eta"]:$}&": E_total = "&IFERROR({error},"an error")')
        heading: list[Content] = [title, *[""] * (count - 1)]
        sheet.put(cell_address(row, column), heading, looks.SECTION, name="which step is shown")
        sheet.put(cell_address(row + 1, column), Link("choose another step on Derivation", DERIVATION), looks.LINK)
        key, beside = "blue: positive, orange: negative", 4
        if is_drawn(network):
            key, beside = f"{key}, wide: large", 3
        sheet.put(cell_address(row + 1, column + beside), key, looks.HINT)
        row += 2
        first, last = column_letters(column), column_letters(column + count - 1)
        if not is_drawn(network):
            sheet.set_widths({f"{first}:{last}": CELL_PIXELS})
            return write_matrices(sheet, network, shown, row + 1, column)
        width, height = drawing_size(network)
        sheet.set_widths({f"{first}:{last}": ceil(max(width, _PICTURE_PIXELS) / count)})
        draw(sheet, network, shown, cell_address(row, column))
        return row + ceil(height / looks.LINE_PIXELS)

    def _write_facts(self, origin: Origin, row: int) -> None:
        sheet, layout = self.sheet, self._layout
        facts = network_facts(layout.network, layout.steps, len(layout.etas))
        facts |= {"template": origin.template, "made by": f"xlbackprop {origin.version}"}
        sheet.put(f"{_LINK}{row}", ["This workbook", ""], looks.SECTION)
        sheet.put(f"{_LINK}{row + 1}", list(facts.items()), looks.HINT, looks.TEXT)
        row += 1 + len(facts)
        # nothing stands right of the command; a long one would leave the screen
        fits = looks.lines(origin.command, _WIDTHS[_TEXT] + _PICTURE_PIXELS) == 1
        sheet.put(f"{_LINK}{row}", ["command", origin.command], looks.HINT, looks.TEXT if fits else looks.WRAPPED)
        if not fits:
            sheet.heights[row] = looks.LINE_PIXELS * looks.lines(origin.command, _WIDTHS[_TEXT] - _INDENT_PIXELS)
