"""What a training run can be told: the one definition of its options, their defaults, limits and help.

The command line makes its options from these fields, a TOML file has the same names, and the effective
values are stored with every run.
"""

import math
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from xlbackprop.errors import UnusableInput, reason

OPTIMIZERS = ("sgd", "adam", "adamw", "muon")
SCHEDULES = ("constant", "linear", "cosine")
PRINTED = "printed"
DATASETS = ("mnist", "fashion-mnist", "kmnist", "emnist-digits", PRINTED)
DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("fp32", "bf16")
DEFAULT_MODEL = "compact"
NO_AUGMENTATION = "none"

# of torch's generators
_MAX_SEED = 2**63 - 1


def _option(
    sentence: str,
    default: Any = MISSING,
    *,
    choices: tuple[str, ...] | None = None,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
) -> Any:
    """A field with the sentence and the limits of its option."""
    limits = {"at least": at_least, "above": above, "at most": at_most, "below": below}
    return field(
        default=default,
        metadata={"help": sentence, "choices": choices, "limits": {k: v for k, v in limits.items() if v is not None}},
    )


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained; each network of the registry has one."""

    epochs: int = _option("How often all training images are seen.", at_least=1, at_most=10_000)
    batch_size: int = _option("Images a step.", 128, at_least=2, at_most=65_536)
    optimizer: str = _option("Muon trains the matrices, SGD the rest beside it.", "sgd", choices=OPTIMIZERS)
    lr: float = _option("Learning rate, the highest of the schedule.", above=0, at_most=1000)
    sgd_lr: float = _option("Learning rate of the SGD beside Muon.", 0.1, above=0, at_most=1000)
    momentum: float = _option("Momentum of SGD and Muon.", 0.9, at_least=0, below=1)
    weight_decay: float = _option(
        "How fast weights shrink, as a part of the learning rate.", 0.0, at_least=0, at_most=100
    )
    schedule: str = _option("The course of the learning rate.", "constant", choices=SCHEDULES)
    warmup: float = _option("Part of the steps in which the rate rises from 0.", 0.0, at_least=0, below=1)
    augment: str = _option(
        "Random changes of training images: rotation in degrees, scale in per cent, shift in pixels, "
        f"such as 8,8,1; or {NO_AUGMENTATION}.",
        NO_AUGMENTATION,
    )
    ema: float = _option("Decay of the running average of the weights, 0 for none.", 0.0, at_least=0, below=1)
    leave_out: float = _option(
        "Part of the images that each epoch but the first leaves out: those of the smallest loss when last seen.",
        0.0,
        at_least=0,
        below=1,
    )
    small_steps: float = _option(
        "Part of the steps, the first ones, on images of 20x20 pixels.", 0.0, at_least=0, at_most=1
    )
    teacher: str = _option(
        "A network, which is trained first, or the folder of a finished run, from whose outputs this one learns, too.",
        "",
    )


@dataclass(frozen=True, kw_only=True)
class Settings(Recipe):
    """Everything that decides what a run does."""

    model: str = _option("The network; `models` lists them.", DEFAULT_MODEL)
    dataset: str = _option("The images; printed ones are drawn from fonts.", "mnist", choices=DATASETS)
    data_dir: str = _option("Where the images lie, or are downloaded to; also the variable MNIST_DATA.", "")
    limit: int = _option("Train on the first so many images only, 0 for all.", 0, at_least=0)
    hold_out: int = _option(
        "Keep back so many training images and report on them instead of the test images.", 0, at_least=0
    )
    seed: int = _option("Fixes start weights, order and augmentation.", 1, at_least=0, at_most=_MAX_SEED)
    device: str = _option("Where to compute; auto takes a GPU if there is one.", "auto", choices=DEVICES)
    precision: str = _option(
        "Numbers of the passes; on NVIDIA GPUs, fp32 is TF32 in convolutions.", "fp32", choices=PRECISIONS
    )
    compile: bool = _option("Let torch.compile translate the network first.", False)
    deterministic: bool = _option("Have a GPU, too, add up in the same order each time.", False)
    threads: int = _option("Threads on the CPU, 0 to try out what is fastest.", 0, at_least=0, at_most=1024)
    tensorboard: bool = _option("Write TensorBoard's files, too.", False)

    def __post_init__(self) -> None:
        for option in fields(self):
            _check(option, getattr(self, option.name))
        self.affine()

    def affine(self) -> tuple[float, float, float] | None:
        """Rotation in degrees, scale and shift (both as the text gives them) of `augment`, or None.

        Raises:
            UnusableInput: the text is none of the two forms.
        """
        if self.augment == NO_AUGMENTATION:
            return None
        try:
            rotation, scale, shift = (float(part) for part in self.augment.split(","))
        except ValueError:
            rotation = scale = shift = math.nan
        if not (0 <= rotation <= 180 and 0 <= scale < 100 and 0 <= shift <= 28):
            raise UnusableInput(
                f"{name_on_command_line('augment')} {self.augment} is not understood: give rotation in degrees, "
                f"scale in per cent and shift in pixels, such as 8,8,1, or {NO_AUGMENTATION}."
            )
        return rotation, scale, shift


def name_on_command_line(name: str) -> str:
    """`batch_size` is `--batch-size`."""
    return "--" + name.replace("_", "-")


def _check(option: "Field[Any]", value: Any) -> None:
    """Raises UnusableInput for a value of the wrong type or outside the limits."""
    flag = name_on_command_line(option.name)
    if type(value) is not option.type:
        raise UnusableInput(f"{flag} {value!r} is not {_TYPES[option.type]}.")
    if isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value):
        raise UnusableInput(f"{flag} {value!r} is not a text in Unicode, so it cannot be stored with the run.")
    choices = option.metadata["choices"]
    if choices and value not in choices:
        raise UnusableInput(f"{flag} {value} is unknown: choose one of {', '.join(choices)}.")
    compare = {
        "at least": lambda value, limit: value >= limit,
        "above": lambda value, limit: value > limit,
        "at most": lambda value, limit: value <= limit,
        "below": lambda value, limit: value < limit,
    }
    limits = option.metadata["limits"]
    if any(not compare[kind](value, limit) for kind, limit in limits.items()):
        wanted = " and ".join(f"{kind} {limit:g}" for kind, limit in limits.items())
        raise UnusableInput(f"{flag} {value} is out of range: it must be {wanted}.")


_TYPES: dict[Any, str] = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def effective(recipe: Recipe, *changes: Mapping[str, Any]) -> Settings:
    """The settings of a run: the network's recipe, changed by a file and then by the command line.

    Args:
        recipe: what the network comes with.
        changes: values by the names of the fields; later ones win. A whole number will do for a number.

    Raises:
        UnusableInput: a name is unknown, or a value cannot be used.
    """
    known = {option.name: option for option in fields(Settings)}
    values: dict[str, Any] = asdict(recipe)
    for change in changes:
        for name, value in change.items():
            if name not in known:
                raise UnusableInput(f"{name!r} is no setting: known are {', '.join(known)}.")
            whole = known[name].type is float and isinstance(value, int) and not isinstance(value, bool)
            values[name] = _as_float(value) if whole else value
    return Settings(**values)


def _as_float(whole: int) -> float:
    try:
        return float(whole)
    except OverflowError:
        return math.inf


def read_toml(path: Path) -> dict[str, Any]:
    """The settings of a TOML file, by name; `-` in a name is read as `_`.

    Raises:
        UnusableInput: the file is missing, is no TOML, or has a name in both ways.
    """
    try:
        if path.exists() and not path.is_file() and not path.is_dir():
            # a pipe, from which nothing may ever come
            raise UnusableInput(f"{path} is not a file: give a TOML file.")
        with path.open("rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read: {reason(error)}.") from error
    except (ValueError, RecursionError) as error:
        raise UnusableInput(f"{path} is not a TOML file: {error}.") from error
    values: dict[str, Any] = {}
    for name, value in table.items():
        field_name = name.replace("-", "_")
        if field_name in values:
            raise UnusableInput(f"{path} says {field_name} twice, with - and with _: leave one out.")
        values[field_name] = value
    return values


def to_toml(settings: Settings) -> str:
    """The effective settings as a TOML file that `--config` accepts."""

    def literal(value: object) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        return f'"{_escaped(value)}"' if isinstance(value, str) else repr(value)

    return "".join(f"{name} = {literal(value)}\n" for name, value in asdict(settings).items())


def _escaped(text: str) -> str:
    return "".join(f"\\u{ord(c):04x}" if ord(c) < 32 or c in '"\\\x7f' else c for c in text)
