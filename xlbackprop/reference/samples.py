"""What samples ask of a step: whether an answer is right, and how the numbers of several become one."""

import numpy as np
from numpy.typing import NDArray

from xlbackprop.backprop.network import Network
from xlbackprop.backprop.samples import Samples
from xlbackprop.reference.functions import Array


def samples_of(network: Network) -> Samples:
    """What a network learns from.

    Raises:
        ValueError: it learns from a single sample.
    """
    if network.samples is None:
        raise ValueError("the network learns from a single sample")
    return network.samples


def answered(samples: Samples, a: Array, target: Array) -> tuple[NDArray[np.bool_], Array]:
    """Whether answers are right, and how far ahead of being wrong.

    Args:
        samples: those that have classes.
        a, target: the outputs and their targets, (..., outputs).
    """
    if samples.half_way is not None:
        distance = np.abs(a - target)[..., 0]
        return distance < samples.half_way, samples.half_way - distance
    # an output that is infinite is not counted with the target 0
    answer, largest = (target * np.where(target == 0, 0, a)).sum(axis=-1), a.max(axis=-1)
    return answer >= largest, answer - largest


def reduced(samples: Samples, values: Array) -> Array:
    """The errors or gradients of the samples of a step, which lie along the second axis, as one."""
    return values.mean(axis=1) if samples.reduction == "mean" else values.sum(axis=1)
