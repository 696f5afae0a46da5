"""The images that can be chosen: which, in which order, by which name."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from tests.cnn.drawn import drawn_network
from xlbackprop.cnn.digits import NUMERALS, SOURCE, digits
from xlbackprop.errors import UnusableInput

NETWORK = drawn_network("teach")
CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot")


def write_images(folder: Path, labels: list[int], size: int = 28) -> None:
    """Test images of noise, as MNIST has them in its files."""
    pixels = np.random.default_rng(0).integers(0, 256, (len(labels), size, size), dtype=np.uint8)
    header = b"".join(n.to_bytes(4, "big") for n in (0x803, *pixels.shape))
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + pixels.tobytes()))
    header = b"".join(n.to_bytes(4, "big") for n in (0x801, len(labels)))
    (folder / "t10k-labels-idx1-ubyte").write_bytes(header + bytes(labels))


def test_thirty_images_come_with_the_program_and_at_least_two_of_each_class() -> None:
    shipped = digits(NETWORK)
    assert len(shipped) == len({one.index for one in shipped}) == 30
    assert min(sum(one.label == label for one in shipped) for label in range(10)) >= 2
    assert len(shipped[0].hexadecimal) == 1568
    assert bytes.fromhex(shipped[0].hexadecimal) == shipped[0].pixels.tobytes()


def test_the_shipped_file_names_source_and_licence() -> None:
    text = (Path(__file__).parents[2] / "xlbackprop/cnn/shipped/digits.json").read_text(encoding="utf-8")
    assert SOURCE in text
    assert "CC BY-SA 3.0" in text


def test_two_of_each_class_come_first_and_then_the_misread_ones(tmp_path: Path) -> None:
    write_images(tmp_path, [*range(10)] * 30)
    found = digits(NETWORK, 300, tmp_path)
    right = {label: [one.index for one in found if one.label == one.read_as == label] for label in range(10)}
    of_each_class = [right[label][n] for n in range(2) for label in range(10) if n < len(right[label])]
    assert of_each_class
    misread = sorted(one.index for one in found if one.label != one.read_as)
    assert [one.index for one in found][: len(of_each_class) + len(misread)] == of_each_class + misread
    assert len({one.index for one in found}) == 300


def test_a_name_says_what_an_image_is_and_what_it_is_taken_for() -> None:
    for one in digits(NETWORK):
        start = f"test image {one.index}: {'an' if one.label == 8 else 'a'} {one.label}"
        assert one.name == start + (f", read as {one.read_as}" if one.read_as != one.label else "")


def test_clothes_go_by_their_names(tmp_path: Path) -> None:
    write_images(tmp_path, [3])
    (one,) = digits(drawn_network("teach", CLOTHES, "fashion-mnist"), "all", tmp_path)
    assert one.name.startswith("test image 0: Dress")


def test_all_images_stand_in_their_own_order(tmp_path: Path) -> None:
    write_images(tmp_path, [5, 3, 3, 1])
    seen = []
    assert [one.index for one in digits(NETWORK, "all", tmp_path, lambda: seen.append(1))] == [0, 1, 2, 3]
    assert len(seen) == 4


def test_a_network_for_other_images_can_do_without() -> None:
    assert digits(drawn_network("teach", CLOTHES)) == []


@pytest.mark.parametrize(
    ("classes", "count", "words"),
    [
        (NUMERALS, "all", "do not come with the program"),
        (NUMERALS, 31, "31 digits are more than there are: 30"),
        (NUMERALS, -1, "give 0 or more"),
        (CLOTHES, 3, "are numerals"),
    ],
)
def test_what_is_not_shipped_is_refused(classes: tuple[str, ...], count: int, words: str) -> None:
    with pytest.raises(UnusableInput, match=words):
        digits(drawn_network("teach", classes), count)


@pytest.mark.skipif("MNIST_DATA" not in os.environ, reason="set MNIST_DATA to the folder of the images of MNIST")
def test_the_shipped_images_are_those_of_mnist() -> None:
    of_mnist = {one.index: one for one in digits(NETWORK, "all", Path(os.environ["MNIST_DATA"]))}
    for one in digits(NETWORK):
        assert one.hexadecimal == of_mnist[one.index].hexadecimal
        assert one.label == of_mnist[one.index].label
