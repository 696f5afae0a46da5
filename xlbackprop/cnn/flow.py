"""The numbers that flow back through a network, stage by stage, as NumPy computes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from xlbackprop.cnn import reference
from xlbackprop.cnn.cells import Stage
from xlbackprop.cnn.gradient_cells import needs_passed
from xlbackprop.cnn.layers import Layers, ReLU
from xlbackprop.cnn.reference import Array, Tensors
from xlbackprop.cnn.trained import TrainedNetwork


@dataclass(frozen=True)
class StageFlow:
    """What flows back through layers that share cells.

    Attributes:
        of_input: the gradient of what they are given, (channels, height, width).
        of_weights: those of the trained tensors of each layer.
        passed: what a ReLU lets pass of the gradient of their output, where that needs cells.
    """

    of_input: Array
    of_weights: Sequence[Tensors]
    passed: Array | None


@dataclass(frozen=True)
class Flow:
    """What flows back through a network, stage by stage in the order of the layers."""

    stages: Sequence[StageFlow]


def flow_back(
    network: TrainedNetwork, stages: Sequence[Stage], image: Array, outputs: Sequence[Array], seed: Array
) -> Flow:
    """What flows back through a network.

    Args:
        network: its layers and their weights.
        stages: its layers in groups that share cells.
        image: what it is given, normalised.
        outputs: of each layer.
        seed: the gradient of the logits.
    """
    count = stages[-1].numbers[-1] + 1
    seed = seed.reshape(outputs[count - 1].shape)
    of_inputs, of_tensors = reference.backward(network.layers[:count], network.tensors[:count], image, seed)
    maps = [image, *(outputs[stage.numbers[-1]].reshape(stage.shape) for stage in stages)]
    of_maps = [of_inputs[stage.numbers[0]] for stage in stages]
    of_maps = [one.reshape(given.shape) for one, given in zip(of_maps, maps, strict=False)]
    found = []
    for n, (stage, (given, output)) in enumerate(zip(stages, pairwise(maps), strict=True)):
        behind = of_maps[n + 1] if n + 1 < len(stages) else seed.reshape(stage.shape)
        passed = passed_on(stage.layers, given, output, behind) if needs_passed(stage.layers) else None
        found.append(StageFlow(of_maps[n], [of_tensors[number] for number in stage.numbers], passed))
    return Flow(found)


def passed_on(layers: Layers, given: Array, output: Array, gradient: Array) -> Array:
    """What the ReLU of a stage lets pass of the gradient of its output; what is above 0 behind it is so before it."""
    lit = given if isinstance(layers[0], ReLU) else output
    return reference.KINDS[ReLU].backward(ReLU(), lit, {}, gradient)[0]
