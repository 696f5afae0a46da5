"""The look of the workbook: colours, fonts and number formats, one place for each."""

from math import ceil

from xlbackprop.spreadsheet.looks import Look

INK = "#1F2A44"
MUTED_INK = "#6B7280"
ACCENT = "#1F5FBF"
GOOD_FILL = "#DDF2DF"
SECTION_FILL = "#E8EDF6"
RULE = "#C9CFDA"

#: The fill of each column group's headings.
GROUP_FILLS = {
    "inputs": "#E5E7EB",
    "weights": "#D6E4F7",
    "biases": "#DDEBE9",
    "forward": "#DDF0DC",
    "error": "#FAD9BF",
    "chain rule": "#E6DDF2",
    "gradients": "#F8D7E3",
}

#: The curves, distinguishable in print and to colour-blind eyes (Okabe and Ito, 2008, and darker kin).
CURVES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#5B4B8A", "#8C6D1F")

#: From here on six decimals no longer fit the columns.
LARGE = 10_000

#: The height of a line of text.
LINE_PIXELS = 20
TITLE_PIXELS = 28
_CHARACTER_PIXELS = 6.0

_SMALL = "[>=0.001]0.000000;[<=-0.001]-0.000000;0.000E+00"


def _house(**changes: object) -> Look:
    return Look(colour=INK, middle=True, **changes)  # type: ignore[arg-type]


TEXT = _house()
#: Text that stands to the right of a number.
WRAPPED = _house(wrap=True, indent=1)
INDENTED = _house(indent=1)
TITLE = _house(bold=True, size=16)
MUTED = Look(colour=MUTED_INK, middle=True)
MUTED_INDENTED = Look(colour=MUTED_INK, middle=True, indent=1)
HINT = Look(colour=MUTED_INK, middle=True, size=9)
UNSEEN = Look(colour="#FFFFFF", middle=True, size=8)
CENTERED = _house(align="center")
SECTION = _house(bold=True, size=12, fill=SECTION_FILL)
TABLE_HEADER = _house(bold=True, fill=SECTION_FILL, bottom=RULE, align="center", wrap=True)
NAME = _house(bold=True)
LINK = Look(colour=ACCENT, middle=True, underline=True)
#: What may be edited looks like this everywhere, and stays editable in a protected file.
INPUT = Look(colour="#1D4ED8", middle=True, fill="#FFF6CC", border="#D9B84A", locked=False, align="right")
#: Six decimals where they say something, scientific below; zero falls in the last section.
NUMBER = _house(number_format="[>=0.001]0.000000;[<=-0.001]-0.000000;General")
SMALL_NUMBER = _house(number_format=_SMALL)
SCIENTIFIC = _house(number_format="0.0E+00")
ALL_DIGITS = _house(number_format="0.000000000000E+00")
PERCENT = _house(number_format="0.0%", bold=True)
TOTAL = _house(number_format=_SMALL, bold=True, fill="#FCE3CF")
VERDICT = _house(bold=True, size=12, fill=GOOD_FILL)
#: The box on the first sheet that says where to start.
START_HERE = _house(fill="#F4F7FC")
START_HERE_LINK = Look(colour=ACCENT, fill="#F4F7FC", middle=True, underline=True)
#: A matrix of weights, whose fills say how large they are.
MATRIX_HEADER = Look(colour=MUTED_INK, middle=True, bold=True, size=9, align="center")
MATRIX_NUMBER = _house(number_format="0.000", size=10, align="center", border="#FFFFFF")
STEP = Look(colour=MUTED_INK, middle=True, align="center")

# what rules change
RED = Look(fill="#F8C9C9", colour="#9B1C1C")
AMBER = Look(fill="#FFF1C2", colour="#7A5B00")
GREEN = Look(fill=GOOD_FILL)
BEST = Look(bold=True, fill=GOOD_FILL)
LARGE_IN_MATRIX = Look(number_format="0.0E+00")
LARGE_NUMBER = Look(number_format="0.0000E+00")


#: What stands between the boxes of two layers: emphasized, and below that.
ARROW = (
    _house(bold=True, size=14, align="center"),
    Look(colour=MUTED_INK, middle=True, size=9, align="center", number_format="#,##0"),
)

#: Fills and lines for weights below and above 0, distinguishable to colour-blind eyes.
NEGATIVE, POSITIVE = "#D55E00", "#0072B2"
NEGATIVE_FILL, POSITIVE_FILL = "#F0A868", "#7DB8DE"


#: A number that has little room.
SHORT = "[>=0.001]0.000;[<=-0.001]-0.000;0.0E+00"


def box(name: str, number_format: str = "#,##0") -> tuple[Look, Look]:
    """The box of a layer, with the fill of a column group: what is emphasized in it, and what stands below."""
    fill = _group_fill(name)
    number = _house(bold=True, size=14, fill=fill, align="center", number_format=number_format)
    return number, _house(size=9, fill=fill, align="center")


def group(name: str) -> Look:
    """The heading over the columns of a group."""
    return _house(bold=True, size=9, fill=_group_fill(name), left="#FFFFFF") if name else TEXT


def header(name: str) -> Look:
    """The header of a column in a group."""
    return _house(bold=True, fill=_group_fill(name), align="center", bottom=MUTED_INK)


def _group_fill(name: str) -> str:
    return GROUP_FILLS.get(name.partition(" (")[0], SECTION_FILL)


def lines(text: str, width: int) -> int:
    """How many lines a text takes in a column of a width in pixels.

    LibreOffice leaves the height of a row as the file gives it, also where text wraps.
    """
    return max(1, ceil(len(text) * _CHARACTER_PIXELS / width))
