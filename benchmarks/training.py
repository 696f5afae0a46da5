"""`python -m benchmarks.training`: how fast the trainer is, as a table in Markdown.

The images are looked for in MNIST_DATA, or downloaded to data/. The time to the target is that of the steps up
to the end of the first epoch that reaches it, without evaluation and pictures; both networks are trained in one
run, one after the other, with the number of threads that is fastest for each. With `--quick` only the loops are
compared.
"""

import os
import statistics
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
import torchvision
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from benchmarks.__main__ import seconds
from mnist_train import designs, models, runs
from mnist_train.brief import TARGET_ACCURACY
from mnist_train.data import SIZE, DataSet
from mnist_train.devices import device_name
from mnist_train.optimizers import make_optimizers
from mnist_train.processes import Processes
from mnist_train.runs import Run, Watcher
from mnist_train.settings import DEFAULT_MODEL, Settings, effective
from mnist_train.training import Training

DATA = os.environ.get("MNIST_DATA", "")
RIVAL = "seed3"
CPU = torch.device("cpu")
#: Batches of a measurement of the loops, and how many measurements there are.
BATCHES, PAIRS = 60, 5


def told(model: str, **changes: object) -> Settings:
    """The recipe of a network, on the CPU."""
    return effective(designs.design(model).recipe, {"model": model, "data_dir": DATA, "device": "cpu", **changes})


def row(*cells: str) -> None:
    """A line of the table."""
    print("| " + " | ".join(cells) + " |", flush=True)


def to_target(run: Run) -> str:
    """When a run first reached the target, and how it ended."""
    passed = 0.0
    for line in run.epochs:
        passed += line.seconds
        if line.accuracy >= TARGET_ACCURACY:
            return f"{passed:.0f} s, epoch {line.epoch}"
    return f"not in {passed:.0f} s, {len(run.epochs)} epochs"


def compare_time_to_target(data: DataSet) -> None:
    """Ours against the network and recipe of a course."""
    with tempfile.TemporaryDirectory() as folder:
        trained = []
        for name in (DEFAULT_MODEL, RIVAL):
            (place := Path(folder) / name).mkdir()
            trained.append(runs.train(told(name), data, place, Processes(), Watcher()))
    ours, rival = trained
    row(f"to {TARGET_ACCURACY} % on the test images", to_target(ours), to_target(rival), "")
    whole = [sum(line.seconds for line in run.epochs) for run in trained]
    row("the whole training", f"{whole[0]:.0f} s", f"{whole[1]:.0f} s", f"{whole[1] / whole[0]:.1f}")
    row("accuracy at its end", *(f"{run.epochs[-1].accuracy:.2f} %" for run in trained), "")


def compare_loops(data: DataSet) -> None:
    """The same network, batch and augmentation: bytes in memory, changed a batch at a time, against a DataLoader."""
    torch.set_num_threads(1)
    settings = told(DEFAULT_MODEL, epochs=1, ema=0.0)
    count = BATCHES * settings.batch_size
    training = Training(settings, replace(data, train=data.train[:count]), CPU, Processes())
    loops = [lambda: training.train_epoch(0, lambda steps, loss: None)]
    loops += [partial(train_with_loader, loader(data, settings, count, workers), settings) for workers in (0, 2)]
    times = [[seconds(loop) for loop in loops] for _ in range(PAIRS + 1)][1:]
    ours, alone, helped = (statistics.median(column) for column in zip(*times, strict=True))
    for name, other in (("in the same process", alone), ("with 2 workers", helped)):
        what = f"images a second, against a DataLoader {name}"
        row(what, f"{count / ours:,.0f}", f"{count / other:,.0f}", f"{other / ours:.1f}")


def compare_on_gpu(data: DataSet) -> None:
    """An epoch on a GPU: each step as one graph, operation by operation, and in half precision."""
    gpu = torch.device("cuda")
    there = data.to(gpu)

    def epochs(*, graph: bool, **changes: object) -> list[float]:
        settings = told("sprint", device="cuda", **changes)
        training = Training(settings, there, gpu, Processes())
        if graph:
            training.warm_up()
        # an epoch ends by reading its losses, which waits for the GPU
        return [seconds(lambda: training.train_epoch(0, lambda steps, loss: None)) for _ in range(PAIRS + 1)][1:]

    graphs = epochs(graph=True)
    half = "the same in bf16, as a graph"
    for name, others in (("operation by operation", epochs(graph=False)), (half, epochs(graph=True, precision="bf16"))):
        ours, other = statistics.median(graphs), statistics.median(others)
        row(f"an epoch of `sprint` as a graph on {device_name(gpu)}, against {name}", *_in_seconds(ours, other))


def _in_seconds(ours: float, other: float) -> tuple[str, str, str]:
    return f"{ours:.2f} s", f"{other:.2f} s", f"{other / ours:.1f}"


def loader(data: DataSet, settings: Settings, count: int, workers: int) -> DataLoader[tuple[Tensor, int]]:
    """What the tutorials do: an image at a time through torchvision's transforms."""
    rotation, scale, shift = settings.affine() or (0.0, 0.0, 0.0)
    change = transforms.Compose(
        [
            transforms.RandomAffine(rotation, (shift / SIZE, shift / SIZE), (1 - scale / 100, 1 + scale / 100)),
            transforms.ToTensor(),
            transforms.Normalize(data.normalisation.mean, data.normalisation.deviation),
        ]
    )
    pictures = [transforms.functional.to_pil_image(pixels) for pixels in data.train.pixels[:count]]

    class Changed(Dataset[tuple[Tensor, int]]):
        def __len__(self) -> int:
            return count

        def __getitem__(self, index: int) -> tuple[Tensor, int]:
            return change(pictures[index]), int(data.train.labels[index])

    return DataLoader(Changed(), settings.batch_size, shuffle=True, drop_last=True, num_workers=workers)


def train_with_loader(batches: DataLoader[tuple[Tensor, int]], settings: Settings) -> None:
    """An epoch of the same network and optimizers."""
    model = models.build(settings.model).to(memory_format=torch.channels_last)
    optimizers = make_optimizers(model, settings)
    for images, labels in batches:
        loss = functional.cross_entropy(model(images), labels)
        for optimizer in optimizers:
            optimizer.forget_gradients()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()


def main() -> None:
    """Run every benchmark."""
    torch.set_num_threads(1)
    _, data = runs.prepared(told(DEFAULT_MODEL), Processes())
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, {device_name(CPU)}\n")
    row("what", DEFAULT_MODEL, "rival", "ratio")
    row("---", "---:", "---:", "---:")
    compare_loops(data)
    if torch.cuda.is_available():
        compare_on_gpu(data)
    if "--quick" not in sys.argv:
        compare_time_to_target(data)


if __name__ == "__main__":
    main()
