"""Samples: the examples that a network learns from, how many a step takes, and how their gradients become one."""

import dataclasses
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from xlbackprop.errors import UnusableInput

#: How the errors and the gradients of the samples of a step become one.
REDUCTIONS = ("sum", "mean")
#: More outputs of single samples than these are not followed step by step.
_MOST_FOLLOWED = 16


@dataclass(frozen=True)
class Samples:
    """Examples with their targets, and how a training shows them.

    Attributes:
        inputs: `i1, i2 ...` of each sample, of shape (samples, inputs).
        targets: `t1, t2 ...` of each sample, of shape (samples, outputs).
        batch: how many a step takes: all of them, one in turn, or a number that divides theirs.
        reduction: one of `REDUCTIONS`.
        order: the numbers of the samples, from 1, in the order in which each epoch shows them, where it was
            drawn; empty where they are shown as they are listed.
        answers: when an answer is right: `largest`, where the targets say which of several classes a sample belongs
            to, a single 1 among zeros; `within 0.5`, where a single output has two targets, by half their distance;
            `none`, where there is neither right nor wrong. Without it, it follows from the targets.
        classes: what the classes are called that the targets tell apart, if they have names: one an output, or those
            of the lower and of the higher target of a single output.

    Raises:
        UnusableInput: the parts do not fit together.
    """

    inputs: tuple[tuple[float, ...], ...]
    targets: tuple[tuple[float, ...], ...]
    batch: int
    reduction: str = "sum"
    order: tuple[int, ...] = ()
    answers: str = ""
    classes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if not self.inputs:
            raise UnusableInput("There are no samples: give at least one.")
        if self.reduction not in REDUCTIONS:
            raise UnusableInput(f'reduction = "{self.reduction}" is not known: use one of {", ".join(REDUCTIONS)}.')
        if not 1 <= self.batch <= self.count or self.count % self.batch:
            fitting = [str(size) for size in range(1, self.count + 1) if self.count % size == 0]
            shown = ", ".join(fitting) if len(fitting) <= 12 else f"{', '.join(fitting[:11])} ... {fitting[-1]}"
            raise UnusableInput(
                f"batch = {self.batch} does not divide {_samples(self.count)}: use one of {shown}."
                if self.batch != 0
                else f'batch = 0 takes no sample: use "all", or one of {shown}.'
            )
        if self.order and (len(self.order) != self.count or not set(self.order) <= set(range(1, self.count + 1))):
            raise UnusableInput(f"The order of the samples must be {self.count} numbers from 1 to {self.count}.")
        if not self.answers:
            object.__setattr__(self, "answers", _answers(self.targets))
        for number, (inputs, targets) in enumerate(zip(self.inputs, self.targets, strict=True), start=1):
            for letter, values in (("i", inputs), ("t", targets)):
                for n, value in enumerate(values, start=1):
                    if not math.isfinite(value):
                        raise UnusableInput(f"{letter}{n} = {value} of sample {number} is no number for a cell.")
        if self.classes:
            self._check_classes()

    def _check_classes(self) -> None:
        if not self.have_classes:
            raise UnusableInput(
                "The classes have names, but the targets tell no classes apart: with several outputs a single one of "
                "them has the target 1, and the others 0; with one output there are two targets."
            )
        wanted = max(2, len(self.targets[0]))
        if len(self.classes) != wanted:
            raise UnusableInput(f"The targets tell {wanted} classes apart, but {len(self.classes)} have a name.")

    def __hash__(self) -> int:
        # what is made for a network is looked up by it over and over
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash((self.inputs, self.targets, self.batch, self.reduction, self.order, self.answers))

    @property
    def count(self) -> int:
        return len(self.inputs)

    @property
    def in_turn(self) -> bool:
        """Whether a step takes a single sample."""
        return self.batch == 1

    @property
    def epoch(self) -> int:
        """How many steps it takes until each sample was shown once."""
        return self.count // self.batch

    def shown(self, step: int) -> list[int]:
        """The samples that a step takes, counted from 0."""
        first = step % self.epoch * self.batch
        if self.order:
            return [number - 1 for number in self.order[first : first + self.batch]]
        return list(range(first, first + self.batch))

    @property
    def half_way(self) -> float | None:
        """How near to its target the answer of a single output must be; None where that does not make it right."""
        word, _, distance = self.answers.partition(" ")
        return float(distance) if word == "within" else None

    @property
    def have_classes(self) -> bool:
        """Whether an answer is right or wrong."""
        return self.answers != "none"

    @property
    def followed(self) -> bool:
        """Whether the output of each sample can be followed step by step: each step takes all, and they are few."""
        return self.batch == self.count > 1 and self.count * len(self.targets[0]) <= _MOST_FOLLOWED

    def with_drawn_order(self, seed: int) -> "Samples":
        """The same samples in another order, the same for a seed everywhere."""
        numbers = list(range(1, self.count + 1))
        random.Random(seed).shuffle(numbers)
        return dataclasses.replace(self, order=tuple(numbers))


@dataclass(frozen=True)
class Showing:
    """How a training is to show samples, before it is known which.

    Attributes:
        batch: how many a step takes, or None for all of them.
        reduction: one of `REDUCTIONS`.
        seed: draws the order in which they are shown, or None where that is as they are listed.
    """

    batch: int | None = None
    reduction: str = "sum"
    seed: int | None = None

    def of(
        self,
        inputs: Sequence[Sequence[float]],
        targets: Sequence[Sequence[float]],
        classes: Sequence[str] = (),
    ) -> Samples:
        """These samples, shown so.

        Args:
            inputs: `i1, i2 ...` of each sample, of shape (samples, inputs).
            targets: `t1, t2 ...` of each sample, of shape (samples, outputs).
            classes: the names of the classes, if they have any.

        Raises:
            UnusableInput: they cannot be shown so.
        """
        samples = Samples(
            tuple(map(tuple, inputs)),
            tuple(map(tuple, targets)),
            batch=len(inputs) if self.batch is None else self.batch,
            reduction=self.reduction,
            classes=tuple(classes),
        )
        return samples if self.seed is None else samples.with_drawn_order(self.seed)


#: Each step takes all of them.
ALL_AT_ONCE = Showing()


def whole_batch(inputs: Sequence[Sequence[float]], targets: Sequence[Sequence[float]]) -> Samples:
    """Samples that each step takes all of."""
    return ALL_AT_ONCE.of(inputs, targets)


def _samples(count: int) -> str:
    return "1 sample" if count == 1 else f"{count:,} samples"


def _answers(targets: Sequence[Sequence[float]]) -> str:
    """When an answer to samples with these targets is right, as `Samples.answers` has it."""
    values = sorted({target for row in targets for target in row})
    if len(targets[0]) == 1:
        return f"within {(values[1] - values[0]) / 2!r}" if len(values) == 2 else "none"
    one_of_several = all(set(row) == {0.0, 1.0} and sum(row) == 1 for row in targets)
    return "largest" if one_of_several else "none"
