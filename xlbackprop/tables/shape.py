"""The network behind a set of names: `w1 .. w8`, `h1`, `h2`, `o1` ... are a 2-2-2 network."""

import re
from collections.abc import Collection
from itertools import pairwise

from xlbackprop.backprop.network import Network
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet.limits import MAX_COLUMNS

_NUMBERED = re.compile(r"(?P<kind>a_h|a_o|[itwhoE]|dE_dw|delta_o|delta_h)(?:(?P<layer>\d+)_)?(?P<number>\d+)")


def network_of(names: Collection[str]) -> Network | None:
    """The network without biases that has these names, with zeros for its values; None if no network has.

    Args:
        names: of quantities; not all of them need to be there, and a stray one does no harm where
            the number of weights says otherwise.
    """
    numbers: dict[tuple[str, int], int] = {}
    for name in names:
        if match := _NUMBERED.fullmatch(name):
            key = (match["kind"], int(match["layer"] or 0))
            numbers[key] = max(numbers.get(key, 0), int(match["number"]))

    def size(layer: int, *kinds: str) -> int:
        return max((numbers.get((kind, layer), 0) for kind in kinds), default=0)

    depth = max((layer for _, layer in numbers), default=0)
    hidden = [size(layer, "h", "a_h", "delta_h") for layer in range(1, depth + 1)] or [size(0, "h", "a_h", "delta_h")]
    hidden = [neurons for neurons in hidden if neurons]
    # an E says nothing: E3 may be the error with another learning rate
    outputs, weights = size(0, "o", "a_o", "t", "delta_o"), size(0, "w", "dE_dw")
    inputs = size(0, "i")
    if not outputs or not 0 < weights <= MAX_COLUMNS:
        return None
    # the weights that do not come from the inputs
    later = sum(a * b for a, b in pairwise([*hidden, outputs]))
    first = hidden[0] if hidden else outputs
    if (weights - later) % first == 0 and weights > later:
        inputs = (weights - later) // first
    layers = (inputs, *hidden, outputs)
    if min(layers) < 1 or sum(a * b for a, b in pairwise(layers)) < weights:
        return None
    functions = {"output": "softmax", "loss": "cross-entropy"} if is_softmax(names) else {}
    try:
        return Network.blank(layers, **functions)
    except UnusableInput:
        return None


def is_softmax(names: Collection[str]) -> bool:
    """Whether these are the names of a network with softmax."""
    return "e_sum" in names or "o_max" in names
