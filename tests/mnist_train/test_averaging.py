import pytest
import torch
from torch import Tensor, nn

from mnist_train.averaging import WeightAverage, part_of_step

PART = torch.tensor(0.9)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def move(model: nn.Module) -> None:
    """What a step of training does, with other numbers."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter))
        model(torch.randn(8, 2))


def numbers(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(found: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return found.keys() == right.keys() and all(torch.equal(found[name], right[name]) for name in right)


@pytest.mark.parametrize("decay", [0.05, 0.5, 0.999])
def test_the_average_follows_its_recursion(decay: float) -> None:
    model = network()
    average = WeightAverage(model)
    right = {name: tensor.double() for name, tensor in numbers(model).items() if tensor.is_floating_point()}
    for step in range(20):
        move(model)
        average.update(torch.tensor(part_of_step(decay, step)))
        keep = min(decay, (1 + step) / (10 + step))
        right = {name: keep * kept + (1 - keep) * model.state_dict()[name].double() for name, kept in right.items()}
    assert average.tensors().keys() == right.keys()
    for name, tensor in average.tensors().items():
        torch.testing.assert_close(tensor.double(), right[name], atol=1e-5, rtol=1e-5)


def test_the_statistics_of_batch_norm_are_averaged_and_the_count_of_batches_is_not() -> None:
    model = network()
    average = WeightAverage(model)
    names = ["0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var"]
    assert list(average.tensors()) == names
    move(model)
    average.update(PART)
    mean, variance = average.batch_norm_tensors()
    assert torch.equal(mean, average.tensors()["1.running_mean"])
    assert torch.equal(variance, average.tensors()["1.running_var"])


def test_the_average_moves_only_when_told() -> None:
    model = network()
    average = WeightAverage(model)
    start = {name: tensor.clone() for name, tensor in average.tensors().items()}
    move(model)
    assert same(average.tensors(), start)


def test_within_the_block_the_network_has_the_average_and_its_own_weights_afterwards() -> None:
    model = network()
    average = WeightAverage(model)
    move(model)
    average.update(PART)
    move(model)
    own, places = numbers(model), [tensor.data_ptr() for tensor in model.state_dict().values()]
    with average.in_place():
        inside = numbers(model)
        assert all(torch.equal(inside[name], tensor) for name, tensor in average.tensors().items())
        assert not torch.equal(inside["0.weight"], own["0.weight"])
        assert torch.equal(inside["1.num_batches_tracked"], own["1.num_batches_tracked"])
    assert same(numbers(model), own)
    assert [tensor.data_ptr() for tensor in model.state_dict().values()] == places


def test_a_network_that_is_settled_keeps_the_average() -> None:
    model = network()
    average = WeightAverage(model)
    move(model)
    average.update(PART)
    move(model)
    right = {name: tensor.clone() for name, tensor in average.tensors().items()}
    own = numbers(model)
    average.settle()
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in right.items())
    assert not torch.equal(model.state_dict()["0.weight"], own["0.weight"])


def test_after_an_exception_the_network_has_its_own_weights() -> None:
    model = network()
    average = WeightAverage(model)
    move(model)
    own = numbers(model)
    with pytest.raises(KeyboardInterrupt):
        with average.in_place():
            assert not torch.equal(model[0].weight, own["0.weight"])
            raise KeyboardInterrupt
    assert same(numbers(model), own)


def test_a_restored_average_goes_on_as_if_never_interrupted() -> None:
    model = network()
    average = WeightAverage(model)
    for _ in range(3):
        move(model)
        average.update(PART)
    stored = {name: tensor.clone() for name, tensor in average.tensors().items()}
    restored = WeightAverage(model)
    restored.restore(stored)
    assert same(restored.tensors(), stored)
    kept = {name: tensor.clone() for name, tensor in stored.items()}
    move(model)
    for each in (average, restored):
        each.update(PART)
    assert same(restored.tensors(), average.tensors())
    # what was given stays what it was
    assert same(stored, kept)
