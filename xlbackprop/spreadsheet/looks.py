"""How a cell looks, separate from what stands in it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Look:
    """The look of a cell; colours are `#RRGGBB`, and what is None is left as it is.

    Attributes:
        locked: whether the cell cannot be edited in a locked workbook.
        border: the colour of a thin line around it.
        top, bottom, left, right: that of one on a single side.
    """

    colour: str | None = None
    fill: str | None = None
    bold: bool = False
    size: float | None = None
    underline: bool = False
    number_format: str | None = None
    align: str | None = None
    indent: int = 0
    wrap: bool = False
    middle: bool = False
    border: str | None = None
    top: str | None = None
    bottom: str | None = None
    left: str | None = None
    right: str | None = None
    locked: bool = True


PLAIN = Look()
