"""Names the slip in a wrong formula.

The expected expression is changed in every way in which people get it wrong: an index swapped, a
factor left out, a sign turned round ... The change that gives the same numbers as the formula found,
on random trainings, is the slip.
"""

import ast
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from xlbackprop.backprop.expression import FUNCTIONS
from xlbackprop.backprop.network import Network
from xlbackprop.check.expression_parts import names_in, size
from xlbackprop.check.mistakes import ABOVE, BELOW, Slip, expected, mistakes, typed_numbers
from xlbackprop.check.shown import Multiples, multiple
from xlbackprop.check.trial import CURRENT, TRAININGS, Constants, same, trainings
from xlbackprop.reference import Array
from xlbackprop.tables.table import AS_IT_IS

#: Expressions with more parts than this are not searched: those of layers of ten neurons and more.
_MOST_PARTS = 250


def slip(
    network: Network,
    name: str,
    known: frozenset[str],
    constants: Constants,
    found: Sequence[float],
    typed: Sequence[float] = (),
    multiples: Multiples = (),
    text: str = "/",
    held: Callable[[], frozenset[str]] | None = None,
) -> Slip | None:
    """The slip that makes a formula give these numbers; None if it is none of the known kinds.

    Args:
        network: gives the layers and functions.
        name: the quantity, or the weight or bias whose update it is.
        known: the names with a column.
        constants: what was not drawn in the trainings that the formula was tried on.
        found: what it gave.
        typed: the numbers that are typed into it.
        multiples: what the table shows as multiples.
        text: the formula itself.
        held: tells the quantities that it takes; None where that cannot be told.
    """
    answers = np.array(found)
    if not answers.size or not np.isfinite(answers).all():
        return None
    values, slips = _candidates(network, name, known, constants, multiples)
    if not slips:
        return None
    with np.errstate(all="ignore"):
        matching = same(values, answers).all(axis=1)
    for n in np.flatnonzero(matching):
        if slips[n].sign in text and _fits(slips[n], held):
            return slips[n]
    environment = _environment(network, name, constants, multiples)
    with np.errstate(all="ignore"):
        for changed, named in typed_numbers(network, name, known, typed, multiples):
            if same(_evaluate(changed, environment), answers).all() and _fits(named, held):
                return named
    return None


def _fits(found: Slip, held: Callable[[], frozenset[str]] | None) -> bool:
    """Whether a formula that takes these quantities may have a slip."""
    if held is None or not (found.names or found.without):
        return True
    taken = held()
    # a learning rate may be typed
    return found.names - {"eta"} <= taken and found.without.isdisjoint(taken)


def slips_in_numbers(
    network: Network, name: str, known: frozenset[str], environment: Mapping[str, Array], multiples: Multiples = ()
) -> Iterator[tuple[Array, Slip]]:
    """Every slip, the likelier ones first, with the numbers that it gives.

    Args:
        network, name, known, multiples: as those of `slip`.
        environment: the numbers of each quantity, and of those in the rows above and below.
    """
    right = expected(network, name, known, multiples)
    if size(right) > _MOST_PARTS or not all(part in environment for part in names_in(right)):
        return
    with np.errstate(all="ignore"):
        parts = {id(part): _evaluate(part, environment) for part in ast.walk(right) if isinstance(part, _COMPOUND)}
        for changed, named in mistakes(network, name, known, multiples):
            if all(part in environment for part in names_in(changed)):
                yield _evaluate(changed, environment, parts), named


def _environment(network: Network, name: str, constants: Constants, multiples: Multiples) -> dict[str, Array]:
    """The values of all quantities in the row that a formula works on, and in those above and below it."""
    runs = trainings(network, constants)
    base = CURRENT - (name in network.start_values)
    environment, of = {}, dict(multiples)
    for other in runs[0][base]:
        for mark, step in (("", base), (ABOVE, base - 1), (BELOW, base + 1)):
            shown = of.get(other, AS_IT_IS)
            values = [steps[step].get(other, math.nan) * multiple(shown, steps[step]) for steps in runs]
            environment[mark + other] = np.array(values)
    return environment


@lru_cache(maxsize=512)
def _candidates(
    network: Network, name: str, known: frozenset[str], constants: Constants, multiples: Multiples
) -> tuple[Array, list[Slip]]:
    right = expected(network, name, known, multiples)
    if size(right) > _MOST_PARTS:
        return np.empty((0, TRAININGS)), []
    environment = _environment(network, name, constants, multiples)
    changed = list(mistakes(network, name, known, multiples))
    values = np.empty((len(changed), TRAININGS))
    with np.errstate(all="ignore"):
        # most of a changed expression is as it was
        parts = {id(part): _evaluate(part, environment) for part in ast.walk(right) if isinstance(part, _COMPOUND)}
        for row, (expression, _) in zip(values, changed, strict=True):
            row[:] = _evaluate(expression, environment, parts)
    return values, [found for _, found in changed]


_COMPOUND = (ast.BinOp, ast.UnaryOp, ast.Call, ast.IfExp)


def _evaluate(node: ast.expr, values: Mapping[str, Array], parts: Mapping[int, Array] = MappingProxyType({})) -> Array:
    """The value of an expression; `parts` has those that are known already, by identity."""
    if (part := parts.get(id(node))) is not None:
        return part
    match node:
        case ast.Name(id=name):
            return values[name]
        case ast.Constant(value=int() | float() as number):
            return np.float64(number)  # type: ignore[return-value]
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATIONS[type(op)](_evaluate(left, values, parts), _evaluate(right, values, parts))
        case ast.UnaryOp(operand=operand):
            return -_evaluate(operand, values, parts)
        case ast.Call(func=ast.Name(id=function), args=arguments):
            return FUNCTIONS[function].on_arrays(*(_evaluate(argument, values, parts) for argument in arguments))
        case ast.IfExp(test=ast.Compare(left=left, comparators=[right]), body=yes, orelse=no):
            test = _evaluate(left, values, parts) > _evaluate(right, values, parts)
            return np.where(test, _evaluate(yes, values, parts), _evaluate(no, values, parts))
    raise ValueError(ast.dump(node))


_OPERATIONS: dict[type[ast.operator], Callable[[Array, Array], Array]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
