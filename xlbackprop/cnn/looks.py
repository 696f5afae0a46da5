"""The look of a network's sheets: colours, fonts and number formats, one place for each."""

from xlbackprop.spreadsheet.looks import Look

INK = "#1F2A44"
MUTED_INK = "#6B7280"
SECTION_FILL = "#E8EDF6"
RULE = "#C9CFDA"

#: Numbers of either sign: blue, white, red.
NEGATIVE, ZERO, POSITIVE = "#1F5FBF", "#F4F5F7", "#C0392B"
#: Ink on paper: what is lit, where nothing is negative.
PAPER, LIT = "#EEF0F4", "#101828"

#: Around what a chosen cell sees.
SEEN = "#00B050"

SIGNED = NEGATIVE, ZERO, POSITIVE

#: The side of a cell of a picture in pixels.
CELL_PIXELS = 6
LINE_PIXELS, TITLE_PIXELS, HEADING_PIXELS, HEADER_PIXELS = 18, 28, 22, 36

_HIDDEN = ";;;"

TITLE = Look(colour=INK, bold=True, size=16, middle=True)
MUTED = Look(colour=MUTED_INK, middle=True, size=9)
TEXT = Look(colour=INK, middle=True)
SMALL = Look(colour=INK, middle=True, size=9)
NAME = Look(colour=INK, bold=True, middle=True)
CENTERED = Look(colour=INK, middle=True, align="center")
#: A word right before the cell that it names.
BESIDE = Look(colour=INK, middle=True, align="right", size=9)
HEADING = Look(colour=INK, bold=True, size=11, middle=True)
TABLE_HEADER = Look(colour=INK, bold=True, middle=True, fill=SECTION_FILL, bottom=RULE, align="center", wrap=True)
#: A number that shows as a colour until its cell is chosen.
PICTURE = Look(number_format=_HIDDEN)
WEIGHT = Look(number_format=_HIDDEN, locked=False)
#: What may be edited and is no weight.
INPUT = Look(number_format=_HIDDEN, locked=False, fill="#FFF6CC", border="#D9B84A")
SIX_DECIMALS = Look(colour=INK, middle=True, number_format="0.000000")
WHOLE = Look(colour=INK, middle=True, number_format="0")
SCIENTIFIC = Look(colour=INK, middle=True, number_format="0.0E+00")
#: A verdict is amber until a rule says that it is good or bad.
VERDICT = Look(bold=True, size=12, fill="#FFF1C2", colour="#7A5B00", middle=True)

# what rules change
RED = Look(fill="#F8C9C9", colour="#9B1C1C")
AMBER = Look(fill="#FFF1C2", colour="#7A5B00")
GREEN = Look(fill="#DDF2DF", colour=INK)
GREY = Look(fill="#E5E7EB", colour=MUTED_INK)
