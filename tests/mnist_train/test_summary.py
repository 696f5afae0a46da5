import copy
import re
from dataclasses import dataclass
from itertools import pairwise

import pytest
import torch
from torch import nn

from mnist_train.designs import DESIGNS
from mnist_train.models import build, modules, parameter_count
from mnist_train.summary import summary
from xlbackprop.cnn.layers import Convolution, Flatten, Linear, MaxPool
from xlbackprop.cnn.networks import NETWORKS

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


@dataclass(frozen=True)
class Row:
    """A line of the table, read back."""

    name: str
    shape: tuple[int, ...]
    parameters: int
    field: int
    jump: int | None


def rows(table: str) -> list[Row]:
    header, _, *lines, _, _ = table.splitlines()
    # all columns but the first are flush right
    ends = [header.index(name) + len(name) for name in ("output shape", "parameters", "receptive field", "jump")]
    found = []
    for line in lines:
        name, shape = re.split(r"\s{2,}", line[: ends[0]])
        count, field, jump = (line[start:end].strip() for start, end in pairwise(ends))
        side, other = field.split(" x ")
        assert side == other
        sides = tuple(map(int, shape.split(" x ")))
        found.append(Row(name, sides, int(count.replace(",", "") or 0), int(side), int(jump) if jump else None))
    return found


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
    found = rows(summary(NETWORKS[name]))
    maps = [row for row in found if len(row.shape) == 3]
    expected = measured(build(name), [28, *(row.shape[-1] for row in maps)][: len(maps)], size=112)
    assert [row.field for row in maps] == [field for field, _ in expected]
    assert [row.jump or jump for row, (_, jump) in zip(maps, expected, strict=True)] == [jump for _, jump in expected]
    # a linear layer sees all of the last maps
    last = maps[-1]
    assert found[-1].field == last.field + (last.shape[-1] - 1) * (last.jump or 0)


@pytest.mark.parametrize(("name", "fields"), FIELDS.items())
def test_the_seeds_have_the_fields_of_the_originals(name: str, fields: list[int]) -> None:
    found = [row.field for row in rows(summary(NETWORKS[name])) if re.search("conv|pool", row.name)]
    assert found[: len(fields)] == fields


@every_network
def test_a_layer_has_a_jump_where_its_outputs_have_neighbours(name: str) -> None:
    for row in rows(summary(NETWORKS[name])):
        assert (row.jump is not None) == (len(row.shape) == 3 and row.shape[-1] > 1)


def test_a_linear_layer_sees_the_whole_map_before_it() -> None:
    layers = (Convolution(1, 2, 3), MaxPool(2), Flatten(), Linear(2 * 13 * 13, 4), Linear(4, 3))
    found = rows(summary(layers))
    assert [row.field for row in found] == [3, 4, 4, 28, 28]
    assert [row.jump for row in found] == [1, 2, None, None, None]


@every_network
def test_shapes_are_those_of_the_outputs(name: str) -> None:
    model, outputs = build(name).eval(), torch.zeros(2, 1, 28, 28)
    for layer, row in zip(model, rows(summary(NETWORKS[name])), strict=True):
        outputs = layer(outputs)
        assert row.shape == tuple(outputs.shape[1:])


@every_network
def test_each_layer_has_the_parameters_of_its_module_and_all_add_up_to_the_total(name: str) -> None:
    table, model = summary(NETWORKS[name]), modules(NETWORKS[name])
    assert [row.parameters for row in rows(table)] == [parameter_count(layer) for layer in model]
    assert table.splitlines()[-1] == f"{parameter_count(model):,} parameters, all of them trained"


def test_the_summary_is_a_table_with_the_total_below() -> None:
    assert summary(NETWORKS["seed2"]) == SEED2


def test_layers_are_named_for_people() -> None:
    names = {row.name for name in ("seed3", "compact") for row in rows(summary(NETWORKS[name]))}
    assert {"conv 5x5", "global average pool", "dropout 0.1", "linear", "depthwise conv 6x6", "flatten"} <= names
