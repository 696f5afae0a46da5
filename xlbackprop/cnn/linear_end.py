"""Whether all layers behind the last map are linear, so that each of its places adds a part of its own to a logit.

The last map is what the last layer that bends, a ReLU or a max pool, leaves. Behind it there is one layer that gathers
its places - an average, or weights of their own for each place - and others that mix channels at each place or the
features that were gathered; or a linear layer that sees all maps at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from xlbackprop.cnn.cells import Stage
from xlbackprop.cnn.layers import (
    AveragePool,
    BatchNorm,
    Convolution,
    GlobalAveragePool,
    Layer,
    Linear,
    MaxPool,
    ReLU,
    Shape,
    spoken,
)


@dataclass(frozen=True)
class LinearEnd:
    """The stages from the last map on, by their numbers.

    Attributes:
        last_map: the stage that leaves it.
        gathering: the stage that gathers its places; None if a linear layer sees all maps at once.
        mixing: the others, the last of them a linear layer or a convolution.
    """

    last_map: int
    gathering: int | None
    mixing: tuple[int, ...]


def linear_end(listed: Sequence[Stage]) -> LinearEnd | str:
    """The linear end of a network, or the sentence that says why there is none."""
    last_map = max((n for n, stage in enumerate(listed) if any(map(_bends, stage.layers))), default=-1)
    if last_map < 0:
        return "there is no ReLU and no max pool, so nothing is a map but the image itself."
    shape = listed[last_map].shape
    if shape[1:] == (1, 1):
        return (
            "behind the last map stands another ReLU, so what a place adds to a logit depends on all other places too."
        )
    gathering: int | None = None
    mixing: list[int] = []
    for n in range(last_map + 1, len(listed)):
        layer = listed[n].layers[0]
        if gathering is None and _gathers(layer, shape) and not (mixing and isinstance(layer, Convolution)):
            gathering = n
        elif _mixes(layer, shape):
            mixing.append(n)
        elif isinstance(layer, Linear) and n == last_map + 1 == len(listed) - 1:
            return LinearEnd(last_map, None, (n,))
        else:
            return f"behind the last map {spoken(layer)} mixes its places once more."
        shape = listed[n].shape
    if gathering is None or not mixing or isinstance(listed[mixing[-1]].layers[0], BatchNorm):
        return "its last layers are none that weigh the places of a map for each class."
    return LinearEnd(last_map, gathering, tuple(mixing))


def _bends(layer: Layer) -> bool:
    return isinstance(layer, ReLU | MaxPool)


def _gathers(layer: Layer, shape: Shape) -> bool:
    """Whether a layer makes one number of each map, which has more than one cell."""
    match layer:
        case AveragePool(size=size):
            return shape[1:] == (size, size)
        case Convolution(kernel=kernel, depthwise=True, padding=0):
            return shape[1:] == (kernel, kernel)
    return isinstance(layer, GlobalAveragePool)


def _mixes(layer: Layer, shape: Shape) -> bool:
    """Whether a layer goes place by place."""
    match layer:
        case Convolution(kernel=1, depthwise=False, padding=0) | BatchNorm():
            return True
    return isinstance(layer, Linear) and shape[1:] == (1, 1)
