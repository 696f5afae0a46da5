import json
import math
import os
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from mnist_train.files import load_tensors, replaced_whole, save_tensors, write_json, write_text
from tests.conftest import needs_posix
from xlbackprop.errors import UnusableInput

CARD = {"network": "nano", "accuracy": 99.4, "epochs": [1, 2], "nested": {"word": "größer"}, "none": None}


def test_a_file_becomes_another_only_at_the_end_of_the_block(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("old")
    with replaced_whole(path) as unfinished:
        unfinished.write_text("new")
        assert path.read_text() == "old"
        assert (unfinished.parent, unfinished.suffix) == (tmp_path, ".csv")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("old", ["old", None])
def test_a_block_that_fails_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, error: type[BaseException], old: str | None
) -> None:
    path = tmp_path / "metrics.csv"
    if old:
        path.write_text(old)
    with pytest.raises(error):
        with replaced_whole(path) as unfinished:
            unfinished.write_text("half")
            raise error
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == ([("metrics.csv", old)] if old else [])


def test_what_cannot_be_replaced_leaves_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="irectory"):
        write_text(tmp_path / "taken", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_texts_and_json_are_utf_8_for_people(tmp_path: Path) -> None:
    write_text(tmp_path / "text", "η = 0.1\n")
    write_json(tmp_path / "card", CARD)
    assert (tmp_path / "text").read_bytes() == "η = 0.1\n".encode()
    text = (tmp_path / "card").read_text(encoding="utf-8")
    assert json.loads(text) == CARD
    assert '    "word": "größer"\n' in text
    assert text.endswith("}\n")


def tensors() -> dict[str, Tensor]:
    """One of each kind that a training has, and some that are laid out otherwise."""
    torch.manual_seed(0)
    return {
        "plain": torch.rand(3, 2),
        "convolution": torch.rand(4, 3, 5, 2).to(memory_format=torch.channels_last),
        "depthwise": torch.rand(4, 1, 6, 6).to(memory_format=torch.channels_last),
        "parameter": torch.nn.Parameter(torch.rand(2)),
        "transposed": torch.rand(3, 5).T,
        "part": torch.rand(10)[2:9:3],
        "repeated": torch.rand(1, 3).expand(4, 3),
        "count": torch.tensor(7),
        "half": torch.rand(5).half(),
        "none": torch.zeros(0, 3),
        "odd numbers": torch.tensor([math.inf, -0.0, math.nan]),
    }


def test_tensors_and_their_card_come_back(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    written = tensors()
    save_tensors(path, written, CARD)
    found, card = load_tensors(path)
    assert card == CARD
    assert found.keys() == written.keys()
    for name, tensor in found.items():
        assert tensor.dtype == written[name].dtype
        assert torch.equal(tensor.nan_to_num(nan=77), written[name].detach().nan_to_num(nan=77)), name
        assert tensor.shape == written[name].shape
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_tensors_is_a_json_header_and_bare_numbers(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_tensors(path, tensors(), CARD)
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    assert json.loads(header.pop("__metadata__")["mnist_train"]) == CARD
    assert header.keys() == tensors().keys()
    # every byte behind the header belongs to a tensor, so there is no room for a pickle
    ends = sorted(tuple(of["data_offsets"]) for of in header.values())
    assert [first for first, _ in ends] == [0, *(last for _, last in ends[:-1])]
    assert ends[-1][1] == len(content) - start == sum(t.numel() * t.element_size() for t in tensors().values())


def test_a_failed_write_of_tensors_leaves_the_old_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint.safetensors"
    save_tensors(path, {"a": torch.ones(1)}, {})

    def full(self: Path, content: bytes) -> None:
        with self.open("wb") as file:
            file.write(content[:20])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        save_tensors(path, {"a": torch.zeros(1)}, {})
    assert list(tmp_path.iterdir()) == [path]
    assert load_tensors(path)[0]["a"] == 1


@needs_posix
@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_permissions_are_those_of_any_new_file(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        write_text(tmp_path / "text", "")
        save_tensors(tmp_path / "tensors", {"a": torch.ones(1)}, {})
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {mode}


def refusal(path: Path) -> str:
    """The sentence that refuses a file."""
    with pytest.raises(UnusableInput) as caught:
        load_tensors(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path} ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence.removeprefix(f"{path} ")


@pytest.mark.parametrize("metadata", [None, {"format": "pt"}])
def test_tensors_of_other_programs_are_refused(tmp_path: Path, metadata: dict[str, str] | None) -> None:
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file({"a": torch.ones(1)}, path, metadata)
    assert refusal(path) == "holds tensors, but was not written by this program."


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_tensors(path, {"a": torch.ones(100)}, CARD)
    whole = path.read_bytes()
    pickled = tmp_path / "pickle"
    torch.save({"a": torch.ones(1)}, pickled)
    damaged = {
        "empty": b"",
        "cut in the length": whole[:5],
        "cut in the header": whole[:50],
        "cut in the numbers": whole[:-1],
        "longer": whole + b"x",
        "another header": whole.replace(b'"F32"', b'"F99"'),
        "text": b"network = nano\n" * 10,
        "pickle": pickled.read_bytes(),
    }
    for name, content in damaged.items():
        path.write_bytes(content)
        assert refusal(path).startswith("is no safetensors file, or it is damaged: "), name


def test_a_card_that_is_no_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_tensors(path, {"a": torch.ones(100)}, CARD)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'{\\"network', b'[\\"network'))
    assert path.read_bytes() != whole
    assert refusal(path) == "is damaged: its description is no JSON object."


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "model.safetensors") == "does not exist."


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "is a directory: give the file model.safetensors in it."
