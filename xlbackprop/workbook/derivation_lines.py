"""The lines of the derivation: each quantity of one step, in sections that tell the lesson, and where it stands."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from xlbackprop.backprop.network import Network
from xlbackprop.backprop.quantities import Part, Quantity, training_step, updates

QUANTITY, VALUE, SYMBOLS, NUMBERS, CENTRAL, DIFFERENCE, SENTENCE, AS_TEXT = "ABCDEFGH"


@dataclass(frozen=True)
class Line:
    """One quantity of the derivation.

    Attributes:
        key: the quantity's name; for an update `new w1`.
        row: where it stands.
    """

    key: str
    row: int
    expression: str
    sentence: str


@dataclass(frozen=True)
class Section:
    """A major step of the derivation: a heading, what it does, and its quantities."""

    row: int
    title: str
    explanation: str
    lines: tuple[Line, ...]

    @property
    def first_row(self) -> int:
        """The row of its first line."""
        return self.row + 3


class DerivationLayout:
    """Which quantity stands in which row of the derivation."""

    def __init__(self, network: Network) -> None:
        self.network = network

    @cached_property
    def sections(self) -> list[Section]:
        row, sections = 7, []
        for n, (title, explanation, quantities) in enumerate(_sections(self.network)):
            lines = tuple(
                Line(key, row + 3 + offset, expression, sentence)
                for offset, (key, expression, sentence) in enumerate(quantities)
            )
            sections.append(Section(row, f"{n}. {title}" if n else title, explanation, lines))
            row += 4 + len(lines)
        return sections

    @cached_property
    def rows(self) -> dict[str, int]:
        return {line.key: line.row for section in self.sections for line in section.lines}

    def cell(self, key: str, column: str = VALUE) -> str:
        """The absolute address of a quantity's value (or another of its columns)."""
        return f"${column}${self.rows[key]}"


def _sections(network: Network) -> Iterator[tuple[str, str, list[tuple[str, str, str]]]]:
    quantities = training_step(network)

    def take(part: Part, layer: int) -> list[tuple[str, str, str]]:
        return [_entry(q) for q in quantities if q.part is part and q.layer == layer]

    carried = [*network.input_names, *network.target_names, *network.weight_names, *network.bias_names]
    meanings = network.meanings
    yield (
        "What this step starts from",
        "The inputs and targets, and the weights that the training has reached at the step chosen above.",
        [("eta", "", "the learning rate")] + [(name, "", meanings[name]) for name in carried],
    )
    for layer in network.trained_layers:
        what = _layer_title(network, layer)
        yield (
            f"Forward: {what}",
            "Each neuron adds up what comes in, weighted, and passes the sum through its activation function.",
            take(Part.FORWARD, layer),
        )
    yield (
        "Error",
        "How far the outputs are from their targets, as one number that training will make smaller.",
        take(Part.ERROR, network.last),
    )
    for layer in range(network.last, 0, -1):
        what = _layer_title(network, layer)
        deltas, gradients = take(Part.CHAIN_RULE, layer), take(Part.GRADIENT, layer)
        if layer < network.last:
            flows_back = [entry for entry in deltas if entry[0].startswith("dE_da_")]
            deltas = [entry for entry in deltas if entry not in flows_back]
            yield (
                f"What flows back to the {what}",
                "A hidden neuron has no target of its own. Its share of the error comes back "
                "along every connection that leaves it.",
                flows_back,
            )
        yield (
            f"Chain rule: weights into the {what}",
            "∂E/∂w is a product of derivatives along the way from the error back to the weight: "
            "first δ, how the error changes with the sum that a neuron takes in, then that sum with the weight.",
            deltas + gradients,
        )
    yield (
        "Update",
        "Every weight moves against its gradient, by the learning rate: the weights of the next row. "
        "All gradients are computed before the first weight moves.",
        [(f"new {u.name}", u.expression, u.sentence) for u in updates(network)],
    )


def _entry(quantity: Quantity) -> tuple[str, str, str]:
    return quantity.name, quantity.expression, quantity.sentence


def _layer_title(network: Network, layer: int) -> str:
    if layer == network.last:
        return "output layer"
    return f"hidden layer {layer}" if network.last > 2 else "hidden layer"
