"""Other conventions than the classroom's: a table is read in the way in which fewest of its columns are wrong.

Another numbering of the weights, a bias that is typed into the formula, E without 1/2 or as a mean,
gradients with the other sign, columns of changes: each is as right as the usual way, if it is kept to.
"""

import math
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import permutations, product

import numpy as np

from xlbackprop.backprop.quantities import chain_rule_names
from xlbackprop.check.contents import Contents
from xlbackprop.check.pasted import Rounding
from xlbackprop.check.rounded import RoundedContents, decimals_of
from xlbackprop.reference import Array
from xlbackprop.spreadsheet.addresses import cell_address
from xlbackprop.spreadsheet.cells import Cell, Sheets
from xlbackprop.spreadsheet.formulas import parsed
from xlbackprop.tables.biases import bare_neurons
from xlbackprop.tables.table import Multiple, Table, number_in

#: A neuron with more incoming weights is taken to number them in order.
_MOST_INCOMING = 5
#: A convention shows in so many columns of errors, or in half of the gradients.
_FEWEST_ERRORS = 2
#: How far sums of whole formulas may differ by rounding.
_SAME = 1e-9


@dataclass(frozen=True)
class Reading:
    """A table, read in some way.

    Attributes:
        contents: what stands in it, read so.
        notes: how that differs from the usual way, as sentences.
    """

    contents: Contents
    notes: tuple[str, ...] = ()


def best_reading(sheets: Sheets, table: Table) -> Reading:
    """The table as it is read usually, or in another way if fewer of its columns are wrong then."""
    best = Reading(Contents(sheets, table))
    if table.missing:
        return best
    if decimals := decimals_of(best.contents):
        note = f"its formulas round to {_counted(decimals.values())} decimals, and it is judged as far as that goes"
        return Reading(RoundedContents(sheets, table, decimals), (note,))
    best = _with_declared_loss(best)
    wrong = _wrong_columns(best.contents)
    for other_ways in (_numberings, _unnamed_biases, _multiples):
        usual = best
        for other, note in other_ways(usual.contents) if wrong else ():
            contents = Contents(sheets, other)
            still = _wrong_columns(contents)
            # what the sheet declares as its error is what counts
            declared = not any(name.startswith("E") for name in still - wrong)
            if declared and len(still) < len(wrong):
                best, wrong = Reading(contents, (*usual.notes, note)), still
    return best


def _counted(numbers: Collection[int]) -> str:
    """`4`, or `4 to 6`."""
    low, high = min(numbers), max(numbers)
    return f"{low}" if low == high else f"{low} to {high}"


def _wrong_columns(contents: Contents) -> set[str]:
    """The columns that hold a wrong number, as far as pasted ones show their digits."""
    wrong = {name: mask for name, mask in contents.wrong.items() if mask.any()}
    if not any(contents.formulas.texts[name][int(np.argmax(mask))] is None for name, mask in wrong.items()):
        return set(wrong)
    allowed = Rounding(contents).allowed
    steps = np.arange(len(contents.table.rows))
    return {
        name
        for name, mask in wrong.items()
        if name not in allowed or (mask & ~(contents.errors(name, steps) <= allowed[name])).any()
    }


# -- another loss ------------------------------------------------------------------------------------


def _with_declared_loss(usual: Reading) -> Reading:
    """The table with cross-entropy for its error, where fewer of its errors are wrong then, whatever its gradients."""
    table, network = usual.contents.table, usual.contents.network
    errors = {name for name in usual.contents.quantities if name.startswith("E")}
    wrong = {name for name in errors if usual.contents.wrong[name].any()}
    if not wrong or network.output != "sigmoid":
        return usual
    # what cross-entropy and the sigmoid collapse into one is looked through where it has a column
    outputs = network.neurons(network.last)
    columns = {
        name: column
        for name, column in table.columns.items()
        if name not in {text.format(o=o) for o in outputs for text in ("dE_da_{o}", "da_{o}_d{o}")}
    }
    other = replace(table, columns=columns, network=replace(network, loss="binary cross-entropy"))
    contents = Contents(usual.contents.sheets, other)
    if len(wrong) <= sum(contents.wrong[name].any() for name in errors):
        return usual
    note = "its error is the cross-entropy of sigmoid outputs, and its gradients are judged by that"
    return Reading(contents, (*usual.notes, note))


# -- another numbering -------------------------------------------------------------------------------


def _numberings(contents: Contents) -> Iterator[tuple[Table, str]]:
    """The numbering of the weights that the formulas of the forward pass have."""
    table, network, numbers = contents.table, contents.network, contents.numbers
    own: dict[str, str] = {}
    for layer in network.trained_layers:
        incoming = network.activations(layer - 1)
        for z, row in zip(network.neurons(layer), network.layer_weights(layer), strict=True):
            own |= dict(zip(row, _weights_of(contents, z, row, incoming), strict=True))
    if sorted(own) != sorted(own.values()) or all(name == other for name, other in own.items()):
        return
    own |= {f"dE_d{name}": f"dE_d{other}" for name, other in own.items()}
    moved = {other: name for name, other in own.items()}
    columns = {moved.get(name, name): column for name, column in table.columns.items()}
    changed = {name: other for name, other in own.items() if name != other}
    first = network.neurons(1)[0]
    terms = (
        f"{own[weight]}*{source}"
        for weight, source in zip(network.layer_weights(1)[0], network.activations(0), strict=True)
    )
    second = next((z for z in numbers if z == network.neurons(network.last)[0]), first)
    row = network.layer_weights(network.last)[0]
    of_second = (f"{own[w]}*{a}" for w, a in zip(row, network.activations(network.last - 1), strict=True))
    parts = dict.fromkeys((f"{first} = {' + '.join(terms)}", f"{second} = {' + '.join(of_second)}"))
    yield (
        replace(table, columns=columns, own_names={**table.own_names, **changed}),
        f"it numbers the weights in a way of its own, {', '.join(parts)}, and is judged by that",
    )


def _weights_of(contents: Contents, z: str, usual: list[str], incoming: list[str]) -> list[str]:
    """The weights in the formula of a neuron, in the order of what comes in; the usual ones where that is unknown."""
    texts = contents.formulas.texts[z] if z in contents.table.columns else []
    text = next((text for text in texts if text), None)
    if text is None or len(usual) > _MOST_INCOMING or not all(name in contents.numbers for name in (z, *incoming)):
        return usual
    step = texts.index(text)
    used = {named for of in parsed(text).references for named in contents.tried.trial.names_in(of, step)}
    weights = [name for name in contents.network.weight_names if name in used]
    if len(weights) != len(usual) or not all(name in contents.numbers for name in weights):
        return usual
    numbers = contents.numbers
    bias = dict(zip(contents.network.neurons(_layer_of(contents, z)), _biases(contents, z), strict=False)).get(z, "")
    for order in (tuple(usual), *permutations(weights)):
        products = (numbers[w] * numbers[a] for w, a in zip(order, incoming, strict=True))
        total = sum(products, numbers.get(bias, np.zeros_like(numbers[z])))
        if _agree(numbers[z], total):
            return list(order)
    # the formula is wrong in something else: each weight goes with what stands beside it
    named = [name for of in parsed(text).references for name in contents.tried.trial.names_in(of, step)]
    order_of_inputs = [name for name in named if name in incoming]
    order_of_weights = list(dict.fromkeys(name for name in named if name in weights))
    if sorted(order_of_inputs) != sorted(incoming):
        return order_of_weights
    return [weight for _, weight in sorted(zip(map(incoming.index, order_of_inputs), order_of_weights, strict=True))]


def _layer_of(contents: Contents, z: str) -> int:
    return next(layer for layer in contents.network.trained_layers if z in contents.network.neurons(layer))


def _biases(contents: Contents, z: str) -> list[str]:
    return contents.network.layer_biases(_layer_of(contents, z))


def _agree(found: Array, expected: Array) -> bool:
    return bool(np.isclose(found, expected, rtol=_SAME, atol=1e-12).all())


# -- biases without a name ---------------------------------------------------------------------------


def _unnamed_biases(contents: Contents) -> Iterator[tuple[Table, str]]:
    """A number that every formula of a neuron adds, from a cell without a label or typed into it."""
    table, network = contents.table, contents.network
    if network.biases != "none":
        return
    named = replace(network, biases="fixed", bias_values=(0.0,) * sum(network.layers[1:]))
    cells, typed, bare = dict(table.cells), dict.fromkeys(named.bias_names, 0.0), list[str]()
    for layer in network.trained_layers:
        biases = dict(zip(network.neurons(layer), named.layer_biases(layer), strict=True))
        added = {
            z: rest
            for z, row in zip(biases, network.layer_weights(layer), strict=True)
            if (rest := _added(contents, z, row, network.activations(layer - 1)))
        }
        # the others of the layer may add the same, and be wrong in something else, or have forgotten it
        usual_number = next(iter(added.values()), 0.0)
        usual_cells = {_cell_with(contents, _formula_of(contents, z), number) for z, number in added.items()}
        alone = len(usual_cells) == len(set(added.values())) == 1
        for z, bias in biases.items():
            text, number = _formula_of(contents, z), added.get(z, usual_number)
            if (cell := _cell_with(contents, text, number)) is not None:
                cells[bias] = cell
            elif (sign := _typed_number(text, number)) is not None:
                typed[bias] = sign
            elif alone and (usual_cell := next(iter(usual_cells))) is not None:
                cells[bias] = usual_cell
            elif alone:
                typed[bias] = usual_number
            else:
                bare.append(z)
    placed = {bias for bias in named.bias_names if bias in cells}
    typed = {bias: number for bias, number in typed.items() if bias not in placed}
    if not placed and not any(typed.values()):
        return
    note = "its biases are typed into the formulas: give them cells, to try others"
    if placed:
        where = ", ".join(dict.fromkeys(cell_address(cells[b].row, cells[b].column) for b in sorted(placed)))
        note = f"what stands in {where} is read as a bias"
    # biases that stand in one cell share their value, and are called after it
    first = {cells[bias]: bias for bias in sorted(placed, reverse=True)}
    places = {name: name for name in named.start_values if name not in typed}
    places |= {bias: first[cells[bias]] for bias in placed}
    cells = {name: cell for name, cell in cells.items() if name not in placed or places[name] == name}
    own = {bias: cell_address(cell.row, cell.column) for bias in placed for cell in [cells[places[bias]]]}
    own |= {bias: f"{number:g}" for bias, number in typed.items()}
    neurons = [z for layer in network.trained_layers for z in network.neurons(layer) if z not in bare]
    yield (
        replace(
            table,
            network=named,
            cells=cells,
            typed=typed,
            places=places,
            own_names={**table.own_names, **own},
            unjudged=tuple(bare_neurons(network, neurons)),
        ),
        note,
    )


def _formula_of(contents: Contents, name: str) -> str:
    """The first formula of a column; an empty text where none stands."""
    return next(filter(None, contents.formulas.texts[name]), "") if name in contents.table.columns else ""


def _added(contents: Contents, z: str, row: list[str], incoming: list[str]) -> float:
    """What the formula of a neuron adds to its weighted sum, if it is the same in each row; 0 where it is not."""
    numbers = contents.numbers
    if not all(name in numbers for name in (z, *row, *incoming)):
        return 0.0
    rest = numbers[z] - sum(numbers[w] * numbers[a] for w, a in zip(row, incoming, strict=True))
    first = float(rest[0])
    return first if math.isfinite(first) and abs(first) > _SAME and _agree(rest, rest[:1]) else 0.0


def _cell_with(contents: Contents, text: str, number: float) -> Cell | None:
    """The cell outside the table that a formula refers to and that holds this number."""
    table = contents.table
    for of in parsed(text).references if number else ():
        cell = of.cell_on(table.sheet)
        outside = of.is_cell and not table.holds(cell)
        if outside and math.isclose(number_in(contents.sheets, cell), number, rel_tol=_SAME):
            return cell
    return None


def _typed_number(text: str, number: float) -> float | None:
    """The number that is typed into a formula, with its sign."""
    return next(
        (
            math.copysign(typed, number)
            for typed in parsed(text).numbers
            if math.isclose(typed, abs(number), rel_tol=1e-7)
        ),
        None,
    )


# -- multiples ---------------------------------------------------------------------------------------


def _multiples(contents: Contents) -> Iterator[tuple[Table, str]]:
    """E without 1/2 or as a mean, and columns that hold a multiple of the gradients, or of δ."""
    table, network = contents.table, contents.network
    outputs = len(network.target_names)
    wrong = [name for name, mask in contents.wrong.items() if mask.any()]
    gradients_off = sum(name.startswith("dE_d") for name in wrong)
    errors_off = sum(name.startswith("E") for name in wrong)
    turned = any(f"delta_{o}" in wrong for o in network.neurons(network.last))
    if 2 * gradients_off < len(network.trained_names) and errors_off < _FEWEST_ERRORS and not turned:
        return
    errors: dict[tuple[float, float], str] = {
        (1.0, 1.0): "",
        (2.0, 2.0): "its error is (t - a)^2, without the 1/2",
    }
    if outputs > 1:
        errors[1.0, 1.0 / outputs] = f"its E_total is the mean of the {outputs} errors, and no sum"
        errors[2.0, 2.0 / outputs] = "its E_total is the mean of the squares, and no half of their sum"
    gradients = {
        Multiple(): "",
        Multiple(-1.0): "its gradients have the other sign, as what is added to the weights",
        Multiple(-1.0, of_eta=True): "its columns hold the changes of the weights, -η ∂E/∂w",
        Multiple(1.0, of_eta=True): "its columns hold η ∂E/∂w, what is taken off the weights",
    }
    of_delta = {1.0: "", -1.0: "its δ is -∂E/∂o, as in the delta rule"}
    ways = product(errors.items(), gradients.items(), list(of_delta.items())[: 1 + turned])
    for ((each, total), of_error), (multiple, of_gradients), (sign, of_sign) in ways:
        if not (of_error or of_gradients or of_sign):
            continue
        # the learning rate goes with the gradient of the error as it is shown
        scale = 1.0 if multiple.of_eta else total
        local = {name for name in chain_rule_names(network) if not name.startswith("da_")}
        found = {
            "eta": Multiple(1.0 / total),
            **{name: Multiple(total * (sign if name.startswith("delta_") else 1.0)) for name in sorted(local)},
            **{f"E{n + 1}": Multiple(each) for n in range(outputs)},
            "E_total": Multiple(total),
            **{f"dE_d{name}": Multiple(multiple.factor * scale, multiple.of_eta) for name in network.trained_names},
        }
        typed = dict(table.typed)
        if multiple.of_eta and "eta" not in table.columns and "eta" not in table.cells:
            if (eta := _typed_rate(contents)) is None:
                continue
            typed["eta"] = eta
        found = {name: of for name, of in found.items() if of != Multiple()}
        note = " and ".join(filter(None, (of_error, of_gradients, of_sign)))
        yield replace(table, multiples=found, typed=typed), note


def _typed_rate(contents: Contents) -> float | None:
    """The learning rate that is typed into columns of changes: how much more they are than the gradients."""
    for name in (f"dE_d{weight}" for weight in reversed(contents.network.weight_names)):
        if name in contents.table.columns and (text := _formula_of(contents, name)):
            ratio = abs(float(contents.numbers[name][0] / contents.expected[name][-1].value[0]))
            for number in parsed(text).numbers:
                if math.isclose(number, ratio, rel_tol=_SAME):
                    return number
    return None


def renamed(text: str, own_names: Mapping[str, str]) -> str:
    """A sentence with the table's own names of its weights and biases for ours."""
    return re.sub(r"\b[wb]\d+\b", lambda match: own_names.get(match[0], match[0]), text)
