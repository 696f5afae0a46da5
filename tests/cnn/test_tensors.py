import os
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from tests.conftest import needs_posix
from xlbackprop.cnn.tensors import HEADER_KEY, read_tensors
from xlbackprop.errors import UnusableInput


def refusal(path: Path) -> str:
    """The sentence that refuses a file, without its name."""
    with pytest.raises(UnusableInput) as caught:
        read_tensors(path)
    return str(caught.value).removeprefix(f"{path} ")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    tensors = {"a": np.arange(6.0).reshape(2, 3), "half": np.ones(2, np.float16), "count": np.array(7)}
    path.write_bytes(save(tensors, metadata={HEADER_KEY: '{"network": "größer"}'}))
    return path


def test_tensors_come_back_in_their_shape_and_precision_with_their_card(file: Path) -> None:
    tensors, card = read_tensors(file)
    assert card == {"network": "größer"}
    assert {name: (tensor.shape, tensor.dtype.name) for name, tensor in tensors.items()} == {
        "a": ((2, 3), "float64"),
        "half": ((2,), "float16"),
        "count": ((), "int64"),
    }
    assert tensors["a"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere") == "does not exist."
    assert refusal(tmp_path / "no" / "folder") == "does not exist."


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "is a directory: give the file model.safetensors in it."


def test_what_the_system_has_against_a_file_is_said(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    assert refusal(file) == "cannot be read: permission denied."


@needs_posix
def test_a_file_without_permission_is_refused(file: Path) -> None:
    file.chmod(0)
    if os.access(file, os.R_OK):
        pytest.skip("this user may read every file")
    assert refusal(file) == "cannot be read: permission denied."


@needs_posix
def test_names_that_no_file_can_have_are_refused(file: Path) -> None:
    assert refusal(file / "below") == "cannot be read: not a directory."
    assert refusal(file.with_name("long" * 100)) == "cannot be read: file name too long."
    assert refusal(Path("a\0b")) == "cannot be read: embedded null byte."
    (file.parent / "loop").symlink_to("loop")
    assert refusal(file.parent / "loop") == "cannot be read: too many levels of symbolic links."


@needs_posix
def test_what_is_no_regular_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null")):
        assert refusal(path) == "is no regular file: give the model.safetensors of a run."


@needs_posix
def test_a_name_that_is_no_unicode_is_a_name(file: Path) -> None:
    renamed = Path(os.fsdecode(bytes(file.parent) + b"/\xff.safetensors"))
    file.rename(renamed)
    assert read_tensors(renamed)[1] == {"network": "größer"}
