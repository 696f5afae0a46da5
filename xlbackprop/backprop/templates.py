"""Networks as TOML files: the templates that come with the program, and those that users write."""

import difflib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xlbackprop.backprop.defaults import DEFAULT_ETAS, DEFAULT_STEPS
from xlbackprop.backprop.network import Network, draw_weights
from xlbackprop.backprop.optimizer_choice import HYPERPARAMETERS, OptimizerChoice
from xlbackprop.backprop.samples import ALL_AT_ONCE, Samples, Showing
from xlbackprop.errors import UnusableInput, reason

_EXAMPLE_KEYS = ("inputs", "targets")
_SAMPLES_KEYS = ("samples", "batch", "reduction", "order", "classes")
_TEXT_KEYS = ("title", "description", "hidden", "output", "loss", "biases")
_NUMBER_KEYS = ("inputs", "targets", "weights", "bias_values")
_TRAINING_KEYS = ("seed", "lrs", "steps")
_HYPERPARAMETER_KEYS = tuple(name for name in HYPERPARAMETERS if not name.startswith("beta_"))
_OPTIMIZER_KEYS = ("optimizer", "schedule", "betas", *_HYPERPARAMETER_KEYS)
_KNOWN_KEYS = ("layers", *_TEXT_KEYS, *_NUMBER_KEYS, *_SAMPLES_KEYS, *_TRAINING_KEYS, *_OPTIMIZER_KEYS)
#: How samples are shown: as they stand in the list, or in an order that the seed draws.
_ORDERS = ("listed", "drawn")
#: Above this a file is no template; nobody writes so many weights by hand.
_MAX_TEMPLATE_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Template:
    """What a template describes.

    Attributes:
        network: what is trained.
        etas: the learning rates that it names, or those that are usual.
        steps: the number of updates that it names, or the usual one.
        showing: how its samples are shown, and others would be.
        choice: the optimizers that it names, or gradient descent.
    """

    network: Network
    etas: tuple[float, ...] = DEFAULT_ETAS
    steps: int = DEFAULT_STEPS
    showing: Showing = ALL_AT_ONCE
    choice: OptimizerChoice = field(default_factory=OptimizerChoice)


def template_folder() -> Path:
    """Where the templates lie: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


def template_names() -> list[str]:
    """The names of the templates that come with the program, in alphabetical order."""
    return sorted(path.stem for path in template_folder().glob("*.toml"))


def load_template(name_or_path: str) -> Network:
    """The network of a template; the argument and what is raised are those of `read_template`."""
    return read_template(name_or_path).network


def read_template(name_or_path: str) -> Template:
    """A template, given by name (`A`, `mazur`) or as the path of a TOML file.

    Weights that the template does not give are drawn with its seed, which is 0 where it names none.

    Raises:
        UnusableInput: there is no such template, or it does not describe a network.
    """
    by_name = {name.lower(): name for name in template_names()}
    if name_or_path.lower() in by_name:
        path = template_folder() / f"{by_name[name_or_path.lower()]}.toml"
    else:
        path = Path(name_or_path)
    try:
        if path.exists() and not path.is_file():
            raise UnusableInput(f"{path} is not a file: give the name of a template or of a TOML file.")
        if path.stat().st_size > _MAX_TEMPLATE_BYTES:
            raise UnusableInput(f"{path} is too large for a template: {path.stat().st_size:,} bytes.")
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        raise UnusableInput(
            f"There is no template or file {name_or_path}: the templates are {', '.join(template_names())}."
        ) from None
    except (ValueError, RecursionError) as error:
        # TOML errors are ValueErrors, and so is a whole number of thousands of digits
        why = str(error).partition(";")[0] if isinstance(error, ValueError) else "it nests too deep"
        raise UnusableInput(f"{path} is not a TOML file: {why}.") from None
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read: {reason(error)}.") from None
    try:
        return _from_toml(content)
    except UnusableInput as error:
        raise UnusableInput(f"{path}: {error}") from None


def _from_toml(content: dict[str, Any]) -> Template:
    _insist_on_keys(content)
    layers = content["layers"]
    if not (isinstance(layers, list) and all(type(size) is int for size in layers)):
        raise UnusableInput("layers must be a list of whole numbers, as [2, 2, 2].")
    values: dict[str, Any] = {key: content[key] for key in _TEXT_KEYS if key in content}
    for key in _NUMBER_KEYS:
        if key in content:
            values[key] = _numbers(key, content[key])
    seed = _whole("seed", content.get("seed", 0), least=0)
    if "weights" not in values:
        values["weights"] = draw_weights(tuple(layers), seed)
    if "bias_values" not in values and values.get("biases", "none") in ("fixed", "trained"):
        values["bias_values"] = (0.0,) * sum(layers[1:])
    given: dict[str, Any] = {}
    if "samples" in content:
        given["showing"] = showing = _showing(content, seed)
        samples = _samples(content, showing)
        values |= {"inputs": samples.inputs[0], "targets": samples.targets[0]}
        values["samples"] = samples if samples.count > 1 else None
    if "steps" in content:
        given["steps"] = _whole("steps", content["steps"], least=1)
    if "lrs" in content:
        given["etas"] = _numbers("lrs", content["lrs"])
    given["choice"] = _optimizers(content)
    return Template(Network(layers=tuple(layers), **values), **given)


def _optimizers(content: dict[str, Any]) -> OptimizerChoice:
    hyperparameters: dict[str, float] = {}
    for key in _HYPERPARAMETER_KEYS:
        if key in content:
            hyperparameters |= {key: _numbers(key, [content[key]])[0]}
    if "betas" in content:
        betas = _numbers("betas", content["betas"])
        if len(betas) != 2:
            raise UnusableInput(f"betas must be two numbers, as [0.9, 0.999], but there are {len(betas)}.")
        hyperparameters |= dict(zip(("beta_1", "beta_2"), betas, strict=True))
    chosen = {
        name: content[key] for name, key in (("optimizers", "optimizer"), ("schedule", "schedule")) if key in content
    }
    choice = OptimizerChoice(hyperparameters=hyperparameters, **chosen)
    # what is wrong with it is said here, with the name of the template
    choice.trainings(())
    return choice


def _insist_on_keys(content: dict[str, Any]) -> None:
    """See whether the keys are known, all there, and go together."""
    for key in content:
        if key not in _KNOWN_KEYS:
            near = difflib.get_close_matches(key, _KNOWN_KEYS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(_KNOWN_KEYS)}."
            raise UnusableInput(f"the key {key} is not known; {hint}")
    several = "samples" in content
    for key in ("layers", *(() if several else _EXAMPLE_KEYS)):
        if key not in content:
            instead = ", or samples with inputs and targets of their own" if key in _EXAMPLE_KEYS else ""
            raise UnusableInput(f"the key {key} is missing{instead}.")
    for key in _EXAMPLE_KEYS if several else _SAMPLES_KEYS:
        if key in content:
            raise UnusableInput(
                f"{key} and samples exclude each other: each sample has its own {key}."
                if several
                else f"{key} is about samples, but there are none: give them as samples."
            )
    for key in (*_TEXT_KEYS, "optimizer", "schedule"):
        if not isinstance(content.get(key, ""), str):
            raise UnusableInput(f"{key} must be a text in quotes.")


def _showing(content: dict[str, Any], seed: int) -> Showing:
    """How the samples are shown; the seed draws their order where that is asked for."""
    batch, order, reduction = content.get("batch", "all"), content.get("order", _ORDERS[0]), content.get("reduction")
    if order not in _ORDERS:
        raise UnusableInput(f"order must be one of {', '.join(_ORDERS)}.")
    return Showing(
        None if batch == "all" else _whole("batch", batch, instead=', or "all"'),
        ALL_AT_ONCE.reduction if reduction is None else reduction,
        seed if order == "drawn" else None,
    )


def _samples(content: dict[str, Any], showing: Showing) -> Samples:
    rows = content["samples"]
    if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
        raise UnusableInput("samples must be a list, as [{inputs = [0, 1], targets = [1]}].")
    if not rows:
        raise UnusableInput("samples is empty: give at least one.")
    for number, row in enumerate(rows, start=1):
        _insist_on_sample(number, row)
    inputs, targets = (
        tuple(_numbers(f"{key} of sample {number}", row[key]) for number, row in enumerate(rows, start=1))
        for key in _EXAMPLE_KEYS
    )
    classes = content.get("classes", [])
    if not (isinstance(classes, list) and all(isinstance(name, str) for name in classes)):
        raise UnusableInput('classes must be a list of names, as ["no", "yes"].')
    return showing.of(inputs, targets, classes)


def _insist_on_sample(number: int, row: dict[str, Any]) -> None:
    """See whether a sample has its keys."""
    for key in _EXAMPLE_KEYS:
        if key not in row:
            raise UnusableInput(f"sample {number} lacks the key {key}: a sample has inputs and targets.")
    for key in row:
        if key not in _EXAMPLE_KEYS:
            hint = f": what is said of the whole template stands before the first sample, and so does {key}"
            raise UnusableInput(
                f"sample {number} has the key {key}, but a sample has inputs and targets alone"
                f"{hint if key in _KNOWN_KEYS else ''}."
            )


def _whole(key: str, value: Any, *, least: int | None = None, instead: str = "") -> int:
    if type(value) is not int or (least is not None and value < least):
        from_least = "" if least is None else f" from {least} on"
        raise UnusableInput(f"{key} must be a whole number{from_least}{instead}.")
    return value


def _numbers(key: str, value: Any) -> tuple[float, ...]:
    if not isinstance(value, list):
        raise UnusableInput(f"{key} must be a list of numbers, as [0.1, 0.2].")
    for number in value:
        # bool is an int in Python, but true is no number in a template
        if not isinstance(number, int | float) or isinstance(number, bool):
            shown = str(number).lower() if isinstance(number, bool) else repr(str(number))
            raise UnusableInput(f"{key} holds {shown} where a number belongs.")
    try:
        return tuple(float(number) for number in value)
    except OverflowError:
        raise UnusableInput(f"{key} holds a number that no cell can hold.") from None
