"""A step of training as one CUDA graph: recorded once, then started as a whole.

A step of a small network is some three hundred operations, each of which takes a GPU less time than the host
needs to start it. A graph is started once a step. It repeats the same operations on the same places in memory;
so whatever differs from step to step has to stand on the device (see `tables`).
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

# libraries choose their algorithms in the first steps, which cannot be recorded
_REHEARSALS = 3


@contextlib.contextmanager
def taken_back(tensors: Sequence[Tensor]) -> Iterator[None]:
    """Undo at the end of the block what it did to tensors, which stay where they are in memory."""
    kept = [tensor.clone() for tensor in tensors]
    try:
        yield
    finally:
        for tensor, value in zip(tensors, kept, strict=True):
            tensor.copy_(value)


def as_graph(step: Callable[[], None]) -> Callable[[], None] | None:
    """What does the same as a step of training, by one start of a CUDA graph; None where it cannot be recorded.

    Args:
        step: reads and writes the same places of the device's memory each time, and never waits for it. It is done
            a few times, so whoever calls this takes back what it changes.
    """
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(_REHEARSALS):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph, stream=stream):
            step()
    except RuntimeError:
        return None
    return graph.replay
