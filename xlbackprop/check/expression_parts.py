"""An expression taken apart: its parts with their places, its factors, its names, and others put in."""

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from xlbackprop.backprop.expression import FUNCTIONS


@dataclass(frozen=True)
class Part:
    """A part of an expression, and how to put another one into its place."""

    node: ast.expr
    put: Callable[[ast.expr], ast.expr]


def parts_of(expression: ast.expr) -> Iterator[Part]:
    """Every part of an expression, the whole first."""

    def walk(node: ast.expr, put: Callable[[ast.expr], ast.expr]) -> Iterator[Part]:
        yield Part(node, put)
        match node:
            case ast.BinOp(left=left, op=op, right=right):
                yield from walk(left, lambda new: put(ast.BinOp(new, op, right)))
                yield from walk(right, lambda new: put(ast.BinOp(left, op, new)))
            case ast.UnaryOp(op=sign, operand=operand):
                yield from walk(operand, lambda new: put(ast.UnaryOp(sign, new)))
            case ast.Call(func=function, args=[argument]):
                yield from walk(argument, lambda new: put(ast.Call(function, [new], [])))

    yield from walk(expression, lambda new: new)


def size(expression: ast.expr) -> int:
    """How many parts an expression has in which it can be wrong."""
    return sum(1 for _ in parts_of(expression))


def names_in(node: ast.expr) -> list[str]:
    """The quantities in an expression, each as often as it stands there."""
    return [child.id for child in ast.walk(node) if isinstance(child, ast.Name) and child.id not in FUNCTIONS]


def factors_of(node: ast.expr) -> list[ast.expr]:
    """What a product multiplies; anything else is its own factor."""
    match node:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return [*factors_of(left), *factors_of(right)]
    return [node]


def product_of(factors: Sequence[ast.expr]) -> ast.expr:
    """Factors as a product."""
    product = factors[0]
    for factor in factors[1:]:
        product = ast.BinOp(product, ast.Mult(), factor)
    return product


def minus(node: ast.expr) -> ast.expr:
    """An expression with the sign turned round."""
    return ast.UnaryOp(ast.USub(), node)


def renamed(node: ast.expr, names: Mapping[str, str]) -> ast.expr:
    """An expression with other names for some of its quantities."""
    match node:
        case ast.Name(id=name):
            return ast.Name(names[name]) if name in names else node
        case ast.BinOp(left=left, op=op, right=right):
            return ast.BinOp(renamed(left, names), op, renamed(right, names))
        case ast.UnaryOp(op=sign, operand=operand):
            return ast.UnaryOp(sign, renamed(operand, names))
        case ast.Call(func=function, args=arguments):
            return ast.Call(function, [renamed(argument, names) for argument in arguments], [])
        case ast.Compare(left=left, ops=signs, comparators=others):
            return ast.Compare(renamed(left, names), signs, [renamed(other, names) for other in others])
        case ast.IfExp(test=test, body=yes, orelse=no):
            return ast.IfExp(renamed(test, names), renamed(yes, names), renamed(no, names))
    return node
