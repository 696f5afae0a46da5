"""A trained network, read from the file that a run of `mnist_train` leaves; without torch."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeGuard

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
from xlbackprop.cnn.networks import CLASSES, IMAGE, NETWORKS
from xlbackprop.cnn.tensors import read_tensors
from xlbackprop.errors import UnusableInput, reason

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
# beyond this no attribute of a layer makes sense
_MOST = 100_000
_LONGEST_NAME = 50
# what a card may tell, and up to which number
_TOLD = {"seed": 2**63 - 1, "epochs": 10_000, "accuracy": 100}
# the trainer takes images of one colour to have it
_LEAST_DEVIATION = 1e-4
# far beyond what any training ends with; a few layers of larger ones leave single precision
_LARGEST_WEIGHT = 1e9


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
    file = _file(path)
    tensors, card = read_tensors(file)
    if not {"network", "data"} <= card.keys():
        if {"settings", "epochs"} <= card.keys():
            raise UnusableInput(f"{file} is the checkpoint of a run that is not finished: resume it first.")
        raise UnusableInput(f"{file} is damaged: it does not say which network it holds, and of which images.")
    try:
        layers = _layers(card)
        mean, deviation, classes = _data(card["data"])
        _check_told(card)
    except UnusableInput as error:
        raise UnusableInput(f"{file} is damaged: {error}") from None
    return TrainedNetwork(layers, _by_layer(layers, tensors, card, file), mean, deviation, classes, card, file)


def _file(path: Path) -> Path:
    """The file of a network, given it or the folder of its run."""
    try:
        if not path.is_dir():
            return path
        if not (path / MODEL).exists() and (path / CHECKPOINT).exists():
            raise UnusableInput(f"The run in {path} is not finished: resume it first.")
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read: {reason(error)}.") from error
    return path / MODEL


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
    return tuple(_layer(entry, f"layer {number}") for number, entry in enumerate(listed, 1))


def _layer(entry: object, name: str) -> Layer:
    kind = entry.get("kind") if isinstance(entry, dict) else None
    if not isinstance(entry, dict) or not _is_name(kind):
        raise UnusableInput(f"{name} does not say of which kind it is.")
    if kind not in _KINDS:
        raise UnusableInput(f"{name} is of a kind that is not known, {kind}.")
    given = {key: value for key, value in entry.items() if key != "kind"}
    known = {field.name: field for field in fields(_KINDS[kind])}
    missing = [key for key, field in known.items() if field.default is MISSING and key not in given]
    if missing or not given.keys() <= known.keys():
        raise UnusableInput(f"{name}, of the kind {kind}, lacks an attribute or has one that is not known.")
    for key, value in given.items():
        if not _fits(key, value, known[key].type):
            raise UnusableInput(f"{name}, of the kind {kind}, cannot have this {key}.")
    layer = _KINDS[kind](**given)
    if isinstance(layer, Convolution) and layer.depthwise and layer.inputs != layer.outputs:
        raise UnusableInput(f"{name}, a depthwise convolution, has not as many outputs as inputs.")
    if isinstance(layer, Convolution) and layer.padding >= layer.kernel:
        raise UnusableInput(f"{name}, a convolution, sees nothing but padding at its edges.")
    return layer


def _fits(name: str, value: object, kind: object) -> bool:
    """Whether a value from a card can be an attribute of a layer, by its name and its type."""
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and (0 if name == "padding" else 1) <= value <= _MOST
    if name == "rate":
        return _is_number(value, 0, 1)
    # a start value; there may be none
    return (value is None and kind is not float) or _is_number(value, -_MOST, _MOST)


def _is_number(value: object, least: float, most: float) -> TypeGuard[float]:
    """Whether a value from a card is a number within limits; NaN is within none."""
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def _is_name(value: object) -> TypeGuard[str]:
    """Whether a value from a card is a text that can be shown in a line."""
    return isinstance(value, str) and value.isprintable() and 0 < len(value) <= _LONGEST_NAME


def _layers(card: Mapping[str, Any]) -> Layers:
    name = card["network"]
    if not _is_name(name):
        raise UnusableInput("the name of its network is no text that fits in a line.")
    if "layers" in card:
        layers = layers_from_json(card["layers"])
    elif name in NETWORKS:
        # an older run, whose network is known by its name
        layers = NETWORKS[name]
    else:
        raise UnusableInput(f"it lists no layers, and no network is called {name}.")
    if shapes(layers, IMAGE)[-1] != (CLASSES,):
        raise UnusableInput(f"its last layer does not give {CLASSES} numbers.")
    return layers


def _data(data: object) -> tuple[float, float, tuple[str, ...]]:
    """Mean and deviation of the images, and the names of the classes."""
    if not isinstance(data, dict):
        raise UnusableInput("it does not describe its images.")
    mean, deviation, classes = (data.get(key) for key in ("mean", "deviation", "classes"))
    if not _is_number(mean, 0, 1):
        raise UnusableInput("the mean of its images is no number from 0 to 1.")
    if not _is_number(deviation, _LEAST_DEVIATION, 1):
        raise UnusableInput(f"the deviation of its images is no number from {_LEAST_DEVIATION} to 1.")
    if not isinstance(classes, list) or len(classes) != CLASSES or not all(map(_is_name, classes)):
        raise UnusableInput(f"it does not name {CLASSES} classes.")
    return float(mean), float(deviation), tuple(classes)


def _check_told(card: Mapping[str, Any]) -> None:
    """Raises UnusableInput where what a card may tell about the run is nothing that can be shown."""
    for name, most in _TOLD.items():
        if name in card and not _is_number(card[name], 0, most):
            raise UnusableInput(f"its {name} is no number from 0 to {most}.")
    if "name" in card["data"] and not _is_name(card["data"]["name"]):
        raise UnusableInput("the name of its images is no text that fits in a line.")


def _by_layer(
    layers: Layers, tensors: Mapping[str, NDArray[Any]], card: Mapping[str, Any], file: Path
) -> tuple[dict[str, NDArray[np.float64]], ...]:
    expected = {f"{n}.{name}": shape for n, layer in enumerate(layers) for name, shape in tensor_shapes(layer).items()}
    found = {name: tensor for name, tensor in tensors.items() if not name.endswith(_COUNTED)}
    fits = found.keys() == expected.keys() and all(found[name].shape == shape for name, shape in expected.items())
    if not fits or any(tensor.dtype.kind != "f" for tensor in found.values()):
        raise UnusableInput(f"{file} does not hold the weights of {card['network']}.")
    # NaN is not below anything either
    if not all((np.abs(tensor) <= _LARGEST_WEIGHT).all() for tensor in found.values()):
        raise UnusableInput(
            f"{file} holds weights that are no numbers, or beyond {_LARGEST_WEIGHT:,.0f}: train it again with a "
            "smaller learning rate."
        )
    if any((tensor < 0).any() for name, tensor in found.items() if name.endswith("running_var")):
        raise UnusableInput(f"{file} is damaged: it holds variances below 0.")
    return tuple(
        {name: found[f"{n}.{name}"].astype(np.float64) for name in tensor_shapes(layer)}
        for n, layer in enumerate(layers)
    )
