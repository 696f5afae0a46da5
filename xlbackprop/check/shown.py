"""What a table should show for a quantity, where it shows a multiple of what the network has: -(∂E/∂w5), 2*∂E/∂w5."""

import ast
from collections.abc import Mapping
from functools import lru_cache

from xlbackprop.backprop import quantities
from xlbackprop.backprop.expression import inlined
from xlbackprop.backprop.network import Network
from xlbackprop.tables.table import AS_IT_IS, Multiple

#: Which quantities of a table are shown as multiples.
Multiples = tuple[tuple[str, Multiple], ...]


def multiple(of: Multiple, step: Mapping[str, float]) -> float:
    """The number that a quantity is multiplied with, at a step of a training."""
    return of.factor * (step["eta"] if of.of_eta else 1.0)


@lru_cache(maxsize=1024)
def expected_expression(network: Network, name: str, known: frozenset[str], multiples: Multiples = ()) -> str:
    """How what is shown for a quantity or an update follows from what is shown in columns; the rest is put in.

    Args:
        network: gives the layers and functions.
        name: a quantity, or a weight or bias for its update.
        known: the names that may stand in the expression.
        multiples: the quantities that are shown as multiples.
    """
    if not multiples:
        return quantities.expected_expression(network, name, known)
    shown = dict(multiples)
    definitions = {
        quantity.name: _multiplied(quantity.name, quantity.expression, shown)
        for quantity in quantities.training_step(network)
    }
    definitions |= {update.name: _update(update.name, shown) for update in quantities.updates(network)}
    own = definitions.pop(name)
    starts = network.start_values
    return inlined(own, {other: text for other, text in definitions.items() if other not in {*known, *starts}})


def _multiplied(name: str, expression: str, shown: Mapping[str, Multiple]) -> str:
    """An expression over what is shown, which is linear in the names that are shown as multiples."""
    own = shown.get(name, AS_IT_IS)
    used = (node.id for node in ast.walk(ast.parse(expression)) if isinstance(node, ast.Name))
    inside = next((shown[other] for other in used if other in shown), AS_IT_IS)
    factor = own.factor / inside.factor
    if own.of_eta and not inside.of_eta:
        expression = f"eta*({expression})"
        factor /= shown.get("eta", AS_IT_IS).factor
    if factor == 2 and expression.startswith("0.5*"):
        return expression.removeprefix("0.5*")
    return {1.0: expression, -1.0: f"-({expression})"}.get(factor, f"{factor:.12g}*({expression})")


def _update(name: str, shown: Mapping[str, Multiple]) -> str:
    gradient = shown.get(f"dE_d{name}", AS_IT_IS)
    product = f"dE_d{name}" if gradient.of_eta else f"eta*dE_d{name}"
    return f"{name} - {product}" if gradient.factor > 0 else f"{name} + {product}"
