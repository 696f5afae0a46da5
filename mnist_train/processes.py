"""Training with several processes, which torchrun starts: each takes its part of every batch."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from mnist_train.launch import launch
from xlbackprop.errors import UnusableInput


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
        """Replace each tensor by its sum over all processes, all in one message.

        Raises:
            UnusableInput: another process is gone.
        """
        targets = list(tensors)
        # a network without batch norm has nothing but weights
        if self.count == 1 or not targets:
            return
        message = torch.cat([tensor.flatten() for tensor in targets])
        with _connection():
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
        """Go on when all processes are here.

        Raises:
            UnusableInput: another process is gone.
        """
        if self.count > 1:
            with _connection():
                distributed.barrier()


@contextlib.contextmanager
def _connection() -> Iterator[None]:
    """Turn what a broken connection raises into one sentence."""
    try:
        yield
    except RuntimeError as error:
        raise UnusableInput("The connection to the other processes broke off.") from error


@contextlib.contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """The processes that torchrun started, connected within the block; or this one alone.

    Args:
        device: where they compute; on GPUs each process takes one of its own.

    Raises:
        UnusableInput: there are not enough devices for them, or they do not find each other.
    """
    here = launch()
    if here.count == 1:
        yield Processes()
        return
    own = _own_device(device, here.local_rank, here.local_count)
    with _connection():
        if own is None:
            distributed.init_process_group("gloo")
        else:
            torch.cuda.set_device(own)
            distributed.init_process_group("nccl", device_id=own)
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


def _own_device(device: torch.device, number: int, count: int) -> torch.device | None:
    """The GPU of the process with a number, of so many on this machine; None if they compute on the CPU."""
    if device.type == "cpu":
        return None
    there = torch.cuda.device_count() if device.type == "cuda" else 1
    if count > there:
        raise UnusableInput(
            f"{count} processes need {count} GPUs, and here {'is 1' if there == 1 else f'are {there}'}: start no more "
            "processes than there are GPUs, or let them compute on the CPU with --device cpu."
        )
    return torch.device(device.type, number)
