"""What a formula gives, without an engine."""

from xlbackprop.spreadsheet.blocks import Formula, Role
from xlbackprop.spreadsheet.book import Book

ROW = [1.0, 2.0, 3.5, -4.0]


def value(text: str):
    """What a formula gives beside the numbers of `ROW` in A1:D1; `{row}` and `{a}` stand for them."""
    book = Book()
    sheet = book.sheet("Sheet1")
    row = sheet.put("A1", ROW, role=Role.CONSTANT).place
    words = sheet.put("A2", ["differs: 1", "agrees", "Differs"]).place
    cells = {letter: f"{cell}" for letter, cell in zip("abcd", row[0], strict=True)}
    texts = {"row": f"{row}", "words": f"{words}", **cells}
    return book.value(sheet.put("A9", Formula(text.format(**texts))).place)
