"""The ways to be wrong: an expression changed as people get it wrong.

An index swapped, a factor left out, a sign turned round: each changed expression comes with the
sentence that says what it does.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from xlbackprop.backprop import notation
from xlbackprop.backprop.expression import cell_formula
from xlbackprop.backprop.functions import LOSSES
from xlbackprop.backprop.network import Network, outputs_of
from xlbackprop.backprop.quantities import training_step
from xlbackprop.check.expression_parts import Part, factors_of, minus, names_in, parts_of, product_of, renamed
from xlbackprop.check.shown import Multiples, expected_expression
from xlbackprop.report.findings import SlipKind

#: How the name of a quantity begins that stands in the row above or below.
ABOVE, BELOW = "above_", "below_"


@dataclass(frozen=True)
class Slip:
    """A mistake by name.

    Attributes:
        sentence: what the formula does and what it should do, as the end of a sentence.
        shifted: whether the formula refers to another row than it should.
        sign: the operator without which a formula cannot have this slip.
        names: the quantities without which a formula cannot have this slip.
        without: the quantities with which a formula cannot have this slip.
        kind: which one it is, where more than the sentence depends on it.
        computed_with: what stands behind `computed with` where numbers come from such a formula; empty where they
            are told by the sentence.
        formula_of: the quantity whose formula it is, if it is that of another.
    """

    sentence: str
    shifted: bool = False
    sign: str = ""
    names: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    kind: SlipKind = SlipKind.OTHER
    computed_with: str = ""
    formula_of: str = ""


#: A changed expression, and what it does.
Mistake = tuple[ast.expr, Slip]


def mistakes(network: Network, name: str, known: frozenset[str], multiples: Multiples = ()) -> Iterator[Mistake]:
    """Every way to get a quantity or an update wrong, the likelier ones first.

    Args:
        network: gives the layers and functions.
        name: the quantity, or the weight or bias whose update it is.
        known: the names with a column.
        multiples: what the table shows as multiples.
    """
    expression = expected(network, name, known, multiples)
    usable = {*network.start_values, *known, "eta"} - {"step", name}
    # in the order of the training, as a set has another one in each process
    order = [*network.start_values, *(quantity.name for quantity in training_step(network)), *sorted(known), "eta"]
    names = [other for other in dict.fromkeys(order) if other in usable]
    parts = list(parts_of(expression))
    yield from _other_quantities(network, name, known, multiples)
    yield from _wrong_signs(expression, parts)
    yield from _missing_terms(parts)
    yield from _exchanged_names(parts, names, alike=True)
    yield from _exchanged_neurons(network, parts)
    # before what gives the same numbers as a missing part: t2-t2 for a_o2-t2, or a_o2*1-a_o2 for a_o2*(1-a_o2)
    yield from _missing_parts(parts)
    yield from _lost_brackets(parts)
    yield from _missing_functions(parts)
    yield from _exchanged_names(parts, names, alike=False)
    yield from _repeated_parts(parts)
    yield from _wrong_operators(parts)
    yield from _split_products(parts)
    yield from _extra_factors(parts, names)
    yield from _shifted_rows(name, network, parts)
    yield from _other_losses(network, name, known, multiples)


def typed_numbers(
    network: Network, name: str, known: frozenset[str], typed: Sequence[float], multiples: Multiples = ()
) -> Iterator[Mistake]:
    """One of the numbers that are typed into a formula where a quantity belongs."""
    expression = expected(network, name, known, multiples)
    often = Counter(names_in(expression))
    for part in parts_of(expression):
        if isinstance(part.node, ast.Name):
            gone = frozenset({part.node.id} if often[part.node.id] == 1 else ())
            for number in typed:
                text = f"has the number {number:g} where {_text(part.node)} belongs"
                yield part.put(ast.Constant(number)), Slip(text, without=gone)


@lru_cache(maxsize=1024)
def expected(network: Network, name: str, known: frozenset[str], multiples: Multiples = ()) -> ast.expr:
    """The right expression, over what has a column: the same object each time, and its parts are in the mistakes."""
    return ast.parse(expected_expression(network, name, known, multiples), mode="eval").body


def _text(node: ast.expr) -> str:
    def written(name: str) -> str:
        for mark, where in ((ABOVE, " of the row above"), (BELOW, " of the row below")):
            if name.startswith(mark):
                return notation.header(name.removeprefix(mark)) + where
        return notation.header(name)

    return cell_formula(node, written)


def _uses(found: ast.expr, expected: ast.expr) -> Slip:
    what = f"{_text(found)}; it should be {_text(expected)}"
    return Slip(f"uses {what}", names=_held(found), computed_with=what)


def _held(found: ast.expr) -> frozenset[str]:
    """The quantities in a part of a wrong formula, whichever row they stand in."""
    return frozenset(name.removeprefix(ABOVE).removeprefix(BELOW) for name in names_in(found))


def _other_quantities(network: Network, name: str, known: frozenset[str], multiples: Multiples) -> Iterator[Mistake]:
    """The formula of the column beside it."""
    for quantity in training_step(network):
        other = quantity.name
        if other != name and _kind(other) == _kind(name):
            what = f"the formula of {notation.header(other)}"
            slip = Slip(f"is {what}", computed_with=what, formula_of=other)
            yield expected(network, other, known, multiples), slip


def _other_losses(network: Network, name: str, known: frozenset[str], multiples: Multiples) -> Iterator[Mistake]:
    """The gradient of another loss that goes with the output."""
    for loss in LOSSES:
        if name.startswith(("dE_d", "delta_")) and loss != network.loss and network.output in outputs_of(loss):
            other = replace(network, loss=loss)
            # a loss that collapses with the activation has no part of its own in the chain rule
            if any(quantity.name == name for quantity in training_step(other)):
                sentence = f"follows from the {loss}, and the error here is the {network.loss}"
                yield expected(other, name, known, multiples), Slip(sentence)


def _exchanged_names(parts: Sequence[Part], names: Sequence[str], *, alike: bool) -> Iterator[Mistake]:
    """A name where another one belongs: with `alike` one of its kind, w6 for w7, or else one of another kind."""
    for part in parts:
        if isinstance(part.node, ast.Name):
            for other in names:
                if other != part.node.id and alike == (_kind(other) == _kind(part.node.id)):
                    yield part.put(ast.Name(other)), _uses(ast.Name(other), part.node)
    # the same name in several places: a_h1*(1-a_h1)
    for part in sorted(parts, key=lambda part: len(ast.unparse(part.node))):
        if isinstance(part.node, ast.Name | ast.Constant):
            continue
        inside = names_in(part.node)
        for one in dict.fromkeys(inside):
            for other in names:
                is_alike = _kind(one) == _kind(other)
                if alike and is_alike and inside.count(one) > 1 and one != other:
                    new = renamed(part.node, {one: other})
                    yield part.put(new), _uses(new, part.node)
                if alike == is_alike and one < other and other in inside:
                    new = renamed(part.node, {one: other, other: one})
                    yield part.put(new), Slip(f"has {notation.header(one)} and {notation.header(other)} swapped")


def _exchanged_neurons(network: Network, parts: Sequence[Part]) -> Iterator[Mistake]:
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
                    new = renamed(part.node, of)
                    if ast.dump(new) != ast.dump(part.node):
                        yield part.put(new), _uses(new, part.node)
                        both = renamed(part.node, of | {v: k for k, v in of.items()})
                        yield (
                            part.put(both),
                            Slip(f"has output {k + 1} and output {m + 1} swapped in {_text(part.node)}"),
                        )


def _missing_terms(parts: Sequence[Part]) -> Iterator[Mistake]:
    """A term of the whole sum left out: so is one in which a_o1 stands for t1, which is 0, but that is less likely."""
    terms, waiting = list[Part](), [parts[0]]
    while waiting:
        part = waiting.pop()
        if isinstance(part.node, ast.BinOp) and isinstance(part.node.op, ast.Add):
            terms.append(part)
            left = part.node.left
            waiting += [one for one in parts if one.node is left]
    yield from _missing_parts(terms)


def _missing_parts(parts: Sequence[Part]) -> Iterator[Mistake]:
    for part in parts:
        match part.node:
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                for kept, lost in ((left, right), (right, left)):
                    yield part.put(kept), Slip(f"lacks the factor {_factor(lost)}")
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                for kept, lost in ((left, right), (right, left)):
                    yield part.put(kept), _lacks_term(_text(lost))
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                yield part.put(left), _lacks_term(f"-{_factor(right)}")
                yield part.put(right), _uses(right, part.node)
                yield part.put(minus(right)), _uses(minus(right), part.node)
            case ast.BinOp(left=base, op=ast.Pow(), right=ast.Constant(value=int() as exponent)):
                yield part.put(base), Slip(f"lacks the {_power(exponent)} of {_factor(base)}")


def _missing_functions(parts: Sequence[Part]) -> Iterator[Mistake]:
    for part in parts:
        match part.node:
            case ast.BinOp(left=ast.Constant(value=1), op=ast.Div(), right=below):
                yield part.put(below), Slip(f"lacks the 1/ before {_factor(below)}")
            case ast.Call(args=[argument]):
                yield part.put(argument), _uses(argument, part.node)


def _lacks_term(term: str) -> Slip:
    return Slip(f"lacks the term {term}", kind=SlipKind.MISSING_TERM)


def _power(exponent: int) -> str:
    return {2: "square", 3: "cube"}.get(exponent, f"power {exponent}")


def _factor(node: ast.expr) -> str:
    text = _text(node)
    return f"({text})" if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub) else text


def _repeated_parts(parts: Sequence[Part]) -> Iterator[Mistake]:
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
            case ast.BinOp(left=base, op=ast.Pow() as power, right=ast.Constant(value=exponent)):
                for number in sorted({2, 3, 4} - {exponent}):
                    new = ast.BinOp(base, power, ast.Constant(number))
                    yield part.put(new), _uses(new, part.node)


def _wrong_signs(expression: ast.expr, parts: Sequence[Part]) -> Iterator[Mistake]:
    yield minus(expression), Slip("has the wrong sign")
    for part in parts:
        match part.node:
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                for new in (ast.BinOp(left, ast.Add(), right), ast.BinOp(right, ast.Sub(), left)):
                    yield part.put(new), _uses(new, part.node)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                for new in (ast.BinOp(left, ast.Sub(), right), ast.BinOp(right, ast.Sub(), left)):
                    yield part.put(new), _uses(new, part.node)
            case ast.Call(func=function, args=[argument]):
                turned = argument.operand if isinstance(argument, ast.UnaryOp) else minus(argument)
                call = ast.Call(function, [turned], [])
                yield part.put(call), _uses(call, part.node)
    for part in parts:
        if isinstance(part.node, ast.Name):
            yield part.put(minus(part.node)), _uses(minus(part.node), part.node)


def _wrong_operators(parts: Sequence[Part]) -> Iterator[Mistake]:
    signs: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
    for part in parts:
        if isinstance(part.node, ast.BinOp) and type(part.node.op) in signs:
            for operator, sign in signs.items():
                if operator is not type(part.node.op):
                    new = ast.BinOp(part.node.left, operator(), part.node.right)
                    right = signs[type(part.node.op)]
                    yield (
                        part.put(new),
                        Slip(
                            f"has {sign} where {right} belongs: {_text(new)}; it should be {_text(part.node)}",
                            names=_held(new),
                        ),
                    )


def _split_products(parts: Sequence[Part]) -> Iterator[Mistake]:
    """a*b+c*d for a*b*c*d, where the sign also ends what the brackets held together."""
    for part in parts:
        factors = factors_of(part.node)
        for n in range(1, len(factors)):
            for operator, sign in ((ast.Add(), "+"), (ast.Sub(), "-")):
                new = ast.BinOp(product_of(factors[:n]), operator, product_of(factors[n:]))
                text = f"has {sign} where * belongs: {_text(new)}; it should be {_text(part.node)}"
                yield part.put(new), Slip(text, names=_held(new))


def _lost_brackets(parts: Sequence[Part]) -> Iterator[Mistake]:
    for part in parts:
        for new in _without_brackets(part.node):
            sign = "/" if isinstance(part.node, ast.BinOp) and isinstance(part.node.op, ast.Div) else ""
            text = f"lacks brackets: {_text(new)}; it should be {_text(part.node)}"
            yield part.put(new), Slip(text, sign=sign, names=_held(new))


def _without_brackets(node: ast.expr) -> Iterator[ast.expr]:
    """A product, a quotient or a power as it is read when the brackets around a sum in it are left out."""
    sign: ast.operator
    match node:
        case ast.BinOp(left=a, op=ast.Div(), right=ast.BinOp(left=b, op=ast.Add() | ast.Sub() as sign, right=c)):
            yield ast.BinOp(ast.BinOp(a, ast.Div(), b), sign, c)
        case ast.BinOp(left=ast.BinOp(left=a, op=ast.Add() | ast.Sub() as sign, right=b), op=ast.Pow() as to, right=c):
            yield ast.BinOp(a, sign, ast.BinOp(b, to, c))
        case ast.BinOp(op=ast.Mult()):
            factors = factors_of(node)
            for n, factor in enumerate(factors):
                before, after = factors[:n], factors[n + 1 :]
                for a, sign, b in _torn(factor):
                    # what stands before goes with the first term, what stands behind with the second
                    yield ast.BinOp(product_of([*before, a]), sign, product_of([b, *after]))


def _torn(factor: ast.expr) -> Iterator[tuple[ast.expr, ast.operator, ast.expr]]:
    match factor:
        case ast.BinOp(left=a, op=ast.Add() | ast.Sub() as sign, right=b):
            yield a, sign, b
        case ast.BinOp(left=ast.BinOp(left=a, op=ast.Add() | ast.Sub() as sign, right=b), op=ast.Pow() as to, right=c):
            yield a, sign, ast.BinOp(b, to, c)


def _extra_factors(parts: Sequence[Part], names: Sequence[str]) -> Iterator[Mistake]:
    for part in parts:
        if isinstance(part.node, ast.Constant):
            continue
        for other in names:
            new = ast.BinOp(part.node, ast.Mult(), ast.Name(other))
            yield part.put(new), Slip(f"has the factor {notation.header(other)} too much")


def _shifted_rows(name: str, network: Network, parts: Sequence[Part]) -> Iterator[Mistake]:
    rows = {ABOVE: "above", BELOW: "below"}
    is_update = name in network.start_values
    for part in parts:
        if isinstance(part.node, ast.Name) and part.node.id != "eta":
            for mark, where in rows.items():
                found = Slip(f"takes {notation.header(part.node.id)} from the wrong row, one {where}", shifted=True)
                yield part.put(ast.Name(mark + part.node.id)), found
    expression = parts[0].node
    for mark, where in rows.items():
        of = {other: mark + other for other in names_in(expression) if other != "eta"}
        found = Slip(f"takes all its numbers from the wrong row, one {where}", shifted=True)
        if is_update or mark == ABOVE:
            yield renamed(expression, of), found


def _kind(name: str) -> str:
    return re.sub(r"\d+", "", name)
