"""The files of a run: each is replaced as a whole, and tensors lie in safetensors, never in a pickle."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from xlbackprop.cnn.tensors import HEADER_KEY, read_tensors


@contextlib.contextmanager
def replaced_whole(path: Path) -> Iterator[Path]:
    """Give a path to write to, with the same ending; when the block ends without an error, it becomes `path`."""
    unfinished = path.with_name(f".unfinished-{path.name}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Replace a file by a text."""
    with replaced_whole(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a file by a JSON object, for people to read."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def save_tensors(path: Path, tensors: Mapping[str, Tensor], card: Mapping[str, Any]) -> None:
    """Replace a file by tensors, with a JSON object in its header."""
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with replaced_whole(path) as unfinished:
        unfinished.write_bytes(save(plain, metadata={HEADER_KEY: json.dumps(card)}))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a file, on the CPU, and the JSON object of its header.

    Raises:
        UnusableInput: the file is missing, damaged, or not one of ours.
    """
    tensors, card = read_tensors(path)
    return {name: torch.from_numpy(tensor) for name, tensor in tensors.items()}, card
