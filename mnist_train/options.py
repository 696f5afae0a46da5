"""The options of the commands that train: one for each setting, and what they add up to."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from mnist_train import settings
from mnist_train.designs import design
from mnist_train.settings import DEFAULT_MODEL, Recipe, Settings, name_on_command_line

DATA_VARIABLE = "MNIST_DATA"
_MOST_SEEDS = 10_000
_RECIPE = {option.name for option in dataclasses.fields(Recipe)}


def settings_options(*, without: tuple[str, ...] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """An option for each setting but those named, and --config."""

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(dataclasses.fields(Settings)):
            if option.name not in without:
                command = _settings_option(option)(command)
        return click.option(
            "--config", type=click.Path(path_type=Path), help="A TOML file of the same names; options go before it."
        )(command)

    return decorated


def _settings_option(option: "dataclasses.Field[Any]") -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option of a setting; None where it is not given."""
    flag, choices = name_on_command_line(option.name), option.metadata["choices"]
    shown = (
        "that of the network"
        if option.name in _RECIPE
        else DEFAULTS_IN_WORDS.get(option.name, str(option.default).lower())
    )
    help_line = f"{option.metadata['help']}  [default: {shown}]"
    if option.type is bool:
        return click.option(f"{flag}/--no-{option.name}", option.name, default=None, help=help_line)
    return click.option(
        flag,
        option.name,
        type=click.Choice(choices) if choices else _CLICK_TYPES[option.type],
        help=help_line,
        envvar=DATA_VARIABLE if option.name == "data_dir" else None,
    )


# where the default itself does not say it
DEFAULTS_IN_WORDS = {"data_dir": "the user's cache folder"}
_CLICK_TYPES: dict[Any, Any] = {int: click.INT, float: click.FLOAT, str: click.STRING}


def effective_settings(values: dict[str, Any], config: Path | None) -> Settings:
    """The settings that the network's recipe, a file and the command line add up to."""
    given = {name: value for name, value in values.items() if value is not None}
    stored = settings.read_toml(config) if config else {}
    model = given.get("model", stored.get("model", DEFAULT_MODEL))
    return settings.effective(design(str(model)).recipe, stored, given)


def seeds(_: click.Context, option: click.Parameter, text: str) -> list[int]:
    """`3` for the seeds 1, 2, 3, or a range of them such as `4-6`."""
    found = re.fullmatch(r"(?:(\d{1,18})-)?(\d{1,18})", text)
    first, last = (int(found[1] or 1), int(found[2])) if found else (1, 0)
    if not 1 <= last - first + 1 <= _MOST_SEEDS:
        raise click.BadParameter(
            f"{text!r} is no number of seeds from 1 to {_MOST_SEEDS:,}, and no range of them such as 4-6.", param=option
        )
    return list(range(first, last + 1))
