"""The numbers of a step by the names of the network."""

from collections.abc import Sequence

import numpy as np

from xlbackprop.backprop.network import Network
from xlbackprop.reference.functions import Array, softmax_sums
from xlbackprop.reference.passes import BatchStep, TrainingStep, start_parameters, training_step
from xlbackprop.reference.samples import samples_of


def quantity_names(network: Network) -> list[str]:
    """The names of what `named` gives for a pass, without the weights and biases."""
    step = training_step(network, start_parameters(network))
    return [name for name in named(network, step) if name not in network.start_values]


def named(network: Network, step: TrainingStep | BatchStep) -> dict[str, Array]:
    """The numbers of a step by the names of the network; each array has the leading axes only."""
    if isinstance(step, BatchStep):
        return _named_batch(network, step)
    found: dict[str, Array] = {"E_total": step.total}
    if step.right is not None:
        found["right"] = step.right

    def put(names: Sequence[str], values: Array) -> None:
        found.update(zip(names, np.moveaxis(values, -1, 0), strict=True))

    put([f"E{n + 1}" for n in range(network.layers[-1])], step.error)
    for n, layer in enumerate(network.trained_layers):
        neurons = network.neurons(layer)
        put(neurons, step.z[n])
        put([f"a_{z}" for z in neurons], step.a[n])
        put([f"delta_{z}" for z in neurons], step.delta[n])
        if (dE_da := step.dE_da[n]) is not None and (da_dz := step.da_dz[n]) is not None:
            put([f"dE_da_{z}" for z in neurons], dE_da)
            put([f"da_{z}_d{z}" for z in neurons], da_dz)
    found |= _named_parameters(network, step)
    if network.output == "softmax":
        sums = softmax_sums(step.z[-1])
        found |= {"o_max": sums.top[..., 0], "e_sum": sums.powers[..., 0]}
        put([f"e_{o}" for o in network.neurons(network.last)], np.exp(step.z[-1] - sums.top))
    return found


def _named_parameters(network: Network, step: TrainingStep | BatchStep) -> dict[str, Array]:
    """The weights, biases and gradients of a step by name."""
    found: dict[str, Array] = {}
    for n, layer in enumerate(network.trained_layers):
        weights = [name for row in network.layer_weights(layer) for name in row]
        for names, values in ((weights, step.parameters.weights[n]), ([f"dE_d{w}" for w in weights], step.dE_dW[n])):
            flat = values.reshape(*values.shape[:-2], len(weights))
            found.update(zip(names, np.moveaxis(flat, -1, 0), strict=True))
        biases = network.layer_biases(layer)
        if network.biases != "none":
            found.update(zip(biases, np.moveaxis(step.parameters.biases[n], -1, 0), strict=True))
        if network.biases == "trained":
            found.update(zip([f"dE_d{b}" for b in biases], np.moveaxis(step.dE_db[n], -1, 0), strict=True))
        if step.memory:
            for key, values in step.memory.weights[n].items():
                flat = values.reshape(*values.shape[:-2], len(weights))
                found.update(zip([f"{key}_{w}" for w in weights], np.moveaxis(flat, -1, 0), strict=True))
            for key, values in step.memory.biases[n].items() if network.biases == "trained" else ():
                found.update(zip([f"{key}_{b}" for b in biases], np.moveaxis(values, -1, 0), strict=True))
    return found


def _named_batch(network: Network, step: BatchStep) -> dict[str, Array]:
    """The numbers of a step over several samples by name."""
    found: dict[str, Array] = {"E_total": step.total}
    if step.accuracy is not None:
        found["accuracy"] = step.accuracy
    samples = samples_of(network)
    if samples.followed:
        outputs = network.activations(network.last)
        for n in range(samples.count):
            for k, a in enumerate(outputs):
                found[f"{a}_of_{n + 1}"] = step.passes.a[-1][:, n, k]
    return found | _named_parameters(network, step)
