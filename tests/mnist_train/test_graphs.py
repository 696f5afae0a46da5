import contextlib
from collections.abc import Callable, Iterator

import pytest
import torch

from mnist_train.graphs import as_graph, taken_back


class Recorder:
    """Stands in for CUDA: what is done while it records is done again by each replay, and not before."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.recording = False
        self._refuses = refuses
        self._step: Callable[[], None] | None = None

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("Stream", "current_stream"):
            monkeypatch.setattr(torch.cuda, name, lambda: self)
        monkeypatch.setattr(torch.cuda, "stream", lambda stream: contextlib.nullcontext())
        monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: self)
        monkeypatch.setattr(torch.cuda, "graph", self._graph)

    def wait_stream(self, other: "Recorder") -> None:
        pass

    @contextlib.contextmanager
    def _graph(self, graph: "Recorder", stream: "Recorder") -> Iterator[None]:
        if self._refuses:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")
        self.recording = True
        yield
        self.recording = False

    def recorded(self, step: Callable[[], None]) -> Callable[[], None]:
        def done_or_recorded() -> None:
            if self.recording:
                self._step = step
            else:
                step()

        return done_or_recorded

    def replay(self) -> None:
        assert self._step is not None
        self._step()


def test_a_graph_does_what_the_step_does_after_a_few_rehearsals(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda, number = Recorder(), torch.zeros(1)
    cuda.install(monkeypatch)
    graph = as_graph(cuda.recorded(lambda: number.add_(1)))
    rehearsals = number.item()
    assert rehearsals >= 3
    graph()
    graph()
    assert number.item() == rehearsals + 2


def test_where_a_step_cannot_be_recorded_there_is_no_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = Recorder(refuses=True)
    cuda.install(monkeypatch)
    assert as_graph(cuda.recorded(lambda: None)) is None


def test_what_the_block_changes_is_put_back_where_it_lies() -> None:
    tensors = [torch.tensor([1.0, 2.0]), torch.zeros(1)]
    places = [tensor.data_ptr() for tensor in tensors]
    with taken_back(tensors):
        tensors[0].mul_(3)
    assert [tensor.tolist() for tensor in tensors] == [[1, 2], [0]]
    assert [tensor.data_ptr() for tensor in tensors] == places


def test_it_is_put_back_after_an_exception_too() -> None:
    tensor = torch.zeros(1)
    with pytest.raises(KeyboardInterrupt), taken_back([tensor]):
        tensor.add_(1)
        raise KeyboardInterrupt
    assert tensor.item() == 0
