import math

import pytest
import torch
from torch.nn import functional

from mnist_train import designs, models
from mnist_train.data import DataSet
from mnist_train.processes import Processes
from mnist_train.settings import Settings, effective
from mnist_train.training import Diverged, Training

CPU = torch.device("cpu")


def told(**changes) -> Settings:
    """Settings of a small, short training."""
    changes = {"model": "nano", "epochs": 2, "batch_size": 20, **changes}
    return effective(designs.design(changes["model"]).recipe, changes)


def training(data: DataSet, **changes) -> Training:
    return Training(told(**changes), data, CPU, Processes())


def trained(data: DataSet, **changes) -> Training:
    under_way = training(data, **changes)
    for epoch in range(under_way.settings.epochs):
        under_way.train_epoch(epoch, lambda steps, loss: None)
    return under_way


def same(first: Training, second: Training) -> bool:
    one, other = first.state(), second.state()
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("optimizer", ["muon", "sgd", "adam", "adamw"])
def test_the_same_seed_gives_the_same_weights_bit_by_bit(data: DataSet, optimizer: str) -> None:
    assert same(trained(data, optimizer=optimizer, lr=0.01), trained(data, optimizer=optimizer, lr=0.01))


def test_the_same_seed_gives_the_same_weights_with_two_threads(data: DataSet) -> None:
    torch.set_num_threads(2)
    assert same(trained(data), trained(data))


def test_another_seed_gives_other_weights(data: DataSet) -> None:
    assert not same(trained(data, seed=1), trained(data, seed=2))


@pytest.mark.parametrize("optimizer", ["muon", "sgd", "adam", "adamw"])
def test_a_restored_training_goes_on_bit_by_bit(data: DataSet, optimizer: str) -> None:
    # dropout is the randomness that torch's own generator decides
    options = {"optimizer": optimizer, "lr": 0.01, "model": "seed1"}
    first = training(data, **options)
    first.train_epoch(0, lambda steps, loss: None)
    second = training(data, **options)
    second.restore(
        {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in first.state().items()}
    )
    torch.manual_seed(99)
    for under_way in (first, second):
        under_way.train_epoch(1, lambda steps, loss: None)
    assert same(first, second)
    assert same(first, trained(data, **options))


def test_printed_digits_are_learned(data: DataSet) -> None:
    plain, averaged = trained(data, epochs=6).evaluated()
    assert averaged is not None
    assert min(plain.accuracy, averaged.accuracy) > 90


def test_without_an_average_only_the_plain_weights_are_evaluated(data: DataSet) -> None:
    assert trained(data, ema=0, epochs=1).evaluated()[1] is None


def test_the_first_loss_is_the_cross_entropy_of_the_start_weights(data: DataSet) -> None:
    under_way = training(data, augment="none", batch_size=500, epochs=1)
    start = models.build("nano")
    start.load_state_dict(under_way.model.state_dict())
    images = data.normalisation(data.train.pixels)
    expected = functional.cross_entropy(start.train()(images), data.train.labels).item()
    losses = under_way.train_epoch(0, lambda steps, loss: None).losses
    assert losses == [pytest.approx(expected, rel=1e-5)]


def test_an_epoch_sees_each_image_once_and_another_order_the_next_time(data: DataSet) -> None:
    under_way = training(data)
    seen: list[torch.Tensor] = []
    batch = under_way._batch
    under_way._batch = lambda chosen, amounts: seen.append(chosen) or batch(chosen, amounts)
    for epoch in range(2):
        under_way.train_epoch(epoch, lambda steps, loss: None)
    first, second = torch.cat(seen[:25]), torch.cat(seen[25:])
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(500))
    assert first.tolist() != second.tolist()


def test_what_does_not_fill_a_batch_is_left_out_and_few_images_are_one_batch(data: DataSet) -> None:
    assert training(data, batch_size=120).steps_per_epoch == 4
    few = training(data, batch_size=512)
    assert (few.steps_per_epoch, few.batch_size) == (1, 500)


def test_progress_counts_every_step_once(data: DataSet) -> None:
    done: list[int] = []
    training(data, batch_size=8).train_epoch(0, lambda steps, loss: done.append(steps))
    assert sum(done) == 62
    assert len(done) < 62


def test_the_learning_rate_rises_falls_and_is_never_0(data: DataSet) -> None:
    under_way = training(data, schedule="linear", warmup=0.2, lr=0.5)
    rates = [under_way.rate(step) for step in range(under_way.steps)]
    assert rates[9] == pytest.approx(max(rates), rel=0.06)
    assert max(rates) <= 0.5
    assert min(rates) > 0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_a_loss_that_is_not_finite_is_told_with_its_step_and_rate(data: DataSet) -> None:
    under_way = training(data, optimizer="sgd", lr=1.0, schedule="constant", warmup=0.0)
    calls = 0
    step = under_way._step

    def broken(*arguments: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return step(*arguments) * (math.nan if calls == 13 else 1)

    under_way._step = broken
    with pytest.raises(Diverged) as error:
        under_way.train_epoch(1, lambda steps, loss: None)
    assert (error.value.step, error.value.lr) == (25 + 13, 1.0)


def test_half_precision_trains_too(data: DataSet) -> None:
    under_way = trained(data, precision="bf16", epochs=3)
    assert under_way.evaluated()[0].accuracy > 90
    assert all(parameter.dtype is torch.float32 for parameter in under_way.model.parameters())


@pytest.mark.parametrize("model", ["nano", "seed0-net8"])
def test_a_warm_up_changes_nothing_of_the_training(model: str, data: DataSet) -> None:
    cold, warm = training(data, model=model), training(data, model=model)
    warm.warm_up()
    assert all(parameter.grad is None for parameter in warm.model.parameters())
    assert same(cold, warm)
    first, second = (each.train_epoch(0, lambda steps, loss: None) for each in (cold, warm))
    assert first == second
    assert same(cold, warm)


def test_a_process_shows_the_loss_of_a_whole_batch(data: DataSet) -> None:
    class Half(Processes):
        """The first of two processes, to which the other one adds nothing."""

        def add(self, tensors: object) -> None:
            pass

    def first_loss(processes: Processes) -> float:
        settings = told(epochs=1, lr=1e-6, sgd_lr=1e-6, ema=0.0)
        shown: list[float] = []
        Training(settings, data, torch.device("cpu"), processes).train_epoch(0, lambda steps, loss: shown.append(loss))
        return shown[0]

    assert first_loss(Half(0, 2)) == pytest.approx(first_loss(Processes()), rel=0.3)


def test_the_average_stays_in_the_network(data: DataSet) -> None:
    with_average = trained(data, epochs=1)
    plain = {name: tensor.clone() for name, tensor in with_average.model.state_dict().items()}
    with_average.take_average()
    left = with_average.model.state_dict()
    assert all(torch.equal(tensor, left[name]) for name, tensor in with_average.average.tensors().items())
    assert not torch.equal(plain["0.weight"], left["0.weight"])
    without = training(data, ema=0.0)
    before = {name: tensor.clone() for name, tensor in without.model.state_dict().items()}
    without.take_average()
    assert all(torch.equal(tensor, before[name]) for name, tensor in without.model.state_dict().items())
