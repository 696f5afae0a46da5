"""A step of training as one CUDA graph: recorded once, then started as a whole.

A step of a small network is some three hundred operations, each of which takes a GPU less time than the host
needs to start it. A graph is started once a step. It repeats the same operations on the same places in memory;
so whatever differs from step to step has to stand on the device (see `tables`).
"""

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

# libraries choose their algorithms in the first steps, which cannot be recorded
_REHEARSALS = 3


@contextlib.contextmanager
def taken_back(state: Callable[[], Mapping[str, Tensor]]) -> Iterator[None]:
    """Undo at the end of the block what it did to tensors; what it has added to them becomes 0.

    Args:
        state: the tensors, by names; an optimizer's appear in its first step, and begin with 0.
    """
    kept = {name: tensor.clone() for name, tensor in state().items()}
    try:
        yield
    finally:
        for name, tensor in state().items():
            if name in kept:
                tensor.copy_(kept[name])
            else:
                tensor.zero_()


def as_graph(step: Callable[[], None]) -> Callable[[], None] | None:
    """What does the same as a step of training, by one start of a CUDA graph; None where it cannot be recorded.

    Args:
        step: reads and writes the same places of the device's memory each time, and never waits for it. It is done
            a few times, so whoever calls this takes back what it changes.
    """
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream), warnings.catch_warnings():
        # torch wonders at an optimizer that can be recorded, and is not yet
        warnings.filterwarnings("ignore", message=".*capturable")
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
