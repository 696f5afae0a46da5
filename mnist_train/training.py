"""One training: the steps of an epoch, on any device, by one process or several.

All that is random in an epoch - the order, the augmentation, dropout - follows from the seed and the number of
the epoch. So an epoch that is done again after an interruption is done in just the same way.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from mnist_train import averaging, models, optimizers
from mnist_train.augmentation import Affine
from mnist_train.course import Course
from mnist_train.data import SIZE, DataSet
from mnist_train.distillation import with_teacher
from mnist_train.evaluation import Result, evaluate, logits, result
from mnist_train.graphs import as_graph, taken_back
from mnist_train.processes import Processes
from mnist_train.settings import Settings
from mnist_train.tables import Tables

# steps between two looks at the loss where a look costs nothing
_STEPS_BETWEEN_LOOKS = 25
# small images: so many pixels in the middle, where the digit is, as so many. A 5x5 convolution and two max pools
# leave 4x4 of them, where there would be 6x6
_SMALL_MIDDLE, _SMALL_PIXELS = 24, 20


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
        teacher: a trained network on the device, in evaluation mode, from whose outputs this one learns, too.
    """

    def __init__(
        self,
        settings: Settings,
        data: DataSet,
        device: torch.device,
        processes: Processes,
        teacher: nn.Module | None = None,
    ) -> None:
        self.settings = settings
        self.data = data
        self.course = Course(settings, len(data.train))
        self._device = device
        self._processes = processes
        # start weights come from the generator of the CPU, so that they are the same on each device
        torch.manual_seed(settings.seed)
        self.model = models.build(settings.model).to(device, memory_format=torch.channels_last)
        self.average = averaging.WeightAverage(self.model) if settings.ema else None
        self.optimizers = optimizers.make_optimizers(self.model, settings)
        self._forward = torch.compile(self.model) if settings.compile else self.model
        own = len(processes.part(torch.empty(self.course.batch_size)))
        self.tables = Tables(self.course.steps_of(0), own, len(data.train), device)
        # of each image when it was last seen; what was never seen is hard
        self._image_losses = torch.full_like(self.tables.image_losses, torch.inf)
        changes = settings.affine() or (0.0, 0.0, 0.0)
        affines = {False: Affine(*changes, SIZE, device) if settings.affine() else None}
        if self.course.small_steps:
            affines[True] = Affine(*changes, SIZE, device, middle=_SMALL_MIDDLE, pixels=_SMALL_PIXELS)
        # what does a step on whole images and on small ones, of which a teacher knows nothing; after the warm-up on
        # a GPU, a graph each
        self._steps: dict[bool, Callable[[], None]] = {
            is_small: partial(self._step, affine, None if is_small else teacher) for is_small, affine in affines.items()
        }
        self.is_graph = False
        self._test_outputs: Tensor | None = None

    def train_epoch(self, epoch: int, progress: Callable[[int, float | None], None]) -> EpochLosses:
        """Train for one epoch.

        Args:
            epoch: its number, counted from 0.
            progress: called with the steps done since the last call, and the loss if it costs nothing to know.

        Raises:
            Diverged: a loss was not finite.
        """
        numbers, small_steps = self.course.numbers(epoch), self.course.small_steps
        tables = self.tables
        self._fill_tables(epoch)
        losses = tables.losses[: len(numbers)]
        looking = self._device.type == "cpu"
        self.model.train()
        for done, number in enumerate(numbers, 1):
            self._steps[number < small_steps]()
            if done % _STEPS_BETWEEN_LOOKS == 0 or done == len(numbers):
                if looking:
                    self._raise_if_diverged(losses[:done], numbers)
                # this process knows its own part of the loss only
                shown = losses[done - 1].item() * self._processes.count if looking else None
                progress((done - 1) % _STEPS_BETWEEN_LOOKS + 1, shown)

        self._processes.add([losses, tables.correct])
        self._processes.average(b for b in self.model.buffers() if b.is_floating_point())
        if self.average:
            self._processes.average(self.average.batch_norm_tensors())
        self._raise_if_diverged(losses, numbers)
        # each image was seen by one process only, and the others have 0 for it
        self._processes.add([tables.image_losses])
        torch.where(tables.image_losses > 0, tables.image_losses, self._image_losses, out=self._image_losses)
        return EpochLosses(losses.tolist(), 100 * tables.correct.item() / (len(numbers) * self.course.batch_size))

    def _fill_tables(self, epoch: int) -> None:
        """Have on the device what the steps of an epoch take from it: their images, their changes and their rates."""
        steps, batch = self.course.steps_of(epoch), self.course.batch_size
        randomness = torch.Generator().manual_seed(_seed(self.settings.seed, epoch))
        images = self._images_of(epoch)
        order = images[torch.randperm(len(images), generator=randomness)[: steps * batch]].view(steps, batch)
        amounts = torch.rand(steps, 4, batch, generator=randomness) * 2 - 1
        # each process drops out units of its own
        torch.manual_seed(_seed(self.settings.seed, epoch) + 1 + self._processes.rank)
        part = self._processes.part
        factors, parts = self.course.rate_factors(epoch), self.course.average_parts(epoch)
        self.tables.fill(part(order), part(amounts), factors, parts)

    def _images_of(self, epoch: int) -> Tensor:
        """The numbers of the images that an epoch draws its batches from: the hardest ones."""
        hardest_first = self._image_losses.cpu().argsort(descending=True, stable=True)
        return hardest_first[: self.course.images_of(epoch)].sort().values

    def warm_up(self) -> None:
        """Do what happens only once, so that it is not in the time of an epoch, and leave the training as it was.

        On a GPU, a step is recorded as a graph there, which the steps of all epochs then repeat.
        """
        self.model.train()
        with taken_back(list(self.state().values())):
            if self.is_graph_possible:
                graphs = {is_small: graph for is_small, step in self._steps.items() if (graph := as_graph(step))}
                self.is_graph = len(graphs) == len(self._steps)
                self._steps = graphs if self.is_graph else self._steps
            else:
                for step in self._steps.values():
                    step()
        for optimizer in self.optimizers:
            optimizer.forget_gradients()

    @property
    def is_graph_possible(self) -> bool:
        """Whether a step may be done as one graph: by a single process with a GPU of CUDA."""
        return self._device.type == "cuda" and self._processes.count == 1

    def trial_step(self) -> None:
        """A step that is timed, of a training that is thrown away."""
        self.model.train()
        self._steps[False]()

    def _step(self, affine: Affine | None, teacher: nn.Module | None) -> None:
        """The next step, as the tables have it, on this process's part of a batch.

        It never waits for the device, and whatever it changes stays where it is in memory.

        Args:
            affine: changes the images as the tables say; None for no change.
            teacher: in evaluation mode.
        """
        tables = self.tables
        optimizers.set_rates(self.optimizers, tables.of_this_step(tables.rate_factors))
        chosen = tables.of_this_step(tables.order)
        labels = self.data.train.labels[chosen]
        images = self._images(chosen, affine)
        outputs = self._outputs(self._forward, images)
        labelled = functional.cross_entropy(outputs, labels, reduction="none")
        losses = with_teacher(labelled, outputs, self._taught(teacher, images)) if teacher else labelled
        for optimizer in self.optimizers:
            optimizer.forget_gradients()
        (losses.sum() / self.course.batch_size).backward()
        self._processes.add(parameter.grad for parameter in self.model.parameters() if parameter.grad is not None)
        for optimizer in self.optimizers:
            optimizer.step()
        if self.average:
            self.average.update(tables.of_this_step(tables.average_parts))
        labelled = labelled.detach()
        correct = (outputs.detach().argmax(dim=1) == labels).sum()
        tables.end_step(labelled.sum() / self.course.batch_size, correct, labelled)

    def _images(self, chosen: Tensor, affine: Affine | None) -> Tensor:
        """Training images by their numbers, changed and normalised."""
        pixels = self.data.train.pixels[chosen].float()
        if affine:
            pixels = affine(pixels, self.tables.of_this_step(self.tables.amounts))
        return self.data.normalisation(pixels).contiguous(memory_format=torch.channels_last)

    def _outputs(self, network: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """What a network makes of images, in single precision."""
        half = self.settings.precision == "bf16"
        # what is cast once must be cast in each repetition of a graph
        with torch.autocast(self._device.type, torch.bfloat16, enabled=half, cache_enabled=False):
            return network(images).float()

    @torch.no_grad()
    def _taught(self, teacher: nn.Module, images: Tensor) -> Tensor:
        return self._outputs(teacher, images)

    def _raise_if_diverged(self, losses: Tensor, numbers: range) -> None:
        wrong = (~losses.isfinite()).nonzero()
        if len(wrong):
            number = numbers[int(wrong[0])]
            raise Diverged(number + 1, self.course.rate(number))

    def evaluated(self) -> tuple[Result, Result | None]:
        """Loss and accuracy on the test images, of the plain and of the averaged weights."""
        plain = evaluate(self.model, self.data.test, self.data.normalisation) if self.average else None
        self._test_outputs = self._averaged_outputs()
        best = result(self._test_outputs, self.data.test.labels)
        return (plain, best) if plain else (best, None)

    def test_outputs(self) -> Tensor:
        """The logits of the test images, (count, 10), of the averaged weights if there are any."""
        return self._averaged_outputs() if self._test_outputs is None else self._test_outputs

    def _averaged_outputs(self) -> Tensor:
        with self.averaged_in_place():
            return logits(self.model, self.data.test.pixels, self.data.normalisation)

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
            **({"image_losses": self._image_losses} if self.settings.leave_out else {}),
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
        if self.settings.leave_out:
            self._image_losses.copy_(state["image_losses"])


def _seed(seed: int, epoch: int) -> int:
    """The seed of an epoch: far from those of other epochs and other seeds."""
    return (seed * 1_000_003 + epoch * 10_007) % 2**62
