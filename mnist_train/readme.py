"""The README that a run writes of itself, as it is handed in: what was asked for, what was built, what came of it."""

import shlex
from dataclasses import asdict
from typing import Any

from mnist_train import brief, designs, files, plots, summary
from mnist_train.folders import CONFIG, LOG
from mnist_train.runs import Run
from mnist_train.settings import Settings, name_on_command_line
from xlbackprop.cnn.networks import network_layers

README = "README.md"

# of the epochs, so that a long run has no long table
_MOST_EPOCHS = 40
# what differs from machine to machine, and changes no result
_OF_THE_MACHINE = ("data_dir", "device")


def write(run: Run) -> None:
    """Write README.md into the folder of a run, beside its pictures."""
    files.write_text(run.folder / README, text(run))


def text(run: Run) -> str:
    """The README of a run."""
    layers = network_layers(run.settings.model)
    last, data = run.epochs[-1], run.data
    items = brief.items(layers, run.epochs, data.name)
    checklist = "\n".join(f"- [{'x' if item.met else ' '}] {item.wanted}: {item.found}" for item in items)
    # an earlier version did not count them
    processes = run.card.get("processes", 1)
    together = f", {processes} processes" if processes > 1 else ""
    parts = [
        f"# {run.settings.model} on {data.name}",
        f"**{last.accuracy:.2f} %** of the {len(data.test):,} images of the {data.test_name.lower()} after epoch "
        f"{last.epoch}, the last one; {run.card['parameters']:,} parameters, {run.card['seconds']:.1f} s of training "
        f"on {run.card['device']}{together}{_teacher(run)}.",
        f"## The brief\n\n{checklist}",
        f"## How to train it again\n\n```sh\n{command(run.settings, processes)}\n```\n\n{_again(run)}",
        f"## Layers\n\n{summary.to_markdown(layers)}. The receptive field is the square of the image that one output "
        "of a layer sees; the jump is how many pixels lie between two neighbours.",
        f"## Log\n\n{_epochs(run)}\n\nAll that was printed is in [{LOG}]({LOG}).",
        _picture("Loss and accuracy", plots.CURVES),
        _picture("What it gets wrong", plots.MISCLASSIFIED),
        _picture("Which class is taken for which", plots.CONFUSION),
        _picture("What it was shown", plots.AUGMENTED),
        _picture("What its first layer looks for", plots.FILTERS),
    ]
    return "\n\n".join(parts) + "\n"


def command(settings: Settings, processes: int = 1) -> str:
    """The command that trains such a run, with what differs from the recipe of its network.

    Args:
        settings: of the run.
        processes: how many trained together, on one machine: each takes its part of every batch.
    """
    usual: dict[str, Any] = asdict(Settings(**asdict(designs.design(settings.model).recipe), model=settings.model))
    start = ["torchrun", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else ["python"]
    words = [*start, "-m", "mnist_train", "--model", settings.model, "--seed", str(settings.seed)]
    for name, value in asdict(settings).items():
        if value != usual[name] and name not in ("seed", *_OF_THE_MACHINE):
            flag = name_on_command_line(name)
            words += [flag] if value is True else [flag, str(value)]
    return shlex.join(words)


def _teacher(run: Run) -> str:
    """What a teacher cost beside the run; empty where there was none."""
    teacher = run.card.get("teacher")
    if not teacher:
        return ""
    return f", after the {teacher['seconds'] or 0:.1f} s of its teacher, {teacher['network']}"


def _again(run: Run) -> str:
    versions = run.card["versions"]
    programs = f"torch {versions['torch']} and Python {versions['python']}, on {versions['platform']}"
    return f"With {programs}. All settings are in [{CONFIG}]({CONFIG})."


def _epochs(run: Run) -> str:
    """The epochs as a table; of very many the last ones."""
    tested = run.data.test_name.lower()
    headers = ["epoch", "loss in training", "accuracy in training %"]
    headers += [f"loss on the {tested}", f"accuracy on the {tested} %", "seconds"]
    lines = [f"| {' | '.join(headers)} |"]
    lines.append("|---:|---:|---:|---:|---:|---:|")
    for line in run.epochs[-_MOST_EPOCHS:]:
        trained = f"{line.train_loss:.4f} | {line.train_accuracy:.2f}"
        lines.append(f"| {line.epoch} | {trained} | {line.loss:.4f} | {line.accuracy:.2f} | {line.seconds:.1f} |")
    if run.card["averaged_weights"]:
        lines.append(f"\nLoss and accuracy on the {tested} are those of the averaged weights.")
    return "\n".join(lines)


def _picture(title: str, file: str) -> str:
    return f"## {title}\n\n![{title}]({file})"
