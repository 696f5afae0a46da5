"""Ctrl-C at a moment that tests choose."""

import contextlib
from collections.abc import Iterator

import pytest

from mnist_train.training import Training


@contextlib.contextmanager
def interrupted_in_the_second_epoch(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Within the block Ctrl-C comes when a second epoch begins."""
    original = Training.train_epoch

    def train_epoch(self: Training, epoch: int, progress: object) -> object:
        if epoch == 1:
            raise KeyboardInterrupt
        return original(self, epoch, progress)

    with monkeypatch.context() as patch:
        patch.setattr(Training, "train_epoch", train_epoch)
        yield
