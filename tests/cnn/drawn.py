"""Networks for the tests: of any design, with drawn weights."""

from pathlib import Path

import numpy as np

from xlbackprop.cnn.layers import Layers, tensor_shapes
from xlbackprop.cnn.networks import NETWORKS
from xlbackprop.cnn.trained import TrainedNetwork


def drawn_tensors(layers: Layers, seed: int = 0):
    """Weights that are neither 0 nor 1 anywhere, with negative gammas among them."""
    generator = np.random.default_rng(seed)
    found = []
    for layer in layers:
        tensors = {name: generator.normal(0, 0.4, shape) for name, shape in tensor_shapes(layer).items()}
        if "running_var" in tensors:
            tensors["running_var"] = np.abs(tensors["running_var"]) + 0.1
        found.append(tensors)
    return tuple(found)


def drawn_network(name: str, classes: tuple[str, ...] = tuple("0123456789"), data: str = "mnist") -> TrainedNetwork:
    """A network that nobody has trained."""
    layers = NETWORKS[name]
    card = {"network": name, "data": {"name": data}}
    return TrainedNetwork(layers, drawn_tensors(layers), 0.1307, 0.3081, classes, card, Path("model.safetensors"))
