"""Tensors in a safetensors file, with a JSON object in its header; read without torch."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from xlbackprop.errors import UnusableInput, reason

#: Under which the JSON stands in the header, which holds texts only.
HEADER_KEY = "mnist_train"


def read_tensors(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The tensors of a file, and the JSON object of its header.

    Raises:
        UnusableInput: the file is missing, damaged, or not one of ours.
    """
    _check_readable(path)
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            if HEADER_KEY not in header:
                raise UnusableInput(f"{path} holds tensors, but was not written by this program.")
            tensors = {name: np.asarray(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    except (TypeError, AttributeError):
        # what NumPy says about bfloat16 and float8
        raise UnusableInput(f"{path} holds numbers of a kind that is not known here.") from None
    except (SafetensorError, ValueError, OSError) as error:
        raise UnusableInput(f"{path} is no safetensors file, or it is damaged: {reason(error)}.") from error
    return tensors, _card(header[HEADER_KEY], path)


def _card(text: str, path: Path) -> dict[str, Any]:
    try:
        card = json.loads(text)
    except (ValueError, RecursionError):
        card = None
    if not isinstance(card, dict):
        raise UnusableInput(f"{path} is damaged: its description is no JSON object.")
    return card


def _check_readable(path: Path) -> None:
    """Raises UnusableInput where safetensors would say that there is no file, whatever is wrong with it."""
    try:
        if path.is_dir():
            raise UnusableInput(f"{path} is a directory: give the file model.safetensors in it.")
        if path.exists() and not path.is_file():
            raise UnusableInput(f"{path} is no regular file: give the model.safetensors of a run.")
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise UnusableInput(f"{path} does not exist.") from None
    except (OSError, ValueError) as error:
        raise UnusableInput(f"{path} cannot be read: {reason(error)}.") from error
