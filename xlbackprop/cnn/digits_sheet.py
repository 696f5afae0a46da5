"""The sheet of the digits that can be chosen: their names, and each image as a text."""

from collections.abc import Sequence

import numpy as np

from xlbackprop.cnn import looks
from xlbackprop.cnn.digits import NUMERALS, SOURCE, Digit
from xlbackprop.cnn.trained import TrainedNetwork
from xlbackprop.spreadsheet.blocks import Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import Place

#: The choice that is no image.
DRAWING = "my drawing"
_FIRST_ROW = 5


class DigitsSheet:
    """The images that can be chosen on the sheet Digit.

    Args:
        book: what it belongs to.
        network: it says whose images they are.
        digits: in their order; may be empty.
        labelled: whether the number of its class stands beside each.

    Attributes:
        labels: the numbers of the classes, (count,); none if they are not listed.
        names: of the choices, (count + 1,); the first is the drawing.
        texts: the images, (count,), each of 1,568 hexadecimal digits.
    """

    def __init__(self, book: Book, network: TrainedNetwork, digits: Sequence[Digit], *, labelled: bool = False) -> None:
        sheet = book.sheet("Digits", "the images that can be chosen, as texts")
        sheet.heights[1] = looks.TITLE_PIXELS
        sheet.set_widths({"A": 240, "B": 720})
        sheet.put("A1", "The images that can be chosen", looks.TITLE)
        about = "Each text holds 28 x 28 pixels row by row, two hexadecimal digits each: 00 is blank, ff is full ink."
        sheet.put("A2", about, looks.MUTED)
        if digits and network.classes == NUMERALS:
            sheet.put("A3", SOURCE, looks.MUTED)
        sheet.put("A4", ["name, from number 0 on", "image"], looks.TABLE_HEADER)
        names = [[DRAWING], *([one.name] for one in digits)]
        listed = sheet.put(f"A{_FIRST_ROW}", names, looks.TEXT, name="names of the choices")
        images = [[""], *([one.hexadecimal] for one in digits)]
        block = sheet.put(f"B{_FIRST_ROW}", images, looks.SMALL, name="images of the choices")
        self.labels = Place(np.zeros(0, dtype=np.int64))
        if labelled and digits:
            sheet.put("C4", "class", looks.TABLE_HEADER)
            at, numbers = f"C{_FIRST_ROW + 1}", [[float(one.label)] for one in digits]
            labels = sheet.put(at, numbers, looks.CENTERED, role=Role.CONSTANT, name="classes of the choices")
            self.labels = Place(labels.place.ids[:, 0])
        self.names = Place(listed.place.ids[:, 0])
        self.texts = Place(block.place.ids[1:, 0])
