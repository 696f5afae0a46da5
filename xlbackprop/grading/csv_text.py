"""A CSV file of which single cells are replaced, and every other byte stays: quotes, line ends, BOM, encoding."""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from xlbackprop.errors import UnusableInput, reason

_MOST_BYTES = 64 * 2**20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: What a file is read as that is no Unicode: Windows in western Europe and America. It knows every byte but five.
_OLD = "cp1252"
_DELIMITERS = ",;\t"
# where a program that splits at any of these may see a cell begin; and what makes it a formula there
_FORMULA = re.compile(r"(^|[,;\t\r\n|])(\s*)(?=[=+\-@\t\r])")


def harmless(text: str) -> str:
    """A text that no spreadsheet program takes for a formula, wherever its locale has it split lines into cells."""
    return _FORMULA.sub(r"\1\2'", text)


@dataclass
class Cell:
    """A cell of a CSV file: its value, and from where to where it stands in the text."""

    value: str
    start: int
    end: int
    quoted: bool


class CsvText:
    """The cells of a CSV file.

    Attributes:
        rows: the cells, row by row; empty lines are rows without cells.

    Raises:
        UnusableInput: it cannot be read, or holds no text.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            if path.stat().st_size > _MOST_BYTES:
                raise UnusableInput(f"{path} is too large for grades: {path.stat().st_size:,} bytes.")
            content = path.read_bytes()
        except FileNotFoundError:
            raise UnusableInput(f"{path} does not exist.") from None
        except OSError as error:
            raise UnusableInput(f"{path} cannot be read: {reason(error)}.") from None
        self._bom, self.encoding = next(((bom, name) for bom, name in _BOMS if content.startswith(bom)), (b"", ""))
        # that of a workbook can be read in no encoding
        is_binary = not self._bom and b"\0" in content
        self._text = "" if is_binary else self._decoded(content.removeprefix(self._bom))
        if "\0" in self._text or not self._text.strip():
            raise UnusableInput(f"{path} is no CSV file: export the grades again.")
        first_line = re.sub(r'"(?:[^"]|"")*"', "", self._text.lstrip("\r\n").splitlines()[0])
        self.delimiter = max(_DELIMITERS, key=first_line.count)
        self.rows = self._parsed()
        self._edits: dict[tuple[int, int], str] = {}

    def _decoded(self, content: bytes) -> str:
        for encoding in (self.encoding,) if self.encoding else ("utf-8", _OLD):
            try:
                text = content.decode(encoding)
            except UnicodeDecodeError:
                continue
            self.encoding = encoding
            return text
        raise UnusableInput(f"{self.path} is in an unknown encoding: save it as UTF-8.")

    def _parsed(self) -> list[list[Cell]]:
        text, delimiter = self._text, re.escape(self.delimiter)
        # a quoted part, what follows it, and the end of the cell
        pattern = re.compile(
            rf'(?P<quoted>"(?:[^"]|"")*"?)?(?P<plain>[^{delimiter}\r\n]*)(?P<end>{delimiter}|\r\n|\r|\n|$)'
        )
        rows: list[list[Cell]] = [[]]
        position = 0
        while position < len(text):
            match = pattern.match(text, position)
            assert match, "a cell may be empty, and the text has an end"
            quoted = match["quoted"]
            value = (
                match["plain"] if quoted is None else quoted[1:].removesuffix('"').replace('""', '"') + match["plain"]
            )
            rows[-1].append(Cell(value, match.start(), match.start("end"), quoted is not None))
            position = match.end()
            if match["end"] != self.delimiter:
                rows.append([])
            elif position == len(text):
                rows[-1].append(Cell("", position, position, False))
        # an empty line is one empty cell, and no cell at all
        return [[] if len(row) == 1 and not row[0].value and not row[0].quoted else row for row in rows if row]

    def value(self, row: int, column: int) -> str:
        """What a cell holds; nothing where the row is too short to have it."""
        cells = self.rows[row]
        return cells[column].value if column < len(cells) else ""

    def put(self, row: int, column: int, value: str) -> None:
        """Replace a cell, once; a row that is too short gets it.

        Raises:
            ValueError: the cell was replaced before.
        """
        if (row, column) in self._edits:
            raise ValueError(f"cell {column} of row {row} is replaced twice")
        value = harmless(value)
        cells = self.rows[row]
        is_quoted = column < len(cells) and cells[column].quoted
        if is_quoted or re.search(rf'["\r\n{re.escape(self.delimiter)}]', value) or value != value.strip():
            value = '"' + value.replace('"', '""') + '"'
        self._edits[row, column] = value

    @property
    def content(self) -> bytes:
        """The file as it is after the edits; what its encoding lacks is written as HTML does."""
        pieces, position = [], 0
        # how many cells each row has by now
        width = [len(row) for row in self.rows]
        for (row, column), value in sorted(self._edits.items()):
            cells = self.rows[row]
            start, end = (cells[column].start, cells[column].end) if column < len(cells) else (cells[-1].end,) * 2
            pieces += [self._text[position:start], self.delimiter * (column + 1 - width[row]), value]
            width[row] = max(width[row], column + 1)
            position = end
        text = "".join([*pieces, self._text[position:]])
        return self._bom + text.encode(self.encoding, "xmlcharrefreplace")
