import gzip
import hashlib
import http.client
import shutil
import socket
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision import datasets

from mnist_train.data import DataSet, Images, Normalisation, load
from tests.mnist_train.digits import NAMES, idx, printed_digits, write_data_set
from xlbackprop.errors import UnusableInput

WANTED = (
    "The files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte "
    "(or the same with .gz)"
)
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = NAMES


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not there is downloaded from nowhere."""
    for kind in (datasets.MNIST, datasets.FashionMNIST, datasets.KMNIST):
        monkeypatch.setattr(kind, "mirrors", ["file:///nowhere/at/all/"])
    monkeypatch.setattr(datasets.EMNIST, "url", "file:///nowhere/at/all.zip")


def written(folder: Path, *, packed: bool = True) -> Path:
    write_data_set(folder, train=30, test=20, packed=packed)
    return folder


def is_written(data: DataSet) -> bool:
    (train, train_labels), (test, test_labels) = printed_digits(30, seed=1), printed_digits(20, seed=2)
    pairs: list[tuple[Tensor, np.ndarray]] = [
        (data.train.pixels[:, 0], train),
        (data.train.labels, train_labels),
        (data.test.pixels[:, 0], test),
        (data.test.labels, test_labels),
    ]
    return all(np.array_equal(found.numpy(), right) for found, right in pairs)


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


def test_packed_files_of_a_plain_folder_are_read(tmp_path: Path) -> None:
    assert is_written(load("mnist", written(tmp_path)))


def test_unpacked_files_of_a_plain_folder_are_read(tmp_path: Path) -> None:
    assert is_written(load("mnist", written(tmp_path, packed=False)))


@pytest.mark.parametrize("packed", [True, False])
def test_files_in_the_layout_of_torchvision_are_read(tmp_path: Path, packed: bool) -> None:
    written(tmp_path / "MNIST" / "raw", packed=packed)
    assert is_written(load("mnist", tmp_path))


def test_packed_and_unpacked_files_may_lie_side_by_side(tmp_path: Path) -> None:
    written(tmp_path)
    unpacked = tmp_path / TEST_LABELS
    unpacked.write_bytes(gzip.decompress((tmp_path / f"{TEST_LABELS}.gz").read_bytes()))
    (tmp_path / f"{TEST_LABELS}.gz").unlink()
    assert is_written(load("mnist", tmp_path))


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


@pytest.mark.parametrize(
    ("name", "folder", "classes"),
    [("fashion-mnist", "FashionMNIST", ("T-shirt/top", "Ankle boot")), ("kmnist", "KMNIST", ("o", "wo"))],
)
def test_the_other_data_sets_lie_in_folders_of_their_own(
    tmp_path: Path, name: str, folder: str, classes: tuple[str, str]
) -> None:
    written(tmp_path / folder / "raw")
    data = load(name, tmp_path)
    assert is_written(data)
    assert (data.classes[0], data.classes[-1], len(data.classes)) == (*classes, 10)
    assert "are not in" in refusal(tmp_path, download=False)


def test_the_digits_of_emnist_are_turned_upright(tmp_path: Path) -> None:
    written(tmp_path)
    for name in NAMES:
        renamed = "emnist-digits-" + name.replace("t10k", "test")
        (tmp_path / f"{name}.gz").rename(tmp_path / f"{renamed}.gz")
    data = load("emnist-digits", tmp_path)
    assert np.array_equal(data.train.pixels[:, 0].numpy(), printed_digits(30, seed=1)[0].transpose(0, 2, 1))
    assert np.array_equal(data.test.pixels[:, 0].numpy(), printed_digits(20, seed=2)[0].transpose(0, 2, 1))
    assert data.train.pixels.is_contiguous()
    assert (data.classes, data.published) == (tuple("0123456789"), None)


@pytest.mark.parametrize("missing", NAMES)
def test_a_missing_file_is_named_with_the_folder_and_the_option(tmp_path: Path, missing: str) -> None:
    (written(tmp_path) / f"{missing}.gz").unlink()
    assert refusal(tmp_path, download=False) == f"{WANTED} are not in {tmp_path}: give their folder with --data-dir."
    assert not (tmp_path / "MNIST").exists()


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist", "emnist-digits"])
def test_a_failed_download_names_the_files_the_folder_and_the_option(tmp_path: Path, name: str) -> None:
    timeout = socket.getdefaulttimeout()
    wanted = WANTED
    if name == "emnist-digits":
        wanted = WANTED.replace("train", f"{name}-train").replace("t10k", f"{name}-test")
    assert refusal(tmp_path, name) == (
        f"{wanted} are not in {tmp_path} and could not be downloaded: go online, or give the folder where they lie "
        "with --data-dir."
    )
    assert socket.getdefaulttimeout() == timeout


@pytest.mark.parametrize(
    "error",
    [
        *(TimeoutError("timed out"), ConnectionResetError(), RuntimeError("File corrupted."), zipfile.BadZipFile()),
        *(http.client.IncompleteRead(b""), http.client.BadStatusLine("?"), EOFError()),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_download_that_breaks_off_is_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def breaks(_: object) -> None:
        raise error

    monkeypatch.setattr(datasets.MNIST, "download", breaks)
    assert "could not be downloaded: go online" in refusal(tmp_path)


def test_missing_files_are_downloaded_and_nothing_is_printed_as_a_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mirror = written(tmp_path / "mirror")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(mirror)))
    threading.Thread(target=server.serve_forever).start()
    sums = [(f"{name}.gz", hashlib.md5((mirror / f"{name}.gz").read_bytes()).hexdigest()) for name in NAMES]
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
    monkeypatch.setattr(datasets.MNIST, "resources", sums)
    monkeypatch.setenv("no_proxy", "*")
    try:
        assert is_written(load("mnist", tmp_path / "data"))
    finally:
        server.shutdown()
        server.server_close()
    assert capsys.readouterr().out == ""
    # once is enough, and what was checked on its way is known to be the published files
    again = load("mnist", tmp_path / "data")
    assert is_written(again)
    assert again.published is True


def damage(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return refusal(path.parent)


def damaged(path: Path) -> str:
    return f"{path} is damaged: delete it to have it downloaded again, or give another folder with --data-dir."


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("end", [0, 3, 40, -100, -9, -1])
def test_a_truncated_packed_file_is_damaged(tmp_path: Path, name: str, end: int) -> None:
    path = written(tmp_path) / f"{name}.gz"
    assert damage(path, path.read_bytes()[:end]) == damaged(path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("end", [0, 3, 5, 16, -10, -1])
def test_a_truncated_unpacked_file_is_damaged(tmp_path: Path, name: str, end: int) -> None:
    path = written(tmp_path, packed=False) / name
    assert damage(path, path.read_bytes()[:end]) == damaged(path)


@pytest.mark.parametrize("name", NAMES)
def test_garbage_is_damaged(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, packed=False) / name
    content = path.read_bytes()
    assert damage(path, b"<!DOCTYPE html>" * 50) == damaged(path)
    assert damage(path, content + b"\0") == damaged(path)
    assert damage(path, content[:2] + b"\x0d" + content[3:]) == damaged(path)


def test_images_in_the_place_of_labels_are_damaged(tmp_path: Path) -> None:
    written(tmp_path, packed=False)
    images, labels = tmp_path / TRAIN_IMAGES, tmp_path / TRAIN_LABELS
    assert damage(labels, images.read_bytes()) == damaged(labels)
    written(tmp_path, packed=False)
    assert damage(images, labels.read_bytes()) == damaged(images)


def test_a_file_that_may_not_be_read_is_not_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    written(tmp_path)
    monkeypatch.setattr(gzip, "open", forbidden)
    assert refusal(tmp_path) == f"{tmp_path / TRAIN_IMAGES}.gz cannot be read: permission denied."


def test_a_disk_without_room_to_unpack_is_not_a_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    written(tmp_path)
    monkeypatch.setattr(shutil, "copyfileobj", full)
    assert refusal(tmp_path) == f"{tmp_path / TRAIN_IMAGES}.gz cannot be read: no space left on device."


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "digits")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert is_written(load("mnist", Path("~/digits")))


def test_a_folder_whose_name_is_too_long_holds_nothing(tmp_path: Path) -> None:
    assert "--data-dir" in refusal(tmp_path / ("x" * 300), download=False)


@pytest.mark.parametrize("name", [TRAIN_LABELS, TEST_LABELS])
def test_a_label_beyond_nine_is_named(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, packed=False) / name
    sentence = f"{path} holds the label 10, but there are only 10 classes."
    assert damage(path, path.read_bytes()[:-1] + bytes([10])) == sentence


def test_images_and_labels_of_different_numbers_do_not_belong_together(tmp_path: Path) -> None:
    path = written(tmp_path, packed=False) / TEST_LABELS
    sentence = f"{tmp_path / TEST_IMAGES} and {TEST_LABELS} do not belong together: 20 images and 19 labels."
    assert damage(path, idx(np.zeros(19, np.uint8))) == sentence


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path, packed=False) / TRAIN_IMAGES
    sentence = f"{path} holds images of 20x32 pixels, not of 28x28."
    assert damage(path, idx(np.zeros((30, 20, 32), np.uint8))) == sentence


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


def test_files_that_nobody_published_are_known_by_their_sums(tmp_path: Path) -> None:
    assert load("mnist", written(tmp_path / "packed")).published is False
    assert load("mnist", written(tmp_path / "unpacked", packed=False)).published is None


def test_one_foreign_file_is_enough_not_to_be_the_published_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path)
    sums = [(f"{name}.gz", hashlib.md5((tmp_path / f"{name}.gz").read_bytes()).hexdigest()) for name in NAMES]
    monkeypatch.setattr(datasets.MNIST, "resources", sums)
    assert load("mnist", tmp_path).published is True
    labels = printed_digits(20, seed=2)[1]
    (tmp_path / f"{TEST_LABELS}.gz").write_bytes(gzip.compress(idx(9 - labels)))
    assert load("mnist", tmp_path).published is False


def test_the_real_images_have_the_usual_normalisation_and_the_published_sums(real_digits: Path) -> None:
    data = load("mnist", real_digits, download=False)
    assert (len(data.train), len(data.test)) == (60_000, 10_000)
    assert data.normalisation == Normalisation(0.1307, 0.3081)
    assert data.published is True
    assert data.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
