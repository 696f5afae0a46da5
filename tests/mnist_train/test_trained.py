import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given

from mnist_train import designs, files, runs
from mnist_train.data import DataSet, Normalisation
from mnist_train.evaluation import evaluate
from mnist_train.processes import Processes
from mnist_train.runs import Run
from mnist_train.settings import effective
from mnist_train.trained import load_trained
from tests.cnn.damaged import cards, content, good_card
from tests.mnist_train.interruption import interrupted_in_the_second_epoch
from xlbackprop.errors import UnusableInput

CPU = torch.device("cpu")


def trained(data: DataSet, folder: Path) -> Run:
    told = effective(designs.design("nano").recipe, {"model": "nano", "batch_size": 20, "epochs": 2, "threads": 1})
    return runs.train(replace(told, device="cpu"), data, folder, Processes(), runs.Watcher())


@pytest.fixture(scope="module")
def run(data: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run; nobody may write to it."""
    run = trained(data, tmp_path_factory.mktemp("run"))
    runs.finish(run)
    return run


@pytest.mark.parametrize("name", [".", "model.safetensors"])
def test_a_network_comes_back_from_its_folder_or_file(name: str, run: Run, data: DataSet) -> None:
    found = load_trained(run.folder / name, CPU)
    assert found.folder == run.folder
    assert found.card == json.loads((run.folder / "model.json").read_text(encoding="utf-8")) == run.card
    assert found.classes == tuple("0123456789")
    assert found.normalisation == data.normalisation != Normalisation(0.1307, 0.3081)
    assert not found.model.training
    assert all(tensor.device == CPU for tensor in found.model.state_dict().values())


def test_it_is_as_good_as_the_run_says(run: Run, data: DataSet) -> None:
    found = load_trained(run.folder, CPU)
    result = evaluate(found.model, data.test, found.normalisation)
    assert result.accuracy == run.card["accuracy"] == run.epochs[-1].averaged_test_accuracy
    assert result.loss == pytest.approx(run.card["loss"], rel=1e-5)
    assert result.loss != pytest.approx(run.epochs[-1].test_loss, rel=1e-3)


def test_the_file_may_lie_anywhere_and_have_any_name(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.bin").write_bytes((run.folder / runs.MODEL).read_bytes())
    found = load_trained(tmp_path / "mine.bin", CPU)
    assert found.folder == tmp_path
    assert torch.equal(found.model[0].weight, load_trained(run.folder, CPU).model[0].weight)


def refusal(path: Path) -> str:
    with pytest.raises(UnusableInput) as caught:
        load_trained(path, CPU)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_what_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere") == f"{tmp_path / 'nowhere'} does not exist."
    assert refusal(tmp_path) == f"{tmp_path / 'model.safetensors'} does not exist."


@pytest.fixture
def unfinished(data: DataSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run that was interrupted in its second epoch."""
    with interrupted_in_the_second_epoch(monkeypatch):
        with pytest.raises(runs.Interrupted):
            trained(data, tmp_path)
    return tmp_path


def test_an_unfinished_run_is_to_be_resumed(unfinished: Path) -> None:
    assert refusal(unfinished) == f"The run in {unfinished} is not finished: resume it first."
    checkpoint = unfinished / "checkpoint.safetensors"
    assert refusal(checkpoint) == f"{checkpoint} is the checkpoint of a run that is not finished: resume it first."


def test_weights_of_another_network_are_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    tensors, card = files.load_tensors(run.folder / runs.MODEL)
    # an older run does not list its layers: the name says which they are
    del card["layers"]
    files.save_tensors(path, tensors, {**card, "network": "tiny"})
    assert refusal(path) == f"{path} does not hold the weights of tiny."
    del tensors["0.weight"]
    files.save_tensors(path, tensors, card)
    assert refusal(path) == f"{path} does not hold the weights of nano."


@given(cards())
def test_any_card_gives_a_network_that_computes_or_a_sentence(card: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / runs.MODEL).write_bytes(content(text=json.dumps(card)))
        try:
            found = load_trained(Path(folder), CPU)
        except UnusableInput:
            return
        assert found.model(found.normalisation(torch.zeros(1, 1, 28, 28))).shape == (1, len(found.classes))


def test_the_images_of_its_training_are_known(run: Run, tmp_path: Path) -> None:
    assert load_trained(run.folder, CPU).data_set == "mnist"
    card = good_card()
    card["data"]["name"] = "fashion-mnist"
    (tmp_path / runs.MODEL).write_bytes(content(card))
    assert load_trained(tmp_path, CPU).data_set == "fashion-mnist"


def test_other_files_are_refused(run: Run) -> None:
    for name in (runs.CARD, runs.METRICS, runs.CONFIG):
        assert refusal(run.folder / name).startswith(f"{run.folder / name} is no safetensors file")
