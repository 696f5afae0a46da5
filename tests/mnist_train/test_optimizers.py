import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from mnist_train.designs import DESIGNS
from mnist_train.models import build
from mnist_train.optimizers import (
    SGD,
    Adam,
    Muon,
    Optimizer,
    make_optimizers,
    orthogonalised,
    rate_type,
    restore,
    set_rates,
    state_tensors,
)
from mnist_train.settings import OPTIMIZERS, Recipe
from tests.conftest import REPOSITORY

Matrix = NDArray[np.float64]


def recipe(optimizer: str = "sgd", **values) -> Recipe:
    return Recipe(epochs=1, optimizer=optimizer, **{"lr": 0.02, "weight_decay": 0.1, **values})


def pushed(matrix: Matrix, steps: int) -> Matrix:
    """The matrix with the quintic of Muon applied to its singular values."""
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    values = values / np.linalg.norm(values)
    for _ in range(steps):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    return left * values @ right


def rotation(size: int, random: np.random.Generator) -> Matrix:
    return np.linalg.qr(random.normal(size=(size, size)))[0]


@pytest.mark.parametrize("shape", [(8, 20), (20, 8), (8, 8)])
def test_orthogonalised_moves_singular_values_near_1_and_keeps_the_vectors(shape: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    left, right = rotation(shape[0], random)[:, :8], rotation(shape[1], random)[:8]
    values = np.linspace(0.5, 3, 8)
    found = orthogonalised(torch.tensor(left * values @ right), steps=5).numpy()
    # of singular vectors, these products are the singular values and zeros beside them
    core = left.T @ found @ right.T
    assert found.shape == shape
    assert np.abs(core - np.diag(np.diag(core))).max() < 1e-9
    assert np.diag(core).min() > 0.65
    assert np.diag(core).max() < 1.25
    assert found == pytest.approx(left @ core @ right, abs=1e-9)


@pytest.mark.parametrize("shape", [(8, 20), (20, 8)])
@pytest.mark.parametrize("steps", [1, 3, 5])
def test_orthogonalised_is_a_polynomial_of_the_singular_values(shape: tuple[int, int], steps: int) -> None:
    matrix = np.random.default_rng(1).normal(size=shape)
    assert orthogonalised(torch.tensor(matrix), steps).numpy() == pytest.approx(pushed(matrix, steps), abs=1e-6)
    assert orthogonalised(torch.tensor(1e3 * matrix), steps).numpy() == pytest.approx(pushed(matrix, steps), abs=1e-6)


def test_a_matrix_of_zeros_stays_one() -> None:
    assert torch.equal(orthogonalised(torch.zeros(3, 5)), torch.zeros(3, 5))


@pytest.mark.parametrize("shape", [(8, 4, 3, 3), (32, 2, 3, 3), (6, 9)])
def test_muon_steps_by_its_formula(shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(2)
    weight = nn.Parameter(torch.tensor(random.normal(size=shape)))
    muon = Muon([weight], lr=0.1, momentum=0.9, weight_decay=0.3)
    right, mean = weight.detach().numpy().copy(), np.zeros(shape)
    rows, columns = shape[0], int(np.prod(shape[1:]))
    for _ in range(3):
        gradient = random.normal(size=shape)
        weight.grad = torch.tensor(gradient)
        muon.step()
        mean = 0.9 * mean + 0.1 * gradient
        step = pushed((0.1 * gradient + 0.9 * mean).reshape(rows, columns), steps=3)
        right = (1 - 0.1 * 0.3) * right - 0.1 * max(1, rows / columns) ** 0.5 * step.reshape(shape)
        assert torch.equal(weight.grad, torch.tensor(gradient))
    assert weight.detach().numpy() == pytest.approx(right, abs=1e-6)


def test_a_step_of_muon_does_not_depend_on_the_size_of_the_gradient_as_one_of_sgd_does() -> None:
    def moved(optimizer, factor: float) -> Tensor:
        torch.manual_seed(0)
        weight = nn.Parameter(torch.zeros(8, 4, 3, 3))
        weight.grad = factor * torch.randn_like(weight)
        optimizer(weight).step()
        return weight.detach()

    def muon(weight: nn.Parameter) -> Muon:
        return Muon([weight], lr=0.1, momentum=0.9, weight_decay=0)

    def sgd(weight: nn.Parameter) -> SGD:
        return SGD([weight], lr=0.1, momentum=0.9)

    torch.testing.assert_close(moved(muon, 100.0), moved(muon, 1.0), atol=1e-5, rtol=1e-4)
    assert (moved(sgd, 100.0) - moved(sgd, 1.0)).norm() > 1
    assert (moved(muon, 1.0) - moved(sgd, 1.0)).norm() > 0.1


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", DESIGNS)
def test_every_parameter_is_trained_by_one_optimizer(name: str, optimizer: str) -> None:
    model = build(name)
    trained = [id(weight) for each in make_optimizers(model, recipe(optimizer)) for weight in each.weights]
    assert sorted(trained) == sorted(id(parameter) for parameter in model.parameters())


@pytest.mark.parametrize("momentum", [0.0, 0.1, 0.9])
def test_what_muon_leaves_looks_ahead_wherever_it_has_momentum(momentum: float) -> None:
    _, sgd = make_optimizers(build("nano"), recipe("muon", momentum=momentum))
    assert isinstance(sgd, SGD)
    assert (sgd.momentum, sgd.nesterov) == (momentum, momentum > 0)


def test_forgotten_gradients_are_none() -> None:
    weight = nn.Parameter(torch.ones(3))
    weight.grad = torch.ones(3)
    SGD([weight], 0.1, 0.0).forget_gradients()
    assert weight.grad is None


@pytest.mark.parametrize(("device", "found"), [("cpu", torch.float64), ("cuda", torch.float64), ("mps", torch.float32)])
def test_rates_are_computed_as_exactly_as_the_device_can(device: str, found: torch.dtype) -> None:
    assert rate_type(torch.device(device)) == found


# with gradients as small as the last, the ε of Adam is most of its divisor
@pytest.mark.parametrize("size", [1.0, 1e-8])
@pytest.mark.parametrize("momentum", [0.0, 0.8])
@pytest.mark.parametrize("optimizer", ["sgd", "nesterov", "adam", "adamw"])
def test_ten_steps_are_those_of_torchs_own_class(optimizer: str, momentum: float, size: float) -> None:
    torch.manual_seed(0)
    start = [torch.randn(7, 3), torch.randn(40)]
    ours, theirs = ([nn.Parameter(weight.clone()) for weight in start] for _ in range(2))
    made, other = {
        "sgd": (
            lambda: SGD(ours, 0.03, momentum, weight_decay=0.1),
            lambda: torch.optim.SGD(theirs, 0.03, momentum, weight_decay=0.1),
        ),
        "nesterov": (
            lambda: SGD(ours, 0.03, 0.9, nesterov=True),
            lambda: torch.optim.SGD(theirs, 0.03, 0.9, nesterov=True),
        ),
        "adam": (
            lambda: Adam(ours, 0.03, 0.1, decoupled=False),
            lambda: torch.optim.Adam(theirs, 0.03, weight_decay=0.1),
        ),
        "adamw": (
            lambda: Adam(ours, 0.03, 0.1, decoupled=True),
            lambda: torch.optim.AdamW(theirs, 0.03, weight_decay=0.1),
        ),
    }[optimizer]
    made, other = made(), other()
    for _ in range(10):
        for weight, same in zip(ours, theirs, strict=True):
            weight.grad = size * torch.randn_like(weight)
            same.grad = weight.grad.clone()
        made.step()
        other.step()
    for weight, same in zip(ours, theirs, strict=True):
        torch.testing.assert_close(weight, same, atol=1e-6, rtol=1e-6)


def test_an_optimizer_has_the_numbers_of_the_recipe() -> None:
    model = build("nano")
    (sgd,) = make_optimizers(model, recipe("sgd", lr=0.03, momentum=0.8))
    assert isinstance(sgd, SGD)
    assert (sgd.highest_lr, sgd.momentum, sgd.nesterov, sgd.weight_decay) == (0.03, 0.8, False, 0.1)
    for name in ("adam", "adamw"):
        (adam,) = make_optimizers(model, recipe(name, lr=0.03))
        assert isinstance(adam, Adam)
        assert (adam.highest_lr, adam.weight_decay, adam.decoupled) == (0.03, 0.1, name == "adamw")


def test_muon_trains_all_convolutions_and_sgd_the_rest() -> None:
    model = build("compact")
    muon, sgd = make_optimizers(model, recipe("muon", lr=0.03, sgd_lr=0.2, momentum=0.8))
    assert isinstance(muon, Muon)
    assert isinstance(sgd, SGD)
    assert (muon.highest_lr, muon.momentum, muon.weight_decay) == (0.03, 0.8, 0.1)
    assert (sgd.highest_lr, sgd.momentum, sgd.weight_decay, sgd.nesterov) == (0.2, 0.8, 0, True)
    kernels = [layer.weight for layer in model if isinstance(layer, nn.Conv2d)]
    assert len(kernels) == 5
    assert [id(weight) for weight in muon.weights] == [id(weight) for weight in kernels]


def test_the_compiler_is_not_imported_for_a_step() -> None:
    script = (
        "import sys, torch; from mnist_train import models, optimizers; from mnist_train.settings import Recipe\n"
        "for name in ('muon', 'adam', 'adamw'):\n"
        "    model = models.build('nano')\n"
        "    made = optimizers.make_optimizers(model, Recipe(epochs=1, lr=.1, optimizer=name))\n"
        "    model(torch.zeros(2, 1, 28, 28)).sum().backward()\n"
        "    [(each.step(), each.forget_gradients()) for each in made]\n"
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=REPOSITORY, check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


def test_each_rate_is_its_own_highest_times_the_factor() -> None:
    optimizers = make_optimizers(build("nano"), recipe("muon", lr=0.03, sgd_lr=0.2))
    for factor in (0.5, 0.0, 1.0, 0.25):
        set_rates(optimizers, torch.tensor(factor, dtype=torch.float64))
        muon, sgd = (optimizer.lr.item() for optimizer in optimizers)
        assert (muon, sgd) == (0.03 * factor, pytest.approx(0.2 * factor))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_rate_that_is_set_is_the_rate_of_the_step(optimizer: str) -> None:
    moved = []
    for factor in (1.0, 0.5, 0.0):
        torch.manual_seed(0)
        model = build("nano")
        start = [parameter.clone() for parameter in model.parameters()]
        optimizers = make_optimizers(model, recipe(optimizer, lr=0.01, weight_decay=0.0, sgd_lr=0.01))
        set_rates(optimizers, torch.tensor(factor, dtype=torch.float64))
        train(model, optimizers, range(1))
        moved.append(torch.cat([(a - b).flatten() for a, b in zip(model.parameters(), start, strict=True)]))
    torch.testing.assert_close(moved[1], moved[0] / 2, atol=1e-6, rtol=1e-3)
    assert not moved[2].any()


def train(model: nn.Module, optimizers: list[Optimizer], steps: range) -> None:
    for step in steps:
        random = torch.Generator().manual_seed(step)
        images, labels = torch.randn(8, 1, 28, 28, generator=random), torch.randint(10, (8,), generator=random)
        model.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        for optimizer in optimizers:
            optimizer.step()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_restored_optimizer_goes_on_as_if_never_interrupted(optimizer: str) -> None:
    told = recipe(optimizer, lr=0.01)

    def fresh() -> tuple[nn.Module, list[Optimizer]]:
        torch.manual_seed(0)
        model = build("nano")
        return model, make_optimizers(model, told)

    model, optimizers = fresh()
    train(model, optimizers, range(3))
    remembered = {name: tensor.clone() for name, tensor in state_tensors(optimizers).items()}
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    train(model, optimizers, range(3, 5))

    restored, forgetful = fresh(), fresh()
    restore(restored[1], remembered)
    for other in (restored, forgetful):
        other[0].load_state_dict(weights)
        train(*other, range(3, 5))
    assert all(map(torch.equal, restored[0].parameters(), model.parameters()))
    assert not any(map(torch.equal, forgetful[0].parameters(), model.parameters()))
    again = state_tensors(restored[1])
    assert again.keys() == remembered.keys()
    assert all(torch.equal(again[name], tensor) for name, tensor in state_tensors(optimizers).items())


def test_what_is_remembered_has_names_of_its_own_for_each_optimizer() -> None:
    model = build("nano")
    remembered = state_tensors(make_optimizers(model, recipe("muon")))
    assert len(remembered) == len(list(model.parameters()))
    assert {name.rpartition(".")[2] for name in remembered} == {"mean", "momentum_buffer"}
    assert not any(tensor.any() for tensor in remembered.values())


def test_what_is_remembered_is_put_back_in_the_order_of_the_weights() -> None:
    weight = nn.Parameter(torch.randn(4, 3, 5, 5).contiguous(memory_format=torch.channels_last))
    sgd, other = (SGD([weight], 0.1, 0.9) for _ in range(2))
    weight.grad = torch.randn_like(weight)
    sgd.step()
    restore([other], {name: tensor.contiguous() for name, tensor in state_tensors([sgd]).items()})
    assert torch.equal(other.state["momentum_buffer"][0], weight.grad)
    assert other.state["momentum_buffer"][0].stride() == weight.stride()
