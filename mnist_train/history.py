"""What is known after each epoch: the lines of metrics.csv."""

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mnist_train.evaluation import Result


@dataclass(frozen=True)
class EpochRecord:
    """An epoch, counted from 1.

    Attributes:
        learning_rate: of its last step.
        train_loss: mean over its steps, as they went, augmentation and dropout included.
        train_accuracy: likewise, in per cent.
        test_loss: after it, on the test images or those held out.
        test_accuracy: likewise, in per cent.
        averaged_test_loss: the same of the averaged weights, None without an average.
        averaged_test_accuracy: likewise.
        seconds: that its steps took, without the evaluation.
    """

    epoch: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    averaged_test_loss: float | None
    averaged_test_accuracy: float | None
    seconds: float

    @property
    def accuracy(self) -> float:
        """What the run stands for: the accuracy of the averaged weights if there are any."""
        return self.test_accuracy if self.averaged_test_accuracy is None else self.averaged_test_accuracy

    @property
    def loss(self) -> float:
        """The loss that goes with `accuracy`."""
        return self.test_loss if self.averaged_test_loss is None else self.averaged_test_loss


def record(
    epoch: int, rate: float, train: tuple[float, float], results: "tuple[Result, Result | None]", seconds: float
) -> EpochRecord:
    """The line of an epoch, from what was measured.

    Args:
        epoch: counted from 1.
        rate: learning rate of the last step.
        train: loss and accuracy while training.
        results: on the test images, of the plain and of the averaged weights.
        seconds: of the steps.
    """
    plain, averaged = results
    return EpochRecord(
        epoch=epoch,
        learning_rate=rate,
        train_loss=train[0],
        train_accuracy=train[1],
        test_loss=plain.loss,
        test_accuracy=plain.accuracy,
        averaged_test_loss=averaged.loss if averaged else None,
        averaged_test_accuracy=averaged.accuracy if averaged else None,
        seconds=seconds,
    )


def to_csv(history: Iterable[EpochRecord]) -> str:
    """The text of metrics.csv."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [column.name for column in fields(EpochRecord)], lineterminator="\n")
    writer.writeheader()
    for line in history:
        # nine digits say more than the single precision of the losses knows
        writer.writerow({k: f"{v:.9g}" if isinstance(v, float) else v for k, v in asdict(line).items()})
    return text.getvalue()


def from_csv(text: str) -> list[EpochRecord]:
    """What `to_csv` wrote.

    Raises:
        ValueError, TypeError: it did not write that.
    """
    try:
        lines = list(csv.DictReader(io.StringIO(text)))
    except csv.Error as error:
        raise ValueError(str(error)) from error
    return [EpochRecord(**{name: _number(name, value) for name, value in line.items()}) for line in lines]


def _number(name: str, text: str) -> Any:
    if not text and name in ("averaged_test_loss", "averaged_test_accuracy"):
        return None
    return int(text) if name == "epoch" else float(text)
