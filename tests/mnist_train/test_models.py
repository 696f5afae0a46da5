import pytest
import torch
from torch import Tensor, nn

from mnist_train.designs import DESIGNS, design
from mnist_train.models import LearnedPooling, build, parameter_count, takes_small_images
from mnist_train.settings import effective
from xlbackprop.errors import UnusableInput

SEEDS = {
    "seed0-net8": 19_310,
    "seed0-net2": 14_026,
    "seed1": 16_706,
    "seed2": 19_822,
    "seed3": 17_962,
    "seed4": 17_466,
}
OURS = {
    "compact": 10_000,
    "tiny": 5_000,
    "nano": 3_000,
    "sprint": 19_999,
    "best": 19_999,
    "wide": 60_000,
    "teach": 1_200,
}
# C convolution, R ReLU, B batch norm, D dropout, M and A max and average pool, L linear
LAYERS = {
    "seed0-net8": "C3 1>16 pad 1,R,B,D0.1,C3 16>32 pad 1,R,B,D0.1,C1 32>10,R,B,D0.1,M2,C3 10>16,B,R,C3 16>32,R,B,D0.1,"
    "C1 32>16,R,B,D0.1,M2,C3 16>32,R,B,A3,L 32>64,R,L 64>10",
    "seed0-net2": "C3 1>14,R,B,D0.1,C3 14>25,R,B,D0.1,C1 25>10,R,B,D0.1,M2,C3 10>10,B,R,C3 10>16,R,B,D0.1,"
    "C3 16>25,R,B,D0.1,A5,L 25>50,R,L 50>50,R,L 50>10",
    "seed1": "C3 1>8,R,B,C3 8>16,R,B,C3 16>32,R,B,D0.03,M2,C1 32>8,R,B,C3 8>16,R,B,C3 16>32,R,B,D0.03,A7,"
    "L 32>64,L 64>32,L 32>10",
    "seed2": "C3 1>64 pad 1,R,B,M2,C3 64>32 pad 1,R,B,A14,D0.1,L 32>12,L 12>10",
    "seed3": "C5 1>32,R,B,C3 32>16,R,B,M2,D0.1,C3 16>16,R,B,C3 16>64,R,B,A global,D0.1,L 64>10",
    "seed4": "C3 1>16 pad 1,R,B,C3 16>32 pad 1,R,B,M2,C1 32>8,D0.3,C3 8>16,R,B,C3 16>32,R,B,C1 32>8,D0.3,C3 8>16,R,"
    "C3 16>32,R,C1 32>10,A6",
    "compact": "C5 1>16,M2,B,R,C3 16>14 pad 1,B,R,C3 14>14 pad 1,M2,B,R,C3 14>32 pad 1,B,R,C6 32>32,B,L 32>10",
    "tiny": "C5 1>8,M2,B,R,C3 8>12 pad 1,B,R,C3 12>12 pad 1,M2,B,R,C3 12>16 pad 1,B,R,C6 16>16,B,L 16>10",
    "nano": "C5 1>8,M2,B,R,C3 8>7 pad 1,B,R,C3 7>7 pad 1,M2,B,R,C3 7>8 pad 1,B,R,C3 8>10 pad 1,B,R,C6 10>10,B,L 10>10",
    "teach": "C5 1>3,R,M4,L 108>10",
    "sprint": "C5 1>16,M2,B,R,C3 16>20 pad 1,B,R,C3 20>20 pad 1,M2,B,R,C3 20>40 pad 1,B,R,C6 40>40,B,L 40>10",
    "best": "C5 1>16,M2,B,R,C3 16>20 pad 1,B,R,C3 20>20 pad 1,M2,B,R,C3 20>40 pad 1,B,R,C6 40>40,B,L 40>10",
    "wide": "C5 1>32,M2,B,R,C3 32>40 pad 1,B,R,C3 40>40 pad 1,M2,B,R,C3 40>80 pad 1,B,R,C6 80>80,B,L 80>10",
}
every_network = pytest.mark.parametrize("name", DESIGNS)


def experienced(name: str) -> nn.Sequential:
    """A network in evaluation mode whose batch norm has seen images, so that it tells them apart."""
    torch.manual_seed(0)
    model = build(name)
    for layer in model:
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        model(images(64))
    return model.eval()


def images(count: int) -> Tensor:
    """Images with large spots, since global pooling sees no difference between those of noise."""
    spots = torch.randn(count, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    return spots.repeat_interleave(7, dim=2).repeat_interleave(7, dim=3)


def code(layer: nn.Module) -> str:
    match layer:
        case nn.Conv2d():
            padding = f" pad {layer.padding[0]}" if layer.padding[0] else ""
            return f"C{layer.kernel_size[0]} {layer.in_channels}>{layer.out_channels}{padding}"
        case nn.MaxPool2d():
            return f"M{layer.kernel_size}"
        case nn.AvgPool2d():
            return f"A{layer.kernel_size}"
        case nn.AdaptiveAvgPool2d():
            return "A global"
        case nn.Dropout():
            return f"D{layer.p}"
        case nn.Linear():
            return f"L {layer.in_features}>{layer.out_features}"
    return {nn.ReLU: "R", nn.BatchNorm2d: "B"}[type(layer)]


@pytest.mark.parametrize(("name", "total"), SEEDS.items())
def test_the_seeds_have_as_many_parameters_as_published(name: str, total: int) -> None:
    assert parameter_count(build(name)) == total


@pytest.mark.parametrize(("name", "layers"), LAYERS.items())
def test_each_network_has_the_layers_of_its_evidence(name: str, layers: str) -> None:
    assert [code(layer) for layer in build(name) if not isinstance(layer, nn.Flatten)] == layers.split(",")


def test_each_layer_of_net8_has_the_parameters_of_the_original() -> None:
    counts = [parameter_count(layer) for layer in build("seed0-net8")]
    convolutions = [144, 32, 4608, 64, 320, 20, 1440, 32, 4608, 64, 512, 32, 4608, 64]
    assert [count for count in counts if count] == [*convolutions, 2112, 650]


def test_the_registry_has_the_seeds_and_ours() -> None:
    assert set(DESIGNS) == {*SEEDS, *OURS}


@pytest.mark.parametrize(("name", "most"), OURS.items())
def test_our_networks_are_as_small_as_they_say(name: str, most: int) -> None:
    assert parameter_count(build(name)) <= most


@every_network
def test_every_network_but_the_teacher_keeps_to_the_brief(name: str) -> None:
    told = effective(design(name).recipe)
    assert told.epochs <= 20
    assert (parameter_count(build(name)) < 20_000) == (name != "wide")


@every_network
@pytest.mark.parametrize("count", [1, 3])
def test_every_network_gives_ten_logits_an_image(name: str, count: int) -> None:
    assert experienced(name)(images(count)).shape == (count, 10)


@every_network
def test_the_logits_are_not_yet_probabilities(name: str) -> None:
    outputs = experienced(name)(images(3))
    assert (outputs.exp().sum(dim=1) - 1).abs().min() > 0.01


@every_network
def test_evaluation_gives_the_same_each_time(name: str) -> None:
    model = experienced(name)
    assert torch.equal(model(images(5)), model(images(5)))


@every_network
def test_a_single_image_gets_the_logits_that_it_gets_in_a_batch(name: str) -> None:
    model = experienced(name)
    together = model(images(5))
    alone = torch.cat([model(image[None]) for image in images(5)])
    torch.testing.assert_close(alone, together, atol=1e-5, rtol=1e-4)
    assert (together[0] - together[1]).abs().max() > 0.01


@every_network
def test_every_parameter_is_trained(name: str) -> None:
    model = build(name)
    nn.functional.cross_entropy(model(images(8)), torch.arange(8)).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@every_network
def test_the_start_weights_are_those_of_the_seed(name: str) -> None:
    def drawn(seed: int) -> list[Tensor]:
        torch.manual_seed(seed)
        return list(build(name).parameters())

    assert all(map(torch.equal, drawn(1), drawn(1)))
    assert not all(map(torch.equal, drawn(1), drawn(2)))


@pytest.mark.parametrize("name", sorted(OURS.keys() - {"teach"}))
def test_our_networks_have_batch_norm_after_each_convolution(name: str) -> None:
    layers = list(build(name))
    convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    norms = [layer for layer in layers if isinstance(layer, nn.BatchNorm2d)]
    assert [norm.num_features for norm in norms] == [convolution.out_channels for convolution in convolutions]


@pytest.mark.parametrize("name", sorted(OURS.keys() - {"teach"}))
def test_the_global_pooling_of_ours_begins_as_average_pooling_and_is_learned(name: str) -> None:
    (pooling,) = [layer for layer in build(name) if isinstance(layer, nn.Conv2d) and layer.groups > 1]
    assert pooling.weight.shape == (pooling.in_channels, 1, 6, 6)
    assert torch.all(pooling.weight == 1 / 36)
    assert pooling.weight.requires_grad
    maps = torch.randn(2, pooling.in_channels, 6, 6)
    torch.testing.assert_close(pooling(maps), maps.mean(dim=(2, 3), keepdim=True))


def test_parameters_are_counted_with_their_biases() -> None:
    assert parameter_count(nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 1, bias=False))) == 14


@pytest.mark.parametrize("ask", [build, design])
def test_an_unknown_network_is_named_beside_the_known_ones(ask) -> None:
    with pytest.raises(UnusableInput) as caught:
        ask("lenet")
    assert str(caught.value) == f"There is no network 'lenet': choose one of {', '.join(DESIGNS)}."


def pooling() -> LearnedPooling:
    torch.manual_seed(0)
    return LearnedPooling(3, 3, 6, groups=3, bias=False)


def test_a_learned_pooling_over_the_whole_map_is_a_depthwise_convolution() -> None:
    layer, maps = pooling(), torch.randn(2, 3, 6, 6)
    expected = (maps * layer.weight[:, 0]).sum(dim=(2, 3), keepdim=True)
    torch.testing.assert_close(layer(maps), expected)


def test_of_a_smaller_map_it_weighs_with_the_middle_of_its_kernel_as_much_in_all() -> None:
    layer, maps = pooling(), torch.randn(2, 3, 4, 4)
    expected = 36 / 16 * (maps * layer.weight[:, 0, 1:5, 1:5]).sum(dim=(2, 3), keepdim=True)
    torch.testing.assert_close(layer(maps), expected)
    nn.init.constant_(layer.weight, 1 / 36)
    torch.testing.assert_close(layer(maps), maps.mean(dim=(2, 3), keepdim=True))


@every_network
def test_networks_with_a_learned_pooling_take_images_of_20x20_and_the_others_say_that_they_do_not(name: str) -> None:
    model = build(name)
    small = torch.zeros(2, 1, 20, 20)
    assert takes_small_images(model) == (name in OURS and name != "teach")
    if takes_small_images(model):
        assert model(small).shape == (2, 10)
