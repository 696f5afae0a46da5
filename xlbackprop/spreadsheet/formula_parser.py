"""The text of a formula as a function of the workbook, by precedence climbing."""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from xlbackprop.spreadsheet.cells import Value
from xlbackprop.spreadsheet.functions import called
from xlbackprop.spreadsheet.operands import Given, Node, Range, Result, compared, number_of, scalar, text_of

_TOKEN = re.compile(
    r"\s*(?:(?P<hole>\x02[^\x03]*\x03)|(?P<number>\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+)|\"(?P<text>(?:[^\"]|\"\")*)\""
    r"|(?P<call>[A-Z][A-Z0-9.]*)\(|(?P<name>[A-Za-z_]\w*)|(?P<operator><=|>=|<>|[-+*/^&=<>(),]))"
)
_BINDS = {"=": 1, "<>": 1, "<": 1, ">": 1, "<=": 1, ">=": 1, "&": 2, "+": 3, "-": 3, "*": 4, "/": 4, "^": 5}
# a minus in front binds more tightly than a power: -2^2 is 4
_MINUS = 6


@lru_cache(maxsize=4096)
def parsed(text: str) -> Node:
    """A formula, its holes emptied, as a function that is given their cells.

    Raises:
        ValueError: the formula uses what this interpreter does not know.
    """
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
    """Makes a function of the workbook from the tokens of a formula."""

    def __init__(self, tokens: Sequence[tuple[str, str]]) -> None:
        self.tokens, self.position, self.holes = tokens, 0, 0

    def taken(self) -> tuple[str, str]:
        self.position += 1
        return self.tokens[self.position - 1]

    def expression(self, binds: int) -> Node:
        left = self.operand()
        while (operator := self.tokens[self.position])[0] == "operator" and _BINDS.get(operator[1], -1) > binds:
            self.taken()
            left = _operation(operator[1], left, self.expression(_BINDS[operator[1]]))
        return left

    def operand(self) -> Node:
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
                return lambda given: Range(given.workbook.cells(*given.ends[hole]), given.workbook)
            case "name", _:
                return lambda given: Range(given.workbook.named(text), given.workbook)
            case "call", _:
                return called(text, self.arguments())
            case "operator", "(":
                inner = self.expression(0)
                self.taken()
                return inner
            case "operator", "-":
                negated = self.expression(_MINUS)
                return lambda given: -number_of(scalar(negated(given)))
        raise ValueError(f"{text!r} stands where a value belongs")

    def arguments(self) -> list[Node]:
        found: list[Node] = []
        if self.tokens[self.position] == ("operator", ")"):
            self.taken()
            return found
        while True:
            found.append(self.expression(0))
            if self.taken()[1] == ")":
                return found


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: a**b,
}


def _operation(operator: str, left: Node, right: Node) -> Node:
    def of_values(a: Value, b: Value) -> Value:
        if operator in _ARITHMETIC:
            return _ARITHMETIC[operator](number_of(a), number_of(b))
        return text_of(a) + text_of(b) if operator == "&" else compared(operator, a, b)

    over_arrays = np.frompyfunc(of_values, 2, 1)

    def operation(given: Given) -> Result:
        a, b = scalar(left(given)), scalar(right(given))
        return over_arrays(a, b) if isinstance(a, np.ndarray) or isinstance(b, np.ndarray) else of_values(a, b)

    return operation
