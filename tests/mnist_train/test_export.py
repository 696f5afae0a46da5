import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from torch import Tensor, nn

from mnist_train import cli, export
from mnist_train.data import Normalisation
from mnist_train.trained import Trained, load_trained
from tests.conftest import REPOSITORY
from xlbackprop.errors import CheckFailed, FileExists, UnusableInput

SHIPPED = REPOSITORY / "xlbackprop/cnn/shipped"


def pixels(count: int) -> Tensor:
    return torch.randint(0, 256, (count, 1, 28, 28), generator=torch.Generator().manual_seed(3)).float()


def network(name: str) -> Trained:
    return load_trained(SHIPPED / name, torch.device("cpu"))


def logits(trained: Trained, images: Tensor) -> Tensor:
    with torch.no_grad():
        return trained.model(trained.normalisation(images))


@pytest.fixture
def _onnx() -> None:
    for module in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(module, reason='ONNX is not installed: pip install ".[export]"')


@pytest.mark.usefixtures("_onnx")
@pytest.mark.parametrize("name", ["nano", "teach"])
def test_onnxruntime_agrees_with_the_network(name: str, tmp_path: Path) -> None:
    import onnx
    import onnxruntime

    path = tmp_path / "network.onnx"
    assert export.export(network(name), path) < 1e-4
    model = onnx.load(path)
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", export.OPSET)]
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert (told["network"], told["classes"]) == (name, "0, 1, 2, 3, 4, 5, 6, 7, 8, 9")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for count in (1, 2, 9):
        (found,) = session.run(None, {"pixels": pixels(count).numpy()})
        expected = logits(network(name), pixels(count)).numpy()
        assert np.abs(found - expected).max() <= 1e-5 * max(1, np.abs(expected).max())
    assert list(tmp_path.iterdir()) == [path]


def test_torch_reads_its_own_file_back(tmp_path: Path) -> None:
    path = tmp_path / "network.pt2"
    assert export.export(network("nano"), path) < 1e-5
    program = torch.export.load(path).module()
    for count in (1, 2, 9):
        torch.testing.assert_close(program(pixels(count)), logits(network("nano"), pixels(count)), atol=1e-5, rtol=1e-5)


def test_what_gives_other_logits_is_not_handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def writer(off: float):
        return lambda whole, trained: (b"content", lambda images: whole(images) + off)

    largest = float(logits(network("nano"), torch.zeros(1, 1, 28, 28)).abs().max())
    assert largest < 100
    monkeypatch.setitem(export._WRITERS, ".pt2", writer(0.01))
    with pytest.raises(CheckFailed, match="gives other logits than the network, by up to 0.01"):
        export.export(network("nano"), tmp_path / "network.pt2")
    monkeypatch.setitem(export._WRITERS, ".pt2", writer(torch.nan))
    with pytest.raises(CheckFailed):
        export.export(network("nano"), tmp_path / "network.pt2")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setitem(export._WRITERS, ".pt2", writer(1e-6))
    assert export.export(network("nano"), tmp_path / "network.pt2") < 1e-5


def test_a_path_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "folder.onnx").mkdir()
    for name in ("network", "network.h5", "folder.onnx", "nowhere/network.onnx"):
        with pytest.raises(UnusableInput) as caught:
            export.check_path(tmp_path / name, force=True)
        assert str(caught.value).startswith(str(tmp_path / name))
    (tmp_path / "network.onnx").touch()
    with pytest.raises(FileExists):
        export.check_path(tmp_path / "network.onnx", force=False)
    export.check_path(tmp_path / "network.onnx", force=True)


def test_the_normalisation_is_inside() -> None:
    whole = export.Whole(nn.Identity(), Normalisation(0.5, 0.25))
    assert whole(torch.tensor([0.0, 127.5, 255.0])).tolist() == [-2, 0, 2]


def test_the_command_says_what_was_written_and_replaces_nothing_unasked(tmp_path: Path) -> None:
    path = tmp_path / "nano.pt2"
    line = ["export", str(SHIPPED / "nano"), str(path)]
    result = CliRunner().invoke(cli.main, line)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"Written: {path}; its logits differ from those of the network by ")
    before = path.read_bytes()
    again = CliRunner().invoke(cli.main, line)
    assert (again.exit_code, again.stderr) == (
        2,
        f"Error: {path} exists already: write elsewhere, or replace it with --force.\n",
    )
    assert path.read_bytes() == before
    assert CliRunner().invoke(cli.main, [*line, "--force"]).exit_code == 0


def test_without_onnx_there_is_a_sentence_and_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    result = CliRunner().invoke(cli.main, ["export", str(SHIPPED / "nano"), str(tmp_path / "nano.onnx")])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == 'Error: onnx is not installed: pip install ".[export]" in the checkout.\n'
    assert list(tmp_path.iterdir()) == []
