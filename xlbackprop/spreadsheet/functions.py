"""The functions that our own formulas use, as Excel defines them."""

import math
from collections.abc import Callable, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal

import numpy as np

from xlbackprop.spreadsheet.cells import Value
from xlbackprop.spreadsheet.numbers import short_number
from xlbackprop.spreadsheet.operands import (
    CellError,
    Given,
    Node,
    Range,
    Result,
    compared,
    number_of,
    raised,
    scalar,
    single,
    text_of,
)

# has room for all digits of 1E+308, and for those behind the point
_DECIMALS = Context(prec=400, rounding=ROUND_HALF_UP)


def _numbers(arguments: Sequence[Result]) -> list[float]:
    """The numbers among what a function is given; texts in ranges are passed over."""
    found: list[float] = []
    for argument in arguments:
        if isinstance(argument, Range) and (numbers := argument.numbers()) is not None:
            found += numbers.tolist()
        elif isinstance(argument, Range | np.ndarray):
            values = map(raised, argument.values() if isinstance(argument, Range) else argument.ravel())
            found += [float(value) for value in values if value is not None and not isinstance(value, str)]
        else:
            found.append(number_of(argument))
    return found


def _rounded(value: float, digits: float) -> float:
    # what overflows on the way to a result is an error at its end alone, as the engine has it
    if not math.isfinite(value):
        return value
    # spreadsheets round halves away from zero
    return float(Decimal(short_number(value)).quantize(Decimal(1).scaleb(-int(digits)), context=_DECIMALS))


def _matched(wanted: Value, among: Range, kind: float) -> float:
    if kind:
        raise ValueError("MATCH is known for equal values only")
    for n, value in enumerate(among.values(), start=1):
        if value is not None and isinstance(value, str) == isinstance(wanted, str) and compared("=", value, wanted):
            return float(n)
    raise CellError("#N/A")


def _indexed(cells: Range, row: float, column: float | None = None) -> Range:
    rows, columns = cells.ids.shape
    if column is None:
        # a single number counts along a row or a column
        row, column = (1, row) if rows == 1 else (row, 1)
    if not (1 <= row <= rows and 1 <= column <= columns):
        raise CellError("#REF!")
    return Range(cells.ids[int(row) - 1 : int(row), int(column) - 1 : int(column)], cells.workbook)


def _counted(cells: Range, wanted: Value) -> float:
    if not isinstance(wanted, str):
        return float(sum(not isinstance(value, str) and value == wanted for value in cells.values()))
    if wanted.endswith("*"):
        start = wanted[:-1].casefold()
        return float(sum(isinstance(value, str) and value.casefold().startswith(start) for value in cells.values()))
    return float(sum(isinstance(value, str) and value.casefold() == wanted.casefold() for value in cells.values()))


def _middle(text: Value, first: Value, count: Value) -> str:
    start = int(number_of(first)) - 1
    return text_of(text)[start : start + int(number_of(count))]


def _from_hexadecimal(text: Value) -> float:
    try:
        return float(int(text_of(text), 16))
    except ValueError:
        raise CellError("#NUM!") from None


def _average(*arguments: Result) -> float:
    numbers = _numbers(arguments)
    return math.fsum(numbers) / len(numbers)


def _product_sum(arguments: Sequence[Result]) -> float:
    columns = [column for each in arguments if isinstance(each, Range) and (column := each.numbers()) is not None]
    if len(columns) == len(arguments):
        return math.fsum(np.prod(columns, axis=0))
    rows = zip(*(np.ravel(scalar(each)) for each in arguments), strict=True)
    return sum(math.prod(map(number_of, row)) for row in rows)


def _not_available() -> Result:
    raise CellError("#N/A")


def _checked(function: Callable[[float], float]) -> Callable[[Result], Result]:
    """A function of one number, over arrays too, with an error value outside its domain."""

    def checked(value: Result) -> Result:
        try:
            return function(number_of(value))
        except ValueError:
            raise CellError("#NUM!") from None

    over_arrays = np.frompyfunc(checked, 1, 1)
    return lambda value: over_arrays(value) if isinstance(value, np.ndarray) else checked(value)


# of their arguments as values
_OF_VALUES: dict[str, Callable[..., Result]] = {
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
    "ROUND": lambda value, digits: _rounded(number_of(value), digits),
    "SIGN": _checked(lambda x: (x > 0) - (x < 0)),
    "SQRT": _checked(math.sqrt),
    "TANH": _checked(math.tanh),
    "NA": _not_available,
}

# of their arguments as they are, ranges among them
_OF_RANGES: dict[str, Callable[..., Result]] = {
    "AVERAGE": _average,
    "COUNTIF": _counted,
    "INDEX": lambda cells, *numbers: _indexed(cells, *(number_of(scalar(number)) for number in numbers)),
    "MATCH": lambda wanted, among, kind: _matched(single(wanted), among, kind),
    "MAX": lambda *arguments: max(_numbers(arguments), default=0.0),
    "MIN": lambda *arguments: min(_numbers(arguments), default=0.0),
    "SUM": lambda *arguments: math.fsum(_numbers(arguments)),
    "SUMSQ": lambda *arguments: math.fsum(number * number for number in _numbers(arguments)),
    "SUMPRODUCT": lambda *arguments: _product_sum(arguments),
}


def called(function: str, arguments: Sequence[Node]) -> Node:
    """A call of a function, of arguments that are not computed yet.

    Raises:
        ValueError: the function is not known here.
    """
    if function in _OF_VALUES:
        return lambda given: _OF_VALUES[function](*(scalar(argument(given)) for argument in arguments))
    if function in _OF_RANGES:
        return lambda given: _OF_RANGES[function](*(argument(given) for argument in arguments))
    # those that look at an argument only where it is needed
    if function == "IF":
        return lambda given: arguments[1 if scalar(arguments[0](given)) else 2](given)
    if function == "CHOOSE":
        return lambda given: arguments[int(number_of(scalar(arguments[0](given))))](given)
    if function in ("IFERROR", "ISERROR", "ISTEXT"):

        def guarded(given: Given) -> Result:
            try:
                value = scalar(arguments[0](given))
            except (CellError, ZeroDivisionError, OverflowError):
                return arguments[1](given) if function == "IFERROR" else function == "ISERROR"
            if function == "ISTEXT":
                return isinstance(value, str)
            return False if function == "ISERROR" else value

        return guarded
    raise ValueError(f"the function {function} is not known here")
