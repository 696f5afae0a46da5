"""What a run says on the terminal and in its log while it goes on."""

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from mnist_train.evaluation import Result
from mnist_train.folders import LOG
from mnist_train.history import EpochRecord
from mnist_train.runs import Watcher
from mnist_train.settings import Settings
from mnist_train.training import Training
from xlbackprop.printing import READER_GONE, say

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter


def check_tensorboard(told: Settings) -> None:
    """See whether TensorBoard is there if it is wanted.

    Raises:
        ModuleNotFoundError: it is not.
    """
    if told.tensorboard:
        importlib.import_module("torch.utils.tensorboard")


class Reporter(Watcher):
    """Prints a run, with a bar an epoch where the output is a terminal, and writes the same lines to its log.

    Args:
        folder: of the run; the log in it is appended to.
        tensorboard: whether TensorBoard's files are written there, too.
    """

    def __init__(self, folder: Path, *, tensorboard: bool = False) -> None:
        self._log = folder / LOG
        self._tensorboard = _tensorboard_writer(folder) if tensorboard else None

    def line(self, text: str) -> None:
        """Log and print a text; where nobody reads what is printed any more, the run goes on, and so does its log."""
        with self._log.open("a", encoding="utf-8") as log:
            log.write(text + "\n")
        try:
            for line in text.splitlines():
                say(line)
        except SystemExit as error:
            if error.code != READER_GONE:
                raise

    @contextlib.contextmanager
    def epoch(self, number: int, settings: Settings, steps: int) -> Iterator[Callable[[int, float | None], None]]:
        """Show the bar of an epoch."""
        name = f"Epoch {number}/{settings.epochs}"
        # None: no bar where standard error is no terminal
        with tqdm(total=steps, desc=name, unit="step", leave=False, disable=None, file=sys.stderr) as bar:

            def progress(done: int, loss: float | None) -> None:
                if loss is not None:
                    bar.set_postfix_str(f"loss {loss:.4f}", refresh=False)
                bar.update(done)

            yield progress

    def epoch_ended(self, line: EpochRecord, training: Training) -> None:
        """Print what is known after an epoch."""
        count = len(training.data.test)
        self.line(
            f"Epoch {line.epoch}/{training.settings.epochs}: average loss {line.train_loss:.4f}, accuracy "
            f"{line.train_accuracy:.2f}% while training, {line.seconds:.1f} s"
        )
        averaged = line.averaged_test_loss is not None
        if averaged:
            plain = Result(line.test_loss, round(line.test_accuracy * count / 100), count)
            self.line(f"Without averaging the weights: {plain}")
        result = Result(line.loss, round(line.accuracy * count / 100), count)
        self.line(f"{training.data.test_name}: {result}")
        if self._tensorboard:
            for name, value in _scalars(line).items():
                self._tensorboard.add_scalar(name, value, line.epoch)
            self._tensorboard.flush()


def _tensorboard_writer(folder: Path) -> "SummaryWriter":
    from torch.utils.tensorboard.writer import SummaryWriter

    return SummaryWriter(str(folder))


def _scalars(line: EpochRecord) -> dict[str, float]:
    """The numbers of an epoch by TensorBoard's names."""
    names = {
        "loss/training": line.train_loss,
        "loss/test": line.test_loss,
        "loss/test_averaged": line.averaged_test_loss,
        "accuracy/training": line.train_accuracy,
        "accuracy/test": line.test_accuracy,
        "accuracy/test_averaged": line.averaged_test_accuracy,
        "learning_rate": line.learning_rate,
    }
    return {name: value for name, value in names.items() if value is not None}


@contextlib.contextmanager
def epochs_bar(total: int) -> Iterator[tuple[Callable[[], None], Callable[[str], None]]]:
    """Show how far the epochs of several runs are, on standard error where that is a terminal.

    Args:
        total: how many epochs there are.

    Yields:
        what to call after each epoch, and what to print lines beside the bar with.
    """
    with tqdm(total=total, unit="epoch", leave=False, disable=None if total else True, file=sys.stderr) as bar:

        def line(text: str) -> None:
            bar.clear()
            say(text, err=True)
            bar.refresh()

        yield lambda: bar.update() and None, line
