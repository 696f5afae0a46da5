"""The commands of the trainer: parse, call, print. torch is imported when a command runs."""

import dataclasses
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mnist_train import __version__, options, settings
from mnist_train.launch import launch
from mnist_train.options import DATA_VARIABLE, DEFAULTS_IN_WORDS, effective_settings, settings_options
from mnist_train.settings import DEFAULT_MODEL, Settings, name_on_command_line
from xlbackprop.commands import Commands, end_if_asked
from xlbackprop.errors import Failure, UnusableInput
from xlbackprop.interruption import EXIT_CODE
from xlbackprop.printing import say

if TYPE_CHECKING:
    from mnist_train.data import DataSet
    from mnist_train.processes import Processes
    from mnist_train.runs import Run

RUNS = Path("output/mnist")
PREDICTIONS = "predictions.png"
# which extra brings what the others do not
_EXTRAS = {"tensorboard": "tensorboard", "onnx": "export", "onnxscript": "export", "onnxruntime": "export"}
# of the settings of a run that goes on
_MAY_CHANGE = ("data_dir", "device")


class _TrainsByDefault(Commands):
    """Takes `train` for the command where none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        # a word that is no command had better be called one than be an argument of `train`
        if not args or (args[0].startswith("-") and args[0] not in own):
            args = ["train", *args]
        if args[0] in self.commands and args[0] != "train" and launch().count > 1:
            raise self._once(UnusableInput(f"{args[0]} is no work for several processes: start it without torchrun."))
        return super().parse_args(ctx, args)

    @staticmethod
    def _once(error: Failure) -> BaseException:
        """An error that all processes of a machine have, to be told by the first of them."""
        return SystemExit(error.exit_code) if launch().local_rank else error

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Failure as error:
            raise self._once(error) from error
        except ModuleNotFoundError as error:
            missing = (error.name or str(error)).partition(".")[0]
            extra = _EXTRAS.get(missing, "mnist")
            raise UnusableInput(f'{missing} is not installed: pip install ".[{extra}]" in the checkout.') from error


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
@settings_options()
@click.pass_context
def train(ctx: click.Context, /, run_dir: Path | None, resume: bool, config: Path | None, **values: Any) -> None:
    """Train a network, and write everything down.

    \b
    python -m mnist_train train --epochs 8 --augment 10,10,2
    python -m mnist_train train --config output/mnist/compact/config.toml --seed 2
    python -m mnist_train train --run-dir output/mnist/compact --resume
    """
    if resume:
        told = _of_resumed(ctx, run_dir, values)
        if told is None:
            return
    else:
        told = effective_settings(values, config)
    from mnist_train import devices, folders, processes, report, runs

    # what cannot be used is found out before there is a folder
    report.check_tensorboard(told)
    with processes.joined(devices.choose_device(told.device)) as together:
        told, data = runs.prepared(told, together)
        if not together.writes:
            _train_along(told, data, together, run_dir or RUNS, resume=resume)
            return
        if resume:
            assert run_dir is not None
            holding = folders.held(run_dir)
        else:
            run_dir = run_dir or folders.new_folder(RUNS, told.model)
            holding = folders.started(run_dir)
        with holding:
            _train_and_report(told, data, together, run_dir, resume=resume)


def _of_resumed(ctx: click.Context, run_dir: Path | None, values: dict[str, Any]) -> Settings | None:
    """The settings of the run to go on with; None where it is finished."""
    from mnist_train import folders

    given = [p for p in ctx.params if ctx.get_parameter_source(p) is ParameterSource.COMMANDLINE]
    changed = [name_on_command_line(name) for name in given if name not in ("resume", "run_dir", *_MAY_CHANGE)]
    if run_dir is None:
        raise UnusableInput("--resume needs --run-dir, the folder of the run to go on with.")
    if changed:
        raise UnusableInput(f"A run goes on with its own settings: leave out {', '.join(changed)}.")
    if not folders.holds_run(run_dir):
        raise UnusableInput(f"{run_dir} holds no run: start one there without --resume.")
    told = folders.stored_settings(run_dir)
    if folders.is_finished(run_dir):
        say(f"The run in {run_dir} is finished: there is nothing to go on with.")
        return None
    moved = {name: values[name] for name in _MAY_CHANGE if values[name] is not None}
    if moved.get("device", told.device) != told.device:
        # the best number of threads is another one there
        moved["threads"] = 0
    return dataclasses.replace(told, **moved)


def _train_and_report(told: Settings, data: "DataSet", together: "Processes", run_dir: Path, *, resume: bool) -> None:
    """Train, print and draw, as the process that writes."""
    from mnist_train import brief, folders, report, runs
    from xlbackprop.cnn.networks import network_layers

    try:
        reporter = report.Reporter(run_dir, tensorboard=told.tensorboard)
        run = runs.train(told, data, run_dir, together, reporter, resume=resume)
        with folders.file_errors(run_dir):
            reporter.line(brief.checklist(brief.items(network_layers(told.model), run.epochs, told.dataset)))
            _draw(run)
        end_if_asked()
    except (runs.Interrupted, KeyboardInterrupt) as error:
        begun = f"; {runs.how_to_go_on(run_dir)}" if folders.holds_run(run_dir) else " before the training began."
        say("", err=True)
        say(str(error) or f"Interrupted{begun}", err=True)
        sys.exit(EXIT_CODE)
    reporter.line(f"Everything lies in {run_dir}.")
    runs.finish(run)


def _train_along(told: Settings, data: "DataSet", together: "Processes", run_dir: Path, *, resume: bool) -> None:
    """Train as a process that another one prints and writes for."""
    from mnist_train import runs

    try:
        runs.train(told, data, run_dir, together, runs.Watcher(), resume=resume)
    except (runs.Interrupted, KeyboardInterrupt):
        sys.exit(EXIT_CODE)


def _draw(run: "Run") -> None:
    """The pictures and the README of a run."""
    from mnist_train import plots, readme

    plots.draw_all(run)
    readme.write(run)


def _say_all(text: str) -> None:
    for line in text.splitlines():
        say(line)


def _say_json(document: object, indent: int | None = 2) -> None:
    """Print a document; what is no number, such as the loss of a network with broken weights, is null."""
    _say_all(json.dumps(_with_null(document), indent=indent, allow_nan=False))


def _with_null(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: _with_null(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [_with_null(value) for value in document]
    return None if isinstance(document, float) and not math.isfinite(document) else document


@main.command()
def models() -> None:
    """List the networks, with what they are, their size and their recipe."""
    from mnist_train.designs import registry

    _say_all(registry())


@main.command()
@click.argument("model", default=DEFAULT_MODEL)
@click.option("--markdown", is_flag=True, help="Print the table in Markdown, for a README.")
def summary(model: str, markdown: bool) -> None:
    """Show a network layer by layer: output shape, parameters, receptive field and jump."""
    from mnist_train import summary as tables
    from xlbackprop.cnn.networks import network_layers

    layers = network_layers(model)
    _say_all(tables.to_markdown(layers) if markdown else tables.summary(layers))


@main.command()
@click.argument("run_dir", type=click.Path(path_type=Path))
@click.option("--data-dir", help="Where the images lie, if elsewhere by now.", envvar=DATA_VARIABLE)
def report(run_dir: Path, data_dir: str | None) -> None:
    """Make the pictures and the README of a finished run again, from its folder, without training.

    \b
    python -m mnist_train report output/mnist/compact
    """
    from mnist_train import folders, runs

    run = runs.read_back(run_dir, data_dir=data_dir)
    with folders.held(run_dir), folders.file_errors(run_dir):
        _draw(run)
    say(f"The pictures and the README of the run in {run_dir} are made again.")


_CHECKPOINT = click.argument("checkpoint", type=click.Path(path_type=Path))
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead.")
_DEVICE = click.option("--device", type=click.Choice(settings.DEVICES), default=Settings.device, show_default=True)
_DATA_DIR = click.option(
    "--data-dir",
    default=Settings.data_dir,
    envvar=DATA_VARIABLE,
    help=f"Where the images lie, or are downloaded to.  [default: {DEFAULTS_IN_WORDS['data_dir']}]",
)


@main.command()
@_CHECKPOINT
@_DATA_DIR
@click.option("--dataset", type=click.Choice(settings.DATASETS), help="[default: that of the training]")
@_DEVICE
@_JSON
def evaluate(checkpoint: Path, data_dir: str, dataset: str | None, device: str, as_json: bool) -> None:
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
        _say_json({**dataclasses.asdict(result), "accuracy": result.accuracy}, indent=None)
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
    prediction.check_picture(target, images)
    predictions, failures = prediction.predict(trained, images)
    if as_json:
        _say_json({"predictions": [guess.as_json() for guess in predictions]})
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
@_CHECKPOINT
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def export(checkpoint: Path, path: Path, force: bool) -> None:
    """Write a trained network for other programs: PATH ends in .onnx, or in .pt2 for torch.export.

    Normalisation is inside: it takes pixels from 0 to 255 and gives logits. What was written is run before it is
    handed over, and gives the same.

    \b
    python -m mnist_train export output/mnist/compact compact.onnx
    python -m mnist_train export output/mnist/compact compact.pt2
    """
    from mnist_train import devices
    from mnist_train import export as exporting
    from mnist_train.trained import load_trained

    exporting.check_path(path, force=force)
    difference = exporting.export(load_trained(checkpoint, devices.choose_device("cpu")), path, force=force)
    opset = f", opset {exporting.OPSET}" if path.suffix.lower() == ".onnx" else ""
    say(f"Written: {path}{opset}; its logits differ from those of the network by {difference:.1g} at most.")


@main.command()
@click.option("--models", "names", default=DEFAULT_MODEL, show_default=True, help="Networks, with commas.")
@click.option(
    "--seeds",
    callback=options.seeds,
    default="3",
    show_default=True,
    help="Runs of each network, with the seeds 1, 2, 3 ..; or a range of seeds, such as 4-6.",
)
@click.option(
    "--run-dir",
    type=click.Path(path_type=Path),
    default=RUNS / "compare",
    show_default=True,
    help="Where the runs go; those that are there already are read.",
)
@_JSON
@settings_options(without=("model", "seed", "tensorboard"))
def compare(names: str, seeds: list[int], run_dir: Path, as_json: bool, config: Path | None, **values: Any) -> None:
    """Train networks several times each, and print what can be said of them, in Markdown.

    Interrupted, the same command goes on where it was. Several machines can share the seeds: each takes a range
    of them, and where their folders are put together, the same command reads them all.

    \b
    python -m mnist_train compare --models tiny,compact --seeds 10
    python -m mnist_train compare --models tiny,compact --seeds 11-20
    python -m mnist_train compare --models compact --seeds 5 --hold-out 5000 --lr 0.02 --run-dir output/mnist/lr
    """
    chosen = [name.strip() for name in names.split(",")]
    if not all(chosen):
        raise UnusableInput(
            f"--models {names!r} leaves a name out: give networks with commas between them, such as tiny,compact."
        )
    if twice := {name for name in chosen if chosen.count(name) > 1}:
        raise UnusableInput(f"--models names {', '.join(sorted(twice))} twice: name each network once.")
    told = [effective_settings({**values, "model": name}, config) for name in chosen]
    from mnist_train import comparison, comparison_report, report, runs

    try:
        with report.epochs_bar(comparison.epochs_to_train(told, seeds, run_dir)) as (epoch_done, line):
            rows = comparison.compare(told, seeds, run_dir, line, epoch_done)
    except (runs.Interrupted, KeyboardInterrupt):
        say("", err=True)
        say("Interrupted: the same command goes on from here.", err=True)
        sys.exit(EXIT_CODE)
    comparison_report.write(run_dir, rows)
    if as_json:
        _say_json(comparison_report.as_json(rows))
    else:
        _say_all(comparison_report.to_markdown(rows))
    say(f"Table, numbers and picture lie in {run_dir}.", err=True)
