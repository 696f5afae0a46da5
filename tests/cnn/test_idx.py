"""IDX files, read without torch."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from tests.cnn.test_digits import write_images
from xlbackprop.cnn import idx
from xlbackprop.errors import UnusableInput

IMAGES, LABELS = "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte"


def test_images_and_labels_are_read_from_a_plain_folder(tmp_path: Path) -> None:
    write_images(tmp_path, [4, 7])
    images, labels = idx.read_test_images("mnist", tmp_path)
    assert images.shape == (2, 28, 28)
    assert labels.tolist() == [4, 7]
    assert np.array_equal(images, np.random.default_rng(0).integers(0, 256, (2, 28, 28), dtype=np.uint8))


def test_torchvisions_folders_are_known(tmp_path: Path) -> None:
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    write_images(folder, [4])
    assert len(idx.read_test_images("fashion-mnist", tmp_path)[0]) == 1
    with pytest.raises(UnusableInput, match="are not in"):
        idx.read_test_images("mnist", tmp_path)


def test_a_data_set_in_other_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="emnist-digits cannot be chosen from"):
        idx.read_test_images("emnist-digits", tmp_path)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        (IMAGES, lambda data: data[:-9], "damaged"),
        (IMAGES, lambda data: b"no gzip", "damaged"),
        (IMAGES, lambda data: gzip.compress(b"\0\0\x08"), "damaged"),
        (IMAGES, lambda data: gzip.compress(gzip.decompress(data)[:-1]), "damaged"),
        (LABELS, lambda data: data[:5], "damaged"),
        (LABELS, lambda data: b"\0\0\x09\x01" + data[4:], "damaged"),
        (LABELS, lambda data: data[:4] + b"\0\0\0\1" + data[8:9], "2 images and 1 labels"),
        (LABELS, lambda data: data[:8] + b"\x0a\x01", "the label 10"),
    ],
)
def test_a_damaged_file_is_told_in_a_sentence(tmp_path: Path, name: str, change, words: str) -> None:
    write_images(tmp_path, [4, 7])
    path = tmp_path / name
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(UnusableInput, match=words) as caught:
        idx.read_test_images("mnist", tmp_path)
    assert name in str(caught.value)


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    write_images(tmp_path, [4], size=27)
    with pytest.raises(UnusableInput, match="27x27 pixels, not of 28x28"):
        idx.read_test_images("mnist", tmp_path)
