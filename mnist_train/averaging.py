"""The running average of the weights along the training, which generalises better than the last ones."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor, nn

# the average of the first steps forgets faster, so that the start weights do not linger
_FAST_STEPS = 10


def part_of_step(decay: float, step: int) -> float:
    """What the average takes in of the weights after a step, counted from 0.

    Args:
        decay: what the average keeps of itself in a step, once it has forgotten the start.
    """
    return 1 - min(decay, (1 + step) / (_FAST_STEPS + step))


class WeightAverage:
    """An exponential average of all weights and of the running means and variances of batch norm.

    Args:
        model: the network; its tensors must stay where they are in memory.
    """

    def __init__(self, model: nn.Module) -> None:
        self._names = [name for name, tensor in model.state_dict().items() if tensor.is_floating_point()]
        self._current = [tensor for tensor in model.state_dict().values() if tensor.is_floating_point()]
        self._average = [tensor.clone() for tensor in self._current]

    @torch.no_grad()
    def update(self, part: Tensor) -> None:
        """Take in a part of the weights after a step: a single number on their device, see `part_of_step`."""
        torch._foreach_lerp_(self._average, self._current, [part] * len(self._average))

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """Within the block the model has the averaged weights."""
        kept = [tensor.clone() for tensor in self._current]
        self._copy(self._average, self._current)
        try:
            yield
        finally:
            self._copy(kept, self._current)

    def settle(self) -> None:
        """Leave the model with the averaged weights."""
        self._copy(self._average, self._current)

    def tensors(self) -> dict[str, Tensor]:
        """The averages by the names that they have in the model."""
        return dict(zip(self._names, self._average, strict=True))

    def batch_norm_tensors(self) -> list[Tensor]:
        """The averages of the running means and variances."""
        return [tensor for name, tensor in self.tensors().items() if name.endswith((".running_mean", ".running_var"))]

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what `tensors` returned."""
        self._copy([tensors[name] for name in self._names], self._average)

    @staticmethod
    @torch.no_grad()
    def _copy(sources: list[Tensor], targets: list[Tensor]) -> None:
        for source, target in zip(sources, targets, strict=True):
            target.copy_(source)
