"""The files of a run: each is replaced as a whole, and tensors lie in safetensors, never in a pickle."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xlbackprop.cnn.tensors import HEADER_KEY, read_tensors

if TYPE_CHECKING:
    from torch import Tensor

#: How the name of a file begins while it is written; what a killed process left of it may be removed.
UNFINISHED = ".unfinished-"


@contextlib.contextmanager
def replaced_whole(path: Path) -> Iterator[Path]:
    """Give a path to write to, with the same ending; when the block ends without an error, it becomes `path`.

    The contents are on the disk before they have the name, and the name before this returns: a power cut leaves
    the old file or the new one.
    """
    unfinished = path.with_name(f"{UNFINISHED}{path.name}")
    try:
        yield unfinished
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
        _keep_names(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def _keep_names(folder: Path) -> None:
    """Have the disk keep which files there are in a folder, where the system can be asked for it."""
    if hasattr(os, "O_DIRECTORY"):
        names = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            # some file systems cannot, and need not
            with contextlib.suppress(OSError):
                os.fsync(names)
        finally:
            os.close(names)


def write_text(path: Path, text: str) -> None:
    """Replace a file by a text."""
    with replaced_whole(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a file by a JSON object, for people to read."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def save_tensors(path: Path, tensors: "Mapping[str, Tensor]", card: Mapping[str, Any]) -> None:
    """Replace a file by tensors, with a JSON object in its header."""
    from safetensors.torch import save

    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with replaced_whole(path) as unfinished:
        unfinished.write_bytes(save(plain, metadata={HEADER_KEY: json.dumps(card)}))


def load_tensors(path: Path) -> "tuple[dict[str, Tensor], dict[str, Any]]":
    """The tensors of a file, on the CPU, and the JSON object of its header.

    Raises:
        UnusableInput: the file is missing, damaged, or not one of ours.
    """
    import torch

    tensors, card = read_tensors(path)
    return {name: torch.from_numpy(tensor) for name, tensor in tensors.items()}, card
