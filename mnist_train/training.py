"""One training: the steps of an epoch, on any device, by one process or several.

All that is random in an epoch - the order, the augmentation, dropout - follows from the seed and the number of
the epoch. So an epoch that is done again after an interruption is done in just the same way.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mnist_train import averaging, models, optimizers
from mnist_train.augmentation import Affine
from mnist_train.data import SIZE, DataSet
from mnist_train.evaluation import Result, evaluate
from mnist_train.graphs import as_graph, taken_back
from mnist_train.processes import Processes
from mnist_train.settings import Settings
from mnist_train.tables import Tables

# steps between two looks at the loss where a look costs nothing
_STEPS_BETWEEN_LOOKS = 25


class Diverged(Exception):
    """The loss is not a number, or infinite.

    Args:
        step: of the whole training, counted from 1.
        lr: the learning rate of that step.
    """

    def __init__(self, step: int, lr: float) -> None:
        super().__init__(step, lr)
        self.step = step
        self.lr = lr


@dataclass(frozen=True)
class EpochLosses:
    """What an epoch of training looked like while the weights changed, augmentation and dropout included.

    Attributes:
        losses: the mean loss of each step.
        accuracy: over all images of the epoch, in per cent.
    """

    losses: list[float]
    accuracy: float

    @property
    def loss(self) -> float:
        """The mean over the steps."""
        return sum(self.losses) / len(self.losses)


class Training:
    """A network under training.

    Args:
        settings: what to do.
        data: on the device.
        device: where to compute.
        processes: those that train together.
    """

    def __init__(self, settings: Settings, data: DataSet, device: torch.device, processes: Processes) -> None:
        self.settings = settings
        self.data = data
        self._device = device
        self._processes = processes
        # start weights come from the generator of the CPU, so that they are the same on each device
        torch.manual_seed(settings.seed)
        self.model = models.build(settings.model).to(device, memory_format=torch.channels_last)
        self.average = averaging.WeightAverage(self.model) if settings.ema else None
        self.optimizers = optimizers.make_optimizers(self.model, settings)
        self._affine = Affine(*affine, SIZE, device) if (affine := settings.affine()) else None
        self._forward = torch.compile(self.model) if settings.compile else self.model
        own = len(processes.part(torch.empty(self.batch_size)))
        self.tables = Tables(self.steps_per_epoch, own, device)
        self._do_step: Callable[[], None] = self._step

    @property
    def batch_size(self) -> int:
        """Images a step, of all processes together; fewer than the settings say where there are fewer."""
        return min(self.settings.batch_size, len(self.data.train))

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches only; which images are left over changes from epoch to epoch."""
        return len(self.data.train) // self.batch_size

    @property
    def steps(self) -> int:
        """Of the whole training."""
        return self.steps_per_epoch * self.settings.epochs

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        return self.settings.lr * self._rate_factor(step)

    def _rate_factor(self, step: int) -> float:
        # the first step of a warm-up and the last of a decay are not 0
        return optimizers.rate_factor(self.settings, (step + 0.5) / self.steps)

    def train_epoch(self, epoch: int, progress: Callable[[int, float | None], None]) -> EpochLosses:
        """Train for one epoch.

        Args:
            epoch: its number, counted from 0.
            progress: called with the steps done since the last call, and the loss if it costs nothing to know.

        Raises:
            Diverged: a loss was not finite.
        """
        steps = self.steps_per_epoch
        tables = self.tables
        self._fill_tables(epoch)
        looking = self._device.type == "cpu"
        self.model.train()
        for step in range(steps):
            self._do_step()
            if (step + 1) % _STEPS_BETWEEN_LOOKS == 0 or step + 1 == steps:
                if looking:
                    self._raise_if_diverged(tables.losses[: step + 1], epoch)
                # this process knows its own part of the loss only
                shown = tables.losses[step].item() * self._processes.count if looking else None
                progress(step % _STEPS_BETWEEN_LOOKS + 1, shown)

        self._processes.add([tables.losses, tables.correct])
        self._processes.average(b for b in self.model.buffers() if b.is_floating_point())
        if self.average:
            self._processes.average(self.average.batch_norm_tensors())
        self._raise_if_diverged(tables.losses, epoch)
        return EpochLosses(tables.losses.tolist(), 100 * tables.correct.item() / (steps * self.batch_size))

    def _fill_tables(self, epoch: int) -> None:
        """Have on the device what the steps of an epoch take from it: their images, their changes and their rates."""
        steps, batch = self.steps_per_epoch, self.batch_size
        randomness = torch.Generator().manual_seed(_seed(self.settings.seed, epoch))
        order = torch.randperm(len(self.data.train), generator=randomness)[: steps * batch].view(steps, batch)
        amounts = torch.rand(steps, 4, batch, generator=randomness) * 2 - 1
        # each process drops out units of its own
        torch.manual_seed(_seed(self.settings.seed, epoch) + 1 + self._processes.rank)
        numbers = range(epoch * steps, (epoch + 1) * steps)
        self.tables.fill(
            self._processes.part(order),
            self._processes.part(amounts),
            [self._rate_factor(number) for number in numbers],
            [averaging.part_of_step(self.settings.ema, number) for number in numbers],
        )

    def warm_up(self) -> None:
        """Do what happens only once, so that it is not in the time of an epoch, and leave the training as it was.

        On a GPU, a step is recorded as a graph there, which the steps of all epochs then repeat.
        """
        self.model.train()
        with taken_back(self.state):
            if self.is_graph_possible:
                self._do_step = as_graph(self._step) or self._step
            else:
                self._step()
        for optimizer in self.optimizers:
            optimizer.zero_grad()

    @property
    def is_graph_possible(self) -> bool:
        """Whether a step may be done as one graph: by a single process with a GPU of CUDA."""
        return self._device.type == "cuda" and self._processes.count == 1

    @property
    def is_graph(self) -> bool:
        """Whether the steps are done so, after the warm-up."""
        return self._do_step != self._step

    def trial_step(self) -> None:
        """A step that is timed, of a training that is thrown away."""
        self.model.train()
        self.tables.row.zero_()
        self._step()

    def _step(self) -> None:
        """The next step, as the tables have it, on this process's part of a batch.

        It never waits for the device, and whatever it changes stays where it is in memory.
        """
        tables = self.tables
        optimizers.set_rates(self.optimizers, tables.of_this_step(tables.rate_factors))
        chosen = tables.of_this_step(tables.order)
        labels = self.data.train.labels[chosen]
        outputs = self._outputs(chosen)
        loss = functional.cross_entropy(outputs, labels, reduction="sum") / self.batch_size
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        loss.backward()
        self._processes.add(parameter.grad for parameter in self.model.parameters() if parameter.grad is not None)
        for optimizer in self.optimizers:
            optimizer.step()
        if self.average:
            self.average.update(tables.of_this_step(tables.average_parts))
        tables.end_step(loss.detach(), (outputs.detach().argmax(dim=1) == labels).sum())

    def _outputs(self, chosen: Tensor) -> Tensor:
        """What the network makes of training images, changed as the tables say, in single precision."""
        pixels = self.data.train.pixels[chosen].float()
        if self._affine:
            pixels = self._affine(pixels, self.tables.of_this_step(self.tables.amounts))
        images = self.data.normalisation(pixels).contiguous(memory_format=torch.channels_last)
        half = self.settings.precision == "bf16"
        # what is cast once must be cast in each repetition of a graph
        with torch.autocast(self._device.type, torch.bfloat16, enabled=half, cache_enabled=False):
            return self._forward(images).float()

    def _raise_if_diverged(self, losses: Tensor, epoch: int) -> None:
        wrong = (~losses.isfinite()).nonzero()
        if len(wrong):
            number = epoch * self.steps_per_epoch + int(wrong[0])
            raise Diverged(number + 1, self.rate(number))

    def evaluated(self) -> tuple[Result, Result | None]:
        """Loss and accuracy on the test images, of the plain and of the averaged weights."""
        plain = evaluate(self.model, self.data.test, self.data.normalisation)
        if not self.average:
            return plain, None
        with self.averaged_in_place():
            return plain, evaluate(self.model, self.data.test, self.data.normalisation)

    def averaged_in_place(self) -> contextlib.AbstractContextManager[None]:
        """Within the block the network has the averaged weights, if there are any."""
        return self.average.in_place() if self.average else contextlib.nullcontext()

    def take_average(self) -> None:
        """Leave the network with the averaged weights, if there are any: there is nothing more to train."""
        if self.average:
            self.average.settle()

    def state(self) -> dict[str, Tensor]:
        """Everything that changes in training, by name."""
        return {
            **{f"model.{name}": tensor for name, tensor in self.model.state_dict().items()},
            **{f"average.{name}": tensor for name, tensor in (self.average.tensors() if self.average else {}).items()},
            **{f"optimizer.{name}": tensor for name, tensor in optimizers.state_tensors(self.optimizers).items()},
        }

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` returned."""

        def of(owner: str) -> dict[str, Tensor]:
            return {
                name.removeprefix(f"{owner}."): tensor for name, tensor in state.items() if name.startswith(f"{owner}.")
            }

        self.model.load_state_dict(of("model"))
        if self.average:
            self.average.restore(of("average"))
        optimizers.restore(self.optimizers, of("optimizer"))


def _seed(seed: int, epoch: int) -> int:
    """The seed of an epoch: far from those of other epochs and other seeds."""
    return (seed * 1_000_003 + epoch * 10_007) % 2**62
