"""Training with several processes, which torchrun starts: each takes its part of every batch."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, distributed


@dataclass(frozen=True)
class Processes:
    """The processes that train together.

    Attributes:
        rank: the number of this one; process 0 prints and writes.
        count: how many there are.
    """

    rank: int = 0
    count: int = 1

    @property
    def writes(self) -> bool:
        """Whether this is the process that prints and writes."""
        return self.rank == 0

    def part(self, batch: Tensor) -> Tensor:
        """This process's part of a batch, along its last dimension."""
        return batch if self.count == 1 else batch.tensor_split(self.count, dim=-1)[self.rank]

    def add(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its sum over all processes, all in one message."""
        if self.count == 1:
            return
        targets = list(tensors)
        message = torch.cat([tensor.flatten() for tensor in targets])
        distributed.all_reduce(message)
        for tensor, total in zip(targets, message.split([tensor.numel() for tensor in targets]), strict=True):
            tensor.copy_(total.view_as(tensor))

    def average(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its mean over all processes."""
        targets = list(tensors)
        self.add(targets)
        if self.count > 1:
            for tensor in targets:
                tensor.div_(self.count)

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.count > 1:
            distributed.barrier()


@contextlib.contextmanager
def joined() -> Iterator[Processes]:
    """The processes that torchrun started, connected within the block; or this one alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield Processes()
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
