"""What an assignment asks for, and what each part of it is worth: a TOML file, or the classic assignment."""

import difflib
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xlbackprop.backprop.optimizers import KINDS, PLAIN
from xlbackprop.backprop.templates import load_template
from xlbackprop.errors import UnusableInput, reason

#: The learning rates that the classic assignment asks for.
CLASSIC_RATES = (0.1, 0.2, 0.5, 0.8, 1.0, 2.0)
#: What a table can earn, and how much of its points each is worth.
PARTS = {"tables": 4.0, "formulas": 4.0, "charts": 2.0}
_KEYS = ("learning_rates", "start_values", "optimizers", "steps", "cause", "weights")
_MOST_BYTES = 2**20


@dataclass(frozen=True)
class Scheme:
    """What is asked for, and what it is worth.

    The points are shared evenly by the learning rates. The share of a rate is divided among the parts by their weights.

    Attributes:
        learning_rates: a table is asked for each.
        start_values: the inputs, targets, weights and biases that a table may start from, by name of the set.
        optimizers: what a table may be trained by, as `optimizers.KINDS` names them; none for anything.
        steps: the fewest updates of a table.
        cause: what a root cause takes of the part that it spoils, once, as a part of it.
        weights: of right numbers (`tables`), live formulas (`formulas`) and a curve of E_total (`charts`).
    """

    learning_rates: tuple[float, ...] = CLASSIC_RATES
    start_values: Mapping[str, Mapping[str, float]] = field(
        default_factory=lambda: {name: load_template(name).start_values for name in "ABC"}
    )
    optimizers: tuple[str, ...] = (PLAIN,)
    steps: int = 1
    cause: float = 0.75
    weights: Mapping[str, float] = field(default_factory=lambda: dict(PARTS))

    def part(self, name: str) -> float:
        """How much of the points of a learning rate belongs to a part."""
        return self.weights[name] / sum(self.weights.values())


def load_scheme(path: Path) -> Scheme:
    """The scheme in a TOML file; what it leaves out is that of the classic assignment.

    Raises:
        UnusableInput: it cannot be read, or does not describe a scheme.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UnusableInput(f"{path} is too large for a scheme: {path.stat().st_size:,} bytes.")
        content = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UnusableInput(f"{path} does not exist.") from None
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read: {reason(error)}.") from None
    except (ValueError, RecursionError) as error:
        raise UnusableInput(f"{path} is not a TOML file: {reason(error)}.") from None
    try:
        return _scheme(content, path.parent)
    except UnusableInput as error:
        raise UnusableInput(f"{path}: {error}") from None


def _scheme(content: Mapping[str, Any], folder: Path) -> Scheme:
    _insist_on_known(content, _KEYS)
    found: dict[str, Any] = {}
    if "learning_rates" in content:
        found["learning_rates"] = _rates(content["learning_rates"])
    if "start_values" in content:
        found["start_values"] = _start_values(content["start_values"], folder)
    if "optimizers" in content:
        found["optimizers"] = _optimizers(content["optimizers"])
    if "steps" in content:
        if type(content["steps"]) is not int or content["steps"] < 1:
            raise UnusableInput("steps must be a whole number from 1 on.")
        found["steps"] = content["steps"]
    if "cause" in content:
        found["cause"] = _number("cause", content["cause"])
        if found["cause"] > 1:
            raise UnusableInput("cause must lie between 0 and 1: it is a part of what a table can earn.")
    if "weights" in content:
        weights = content["weights"]
        if not isinstance(weights, dict):
            raise UnusableInput(f"weights must be a table with the keys {', '.join(PARTS)}.")
        _insist_on_known(weights, PARTS)
        found["weights"] = dict.fromkeys(PARTS, 0.0) | {name: _number(name, weight) for name, weight in weights.items()}
        if not 0 < sum(found["weights"].values()) < math.inf:
            raise UnusableInput("the weights must add up to more than 0.")
    return Scheme(**found)


def _insist_on_known(content: Mapping[str, Any], known: Any) -> None:
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(known)}."
            raise UnusableInput(f"the key {key} is not known; {hint}")


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e100:
        raise UnusableInput(f"{name} must be a number from 0 on.")
    return float(value)


def _rates(value: Any) -> tuple[float, ...]:
    if not isinstance(value, list) or not value:
        raise UnusableInput("learning_rates must be a list of numbers, as [0.1, 0.5].")
    rates = tuple(_number("a learning rate", rate) for rate in value)
    if 0.0 in rates:
        raise UnusableInput("a learning rate must be greater than 0.")
    if len(set(rates)) < len(rates):
        raise UnusableInput("learning_rates names one twice.")
    return rates


def _optimizers(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name in KINDS for name in value):
        raise UnusableInput(f'optimizers must be a list of some of {", ".join(KINDS)}, as ["{PLAIN}"].')
    return tuple(value)


def _start_values(value: Any, folder: Path) -> dict[str, Mapping[str, float]]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise UnusableInput('start_values must be a list of templates or TOML files, as ["A", "mine.toml"].')
    found: dict[str, Mapping[str, float]] = {}
    for name in value:
        beside = folder / name
        found[Path(name).stem] = load_template(str(beside) if beside.is_file() else name).start_values
    return found
