import gzip
import hashlib
import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import zipfile
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import platformdirs
import pytest
from torch import Tensor
from torchvision import datasets

from mnist_train import sources
from mnist_train.data import DataSet, load
from tests.conftest import REPOSITORY, needs_posix
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


def test_tables_of_pixels_instead_of_the_files_are_told(tmp_path: Path) -> None:
    (tmp_path / "sample_submission.csv").write_text("ImageId,Label\n")
    assert "Kaggle" not in refusal(tmp_path)
    (tmp_path / "train.csv").write_text("label,pixel0,pixel1\n")
    told = f"are not in {tmp_path} (there is train.csv: tables of pixels, as Kaggle has them, are not read)"
    assert f"{told}: give their folder" in refusal(tmp_path, download=False)
    (tmp_path / "test.csv").write_text("pixel0,pixel1\n")
    told = "tables of pixels, as Kaggle has them, are not read, because test.csv has no labels)"
    assert f"(there is test.csv and train.csv: {told} and could not be downloaded" in refusal(tmp_path)


@needs_posix
def test_a_pipe_that_is_called_like_a_table_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "train.csv")
    assert "Kaggle" not in refusal(tmp_path, download=False)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist", "emnist-digits"])
def test_a_failed_download_names_the_files_the_folder_and_the_option(tmp_path: Path, name: str) -> None:
    timeout = socket.getdefaulttimeout()
    wanted = WANTED
    if name == "emnist-digits":
        wanted = WANTED.replace("train", f"{name}-train").replace("t10k", f"{name}-test")
    assert refusal(tmp_path, name) == (
        f"{wanted} are not in {tmp_path} and could not be downloaded: go online, give the folder where they lie "
        "with --data-dir, or train on digits that are drawn from fonts with --dataset printed."
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
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
    monkeypatch.setattr(
        datasets.MNIST, "resources", list(zip([f"{name}.gz" for name in NAMES], sums(mirror), strict=True))
    )
    publish(monkeypatch, "mnist", sums=sums(mirror))
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
    return f"{path} is damaged, or no IDX file: delete it, and fetch it again."


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
    monkeypatch.setattr(Path, "read_bytes", forbidden)
    assert refusal(tmp_path) == f"{tmp_path / TRAIN_IMAGES}.gz cannot be read: permission denied."


def test_no_temporary_file_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    assert is_written(load("mnist", written(tmp_path)))


@needs_posix
def test_a_pipe_in_the_place_of_a_file_is_no_file(tmp_path: Path) -> None:
    (written(tmp_path) / f"{TEST_LABELS}.gz").unlink()
    os.mkfifo(tmp_path / TEST_LABELS)
    assert "are not in" in refusal(tmp_path, download=False)


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


def sums(folder: Path, ending: str = ".gz") -> tuple[str, ...]:
    return tuple(hashlib.md5((folder / f"{name}{ending}").read_bytes()).hexdigest() for name in NAMES)


def publish(monkeypatch: pytest.MonkeyPatch, name: str, **changes: object) -> None:
    """Have a data set be published with other sums."""
    monkeypatch.setitem(sources.SOURCES, name, replace(sources.SOURCES[name], **changes))


def test_files_that_nobody_published_are_known_by_their_sums(tmp_path: Path) -> None:
    assert load("mnist", written(tmp_path / "packed")).published is False
    assert load("mnist", written(tmp_path / "unpacked", packed=False)).published is False
    # of the others the sums are known of the packed files only
    assert load("kmnist", tmp_path / "packed").published is False
    assert load("kmnist", tmp_path / "unpacked").published is None


def test_one_foreign_file_is_enough_not_to_be_the_published_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(monkeypatch, "mnist", sums=sums(written(tmp_path)))
    assert load("mnist", tmp_path).published is True
    labels = printed_digits(20, seed=2)[1]
    (tmp_path / f"{TEST_LABELS}.gz").write_bytes(gzip.compress(idx(9 - labels)))
    assert load("mnist", tmp_path).published is False


@pytest.mark.parametrize("packed", [True, False])
def test_the_files_of_another_data_set_are_refused(
    packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path, packed=packed)
    known = {"sums": sums(tmp_path)} if packed else {"unpacked_sums": sums(tmp_path, "")}
    publish(monkeypatch, "mnist", **known)
    assert refusal(tmp_path, "fashion-mnist") == (
        f"{tmp_path / TRAIN_IMAGES}{'.gz' if packed else ''} holds the training images of mnist, not the training "
        "images of fashion-mnist: give the folder of fashion-mnist with --data-dir, or another --dataset."
    )
    assert is_written(load("mnist", tmp_path))


def test_training_images_are_no_test_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, "mnist", sums=sums(written(tmp_path)))
    for name in (TRAIN_IMAGES, TRAIN_LABELS):
        shutil.copy(tmp_path / f"{name}.gz", tmp_path / f"{name.replace('train', 't10k')}.gz")
    assert "t10k-images-idx3-ubyte.gz holds the training images of mnist, not the test images of" in refusal(tmp_path)


def test_the_sums_and_the_classes_are_those_that_torchvision_knows(real_digits: Path) -> None:
    for source in sources.SOURCES.values():
        kind = getattr(datasets, source.class_name)
        if source.sums:
            assert list(zip([f"{name}.gz" for name in source.files], source.sums, strict=True)) == kind.resources
        classes = kind.classes_split_dict["digits"] if source.class_name == "EMNIST" else kind.classes
        assert list(source.classes) == [name.partition(" - ")[0] for name in classes]
    unpacked = [gzip.decompress((real_digits / f"{name}.gz").read_bytes()) for name in NAMES]
    assert sources.SOURCES["mnist"].unpacked_sums == tuple(hashlib.md5(content).hexdigest() for content in unpacked)


def test_the_real_mnist_is_not_taken_for_fashion(real_digits: Path) -> None:
    assert "holds the training images of mnist, not" in refusal(real_digits, "fashion-mnist", download=False)


@pytest.mark.parametrize("within", ["", "folder"])
def test_the_names_of_kaggle_are_found(within: str, tmp_path: Path) -> None:
    written(tmp_path, packed=False)
    for name in NAMES:
        dotted = name.replace("-idx", ".idx")
        target = tmp_path / dotted / dotted if within else tmp_path / dotted
        target.parent.mkdir(exist_ok=True)
        (tmp_path / name).rename(target)
    assert is_written(load("mnist", tmp_path))


def keras(path: Path, **changes: np.ndarray) -> Path:
    (x_train, y_train), (x_test, y_test) = printed_digits(30, seed=1), printed_digits(20, seed=2)
    np.savez(path, **{"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test, **changes})
    return path


def test_the_file_of_keras_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras(tmp_path / "mnist.npz")
    assert is_written(load("mnist", tmp_path))
    assert load("mnist", tmp_path).published is False
    assert "are not in" in refusal(tmp_path, "kmnist", download=False)
    publish(monkeypatch, "mnist", unpacked_sums=sums(written(tmp_path / "unpacked", packed=False), ""))
    assert load("mnist", tmp_path).published is True


@pytest.mark.parametrize(
    "changes",
    [
        {"x_train": np.zeros((30, 27, 28), np.uint8)},
        {"y_test": np.zeros(19, np.uint8)},
        {"y_test": np.full(20, 10, np.uint8)},
        {"y_train": np.zeros(30, np.int64)},
        {"y_train": np.array(7, np.uint8)},
        {"x_test": np.zeros((0, 28, 28), np.uint8), "y_test": np.zeros(0, np.uint8)},
    ],
    ids=["size", "count", "label", "type", "number", "empty"],
)
def test_a_file_of_keras_with_something_else_is_refused(changes: dict[str, np.ndarray], tmp_path: Path) -> None:
    path = keras(tmp_path / "mnist.npz", **changes)
    assert refusal(tmp_path) == f"{path} does not hold images of 28x28 with labels from 0 to 9."


def test_a_damaged_file_of_keras_is_refused(tmp_path: Path) -> None:
    path = keras(tmp_path / "mnist.npz")
    whole = path.read_bytes()
    for content in (whole[:200], whole[:-20], b"", b"no archive", whole.replace(b"x_train", b"x_TRAIN")):
        path.write_bytes(content)
        assert refusal(tmp_path).startswith(f"{path} is damaged, or not Keras's file of MNIST")
    path.write_bytes(b"")
    np.savez(path, x_train=np.array([{}], dtype=object))
    assert "is damaged" in refusal(tmp_path)


def test_without_a_folder_the_images_lie_in_the_cache_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name, appauthor: tmp_path / name)
    written(tmp_path / "xlbackprop" / "mnist")
    assert is_written(load("mnist", ""))


def test_torchvision_is_imported_for_the_download_only(tmp_path: Path) -> None:
    written(tmp_path)
    code = f"import sys; from mnist_train.data import load; load('mnist', {str(tmp_path)!r}); print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    loaded = {name.partition(".")[0] for name in result.stdout.split()}
    assert loaded.isdisjoint({"torchvision", "scipy", "matplotlib", "PIL"})
