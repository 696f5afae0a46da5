"""Layers in groups that share cells, and the formulas of each kind."""

import numpy as np
import pytest

from xlbackprop.cnn.cells import cell_formula, map_formula, stages
from xlbackprop.cnn.layers import (
    AveragePool,
    BatchNorm,
    Convolution,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Linear,
    LogSoftmax,
    MaxPool,
    ReLU,
)
from xlbackprop.cnn.networks import IMAGE, NETWORKS
from xlbackprop.errors import UnusableInput
from xlbackprop.spreadsheet import addressing
from xlbackprop.spreadsheet.blocks import Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import Place


def test_a_window_stands_alone_and_what_goes_cell_by_cell_shares_cells() -> None:
    found = stages(NETWORKS["nano"], IMAGE)
    assert [stage.numbers for stage in found][:4] == [(0,), (1,), (2, 3), (4,)]
    assert [stage.shape for stage in found][:4] == [(8, 24, 24), (8, 12, 12), (8, 12, 12), (7, 12, 12)]
    assert found[2].name == "layers 3, 4: batch norm, ReLU"
    assert [stage.ring for stage in found][:4] == [0, 0, 0, 1]


def test_dropout_flattening_and_a_log_softmax_at_the_end_cost_no_cell() -> None:
    layers = (Dropout(0.1), Flatten(), Linear(784, 10), LogSoftmax())
    (stage,) = stages(layers, IMAGE)
    assert (stage.numbers, stage.shape) == ((2,), (10, 1, 1))


def test_a_log_softmax_before_the_end_cannot_be_written() -> None:
    with pytest.raises(UnusableInput, match=r"layer 2, log-softmax, cannot be written as cells"):
        stages((Flatten(), LogSoftmax(), Linear(784, 10)), IMAGE)


def test_a_network_that_computes_nothing_cannot_be_written() -> None:
    with pytest.raises(UnusableInput, match="no layer that computes anything"):
        stages((Flatten(), Dropout(0.5)), IMAGE)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (Convolution(2, 1, 2), "SUMPRODUCT(A1:B2,$A$11:$B$12)+SUMPRODUCT(A5:B6,$D$11:$E$12)+$G$11"),
        (Convolution(2, 1, 2, bias=False), "SUMPRODUCT(A1:B2,$A$11:$B$12)+SUMPRODUCT(A5:B6,$D$11:$E$12)"),
        (Convolution(2, 2, 2, bias=False, depthwise=True), "SUMPRODUCT(A1:B2,$A$11:$B$12)"),
        (MaxPool(2), "MAX(A1:B2)"),
        (AveragePool(2), "AVERAGE(A1:B2)"),
        (GlobalAveragePool(), "AVERAGE(A1:C3)"),
    ],
)
def test_each_kind_of_window_is_one_formula(layer, expected: str) -> None:
    book = Book()
    sheet = book.sheet("Sheet")
    maps = [sheet.put(at, [[1.0] * 3] * 3, role=Role.INPUT).place.ids for at in ("A1", "A5")]
    kernels = [sheet.put(at, [[1.0] * 2] * 2, role=Role.INPUT).place.ids for at in ("A11", "D11")]
    bias = sheet.put("G11", [[1.0]], role=Role.INPUT)
    of_each = np.stack(kernels)[:1] if getattr(layer, "depthwise", False) else np.stack(kernels)
    weights = {"weight": Place(of_each[None]), "bias": Place(bias.place.ids[0])}
    (stage,) = stages((layer,), (2, 3, 3))
    filled = map_formula(stage, Place(np.stack(maps)), [weights], 0)
    assert addressing.written(filled.formula, sheet) == expected
    assert filled.step == (2 if isinstance(layer, MaxPool | AveragePool) else 1)


def test_batch_norm_and_relu_are_written_in_their_order() -> None:
    place = Place(np.arange(2))
    norm = {"scale": place[:1], "shift": place[1:]}
    scale, shift = f"{place[0]:$}", f"{place[1]:$}"
    layers = (BatchNorm(1), ReLU())
    assert cell_formula(layers, "x", [norm, {}], 0) == f"MAX(0,{scale}*x+{shift})"
    assert cell_formula(layers[::-1], "x", [{}, norm], 0) == f"{scale}*MAX(0,x)+{shift}"
    assert cell_formula(layers[:1] * 2, "x", [norm, norm], 0) == f"{scale}*({scale}*x+{shift})+{shift}"
