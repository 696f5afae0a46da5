"""A trained network, read from the file that a run of `mnist_train` leaves; without torch."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xlbackprop.cnn.layers import (
    AveragePool,
    BatchNorm,
    Convolution,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    Layers,
    Linear,
    LogSoftmax,
    MaxPool,
    ReLU,
    shapes,
    tensor_shapes,
)
from xlbackprop.cnn.networks import CLASSES, IMAGE, network_layers
from xlbackprop.cnn.tensors import read_tensors
from xlbackprop.errors import UnusableInput

#: The files of a run, in its folder.
MODEL, CHECKPOINT = "model.safetensors", "checkpoint.safetensors"

_KINDS: dict[str, type[Layer]] = {
    kind.__name__: kind
    for kind in (
        *(Convolution, BatchNorm, ReLU, MaxPool, AveragePool),
        *(GlobalAveragePool, Dropout, Flatten, Linear, LogSoftmax),
    )
}
# torch counts the batches that a batch norm has seen; nothing depends on it
_COUNTED = "num_batches_tracked"


@dataclass(frozen=True)
class TrainedNetwork:
    """A network as a run left it, and what is known about it.

    Attributes:
        layers: in their order.
        tensors: of each layer, by torch's names, in double precision.
        mean, deviation: of the images that it was trained on, as parts of 255.
        classes: the names of its outputs.
        card: as in model.json.
        file: where it was read from.
    """

    layers: Layers
    tensors: tuple[Mapping[str, NDArray[np.float64]], ...]
    mean: float
    deviation: float
    classes: tuple[str, ...]
    card: Mapping[str, Any]
    file: Path

    @property
    def name(self) -> str:
        """The name of its design."""
        return str(self.card["network"])


def read_network(path: Path) -> TrainedNetwork:
    """Read a trained network.

    Args:
        path: model.safetensors, or the folder of a run with that file.

    Raises:
        UnusableInput: the file is missing, damaged or of another kind, or the weights do not fit to the layers.
    """
    file = path / MODEL if path.is_dir() else path
    if path.is_dir() and not file.exists() and (path / CHECKPOINT).exists():
        raise UnusableInput(f"The run in {path} is not finished: resume it first.")
    tensors, card = read_tensors(file)
    if not {"network", "data"} <= card.keys():
        raise UnusableInput(f"{file} is the checkpoint of a run that is not finished: resume it first.")
    layers = _layers(card, file)
    mean, deviation, classes = _data(card["data"], file)
    return TrainedNetwork(layers, _by_layer(layers, tensors, card, file), mean, deviation, classes, card, file)


def layers_as_json(layers: Layers) -> list[dict[str, Any]]:
    """Layers as a card has them: kind and attributes."""
    return [
        {"kind": type(layer).__name__} | {field.name: getattr(layer, field.name) for field in fields(layer)}
        for layer in layers
    ]


def layers_from_json(listed: object) -> Layers:
    """Layers from a card.

    Raises:
        UnusableInput: it lists something else.
    """
    if not isinstance(listed, list) or not listed:
        raise UnusableInput("its layers are no list.")
    found = []
    for entry in listed:
        kind = _KINDS.get(str(entry.get("kind"))) if isinstance(entry, dict) else None
        if kind is None:
            raise UnusableInput(f"a layer of the kind {_shortened(entry)} is not known.")
        given = {key: value for key, value in entry.items() if key != "kind"}
        types = {field.name: field.type for field in fields(kind)}
        if not given.keys() <= types.keys() or not all(_fits(given[name], types[name]) for name in given):
            raise UnusableInput(f"the layer {_shortened(entry)} cannot be.")
        try:
            found.append(kind(**given))
        except TypeError:
            raise UnusableInput(f"the layer {_shortened(entry)} cannot be.") from None
    return tuple(found)


def _fits(value: object, kind: object) -> bool:
    """Whether a value from a card can be an attribute of a type."""
    if kind is bool:
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind is int:
        return isinstance(value, int) and 0 <= value < 100_000
    return (value is None and kind is not float) or (isinstance(value, int | float) and isfinite(value))


def _shortened(entry: object) -> str:
    text = str(entry.get("kind") if isinstance(entry, dict) else entry)
    return text if len(text) < 40 else text[:40] + "..."


def _layers(card: Mapping[str, Any], file: Path) -> Layers:
    name = card["network"]
    if not isinstance(name, str):
        raise UnusableInput(f"{file} is damaged: the name of its network is no text.")
    if "layers" not in card:
        # an older run, whose network is known by its name
        return network_layers(name)
    try:
        layers = layers_from_json(card["layers"])
        if shapes(layers, IMAGE)[-1] != (CLASSES,):
            raise UnusableInput(f"its last layer does not give {CLASSES} numbers.")
    except UnusableInput as error:
        raise UnusableInput(f"{file} is damaged: {error}") from None
    return layers


def _data(data: object, file: Path) -> tuple[float, float, tuple[str, ...]]:
    """Mean and deviation of the images, and the names of the classes."""
    if not isinstance(data, dict):
        raise UnusableInput(f"{file} is damaged: it does not describe its images.")
    numbers = []
    for key in ("mean", "deviation"):
        value = data.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise UnusableInput(f"{file} is damaged: the {key} of its images is no number.")
        numbers.append(float(value))
    if numbers[1] <= 0:
        raise UnusableInput(f"{file} is damaged: the deviation of its images is not above 0.")
    classes = data.get("classes")
    if not isinstance(classes, list) or len(classes) != CLASSES or not all(isinstance(name, str) for name in classes):
        raise UnusableInput(f"{file} is damaged: it does not name {CLASSES} classes.")
    return numbers[0], numbers[1], tuple(classes)


def _by_layer(
    layers: Layers, tensors: Mapping[str, NDArray[Any]], card: Mapping[str, Any], file: Path
) -> tuple[dict[str, NDArray[np.float64]], ...]:
    expected = {f"{n}.{name}": shape for n, layer in enumerate(layers) for name, shape in tensor_shapes(layer).items()}
    found = {name: tensor for name, tensor in tensors.items() if not name.endswith(_COUNTED)}
    fits = found.keys() == expected.keys() and all(found[name].shape == shape for name, shape in expected.items())
    if not fits or any(tensor.dtype.kind != "f" for tensor in found.values()):
        raise UnusableInput(f"{file} does not hold the weights of {card['network']}.")
    if not all(np.isfinite(tensor).all() for tensor in found.values()):
        raise UnusableInput(f"{file} holds weights that are no numbers: train it again with a smaller learning rate.")
    return tuple(
        {name: found[f"{n}.{name}"].astype(np.float64) for name in tensor_shapes(layer)}
        for n, layer in enumerate(layers)
    )
