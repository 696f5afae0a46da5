"""The one definition of a training step: forward pass, error, chain rule, gradients, update.

A step is a list of quantities, each a name, a sentence and an expression over the names before it.
Everything that shows or computes a step is made from this list: the formulas in the cells, the
derivation in symbols, the worked numbers, and the values that stand in the file before a
spreadsheet recalculates it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import chain
from math import isfinite
from types import CodeType

from xlbackprop.errors import UnusableInput
from xlbackprop.expression import FUNCTIONS, compiled
from xlbackprop.network import LEAK, Network


class Part(Enum):
    """The part of a training step that a quantity belongs to."""

    FORWARD = "forward"
    ERROR = "error"
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


# Each activation as (value, slope), over its input z and its output a. The slope is written with the
# output where that is what the classroom does, and ReLU's with the sign, because engines differ about
# whether 1e-17 is greater than 0, but not about its sign.
_ACTIVATIONS = {
    "sigmoid": ("1/(1 + exp(-{z}))", "{a}*(1 - {a})"),
    "tanh": ("tanh({z})", "1 - {a}**2"),
    "relu": ("max(0, {z})", "sign({a})"),
    "leaky relu": (f"max({{z}}, {LEAK}*{{z}})", f"1 if sign({{z}}) > 0 else {LEAK}"),
    "linear": ("{z}", "1"),
}
_SPOKEN = {"relu": "ReLU", "leaky relu": "leaky ReLU"}


@lru_cache(maxsize=16)
def training_step(network: Network) -> tuple[Quantity, ...]:
    """All quantities of one training step in an order in which each follows from those before it."""
    return tuple(chain(_forward(network), _error(network), _backward(network)))


@lru_cache(maxsize=16)
def updates(network: Network) -> tuple[Update, ...]:
    """The update of each trained weight and bias: `w1 - eta*dE_dw1`."""
    return tuple(
        Update(name, f"{name} for the next step: one learning rate against the gradient.", f"{name} - eta*dE_d{name}")
        for name in network.trained_names
    )


def _forward(network: Network) -> Iterator[Quantity]:
    for layer in range(1, len(network.layers)):
        incoming = network.activations(layer - 1)
        biases = network.layer_biases(layer) or [""] * network.layers[layer]
        kind = "output" if layer == network.last else "hidden"
        source = "input" if layer == 1 else "value from the layer before"
        neurons = network.neurons(layer)
        for z, weights, bias in zip(neurons, network.layer_weights(layer), biases, strict=True):
            terms = [f"{w}*{a}" for w, a in zip(weights, incoming, strict=True)]
            yield Quantity(
                z,
                f"What {kind} neuron {z} takes in: each {source} times its weight, added up"
                + (f", and the bias {bias}." if bias else "."),
                " + ".join([*terms, bias] if bias else terms),
                Part.FORWARD,
                layer,
            )
            if network.activation(layer) != "softmax":
                value, _ = _ACTIVATIONS[network.activation(layer)]
                yield Quantity(
                    f"a_{z}",
                    f"What {kind} neuron {z} gives out: the {_spoken(network, layer)} function of {z}.",
                    value.format(z=z),
                    Part.FORWARD,
                    layer,
                )
        if network.activation(layer) == "softmax":
            yield from _softmax(neurons, layer)


def _spoken(network: Network, layer: int) -> str:
    activation = network.activation(layer)
    return _SPOKEN.get(activation, activation)


def _softmax(outputs: list[str], layer: int) -> Iterator[Quantity]:
    # shifted by the largest output, which changes no probability and keeps exp within range
    yield Quantity(
        "o_max",
        "The largest output: taking it off every exponent changes no probability and keeps e^x in range.",
        f"max({', '.join(outputs)})",
        Part.FORWARD,
        layer,
    )
    for o in outputs:
        yield Quantity(
            f"e_{o}", f"e to the power of {o}, shifted by the largest output.", f"exp({o} - o_max)", Part.FORWARD, layer
        )
    yield Quantity("e_sum", "The sum of these powers.", " + ".join(f"e_{o}" for o in outputs), Part.FORWARD, layer)
    for o in outputs:
        yield Quantity(
            f"a_{o}",
            f"The probability that the network gives to class {o.removeprefix('o')}: its share of the sum (softmax).",
            f"e_{o}/e_sum",
            Part.FORWARD,
            layer,
        )


def _error(network: Network) -> Iterator[Quantity]:
    errors = []
    for n, (t, o) in enumerate(zip(network.target_names, network.neurons(network.last), strict=True), start=1):
        errors.append(f"E{n}")
        if network.loss == "cross-entropy":
            # -t ln(a), written so that a probability of zero does no harm
            sentence = f"The cross-entropy of output {n}, which is −{t}·ln(a_{o})."
            expression = f"{t}*(log(e_sum) + o_max - {o})"
        else:
            sentence = f"The error of output {n}: half the squared distance from its target."
            expression = f"0.5*({t} - a_{o})**2"
        yield Quantity(f"E{n}", sentence, expression, Part.ERROR, network.last)
    yield Quantity(
        "E_total",
        "The error of the whole network: what training makes small.",
        " + ".join(errors),
        Part.ERROR,
        network.last,
    )


def _backward(network: Network) -> Iterator[Quantity]:
    for layer in range(network.last, 0, -1):
        if network.loss == "cross-entropy" and layer == network.last:
            yield from _softmax_deltas(network)
        else:
            yield from _deltas(network, layer)
        yield from _gradients(network, layer)


def _softmax_deltas(network: Network) -> Iterator[Quantity]:
    targets = network.target_names
    for o, target in zip(network.neurons(network.last), targets, strict=True):
        yield Quantity(
            f"delta_{o}",
            f"How E_total changes with {o}. Softmax and cross-entropy collapse into a_{o} − {target}, "
            "because the targets sum to 1; written with their sum it holds for any targets.",
            f"a_{o}*({' + '.join(targets)}) - {target}",
            Part.CHAIN_RULE,
            network.last,
        )


def _deltas(network: Network, layer: int) -> Iterator[Quantity]:
    neurons, targets = network.neurons(layer), network.target_names
    if layer < network.last:
        receivers, connections = network.neurons(layer + 1), network.layer_weights(layer + 1)
    _, slope = _ACTIVATIONS[network.activation(layer)]
    for n, z in enumerate(neurons):
        if layer == network.last:
            sentence = f"How E_total changes with the output a_{z}: the output minus its target."
            expression = f"a_{z} - {targets[n]}"
        else:
            sentence = (
                f"What flows back to a_{z}: the δ of every neuron that it feeds, times the weight of that connection."
            )
            expression = " + ".join(f"delta_{to}*{row[n]}" for to, row in zip(receivers, connections, strict=True))
        yield Quantity(f"dE_da_{z}", sentence, expression, Part.CHAIN_RULE, layer)
        yield Quantity(
            f"da_{z}_d{z}",
            f"How a_{z} changes with {z}: the slope of the {_spoken(network, layer)} function there.",
            slope.format(z=z, a=f"a_{z}"),
            Part.CHAIN_RULE,
            layer,
        )
        yield Quantity(
            f"delta_{z}",
            f"How E_total changes with {z}, ∂E/∂{z}: the two derivatives before it, multiplied (chain rule).",
            f"dE_da_{z}*da_{z}_d{z}",
            Part.CHAIN_RULE,
            layer,
        )


def _gradients(network: Network, layer: int) -> Iterator[Quantity]:
    incoming = network.activations(layer - 1)
    for z, weights in zip(network.neurons(layer), network.layer_weights(layer), strict=True):
        for w, a in zip(weights, incoming, strict=True):
            yield Quantity(
                f"dE_d{w}",
                f"How E_total changes with {w}: the δ of the neuron it leads to, times the value that comes in.",
                f"delta_{z}*{a}",
                Part.GRADIENT,
                layer,
            )
    if network.biases == "trained":
        for z, bias in zip(network.neurons(layer), network.layer_biases(layer), strict=True):
            yield Quantity(
                f"dE_d{bias}",
                f"How E_total changes with {bias}: the δ of its neuron, because a bias has the input 1.",
                f"delta_{z}",
                Part.GRADIENT,
                layer,
            )


class LeavesRange(UnusableInput):
    """A run reaches a value that no cell can hold."""


class Simulation:
    """Evaluates training steps in plain Python, operation for operation as the cells do.

    Args:
        network: what is trained.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._functions = dict(FUNCTIONS)
        self._step = [(quantity.name, compiled(quantity.expression)) for quantity in training_step(network)]
        self._step_code = _assignments((quantity.name, quantity.expression) for quantity in training_step(network))
        self._update_code = _assignments((update.name, update.expression) for update in updates(network))

    def steps(self, eta: float, steps: int) -> Iterator[dict[str, float]]:
        """Every value by name, and `step`, for step 0, 1 ... `steps`. The dictionary is the same one each time.

        Raises:
            LeavesRange: a value overflows; the message says at which step, which one, and what to change.
        """
        values = dict(self._network.start_values) | {"eta": eta}
        for step in range(steps + 1):
            values["step"] = step
            try:
                exec(self._step_code, self._functions, values)
                in_range = all(map(isfinite, values.values()))
            except ArithmeticError:
                in_range = False
            if not in_range:
                raise LeavesRange(self._out_of_range(values, eta, step))
            yield values
            exec(self._update_code, self._functions, values)

    def evaluate(self, values: Mapping[str, float]) -> dict[str, float]:
        """All quantities of one step, given inputs, targets, weights, biases and `eta`.

        Raises:
            ArithmeticError: a value overflows.
        """
        step = dict(values)
        exec(self._step_code, self._functions, step)
        return step

    def updated(self, values: Mapping[str, float]) -> dict[str, float]:
        """The weights and trained biases of the next step, given all values of this one."""
        following = dict(values)
        exec(self._update_code, self._functions, following)
        return {name: following[name] for name in self._network.trained_names}

    def _out_of_range(self, values: dict[str, float], eta: float, step: int) -> str:
        culprit = next((name for name in self._network.trained_names if not isfinite(values[name])), None)
        for name, code in self._step if culprit is None else ():
            try:
                values[name] = eval(code, self._functions, values)
            except ArithmeticError:
                values[name] = float("inf")
            if not isfinite(values[name]):
                culprit = name
                break
        remedies = ["use smaller start values", "use a smaller learning rate"]
        remedy = remedies[step] if step < 2 else f"use a smaller learning rate or at most {step - 1} steps"
        trained = f"With learning rate {eta:g}, " if step else "With these start values, "
        return f"{trained}{culprit} leaves what a cell can hold at step {step}: {remedy}."


def _assignments(lines: Iterator[tuple[str, str]]) -> CodeType:
    return compile("\n".join(f"{name} = {expression}" for name, expression in lines), "<training step>", "exec")
