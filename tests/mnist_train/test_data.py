from pathlib import Path

import numpy as np
import pytest
import torch

from mnist_train.data import DataSet, Images, Normalisation, load
from tests.mnist_train.digits import NAMES, idx, printed_digits, write_data_set
from xlbackprop.errors import UnusableInput

TRAIN_IMAGES, TRAIN_LABELS, _, _ = NAMES


def written(folder: Path, *, packed: bool = True) -> Path:
    write_data_set(folder, train=30, test=20, packed=packed)
    return folder


def numbered(folder: Path, count: int) -> Path:
    """A data set whose training images say in their first two pixels which they are."""
    write_data_set(folder, train=1, test=5, packed=False)
    pixels = np.zeros((count, 28, 28), np.uint8)
    pixels[:, 0, 0], pixels[:, 0, 1] = np.divmod(np.arange(count), 256)
    (folder / TRAIN_IMAGES).write_bytes(idx(pixels))
    (folder / TRAIN_LABELS).write_bytes(idx((np.arange(count) % 10).astype(np.uint8)))
    return folder


def numbers(images: Images) -> list[int]:
    return (images.pixels[:, 0, 0, 0].int() * 256 + images.pixels[:, 0, 0, 1]).tolist()


def refusal(folder: Path, name: str = "mnist", **options) -> str:
    with pytest.raises(UnusableInput) as caught:
        load(name, folder, **options)
    return str(caught.value)


def test_images_are_bytes_and_labels_whole_numbers(tmp_path: Path) -> None:
    data = load("mnist", written(tmp_path))
    assert (data.train.pixels.dtype, data.train.labels.dtype) == (torch.uint8, torch.int64)
    assert (data.train.pixels.shape, data.train.labels.shape) == ((30, 1, 28, 28), (30,))
    assert (len(data.train), len(data.test)) == (30, 20)
    assert (data.name, data.test_name, data.classes) == ("mnist", "Test set", tuple("0123456789"))


def test_chosen_images_keep_their_labels(data: DataSet) -> None:
    chosen = data.train[torch.tensor([3, 0])]
    assert torch.equal(chosen.pixels, data.train.pixels[[3, 0]])
    assert chosen.labels.tolist() == [int(data.train.labels[3]), int(data.train.labels[0])]


def test_held_out_images_take_the_place_of_the_test_images(tmp_path: Path) -> None:
    data = load("mnist", numbered(tmp_path, 1000), hold_out=300)
    assert (len(data.train), len(data.test), data.test_name) == (700, 300, "Held-out set")
    assert sorted(numbers(data.train) + numbers(data.test)) == list(range(1000))
    for images in (data.train, data.test):
        assert [number % 10 for number in numbers(images)] == images.labels.tolist()


def test_the_same_images_are_held_out_in_every_run(tmp_path: Path) -> None:
    numbered(tmp_path, 1000)
    torch.manual_seed(1)
    first = load("mnist", tmp_path, hold_out=300)
    torch.manual_seed(2)
    assert numbers(load("mnist", tmp_path, hold_out=300).test) == numbers(first.test)
    assert numbers(load("mnist", tmp_path, hold_out=300, limit=10).test) == numbers(first.test)
    assert sorted(numbers(first.test)) != list(range(700, 1000))


def test_something_is_left_to_train_on(tmp_path: Path) -> None:
    numbered(tmp_path, 1000)
    assert len(load("mnist", tmp_path, hold_out=999).train) == 1
    for hold_out in (1000, 2000):
        assert refusal(tmp_path, hold_out=hold_out) == (
            f"--hold-out {hold_out} leaves nothing of 1000 images to train on."
        )


def test_a_limit_takes_the_first_images_of_those_to_train_on(tmp_path: Path) -> None:
    numbered(tmp_path, 1000)
    data = load("mnist", tmp_path, limit=10)
    assert (numbers(data.train), len(data.test)) == (list(range(10)), 5)
    held_out = load("mnist", tmp_path, limit=10, hold_out=300)
    assert numbers(held_out.train) == numbers(load("mnist", tmp_path, hold_out=300).train)[:10]
    assert len(load("mnist", tmp_path, limit=2000).train) == 1000


@pytest.mark.parametrize("options", [{}, {"limit": 3}, {"hold_out": 20}])
def test_all_training_images_decide_on_the_normalisation(tmp_path: Path, options: dict[str, int]) -> None:
    pixels = printed_digits(30, seed=1)[0] / 255
    found = load("mnist", written(tmp_path), **options).normalisation
    assert found == Normalisation(round(float(pixels.mean()), 4), round(float(pixels.std()), 4))


def test_normalised_pixels_have_mean_0_and_deviation_1(data: DataSet) -> None:
    normalised = data.normalisation(data.train.pixels)
    assert normalised.dtype == torch.float32
    assert normalised.mean().item() == pytest.approx(0, abs=1e-3)
    assert normalised.std().item() == pytest.approx(1, abs=1e-3)
    assert torch.equal(data.normalisation(data.train.pixels.float()), normalised)
    usual = Normalisation(0.1307, 0.3081)(torch.tensor([0.0, 255.0]))
    torch.testing.assert_close(usual, torch.tensor([-0.1307 / 0.3081, (1 - 0.1307) / 0.3081]))


def test_images_of_one_colour_can_be_normalised(tmp_path: Path) -> None:
    path = written(tmp_path, packed=False) / TRAIN_IMAGES
    path.write_bytes(idx(np.zeros((30, 28, 28), np.uint8)))
    data = load("mnist", tmp_path)
    assert torch.all(data.normalisation(data.train.pixels) == 0)


def test_the_real_images_have_the_usual_normalisation_and_the_published_sums(real_digits: Path) -> None:
    data = load("mnist", real_digits, download=False)
    assert (len(data.train), len(data.test)) == (60_000, 10_000)
    assert data.normalisation == Normalisation(0.1307, 0.3081)
    assert data.published is True
    assert data.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]


def test_printed_digits_are_drawn_without_a_file(tmp_path: Path) -> None:
    data = load("printed", tmp_path / "nowhere", limit=50, hold_out=100)
    assert (data.name, len(data.train), len(data.test), data.published) == ("printed", 50, 100, None)
    assert data.classes == tuple("0123456789")
    assert list(tmp_path.iterdir()) == []
