"""A trained network's workbook, opened in a spreadsheet engine to be edited and read by places."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.conftest import Editor
from xlbackprop.cnn.digits import Digit, digits
from xlbackprop.cnn.sheets import cnn_sheets
from xlbackprop.cnn.trained import TrainedNetwork
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.cells import Sheets, Value
from xlbackprop.spreadsheet.places import Place
from xlbackprop.spreadsheet.xlsx import write


class Opened:
    """The workbook of a network, written to a file and opened.

    Attributes:
        sheets: where everything stands.
        path: the file.
    """

    def __init__(
        self, network: TrainedNetwork, folder: Path, chosen: Sequence[Digit] | None = None, *, backward: bool = False
    ) -> None:
        self.sheets = cnn_sheets(network, digits(network) if chosen is None else chosen, backward=backward)
        self.path = folder / "opened.xlsx"
        write(self.sheets.book, self.path)
        self._editor = Editor(self.path)
        self._cells: Sheets | None = None

    def type(self, cell: Place, text: str) -> "Opened":
        """Type into a cell."""
        sheet, row, column = self.sheets.book.where(int(cell.ids))
        self._editor.type(sheet.name, cell_address(row, column), text)
        self._cells = None
        return self

    def draw(self, image: np.ndarray) -> "Opened":
        """Type the cells of an image that are not 0, and choose the drawing."""
        for row, column in np.argwhere(image):
            self.type(self.sheets.digit.drawing[int(row), int(column)], str(image[row, column]))
        return self.type(self.sheets.digit.choice, "0")

    def value(self, cell: Place) -> Value:
        """What a cell shows."""
        if self._cells is None:
            self._cells = self._editor.sheets()
        sheet, row, column = self.sheets.book.where(int(cell.ids))
        return self._cells.value(sheet.name, row, column)

    def numbers(self, cells: Place) -> np.ndarray:
        """The numbers of cells, in their shape; an empty cell is 0."""
        values = [self.value(Place(np.asarray(cell_id))) for cell_id in cells.ids.ravel()]
        return np.array([0.0 if value is None else value for value in values], dtype=float).reshape(cells.shape)

    def words(self, sheet: str) -> list[str]:
        """All texts that a sheet shows."""
        self.value(self.sheets.digit.answer)
        assert self._cells is not None
        return [value for value in self._cells.values(sheet).values() if isinstance(value, str)]

    def recalculated(self, cells: Sheets, place: Place) -> np.ndarray:
        """The numbers of cells as another engine has them."""
        found = []
        for cell_id in place.ids.ravel():
            sheet, row, column = self.sheets.book.where(int(cell_id))
            found.append(cells.value(sheet.name, row, column))
        return np.array(found, dtype=float).reshape(place.shape)
