"""What differs from step to step, as tables on the device, and a counter there that says which row is next.

The host fills them before an epoch and reads them after it. In between it need not wait for the device, and a
GPU can do every step by the same graph of operations.
"""

import torch
from torch import Tensor

from mnist_train.optimizers import rate_type


class Tables:
    """A row a step of an epoch. Each tensor stays where it is in memory.

    Attributes:
        order: (steps, batch), the numbers of the training images of each step.
        amounts: (steps, 4, batch), how far each of them is changed, from -1 to 1; see Affine.
        rate_factors: (steps,), what the learning rates are multiplied by.
        average_parts: (steps,), what part of the weights the average takes in.
        losses: (steps,), written by the steps: this process's part of the mean loss.
        correct: (1,), written by the steps: how many images were labelled rightly.
        image_losses: (images,), written by the steps: the loss of each image; 0 for those that none of them saw.
        row: (1,), that of the next step; after the last comes the first, as for steps that are only tried.

    Args:
        steps: of the longest epoch.
        batch: images a step, of this process.
        images: how many there are in all.
        device: of all tensors.
    """

    def __init__(self, steps: int, batch: int, images: int, device: torch.device) -> None:
        # any row will do for a step that is only tried
        self.order = torch.arange(batch, device=device).repeat(steps, 1)
        self.amounts = torch.zeros(steps, 4, batch, device=device)
        self.rate_factors = torch.zeros(steps, dtype=rate_type(device), device=device)
        self.average_parts = torch.zeros(steps, device=device)
        self.losses = torch.zeros(steps, device=device)
        self.correct = torch.zeros(1, device=device)
        self.image_losses = torch.zeros(images, device=device)
        self.row = torch.zeros(1, dtype=torch.long, device=device)

    def fill(self, order: Tensor, amounts: Tensor, rate_factors: list[float], average_parts: list[float]) -> None:
        """Begin an epoch of as many steps as there are rows; shapes as above."""
        steps = len(order)
        self.order[:steps].copy_(order)
        self.amounts[:steps].copy_(amounts)
        self.rate_factors[:steps].copy_(torch.tensor(rate_factors, dtype=self.rate_factors.dtype))
        self.average_parts[:steps].copy_(torch.tensor(average_parts))
        self.losses.zero_()
        self.correct.zero_()
        self.image_losses.zero_()
        self.row.zero_()

    def of_this_step(self, table: Tensor) -> Tensor:
        """The row of a table that the step under way has, without its first dimension."""
        return table.index_select(0, self.row).squeeze(0)

    def end_step(self, loss: Tensor, correct: Tensor, losses: Tensor) -> None:
        """Note what came of the step, and go on to the next row.

        Args:
            loss: this process's part of the mean, a single number.
            correct: how many of its images were labelled rightly, likewise.
            losses: (batch,), of each image.
        """
        self.losses.index_copy_(0, self.row, loss.view(1))
        self.image_losses.index_copy_(0, self.of_this_step(self.order), losses)
        self.correct += correct
        self.row.add_(1).remainder_(len(self.losses))
