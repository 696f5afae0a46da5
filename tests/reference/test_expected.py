import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.strategies import networks
from xlbackprop import reference
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.quantities import training_step
from xlbackprop.backprop.simulation import LeavesRange, Simulation
from xlbackprop.backprop.templates import load_template


@settings(max_examples=50)
@given(networks(), st.sampled_from([0.01, 0.5, 3.0]))
def test_each_number_of_a_run_is_what_follows_from_the_others(network: Network, eta: float) -> None:
    try:
        rows = [dict(values) for values in Simulation(network).steps(eta, 8)]
    except LeavesRange:
        assume(False)
    cells = {name: np.array([row[name] for row in rows], dtype=float) for name in rows[0]}
    expected = reference.expected_step(network, cells)
    assert set(expected) == {quantity.name for quantity in training_step(network)}
    for name, should in expected.items():
        assert np.all(np.abs(cells[name] - should.value) <= 1e-14 * should.scale + 1e-300), name


def test_one_wrong_number_makes_only_its_own_cell_unexpected() -> None:
    network = load_template("A")
    cells = {name: np.array([value]) for name, value in next(Simulation(network).steps(1.0, 0)).items()}
    cells["a_h2"] = cells["a_h2"] * 1.001
    expected = reference.expected_step(network, cells)
    wrong = {
        name
        for name, should in expected.items()
        if abs(cells[name] - should.value) > 1e-12 * should.scale
    }  # fmt: skip
    # the number itself, and those whose formula uses it and did not follow
    assert wrong == {"a_h2", "o1", "o2", "da_h2_dh2", "dE_dw6", "dE_dw8"}


def test_numbers_that_overflow_are_no_warning() -> None:
    network = load_template("A")
    cells = {name: np.array([1e200]) for name in next(Simulation(network).steps(1.0, 0))}
    assert np.isinf(reference.expected_step(network, cells)["h1"].value)
    assert np.isinf(reference.expected_update(cells["w1"], cells["dE_dw1"], 1e200).value)
