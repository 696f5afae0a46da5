"""Addresses of cells: `AA3` for row 3, column 27. Rows and columns count from 1."""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby

_ADDRESS = re.compile(r"([A-Z]+)(\d+)")


@cache
def column_letters(column: int) -> str:
    """`A` for 1, `AA` for 27."""
    letters = ""
    while column:
        column, remainder = divmod(column - 1, 26)
        letters = chr(ord("A") + remainder) + letters
    return letters


def column_number(letters: str) -> int:
    """1 for `A`, 27 for `AA`."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def place(address: str) -> tuple[int, int]:
    """Row and column of `$AA$3`: 3 and 27."""
    letters, row = _ADDRESS.findall(address.replace("$", ""))[0]
    return int(row), column_number(letters)


def cell_address(row: int, column: int) -> str:
    """`AA3` for row 3, column 27."""
    return f"{column_letters(column)}{row}"


def cells_between(area: str) -> Iterator[str]:
    """The addresses of the cells of a range, row by row: `B2`, `C2`, `B3`, `C3` for `B2:C3`."""
    first, _, last = area.partition(":")
    (top, left), (bottom, right) = place(first), place(last or first)
    for row in range(top, bottom + 1):
        for column in range(left, right + 1):
            yield cell_address(row, column)


def column_ranges(rows: Sequence[int], column: int) -> tuple[str, ...]:
    """Some cells of a column, given their rows in order, as ranges: `Z33:Z100`, `Z102`."""
    # rows that follow each other are equally far from their number in the list
    runs = [[row for _, row in run] for _, run in groupby(enumerate(rows), key=lambda pair: pair[1] - pair[0])]
    ends = [(cell_address(run[0], column), cell_address(run[-1], column)) for run in runs]
    return tuple(first if first == last else f"{first}:{last}" for first, last in ends)


def fixed_address(row: int, column: int) -> str:
    """`$AA$3` for row 3, column 27: it stays as it is when a formula is filled down."""
    return f"${column_letters(column)}${row}"


def quoted(sheet: str) -> str:
    """A sheet's name as a formula writes it."""
    plain = sheet.isascii() and sheet.isalnum() and not sheet[0].isdigit()
    return sheet if plain else "'" + sheet.replace("'", "''") + "'"
