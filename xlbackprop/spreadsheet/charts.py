"""Charts as values: curves over cells."""

from dataclasses import dataclass, field

from xlbackprop.spreadsheet.places import Place


@dataclass(frozen=True)
class Line:
    """The line of a curve; the width is in points."""

    colour: str
    width: float


@dataclass(frozen=True)
class Marker:
    """A round marker at each point; the size is in points."""

    size: int
    fill: str
    border: str


@dataclass(frozen=True)
class Label:
    """The name of a series, written at its points.

    Attributes:
        side: where it stands: `above`, `left`, `right` or `center`.
        size: of its letters, in points.
        fill: the colour behind it.
        only: the one point that gets it, counted from 0; None for all.
    """

    side: str
    size: int
    bold: bool = False
    colour: str | None = None
    fill: str | None = None
    only: int | None = None


@dataclass(frozen=True)
class Series:
    """A curve: cells with the values of both axes, and the cell that names it."""

    name: Place
    x: Place
    y: Place
    line: Line | None = None
    marker: Marker | None = None
    label: Label | None = None


@dataclass(frozen=True)
class Axis:
    """An axis.

    Attributes:
        title: what it measures; an axis without one is not shown.
        least, most: where it begins and ends; None leaves it to the program that shows it.
        logarithmic: whether it is logarithmic.
        letters: the size of its letters, in points.
        below: whether its numbers stand at the lower edge, even where the other axis begins higher.
    """

    title: str = ""
    least: float | None = None
    most: float | None = None
    logarithmic: bool = False
    letters: int | None = None
    below: bool = False


@dataclass
class Chart:
    """A chart of curves; the size is in pixels.

    Attributes:
        title: empty for none.
        description: what it shows, for those who cannot see it.
        hidden_cells: whether it also shows values of hidden cells.
        bare: whether it has no frame and its axes reach to its edges, as those of a drawing.
    """

    title: str
    title_size: int
    x: Axis
    y: Axis
    size: tuple[int, int]
    description: str
    series: list[Series] = field(default_factory=list)
    legend: bool = False
    hidden_cells: bool = False
    bare: bool = False
