"""How gradients flow back through each kind of layer: one formula a map, or one a cell."""

import numpy as np
import pytest

from xlbackprop.cnn.cells import Weights, stages
from xlbackprop.cnn.gradient_cells import (
    Around,
    input_formula,
    kernel_formula,
    needs_passed,
    needs_turned,
    number_formulas,
    passed_formula,
)
from xlbackprop.cnn.layers import (
    AveragePool,
    BatchNorm,
    Convolution,
    GlobalAveragePool,
    Layers,
    Linear,
    MaxPool,
    ReLU,
)
from xlbackprop.spreadsheet import addressing
from xlbackprop.spreadsheet.blocks import FilledOver, Role
from xlbackprop.spreadsheet.book import Book
from xlbackprop.spreadsheet.places import Place

SHEET = Book().sheet("Sheet")


def cells(at: str, rows: int, columns: int) -> np.ndarray:
    return SHEET.put(at, [[1.0] * columns] * rows, role=Role.INPUT).place.ids


#: Two maps of 3 x 3 cells, and those behind them; what flows back; kernels; numbers.
GIVEN = Place(np.stack([cells("A1", 3, 3), cells("A5", 3, 3)]))
OUTPUT = Place(np.stack([cells("F1", 3, 3), cells("F5", 3, 3)]))
GRADIENT = Place(np.stack([cells("K1", 3, 3), cells("K5", 3, 3)]))
PASSED = Place(np.stack([cells("P1", 3, 3), cells("P5", 3, 3)]))
KERNELS = Place(np.stack([cells(at, 2, 2) for at in ("A11", "D11", "G11", "J11")]).reshape(2, 2, 2, 2))
NUMBERS = Place(cells("A21", 6, 2))
WEIGHTS: Weights = {"weight": KERNELS, "bias": NUMBERS[0]}
NORM: Weights = dict(zip(("weight", "bias", "running_mean", "running_var", "scale", "shift"), NUMBERS, strict=True))


def around(layers: Layers, size: int, passed: Place | None = None, turned: Place | None = None) -> Around:
    """Layers whose output has a side of so many cells."""
    weights = [NORM if isinstance(layer, BatchNorm) else WEIGHTS for layer in layers]
    weights = [{} if isinstance(layer, ReLU) else own for layer, own in zip(layers, weights, strict=True)]
    small = (slice(None), slice(size), slice(size))
    return Around(layers, GIVEN, GIVEN, OUTPUT[small], weights, GRADIENT[small], GRADIENT, passed, turned)


def written(formula: FilledOver | str) -> str:
    return addressing.written(formula.formula if isinstance(formula, FilledOver) else formula, SHEET)


OWN = Place(cells("U1", 3, 3))


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        (
            around((Convolution(2, 2, 2),), 2, turned=KERNELS),
            "SUMPRODUCT(K1:L2,$A$11:$B$12)+SUMPRODUCT(K5:L6,$G$11:$H$12)",
        ),
        (around((Convolution(2, 2, 2, depthwise=True),), 2, turned=KERNELS), "SUMPRODUCT(K1:L2,$A$11:$B$12)"),
        (around((Convolution(2, 2, 1),), 3), "K1*$A$11+K5*$G$11"),
        (around((Convolution(2, 2, 3),), 1), "$K$1*A11+$K$5*G11"),
        (around((Linear(8, 2),), 1), "$K$1*A11+$K$5*G11"),
        (around((GlobalAveragePool(),), 1), "$K$1/9"),
        (around((ReLU(),), 3), "IF(A1>0,K1,0)"),
        (around((BatchNorm(2),), 3), "$A$25*K1"),
        (around((BatchNorm(2), ReLU()), 3, PASSED), "$A$25*P1"),
    ],
)
def test_the_gradient_of_a_map_is_one_formula(stage: Around, expected: str) -> None:
    kernels = stage.weights[0].get("weight")
    if isinstance(stage.layers[0], Convolution) and stage.layers[0].kernel == 1 and kernels is not None:
        single = Place(kernels.ids[..., :1, :1])
        stage = Around(**vars(stage) | {"weights": [{"weight": single}], "turned": None})
    formula = input_formula(stage, 0, OWN)
    assert isinstance(formula, FilledOver)
    assert written(formula) == expected


def test_what_is_left_of_a_gradient_goes_to_each_largest_cell_of_a_square() -> None:
    texts = input_formula(around((MaxPool(2),), 1), 0, OWN)
    assert not isinstance(texts, FilledOver)
    assert [[written(text) for text in row] for row in texts] == [
        ["IF(A1=F1,K1,0)", "IF(B1=F1,K1-U1,0)", "0"],
        ["IF(A2=F1,K1-SUM(U1:V1),0)", "IF(B2=F1,K1-SUM(U1:V1)-U2,0)", "0"],
        ["0", "0", "0"],
    ]


def test_an_average_gives_each_cell_of_a_square_its_part() -> None:
    texts = input_formula(around((AveragePool(2),), 1), 1, OWN)
    assert [[written(text) for text in row] for row in texts] == [
        ["K5/4", "K5/4", "0"],
        ["K5/4", "K5/4", "0"],
        ["0"] * 3,
    ]


@pytest.mark.parametrize(("layers", "lit"), [((BatchNorm(2), ReLU()), "F1"), ((ReLU(), BatchNorm(2)), "A1")])
def test_a_relu_lets_pass_what_it_was_lit_for(layers: Layers, lit: str) -> None:
    assert written(passed_formula(around(layers, 3), 0)) == f"IF({lit}>0,K1,0)"


@pytest.mark.parametrize(
    ("layers", "passed", "beta"),
    [
        ((BatchNorm(2),), None, "K1:M3"),
        ((BatchNorm(2), ReLU()), PASSED, "P1:R3"),
        ((ReLU(), BatchNorm(2)), PASSED, "K1:M3"),
    ],
)
def test_gamma_and_beta_add_up_what_flows_into_them(layers: Layers, passed: Place | None, beta: str) -> None:
    (found,) = (own for own in number_formulas(around(layers, 3, passed)) if own)
    products = "P1:R3" if passed else "K1:M3"
    assert written(found["bias"][0]) == f"SUM({beta})"
    assert written(found["weight"][0]) == f"(SUMPRODUCT({products},A1:C3)-A23*SUM({beta}))/SQRT(A24+0.00001)"


def test_a_kernel_adds_up_the_products_of_gradients_and_what_it_saw() -> None:
    stage = around((Convolution(2, 2, 2),), 2)
    assert written(kernel_formula(stage, 1, 0)) == "SUMPRODUCT($K$5:$L$6,A1:B2)"
    assert [written(text) for text in number_formulas(stage)[0]["bias"]] == ["SUM(K1:L2)", "SUM(K5:L6)"]
    depthwise = around((Convolution(2, 2, 2, depthwise=True),), 2)
    assert written(kernel_formula(depthwise, 1, 0)) == "SUMPRODUCT($K$5:$L$6,A5:B6)"
    assert written(kernel_formula(around((Linear(9, 2),), 1), 1, 1)) == "$K$5*A5"


def test_only_windows_over_several_gradients_need_a_kernel_turned_round() -> None:
    assert needs_turned(Convolution(1, 1, 3), (1, 2, 2))
    assert not needs_turned(Convolution(1, 1, 3), (1, 1, 1))
    assert not needs_turned(Convolution(1, 1, 1), (1, 2, 2))
    assert not needs_turned(Linear(9, 1), (1, 2, 2))


def test_what_a_relu_lets_pass_has_cells_beside_a_batch_norm_only() -> None:
    assert needs_passed((BatchNorm(1), ReLU()))
    assert not needs_passed((ReLU(),))
    assert not needs_passed((BatchNorm(1),))


def test_a_second_batch_norm_in_a_row_has_cells_of_its_own() -> None:
    found = stages((BatchNorm(1), ReLU(), BatchNorm(1), ReLU()), (1, 3, 3))
    assert [stage.numbers for stage in found] == [(0, 1), (2, 3)]
    (stage, other) = stages((Convolution(1, 1, 3), Convolution(1, 1, 3, padding=1)), (1, 7, 7))
    assert (stage.ring_back, other.ring_back) == (2, 1)
