"""The sheet Digit: draw a digit or choose one, see what the network sees, and what it reads."""

from collections.abc import Sequence

import numpy as np

from xlbackprop.cnn import digit_looks, looks
from xlbackprop.cnn.answer import Answer
from xlbackprop.cnn.digits import NUMERALS, Digit
from xlbackprop.cnn.digits_sheet import DRAWING, DigitsSheet
from xlbackprop.cnn.evidence import Evidence
from xlbackprop.cnn.gradients_sheet import GradientsSheet
from xlbackprop.cnn.idx import Bytes
from xlbackprop.cnn.network_sheet import NetworkSheet
from xlbackprop.cnn.networks import IMAGE
from xlbackprop.cnn.saliency import Saliency
from xlbackprop.cnn.trained import TrainedNetwork
from xlbackprop.spreadsheet.addresses import cell_address, column_letters
from xlbackprop.spreadsheet.blocks import Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.looks import Look
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.presentation import Rule, Shades, Validation

DIGIT = "Digit"

_SIDE = IMAGE[1]
_COLUMNS = 120
_FIRST_ROW = 6
_DRAWING, _SEEN, _ANSWER = 2, 32, 62
#: How far the frame of 20 x 20 cells, which holds a digit of MNIST, lies from the edges.
_FRAME = 4
#: The row below the drawing.
_BELOW = _FIRST_ROW + _SIDE


class DigitSheet:
    """The sheet that comes first.

    Args:
        book: what it belongs to.
        network: it reads the digits.
        digits: those that can be chosen; a fresh file shows the first, or the empty drawing if there are none.
        backward: with the gradient of the pixels.

    Attributes:
        drawing: what a reader types, (28, 28): empty, 1 for full ink, or 2 to 255.
        pixels: what the network sees, (28, 28), from 0 to 255.
        pen: 0, or 1 for one that draws three cells wide.
        chosen: the name of a digit, or that of the drawing.
        choice: 0 for the drawing, or the number of a digit; that of the name, until a number is typed over it.
        answer: the class with the largest logit, from 0 to 9.
        image: what a fresh file shows, (28, 28).
        saliency: the panel of the gradient, if there is one.
    """

    def __init__(self, book: Book, network: TrainedNetwork, digits: Sequence[Digit], *, backward: bool = False) -> None:
        self._network, self._digits = network, digits
        self.sheet = sheet = book.sheet(DIGIT, "draw a digit or choose one, and see what the network reads")
        square = (_SIDE, _SIDE)
        self._drawing = sheet.reserve("drawing", cell_address(_FIRST_ROW, _DRAWING), square, Role.INPUT)
        self._pixels = sheet.reserve("pixels", cell_address(_FIRST_ROW, _SEEN), square)
        self._answer = Answer(sheet, network.classes, (_FIRST_ROW, _ANSWER))
        self._evidence = Evidence(sheet, network.layers, network.classes, _BELOW + 1, self.answer)
        self.saliency = Saliency(sheet, self._evidence.next_row + 1) if backward else None
        first = digits[0].name if digits else DRAWING
        self._chosen = sheet.put_over("F4:W4", first, digit_looks.CHOICE, role=Role.INPUT, name="name of the choice")
        self._choice = sheet.reserve("choice", "AN4", role=Role.INPUT)
        self._pen = sheet.put_over("AW4:AX4", 0.0, digit_looks.TYPED, role=Role.INPUT, name="pen")
        self.image: Bytes = digits[0].pixels if digits else np.zeros(square, dtype=np.uint8)
        book.names |= {
            ("pixels", None): self.drawing,
            ("pen", None): self.pen,
            ("choice", None): self.choice,
            ("answer", None): self.answer,
        }

    @property
    def drawing(self) -> Place:
        return self._drawing.place

    @property
    def pixels(self) -> Place:
        return self._pixels.place

    @property
    def pen(self) -> Place:
        return self._pen.place

    @property
    def chosen(self) -> Place:
        return self._chosen.place

    @property
    def choice(self) -> Place:
        return self._choice.place

    @property
    def answer(self) -> Place:
        return self._answer.place

    @property
    def reading(self) -> Answer:
        """What the network reads."""
        return self._answer

    @property
    def evidence(self) -> Evidence:
        """The maps that say what speaks for each class."""
        return self._evidence

    def fill(self, shown: NetworkSheet, listed: DigitsSheet, gradients: GradientsSheet | None = None) -> None:
        """Fill the sheet.

        Args:
            shown: where the layers stand.
            listed: the digits that can be chosen.
            gradients: where the gradients stand, if they do.
        """
        sheet = self.sheet
        letters = column_letters(_COLUMNS)
        sheet.set_widths({f"A:{letters}": digit_looks.CELL_PIXELS})
        sheet.heights |= {1: looks.TITLE_PIXELS, 2: looks.LINE_PIXELS, 3: 6, 4: 24, 5: looks.LINE_PIXELS}
        sheet.heights |= dict.fromkeys(range(_FIRST_ROW, _BELOW), digit_looks.CELL_PIXELS)
        what = "a digit" if self._network.classes == NUMERALS else "an image"
        sheet.put("B1", f"Draw {what}, and watch the network {self._network.name} read it", looks.TITLE)
        hint = (
            f"Choose “{DRAWING}”, then type 1 into yellow cells, within the inner square. Every number on the way to "
            "the answer is a formula on the sheet Network, and every weight there may be edited."
        )
        sheet.put("B2", hint, looks.MUTED)
        self._fill_choice(listed)
        self._fill_drawing()
        above = self.saliency or self._evidence
        row = self._answer.fill(shown.logits, above.next_row + 1) + 1
        if self.saliency and gradients:
            self.saliency.fill(self._answer, self.choice, listed, shown, gradients)
        self._fill_pixels(listed, row)
        self._evidence.fill(shown, row + 2)

    def _fill_choice(self, listed: DigitsSheet) -> None:
        sheet = self.sheet
        sheet.put_over("B4:E4", "image", looks.NAME)
        sheet.put_over("AF4:AM4", "its number", looks.NAME)
        sheet.put_over("AS4:AV4", "pen", looks.NAME)
        sheet.put_over("AZ4:BH4", "1: a thick one", looks.MUTED)
        number = f"IFERROR(MATCH({self._chosen.place},{listed.names},0)-1,0)"
        sheet.fill(self._choice, Formula(number), digit_looks.TYPED)
        sheet.merge(self._choice, 1, 3)
        count = len(self._digits)
        sheet.validations += [
            Validation(self._chosen.place, "list", choices=listed.names),
            Validation(self.choice, "integer", 0, count, title="Number of the image", message=f"0 to {count}"),
            Validation(self.pen, "integer", 0, 1, title="Pen", message="0 for a thin one, 1 for a thick one"),
        ]

    def _fill_drawing(self) -> None:
        sheet = self.sheet
        caption = f'IF({self.choice}=0,"your drawing","your drawing: choose ""{DRAWING}"" above to see it read")'
        caption_block = sheet.put_over("B5:AC5", Formula(caption), looks.SMALL)
        sheet.rules.append(Rule(caption_block.place, f"{self.choice:$}>0", looks.AMBER))
        blank: list[list[str]] = [[""] * _SIDE for _ in range(_SIDE)]
        outside, inside = digit_looks.OUTSIDE, digit_looks.INSIDE
        edges = range(_FRAME, _SIDE - _FRAME)
        sheet.fill(self._drawing, blank, *(inside if n in edges else outside for n in range(_SIDE)))
        self._drawing.row_looks = {n: outside for n in range(_SIDE) if n not in edges}
        first = self.drawing[0, 0]
        for least, most, colour in digit_looks.INKS:
            ink = Look(fill=colour, colour=colour)
            sheet.rules.append(Rule(self.drawing, f"AND({first}>={least},{first}<={most})", ink))
        sheet.validations.append(
            Validation(self.drawing, "integer", 0, 255, title="Drawing", message="1 for full ink, or 0 to 255")
        )

    def _fill_pixels(self, listed: DigitsSheet, row: int) -> None:
        """What the network sees; the text of the chosen image goes into a row of its own."""
        sheet = self.sheet
        name = f"INDEX({listed.names:$},{self.choice:$}+1)"
        seen = f'"what the network sees: "&IFERROR({name},"there is no image of this number")'
        sheet.put_over("AF5:BG5", Formula(seen), looks.SMALL)
        image = None
        if self._digits:
            sheet.put_over(f"B{row}:L{row}", "the chosen image as text", looks.SMALL)
            text = f'IF({self.choice}=0,"",INDEX({listed.texts},{self.choice}))'
            image = sheet.put_over(f"M{row}:CB{row}", Formula(text), looks.SMALL, name="the chosen image").place
        values = self.image.astype(float).tolist()
        formulas = [[Formula(self._pixel(n, k, image), values[n][k]) for k in range(_SIDE)] for n in range(_SIDE)]
        sheet.fill(self._pixels, formulas, looks.PICTURE)
        sheet.shades.append(Shades(self.pixels, looks.PAPER, looks.LIT, 0, 255))

    def _pixel(self, row: int, column: int, image: Place | None) -> str:
        """The formula of a pixel: from the chosen image, or from the drawing with the pen."""
        cell = self.drawing[row, column]
        around = self.drawing[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        thick = f"IF(COUNTIF({around},1)>0,255,MIN(255,MAX(0,{around})))"
        drawn = f"IF({self.pen:$}=1,{thick},IF({cell}=1,255,MIN(255,MAX(0,{cell}))))"
        if image is None:
            return drawn
        first = 2 * (row * _SIDE + column) + 1
        return f"IF({self.choice:$}=0,{drawn},HEX2DEC(MID({image:$},{first},2)))"
