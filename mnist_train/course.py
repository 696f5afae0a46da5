"""The course of a training: how many steps each epoch has, and what differs from step to step in all of them."""

import math
from dataclasses import dataclass

from mnist_train.averaging import part_of_step
from mnist_train.settings import Recipe


@dataclass(frozen=True)
class Course:
    """The steps of a training, counted from 0 in all its epochs together.

    Args:
        recipe: of the training.
        images: how many there are to train on.
    """

    recipe: Recipe
    images: int

    @property
    def batch_size(self) -> int:
        """Images a step; fewer than the recipe says where there are fewer."""
        return min(self.recipe.batch_size, self.images)

    def images_of(self, epoch: int) -> int:
        """How many images an epoch draws its batches from: all in the first, and never fewer than fill a batch."""
        if epoch == 0:
            return self.images
        return max(self.batch_size, self.images - round(self.recipe.leave_out * self.images))

    def steps_of(self, epoch: int) -> int:
        """How many steps an epoch has: whole batches only; which images are left over changes from epoch to epoch."""
        return self.images_of(epoch) // self.batch_size

    def numbers(self, epoch: int) -> range:
        """The steps of an epoch, counted from 0."""
        first = sum(map(self.steps_of, range(epoch)))
        return range(first, first + self.steps_of(epoch))

    @property
    def steps(self) -> int:
        """Of the whole training."""
        return sum(map(self.steps_of, range(self.recipe.epochs)))

    @property
    def small_steps(self) -> int:
        """How many steps, the first ones, see small images."""
        return round(self.recipe.small_steps * self.steps)

    def rate_factors(self, epoch: int) -> list[float]:
        """What the learning rates are multiplied by in each step of an epoch."""
        steps = self.steps
        # the first step of a warm-up and the last of a decay are not 0
        return [rate_factor(self.recipe, (number + 0.5) / steps) for number in self.numbers(epoch)]

    def average_parts(self, epoch: int) -> list[float]:
        """What the average takes in of the weights after each step of an epoch."""
        return [part_of_step(self.recipe.ema, number) for number in self.numbers(epoch)]

    def rate(self, number: int) -> float:
        """The learning rate of a step."""
        return self.recipe.lr * rate_factor(self.recipe, (number + 0.5) / self.steps)


def rate_factor(recipe: Recipe, done: float) -> float:
    """What the learning rates are multiplied by when a part `done`, from 0 to 1, of all steps is done."""
    if done < recipe.warmup:
        return done / recipe.warmup
    left = (1 - done) / (1 - recipe.warmup)
    return {"constant": 1.0, "linear": left, "cosine": (1 - math.cos(math.pi * left)) / 2}[recipe.schedule]
