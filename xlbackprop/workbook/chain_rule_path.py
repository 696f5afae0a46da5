"""The whole way of the chain rule, once: from the error back to the first weight, one factor a stop."""

import ast
from collections.abc import Callable, Sequence

from xlbackprop.backprop.expression import names_in, numbers_formula, symbols
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.notation import header
from xlbackprop.backprop.quantities import training_step
from xlbackprop.spreadsheet.addresses import column_letters
from xlbackprop.spreadsheet.blocks import Content, Formula
from xlbackprop.spreadsheet.book import Sheet
from xlbackprop.spreadsheet.places import Place
from xlbackprop.workbook import looks

#: A factor with more terms is shown by its name.
_MAX_TERMS = 12


def path_factors(network: Network) -> list[tuple[str, str]]:
    """The factors of the gradient of the first weight: the derivative that each is, and the quantity that holds it.

    For the classic network `∂E/∂w1 = ∂E/∂a_h1 · ∂a_h1/∂h1 · ∂h1/∂w1`, held by `dE_da_h1`, `da_h1_dh1` and
    `i1`. Where the first two collapse, as with softmax, there are two factors.
    """
    expressions = {quantity.name: quantity.expression for quantity in training_step(network)}
    neuron, weight = network.neurons(1)[0], network.weight_names[0]
    delta, source = names_in(expressions[f"dE_d{weight}"])
    parts = names_in(expressions[delta]) if _is_product(expressions[delta]) else [delta]
    titles = [header(part) for part in parts] if len(parts) > 1 else [f"∂E/∂{neuron}"]
    return [*zip(titles, parts, strict=True), (f"∂{neuron}/∂{weight}", source)]


def write_path(
    sheet: Sheet,
    row: int,
    network: Network,
    values: Callable[[str], Place],
    texts: Callable[[str], Place],
    widths: Sequence[int],
) -> None:
    """Write the way into six rows: heading, sentence, derivatives, symbols, numbers, values.

    Args:
        sheet: the derivation.
        row: its first row.
        network: what is trained.
        values: the cell of each quantity's value.
        texts: the cell of each quantity's value as a text.
        widths: of the columns of the factors, in pixels.
    """
    weight = network.weight_names[0]
    gradient, factors = f"dE_d{weight}", path_factors(network)
    expressions = {quantity.name: quantity.expression for quantity in training_step(network)}
    title = f"The whole way once: how {weight} moves the error"
    sheet.put(f"A{row}", [title, *[""] * 4], looks.SECTION)
    sheet.put(
        f"A{row + 1}",
        f"The chain rule: one factor for each stop on the way from E_total back to {weight}, and their product is the "
        "gradient. Every other gradient goes the same way.",
        looks.MUTED,
    )
    sheet.put(f"A{row + 2}", [["derivative"], ["in symbols"], ["in numbers"], ["value"]], looks.NAME)
    groups = ["gradients", "chain rule", *(["forward"] if len(factors) > 2 else []), "inputs"]
    shown = [
        [header(gradient), *(derivative for derivative, _ in factors)],
        ["=", *(_in_symbols(name, expressions.get(name)) for _, name in factors)],
    ]
    for n, texts_of_row in enumerate(shown):
        sheet.put(f"B{row + 2 + n}", _multiplied(texts_of_row), *(looks.part(group) for group in groups))
    worked = [_in_numbers(name, expressions.get(name), texts, "· " if n else "") for n, (_, name) in enumerate(factors)]
    for n, content in enumerate(["=", *worked]):
        sheet.put(f"{column_letters(n + 2)}{row + 4}", content, looks.part(groups[n]), name="the way in numbers")
    # text that wraps needs the room that the file gives it
    rows: list[Sequence[Content]] = [shown[1], ["", *worked]]
    for n, contents in enumerate(rows):
        written = [str(sheet.book.shown(content, sheet)) for content in contents[1:]]
        height = max(map(looks.lines, written, widths))
        sheet.heights[row + 3 + n] = looks.LINE_PIXELS * height
    numbers = [Formula(f"{values(name):$}") for name in (gradient, *(name for _, name in factors))]
    shown_values = sheet.put(
        f"B{row + 5}", numbers, *(looks.part_value(group) for group in groups), name="the way in values"
    )
    sheet.rules += looks.number_rules(shown_values.place)


def _is_product(expression: str) -> bool:
    node = ast.parse(expression, mode="eval").body
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult)


def _is_sum(expression: str) -> bool:
    node = ast.parse(expression, mode="eval").body
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub)


def _multiplied(texts: list[str]) -> list[str]:
    """A product in cells: its value, and its factors with a sign between them."""
    return [text if n < 2 else f"· {text}" for n, text in enumerate(texts)]


def _in_symbols(name: str, expression: str | None) -> str:
    if expression is None or len(names_in(expression)) > 2 * _MAX_TERMS:
        return header(name)
    text = symbols(expression, header)
    return f"({text})" if _is_sum(expression) else text


def _in_numbers(name: str, expression: str | None, texts: Callable[[str], Place], sign: str) -> Formula | str:
    def text(name: str) -> str:
        return f"{texts(name):$}"

    if expression is None or len(names_in(expression)) > 2 * _MAX_TERMS:
        return Formula(f'"{sign}"&{text(name)}' if sign else text(name))
    if not names_in(expression):
        return f"{sign}{symbols(expression, header)}"
    opening, closing = (f'"{sign}("&', '&")"') if _is_sum(expression) else (f'"{sign}"&' if sign else "", "")
    return Formula(opening + numbers_formula(expression, text) + closing)
