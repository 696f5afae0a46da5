import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from xlbackprop.cnn import reference
from xlbackprop.cnn.layers import (
    AveragePool,
    BatchNorm,
    Convolution,
    Flatten,
    GlobalAveragePool,
    Layer,
    Layers,
    Linear,
    LogSoftmax,
    MaxPool,
    ReLU,
    shapes,
    tensor_shapes,
)
from xlbackprop.cnn.networks import IMAGE, NETWORKS
from xlbackprop.cnn.receptive_field import Box, Field, fields, seen
from xlbackprop.errors import UnusableInput

Shape = tuple[int, ...]


def boxes_of_gradients(layers: Layers, shape: Shape, cell: tuple[int, ...]) -> list[Box]:
    """The cells of each layer's input that have a gradient, where each that is looked at gets one."""
    # a maximum gives it to one cell alone
    layers = tuple(AveragePool(layer.size) if isinstance(layer, MaxPool) else layer for layer in layers)
    generator = np.random.default_rng(0)
    tensors = tuple(
        {name: generator.uniform(0.5, 1.5, extent) for name, extent in tensor_shapes(layer).items()} for layer in layers
    )
    for own in tensors:
        if "running_mean" in own:
            own["running_mean"][:] = 0
    seed = np.zeros(shapes(layers, shape)[-1])
    seed[cell] = 1
    gradients, _ = reference.backward(layers, tensors, generator.uniform(0.5, 1.5, shape), seed)
    found = []
    for gradient in gradients:
        places = gradient.nonzero()
        box = tuple(range(int(along.min()), int(along.max()) + 1) for along in places)
        assert np.count_nonzero(gradient) == np.prod([len(along) for along in box]), "no box"
        found.append(box)
    return found


def middle(shape: Shape) -> tuple[int, ...]:
    return tuple(side // 2 for side in shape)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_cell_of_every_layer_of_every_network_sees_the_cells_that_have_a_gradient(name: str) -> None:
    layers = NETWORKS[name]
    for n, shape in enumerate(shapes(layers, IMAGE), 1):
        for cell in ((0,) * len(shape), middle(shape), tuple(side - 1 for side in shape)):
            expected = boxes_of_gradients(layers[:n], IMAGE, cell)
            assert seen(layers[:n], IMAGE, cell) == expected, (n, cell)


def layers_for(shape: Shape) -> st.SearchStrategy[Layer]:
    if len(shape) == 1:
        return st.one_of(st.builds(Linear, st.just(shape[0]), st.integers(2, 4)), st.just(ReLU()))
    channels = shape[0]
    convolutions = st.builds(
        lambda outputs, kernel, padding: Convolution(channels, outputs, kernel, min(padding, kernel - 1)),
        *(st.integers(1, 3), st.integers(1, 5), st.integers(0, 2)),
    )
    depthwise = st.builds(
        lambda kernel: Convolution(channels, channels, kernel, bias=False, depthwise=True), st.integers(1, 4)
    )
    pools = st.builds(AveragePool, st.integers(1, 4)) | st.builds(MaxPool, st.integers(1, 4))
    return st.one_of(
        convolutions, depthwise, pools, st.sampled_from([BatchNorm(channels), GlobalAveragePool(), Flatten()])
    )


@st.composite
def stacks(draw: st.DrawFn) -> Layers:
    found: list[Layer] = []
    shape: Shape = (2, 12, 12)
    for _ in range(draw(st.integers(1, 5))):
        found.append(draw(layers_for(shape)))
        try:
            (shape,) = shapes(found[-1:], shape)
        except UnusableInput:
            assume(False)
    return tuple(found)


@given(stacks(), st.data())
def test_a_cell_of_any_network_sees_the_cells_that_have_a_gradient(layers: Layers, data: st.DataObject) -> None:
    shape = (2, 12, 12)
    cell = tuple(data.draw(st.integers(0, side - 1)) for side in shapes(layers, shape)[-1])
    assert seen(layers, shape, cell) == boxes_of_gradients(layers, shape, cell)


def test_a_probability_sees_all_logits() -> None:
    assert seen((Flatten(), LogSoftmax()), (1, 2, 2), (3,)) == [(range(1), range(2), range(2)), (range(4),)]


@pytest.mark.parametrize("name", NETWORKS)
def test_the_field_is_the_side_of_what_a_cell_sees_where_no_edge_is_near(name: str) -> None:
    maps = [layer for layer in NETWORKS[name] if not isinstance(layer, Flatten | Linear | GlobalAveragePool)]
    # the average over the whole map, and the window over it, grow with the image
    shape = (1, 160, 160)
    for n, (field, extent) in enumerate(zip(fields(maps, shape), shapes(maps, shape), strict=True), 1):
        _, row, column = middle(extent)
        (_, rows, columns), *_ = seen(maps[:n], shape, (0, row, column))
        assert len(rows) == len(columns) == field.side
        (_, neighbours, _), *_ = seen(maps[:n], shape, (0, row + 1, column))
        assert neighbours.start - rows.start == field.jump


def test_a_feature_has_no_neighbours_and_keeps_the_field_of_its_cell() -> None:
    layers = (Convolution(1, 2, 3), MaxPool(2), Flatten(), Linear(2 * 13 * 13, 4))
    assert fields(layers, IMAGE) == [Field(3, 1), Field(4, 2), Field(4, None), Field(28, None)]


def test_a_map_of_a_single_cell_has_no_neighbours() -> None:
    assert fields((MaxPool(2), GlobalAveragePool(), BatchNorm(1)), IMAGE) == [Field(2, 2), *[Field(28, None)] * 2]


def test_layers_that_do_not_fit_are_refused() -> None:
    for ask in (lambda: fields((BatchNorm(3),), IMAGE), lambda: seen((BatchNorm(3),), IMAGE, (0, 0, 0))):
        with pytest.raises(UnusableInput):
            ask()
