"""Samples in a CSV file: a row each, below a row with the names of the columns.

There are the inputs `i1, i2 ...` and either the targets `t1, t2 ...` or a column `class`, in any order. Spreadsheets
of some countries write `;` between the values, and commas in the numbers; both are understood, and so are tabs.
"""

import csv
import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xlbackprop.backprop.network import Network, parse_number, span
from xlbackprop.errors import UnusableInput, reason
from xlbackprop.spreadsheet.addresses import column_letters
from xlbackprop.spreadsheet.limits import MAX_ROWS

_CLASS = "class"
_DELIMITERS = (";", "\t", ",")
#: Above this a file holds more than anybody would follow in a workbook.
_MAX_BYTES = 64 * 2**20
#: Of what stands in a cell, a sentence shows so many characters.
_MAX_SHOWN = 30


@dataclass(frozen=True)
class Data:
    """The samples of a file.

    Attributes:
        inputs: `i1, i2 ...` of each sample, of shape (samples, inputs).
        targets: `t1, t2 ...` of each sample, of shape (samples, outputs).
        classes: where the file has a column `class`, the names of the classes: of each output, or of the targets 0
            and 1 of a single output.
    """

    inputs: tuple[tuple[float, ...], ...]
    targets: tuple[tuple[float, ...], ...]
    classes: tuple[str, ...] = ()


def read_data(path: Path, network: Network) -> Data:
    """The samples that a file holds for a network.

    A class becomes the target 1 of its output, and 0 of the others; with a single output there are two classes, of
    which the first has the target 0 and the second 1. Classes that are numbers come in their order, others in
    alphabetical order.

    Args:
        path: a CSV file in UTF-8.
        network: gives the names of inputs and targets.

    Raises:
        UnusableInput: the file cannot be read, or does not hold samples for this network; the message names the row
            and the column as a spreadsheet does.
    """
    try:
        return _samples(_rows(_text(path)), network)
    except UnusableInput as error:
        raise UnusableInput(f"{path} {error}") from None


def _text(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise UnusableInput("is not a file: give a CSV file.")
        if path.stat().st_size > _MAX_BYTES:
            raise UnusableInput(f"is too large: {path.stat().st_size:,} bytes are more than a workbook has room for.")
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        raise UnusableInput("does not exist: give a CSV file with the samples.") from None
    except UnicodeDecodeError:
        raise UnusableInput("is no text in UTF-8: save it as CSV UTF-8.") from None
    except (OSError, ValueError) as error:
        raise UnusableInput(f"cannot be read: {reason(error)}.") from None
    if "\0" in text:
        raise UnusableInput("is no text: save it as CSV UTF-8.")
    return text


#: The number of a row, counted from 1 as a spreadsheet does, and its cells without the spaces around them.
_Row = tuple[int, list[str]]


def _rows(text: str) -> Iterator[_Row]:
    """The rows that hold anything."""
    header = next(filter(str.strip, text.splitlines()), "")
    delimiter = max(_DELIMITERS, key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, row in enumerate(reader, start=1):
            if number > MAX_ROWS:
                raise UnusableInput(f"has more than the {MAX_ROWS:,} rows of a sheet: give fewer samples.")
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield number, cells
    except csv.Error as error:
        raise UnusableInput(f"cannot be read below row {number}: {reason(error)}.") from None


def _samples(rows: Iterator[_Row], network: Network) -> Data:
    number, header = next(rows, (0, [""]))
    if number == 0:
        raise UnusableInput("is empty: its first row names the columns, and each further one is a sample.")
    columns = _Columns(number, header, network)
    inputs, targets, words = [], [], []
    for row, cells in rows:
        columns.insist_on_width(row, cells)
        inputs.append(columns.numbers(network.input_names, row, cells))
        if columns.have_classes:
            words.append(columns.word(_CLASS, row, cells))
        else:
            targets.append(columns.numbers(network.target_names, row, cells))
    if not inputs:
        raise UnusableInput("has no samples: each row below the names of the columns is one.")
    if columns.have_classes:
        return Data(tuple(inputs), *_from_classes(words, network))
    return Data(tuple(inputs), tuple(targets))


class _Columns:
    """Which column holds what.

    Args:
        row: the number of the row that names them.
        header: what stands there.
        network: gives the names that there have to be.

    Raises:
        UnusableInput: one is missing, or surplus, or there twice.
    """

    def __init__(self, row: int, header: Sequence[str], network: Network) -> None:
        names = [name.lower() for name in header]
        while not names[-1]:
            names.pop()
        self._names = names
        self.have_classes = _CLASS in names
        wanted = [*network.input_names, *([_CLASS] if self.have_classes else network.target_names)]
        takes = f"a {network.shape} network takes {span(network.input_names)}, and {span(network.target_names)}"
        takes += "." if self.have_classes else " or class."
        for place, name in enumerate(names, start=1):
            where = f"row {row}, column {column_letters(place)}"
            if self.have_classes and name in network.target_names:
                raise UnusableInput(f"has the columns class and {name}, which exclude each other: leave one out.")
            if name not in wanted:
                column = f"the column {_shown(header[place - 1])}" if name else "a column without a name"
                raise UnusableInput(f"has {column} ({where}), but {takes}")
            if name in names[: place - 1]:
                raise UnusableInput(f"has the column {name} twice, the second time in {where}.")
        for name in wanted:
            if name not in names:
                raise UnusableInput(f"has no column {name} in row {row}, but {takes}")
        self._places = {name: names.index(name) for name in wanted}

    def insist_on_width(self, row: int, cells: Sequence[str]) -> None:
        """See whether a row has no value without a column."""
        for place, cell in enumerate(cells[len(self._names) :], start=len(self._names) + 1):
            if cell:
                column = column_letters(place)
                raise UnusableInput(f"has {_shown(cell)} in row {row}, column {column}, but that column has no name.")

    def numbers(self, names: Sequence[str], row: int, cells: Sequence[str]) -> tuple[float, ...]:
        """The numbers of a row in these columns."""
        return tuple(self._number(name, row, cells) for name in names)

    def word(self, name: str, row: int, cells: Sequence[str]) -> str:
        """What stands in a column of a row."""
        place = self._places[name]
        if place >= len(cells) or not cells[place]:
            raise UnusableInput(f"has no value in {self._where(name, row)}.")
        return cells[place]

    def _number(self, name: str, row: int, cells: Sequence[str]) -> float:
        word = self.word(name, row, cells)
        try:
            number = float(_with_point(word))
        except ValueError:
            number = 0.0
        if not math.isfinite(number):
            raise UnusableInput(f"has {_shown(word)} in {self._where(name, row)}, which no cell can hold.")
        try:
            return parse_number(_with_point(word))
        except ValueError:
            where = self._where(name, row)
            raise UnusableInput(f"has {_shown(word)} in {where}, where a number belongs.") from None

    def _where(self, name: str, row: int) -> str:
        return f"row {row}, column {column_letters(self._places[name] + 1)} ({name})"


def _from_classes(words: Sequence[str], network: Network) -> tuple[tuple[tuple[float, ...], ...], tuple[str, ...]]:
    """The targets of each sample, and the names of the classes in the order of the outputs."""
    try:
        keys: list[float] | list[str] = [parse_number(_with_point(word)) for word in words]
    except ValueError:
        keys = list(words)
    # of two spellings of a number, the first
    names = dict(reversed(list(zip(keys, words, strict=True))))
    ordered = sorted(names)  # type: ignore[type-var]
    outputs = len(network.target_names)
    if len(ordered) != max(2, outputs):
        listed = ", ".join(_shown(names[key]) for key in ordered[:5]) + ", ..." * (len(ordered) > 5)
        found = f"{len(ordered)} classes" if len(ordered) > 1 else "1 class"
        tells = "1 output tells 2 classes" if outputs == 1 else f"{outputs} outputs tell {outputs} classes"
        raise UnusableInput(f"has {found} ({listed}), but a {network.shape} network with {tells} apart.")
    numbers = {key: n for n, key in enumerate(ordered)}
    targets = tuple(_one_hot(numbers[key], outputs) for key in keys)
    return targets, tuple(names[key] for key in ordered)


def _one_hot(number: int, outputs: int) -> tuple[float, ...]:
    """The targets of a class: 1 for its output, or with a single output its number."""
    return (float(number),) if outputs == 1 else tuple(float(n == number) for n in range(outputs))


def _with_point(word: str) -> str:
    """A number with a decimal point, where it has a decimal comma."""
    return word.replace(",", ".") if word.count(",") == 1 and "." not in word else word


def _shown(word: str) -> str:
    """What stands in a cell, for a sentence."""
    return word if len(word) <= _MAX_SHOWN else f"{word[:_MAX_SHOWN]}..."
