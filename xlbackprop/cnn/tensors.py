"""Tensors in a safetensors file, with a JSON object in its header; read without torch."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from xlbackprop.errors import UnusableInput

#: Under which the JSON stands in the header, which holds texts only.
HEADER_KEY = "mnist_train"


def read_tensors(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """The tensors of a file, and the JSON object of its header.

    Raises:
        UnusableInput: the file is missing, damaged, or not one of ours.
    """
    if path.is_dir():
        raise UnusableInput(f"{path} is a directory: give the file model.safetensors in it.")
    try:
        with safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            if HEADER_KEY not in header:
                raise UnusableInput(f"{path} holds tensors, but was not written by this program.")
            card = json.loads(header[HEADER_KEY])
            tensors = {name: np.asarray(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise UnusableInput(f"{path} does not exist.") from None
    except RecursionError:
        raise UnusableInput(f"{path} is damaged: its description is nested too deeply.") from None
    except (SafetensorError, ValueError, OSError, TypeError, AttributeError) as error:
        raise UnusableInput(f"{path} is no safetensors file, or it is damaged: {error}.") from error
    if not isinstance(card, dict):
        raise UnusableInput(f"{path} is damaged: its description is no JSON object.")
    return tensors, card
