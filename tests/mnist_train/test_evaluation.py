import copy

import numpy as np
import pytest
import torch
from torch import nn

from mnist_train import evaluation
from mnist_train.data import DataSet, Images, Normalisation
from mnist_train.evaluation import Result, evaluate, logits
from mnist_train.models import build


def linear() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(28 * 28, 10))


def experienced() -> nn.Sequential:
    """A network with dropout and with batch norm that has seen images."""
    torch.manual_seed(0)
    model = build("seed0-net8")
    with torch.no_grad():
        model(torch.randn(32, 1, 28, 28))
    return model


def test_loss_and_accuracy_are_those_computed_by_hand(data: DataSet) -> None:
    model = linear()
    weights, biases = (parameter.detach().double().numpy() for parameter in model.parameters())
    pixels = data.test.pixels.reshape(200, -1).double().numpy() / 255
    outputs = (pixels - data.normalisation.mean) / data.normalisation.deviation @ weights.T + biases
    labels = data.test.labels.numpy()
    chances = np.exp(outputs) / np.exp(outputs).sum(axis=1, keepdims=True)

    result = evaluate(model, data.test, data.normalisation)
    assert result.loss == pytest.approx(-np.log(chances[np.arange(200), labels]).mean(), rel=1e-5)
    assert (result.correct, result.count) == (int((outputs.argmax(axis=1) == labels).sum()), 200)
    assert 0 < result.correct < 200


def test_the_logits_do_not_depend_on_the_batches(data: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    model = experienced()
    whole = logits(model, data.test.pixels, data.normalisation)
    assert whole.shape == (200, 10)
    for size in (1, 7, 199, 200):
        monkeypatch.setattr(evaluation, "_BATCH", size)
        pixels = data.test.pixels[:15] if size == 1 else data.test.pixels
        torch.testing.assert_close(
            logits(model, pixels, data.normalisation), whole[: len(pixels)], atol=1e-4, rtol=1e-4
        )


def test_more_images_than_a_batch_are_all_evaluated(data: DataSet) -> None:
    many = Images(data.test.pixels.repeat(11, 1, 1, 1), data.test.labels.repeat(11))
    once, often = (evaluate(linear(), images, data.normalisation) for images in (data.test, many))
    assert (often.correct, often.count) == (11 * once.correct, 2200)
    assert often.loss == pytest.approx(once.loss, rel=1e-5)


def test_a_single_image_has_logits(data: DataSet) -> None:
    assert logits(experienced(), data.test.pixels[:1], data.normalisation).shape == (1, 10)


@pytest.mark.parametrize("training", [True, False])
def test_evaluation_leaves_the_network_as_it_was(data: DataSet, training: bool) -> None:
    model = experienced().train(training)
    before = copy.deepcopy(model.state_dict())
    evaluate(model, data.test, data.normalisation)
    assert all(layer.training == training for layer in model.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_network_in_training_is_evaluated_without_dropout(data: DataSet) -> None:
    model = experienced()
    evaluating, training = (
        logits(model.train(mode), data.test.pixels[:20], data.normalisation) for mode in (False, True)
    )
    assert torch.equal(training, evaluating)


def test_logits_are_single_precision_and_without_a_gradient(data: DataSet) -> None:
    class Half(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images.flatten(1)[:, :10].bfloat16()

    outputs = logits(Half(), data.test.pixels[:3], Normalisation(0.0, 1.0))
    assert outputs.dtype == torch.float32
    assert not logits(linear(), data.test.pixels[:3], data.normalisation).requires_grad


def test_a_result_reads_as_people_know_it() -> None:
    result = Result(0.01891, 9948, 10_000)
    assert str(result) == "Average loss: 0.0189, Accuracy: 9948/10000 (99.48%)"
    assert result.accuracy == pytest.approx(99.48)
    assert str(Result(2.3, 1, 3)) == "Average loss: 2.3000, Accuracy: 1/3 (33.33%)"
