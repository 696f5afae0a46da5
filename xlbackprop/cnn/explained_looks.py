"""The look of the sheet Explained: numbers to read, in colours that leave them legible."""

from xlbackprop.cnn.looks import INK, MUTED_INK, RULE
from xlbackprop.spreadsheet.looks import Look

CELL_PIXELS = 46
#: Numbers of either sign, paler than in a picture.
NEGATIVE, ZERO, POSITIVE = "#A9C6EE", "#FFFFFF", "#F0B3A8"

INPUT = Look(colour="#1D4ED8", size=10, middle=True, align="center", fill="#FFF6CC", border="#D9B84A", locked=False)
LABEL = Look(colour=INK, size=10, middle=True)
HEADER = Look(colour=MUTED_INK, size=8, middle=True, align="center")
NUMBER = Look(colour=INK, size=9, middle=True, align="center", number_format="0.00", border=RULE)
RESULT = Look(colour=INK, bold=True, size=10, middle=True, align="right", number_format="0.000000")
VERDICT = Look(colour="#9B1C1C", fill="#F8C9C9", size=9, middle=True, align="center")
