"""How good a network is: the mean loss, the accuracy and each prediction on images that it did not train on."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from mnist_train.data import Images, Normalisation

# of a CPU's cache; a GPU is busy enough with it
_BATCH = 250


@dataclass(frozen=True)
class Result:
    """What a network makes of a set of images.

    Attributes:
        loss: mean cross-entropy, in nats.
        correct: how many images are labelled rightly.
        count: how many there are.
    """

    loss: float
    correct: int
    count: int

    @property
    def accuracy(self) -> float:
        """In per cent."""
        return 100 * self.correct / self.count

    def __str__(self) -> str:
        return f"Average loss: {self.loss:.4f}, Accuracy: {self.correct}/{self.count} ({self.accuracy:.2f}%)"


def logits(model: nn.Module, pixels: Tensor, normalisation: Normalisation) -> Tensor:
    """The outputs of a network in evaluation mode, for any number of images.

    Args:
        model: left in the mode that it was in.
        pixels: (count, 1, 28, 28), from 0 to 255.
        normalisation: of the images that it was trained on.

    Returns:
        (count, 10), as single precision.
    """
    training = model.training
    model.eval()
    with torch.inference_mode():
        outputs = [
            model(normalisation(batch).contiguous(memory_format=torch.channels_last)) for batch in pixels.split(_BATCH)
        ]
    model.train(training)
    return torch.cat(outputs).float()


def evaluate(model: nn.Module, images: Images, normalisation: Normalisation) -> Result:
    """Loss and accuracy on a set of images, without augmentation of any kind."""
    return result(logits(model, images.pixels, normalisation), images.labels)


def result(outputs: Tensor, labels: Tensor) -> Result:
    """What logits, (count, 10), make of images with labels, (count,)."""
    loss = functional.cross_entropy(outputs, labels).item()
    correct = int((outputs.argmax(dim=1) == labels).sum())
    return Result(loss, correct, len(labels))
