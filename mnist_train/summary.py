"""A network layer by layer: output shape, parameters, and how much of the image each output sees."""

from dataclasses import dataclass

import torch
from torch import nn

from mnist_train.data import SIZE
from mnist_train.models import parameter_count

_HEADERS = ("layer", "output shape", "parameters", "receptive field", "jump")


@dataclass(frozen=True)
class LayerRow:
    """A layer of a network.

    Attributes:
        name: kind and extent of the layer.
        shape: of its output for one image.
        parameters: how many numbers of it are trained.
        field: receptive field: the side, in pixels of the image, of the square that one output depends on. It
            may be larger than the image, where padding is seen, too.
        jump: the distance, in pixels of the image, between the squares of neighbouring outputs; None where the
            output has no neighbours.
    """

    name: str
    shape: tuple[int, ...]
    parameters: int
    field: int
    jump: int | None


def layer_rows(model: nn.Sequential, size: int = SIZE) -> list[LayerRow]:
    """The layers of a network in their order.

    The recurrence, for a layer of kernel k and stride s on an input of field r and jump j, is
    r + (k - 1) j and j s (Araujo, Norris, Sim: Computing receptive fields of convolutional neural networks, 2019).
    """
    rows = []
    images = torch.zeros(1, 1, size, size)
    field, jump = 1, 1
    extent = size
    training = model.training
    model.eval()
    with torch.no_grad():
        for layer in model:
            before = extent
            images = layer(images)
            kernel, stride = _window(layer, before)
            field, jump = field + (kernel - 1) * jump, jump * stride
            # a flattened map keeps its extent until a linear layer has looked at all of it
            extent = images.shape[-1] if images.ndim == 4 else before if isinstance(layer, nn.Flatten) else 1
            row_jump = jump if images.ndim == 4 and extent > 1 else None
            rows.append(LayerRow(_name(layer), tuple(images.shape[1:]), parameter_count(layer), field, row_jump))
    model.train(training)
    return rows


def _window(layer: nn.Module, extent: int) -> tuple[int, int]:
    """Kernel and stride of a layer, along one axis, on a map of an extent."""
    if isinstance(layer, nn.Conv2d):
        return layer.kernel_size[0], layer.stride[0]
    if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d):
        return int(layer.kernel_size), int(layer.stride)
    if isinstance(layer, nn.AdaptiveAvgPool2d | nn.Linear):
        return extent, 1
    return 1, 1


def _name(layer: nn.Module) -> str:
    """The layer as the summary calls it, such as `conv 3x3, padding 1`."""
    match layer:
        case nn.Conv2d():
            depthwise = "depthwise " if layer.groups > 1 else ""
            padding = f", padding {layer.padding[0]}" if layer.padding[0] else ""
            return f"{depthwise}conv {layer.kernel_size[0]}x{layer.kernel_size[1]}{padding}"
        case nn.MaxPool2d():
            return f"max pool {layer.kernel_size}x{layer.kernel_size}"
        case nn.AvgPool2d():
            return f"average pool {layer.kernel_size}x{layer.kernel_size}"
        case nn.AdaptiveAvgPool2d():
            return "global average pool"
        case nn.Dropout():
            return f"dropout {layer.p:g}"
    return {nn.BatchNorm2d: "batch norm", nn.ReLU: "ReLU", nn.Flatten: "flatten", nn.Linear: "linear"}[type(layer)]


def summary(model: nn.Sequential) -> str:
    """The table of a network's layers, with the total of its parameters below."""
    rows = [
        (
            row.name,
            " x ".join(map(str, row.shape)),
            f"{row.parameters:,}" if row.parameters else "",
            f"{row.field} x {row.field}",
            str(row.jump or ""),
        )
        for row in layer_rows(model)
    ]
    widths = [max(len(cell) for cell in column) for column in zip(_HEADERS, *rows, strict=True)]

    def line(cells: tuple[str, ...]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return "  ".join([f"{first[0]:{first[1]}}", *(f"{cell:>{width}}" for cell, width in others)]).rstrip()

    ruler = "-" * (sum(widths) + 2 * (len(widths) - 1))
    total = f"{parameter_count(model):,} parameters, all of them trained"
    return "\n".join([line(_HEADERS), ruler, *map(line, rows), ruler, total])
