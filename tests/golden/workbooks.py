"""The workbooks whose parts are recorded, each by the command that builds it."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests import one_sample
from tests.golden.parts import parts_of
from tests.golden.running import run


@dataclass(frozen=True)
class Build:
    """A workbook to be built: the options, and the network where it is one of its own."""

    options: str
    network: Mapping[str, Any] = field(default_factory=dict)


def _network(layers: list[int], hidden: str, output: str = "sigmoid", biases: str = "fixed") -> dict[str, Any]:
    """A network with start values that are written down here, not drawn."""
    weights = sum(one * other for one, other in pairwise(layers))
    network = {
        "layers": layers,
        "hidden": hidden,
        "output": output,
        "loss": "cross-entropy" if output == "softmax" else "squared error",
        "biases": biases,
        "inputs": [round(0.9 - 0.35 * n, 2) for n in range(layers[0])],
        "targets": [1.0, *[0.0] * (layers[-1] - 1)],
        "weights": [round((0.37 * n + 0.21) % 1.3 - 0.6, 2) for n in range(weights)],
    }
    if biases != "none":
        network["bias_values"] = [round(0.1 * (n % 4) - 0.15, 2) for n in range(sum(layers[1:]))]
    return network


def _of_samples(hidden: str, targets: list[list[float]], output: str = "sigmoid", **shown: Any) -> dict[str, Any]:
    """The same with two inputs and four samples, and how these are shown."""
    network = _network([2, 2, len(targets[0])], hidden, output, "trained")
    del network["inputs"], network["targets"]
    inputs = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    samples = [{"inputs": i, "targets": t} for i, t in zip(inputs, targets, strict=True)]
    return network | {"samples": samples} | shown


_XOR = [[0.0], [1.0], [1.0], [0.0]]
_CLASSES = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
_CURVES = [[0.0, 0.3], [0.25, 0.1], [0.5, 0.9], [1.0, -0.2]]

TWELVE = "--lrs 0.5,2 --steps 12"

ONE_CASE = tomllib.loads(one_sample.ONE_CASE)

BUILDS: dict[str, Build] = {
    **{f"template {name}": Build(f"--template {name} {TWELVE}") for name in ("A", "B", "C", "mazur", "deep")},
    "one case of XOR": Build(TWELVE, ONE_CASE),
    "template softmax": Build(f"--template softmax {TWELVE}"),
    "the default rates": Build("--steps 3"),
    "one rate": Build("--template C --lrs 0.3 --steps 4"),
    "twelve rates": Build("--lrs 0.01,0.05,0.1,0.2,0.3,0.5,0.75,1,1.5,2,5,1e-3 --steps 2"),
    "one step": Build("--template mazur --lrs 0.5,1 --steps 1"),
    "300 steps": Build("--lrs 0.8 --steps 300", ONE_CASE),
    "protected": Build("--template A --lrs 0.5,2 --steps 5 --protect"),
    "drawn weights": Build("--template deep --lrs 0.1 --steps 3 --seed 7"),
    "set values": Build("--lrs 0.5 --steps 6 --set w1=-0.77 --set t1=0.3 --set i2=0 --set w8=1e-7"),
    "all options": Build("--lrs 0.2,4 --steps 7 --seed 3 --set w1=0.25 --protect", ONE_CASE),
    "relu": Build("--lrs 0.1,0.5 --steps 6", _network([2, 3, 2], "relu")),
    "leaky relu": Build("--lrs 0.1,0.5 --steps 6", _network([3, 2, 2, 1], "leaky relu", "linear", "trained")),
    "linear": Build("--lrs 0.05 --steps 6", _network([2, 2, 2], "linear", "tanh", "none")),
    "tanh": Build("--lrs 0.1,1 --steps 6", _network([2, 2, 2], "tanh", "leaky relu")),
    "relu before softmax": Build("--lrs 0.1 --steps 6", _network([2, 3, 3], "leaky relu", "softmax")),
    "no hidden layer": Build("--lrs 0.1,1 --steps 5", _network([3, 2], "sigmoid", "relu", "trained")),
    "softmax alone": Build("--lrs 0.5 --steps 5", _network([2, 2], "sigmoid", "softmax", "none")),
    "one weight": Build("--lrs 0.1,1 --steps 8", _network([1, 1], "sigmoid", "linear", "none")),
    "too wide to draw": Build("--lrs 0.1 --steps 2", _network([8, 8], "sigmoid")),
    "samples in a batch": Build("--lrs 0.5,2 --steps 6", _of_samples("sigmoid", _XOR)),
    "samples in mini-batches": Build(
        "--lrs 0.5 --steps 5", _of_samples("tanh", _XOR, batch=2, reduction="mean", order="drawn", seed=3)
    ),
    "samples in turn": Build("--lrs 0.5,2 --steps 9", _of_samples("sigmoid", _XOR, batch=1)),
    "classes in turn": Build(
        "--lrs 0.5 --steps 6 --protect", _of_samples("relu", _CLASSES, "softmax", batch=1, order="drawn", seed=3)
    ),
    "curves in a batch": Build("--lrs 0.1 --steps 3", _of_samples("tanh", _CURVES, "linear", reduction="mean")),
    "adam": Build("--optimizer adam --lrs 0.1 --steps 6"),
    "optimizers compared": Build("--optimizer sgd,momentum@0.2,adamw@0.01 --schedule step:2,0.5 --lrs 0.5 --steps 4"),
    "three hidden layers": Build("--lrs 0.4 --steps 3", _network([1, 2, 1, 2, 1], "tanh", biases="trained")),
}


def build(folder: Path, name: str) -> dict[str, Any]:
    """Build a workbook; gives its parts and what the command said."""
    made = BUILDS[name]
    options = made.options.split()
    if made.network:
        (folder / "net.toml").write_text("".join(f"{key} = {_toml(value)}\n" for key, value in made.network.items()))
        options += ["--template", "net.toml"]
    said = run(folder, "build", "-o", "book.xlsx", *options)
    return {"said": said, "parts": parts_of(folder / "book.xlsx") if said["exit"] == 0 else {}}


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {_toml(one)}' for key, one in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else repr(value)


#: Commands that only print.
PRINTING: dict[str, tuple[str, ...]] = {
    "templates": ("templates",),
    "version": ("--version",),
    "help": (),
    "help of build": ("build", "--help"),
    "help of check": ("check", "--help"),
    "help of grade": ("grade", "--help"),
    "help of verify": ("verify", "--help"),
    "help of templates": ("templates", "--help"),
    **{
        f"refused: {line}": tuple(line.split())
        for line in (
            "build --lrs , -o book.xlsx",
            "build --lrs 0,1 -o book.xlsx",
            "build --lrs 1,1.0 -o book.xlsx",
            "build --lrs 1e300 -o book.xlsx",
            "build --steps 0 -o book.xlsx",
            "build --steps 2000000 -o book.xlsx",
            "build --seed -1 -o book.xlsx",
            "build --set w1 -o book.xlsx",
            "build --set w77=1 -o book.xlsx",
            "build --template nowhere -o book.xlsx",
            "build --template softmax --set t1=0.5 -o book.xlsx",
            "build -o book.txt",
            "build -o nowhere/book.xlsx",
            "check nowhere.xlsx",
            "check .",
            "check nowhere.xlsx --json --csv",
            "check a.xlsx b.xlsx --annotate c.xlsx",
            "verify nowhere.xlsx",
            "verify nowhere.xlsx --json",
            "verify .",
        )
    },
}
