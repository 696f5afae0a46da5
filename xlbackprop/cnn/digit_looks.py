"""The look of the sheet Digit: drawing, answer and bars."""

from typing import NamedTuple

from xlbackprop.cnn.looks import INK, MUTED_INK
from xlbackprop.spreadsheet.looks import Look

#: The side of a cell of the drawing and of the maps of evidence, in pixels.
CELL_PIXELS = 12

BAR = "#7FA8E0"
_ACCENT = "#1F5FBF"
_INPUT = {"colour": "#1D4ED8", "middle": True, "fill": "#FFF6CC", "border": "#D9B84A", "locked": False}

#: Where something is typed or chosen, and seen.
CHOICE = Look(**_INPUT, indent=1)  # type: ignore[arg-type]
TYPED = Look(**_INPUT, align="center")  # type: ignore[arg-type]


def paper(fill: str, line: str) -> Look:
    """A cell to draw in."""
    return Look(number_format=";;;", locked=False, fill=fill, border=line)


OUTSIDE, INSIDE = paper("#FFFCF0", "#F3E9C6"), paper("#FFF3BF", "#E8D184")
#: What ink looks like: from, to, and its colour; a typed 1 is as dark as 255.
INKS = (
    (1, 1, "#101828"),
    (200, 255, "#101828"),
    (140, 199, "#3B4252"),
    (70, 139, "#7B8496"),
    (2, 69, "#B9BFCB"),
)

ANSWER = Look(colour=_ACCENT, bold=True, size=54, align="center", middle=True, border="#C9CFDA")


class Line(NamedTuple):
    """The look of a class among the most likely ones: its name and its probability."""

    name: Look
    number: Look


_PERCENT = "0.0%"
FIRST = Line(
    Look(colour=INK, bold=True, size=12, middle=True),
    Look(colour=INK, bold=True, size=12, middle=True, number_format=_PERCENT, align="right"),
)
NEXT = Line(
    Look(colour=MUTED_INK, size=11, middle=True),
    Look(colour=MUTED_INK, size=11, middle=True, number_format=_PERCENT, align="right"),
)
# at the bottom of two rows, of which the second has the bar
CLASS = Look(colour=INK, size=10, align="center")
LARGEST = Look(colour=_ACCENT, bold=True)
PROBABILITY = Look(colour=INK, size=9, number_format=_PERCENT, align="right")
LOGIT = Look(colour=INK, middle=True, number_format="0.0000", align="center")
#: A number that may be very small.
FLOW = Look(colour=INK, middle=True, number_format="0.0E+00", align="center")
LABEL = Look(colour=MUTED_INK, size=9, middle=True)
MAP_NAME = Look(colour=INK, bold=True, size=10, middle=True, align="center")
MAP_NUMBER = Look(colour=INK, size=9, middle=True, align="center", number_format="0.00")
