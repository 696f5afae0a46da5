"""Names the slip in a wrong formula.

The expected expression is changed in every way in which people get it wrong: an index swapped, a
factor left out, a sign turned round ... The change that gives the same numbers as the formula found,
on random trainings, is the slip.
"""

import ast
import copy
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from xlbackprop.backprop import notation
from xlbackprop.backprop.expression import FUNCTIONS, cell_formula, inlined
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.quantities import Part, training_step, updates
from xlbackprop.check.trial import CURRENT, TRAININGS, Constants, same, trainings
from xlbackprop.reference import Array

#: Expressions with more parts than this are not searched: those of layers of ten neurons and more.
_MOST_PARTS = 250
# marks the quantity of the row above or below
_ABOVE, _BELOW = "above_", "below_"


@dataclass(frozen=True)
class Slip:
    """A mistake by name.

    Attributes:
        sentence: what the formula does and what it should do, as the end of a sentence.
        shifted: whether the formula refers to another row than it should.
    """

    sentence: str
    shifted: bool = False


@lru_cache(maxsize=1024)
def expected_expression(network: Network, name: str, known: frozenset[str]) -> str:
    """How a quantity or an update follows from what has a column; the rest is put in.

    Args:
        network: gives the layers and functions.
        name: a quantity, or a weight or bias for its update.
        known: the names that may stand in the expression.
    """
    quantities = {quantity.name: quantity.expression for quantity in training_step(network)}
    own = quantities.get(name) or next(update.expression for update in updates(network) if update.name == name)
    return inlined(own, {other: text for other, text in quantities.items() if other not in known and other != name})


def chain_rule_names(network: Network) -> frozenset[str]:
    """The quantities between the error and the gradients: δ and the local derivatives."""
    return frozenset(quantity.name for quantity in training_step(network) if quantity.part is Part.CHAIN_RULE)


def slip(
    network: Network,
    name: str,
    known: frozenset[str],
    constants: Constants,
    found: Sequence[float],
    typed: Sequence[float] = (),
) -> Slip | None:
    """The slip that makes a formula give these numbers; None if it is none of the known kinds.

    Args:
        network: gives the layers and functions.
        name: the quantity, or the weight or bias whose update it is.
        known: the names with a column.
        constants: what was not drawn in the trainings that the formula was tried on.
        found: what it gave.
        typed: the numbers that are typed into it.
    """
    answers = np.array(found)
    if not answers.size or not np.isfinite(answers).all():
        return None
    values, slips = _candidates(network, name, known, constants)
    if not slips:
        return None
    with np.errstate(all="ignore"):
        matching = same(values, answers).all(axis=1)
    if matching.any():
        return slips[int(np.argmax(matching))]
    return _typed_number(network, name, known, constants, answers, typed)


def _typed_number(
    network: Network,
    name: str,
    known: frozenset[str],
    constants: Constants,
    answers: Array,
    typed: Sequence[float],
) -> Slip | None:
    """A number where a quantity belongs."""
    expression = ast.parse(expected_expression(network, name, known), mode="eval").body
    environment = _environment(network, name, constants)
    for part in _parts(expression):
        for number in typed if isinstance(part.node, ast.Name) else ():
            with np.errstate(all="ignore"):
                values = _evaluate(part.put(ast.Constant(number)), environment)
            if same(values, answers).all():
                return Slip(f"has the number {number:g} where {_text(part.node)} belongs")
    return None


def _environment(network: Network, name: str, constants: Constants) -> dict[str, Array]:
    """The values of all quantities in the row that a formula works on, and in those above and below it."""
    runs = trainings(network, constants)
    base = CURRENT - (name in network.start_values)
    environment = {}
    for other in runs[0][base]:
        for mark, step in (("", base), (_ABOVE, base - 1), (_BELOW, base + 1)):
            environment[mark + other] = np.array([steps[step].get(other, math.nan) for steps in runs])
    return environment


@lru_cache(maxsize=512)
def _candidates(network: Network, name: str, known: frozenset[str], constants: Constants) -> tuple[Array, list[Slip]]:
    expression = ast.parse(expected_expression(network, name, known), mode="eval").body
    if sum(1 for _ in _parts(expression)) > _MOST_PARTS:
        return np.empty((0, TRAININGS)), []
    environment = _environment(network, name, constants)
    values, slips = [], []
    for changed, found in _changes(network, name, known, expression):
        with np.errstate(all="ignore"):
            values.append(np.broadcast_to(_evaluate(changed, environment), (TRAININGS,)))
        slips.append(found)
    return np.array(values), slips


def _evaluate(node: ast.expr, values: Mapping[str, Array]) -> Array:
    match node:
        case ast.Name(id=name):
            return values[name]
        case ast.Constant(value=int() | float() as number):
            return np.float64(number)  # type: ignore[return-value]
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATIONS[type(op)](_evaluate(left, values), _evaluate(right, values))
        case ast.UnaryOp(operand=operand):
            return -_evaluate(operand, values)
        case ast.Call(func=ast.Name(id=function), args=arguments):
            return FUNCTIONS[function].on_arrays(*(_evaluate(argument, values) for argument in arguments))
        case ast.IfExp(test=ast.Compare(left=left, comparators=[right]), body=yes, orelse=no):
            test = _evaluate(left, values) > _evaluate(right, values)
            return np.where(test, _evaluate(yes, values), _evaluate(no, values))
    raise ValueError(ast.dump(node))


_OPERATIONS: dict[type[ast.operator], Callable[[Array, Array], Array]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
_Change = tuple[ast.expr, Slip]


def _changes(network: Network, name: str, known: frozenset[str], expression: ast.expr) -> Iterator[_Change]:
    """Every changed expression with its name, the likelier ones first."""
    names = [other for other in [*network.start_values, *known] if other not in ("step", name)]
    names = list(dict.fromkeys([*names, "eta"]))
    parts = list(_parts(expression))
    yield from _other_quantities(network, name, known)
    yield from _wrong_signs(expression, parts)
    yield from _exchanged_names(parts, names)
    yield from _exchanged_neurons(network, expression, parts)
    yield from _missing_parts(parts)
    yield from _repeated_parts(parts)
    yield from _wrong_operators(parts)
    yield from _split_products(parts)
    yield from _lost_brackets(parts)
    yield from _extra_factors(parts, names)
    yield from _shifted_rows(name, network, parts)


@dataclass(frozen=True)
class _Part:
    """A part of an expression, and how to put another one into its place."""

    node: ast.expr
    put: Callable[[ast.expr], ast.expr]


def _parts(expression: ast.expr) -> Iterator[_Part]:
    def walk(node: ast.expr, put: Callable[[ast.expr], ast.expr]) -> Iterator[_Part]:
        yield _Part(node, put)
        match node:
            case ast.BinOp(left=left, op=op, right=right):
                yield from walk(left, lambda new: put(ast.BinOp(new, op, right)))
                yield from walk(right, lambda new: put(ast.BinOp(left, op, new)))
            case ast.UnaryOp(op=sign, operand=operand):
                yield from walk(operand, lambda new: put(ast.UnaryOp(sign, new)))
            case ast.Call(func=function, args=[argument]):
                yield from walk(argument, lambda new: put(ast.Call(function, [new], [])))

    yield from walk(expression, lambda new: new)


def _text(node: ast.expr) -> str:
    def written(name: str) -> str:
        for mark, where in ((_ABOVE, " of the row above"), (_BELOW, " of the row below")):
            if name.startswith(mark):
                return notation.header(name.removeprefix(mark)) + where
        return notation.header(name)

    return cell_formula(ast.unparse(node), written)


def _uses(found: ast.expr, expected: ast.expr) -> Slip:
    return Slip(f"uses {_text(found)}; it should be {_text(expected)}")


def _other_quantities(network: Network, name: str, known: frozenset[str]) -> Iterator[_Change]:
    """The formula of the column beside it."""
    for quantity in training_step(network):
        other = quantity.name
        if other != name and _kind(other) == _kind(name):
            text = expected_expression(network, other, known)
            yield ast.parse(text, mode="eval").body, Slip(f"is the formula of {notation.header(other)}")


def _exchanged_names(parts: Sequence[_Part], names: Sequence[str]) -> Iterator[_Change]:
    for part in parts:
        if isinstance(part.node, ast.Name):
            for other in names:
                if other != part.node.id:
                    yield part.put(ast.Name(other)), _uses(ast.Name(other), part.node)
    # the same name in several places: a_h1*(1-a_h1)
    for part in sorted(parts, key=lambda part: len(ast.unparse(part.node))):
        if isinstance(part.node, ast.Name | ast.Constant):
            continue
        inside = _names(part.node)
        for one in dict.fromkeys(inside):
            for other in names:
                if inside.count(one) > 1 and one != other and _kind(one) == _kind(other):
                    new = _renamed(part.node, {one: other})
                    yield part.put(new), _uses(new, part.node)
                if one < other and other in inside:
                    new = _renamed(part.node, {one: other, other: one})
                    yield part.put(new), Slip(f"has {notation.header(one)} and {notation.header(other)} swapped")


def _exchanged_neurons(network: Network, expression: ast.expr, parts: Sequence[_Part]) -> Iterator[_Change]:
    """All quantities of one output where those of another belong."""
    outputs = network.neurons(network.last)
    for part in sorted(parts, key=lambda part: len(ast.unparse(part.node))):
        if isinstance(part.node, ast.Name | ast.Constant):
            continue
        for k, one in enumerate(outputs):
            for m, other in enumerate(outputs):
                if k != m:
                    of = {f"a_{one}": f"a_{other}", one: other, f"t{k + 1}": f"t{m + 1}", f"E{k + 1}": f"E{m + 1}"}
                    of |= {f"delta_{one}": f"delta_{other}"}
                    new = _renamed(part.node, of)
                    if ast.dump(new) != ast.dump(part.node):
                        yield part.put(new), _uses(new, part.node)
                        both = _renamed(part.node, of | {v: k for k, v in of.items()})
                        yield (
                            part.put(both),
                            Slip(f"has output {k + 1} and output {m + 1} swapped in {_text(part.node)}"),
                        )


def _missing_parts(parts: Sequence[_Part]) -> Iterator[_Change]:
    for part in parts:
        match part.node:
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                for kept, lost in ((left, right), (right, left)):
                    yield part.put(kept), Slip(f"lacks the factor {_factor(lost)}")
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                for kept, lost in ((left, right), (right, left)):
                    yield part.put(kept), Slip(f"lacks the term {_text(lost)}")
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                yield part.put(left), Slip(f"lacks the term -{_factor(right)}")
                yield part.put(right), _uses(right, part.node)
                yield part.put(_minus(right)), _uses(_minus(right), part.node)
            case ast.BinOp(left=base, op=ast.Pow()):
                yield part.put(base), Slip(f"lacks the square of {_factor(base)}")
            case ast.BinOp(left=ast.Constant(value=1), op=ast.Div(), right=below):
                yield part.put(below), Slip(f"lacks the 1/ before {_factor(below)}")
            case ast.Call(args=[argument]):
                yield part.put(argument), Slip(f"uses {_text(argument)}; it should be {_text(part.node)}")


def _factor(node: ast.expr) -> str:
    text = _text(node)
    return f"({text})" if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub) else text


def _repeated_parts(parts: Sequence[_Part]) -> Iterator[_Change]:
    for part in parts:
        if isinstance(part.node, ast.Constant):
            continue
        yield part.put(ast.BinOp(part.node, ast.Mult(), part.node)), Slip(f"has the factor {_factor(part.node)} twice")
        for number, whole, word in ((2, "twice", "doubles"), (0.5, "half of", "halves")):
            text = f"is {whole} what it should be" if part is parts[0] else f"{word} {_factor(part.node)}"
            yield part.put(ast.BinOp(ast.Constant(number), ast.Mult(), part.node)), Slip(text)
    for part in parts:
        match part.node:
            case ast.Constant(value=value) if value == 0.5:
                for number in (0.25, 1.5, 2, 1):
                    yield part.put(ast.Constant(number)), _uses(ast.Constant(number), part.node)
            case ast.BinOp(left=base, op=ast.Pow() as power):
                for number in (3, 4):
                    new = ast.BinOp(base, power, ast.Constant(number))
                    yield part.put(new), _uses(new, part.node)


def _wrong_signs(expression: ast.expr, parts: Sequence[_Part]) -> Iterator[_Change]:
    yield _minus(expression), Slip("has the wrong sign")
    for part in parts:
        match part.node:
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                for new in (ast.BinOp(left, ast.Add(), right), ast.BinOp(right, ast.Sub(), left)):
                    yield part.put(new), _uses(new, part.node)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                for new in (ast.BinOp(left, ast.Sub(), right), ast.BinOp(right, ast.Sub(), left)):
                    yield part.put(new), _uses(new, part.node)
            case ast.Call(func=function, args=[argument]):
                turned = argument.operand if isinstance(argument, ast.UnaryOp) else _minus(argument)
                call = ast.Call(function, [turned], [])
                yield part.put(call), _uses(call, part.node)
    for part in parts:
        if isinstance(part.node, ast.Name):
            yield part.put(_minus(part.node)), _uses(_minus(part.node), part.node)


def _wrong_operators(parts: Sequence[_Part]) -> Iterator[_Change]:
    signs: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
    for part in parts:
        if isinstance(part.node, ast.BinOp) and type(part.node.op) in signs:
            for operator, sign in signs.items():
                if operator is not type(part.node.op):
                    new = ast.BinOp(part.node.left, operator(), part.node.right)
                    right = signs[type(part.node.op)]
                    yield (
                        part.put(new),
                        Slip(f"has {sign} where {right} belongs: {_text(new)}; it should be {_text(part.node)}"),
                    )


def _split_products(parts: Sequence[_Part]) -> Iterator[_Change]:
    """a*b+c*d for a*b*c*d, where the sign also ends what the brackets held together."""
    for part in parts:
        factors = _factors(part.node)
        for n in range(1, len(factors)):
            for operator, sign in ((ast.Add(), "+"), (ast.Sub(), "-")):
                new = ast.BinOp(_product(factors[:n]), operator, _product(factors[n:]))
                text = f"has {sign} where * belongs: {_text(new)}; it should be {_text(part.node)}"
                yield part.put(new), Slip(text)


def _factors(node: ast.expr) -> list[ast.expr]:
    match node:
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return [*_factors(left), *_factors(right)]
    return [node]


def _product(factors: Sequence[ast.expr]) -> ast.expr:
    product = factors[0]
    for factor in factors[1:]:
        product = ast.BinOp(product, ast.Mult(), factor)
    return product


def _lost_brackets(parts: Sequence[_Part]) -> Iterator[_Change]:
    for part in parts:
        match part.node:
            case ast.BinOp(left=ast.BinOp(left=a, op=ast.Add() | ast.Sub() as sign, right=b), op=ast.Mult(), right=c):
                new = ast.BinOp(a, sign, ast.BinOp(b, ast.Mult(), c))
            case ast.BinOp(left=a, op=ast.Mult(), right=ast.BinOp(left=b, op=ast.Add() | ast.Sub() as sign, right=c)):
                new = ast.BinOp(ast.BinOp(a, ast.Mult(), b), sign, c)
            case ast.BinOp(left=a, op=ast.Div(), right=ast.BinOp(left=b, op=ast.Add() | ast.Sub() as sign, right=c)):
                new = ast.BinOp(ast.BinOp(a, ast.Div(), b), sign, c)
            case _:
                continue
        yield part.put(new), Slip(f"lacks brackets: {_text(new)}; it should be {_text(part.node)}")


def _extra_factors(parts: Sequence[_Part], names: Sequence[str]) -> Iterator[_Change]:
    for part in parts:
        if isinstance(part.node, ast.Constant):
            continue
        for other in names:
            new = ast.BinOp(part.node, ast.Mult(), ast.Name(other))
            yield part.put(new), Slip(f"has the factor {notation.header(other)} too much")


def _shifted_rows(name: str, network: Network, parts: Sequence[_Part]) -> Iterator[_Change]:
    rows = {_ABOVE: "above", _BELOW: "below"}
    is_update = name in network.start_values
    for part in parts:
        if isinstance(part.node, ast.Name) and part.node.id != "eta":
            for mark, where in rows.items():
                found = Slip(f"takes {notation.header(part.node.id)} from the wrong row, one {where}", shifted=True)
                yield part.put(ast.Name(mark + part.node.id)), found
    expression = parts[0].node
    for mark, where in rows.items():
        of = {other: mark + other for other in _names(expression) if other != "eta"}
        found = Slip(f"takes all its numbers from the wrong row, one {where}", shifted=True)
        if is_update or mark == _ABOVE:
            yield _renamed(expression, of), found


def _minus(node: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.USub(), node)


def _names(node: ast.expr) -> list[str]:
    return [child.id for child in ast.walk(node) if isinstance(child, ast.Name) and child.id not in FUNCTIONS]


def _kind(name: str) -> str:
    return re.sub(r"\d+", "", name)


def _renamed(node: ast.expr, names: Mapping[str, str]) -> ast.expr:
    new = copy.deepcopy(node)
    for child in ast.walk(new):
        if isinstance(child, ast.Name) and child.id in names:
            child.id = names[child.id]
    return new
