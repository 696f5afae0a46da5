"""The one definition of a training step: forward pass, error, chain rule, gradients, update.

A step is a list of quantities, each a name, a sentence and an expression over the names before it.
Everything that shows or computes a step is made from this list: the formulas in the cells, the
derivation in symbols, the worked numbers, and the values that stand in the file before a
spreadsheet recalculates it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from xlbackprop.backprop.expression import inlined
from xlbackprop.backprop.functions import ACTIVATIONS, LOSSES, SOFTMAX
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.optimizers import BEFORE, SCHEDULES
from xlbackprop.backprop.samples import Samples


class Part(Enum):
    """The part of a training step that a quantity belongs to."""

    FORWARD = "forward"
    ERROR = "error"
    ANSWER = "answer"
    CHAIN_RULE = "chain rule"
    GRADIENT = "gradients"


@dataclass(frozen=True)
class Quantity:
    """One number of a training step.

    Attributes:
        name: its ASCII name, `a_h1`.
        sentence: what it is, for people.
        expression: how it follows from other quantities, in Python's notation.
        part: the part of the step that it belongs to.
        layer: the layer that it belongs to; the output layer for the errors.
    """

    name: str
    sentence: str
    expression: str
    part: Part
    layer: int


@dataclass(frozen=True)
class Update:
    """How a weight or bias changes from one step to the next; `eta` is the learning rate."""

    name: str
    sentence: str
    expression: str


class Over(Enum):
    """How a number is made of those of several samples."""

    SUM = "sum"
    MEAN = "mean"
    #: the mean of those that the last epoch has shown, this step's included
    EPOCH = "epoch"
    #: that of one of them
    ONE = "one"


@dataclass(frozen=True)
class Gathered:
    """A number of a step that is made of those of several samples.

    Attributes:
        name: its ASCII name.
        sentence: what it is, for people.
        of: the quantity of each sample that it is made of.
        part: the part of the step that it belongs to.
        over: how it is made of them.
        sample: of one of them, which, counted from 0.
    """

    name: str
    sentence: str
    of: str
    part: Part
    over: Over
    sample: int = 0


#: The name of a quantity, its sentence and its expression.
_Line = tuple[str, str, str]


@lru_cache(maxsize=16)
def training_step(network: Network) -> tuple[Quantity, ...]:
    """All quantities of one training step in an order in which each follows from those before it."""
    layers = network.trained_layers
    parts = [(Part.FORWARD, layer, _forward(network, layer)) for layer in layers]
    parts.append((Part.ERROR, network.last, _error(network)))
    parts.append((Part.ANSWER, network.last, _answer(network)))
    for layer in reversed(layers):
        parts.append((Part.CHAIN_RULE, layer, _chain_rule(network, layer)))
        parts.append((Part.GRADIENT, layer, _gradients(network, layer)))
    return tuple(Quantity(*line, part, layer) for part, layer, lines in parts for line in lines)


@dataclass(frozen=True)
class StateQuantity:
    """What an optimizer keeps for a weight, or the learning rate of a step.

    Attributes:
        name: its ASCII name, `m_w1`.
        sentence: what it is, for people.
        expression: how it follows, `before_m_w1` being that of the row above.
        first: how it begins in the row of step 0, where nothing was before.
    """

    name: str
    sentence: str
    expression: str
    first: str


@lru_cache(maxsize=16)
def states(network: Network) -> tuple[StateQuantity, ...]:
    """What the optimizer keeps and works out in each step, after the gradients and before the update."""
    optimizer, found = network.optimizer, []
    if optimizer.is_scheduled:
        schedule = SCHEDULES[optimizer.schedule]
        sentence = f"The learning rate of the step. {schedule.sentence}"
        found.append(StateQuantity("eta_t", sentence, schedule.expression, schedule.expression))
    for state in optimizer.kind.states:
        for w in network.trained_names:
            expression = optimizer.written(state.expression, w)
            first = optimizer.written(state.first, w) if state.first else expression
            found.append(
                StateQuantity(f"{state.name}_{w}", f"{state.sentence[:-1]}, of {w}.", expression, _at_first(first))
            )
    return tuple(found)


def begins_otherwise(state: StateQuantity) -> bool:
    """Whether a state begins with something else than what its expression gives where nothing was before."""
    return state.first != _at_first(state.expression)


def _at_first(expression: str) -> str:
    """An expression where nothing was before."""
    return re.sub(rf"\b{BEFORE}\w+", "0", expression)


@lru_cache(maxsize=16)
def updates(network: Network) -> tuple[Update, ...]:
    """The update of each trained weight and bias: `w1 - eta*dE_dw1` in plain gradient descent."""
    optimizer = network.optimizer
    how = "one learning rate against the gradient" if optimizer.is_plain else f"moved by {optimizer.kind.spoken}"
    return tuple(
        Update(name, f"{name} for the next step: {how}.", optimizer.written(optimizer.kind.update, name))
        for name in network.trained_names
    )


@lru_cache(maxsize=16)
def gathered(network: Network) -> tuple[Gathered, ...]:
    """What a step has of several samples: of those that it takes, or where it takes one, of those before it."""
    samples = network.samples
    if samples is None:
        return ()
    return tuple(_of_an_epoch(samples) if samples.in_turn else _of_a_batch(network, samples))


def _of_an_epoch(samples: Samples) -> Iterator[Gathered]:
    yield _error_of_an_epoch(samples)
    if samples.have_classes:
        last = _of_the_last_epoch(samples)
        yield Gathered("accuracy", f"The part of right answers {last}.", "right", Part.ANSWER, Over.EPOCH)


def _error_of_an_epoch(samples: Samples) -> Gathered:
    sentence = f"The mean of E_total {_of_the_last_epoch(samples)}."
    return Gathered("E_epoch", sentence, "E_total", Part.ERROR, Over.EPOCH)


def _of_the_last_epoch(samples: Samples) -> str:
    return f"of the last {samples.epoch} steps, or of all where there are fewer"


def _of_a_batch(network: Network, samples: Samples) -> Iterator[Gathered]:
    over = Over(samples.reduction)
    spoken = f"the {over.value} of those of its {samples.batch} samples"
    for n in range(samples.count) if samples.followed else ():
        for a in network.activations(network.last):
            sentence = f"What the network answers to sample {n + 1}: its {a}."
            yield Gathered(f"{a}_of_{n + 1}", sentence, a, Part.FORWARD, Over.ONE, n)
    error = f"The error of the step: {spoken}. It is what training makes small."
    yield Gathered("E_total", error, "E_total", Part.ERROR, over)
    if samples.epoch > 1:
        yield _error_of_an_epoch(samples)
    if samples.have_classes:
        part = "The part of the step's samples that are answered right."
        yield Gathered("accuracy", part, "right", Part.ANSWER, Over.MEAN)
    for name in network.trained_names:
        sentence = f"How E_total changes with {name}: {spoken}."
        yield Gathered(f"dE_d{name}", sentence, f"dE_d{name}", Part.GRADIENT, over)


def followed_error(network: Network) -> str:
    """The error that tells how a training goes: where a step does not take all samples, that of an epoch."""
    return "E_epoch" if network.samples and network.samples.epoch > 1 else "E_total"


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


def _forward(network: Network, layer: int) -> Iterator[_Line]:
    incoming = network.activations(layer - 1)
    biases = network.layer_biases(layer) or [""] * network.layers[layer]
    kind = "output" if layer == network.last else "hidden"
    source = "input" if layer == 1 else "value from the layer before"
    neurons = network.neurons(layer)
    for z, weights, bias in zip(neurons, network.layer_weights(layer), biases, strict=True):
        terms = [f"{w}*{a}" for w, a in zip(weights, incoming, strict=True)]
        yield (
            z,
            f"What {kind} neuron {z} takes in: each {source} times its weight, added up"
            + (f", and the bias {bias}." if bias else "."),
            " + ".join([*terms, bias] if bias else terms),
        )
        if network.activation(layer) != SOFTMAX:
            activation = ACTIVATIONS[network.activation(layer)]
            yield (
                f"a_{z}",
                f"What {kind} neuron {z} gives out: the {activation.spoken} function of {z}.",
                activation.value.format(z=z),
            )
    if network.activation(layer) == SOFTMAX:
        yield from _softmax(neurons)


def _softmax(outputs: list[str]) -> Iterator[_Line]:
    # shifted by the largest output, which changes no probability and keeps exp within range
    yield (
        "o_max",
        "The largest output: taking it off every exponent changes no probability and keeps e^x in range.",
        f"max({', '.join(outputs)})",
    )
    for o in outputs:
        yield (f"e_{o}", f"e to the power of {o}, shifted by the largest output.", f"exp({o} - o_max)")
    yield ("e_sum", "The sum of these powers.", " + ".join(f"e_{o}" for o in outputs))
    for o in outputs:
        yield (
            f"a_{o}",
            f"The probability that the network gives to class {o.removeprefix('o')}: its share of the sum (softmax).",
            f"e_{o}/e_sum",
        )


def _error(network: Network) -> Iterator[_Line]:
    errors, loss = [], LOSSES[network.loss]
    for n, (t, o) in enumerate(zip(network.target_names, network.neurons(network.last), strict=True), start=1):
        errors.append(f"E{n}")
        sentence, expression = (text.format(n=n, o=o, t=t) for text in (loss.sentence, loss.error))
        yield (f"E{n}", sentence, expression)
    yield ("E_total", "The error of the whole network: what training makes small.", " + ".join(errors))


def _answer(network: Network) -> Iterator[_Line]:
    """Whether the answer to a sample is right, for samples that have classes."""
    samples = network.samples
    if samples is None or not samples.have_classes:
        return
    targets, outputs = network.target_names, network.activations(network.last)
    if (half_way := samples.half_way) is not None:
        (t,), (a,) = targets, outputs
        yield (
            "right",
            f"1 where the answer is right: {a} is less than {half_way:g} from its target, half way to the other one.",
            f"1 if sign({half_way!r} - max({t} - {a}, {a} - {t})) > 0 else 0",
        )
        return
    answer = " + ".join(f"{t}*{a}" for t, a in zip(targets, outputs, strict=True))
    yield (
        "right",
        "1 where the answer is right: the output of the sample's class, whose target is 1, is the largest.",
        f"1 + sign({answer} - max({', '.join(outputs)}))",
    )


def _chain_rule(network: Network, layer: int) -> Iterator[_Line]:
    collapsed = LOSSES[network.loss].delta
    return _collapsed_deltas(network, *collapsed) if layer == network.last and collapsed else _deltas(network, layer)


def _collapsed_deltas(network: Network, expression: str, sentence: str) -> Iterator[_Line]:
    """The δ of the outputs where activation and loss collapse into one formula."""
    targets = network.target_names
    for o, t in zip(network.neurons(network.last), targets, strict=True):
        yield (f"delta_{o}", sentence.format(o=o, t=t), expression.format(o=o, t=t, targets=" + ".join(targets)))


def _deltas(network: Network, layer: int) -> Iterator[_Line]:
    neurons, targets = network.neurons(layer), network.target_names
    if layer < network.last:
        receivers, connections = network.neurons(layer + 1), network.layer_weights(layer + 1)
    activation = ACTIVATIONS[network.activation(layer)]
    for n, z in enumerate(neurons):
        if layer == network.last and (derivative := LOSSES[network.loss].derivative):
            expression, sentence = (text.format(o=z, t=targets[n]) for text in derivative)
        else:
            sentence = (
                f"What flows back to a_{z}: the δ of every neuron that it feeds, times the weight of that connection."
            )
            expression = " + ".join(f"delta_{to}*{row[n]}" for to, row in zip(receivers, connections, strict=True))
        yield (f"dE_da_{z}", sentence, expression)
        yield (
            f"da_{z}_d{z}",
            f"How a_{z} changes with {z}: the slope of the {activation.spoken} function there.",
            activation.slope.format(z=z, a=f"a_{z}"),
        )
        yield (
            f"delta_{z}",
            f"How E_total changes with {z}, ∂E/∂{z}: the two derivatives before it, multiplied (chain rule).",
            f"dE_da_{z}*da_{z}_d{z}",
        )


def _gradients(network: Network, layer: int) -> Iterator[_Line]:
    incoming = network.activations(layer - 1)
    for z, weights in zip(network.neurons(layer), network.layer_weights(layer), strict=True):
        for w, a in zip(weights, incoming, strict=True):
            yield (
                f"dE_d{w}",
                f"How E_total changes with {w}: the δ of the neuron it leads to, times the value that comes in.",
                f"delta_{z}*{a}",
            )
    if network.biases == "trained":
        neurons, biases = network.neurons(layer), network.layer_biases(layer)
        for bias in dict.fromkeys(biases):
            deltas = [f"delta_{z}" for z, own in zip(neurons, biases, strict=True) if own == bias]
            whose = "δ of its neuron" if len(deltas) == 1 else "sum of the δ of its neurons"
            yield (
                f"dE_d{bias}",
                f"How E_total changes with {bias}: the {whose}, because a bias has the input 1.",
                " + ".join(deltas),
            )
