"""The images that can be chosen in a workbook: some of the test images, by name.

Thirty of MNIST come with the program, in `shipped/digits.json`: two of each class, and ten that the shipped network
`nano` misreads. How they were chosen is `ship`: `python -c "from xlbackprop.cnn.digits import ship;
ship('runs/nano', 'data', 'xlbackprop/cnn/shipped/digits.json')"`.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import chain, islice
from pathlib import Path
from typing import Literal

import numpy as np

from xlbackprop.cnn import reference
from xlbackprop.cnn.idx import Bytes, read_test_images
from xlbackprop.cnn.networks import CLASSES, IMAGE
from xlbackprop.cnn.trained import TrainedNetwork, read_network
from xlbackprop.errors import UnusableInput

#: What is said of images of MNIST wherever they are shipped.
SOURCE = (
    "Images from the test set of MNIST, by Yann LeCun, Corinna Cortes and Christopher Burges; "
    "as far as is known under the licence CC BY-SA 3.0."
)
#: The classes of which images are shipped.
NUMERALS = tuple(map(str, range(CLASSES)))
#: So many of each class come first, then those that are misread.
_OF_EACH_CLASS = 2
_MISREAD = 10
_SHIPPED = files("xlbackprop.cnn") / "shipped" / "digits.json"


@dataclass(frozen=True)
class Digit:
    """An image that can be chosen.

    Attributes:
        index: its number in the test set, counted from 0.
        label: the class that it is.
        read_as: the class that the network takes it for.
        name: as the workbook lists it: `test image 248: a 4, read as 2`.
        pixels: (28, 28), from 0 to 255.
    """

    index: int
    label: int
    read_as: int
    name: str
    pixels: Bytes

    @property
    def hexadecimal(self) -> str:
        """Its pixels row by row, each as two hexadecimal digits."""
        return self.pixels.tobytes().hex()


def digits(
    network: TrainedNetwork,
    count: int | Literal["all"] | None = None,
    data_dir: Path | None = None,
    on_image: Callable[[], object] = lambda: None,
) -> list[Digit]:
    """The images that can be chosen: two of each class, then the misread ones, then others; all in their own order.

    Args:
        network: it reads them.
        count: how many; None for as many as are shipped.
        data_dir: the folder of the images, or None for those that are shipped.
        on_image: called for a progress bar, after each image that was read.

    Raises:
        UnusableInput: there are not so many, or the images are missing or damaged.
    """
    if count is not None and count != "all" and count < 0:
        raise UnusableInput(f"{count} digits cannot be chosen from: give 0 or more.")
    if data_dir is not None:
        images, labels = read_test_images(str(network.card["data"].get("name")), data_dir)
        indices: Sequence[int] = range(len(images))
    elif count == "all":
        raise UnusableInput("All test images do not come with the program: give the folder that holds them.")
    elif network.classes == NUMERALS:
        indices, labels, images = _shipped()
    elif not count:
        return []
    else:
        raise UnusableInput("The images that come with the program are numerals: give the folder with others.")
    shipped = _OF_EACH_CLASS * CLASSES + _MISREAD
    wanted = len(images) if count == "all" else shipped if count is None else count
    if wanted > len(images):
        raise UnusableInput(f"{wanted} digits are more than there are: {len(images)}. Give fewer, or another folder.")
    found = []
    for index, label, pixels in zip(indices, labels, images, strict=True):
        found.append(_digit(network, int(index), int(label), pixels))
        on_image()
    return found if count == "all" else _first(found, wanted)


def normalised(network: TrainedNetwork, pixels: Bytes) -> reference.Array:
    """An image as the network is given it, (1, 28, 28), from pixels of 0 to 255."""
    return ((pixels / 255 - network.mean) / network.deviation).reshape(IMAGE)


def ship(run: str, data_dir: str, path: str) -> None:
    """Choose the images that come with the program, and write them to a file.

    Args:
        run: the folder of a run, whose network says which images are misread.
        data_dir: the folder of the images.
        path: the file.
    """
    chosen = digits(read_network(Path(run)), None, Path(data_dir))
    images = [{"index": one.index, "label": one.label, "pixels": one.hexadecimal} for one in chosen]
    text = json.dumps({"source": SOURCE, "images": images}, indent=1)
    Path(path).write_text(text + "\n", encoding="utf-8")


def _shipped() -> tuple[list[int], Bytes, Bytes]:
    images = json.loads(_SHIPPED.read_text(encoding="utf-8"))["images"]
    pixels = np.frombuffer(b"".join(bytes.fromhex(image["pixels"]) for image in images), dtype=np.uint8)
    labels = np.array([image["label"] for image in images], dtype=np.uint8)
    return [image["index"] for image in images], labels, pixels.reshape(-1, *IMAGE[1:])


def _digit(network: TrainedNetwork, index: int, label: int, pixels: Bytes) -> Digit:
    logits = reference.forward(network.layers, network.tensors, normalised(network, pixels))[-1]
    read_as = int(np.argmax(logits))
    name = network.classes[label]
    if network.classes == NUMERALS:
        name = f"an {name}" if name == "8" else f"a {name}"
    misread = "" if read_as == label else f", read as {network.classes[read_as]}"
    return Digit(index, label, read_as, f"test image {index}: {name}{misread}", pixels)


def _first(found: Sequence[Digit], count: int) -> list[Digit]:
    """So many of them, two of each class first, then the misread ones."""
    right = [[one for one in found if one.label == one.read_as == label] for label in range(CLASSES)]
    of_each_class = chain.from_iterable(
        [of_class[n] for of_class in right if n < len(of_class)] for n in range(_OF_EACH_CLASS)
    )
    order = chain(of_each_class, (one for one in found if one.label != one.read_as), found)
    unique = {one.index: one for one in order}
    return list(islice(unique.values(), count))
