"""A trained network for other programs: as ONNX, or as a program of torch.export, with the normalisation inside."""

import io
import logging
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from mnist_train import files
from mnist_train.data import Normalisation
from mnist_train.trained import Trained
from xlbackprop.cnn.networks import IMAGE
from xlbackprop.errors import CheckFailed, FileExists, UnusableInput, reason

#: Of ONNX; runtimes since 2023 know it.
OPSET = 18
INPUT, OUTPUT = "pixels", "logits"
#: How far logits may be off, as a part of the largest one.
TOLERANCE = 1e-5

_PIXELS = "float, count x 1 x 28 x 28, from 0 to 255, light on a background of 0"
# images that the written network is tried with
_TRIED = 20

Run = Callable[[Tensor], Tensor]


class Whole(nn.Module):
    """A network that takes pixels as pictures have them.

    Args:
        model: takes normalised images.
        normalisation: of the images that it was trained on.
    """

    def __init__(self, model: nn.Module, normalisation: Normalisation) -> None:
        super().__init__()
        self._model = model
        self._normalisation = normalisation

    def forward(self, pixels: Tensor) -> Tensor:
        """The logits, (count, 10), of images, (count, 1, 28, 28), as floats from 0 to 255 with a background of 0."""
        outputs: Tensor = self._model(self._normalisation(pixels))
        return outputs


def export(trained: Trained, path: Path, *, force: bool = False) -> float:
    """Write a network for other programs; the ending of the path says for which.

    Args:
        trained: on the CPU.
        path: one that ends in .onnx or .pt2.
        force: whether a file there is replaced.

    Returns:
        The largest difference between the logits of the network and those of what was written.

    Raises:
        UnusableInput: the ending is another, or the path cannot be written to.
        CheckFailed: what was written gives other logits.
    """
    check_path(path, force=force)
    whole = Whole(trained.model, trained.normalisation).eval()
    pixels = torch.randint(0, 256, (_TRIED, *IMAGE), generator=torch.Generator().manual_seed(0)).float()
    with warnings.catch_warnings(), torch.no_grad():
        # what exporters say of their own insides
        warnings.simplefilter("ignore")
        content, run = _WRITERS[path.suffix.lower()](whole, trained)
        right = whole(pixels)
        difference = float((run(pixels) - right).abs().max())
    if not difference <= TOLERANCE * max(1.0, float(right.abs().max())):
        raise CheckFailed(f"What was exported gives other logits than the network, by up to {difference:.2g}.")
    try:
        with files.replaced_whole(path) as unfinished:
            unfinished.write_bytes(content)
    except OSError as error:
        raise UnusableInput(f"{path} cannot be written: {reason(error)}.") from error
    return difference


def check_path(path: Path, *, force: bool) -> None:
    """See whether a network may be written to a path.

    Raises:
        FileExists: there is a file, and no `force`.
        UnusableInput: the ending is unknown, or there is no place for it.
    """
    if path.suffix.lower() not in _WRITERS:
        raise UnusableInput(f"{path} does not say for which program: end it in {' or '.join(_WRITERS)}.")
    if path.is_dir():
        raise UnusableInput(f"{path} is a directory: give the name of a file.")
    if not path.parent.is_dir():
        raise UnusableInput(f"{path} cannot be written, since {path.parent} is no directory.")
    if path.exists() and not force:
        raise FileExists(f"{path} exists already: write elsewhere, or replace it.")


def _torch_export(whole: nn.Module, _: Trained) -> tuple[bytes, Run]:
    """The file, and what it gives when it is read back."""
    target = io.BytesIO()
    # two images, since a batch of one would be taken for the only possible size
    shapes = {INPUT: {0: torch.export.Dim("count")}}
    torch.export.save(torch.export.export(whole, (torch.zeros(2, *IMAGE),), dynamic_shapes=shapes), target)
    return target.getvalue(), torch.export.load(io.BytesIO(target.getvalue())).module()


def _onnx(whole: nn.Module, trained: Trained) -> tuple[bytes, Run]:
    """The file, and what onnxruntime makes of it."""
    # found out before the export has begun
    import onnx
    import onnxruntime
    import onnxscript  # noqa: F401

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    program = torch.onnx.export(
        whole,
        (torch.zeros(2, *IMAGE),),
        dynamo=True,
        opset_version=OPSET,
        input_names=[INPUT],
        output_names=[OUTPUT],
        dynamic_shapes={INPUT: {0: "count"}},
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    told = {"network": str(trained.card["network"]), "classes": ", ".join(trained.classes), INPUT: _PIXELS}
    onnx.helper.set_model_props(model, told)
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString()
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return content, lambda pixels: torch.from_numpy(session.run([OUTPUT], {INPUT: pixels.numpy()})[0])


_WRITERS: dict[str, Callable[[nn.Module, Trained], tuple[bytes, Run]]] = {".onnx": _onnx, ".pt2": _torch_export}
