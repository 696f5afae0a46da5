"""How a sheet is shown: what looks change, what may be typed, notes, widths, and the page."""

from dataclasses import dataclass

from xlbackprop.spreadsheet.looks import Look
from xlbackprop.spreadsheet.places import Place


@dataclass(frozen=True)
class Rule:
    """A look that cells take on while a condition holds.

    Attributes:
        cells: the cells that it is about.
        condition: a formula for the first of them; or, with `begins_with`, a text.
        look: what the rule changes.
        begins_with: whether the condition is the beginning of the cell's text.
        equals: whether the condition is the cell's whole value.
        last: whether no later rule is looked at where this one holds.
    """

    cells: Place
    condition: str
    look: Look
    begins_with: bool = False
    equals: bool = False
    last: bool = False


@dataclass(frozen=True)
class ColourScale:
    """Fills that say how large the numbers of cells are: around 0, and as far either way as the largest of them.

    Attributes:
        cells: a rectangle of them.
        negative, zero, positive: the colours.
        most: the cell with the number that is as far as it goes; None for the largest of the cells.
    """

    cells: Place
    negative: str
    zero: str
    positive: str
    most: Place | None = None


@dataclass(frozen=True)
class Shades:
    """Fills from one colour to another, for numbers from one end to the other; `middle` is that half-way, if any."""

    cells: Place
    low: str
    high: str
    least: float
    most: float
    middle: str | None = None


@dataclass(frozen=True)
class Bars:
    """Bars in cells, as long as their numbers are large: none at 0, the whole cell at `most`."""

    cells: Place
    colour: str
    most: float


@dataclass(frozen=True)
class Validation:
    """What may be typed into cells.

    Attributes:
        cells: the cells.
        kind: `integer` or `decimal`, between `least` and `most`; `above`, a number above `least`; `list`,
            one of the numbers in `choices`.
        title, message: what is shown where something else is typed.
    """

    cells: Place
    kind: str
    least: float = 0
    most: float = 0
    choices: Place | None = None
    title: str = ""
    message: str = ""


@dataclass(frozen=True)
class Note:
    """A note at a cell: its text, and the size of its box in pixels."""

    cell: Place
    text: str
    width: int
    height: int


@dataclass
class Page:
    """How a sheet is shown and printed; rows and columns count from 1.

    Attributes:
        frozen: how many rows and columns stay in view.
        repeated_rows: the rows that stand on every printed page.
        repeated_column: whether the first column stands on every printed page.
        breaks: the columns that begin a new page; without any, all columns are fitted onto one.
        scale: how large a page with breaks is printed, in percent.
        tab: the colour of the sheet's tab.
    """

    frozen: tuple[int, int] = (0, 0)
    repeated_rows: tuple[int, int] | None = None
    repeated_column: bool = False
    breaks: tuple[int, ...] = ()
    scale: int = 100
    tab: str | None = None


@dataclass(frozen=True)
class Width:
    """The width of some columns in pixels, and whether they are hidden, or part of a group that folds."""

    first: int
    last: int
    pixels: int | None
    hidden: bool = False
    grouped: int = 0
    collapsed: bool = False
