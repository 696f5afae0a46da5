import math
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mnist_train import designs, models
from mnist_train.course import rate_factor
from mnist_train.data import DataSet
from mnist_train.evaluation import logits
from mnist_train.optimizers import Muon
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
    images = under_way._images
    under_way._images = lambda chosen, affine: seen.append(chosen) or images(chosen, affine)
    for epoch in range(2):
        under_way.train_epoch(epoch, lambda steps, loss: None)
    first, second = torch.cat(seen[:25]), torch.cat(seen[25:])
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(500))
    assert first.tolist() != second.tolist()


def test_progress_counts_every_step_once(data: DataSet) -> None:
    done: list[int] = []
    training(data, batch_size=8).train_epoch(0, lambda steps, loss: done.append(steps))
    assert sum(done) == 62
    assert len(done) < 62


def test_a_loss_that_is_not_finite_is_told_with_its_step_and_rate(data: DataSet) -> None:
    under_way = training(data, optimizer="sgd", lr=1.0, schedule="constant", warmup=0.0)
    calls = 0
    outputs = under_way._outputs

    def broken(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return outputs(network, images) * (math.nan if calls == 13 else 1)

    under_way._outputs = broken
    with pytest.raises(Diverged) as error:
        under_way.train_epoch(1, lambda steps, loss: None)
    assert (error.value.step, error.value.lr) == (25 + 13, 1.0)


def test_half_precision_trains_too(data: DataSet) -> None:
    under_way = trained(data, precision="bf16", epochs=3)
    assert under_way.evaluated()[0].accuracy > 90
    assert all(parameter.dtype is torch.float32 for parameter in under_way.model.parameters())


def test_a_training_of_a_step_an_epoch_warms_up_with_both_sizes(data: DataSet) -> None:
    under_way = training(data, batch_size=500, small_steps=0.5)
    under_way.warm_up()
    assert [len(under_way.train_epoch(epoch, lambda steps, loss: None).losses) for epoch in range(2)] == [1, 1]


@pytest.mark.parametrize("model", ["nano", "seed0-net8"])
def test_a_warm_up_changes_nothing_of_the_training(model: str, data: DataSet) -> None:
    cold, warm = training(data, model=model), training(data, model=model)
    warm.warm_up()
    assert all(parameter.grad is None for parameter in warm.model.parameters())
    assert same(cold, warm)
    first, second = (each.train_epoch(0, lambda steps, loss: None) for each in (cold, warm))
    assert first == second
    assert same(cold, warm)


@pytest.mark.parametrize("optimizer", ["muon", "sgd", "adam", "adamw"])
def test_six_steps_are_those_of_torchs_plain_optimizers(optimizer: str, data: DataSet) -> None:
    under_way = training(data, optimizer=optimizer, lr=0.003, epochs=1, batch_size=80, augment="none")
    settings = under_way.settings
    torch.manual_seed(settings.seed)
    model = models.build("nano").to(memory_format=torch.channels_last)
    parameters = list(model.parameters())
    plain = {"momentum": settings.momentum, "weight_decay": settings.weight_decay}
    if optimizer == "muon":
        kernels = [parameter for parameter in parameters if parameter.ndim == 4]
        rest = [parameter for parameter in parameters if parameter.ndim != 4]
        by_hand = [
            (Muon(kernels, settings.lr, **plain), settings.lr),
            (torch.optim.SGD(rest, settings.sgd_lr, momentum=settings.momentum, nesterov=True), settings.sgd_lr),
        ]
    elif optimizer == "sgd":
        by_hand = [(torch.optim.SGD(parameters, settings.lr, **plain), settings.lr)]
    else:
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[optimizer]
        by_hand = [(kind(parameters, settings.lr, weight_decay=settings.weight_decay), settings.lr)]

    under_way.train_epoch(0, lambda steps, loss: None)
    assert under_way.course.steps == len(under_way.tables.order) == 6
    for step, chosen in enumerate(under_way.tables.order):
        images = data.normalisation(data.train.pixels[chosen]).contiguous(memory_format=torch.channels_last)
        model.zero_grad()
        functional.cross_entropy(model(images), data.train.labels[chosen]).backward()
        for each, highest in by_hand:
            rate = highest * rate_factor(settings, (step + 0.5) / 6)
            if isinstance(each, Muon):
                each.lr.fill_(rate)
            else:
                each.param_groups[0]["lr"] = rate
            each.step()
    for name, tensor in model.state_dict().items():
        # a gradient as small as its rounding is as large as any once Adam has divided it
        close = 1e-6 if optimizer in ("muon", "sgd") else 1e-5
        torch.testing.assert_close(under_way.model.state_dict()[name], tensor, atol=close, rtol=0)


def counted_passes(under_way: Training) -> list[tuple[torch.Size, list[int]]]:
    """Will have the shape and the numbers of the images of each step."""
    seen: list[tuple[torch.Size, list[int]]] = []
    images = under_way._images

    def noted(chosen: torch.Tensor, affine: object) -> torch.Tensor:
        made = images(chosen, affine)
        seen.append((made.shape, chosen.tolist()))
        return made

    under_way._images = noted
    return seen


def test_the_first_steps_see_small_images_and_the_others_whole_ones(data: DataSet) -> None:
    under_way = training(data, small_steps=0.3)
    seen = counted_passes(under_way)
    for epoch in range(2):
        under_way.train_epoch(epoch, lambda steps, loss: None)
    assert [shape[-1] for shape, _ in seen] == [20] * 15 + [28] * 35


def test_small_images_need_no_augmentation(data: DataSet) -> None:
    under_way = trained(data, small_steps=0.5, augment="none", epochs=4)
    assert under_way.evaluated()[0].accuracy > 80


def test_each_epoch_but_the_first_leaves_out_what_was_easiest_when_last_seen(data: DataSet) -> None:
    under_way = training(data, leave_out=0.4, batch_size=30, epochs=4)
    seen = counted_passes(under_way)
    before = under_way._image_losses.clone()
    assert before.isinf().all()
    for epoch in range(4):
        under_way.train_epoch(epoch, lambda steps, loss: None)
        images = [number for _, numbers in seen for number in numbers]
        seen.clear()
        assert len(images) == len(set(images)) == (480 if epoch == 0 else 300)
        left_out = sorted(set(range(500)) - set(images))
        after = under_way._image_losses
        if epoch:
            assert before[left_out].max() <= before[images].min()
            # what no batch of the first epoch had counts as hard
            assert set(before.isinf().nonzero().flatten().tolist()) <= set(images)
        assert torch.equal(after[left_out], before[left_out])
        assert (after[images] != before[images]).all()
        before = after.clone()


def test_which_images_were_easy_goes_into_the_checkpoint(data: DataSet) -> None:
    first = training(data, leave_out=0.4)
    first.train_epoch(0, lambda steps, loss: None)
    second = training(data, leave_out=0.4)
    second.restore({name: tensor.clone() for name, tensor in first.state().items()})
    for under_way in (first, second):
        under_way.train_epoch(1, lambda steps, loss: None)
    assert same(first, second)
    assert "image_losses" not in training(data).state()


def test_several_processes_know_together_which_images_were_easy(data: DataSet) -> None:
    class Two(Processes):
        """The first of two processes; the other one had a loss of 9 for every image that this one did not see."""

        def add(self, tensors: object) -> None:
            for tensor in tensors:
                if len(tensor) == 500:
                    tensor[tensor == 0] = 9.0

    under_way = Training(told(leave_out=0.4), data, CPU, Two(0, 2))
    under_way.train_epoch(0, lambda steps, loss: None)
    assert (under_way._image_losses == 9).sum() == 250
    assert (under_way._image_losses < 9).sum() == 250


def test_a_network_comes_closer_to_its_teacher_than_by_the_labels_alone(data: DataSet) -> None:
    teacher = trained(data, epochs=3, seed=7)
    teacher.take_average()
    teacher.model.eval()

    def distance(taught: nn.Module | None) -> float:
        under_way = Training(told(epochs=3), data, CPU, Processes(), taught)
        for epoch in range(3):
            under_way.train_epoch(epoch, lambda steps, loss: None)
        under_way.take_average()
        found, right = (
            logits(model, data.test.pixels, data.normalisation) for model in (under_way.model, teacher.model)
        )
        return functional.kl_div(
            found.log_softmax(1), right.log_softmax(1), log_target=True, reduction="batchmean"
        ).item()

    kept = {name: tensor.clone() for name, tensor in teacher.model.state_dict().items()}
    assert distance(teacher.model) < 0.8 * distance(None)
    assert all(torch.equal(tensor, kept[name]) for name, tensor in teacher.model.state_dict().items())


def test_the_loss_that_is_told_is_that_by_the_labels(data: DataSet) -> None:
    def first_loss(teacher: nn.Module | None) -> float:
        under_way = Training(told(epochs=1), data, CPU, Processes(), teacher)
        return under_way.train_epoch(0, lambda steps, loss: None).losses[0]

    assert first_loss(models.build("tiny")) == first_loss(None)


def test_a_teacher_sees_whole_images_only(data: DataSet) -> None:
    shapes = []

    class Teacher(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            shapes.append(images.shape)
            return torch.zeros(len(images), 10)

    Training(told(small_steps=0.5), data, CPU, Processes(), Teacher()).train_epoch(0, lambda steps, loss: None)
    assert shapes == []
    Training(told(small_steps=0.2), data, CPU, Processes(), Teacher()).train_epoch(0, lambda steps, loss: None)
    assert shapes == [(20, 1, 28, 28)] * 15


class Waits(TorchDispatchMode):
    """Notes each operation for which the host would wait for a GPU, or send something there."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        name = str(operation.overloadpacket).removeprefix("aten.")
        places = {each.device.type for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)}
        # an operation in place, which has no stand-in for a GPU that is not there
        absent = name.startswith("_fused_") and places == {"cuda"}
        result = None if absent else operation(*args, **(kwargs or {}))
        places |= {each.device.type for each in tree_leaves(result) if isinstance(each, torch.Tensor)}
        # a number read, a size that depends on numbers, a tensor of the host's numbers, a copy between the two
        if name in ("_local_scalar_dense", "nonzero", "masked_select", "lift_fresh") or len(places) > 1:
            self.found.append(name)
        return result


@pytest.mark.parametrize("optimizer", ["muon", "sgd", "adam", "adamw"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_no_step_waits_for_the_host(optimizer: str, precision: str, data: DataSet) -> None:
    changes = {"optimizer": optimizer, "lr": 0.01, "precision": precision, "augment": "8,8,1", "small_steps": 0.5}
    under_way = Training(told(**changes), data, CPU, Processes(), models.build("nano"))
    under_way.warm_up()
    with Waits() as waits:
        for step in under_way._steps.values():
            step()
            step()
    assert waits.found == []


def test_a_look_at_the_loss_is_seen_as_a_wait(data: DataSet) -> None:
    loss = training(data).tables.losses[0]
    with Waits() as waits:
        loss.item()
    assert waits.found == ["_local_scalar_dense"]


@pytest.mark.parametrize("optimizer", ["muon", "sgd", "adam", "adamw"])
def test_a_step_on_a_gpu_stays_there(optimizer: str, data: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    def put_gradients(loss: torch.Tensor) -> None:
        # the engine that goes backward asks the driver for its GPU, and there may be none
        assert loss.device.type == "cuda"
        for parameter in under_way.model.parameters():
            parameter.grad = torch.zeros_like(parameter)

    monkeypatch.setattr(torch.Tensor, "backward", put_gradients)
    gpu = torch.device("cuda")
    # a network that stands for one on a GPU can be built there, and not moved
    monkeypatch.setattr(models, "build", lambda name, build=models.build: on_device(build, name, gpu))
    with FakeTensorMode(allow_non_fake_inputs=True), Waits() as waits:
        under_way = Training(told(optimizer=optimizer, lr=0.01), data.to(gpu), gpu, Processes())
        under_way.model.train()
        waits.found.clear()
        for _ in range(5):
            under_way.trial_step()
    assert waits.found == []
    assert under_way.is_graph_possible


class OnGpu(Training):
    """A training on a CPU that takes it for a GPU."""

    is_graph_possible = True


@pytest.mark.parametrize("recordable", [True, False])
def test_on_a_gpu_every_step_is_the_graph_that_the_warm_up_recorded(
    recordable: bool, data: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = 0

    def as_graph(step: Callable[[], None]) -> Callable[[], None] | None:
        def start() -> None:
            nonlocal starts
            starts += 1
            step()

        for _ in range(3):
            step()
        return start if recordable else None

    monkeypatch.setattr("mnist_train.training.as_graph", as_graph)
    on_gpu, plain = OnGpu(told(), data, CPU, Processes()), training(data)
    on_gpu.warm_up()
    assert on_gpu.is_graph == recordable
    for under_way in (on_gpu, plain):
        under_way.train_epoch(0, lambda steps, loss: None)
    assert starts == (25 if recordable else 0)
    assert same(on_gpu, plain)


def on_device(build, name: str, device: torch.device) -> torch.nn.Module:
    with device:
        model = build(name)
    model.to = lambda *_, **options: model
    return model


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
