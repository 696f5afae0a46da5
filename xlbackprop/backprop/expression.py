"""One expression, written three ways: as a cell formula, in classroom symbols, with numbers put in.

An expression is a line of Python over the names of quantities, `w5*a_h1 + w6*a_h2`, so Python itself
can evaluate it; this module writes the same line for people and for spreadsheets.
"""

import ast
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Function:
    """A function that an expression may call.

    Attributes:
        evaluate: on numbers.
        on_arrays: on NumPy arrays, element by element.
        cell: what a spreadsheet calls it.
        symbol: what a blackboard calls it.
    """

    evaluate: Callable[..., float]
    on_arrays: Callable[..., Any]
    cell: str
    symbol: str


FUNCTIONS = {
    "exp": Function(math.exp, np.exp, "EXP", "e^"),
    "log": Function(math.log, np.log, "LN", "ln"),
    "tanh": Function(math.tanh, np.tanh, "TANH", "tanh"),
    "max": Function(max, lambda *arrays: np.maximum.reduce(np.broadcast_arrays(*arrays)), "MAX", "max"),
    "min": Function(min, lambda *arrays: np.minimum.reduce(np.broadcast_arrays(*arrays)), "MIN", "min"),
    "sqrt": Function(math.sqrt, np.sqrt, "SQRT", "√"),
    "cos": Function(math.cos, np.cos, "COS", "cos"),
    "floor": Function(math.floor, np.floor, "INT", "whole part of "),
    "sign": Function(lambda x: (x > 0) - (x < 0), np.sign, "SIGN", "sign"),
}

#: What Python needs to evaluate an expression, beside the values by name.
PYTHON_FUNCTIONS = {name: function.evaluate for name, function in FUNCTIONS.items()}

# How tightly each kind binds; an operand that binds less tightly than its operator gets parentheses.
_CONDITION, _SUM, _PRODUCT, _MINUS, _POWER, _ATOM = range(6)


@dataclass(frozen=True)
class _Style:
    add: str
    subtract: str
    multiply: str
    divide: str
    minus: str
    power: Callable[[str, int | str], str]
    number: Callable[[float], str]
    call: Callable[[str, list[str]], str]
    compare: str
    condition: Callable[[str, str, str], str]
    #: a conditional is a function call in a cell and needs no parentheses there
    condition_binds: int


# stands around a name until its value is put in
_MARK = "\0"


def _symbol_call(function: str, arguments: list[str]) -> str:
    symbol = FUNCTIONS[function].symbol
    if symbol == "e^":
        return f"e^({arguments[0]})"
    if len(arguments) == 1 and re.fullmatch(f"{_MARK}\\w+{_MARK}", arguments[0]):
        # a negative number brings parentheses of its own
        return f"{symbol} {arguments[0]}"
    return f"{symbol}({', '.join(arguments)})"


def _cell_number(number: float) -> str:
    """A number with all its digits: `1`, `0.5`, `1.0507009873554805`."""
    return repr(float(number)).removesuffix(".0")


def _symbol_number(number: float) -> str:
    return "½" if number == 0.5 else f"{number:g}"


def _symbol_power(base: str, exponent: int | str) -> str:
    return f"{base}^{exponent}" if isinstance(exponent, str) else base + "⁰¹²³⁴⁵⁶⁷⁸⁹"[exponent]


_CELLS = _Style(
    add="+",
    subtract="-",
    multiply="*",
    divide="/",
    minus="-",
    power=lambda base, exponent: f"{base}^{exponent}",
    number=_cell_number,
    call=lambda function, arguments: f"{FUNCTIONS[function].cell}({','.join(arguments)})",
    compare=">",
    condition=lambda test, yes, no: f"IF({test},{yes},{no})",
    condition_binds=_ATOM,
)


def _symbols(multiply: str) -> _Style:
    return _Style(
        add=" + ",
        subtract=" − ",
        multiply=multiply,
        divide=" / ",
        minus="−",
        power=_symbol_power,
        number=_symbol_number,
        call=_symbol_call,
        compare=" > ",
        condition=lambda test, yes, no: f"{yes} if {test}, else {no}",
        condition_binds=_CONDITION,
    )


_IN_SYMBOLS = _symbols(multiply="·")
_IN_NUMBERS = _symbols(multiply=" × ")


def cell_formula(expression: str | ast.expr, address: Callable[[str], str]) -> str:
    """The expression as a spreadsheet formula, without the leading `=`.

    Args:
        expression: over names of quantities, `w1*i1 + w2*i2`; or what Python makes of it.
        address: the cell of each name, `F12` for `w1`.
    """
    return _write(_parse(expression) if isinstance(expression, str) else expression, _CELLS, address)[0]


def symbols(expression: str, header: Callable[[str], str]) -> str:
    """The expression as it is written on a blackboard: `w1·i1 + w2·i2`."""
    return _write(_parse(expression), _IN_SYMBOLS, header)[0]


def numbers_formula(expression: str, text_cell: Callable[[str], str]) -> str:
    """A spreadsheet formula that shows the expression with its numbers put in: `0.15 × 0.05 + 0.2 × 0.1`.

    Args:
        expression: over names of quantities.
        text_cell: the cell that holds each name's value as text, negative ones in parentheses.
    """
    return "&".join(text_cell(piece) if is_name else f'"{piece}"' for piece, is_name in _pieces(expression))


def _pieces(expression: str) -> list[tuple[str, bool]]:
    """A worked example in pieces, each with whether it is the name of a quantity."""
    marked = _write(_parse(expression), _IN_NUMBERS, lambda name: f"{_MARK}{name}{_MARK}")[0]
    return [(piece, n % 2 == 1) for n, piece in enumerate(marked.split(_MARK)) if piece]


def compiled(expression: str) -> CodeType:
    """The expression as a code object, to be evaluated with `PYTHON_FUNCTIONS` and the values by name."""
    return compile(expression, expression, "eval")


def names_in(expression: str) -> list[str]:
    """The quantities that an expression uses, in the order of their first appearance."""
    found = re.findall(r"[A-Za-z_]\w*", expression)
    return [name for name in dict.fromkeys(found) if name not in FUNCTIONS and name not in ("if", "else")]


def inlined(expression: str, definitions: Mapping[str, str]) -> str:
    """The expression with names replaced by what they stand for, over and over.

    Args:
        expression: over names of quantities.
        definitions: the expression of each name that is to be replaced.
    """

    class Inline(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return self.visit(ast.parse(definitions[node.id], mode="eval").body) if node.id in definitions else node

    return ast.unparse(Inline().visit(ast.parse(expression, mode="eval").body))


def polynomial(expression: str) -> dict[tuple[str, ...], float] | None:
    """The expression as a sum of products: the factor of each product of names; None if it is more than that.

    `0.5*(t1 - a_o1)**2` is `{("t1", "t1"): 0.5, ("a_o1", "t1"): -1.0, ("a_o1", "a_o1"): 0.5}`.
    """
    return _expanded(_parse(expression))


def _expanded(node: ast.expr) -> dict[tuple[str, ...], float] | None:
    match node:
        case ast.Name(id=name):
            return {(name,): 1.0}
        case ast.Constant(value=int() | float() as number):
            return {(): float(number)}
        case ast.UnaryOp(op=ast.USub(), operand=child):
            return _multiplied({(): -1.0}, _expanded(child))
        case ast.BinOp(left=base, op=ast.Pow(), right=ast.Constant(value=2)):
            return _multiplied(_expanded(base), _expanded(base))
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _multiplied(_expanded(left), _expanded(right))
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as operator, right=right):
            first, second = _expanded(left), _expanded(right)
            if first is None or second is None:
                return None
            sign = 1.0 if isinstance(operator, ast.Add) else -1.0
            return {
                names: first.get(names, 0.0) + sign * second.get(names, 0.0)
                for names in dict.fromkeys([*first, *second])
            }
    return None


def _multiplied(
    first: dict[tuple[str, ...], float] | None, second: dict[tuple[str, ...], float] | None
) -> dict[tuple[str, ...], float] | None:
    if first is None or second is None:
        return None
    found: dict[tuple[str, ...], float] = {}
    for names, factor in first.items():
        for others, another in second.items():
            product = tuple(sorted(names + others))
            found[product] = found.get(product, 0.0) + factor * another
    return found


@lru_cache(maxsize=4096)
def _parse(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body


_OPERATORS = {
    ast.Add: ("add", _SUM),
    ast.Sub: ("subtract", _SUM),
    ast.Mult: ("multiply", _PRODUCT),
    ast.Div: ("divide", _PRODUCT),
}


def _write(node: ast.expr, style: _Style, name: Callable[[str], str]) -> tuple[str, int]:
    """The text of a node, and how tightly its outermost operator binds."""

    def operand(child: ast.expr, binds: int) -> str:
        text, child_binds = _write(child, style, name)
        return text if child_binds >= binds else f"({text})"

    match node:
        case ast.Name(id=identifier):
            return name(identifier), _ATOM
        case ast.Constant(value=int() | float() as value):
            return style.number(value), _ATOM
        case ast.BinOp(left=base, op=ast.Pow(), right=ast.Constant(value=int() as exponent)):
            return style.power(operand(base, _ATOM), exponent), _POWER
        case ast.BinOp(left=base, op=ast.Pow(), right=exponent):
            return style.power(operand(base, _ATOM), operand(exponent, _ATOM)), _POWER
        case ast.BinOp():
            # a sum over a wide layer nests as deep as it has terms, so its left side is walked down here
            texts = []
            binds = _OPERATORS[type(node.op)][1]
            while isinstance(node, ast.BinOp) and _OPERATORS.get(type(node.op), ("", -1))[1] == binds:
                # a - (b + c) and a / (b * c) keep their parentheses
                stricter = binds + isinstance(node.op, ast.Sub | ast.Div)
                texts += [operand(node.right, stricter), getattr(style, _OPERATORS[type(node.op)][0])]
                node = node.left
            texts.append(operand(node, binds))
            return "".join(reversed(texts)), binds
        case ast.UnaryOp(op=ast.USub(), operand=child):
            # in a spreadsheet -x^2 is (-x)^2, so a power under a minus needs parentheses too
            return style.minus + operand(child, _ATOM), _MINUS
        case ast.Call(func=ast.Name(id=function), args=arguments):
            return style.call(function, [operand(argument, _CONDITION) for argument in arguments]), _ATOM
        case ast.IfExp(test=ast.Compare(left=left, ops=[ast.Gt()], comparators=[right]), body=yes, orelse=no):
            test = operand(left, _SUM) + style.compare + operand(right, _SUM)
            return style.condition(test, operand(yes, _SUM), operand(no, _SUM)), style.condition_binds
    raise ValueError(f"an expression cannot hold {ast.unparse(node)}")
