"""The commands of the trainer: parse, call, print. torch is imported when a command runs."""

import dataclasses
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from mnist_train import __version__, settings
from mnist_train.settings import DEFAULT_MODEL, Recipe, Settings, name_on_command_line
from xlbackprop.commands import Commands
from xlbackprop.errors import UnusableInput
from xlbackprop.printing import say

RUNS = Path("output/mnist")
PREDICTIONS = "predictions.png"
_DATA_VARIABLE = "MNIST_DATA"
_RECIPE = {option.name for option in dataclasses.fields(Recipe)}


class _TrainsByDefault(Commands):
    """Takes `train` for the command where none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        # a word that is no command had better be called one than be an argument of `train`
        if not args or (args[0].startswith("-") and args[0] not in own):
            args = ["train", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            missing = (error.name or str(error)).partition(".")[0]
            extra = missing if missing == "tensorboard" else "mnist"
            raise UnusableInput(f'{missing} is not installed: pip install ".[{extra}]" in the checkout.') from error


def _settings_options(*, without: tuple[str, ...] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
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
    shown = "that of the network" if option.name in _RECIPE else str(option.default).lower()
    help_line = f"{option.metadata['help']}  [default: {shown}]"
    if option.type is bool:
        return click.option(f"{flag}/--no-{option.name}", option.name, default=None, help=help_line)
    return click.option(
        flag,
        option.name,
        type=click.Choice(choices) if choices else _CLICK_TYPES[option.type],
        help=help_line,
        envvar=_DATA_VARIABLE if option.name == "data_dir" else None,
    )


_CLICK_TYPES: dict[Any, Any] = {int: click.INT, float: click.FLOAT, str: click.STRING}


def _effective(values: dict[str, Any], config: Path | None) -> Settings:
    """The settings that the network's recipe, a file and the command line add up to."""
    from mnist_train.models import design

    given = {name: value for name, value in values.items() if value is not None}
    stored = settings.read_toml(config) if config else {}
    model = given.get("model", stored.get("model", DEFAULT_MODEL))
    return settings.effective(design(str(model)).recipe, stored, given)


@click.group(cls=_TrainsByDefault, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
def main() -> None:
    """Compact CNNs for MNIST: trained in seconds, logged, and comparable.

    Without the name of a command it trains, with the options of `train`.

    \b
    python -m mnist_train
    python -m mnist_train --model tiny --seed 7
    python -m mnist_train models
    python -m mnist_train train --help
    """


@main.command()
@click.option("--run-dir", type=click.Path(path_type=Path), help=f"Where the run goes.  [default: {RUNS}/MODEL]")
@click.option("--resume", is_flag=True, help="Go on with the run in --run-dir, with its own settings.")
@_settings_options()
@click.pass_context
def train(ctx: click.Context, /, run_dir: Path | None, resume: bool, config: Path | None, **values: Any) -> None:
    """Train a network, and write everything down.

    \b
    python -m mnist_train train --epochs 8 --augment 10,10,2
    python -m mnist_train train --config output/mnist/compact/config.toml --seed 2
    python -m mnist_train train --run-dir output/mnist/compact --resume
    """
    from mnist_train import plots, processes, report, runs

    if resume:
        given = [p for p in ctx.params if ctx.get_parameter_source(p) is ParameterSource.COMMANDLINE]
        changed = [name_on_command_line(name) for name in given if name not in ("resume", "run_dir", "data_dir")]
        if run_dir is None:
            raise UnusableInput("--resume needs --run-dir, the folder of the run to go on with.")
        if changed:
            raise UnusableInput(f"A run goes on with its own settings: leave out {', '.join(changed)}.")
        told = runs.stored_settings(run_dir)
        if values["data_dir"] is not None:
            told = dataclasses.replace(told, data_dir=values["data_dir"])
        if runs.is_finished(run_dir):
            say(f"The run in {run_dir} is finished: there is nothing to go on with.")
            return
    else:
        told = _effective(values, config)
    with processes.joined() as together:
        # what cannot be used is found out before there is a folder
        report.check_tensorboard(told)
        told, data = runs.prepared(told, together)
        if not together.writes:
            runs.train(told, data, run_dir or RUNS, together, runs.Watcher(), resume=resume)
            return
        if not resume:
            run_dir = runs.empty_folder(run_dir) if run_dir else runs.new_folder(RUNS, told.model)
        assert run_dir is not None
        reporter = report.Reporter(run_dir, tensorboard=told.tensorboard)
        try:
            run = runs.train(told, data, run_dir, together, reporter, resume=resume)
            reporter.line(report.checklist(run))
            plots.draw_all(run)
        except (runs.Interrupted, KeyboardInterrupt) as error:
            message = str(error) or f"Interrupted; {runs.how_to_go_on(run_dir, 'the end of the training')}"
            say("", err=True)
            say(message, err=True)
            sys.exit(130)
        reporter.line(f"Everything lies in {run_dir}.")
        runs.finish(run)


def _say_all(text: str) -> None:
    for line in text.splitlines():
        say(line)


@main.command()
def models() -> None:
    """List the networks, with what they are, their size and their recipe."""
    from mnist_train import report

    _say_all(report.registry())


@main.command()
@click.argument("model", default=DEFAULT_MODEL)
def summary(model: str) -> None:
    """Show a network layer by layer: output shape, parameters, receptive field and jump."""
    from mnist_train.summary import summary as table
    from xlbackprop.cnn.networks import network_layers

    _say_all(table(network_layers(model)))


_CHECKPOINT = click.argument("checkpoint", type=click.Path(path_type=Path))
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
_DEVICE = click.option("--device", type=click.Choice(settings.DEVICES), default=Settings.device, show_default=True)
_DATA_DIR = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    default=Settings.data_dir,
    show_default=True,
    envvar=_DATA_VARIABLE,
    help="Where the images lie, or are downloaded to.",
)


@main.command()
@_CHECKPOINT
@_DATA_DIR
@click.option("--dataset", type=click.Choice(settings.DATASETS), help="[default: that of the training]")
@_DEVICE
@_JSON
def evaluate(checkpoint: Path, data_dir: Path, dataset: str | None, device: str, as_json: bool) -> None:
    """Evaluate a trained network on test images. CHECKPOINT is a model.safetensors, or the folder with it.

    \b
    python -m mnist_train evaluate output/mnist/compact
    """
    from mnist_train import data, devices, evaluation
    from mnist_train.trained import load_trained

    place = devices.choose_device(device)
    trained = load_trained(checkpoint, place)
    images = data.load(dataset or trained.data_set, data_dir).to(place)
    result = evaluation.evaluate(trained.model, images.test, trained.normalisation)
    if as_json:
        say(json.dumps({**dataclasses.asdict(result), "accuracy": result.accuracy}))
    else:
        say(f"{images.test_name}: {result}")


@main.command()
@_CHECKPOINT
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    help=f"Where the picture of what the network saw goes.  [default: {PREDICTIONS} beside the checkpoint]",
)
@_DEVICE
@_JSON
def predict(checkpoint: Path, images: tuple[Path, ...], picture: Path | None, device: str, as_json: bool) -> None:
    """Tell the digit on any picture, dark on light or light on dark: PNG, JPEG ..

    \b
    python -m mnist_train predict output/mnist/compact photo.jpg scan.png
    """
    from mnist_train import devices, prediction
    from mnist_train.trained import load_trained

    trained = load_trained(checkpoint, devices.choose_device(device))
    target = picture or trained.folder / PREDICTIONS
    prediction.check_picture(target)
    predictions, failures = prediction.predict(trained, images)
    if as_json:
        _say_all(json.dumps({"predictions": [guess.as_json() for guess in predictions]}, indent=2))
    else:
        for guess in predictions:
            say(str(guess))
    for failure in failures:
        say(f"Error: {failure}", err=True)
    if predictions:
        prediction.draw(target, predictions)
        say(f"What the network saw: {target}", err=as_json)
    sys.exit(2 if failures else 0)


@main.command()
@click.option("--models", "names", default=DEFAULT_MODEL, show_default=True, help="Networks, with commas.")
@click.option("--seeds", type=click.IntRange(1, 10_000), default=3, show_default=True, help="Runs of each network.")
@click.option(
    "--run-dir",
    type=click.Path(path_type=Path),
    default=RUNS / "compare",
    show_default=True,
    help="Where the runs go; those that are there already are read.",
)
@_JSON
@_settings_options(without=("model", "seed", "tensorboard"))
def compare(names: str, seeds: int, run_dir: Path, as_json: bool, config: Path | None, **values: Any) -> None:
    """Train networks several times each, and print their table in Markdown.

    Seeds are 1, 2, 3 .. . Interrupted, the same command goes on where it was.

    \b
    python -m mnist_train compare --models tiny,compact --seeds 10
    python -m mnist_train compare --models compact --seeds 5 --hold-out 5000 --lr 0.02 --run-dir output/mnist/lr
    """
    from mnist_train import comparison, runs

    told = [_effective({**values, "model": name.strip()}, config) for name in names.split(",")]
    try:
        rows = list(comparison.compare(told, seeds, run_dir, lambda line: say(line, err=True)))
    except runs.Interrupted:
        say("", err=True)
        say("Interrupted: the same command goes on from here.", err=True)
        sys.exit(130)
    if as_json:
        _say_all(json.dumps({"rows": [dataclasses.asdict(row) for row in rows]}, indent=2))
    else:
        _say_all(comparison.to_markdown(rows))
