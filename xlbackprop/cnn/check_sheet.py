"""The check: the logits as they were computed when the file was built beside the live ones, and what was edited."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlbackprop.cnn import looks
from xlbackprop.cnn.facts import CHECK
from xlbackprop.spreadsheet.blocks import Block, Formula, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import Place, joined
from xlbackprop.spreadsheet.presentation import Page, Rule

#: What is said of a group of inputs.
AS_BUILT, CHANGED = "as built", "changed"
_AGREES, _DIFFERS = "agrees", "differs"

_VERDICT_ROW, _HEADER_ROW = 3, 6
_FIRST_ROW = _HEADER_ROW + 1
#: The first column of the numbers that inputs are multiplied by.
_KEY_COLUMN = "M"
_WIDTHS = {"A": 150, "B": 120, "C": 90, "D": 80, "E": 70, "F": 16, "G": 300, "H": 80, "I": 110, "J": 110, "K:L": 16}


class CheckSheet:
    """What was computed when the file was built, beside what the cells say now.

    Attributes:
        names: what each group of inputs is called.
        changes: whether it was changed.
    """

    def __init__(self, book: Book) -> None:
        self._book = book
        self.sheet = book.sheet(CHECK, "what was computed when the file was built, and what was edited since")
        self.names = self.changes = Place(np.zeros(0, dtype=np.int64))

    def fill(
        self,
        classes: Sequence[str],
        logits: tuple[Place, NDArray[np.float64]],
        answer: Place,
        inputs: Mapping[str, tuple[Place, NDArray[np.float64]]],
        facts: Mapping[str, str],
    ) -> None:
        """Fill the sheet.

        Args:
            classes: their names.
            logits: the live ones, and those that NumPy computed.
            answer: the number of the class with the largest logit.
            inputs: groups of cells that may be edited, with their numbers when the file was built, by name; the image
                comes first.
            facts: what it says about how it was made.
        """
        sheet = self.sheet
        sheet.heights[1] = looks.TITLE_PIXELS
        sheet.set_widths(_WIDTHS)
        sheet.put("A1", "Does this workbook compute what was computed when it was built?", looks.TITLE)
        about = "Each group of inputs is added up, each number multiplied by one of its own on the right (column M on)."
        sheet.put("A2", f"{about} So an edit shows, and so do two numbers that were exchanged.", looks.MUTED)
        self._fill_inputs(inputs)
        agreements = self._fill_logits(classes, logits, answer)
        self._fill_verdict(agreements)
        row = _FIRST_ROW + len(classes) + 3
        sheet.put(f"A{row}", "How it was made", looks.HEADING)
        sheet.put(f"A{row + 1}", [[label, text] for label, text in facts.items()], looks.NAME, looks.SMALL)
        # rows repeated on paper would have LibreOffice draw the ends of pages across the pictures of the other sheets
        sheet.page = Page(frozen=(_HEADER_ROW, 0))

    def _fill_inputs(self, inputs: Mapping[str, tuple[Place, NDArray[np.float64]]]) -> None:
        """A row a group: what it adds up to, when the file was built and now."""
        sheet = self.sheet
        sheet.put(f"G{_HEADER_ROW - 1}", "Inputs", looks.HEADING)
        sheet.put(f"G{_HEADER_ROW}", ["group", "", "when built", "now"], looks.TABLE_HEADER)
        key, numbers = self._put_key([cells.shape for cells, _ in inputs.values()])
        names = sheet.put(f"G{_FIRST_ROW}", [[name] for name in inputs], looks.TEXT, name="groups of inputs")
        sums = [
            [float((values * numbers[: values.shape[0], : values.shape[1]]).sum())] for _, values in inputs.values()
        ]
        built = sheet.put(f"I{_FIRST_ROW}", sums, looks.SIX_DECIMALS, role=Role.CONSTANT, name="inputs when built")
        live: list[list[Any]] = [
            [Formula(f"SUMPRODUCT({cells:$},{key[: cells.shape[0], : cells.shape[1]]:$})", total)]
            for (cells, _), (total,) in zip(inputs.values(), sums, strict=True)
        ]
        now = sheet.put(f"J{_FIRST_ROW}", live, looks.SIX_DECIMALS, name="inputs now")
        said: list[list[Any]] = [
            [Formula(_compared(now.cell(n), built.cell(n), AS_BUILT, CHANGED))] for n in range(len(inputs))
        ]
        changes = sheet.put(f"H{_FIRST_ROW}", said, looks.CENTERED, name="whether inputs were changed")
        self.names, self.changes = names.place, changes.place
        sheet.rules.append(Rule(changes.place, CHANGED, looks.AMBER, equals=True))

    def _put_key(self, shapes: Sequence[tuple[int, ...]]) -> tuple[Place, NDArray[np.float64]]:
        """Different numbers between 1 and 2, as many as the largest group has."""
        rows, columns = (max(shape[axis] for shape in shapes) for axis in (0, 1))
        numbers = np.round(1 + np.arange(rows * columns) * 0.6180339887 % 1, 6).reshape(rows, columns)
        self.sheet.put(f"{_KEY_COLUMN}{_HEADER_ROW - 1}", "Numbers that each input is multiplied by", looks.MUTED)
        at, name = f"{_KEY_COLUMN}{_FIRST_ROW}", "numbers that inputs are multiplied by"
        block = self.sheet.put(at, numbers.tolist(), looks.MUTED, role=Role.CONSTANT, name=name)
        return block.place, numbers

    def _fill_logits(self, classes: Sequence[str], logits: tuple[Place, NDArray[np.float64]], answer: Place) -> Place:
        """Logits and answer; gives whether they agree."""
        sheet, (live, values) = self.sheet, logits
        sheet.put(f"A{_HEADER_ROW - 1}", "Logits", looks.HEADING)
        titles = ["class", "NumPy, when built", "live", "difference", ""]
        sheet.put(f"A{_HEADER_ROW}", titles, looks.TABLE_HEADER)
        sheet.put(f"A{_FIRST_ROW}", [[name] for name in [*classes, "number of the answer"]], looks.NAME)
        before = [[float(value)] for value in [*values, values.argmax()]]
        built = sheet.put(f"B{_FIRST_ROW}", before, looks.SIX_DECIMALS, role=Role.CONSTANT, name="logits by NumPy")
        now = [[Formula(f"{cell}")] for cell in [*live, answer]]
        shown = sheet.put(f"C{_FIRST_ROW}", now, looks.SIX_DECIMALS, name="logits, live")
        count = len(now)
        # the answer is a whole number
        built.row_looks = shown.row_looks = {count - 1: looks.WHOLE}
        off = [[Formula(f"{shown.cell(n)}-{built.cell(n)}")] for n in range(count)]
        sheet.put(f"D{_FIRST_ROW}", off, looks.SCIENTIFIC, name="difference")
        said = [[Formula(_compared(shown.cell(n), built.cell(n), _AGREES, _DIFFERS))] for n in range(count)]
        return sheet.put(f"E{_FIRST_ROW}", said, looks.CENTERED, name="whether logits agree").place

    def _fill_verdict(self, agreements: Place) -> None:
        """Its words and its colour follow from the same counts; after an edit the logits may be others."""
        sheet = self.sheet
        weights = self.changes[1:]
        edited, drawn = (f'COUNTIF({cells:$},"{CHANGED}")' for cells in (weights, self.changes[:1]))
        differing = f'COUNTIF({agreements:$},"{_DIFFERS}")'
        first = f'INDEX({self.names[1:]:$},MATCH("{CHANGED}",{weights:$},0))'
        more = f'IF({edited}>1,", and "&({edited}-1)&" more","")'
        verdict = (
            f'IF({edited}>0,"Edited since the file was built: "&{first}&{more}&". So the logits may be others.",'
            f'IF({drawn}>0,"Another image is read than when the file was built, so the logits are others. '
            'The weights are as built.",'
            f'IF({differing}>0,"Wrong: nothing was edited, but the logits are not those that NumPy computed when the '
            'file was built: a formula was changed, or its result is an error.",'
            '"The logits and the answer are those that NumPy computed when the file was built.")))'
        )
        said = sheet.put(f"A{_VERDICT_ROW}", Formula(verdict), looks.VERDICT, name="verdict")
        rest = sheet.put(f"B{_VERDICT_ROW}", [""] * 9, looks.VERDICT)
        band = joined([said.place, rest.place])
        unedited = f"{edited}+{drawn}=0"
        sheet.rules += [
            Rule(band, f"AND({unedited},{differing}>0)", looks.RED),
            Rule(band, f"AND({unedited},{differing}=0)", looks.GREEN),
            Rule(agreements, f"{edited}+{drawn}>0", looks.GREY, last=True),
            Rule(agreements, _DIFFERS, looks.RED, equals=True),
            Rule(agreements, _AGREES, looks.GREEN, equals=True),
        ]


def _compared(now: Place, built: Place, same: str, other: str) -> str:
    """Whether a number is the one it was, but for rounding."""
    far = f"ABS({now}-{built})>1E-9*(1+ABS({built}))"
    return f'IF(ISERROR({now}),"{other}",IF({far},"{other}","{same}"))'


def group(block: Block) -> tuple[Place, NDArray[np.float64]]:
    """The cells of a block of inputs, and their numbers; an empty cell counts as 0."""
    contents: Any = block.contents
    values = np.array([[0.0 if number is None else float(number) for number in row] for row in contents])
    return Place(block.place.ids.reshape(block.shape)), values
