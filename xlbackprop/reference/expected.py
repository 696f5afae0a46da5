"""What each number of a training step should be, given the others as they stand.

Unlike a run from the start values, this finds the one number that is wrong, and not all those that
follow from it. What overflows becomes infinite, or no number at all, without a warning.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xlbackprop.backprop.network import Network
from xlbackprop.backprop.optimizers import Optimizer
from xlbackprop.backprop.samples import Samples
from xlbackprop.reference.functions import (
    ACTIVATIONS,
    LOSSES,
    Array,
    SoftmaxSums,
    activate,
    flow_back,
    outer,
    weighted_sum,
)
from xlbackprop.reference.optimizers import State, kept, moved, scheduled
from xlbackprop.reference.samples import answered, reduced

#: An answer that is so near to the border of right and wrong may fall on either side by rounding.
_TIE = 1e-12


@dataclass(frozen=True)
class Expected:
    """What a number should be, given the numbers that it follows from.

    Attributes:
        value: the expected value.
        scale: the sum of the magnitudes that were added up on the way. Rounding is a matter of the
            scale, not of the value: 0.3 − 0.3 may be 1e-17, and is then right all the same.
    """

    value: Array
    scale: Array

    @classmethod
    def exactly(cls, values: Array) -> "Expected":
        """What should stand there as it is given, or as it stands elsewhere."""
        return cls(values, np.abs(values))


@np.errstate(all="ignore")
def expected_forward(network: Network, cells: Mapping[str, Array]) -> dict[str, Expected]:
    """What each quantity of the forward pass and each error should be, given the others as they stand.

    Args:
        network: gives the layers and functions.
        cells: inputs, targets, weights, biases and quantities, by name; arrays of one shape, one
            entry a training step. A quantity that is not among them counts as what it should be.
    """
    given = _Given(cells, {})
    for layer in range(1, network.last + 1):
        _expect_forward(network, layer, given)
    target, z = given.values(network.target_names), given.values(network.neurons(network.last))
    a = given.values(network.activations(network.last))
    error_names = [f"E{n + 1}" for n in range(network.layers[-1])]
    sums = SoftmaxSums()
    if network.output == "softmax":
        sums = SoftmaxSums(given.values(["o_max"]), given.values(["e_sum"]))
    given.expect(error_names, *LOSSES[network.loss].error(target, z, a, sums))
    given.expected["E_total"] = Expected(given.values(error_names).sum(axis=-1), given.scales(error_names).sum(axis=-1))
    if network.samples and network.samples.have_classes:
        given.expected["right"] = _expected_answer(network.samples, a, target)
    return given.expected


def _expected_answer(samples: Samples, a: Array, target: Array) -> Expected:
    """Whether an answer is right: 1 or 0, and either where rounding decides."""
    right, ahead = answered(samples, a, target)
    near = np.abs(ahead) < _TIE
    # of a number that is none, nothing follows
    return Expected(np.where(np.isnan(ahead), np.nan, right), np.where(near & (ahead != 0), np.inf, 1.0))


@np.errstate(all="ignore")
def expected_gathered(network: Network, passes: Mapping[str, Array]) -> dict[str, Expected]:
    """What the numbers of steps over several samples should be, given those of their passes.

    Args:
        network: with samples.
        passes: the quantities of each pass by name, of shape (steps, samples of a step).
    """
    samples = network.samples
    if samples is None:
        return {}
    found = {
        name: Expected(reduced(samples, passes[name]), reduced(samples, np.abs(passes[name])))
        for name in ("E_total", *(f"dE_d{trained}" for trained in network.trained_names))
    }
    if samples.have_classes:
        found["accuracy"] = Expected(passes["right"].mean(axis=1), np.ones(len(passes["right"])))
    if samples.followed:
        for a in network.activations(network.last):
            for n in range(samples.count):
                found[f"{a}_of_{n + 1}"] = Expected.exactly(passes[a][:, n])
    return found


@np.errstate(all="ignore")
def expected_step(network: Network, cells: Mapping[str, Array]) -> dict[str, Expected]:
    """What each quantity of a training step should be, given the others; the arguments of `expected_forward`."""
    given = _Given(cells, expected_forward(network, cells))
    for layer in range(network.last, 0, -1):
        _expect_backward(network, layer, given)
    return given.expected


@dataclass(frozen=True)
class _Given:
    """The numbers that stand in cells and, for those that stand nowhere, what they should be."""

    cells: Mapping[str, Array]
    expected: dict[str, Expected]

    def values(self, names: Sequence[str]) -> Array:
        return np.stack(
            [self.cells[name] if name in self.cells else self.expected[name].value for name in names], axis=-1
        )

    def scales(self, names: Sequence[str]) -> Array:
        return np.stack(
            [np.abs(self.cells[name]) if name in self.cells else self.expected[name].scale for name in names], axis=-1
        )

    def expect(self, names: Sequence[str], value: Array, scale: Array) -> None:
        for name, v, s in zip(names, np.moveaxis(value, -1, 0), np.moveaxis(scale, -1, 0), strict=True):
            self.expected[name] = Expected(v, s)


def _matrix(network: Network, layer: int, given: _Given) -> Array:
    flat = given.values([name for row in network.layer_weights(layer) for name in row])
    return flat.reshape(*flat.shape[:-1], network.layers[layer], network.layers[layer - 1])


def _expect_forward(network: Network, layer: int, given: _Given) -> None:
    neurons, activations = network.neurons(layer), network.activations(layer)
    weights, incoming = _matrix(network, layer, given), network.activations(layer - 1)
    bias = given.values(network.layer_biases(layer)) if network.biases != "none" else np.zeros_like(weights[..., 0])
    given.expect(
        neurons,
        weighted_sum(weights, given.values(incoming), bias),
        weighted_sum(np.abs(weights), given.scales(incoming), np.abs(bias)),
    )
    z = given.values(neurons)
    if network.activation(layer) != "softmax":
        a = activate(network.activation(layer), z)
        given.expect(activations, a, np.abs(a) * (1 + given.scales(neurons)))
        return
    given.expect(["o_max"], z.max(axis=-1, keepdims=True), np.abs(z).max(axis=-1, keepdims=True))
    top, powers = given.values(["o_max"]), [f"e_{o}" for o in neurons]
    e = np.exp(z - top)
    given.expect(powers, e, e * (1 + np.abs(z) + np.abs(top)))
    shares = given.values(powers)
    given.expect(["e_sum"], shares.sum(axis=-1, keepdims=True), np.abs(shares).sum(axis=-1, keepdims=True))
    total = given.values(["e_sum"])
    given.expect(activations, shares / total, np.abs(shares / total))


def _expect_backward(network: Network, layer: int, given: _Given) -> None:
    neurons, last = network.neurons(layer), network.last
    z, a = given.values(neurons), given.values(network.activations(layer))
    deltas = [f"delta_{n}" for n in neurons]
    target = given.values(network.target_names)
    loss = LOSSES[network.loss]
    if layer == last and loss.delta:
        given.expect(deltas, *loss.delta(a, target))
    else:
        flows, slopes = [f"dE_da_{n}" for n in neurons], [f"da_{n}_d{n}" for n in neurons]
        if layer == last and loss.derivative:
            dE_da, scale = loss.derivative(a, target)
        else:
            weights, later = _matrix(network, layer + 1, given), [f"delta_{n}" for n in network.neurons(layer + 1)]
            dE_da = flow_back(weights, given.values(later))
            scale = flow_back(np.abs(weights), given.scales(later))
        given.expect(flows, dE_da, scale)
        activation = ACTIVATIONS[network.activation(layer)]
        given.expect(slopes, activation.slope(z, a), activation.slope_scale(a))
        given.expect(deltas, given.values(flows) * given.values(slopes), given.scales(flows) * given.scales(slopes))
    incoming = network.activations(layer - 1)
    gradients = [f"dE_d{w}" for row in network.layer_weights(layer) for w in row]
    value = outer(given.values(deltas), given.values(incoming))
    scale = outer(given.scales(deltas), given.scales(incoming))
    given.expect(gradients, *(array.reshape(*array.shape[:-2], -1) for array in (value, scale)))
    if network.biases == "trained":
        value, scale = given.values(deltas), given.scales(deltas)
        if network.bias_a_layer:
            value, scale = value.sum(axis=-1, keepdims=True), scale.sum(axis=-1, keepdims=True)
        given.expect([f"dE_d{b}" for b in dict.fromkeys(network.layer_biases(layer))], value, scale)


@np.errstate(all="ignore")
def expected_update(value: Array, gradient: Array, eta: float | Array) -> Expected:
    """What a weight or bias should be after an update of gradient descent."""
    return Expected(value - eta * gradient, np.abs(value) + np.abs(eta * gradient))


@np.errstate(all="ignore")
def _expected_move(optimizer: Optimizer, value: Array, gradient: Array, state: State, eta: float | Array) -> Expected:
    """What a weight or bias should be after an update by an optimizer.

    Args:
        optimizer: with its hyperparameters.
        value, gradient: of the weight.
        state: what the optimizer keeps of it in that step.
        eta: the learning rate of the step.
    """
    after = moved(optimizer, value, gradient, state, np.asarray(eta))
    return Expected(after, np.abs(value) + np.abs(after - value))


@np.errstate(all="ignore")
def _expected_state(
    optimizer: Optimizer, before: State, value: Array, gradient: Array, state: State, k: Array
) -> dict[str, Expected]:
    """What an optimizer should keep of a weight, by the name of the state.

    Args:
        optimizer: with its hyperparameters.
        before: what it kept in the step before; 0 before the first.
        value, gradient: of the weight.
        state: what it keeps as that stands, from which the corrected averages follow.
        k: the number of the update that follows, from 1.
    """
    exact = kept(optimizer, before, value, gradient, k)
    sizes = kept(optimizer, {name: np.abs(array) for name, array in before.items()}, np.abs(value), np.abs(gradient), k)
    found = {name: Expected(array, np.abs(sizes[name])) for name, array in exact.items()}
    for name, share in (("m", "beta_1"), ("v", "beta_2")):
        if f"{name}_hat" in found:
            found[f"{name}_hat"] = Expected.exactly(state[name] / (1 - optimizer.values[share] ** k))
    return found


@np.errstate(all="ignore")
def _expected_rate(optimizer: Optimizer, eta: Array, step: Array, steps: int) -> Expected:
    """What the learning rate of each step should be."""
    rate = scheduled(optimizer, eta, step, steps)
    # a cosine near 0 is the difference of two numbers near 1
    return Expected(rate, np.abs(eta) * np.ones_like(rate))


@np.errstate(all="ignore")
def expected_by_optimizer(
    network: Network, cells: Mapping[str, Array], before: Mapping[str, Array], step: Array, steps: int
) -> dict[str, Expected]:
    """What the optimizer of a network should keep in each step, as `m_w1`, and by its name each weight after it.

    With a schedule, the learning rate of the step is among them as `eta_t`.

    Args:
        network: with its optimizer.
        cells: weights and biases, their gradients, what the optimizer keeps, and `eta`, as they stand; with a schedule
            `eta_t`, too. Arrays of one shape, one entry a step.
        before: what it kept in the step before; 0 before the first.
        step: which step each is, from 0.
        steps: how many updates the training has.
    """
    optimizer, eta = network.optimizer, cells["eta"]
    found: dict[str, Expected] = {}
    if optimizer.is_scheduled:
        found["eta_t"] = _expected_rate(optimizer, eta, step, steps)
        eta = cells["eta_t"]
    for w in network.trained_names:
        state, last = (
            {kept.name: arrays[f"{kept.name}_{w}"] for kept in optimizer.kind.states} for arrays in (cells, before)
        )
        gradient = cells[f"dE_d{w}"]
        should = _expected_state(optimizer, last, cells[w], gradient, state, step + 1)
        found |= {f"{name}_{w}": one for name, one in should.items()}
        found[w] = _expected_move(optimizer, cells[w], gradient, state, eta)
    return found


def lowest_inputs(network: Network) -> dict[str, float]:
    """Below which input of its neuron Excel's EXP overflows in the usual formula of each output."""
    return {
        a: ACTIVATIONS[network.activation(layer)].lowest
        for layer in network.trained_layers
        if network.activation(layer) in ACTIVATIONS
        for a in network.activations(layer)
    }
