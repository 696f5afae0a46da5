from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xlbackprop.backprop.network import Network, draw_weights
from xlbackprop.backprop.templates import load_template
from xlbackprop.errors import UnusableInput


def test_weights_are_numbered_layer_by_layer_and_neuron_by_neuron() -> None:
    network = Network.blank((2, 3, 2), biases="trained")
    assert network.layer_weights(1) == [["w1", "w2"], ["w3", "w4"], ["w5", "w6"]]
    assert network.layer_weights(2) == [["w7", "w8", "w9"], ["w10", "w11", "w12"]]
    assert network.layer_biases(1) == ["b1", "b2", "b3"]
    assert network.layer_biases(2) == ["b4", "b5"]


def test_one_hidden_layer_has_h1_and_several_have_the_layer_first() -> None:
    assert Network.blank((2, 2, 2)).neurons(1) == ["h1", "h2"]
    deep = Network.blank((2, 3, 2, 1))
    assert deep.neurons(1) == ["h1_1", "h1_2", "h1_3"]
    assert deep.activations(2) == ["a_h2_1", "a_h2_2"]
    assert deep.neurons(3) == ["o1"]


def test_without_a_hidden_layer_the_inputs_lead_to_the_outputs() -> None:
    network = Network.blank((1, 1))
    assert network.layer_weights(1) == [["w1"]]
    assert (network.activations(0), network.neurons(1)) == (["i1"], ["o1"])


def test_only_trained_biases_are_trained() -> None:
    assert Network.blank((1, 1), biases="fixed").trained_names == ["w1"]
    assert Network.blank((1, 1), biases="trained").trained_names == ["w1", "b1"]
    assert Network.blank((1, 1)).bias_names == []


def test_every_start_value_has_a_meaning() -> None:
    network = Network.blank((2, 3, 2, 1), biases="fixed")
    assert set(network.meanings) == set(network.start_values)
    assert network.meanings["w7"] == "weight from a_h1_1 to h2_1"
    assert network.meanings["b2"] == "bias of h1_2 (not trained)"


def test_single_values_can_be_replaced() -> None:
    network = load_template("A").with_values({"w1": 0.7, "t2": -1.0})
    assert network.weights == (0.7, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5, 0.55)
    assert network.targets == (0.01, -1.0)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("w9", "has no w9: it has"), ("b1", "has no b1"), ("eta", "i1 to i2, t1 to t2, w1 to w8")],
)
def test_a_value_that_the_network_lacks_is_named(name: str, sentence: str) -> None:
    with pytest.raises(UnusableInput, match=sentence):
        load_template("A").with_values({name: 1.0})


def test_drawn_weights_are_the_same_for_the_same_seed_and_can_be_read() -> None:
    assert draw_weights((2, 2, 1), seed=1) == draw_weights((2, 2, 1), seed=1)
    assert draw_weights((2, 2, 1), seed=1) != draw_weights((2, 2, 1), seed=2)
    # a value that must never change: courses hand out seeds
    assert draw_weights((2, 1), seed=7) == (-0.2491, -0.4938)
    assert all(weight == round(weight, 4) for weight in draw_weights((9, 9), seed=3))


@given(st.lists(st.integers(1, 5), min_size=2, max_size=5), st.integers(0, 2**32))
def test_drawn_weights_stay_within_the_range_of_their_layer(layers: list[int], seed: int) -> None:
    weights = iter(draw_weights(tuple(layers), seed))
    for fan_in, size in pairwise(layers):
        assert all(abs(next(weights)) <= fan_in**-0.5 + 1e-4 for _ in range(fan_in * size))


def test_drawn_weights_come_with_trained_biases_of_zero() -> None:
    assert load_template("deep").drawn(1).bias_values == (0.0,) * 8
    assert load_template("mazur").drawn(1).bias_values == (0.35, 0.35, 0.6, 0.6)


def test_a_misspelt_name_is_recognised() -> None:
    with pytest.raises(UnusableInput, match="has no W_1: did you mean w1"):
        load_template("A").with_values({"W_1": 1.0})
