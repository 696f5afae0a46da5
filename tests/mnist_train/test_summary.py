import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from mnist_train.models import DESIGNS, build, parameter_count
from mnist_train.summary import layer_rows, summary

# after each convolution and pool, as the originals give them
FIELDS = {
    "seed0-net8": [3, 5, 5, 6, 10, 14, 14, 16, 24, 32],
    "seed1": [3, 5, 7, 8, 8, 12, 16, 28],
    "seed2": [3, 4, 8],
    "seed3": [5, 7, 8, 12, 16, 28],
    "seed4": [3, 5, 6, 6, 10, 14, 14, 18, 22, 22, 32],
}
SEED2 = """\
layer                output shape  parameters  receptive field  jump
--------------------------------------------------------------------
conv 3x3, padding 1  64 x 28 x 28         640            3 x 3     1
ReLU                 64 x 28 x 28                        3 x 3     1
batch norm           64 x 28 x 28         128            3 x 3     1
max pool 2x2         64 x 14 x 14                        4 x 4     2
conv 3x3, padding 1  32 x 14 x 14      18,464            8 x 8     2
ReLU                 32 x 14 x 14                        8 x 8     2
batch norm           32 x 14 x 14          64            8 x 8     2
average pool 14x14     32 x 1 x 1                      34 x 34
dropout 0.1            32 x 1 x 1                      34 x 34
flatten                        32                      34 x 34
linear                         12         396          34 x 34
linear                         10         130          34 x 34
--------------------------------------------------------------------
19,822 parameters, all of them trained"""
every_network = pytest.mark.parametrize("name", DESIGNS)


def transparent(layer: nn.Module, extent: int) -> nn.Module:
    """The layer with the same view of its input, but with a gradient wherever it looks."""
    if isinstance(layer, nn.Conv2d):
        layer = copy.deepcopy(layer).double()
        nn.init.uniform_(layer.weight, 0.5, 1.5)
        return layer
    if isinstance(layer, nn.MaxPool2d | nn.AvgPool2d):
        return nn.AvgPool2d(layer.kernel_size, layer.stride)
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        return nn.AvgPool2d(extent)
    assert isinstance(layer, nn.BatchNorm2d | nn.ReLU | nn.Dropout)
    return nn.Identity()


def measured(model: nn.Sequential, extents: list[int], size: int) -> list[tuple[int, int]]:
    """Field and jump after each layer, from the pixels that have a gradient, on an image so large that none ends."""
    image = torch.rand(1, 1, size, size, dtype=torch.float64, requires_grad=True)
    maps, found = image, []

    def seen(row: int, column: int) -> tuple[int, int]:
        (gradient,) = torch.autograd.grad(maps[0, :, row, column].sum(), image, retain_graph=True)
        rows, columns = gradient[0, 0].nonzero(as_tuple=True)
        box = [(int(places.min()), int(places.max())) for places in (rows, columns)]
        assert all(first > 0 and last < size - 1 for first, last in box), "the image is too small"
        assert box[0][1] - box[0][0] == box[1][1] - box[1][0]
        return box[1]

    for layer, extent in zip(model, extents, strict=False):
        maps = transparent(layer, extent)(maps)
        middle = maps.shape[-1] // 2
        first, last = seen(middle, middle)
        found.append((last - first + 1, first - seen(middle, middle - 1)[0]))
    return found


@every_network
def test_fields_and_jumps_are_those_that_gradients_show(name: str) -> None:
    model = build(name)
    rows = list(layer_rows(model))
    maps = [row for row in rows if len(row.shape) == 3]
    found = measured(model, [28, *(row.shape[-1] for row in maps)][: len(maps)], size=112)
    assert [row.field for row in maps] == [field for field, _ in found]
    assert [row.jump or jump for row, (_, jump) in zip(maps, found, strict=True)] == [jump for _, jump in found]
    # a linear layer sees all of the last maps
    last = maps[-1]
    assert rows[-1].field == last.field + (last.shape[-1] - 1) * (last.jump or 0)


layers = st.one_of(
    st.builds(
        nn.Conv2d, st.just(1), st.just(1), st.integers(1, 5), stride=st.integers(1, 3), padding=st.integers(0, 2)
    ),
    st.builds(nn.MaxPool2d, st.integers(2, 3), stride=st.integers(1, 3)),
    st.builds(nn.AvgPool2d, st.integers(1, 4)),
    st.just(nn.ReLU()),
)


@settings(max_examples=40)
@given(st.lists(layers, min_size=1, max_size=3))
def test_fields_and_jumps_of_any_convolutions_and_pools_are_those_that_gradients_show(stack: list[nn.Module]) -> None:
    model = nn.Sequential(*stack)
    rows = list(layer_rows(model, size=320))
    assert [(row.field, row.jump) for row in rows] == measured(model, [320] * len(stack), size=320)


@pytest.mark.parametrize(("name", "fields"), FIELDS.items())
def test_the_seeds_have_the_fields_of_the_originals(name: str, fields: list[int]) -> None:
    model = build(name)
    looking = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
    found = [row.field for row, layer in zip(layer_rows(model), model, strict=True) if isinstance(layer, looking)]
    assert found[: len(fields)] == fields


@every_network
def test_a_layer_has_a_jump_where_its_outputs_have_neighbours(name: str) -> None:
    for row in layer_rows(build(name)):
        assert (row.jump is not None) == (len(row.shape) == 3 and row.shape[-1] > 1)


def test_a_linear_layer_sees_the_whole_map_before_it() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(2 * 13 * 13, 4), nn.Linear(4, 3))
    assert [row.field for row in layer_rows(model)] == [3, 4, 4, 28, 28]
    assert [row.jump for row in layer_rows(model)] == [1, 2, None, None, None]


@every_network
def test_shapes_are_those_of_the_outputs(name: str) -> None:
    model, outputs = build(name).eval(), torch.zeros(2, 1, 28, 28)
    for layer, row in zip(model, layer_rows(model), strict=True):
        outputs = layer(outputs)
        assert row.shape == tuple(outputs.shape[1:])


@every_network
def test_the_parameters_of_the_layers_sum_up_to_the_total(name: str) -> None:
    model = build(name)
    total = parameter_count(model)
    assert sum(row.parameters for row in layer_rows(model)) == total
    assert summary(model).splitlines()[-1] == f"{total:,} parameters, all of them trained"


def test_the_summary_is_a_table_with_the_total_below() -> None:
    assert summary(build("seed2")) == SEED2


def test_layers_are_named_for_people() -> None:
    names = {row.name for name in ("seed3", "compact") for row in layer_rows(build(name))}
    assert {"conv 5x5", "global average pool", "dropout 0.1", "linear", "depthwise conv 6x6", "flatten"} <= names


@pytest.mark.parametrize("training", [True, False])
def test_a_summary_leaves_the_network_as_it_was(training: bool) -> None:
    model = build("nano").train(training)
    before = copy.deepcopy(model.state_dict())
    summary(model)
    assert all(layer.training == training for layer in model.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
