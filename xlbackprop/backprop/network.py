"""The network that is trained: its layers, its functions, the values that it starts with, what it learns from.

Neurons, weights and biases are named here and nowhere else. Weights are numbered layer by layer,
neuron by neuron: in a 2-2-2 network h1 = w1 i1 + w2 i2, h2 = w3 i1 + w4 i2, o1 = w5 a_h1 + w6 a_h2.
"""

import dataclasses
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from xlbackprop.backprop.functions import ACTIVATIONS, LOSSES, SOFTMAX
from xlbackprop.backprop.optimizers import GRADIENT_DESCENT, Optimizer
from xlbackprop.backprop.samples import Samples
from xlbackprop.errors import UnusableInput

BIASES = ("none", "fixed", "trained")
_OF_A_SAMPLE = ("inputs", "targets")

#: More weights are not trained one by one, with a name each.
MAX_WEIGHTS = 1_000_000


@dataclass(frozen=True)
class Network:
    """A fully connected network, what it learns from, and the values that training starts with.

    Attributes:
        layers: number of neurons of each layer, the inputs first: `(2, 2, 2)`.
        inputs: `i1, i2 ...`, one for each neuron of the first layer; of several samples those of the first.
        targets: `t1, t2 ...`, one for each neuron of the last layer; of several samples those of the first.
        weights: `w1, w2 ...` in the order of `weight_names`.
        hidden: activation of the hidden layers, one of `functions.ACTIVATIONS`.
        output: activation of the output layer, one of these or softmax.
        loss: one of `functions.LOSSES` that goes with the output.
        biases: one of `BIASES`; with "none" there is no bias term at all.
        bias_values: `b1, b2 ...`, one for each neuron after the inputs; empty without biases.
        title: what the network is called in the workbook.
        description: one line about it.
        samples: the examples, where it learns from more than one.
        optimizer: how its weights move.
        bias_a_layer: whether the neurons of a layer share one bias, `b1` those of the first after the inputs.

    Raises:
        UnusableInput: the parts do not fit together.
    """

    layers: tuple[int, ...]
    inputs: tuple[float, ...]
    targets: tuple[float, ...]
    weights: tuple[float, ...]
    hidden: str = "sigmoid"
    output: str = "sigmoid"
    loss: str = "squared error"
    biases: str = "none"
    bias_values: tuple[float, ...] = ()
    title: str = ""
    description: str = ""
    samples: Samples | None = None
    optimizer: Optimizer = GRADIENT_DESCENT
    bias_a_layer: bool = False

    def __post_init__(self) -> None:
        _check_layers(self.layers)
        for key, value, allowed in (
            ("hidden", self.hidden, ACTIVATIONS),
            ("output", self.output, (*ACTIVATIONS, SOFTMAX)),
            ("loss", self.loss, LOSSES),
            ("biases", self.biases, BIASES),
        ):
            if value not in allowed:
                raise UnusableInput(f'{key} = "{value}" is not known: use one of {", ".join(allowed)}.')
        outputs = outputs_of(self.loss)
        if self.output not in outputs:
            losses = [loss for loss in LOSSES if self.output in outputs_of(loss)]
            raise UnusableInput(
                f'output = "{self.output}" does not go with loss = "{self.loss}": {self.output} takes the loss '
                f"{_alternatives(losses)}, and {self.loss} the output {_alternatives(outputs)}."
            )
        if self.output == SOFTMAX and self.layers[-1] == 1:
            raise UnusableInput("Softmax over a single output is always 1: give the last layer at least two neurons.")
        if self.samples:
            self._check_samples(self.samples)
        for key, names in self._all_names.items():
            values = getattr(self, key)
            if len(values) != len(names):
                named = f" ({span(names)})" if names else ""
                raise UnusableInput(
                    f"A {self.shape} network with biases {self.biases} has {_count(len(names), key)}{named}, "
                    f"but {len(values)} were given."
                )
            for name, number in zip(names, values, strict=True):
                if not math.isfinite(number):
                    raise UnusableInput(f"{name} = {number} is not a number that a cell can hold.")

    def _check_samples(self, samples: Samples) -> None:
        rows = zip(samples.inputs, samples.targets, strict=True)
        for number, (inputs, targets) in enumerate(rows, start=1):
            for values, names, what in ((inputs, self.input_names, "input"), (targets, self.target_names, "target")):
                if len(values) != len(names):
                    raise UnusableInput(
                        f"Sample {number} has {_count(len(values), what)}, but a {self.shape} network takes "
                        f"{_count(len(names), what)} ({span(names)})."
                    )

    @classmethod
    def blank(cls, layers: tuple[int, ...], **functions: str) -> "Network":
        """A network of these layers whose start values are all zero, for reading them from elsewhere."""
        _check_layers(layers)
        biases = 0 if functions.get("biases", "none") == "none" else sum(layers[1:])
        weights = sum(fan_in * size for fan_in, size in pairwise(layers))
        zero = (0.0,)
        chosen: dict[str, Any] = {**functions}
        return cls(
            layers=layers,
            inputs=zero * layers[0],
            targets=zero * layers[-1],
            weights=zero * weights,
            bias_values=zero * biases,
            **chosen,
        )

    def check_targets(self) -> None:
        """See whether the targets suit the loss.

        Raises:
            UnusableInput: the loss takes probabilities, and the targets are none.
        """
        if not LOSSES[self.loss].needs_probabilities:
            return
        for number, targets in enumerate(self.samples.targets if self.samples else [self.targets], start=1):
            must = "lie between 0 and 1"
            fine = min(targets) >= 0 and max(targets) <= 1
            if self.output == SOFTMAX:
                must = "not be negative and must sum to 1"
                fine = min(targets) >= 0 and math.isclose(sum(targets), 1, abs_tol=1e-9)
            if not fine:
                shown = ", ".join(f"{target:g}" for target in targets) + f" of sample {number}" * bool(self.samples)
                raise UnusableInput(
                    f"With {self.output} and {self.loss} the targets are probabilities: {shown} must {must}."
                )

    @property
    def in_batches(self) -> bool:
        """Whether a step takes several samples, so that their gradients become one."""
        return self.samples is not None and not self.samples.in_turn

    @property
    def shape(self) -> str:
        """The layer sizes as they are spoken: `2-2-2`."""
        return "-".join(map(str, self.layers))

    @property
    def last(self) -> int:
        """The index of the output layer; layer 0 are the inputs."""
        return len(self.layers) - 1

    @property
    def trained_layers(self) -> range:
        """The indices of the layers that have weights."""
        return range(1, len(self.layers))

    def activation(self, layer: int) -> str:
        """The activation of a layer from 1 on."""
        return self.output if layer == self.last else self.hidden

    def has_kink(self, layer: int) -> bool:
        """Whether the activation of a layer has a place without a derivative, at 0."""
        return self.activation(layer) in ACTIVATIONS and ACTIVATIONS[self.activation(layer)].has_kink

    @property
    def kinked_neurons(self) -> list[str]:
        """All neurons of layers with such a place."""
        return [z for layer in self.trained_layers if self.has_kink(layer) for z in self.neurons(layer)]

    def neurons(self, layer: int) -> list[str]:
        """`i1 i2`, `h1 h2` or `o1 o2`; with several hidden layers `h1_1`, the layer first."""
        numbers = range(1, self.layers[layer] + 1)
        if layer == 0:
            return [f"i{n}" for n in numbers]
        if layer == self.last:
            return [f"o{n}" for n in numbers]
        return [f"h{layer}_{n}" if self.last > 2 else f"h{n}" for n in numbers]

    def activations(self, layer: int) -> list[str]:
        """What a layer passes on: `i1` for an input, `a_h1` for a hidden neuron, `a_o1` for an output."""
        return [neuron if layer == 0 else f"a_{neuron}" for neuron in self.neurons(layer)]

    def layer_weights(self, layer: int) -> list[list[str]]:
        """The names of the weights into a layer from 1 on: a list a neuron, one name an incoming value."""
        before = sum(fan_in * size for fan_in, size in pairwise(self.layers[:layer]))
        fan_in = self.layers[layer - 1]
        return [[f"w{before + row * fan_in + n + 1}" for n in range(fan_in)] for row in range(self.layers[layer])]

    def layer_biases(self, layer: int) -> list[str]:
        """The names of the biases of a layer from 1 on, that of each neuron; empty without biases."""
        if self.biases == "none":
            return []
        if self.bias_a_layer:
            return [f"b{layer}"] * self.layers[layer]
        before = sum(self.layers[1:layer])
        return [f"b{before + n + 1}" for n in range(self.layers[layer])]

    @property
    def input_names(self) -> list[str]:
        return self.neurons(0)

    @property
    def target_names(self) -> list[str]:
        return [f"t{n + 1}" for n in range(self.layers[-1])]

    @property
    def weight_names(self) -> list[str]:
        return [name for layer in self.trained_layers for row in self.layer_weights(layer) for name in row]

    @property
    def bias_names(self) -> list[str]:
        return list(dict.fromkeys(name for layer in self.trained_layers for name in self.layer_biases(layer)))

    @property
    def trained_names(self) -> list[str]:
        """The weights, and the biases where they are trained: what an update changes."""
        return self.weight_names + (self.bias_names if self.biases == "trained" else [])

    @property
    def start_values(self) -> dict[str, float]:
        """Every value that training starts with, by name: inputs, targets, weights, biases.

        With several samples, inputs and targets change from row to row, and are none of these.
        """
        return {
            n: value for key, names in self._names.items() for n, value in zip(names, getattr(self, key), strict=True)
        }

    @property
    def _names(self) -> dict[str, list[str]]:
        """The names of the start values that each attribute holds."""
        return {key: names for key, names in self._all_names.items() if not (self.samples and key in _OF_A_SAMPLE)}

    @property
    def _all_names(self) -> dict[str, list[str]]:
        """The names of the values that each attribute holds."""
        return {
            "inputs": self.input_names,
            "targets": self.target_names,
            "weights": self.weight_names,
            "bias_values": self.bias_names,
        }

    @property
    def meanings(self) -> dict[str, str]:
        """What each start value is, in a few words, by name."""
        meanings = {name: f"input {n}" for n, name in enumerate(self.input_names, start=1)}
        meanings |= {
            t: f"target of output {n}, {a}"
            for n, (t, a) in enumerate(zip(self.target_names, self.activations(self.last), strict=True), start=1)
        }
        for layer in self.trained_layers:
            sources = self.activations(layer - 1)
            for neuron, row in zip(self.neurons(layer), self.layer_weights(layer), strict=True):
                meanings |= {w: f"weight from {source} to {neuron}" for w, source in zip(row, sources, strict=True)}
            if self.biases != "none":
                fixed = " (not trained)" if self.biases == "fixed" else ""
                meanings |= {
                    b: f"bias of {neuron}{fixed}"
                    for b, neuron in zip(self.layer_biases(layer), self.neurons(layer), strict=True)
                }
        return meanings

    def with_values(self, values: Mapping[str, float]) -> "Network":
        """The same network with some start values replaced.

        Raises:
            UnusableInput: a name that the network does not have, or a value that does not fit.
        """
        known = self.start_values
        for name in values:
            if name not in known:
                meant = name.lower().replace("_", "")
                spans = ", ".join(span(names) for names in self._names.values() if names)
                hint = f"did you mean {meant}?" if meant in known else f"it has {spans}."
                if self.samples and name in (*self.input_names, *self.target_names):
                    hint = "its inputs and targets are those of its samples."
                raise UnusableInput(f"This {self.shape} network has no {name or 'value without a name'}: {hint}")
        known |= values
        replaced: dict[str, Any] = {key: tuple(known[name] for name in names) for key, names in self._names.items()}
        return dataclasses.replace(self, **replaced)

    def with_samples(self, samples: Samples) -> "Network":
        """The same network, learning from other samples; a single one is its example.

        Raises:
            UnusableInput: they do not fit its layers.
        """
        self._check_samples(samples)
        kept = samples if samples.count > 1 else None
        return dataclasses.replace(self, inputs=samples.inputs[0], targets=samples.targets[0], samples=kept)

    def drawn(self, seed: int) -> "Network":
        """The same network with weights drawn anew, trained biases set to zero, and a drawn order drawn anew."""
        samples = self.samples
        return dataclasses.replace(
            self,
            samples=samples.with_drawn_order(seed) if samples and samples.order else samples,
            weights=draw_weights(self.layers, seed),
            bias_values=(0.0,) * len(self.bias_names) if self.biases == "trained" else self.bias_values,
        )


def outputs_of(loss: str) -> Sequence[str]:
    """The activations of the last layer that a loss goes with."""
    return LOSSES[loss].outputs or tuple(ACTIVATIONS)


def _alternatives(names: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _check_layers(layers: tuple[int, ...]) -> None:
    if len(layers) < 2 or any(size < 1 for size in layers):
        raise UnusableInput(
            f"layers = {list(layers)} is no network: give at least two layers of at least one neuron each."
        )
    weights = sum(fan_in * size for fan_in, size in pairwise(layers))
    if weights > MAX_WEIGHTS:
        raise UnusableInput(
            f"A {'-'.join(map(str, layers))} network has {weights:,} weights, and more than {MAX_WEIGHTS:,} are not "
            "trained one by one: use smaller layers."
        )


def parse_number(text: str) -> float:
    """A number as a person types it, in ASCII digits with a point.

    Raises:
        ValueError: it is something else, or not finite.
    """
    if not text.isascii() or "_" in text or not math.isfinite(number := float(text)):
        raise ValueError(text)
    return number


def draw_weights(layers: tuple[int, ...], seed: int) -> tuple[float, ...]:
    """Start weights, uniform within ±1/√(number of incoming values), rounded to four decimals.

    The same seed gives the same weights everywhere. The range is the one that torch.nn.Linear uses.

    Raises:
        UnusableInput: the layers are no network, or too large.
    """
    _check_layers(layers)
    generator = random.Random(seed)
    return tuple(
        round(generator.uniform(-1, 1) / math.sqrt(fan_in), 4)
        for fan_in, size in pairwise(layers)
        for _ in range(fan_in * size)
    )


def _count(number: int, key: str) -> str:
    noun = key.replace("_values", "").rstrip("s")
    return f"{number} {'bias' if noun == 'bia' else noun}{'' if number == 1 else 'es' if noun == 'bia' else 's'}"


def span(names: Sequence[str]) -> str:
    """Names that follow each other, in words: `w1 to w8`."""
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
