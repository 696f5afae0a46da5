"""Networks as TOML files: the templates that come with the program, and those that users write."""

import difflib
import tomllib
from pathlib import Path
from typing import Any

from xlbackprop.backprop.network import Network, draw_weights
from xlbackprop.errors import UnusableInput, reason

_REQUIRED_KEYS = ("layers", "inputs", "targets")
_TEXT_KEYS = ("title", "description", "hidden", "output", "loss", "biases")
_NUMBER_KEYS = ("inputs", "targets", "weights", "bias_values")
#: Above this a file is no template; nobody writes so many weights by hand.
_MAX_TEMPLATE_BYTES = 16 * 2**20


def template_folder() -> Path:
    """Where the templates lie: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parent.parent
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


def template_names() -> list[str]:
    """The names of the templates that come with the program, in alphabetical order."""
    return sorted(path.stem for path in template_folder().glob("*.toml"))


def load_template(name_or_path: str) -> Network:
    """The network of a template, given by name (`A`, `mazur`) or as the path of a TOML file.

    Weights that the template does not give are drawn with seed 0.

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


def _from_toml(content: dict[str, Any]) -> Network:
    known = ("layers", *_TEXT_KEYS, *_NUMBER_KEYS)
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"the keys are {', '.join(known)}."
            raise UnusableInput(f"the key {key} is not known; {hint}")
    for key in _REQUIRED_KEYS:
        if key not in content:
            raise UnusableInput(f"the key {key} is missing.")
    for key in _TEXT_KEYS:
        if not isinstance(content.get(key, ""), str):
            raise UnusableInput(f"{key} must be a text in quotes.")
    layers = content["layers"]
    if not (isinstance(layers, list) and all(type(size) is int for size in layers)):
        raise UnusableInput("layers must be a list of whole numbers, as [2, 2, 2].")
    values: dict[str, Any] = {key: content[key] for key in _TEXT_KEYS if key in content}
    for key in _NUMBER_KEYS:
        if key in content:
            values[key] = _numbers(key, content[key])
    if "weights" not in values:
        values["weights"] = draw_weights(tuple(layers), seed=0)
    if "bias_values" not in values and values.get("biases", "none") in ("fixed", "trained"):
        values["bias_values"] = (0.0,) * sum(layers[1:])
    return Network(layers=tuple(layers), **values)


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
