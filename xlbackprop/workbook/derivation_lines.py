"""The lines of the derivation: each quantity of one step, in sections that tell the lesson, and where it stands."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from xlbackprop.backprop.network import Network
from xlbackprop.backprop.optimizers import BEFORE, MEANINGS
from xlbackprop.backprop.quantities import Part, Quantity, gathered, states, training_step, updates
from xlbackprop.backprop.samples import Samples

#: The columns of a line; of what a step starts from; and, hidden, the numbers of both as texts.
QUANTITY, VALUE, SYMBOLS, NUMBERS, SENTENCE = "ABCDE"
START_NAME, START_VALUE, START_MEANING = "GHI"
AS_TEXT, START_AS_TEXT = "JK"

#: In front of the name of a gradient: that of all samples of the step.
ALL = "all_"
#: The gradients of no more samples than these are written out.
MAX_ADDENDS = 8

# Where the derivation begins, below what is always in view.
_FIRST_ROW = 7
_PATH_ROWS = 6


@dataclass(frozen=True)
class Line:
    """One quantity of the derivation.

    Attributes:
        key: the quantity's name; for an update `new w1`. Where optimizers are compared, what belongs to one of them
            has its name in front: `adam m_w1`.
        row: where it stands.
        optimizer: of which optimizer it is; empty for what is common to all.
    """

    key: str
    row: int
    expression: str
    sentence: str
    optimizer: str = ""

    @property
    def quantity(self) -> str:
        """The key without the name of the optimizer."""
        return self.key.removeprefix(f"{self.optimizer} ")


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

    @property
    def end(self) -> int:
        """The row behind it and an empty one."""
        return self.first_row + len(self.lines) + 1


class DerivationLayout:
    """Which quantity stands in which row of the derivation.

    Args:
        network: what is trained.
        compared: how many gradients are compared with their central differences.
        networks: what is trained in each training sheet: the same with several optimizers, at times.
    """

    def __init__(self, network: Network, compared: int, networks: Sequence[Network] = ()) -> None:
        self.network, self._compared = network, compared
        of_optimizers = {one.optimizer.name: one for one in reversed(networks or [network])}
        #: The network with each optimizer, in the order of the sheets; of one with several settings, the first.
        self.trained = [
            of_optimizers[name] for name in dict.fromkeys(one.optimizer.name for one in networks or [network])
        ]

    def mark(self, network: Network) -> str:
        """What tells the lines of an optimizer from those of the others; empty where there is one."""
        return network.optimizer.name if len(self.trained) > 1 else ""

    @property
    def path_row(self) -> int:
        """The whole way to the first weight, once; a sample is chosen in a row more."""
        return _FIRST_ROW + self.network.in_batches

    @property
    def summary_row(self) -> int:
        """What the step starts from, in a few lines."""
        return self.path_row + _PATH_ROWS + 1

    @cached_property
    def summary(self) -> list[tuple[str, list[str]]]:
        """What the step starts from, by kinds: a word for it, and names."""
        network = self.network
        lines = [("inputs", network.input_names), ("targets", network.target_names)]
        for layer in network.trained_layers:
            into = _layer_title(network, layer).removesuffix(" layer")
            lines.append((f"weights, {into}", [w for row in network.layer_weights(layer) for w in row]))
            lines.append((f"biases, {into}", network.layer_biases(layer)))
        return [(kind, list(dict.fromkeys(names))) for kind, names in lines if names]

    @cached_property
    def start(self) -> Section:
        """What the step starts from, beside the derivation."""
        network, meanings = self.network, self.network.meanings
        carried = [*network.input_names, *network.target_names, *network.weight_names, *network.bias_names]
        lines = [("eta", "", "the learning rate")] + [(name, "", meanings[name]) for name in carried]
        section = _section(self.path_row, "What this step starts from", "All of it, one by one.", lines)
        for trained in self.trained:
            optimizer = trained.optimizer
            kept = [] if optimizer.is_plain else [(name, "", MEANINGS[name]) for name in optimizer.values]
            above = f"what {optimizer.kind.spoken} kept in the row above"
            kept += [
                (f"{BEFORE}{state.name}", "", above) for state in states(trained) if _is_carried(state.name, trained)
            ]
            section = _with_lines(section, kept, self.mark(trained))
        return section

    @cached_property
    def derived(self) -> list[Section]:
        """From the forward pass to the gradients, one section below the other."""
        row, sections = self.summary_row + len(self.summary) + 2, []
        for number, (title, explanation, quantities) in enumerate(_sections(self.network), start=1):
            sections.append(_section(row, f"{number}. {title}", explanation, quantities))
            row = sections[-1].end
        return sections

    @property
    def comparison_row(self) -> int:
        """Where the comparison of the gradients begins."""
        return self.derived[-1].end

    @property
    def comparison_title(self) -> str:
        return f"{len(self.derived) + 1}. Are the gradients right?"

    @cached_property
    def together(self) -> Section | None:
        """How the gradients of the samples become one; None where a step takes a single one."""
        network, samples = self.network, self.network.samples
        if samples is None or not network.in_batches:
            return None
        spoken = {"sum": "The gradients of all samples of the step are added up", "mean": "The mean of the gradients"}
        return _section(
            self.comparison_row + self._compared + 4,
            f"{len(self.derived) + 2}. From the samples to the step",
            f"{spoken[samples.reduction]}: that is the gradient by which the weights move. "
            f"So far everything was that of one of {samples.batch} samples.",
            [
                (f"{ALL}{one.name}", _over_samples(one.name, samples), one.sentence)
                for one in gathered(network)
                if one.part is Part.GRADIENT
            ],
        )

    @cached_property
    def updates(self) -> list[Section]:
        """The last sections: for each optimizer what it keeps, and the weights of the next row."""
        row = self.together.end if self.together else self.comparison_row + self._compared + 4
        number, found = len(self.derived) + 2 + (self.together is not None), []
        of_all = ALL if self.together else ""
        for trained in self.trained:
            optimizer = trained.optimizer
            by = "" if optimizer.is_plain else f" by {optimizer.kind.spoken}"
            explanation = (
                "Every weight moves against its gradient, by the learning rate: the weights of the next row. "
                if optimizer.is_plain
                else f"{optimizer.kind.sentence} "
            )
            lines = [(state.name, state.expression, state.sentence) for state in states(trained)]
            lines += [(f"new {u.name}", u.expression, u.sentence) for u in updates(trained)]
            lines = [(key, re.sub(r"\bdE_d", f"{of_all}dE_d", text), sentence) for key, text, sentence in lines]
            section = _section(
                row,
                f"{number}. Update{by}",
                f"{explanation}All gradients are computed before the first weight moves.",
                [],
            )
            found.append(_with_lines(section, lines, self.mark(trained)))
            row, number = found[-1].end, number + 1
        return found

    @property
    def sections(self) -> list[Section]:
        """All sections with quantities, in the order of the lesson."""
        return [self.start, *self.derived, *([self.together] if self.together else []), *self.updates]

    @cached_property
    def rows(self) -> dict[str, int]:
        """The row of each quantity."""
        return {line.key: line.row for section in self.sections for line in section.lines}

    def cell(self, key: str) -> str:
        """The absolute address of a quantity's value."""
        started = any(line.key == key for line in self.start.lines)
        return f"${START_VALUE if started else VALUE}${self.rows[key]}"


def addends(name: str, samples: Samples) -> list[str]:
    """The gradients of the single samples that a gradient of all is made of; none where they are too many to show."""
    return [f"{name}_of_{n}" for n in range(1, samples.batch + 1)] if samples.batch <= MAX_ADDENDS else []


def _over_samples(name: str, samples: Samples) -> str:
    """A gradient of all samples over those of each; empty where these are too many to show."""
    added = " + ".join(addends(name, samples))
    return f"({added})/{samples.batch}" if added and samples.reduction == "mean" else added


def _is_carried(name: str, network: Network) -> bool:
    """Whether a state follows from that of the row above."""
    return any(f"{BEFORE}{name}" in state.expression for state in states(network))


def _with_lines(section: Section, quantities: Sequence[tuple[str, str, str]], optimizer: str) -> Section:
    """A section with more lines, those of an optimizer."""
    first = section.first_row + len(section.lines)
    lines = (
        Line(f"{optimizer} {key}".lstrip(), first + n, expression, sentence, optimizer)
        for n, (key, expression, sentence) in enumerate(quantities)
    )
    return replace(section, lines=(*section.lines, *lines))


def _section(row: int, title: str, explanation: str, quantities: list[tuple[str, str, str]]) -> Section:
    lines = (Line(key, row + 3 + n, expression, sentence) for n, (key, expression, sentence) in enumerate(quantities))
    return Section(row, title, explanation, tuple(lines))


def _sections(network: Network) -> Iterator[tuple[str, str, list[tuple[str, str, str]]]]:
    quantities = training_step(network)

    def take(part: Part, layer: int) -> list[tuple[str, str, str]]:
        return [_entry(q) for q in quantities if q.part is part and q.layer == layer]

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
            "∂E/∂w is a product of derivatives on the way back: δ, how the error changes with a neuron's sum, "
            "times how that sum changes with the weight.",
            deltas + gradients,
        )


def _entry(quantity: Quantity) -> tuple[str, str, str]:
    return quantity.name, quantity.expression, quantity.sentence


def _layer_title(network: Network, layer: int) -> str:
    if layer == network.last:
        return "output layer"
    return f"hidden layer {layer}" if network.last > 2 else "hidden layer"
