"""The network behind a set of names."""

import pytest

from tests.handmade import CLASSIC
from xlbackprop.tables.shape import network_of


@pytest.mark.parametrize(
    ("names", "biases"),
    [
        ((), "none"),
        (("b1", "b2", "b3", "b4"), "fixed"),
        (("b1", "b2", "b3", "b4", "dE_db1", "dE_db2", "dE_db3", "dE_db4"), "trained"),
        # one a layer, or one for all
        (("b1", "b2"), "fixed"),
        (("b1", "b2", "dE_db1", "dE_db2"), "fixed"),
        (("b1", "dE_db1"), "fixed"),
        # one more than there are neurons
        (("b1", "b2", "b3", "b4", "b5", "dE_db1"), "fixed"),
    ],
)
def test_biases_are_trained_if_each_neuron_has_one_and_they_have_gradients(names: tuple[str, ...], biases: str) -> None:
    network = network_of({*CLASSIC, *names})
    assert network is not None
    assert (network.layers, network.biases) == ((2, 2, 2), biases)
