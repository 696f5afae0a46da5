"""What a formula gives: a small interpreter of spreadsheet formulas, for the values that stand in a file.

It knows the functions that our own formulas use, as Excel defines them. A range is an array of cell ids
until its values are asked for, so that INDEX looks at one of 100,000 cells only.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xlbackprop.spreadsheet.cells import Value
from xlbackprop.spreadsheet.numbers import short_number
from xlbackprop.spreadsheet.places import HOLE

_TOKEN = re.compile(
    r"\s*(?:(?P<hole>\x02[^\x03]*\x03)|(?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)|\"(?P<text>(?:[^\"]|\"\")*)\""
    r"|(?P<call>[A-Z][A-Z0-9.]*)\(|(?P<name>[A-Za-z_]\w*)|(?P<operator><=|>=|<>|[-+*/^&=<>(),]))"
)
# has room for all digits of 1E+308, and for those behind the point
_DECIMALS = Context(prec=400, rounding=ROUND_HALF_UP)
_BINDS = {"=": 1, "<>": 1, "<": 1, ">": 1, "<=": 1, ">=": 1, "&": 2, "+": 3, "-": 3, "*": 4, "/": 4, "^": 5}
# a minus in front binds more tightly than a power: -2^2 is 4
_MINUS = 6


class Formulas(Protocol):
    """What an evaluation needs to know of the workbook."""

    def cells(self, first: int, last: int) -> NDArray[np.int64]:
        """The ids of a range, of shape (rows, columns)."""

    def named(self, name: str) -> NDArray[np.int64]:
        """The ids behind a defined name."""

    def value(self, cell_id: int) -> Value:
        """What a cell shows."""

    def numbers(self, ids: NDArray[np.int64]) -> NDArray[np.float64] | None:
        """What cells show, where that is at hand at once and nothing but numbers."""


class CellError(Exception):
    """An error value, such as #N/A; the message is what the cell shows."""


@dataclass(frozen=True)
class _Range:
    ids: NDArray[np.int64]
    workbook: Formulas

    def values(self) -> Sequence[Value]:
        numbers = self.numbers()
        if numbers is not None:
            return numbers.tolist()
        return [self.workbook.value(int(cell_id)) for cell_id in self.ids.ravel()]

    def numbers(self) -> NDArray[np.float64] | None:
        return self.workbook.numbers(self.ids) if self.ids.size > 1 else None

    def array(self) -> NDArray[Any]:
        return np.array([_raised(value) for value in self.values()], dtype=object).reshape(self.ids.shape)


@dataclass(frozen=True)
class _Given:
    """What a formula is evaluated with: the workbook, and the first and last cell of each of its holes."""

    workbook: Formulas
    ends: Sequence[tuple[int, int]]


_Result = Any  # a Value, a _Range, or an array of values
_Node = Callable[[_Given], _Result]


def evaluated(text: str, workbook: Formulas) -> Value:
    """What a formula gives; an error value is a text such as `#DIV/0!`.

    Raises:
        ValueError: the formula uses what this interpreter does not know.
    """
    ends = []

    def emptied(hole: re.Match[str]) -> str:
        first, _, last = hole["ends"].partition(":")
        ends.append((int(first), int(last or first)))
        return "\x02\x03"

    # formulas that differ in their cells only are read once
    node = _parsed(HOLE.sub(emptied, text))
    try:
        result = _single(node(_Given(workbook, ends)))
    except CellError as error:
        return str(error)
    except (ZeroDivisionError, OverflowError) as error:
        return "#DIV/0!" if isinstance(error, ZeroDivisionError) else "#NUM!"
    if isinstance(result, float | np.floating | int) and not isinstance(result, bool):
        return float(result) if math.isfinite(result) else "#NUM!"
    return result


@lru_cache(maxsize=4096)
def _parsed(text: str) -> _Node:
    tokens, position = [], 0
    while position < len(text.rstrip()):
        match = _TOKEN.match(text, position)
        if not match:
            raise ValueError(f"the formula {text} cannot be read from {text[position:]!r} on")
        tokens.append((match.lastgroup or "", match[match.lastgroup or 0]))
        position = match.end()
    parser = _Parser([*tokens, ("end", "")])
    node = parser.expression(0)
    if parser.tokens[parser.position][0] != "end":
        raise ValueError(f"the formula {text} ends too early")
    return node


class _Parser:
    """Makes a function of the workbook from the tokens of a formula, by precedence climbing."""

    def __init__(self, tokens: Sequence[tuple[str, str]]) -> None:
        self.tokens, self.position, self.holes = tokens, 0, 0

    def taken(self) -> tuple[str, str]:
        self.position += 1
        return self.tokens[self.position - 1]

    def expression(self, binds: int) -> _Node:
        left = self.operand()
        while (operator := self.tokens[self.position])[0] == "operator" and _BINDS.get(operator[1], -1) > binds:
            self.taken()
            left = _operation(operator[1], left, self.expression(_BINDS[operator[1]]))
        return left

    def operand(self) -> _Node:
        kind, text = self.taken()
        match kind, text:
            case "number", _:
                number = float(text)
                return lambda given: number
            case "text", _:
                words = text.replace('""', '"')
                return lambda given: words
            case "hole", _:
                hole = self.holes
                self.holes += 1
                return lambda given: _Range(given.workbook.cells(*given.ends[hole]), given.workbook)
            case "name", _:
                return lambda given: _Range(given.workbook.named(text), given.workbook)
            case "call", _:
                return _called(text, self.arguments())
            case "operator", "(":
                inner = self.expression(0)
                self.taken()
                return inner
            case "operator", "-":
                negated = self.expression(_MINUS)
                return lambda given: -_number(_scalar(negated(given)))
        raise ValueError(f"{text!r} stands where a value belongs")

    def arguments(self) -> list[_Node]:
        found: list[_Node] = []
        if self.tokens[self.position] == ("operator", ")"):
            self.taken()
            return found
        while True:
            found.append(self.expression(0))
            if self.taken()[1] == ")":
                return found


def _raised(value: Value) -> Value:
    if isinstance(value, str) and value.startswith("#") and value.endswith(("!", "?", "A")):
        raise CellError(value)
    return value


def _scalar(result: _Result) -> _Result:
    """A range of one cell as its value, a larger one as an array."""
    if isinstance(result, _Range):
        return _raised(result.values()[0]) if result.ids.size == 1 else result.array()
    return result


def _single(result: _Result) -> Value:
    value = _scalar(result)
    if isinstance(value, np.ndarray):
        raise ValueError("a formula gives an array")
    return 0.0 if value is None else value


def _number(value: _Result) -> float:
    if value is None:
        return 0.0
    if isinstance(value, str):
        raise CellError("#VALUE!")
    return float(value)


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return short_number(value) if isinstance(value, float | int) else value or ""


def _compared(operator: str, a: Value, b: Value) -> bool:
    # numbers come before texts
    keys = [
        (isinstance(v, str), v.casefold() if isinstance(v, str) else 0.0 if v is None else float(v)) for v in (a, b)
    ]
    x, y = keys
    return {"=": x == y, "<>": x != y, "<": x < y, ">": x > y, "<=": x <= y, ">=": x >= y}[operator]


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: a**b,
}


def _operation(operator: str, left: _Node, right: _Node) -> _Node:
    def of_values(a: Value, b: Value) -> Value:
        if operator in _ARITHMETIC:
            return _ARITHMETIC[operator](_number(a), _number(b))
        return _text(a) + _text(b) if operator == "&" else _compared(operator, a, b)

    over_arrays = np.frompyfunc(of_values, 2, 1)

    def operation(given: _Given) -> _Result:
        a, b = _scalar(left(given)), _scalar(right(given))
        return over_arrays(a, b) if isinstance(a, np.ndarray) or isinstance(b, np.ndarray) else of_values(a, b)

    return operation


def _numbers(arguments: Sequence[_Result]) -> list[float]:
    """The numbers among what a function is given; texts in ranges are passed over."""
    found: list[float] = []
    for argument in arguments:
        if isinstance(argument, _Range) and (numbers := argument.numbers()) is not None:
            found += numbers.tolist()
        elif isinstance(argument, _Range | np.ndarray):
            values = map(_raised, argument.values() if isinstance(argument, _Range) else argument.ravel())
            found += [float(value) for value in values if value is not None and not isinstance(value, str)]
        else:
            found.append(_number(argument))
    return found


def _rounded(value: float, digits: float) -> float:
    # what overflows on the way to a result is an error at its end alone, as the engine has it
    if not math.isfinite(value):
        return value
    # spreadsheets round halves away from zero
    return float(Decimal(short_number(value)).quantize(Decimal(1).scaleb(-int(digits)), context=_DECIMALS))


def _matched(wanted: Value, among: _Range, kind: float) -> float:
    if kind:
        raise ValueError("MATCH is known for equal values only")
    for n, value in enumerate(among.values(), start=1):
        if value is not None and isinstance(value, str) == isinstance(wanted, str) and _compared("=", value, wanted):
            return float(n)
    raise CellError("#N/A")


def _indexed(cells: _Range, row: float, column: float | None = None) -> _Range:
    rows, columns = cells.ids.shape
    if column is None:
        # a single number counts along a row or a column
        row, column = (1, row) if rows == 1 else (row, 1)
    if not (1 <= row <= rows and 1 <= column <= columns):
        raise CellError("#REF!")
    return _Range(cells.ids[int(row) - 1 : int(row), int(column) - 1 : int(column)], cells.workbook)


def _counted(cells: _Range, wanted: Value) -> float:
    if not isinstance(wanted, str):
        return float(sum(not isinstance(value, str) and value == wanted for value in cells.values()))
    if wanted.endswith("*"):
        start = wanted[:-1].casefold()
        return float(sum(isinstance(value, str) and value.casefold().startswith(start) for value in cells.values()))
    return float(sum(isinstance(value, str) and value.casefold() == wanted.casefold() for value in cells.values()))


def _middle(text: Value, first: Value, count: Value) -> str:
    start = int(_number(first)) - 1
    return _text(text)[start : start + int(_number(count))]


def _from_hexadecimal(text: Value) -> float:
    try:
        return float(int(_text(text), 16))
    except ValueError:
        raise CellError("#NUM!") from None


def _average(*arguments: _Result) -> float:
    numbers = _numbers(arguments)
    return math.fsum(numbers) / len(numbers)


def _product_sum(arguments: Sequence[_Result]) -> float:
    columns = [column for each in arguments if isinstance(each, _Range) and (column := each.numbers()) is not None]
    if len(columns) == len(arguments):
        return math.fsum(np.prod(columns, axis=0))
    rows = zip(*(np.ravel(_scalar(each)) for each in arguments), strict=True)
    return sum(math.prod(map(_number, row)) for row in rows)


def _not_available() -> _Result:
    raise CellError("#N/A")


def _checked(function: Callable[[float], float]) -> Callable[[_Result], _Result]:
    """A function of one number, over arrays too, with an error value outside its domain."""

    def checked(value: _Result) -> _Result:
        try:
            return function(_number(value))
        except ValueError:
            raise CellError("#NUM!") from None

    over_arrays = np.frompyfunc(checked, 1, 1)
    return lambda value: over_arrays(value) if isinstance(value, np.ndarray) else checked(value)


# of their arguments as values
_OF_VALUES: dict[str, Callable[..., _Result]] = {
    "ABS": _checked(abs),
    "AND": lambda *values: all(values),
    "OR": lambda *values: any(values),
    "COS": _checked(math.cos),
    "EXP": _checked(math.exp),
    "HEX2DEC": _from_hexadecimal,
    "INT": _checked(math.floor),
    "LN": _checked(math.log),
    "LOG10": _checked(math.log10),
    "MID": _middle,
    "ROUND": lambda value, digits: _rounded(_number(value), digits),
    "SIGN": _checked(lambda x: (x > 0) - (x < 0)),
    "SQRT": _checked(math.sqrt),
    "TANH": _checked(math.tanh),
    "NA": _not_available,
}

# of their arguments as they are, ranges among them
_OF_RANGES: dict[str, Callable[..., _Result]] = {
    "AVERAGE": _average,
    "COUNTIF": _counted,
    "INDEX": lambda cells, *numbers: _indexed(cells, *(_number(_scalar(number)) for number in numbers)),
    "MATCH": lambda wanted, among, kind: _matched(_single(wanted), among, kind),
    "MAX": lambda *arguments: max(_numbers(arguments), default=0.0),
    "MIN": lambda *arguments: min(_numbers(arguments), default=0.0),
    "SUM": lambda *arguments: math.fsum(_numbers(arguments)),
    "SUMSQ": lambda *arguments: math.fsum(number * number for number in _numbers(arguments)),
    "SUMPRODUCT": lambda *arguments: _product_sum(arguments),
}


def _called(function: str, arguments: Sequence[_Node]) -> _Node:
    if function in _OF_VALUES:
        return lambda given: _OF_VALUES[function](*(_scalar(argument(given)) for argument in arguments))
    if function in _OF_RANGES:
        return lambda given: _OF_RANGES[function](*(argument(given) for argument in arguments))
    # those that look at an argument only where it is needed
    if function == "IF":
        return lambda given: arguments[1 if _scalar(arguments[0](given)) else 2](given)
    if function == "CHOOSE":
        return lambda given: arguments[int(_number(_scalar(arguments[0](given))))](given)
    if function in ("IFERROR", "ISERROR", "ISTEXT"):

        def guarded(given: _Given) -> _Result:
            try:
                value = _scalar(arguments[0](given))
            except (CellError, ZeroDivisionError, OverflowError):
                return arguments[1](given) if function == "IFERROR" else function == "ISERROR"
            if function == "ISTEXT":
                return isinstance(value, str)
            return False if function == "ISERROR" else value

        return guarded
    raise ValueError(f"the function {function} is not known here")
