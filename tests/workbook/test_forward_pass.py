"""A forward pass in cells: which quantities have them, and what stands there."""

import numpy as np
import pytest

from tests.workbook.learning import network, three_classes, xor
from xlbackprop.workbook.forward_pass import array_of, formula_of, map_names

SOFTMAX = network((2, 2, 3), three_classes(), output="softmax", loss="cross-entropy")


def test_a_map_takes_what_neurons_give_out_and_all_of_a_softmax_layer() -> None:
    assert map_names(network((2, 2, 1), xor())) == ["a_h1", "a_h2", "a_o1"]
    assert map_names(SOFTMAX) == [
        *("a_h1", "a_h2", "o1", "o2", "o3", "o_max", "e_o1", "e_o2", "e_o3", "e_sum", "a_o1", "a_o2", "a_o3")
    ]


def test_what_has_no_cells_is_put_into_the_formula() -> None:
    trained = network((2, 2, 1), xor(), hidden="relu")
    assert formula_of(trained, "a_h1", {"a_h1"}, str.upper) == "MAX(0,W1*I1+W2*I2+B1)"
    assert formula_of(trained, "a_o1", {"a_h1", "a_h2"}, str.upper) == "1/(1+EXP(-(W5*A_H1+W6*A_H2+B3)))"
    assert formula_of(trained, "h1", {"h1"}, str.upper) == "W1*I1+W2*I2+B1"


def test_many_inputs_at_once_give_an_array_unless_one_leaves_what_a_cell_can_hold() -> None:
    trained = network((2, 1), xor(), biases="none").with_values({"w1": 1.0, "w2": 0.0})
    values = trained.start_values | {"i2": 0.0}
    found = array_of(trained, "a_o1", {"a_o1"}, values | {"i1": np.array([0.0, -700.0])})
    assert found == pytest.approx([0.5, 1 / (1 + np.exp(700))])
    assert array_of(trained, "a_o1", {"a_o1"}, values | {"i1": np.array([0.0, -710.0])}) is None
