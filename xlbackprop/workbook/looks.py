"""The look of the workbook: colours, fonts and number formats, one place for each."""

from dataclasses import replace
from math import ceil

from xlbackprop.spreadsheet.looks import Look
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import Rule

INK = "#1F2A44"
MUTED_INK = "#6B7280"
ACCENT = "#1F5FBF"
GOOD_FILL = "#DDF2DF"
AMBER_FILL, AMBER_INK = "#FFF1C2", "#7A5B00"
SECTION_FILL = "#E8EDF6"
RULE = "#C9CFDA"

#: The fill of the headers of each group of columns.
GROUP_FILLS = {
    "inputs": "#E5E7EB",
    "weights": "#D6E4F7",
    "biases": "#DDEBE9",
    "forward": "#DDF0DC",
    "error": "#FAD9BF",
    "chain rule": "#E6DDF2",
    "optimizer": "#FFF1C2",
    "gradients": "#F8D7E3",
}

#: The curves, distinguishable in print and to colour-blind eyes (Okabe and Ito, 2008, and darker kin).
CURVES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#5B4B8A", "#8C6D1F")
#: More curves than these run from the first of these colours to the last.
RAMP = ("#0072B2", "#009E73", "#E69F00", "#B3261E")

#: The height of a line of text.
LINE_PIXELS = 20
TITLE_PIXELS = 28
_CHARACTER_PIXELS = 6.0

# Six decimals where they say something, scientific below. General would not fit the columns: as the last section it
# shows all digits. There is no room for a third condition, so `number_rules` has the others.
_NUMBER = "[>=0.001]0.000000;[<=-0.001]-0.000000;0.000E+00"


def _house(**changes: object) -> Look:
    return Look(colour=INK, middle=True, **changes)  # type: ignore[arg-type]


TEXT = _house()
#: Text that stands to the right of a number.
WRAPPED = _house(wrap=True, indent=1)
INDENTED = _house(indent=1)
TITLE = _house(bold=True, size=16)
SMALL_TITLE = _house(bold=True, size=13)
MUTED = Look(colour=MUTED_INK, middle=True)
MUTED_INDENTED = Look(colour=MUTED_INK, middle=True, indent=1)
HINT = Look(colour=MUTED_INK, middle=True, size=9)
WRAPPED_HINT = Look(colour=MUTED_INK, middle=True, size=9, wrap=True)
#: The label above a cell.
LABEL = Look(colour=MUTED_INK, middle=True, size=9, wrap=True, align="right")
#: A word among the yellow cells that is not to be edited.
KIND = _house(bold=True, align="right")
CENTERED = _house(align="center")
SECTION = _house(bold=True, size=12, fill=SECTION_FILL)
TABLE_HEADER = _house(bold=True, fill=SECTION_FILL, bottom=RULE, align="center", wrap=True)
NAME = _house(bold=True)
LINK = Look(colour=ACCENT, middle=True, underline=True)
SMALL_LINK = Look(colour=ACCENT, middle=True, underline=True, size=9)
#: What may be edited looks like this everywhere, and stays editable in a protected file.
INPUT = Look(colour="#1D4ED8", middle=True, fill="#FFF6CC", border="#D9B84A", locked=False, align="right")
#: Where these stand, `number_rules` belong.
NUMBER = _house(number_format=_NUMBER)
CENTERED_NUMBER = _house(number_format=_NUMBER, align="center")
TOTAL = _house(number_format=_NUMBER, bold=True, fill="#FCE3CF")
SCIENTIFIC = _house(number_format="0.0E+00;-0.0E+00;0")
FOUR_DIGITS = _house(number_format="0.0000E+00;-0.0000E+00;0")
ALL_DIGITS = _house(number_format="0.000000000000E+00;-0.000000000000E+00;0")
#: An error beside one that differs from it in the ninth digit.
TWELVE_DECIMALS = _house(number_format="[<100000]0.000000000000;0.000000000000E+00")
#: A part of a whole, or a few words instead.
PERCENT = _house(number_format="0.0%", bold=True, size=9, wrap=True, align="right")
#: A verdict is amber until a rule says that it is good or bad.
VERDICT = Look(bold=True, size=12, fill=AMBER_FILL, colour=AMBER_INK, middle=True)
#: The box on the first sheet that says where to start.
START_HERE = _house(fill="#F4F7FC")
START_HERE_LINK = Look(colour=ACCENT, fill="#F4F7FC", middle=True, underline=True)
#: A matrix of weights, whose fills say how large they are.
MATRIX_HEADER = Look(colour=MUTED_INK, middle=True, bold=True, size=9, align="center")
MATRIX_NUMBER = _house(number_format="0.000", size=10, align="center", border="#FFFFFF")
#: How many of all, in a column.
SHARE = _house(number_format="0.0%", align="center")
STEP = Look(colour=MUTED_INK, middle=True, align="center")
#: Of a sample: 1 where the answer is right, 0 where it is wrong.
RIGHT_OR_WRONG = _house(number_format='"right";;"wrong"', align="center")
#: How many answers are right; a rule says when they all are.
VERDICT_VALUE = Look(bold=True, fill=AMBER_FILL, colour=AMBER_INK, middle=True, align="right")
#: A cell of a map, whose fill says how large its number is; a mark in it is shown.
MAP = Look(number_format=";;;@", middle=True, align="center", size=10, bold=True)
MAP_LABEL = Look(colour=MUTED_INK, middle=True, size=9, align="center")
MAP_LABEL_LEFT = Look(colour=MUTED_INK, middle=True, size=9, align="right", indent=1)

# what rules change
RED = Look(fill="#F8C9C9", colour="#9B1C1C")
AMBER = Look(fill=AMBER_FILL, colour=AMBER_INK)
GREEN = Look(fill=GOOD_FILL, colour=INK)
BAND = Look(fill="#F1F4FA")
GREY = Look(fill="#E5E7EB", colour=MUTED_INK)
BEST = Look(bold=True, fill=GOOD_FILL)
_SCIENTIFIC = Look(number_format="0.000E+00")
# a zero may be a negative one
_ZERO = Look(number_format='"0";"0";"0"')
LARGE_IN_MATRIX = Look(number_format="0.0E+00")
LARGE_IN_BOX = Look(number_format="0E+00")
#: What stands between the boxes of two layers: emphasized, and below that.
ARROW = (
    _house(bold=True, size=14, align="center"),
    Look(colour=MUTED_INK, middle=True, size=9, align="center", number_format="#,##0"),
)

#: Fills and lines for weights below and above 0, distinguishable to colour-blind eyes.
NEGATIVE, POSITIVE = "#D55E00", "#0072B2"
NEGATIVE_FILL, POSITIVE_FILL = "#F0A868", "#7DB8DE"
_PALE = 0.42
#: A number that has little room.
SHORT = "[>=0.001]0.000;[<=-0.001]-0.000;0E+00"


def box(name: str, number_format: str = "#,##0") -> tuple[Look, Look]:
    """The box of a layer, with the fill of a column group: what is emphasized in it, and what stands below."""
    fill = _group_fill(name)
    number = _house(bold=True, size=14, fill=fill, align="center", number_format=number_format)
    return number, _house(size=9, fill=fill, align="center")


def curve_header(colour: str) -> Look:
    """The header of a column that is drawn as a curve of a colour."""
    return replace(TABLE_HEADER, bottom=colour)


def number_rules(cells: Place) -> list[Rule]:
    """What completes the look of numbers: large ones are scientific too, small negative ones have a sign, and zero
    is `0`.

    From 1000 on six decimals do not fit the columns, and LibreOffice leaves out the sign in a last section.
    """
    first = Place(cells.ids.ravel())[0]
    return [
        Rule(cells, f"OR(ABS({first})>=1000,AND({first}<0,{first}>-0.001))", _SCIENTIFIC),
        Rule(cells, f"{first}=0", _ZERO),
    ]


def header(name: str) -> Look:
    """The header of a column in a group."""
    return _house(bold=True, fill=_group_fill(name), align="center", bottom=MUTED_INK)


def part(name: str) -> Look:
    """A factor of a product, in the colour of a group."""
    return _house(fill=_group_fill(name), wrap=True, align="center")


def part_value(name: str) -> Look:
    """The value of a factor, in the colour of a group."""
    return _house(fill=_group_fill(name), align="center", bold=True, number_format=_NUMBER)


def mark(colour: str) -> Look:
    """The mark of a sample on a map, in a strong colour."""
    return Look(fill=colour, colour="#FFFFFF", bold=True)


def area(colour: str) -> Look:
    """The cells of a map that belong to a class: its colour, pale."""
    parts = [int(colour[n : n + 2], 16) for n in (1, 3, 5)]
    return Look(fill="#" + "".join(f"{round(255 - (255 - part) * _PALE):02X}" for part in parts))


def _group_fill(name: str) -> str:
    return GROUP_FILLS.get(name.partition(" (")[0], SECTION_FILL)


def lines(text: str, width: int) -> int:
    """How many lines a text takes in a column of a width in pixels.

    LibreOffice leaves the height of a row as the file gives it, also where text wraps.
    """
    return max(1, ceil(len(text) * _CHARACTER_PIXELS / width))
