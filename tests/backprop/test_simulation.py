"""A training from several samples in plain Python: what others computed, and NumPy's side of it."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests import xor
from tests.strategies import networks_with_samples
from xlbackprop import reference
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.quantities import gathered, training_step
from xlbackprop.backprop.samples import Samples
from xlbackprop.backprop.simulation import LeavesRange, Simulation


def copies(rows) -> list[dict[str, float]]:
    return [dict(row) for row in rows]


def test_one_step_of_xor_in_a_batch_is_what_others_computed() -> None:
    first, second = copies(Simulation(xor.XOR).steps(1.0, 1))
    assert first["E_total"] == pytest.approx(xor.ERRORS[0], rel=1e-15)
    for name, value in xor.AFTER_ONE_STEP.items():
        assert second[name] == pytest.approx(value, rel=0, abs=1e-15), name


def test_a_thousand_steps_of_xor_are_what_others_computed() -> None:
    steps = copies(Simulation(xor.XOR).steps(1.0, 1000))
    assert {step: steps[step]["E_total"] for step in xor.ERRORS} == pytest.approx(xor.ERRORS, rel=1e-11)
    slow = copies(Simulation(xor.SLOW).steps(0.1, 1000))
    for step, error in xor.MEAN_SQUARED_ERRORS_OF_SLOW.items():
        assert slow[step]["E_total"] * 2 / 4 == pytest.approx(error, rel=1e-12)


def test_relu_solves_xor_exactly_and_has_nothing_to_learn() -> None:
    for step in Simulation(xor.SOLVED).steps(1.0, 5):
        assert {step[one.name] for one in gathered(xor.SOLVED) if one.name.startswith(("E_", "dE_"))} == {0.0}
        assert step["accuracy"] == 1.0
        assert {name: step[name] for name in xor.SOLVED.trained_names} == xor.SOLVED.start_values


def test_the_mean_with_four_times_the_learning_rate_is_the_same_training_as_the_sum() -> None:
    averaged = xor.XOR.with_samples(Samples(xor.INPUTS, xor.TARGETS, batch=4, reduction="mean"))
    for one, other in zip(Simulation(xor.XOR).steps(0.5, 20), Simulation(averaged).steps(2.0, 20), strict=True):
        assert other["E_total"] * 4 == pytest.approx(one["E_total"], rel=1e-12)
        assert other["w1"] == pytest.approx(one["w1"], rel=1e-12)


def test_a_mini_batch_takes_its_samples_in_the_order_and_begins_again_after_an_epoch() -> None:
    passes = copies(Simulation(xor.XOR.with_samples(xor.IN_MINI_BATCHES)).passes(1.0, 2))
    assert [(one["step"], one["sample"]) for one in passes] == [(0, 3), (0, 1), (1, 4), (1, 2), (2, 3), (2, 1)]
    assert [(one["i1"], one["i2"], one["t1"]) for one in passes[:3]] == [(1, 0, 1), (0, 0, 0), (1, 1, 0)]


def test_the_first_steps_in_turn_average_what_there_is() -> None:
    steps = copies(Simulation(xor.XOR.with_samples(xor.IN_TURN)).steps(1.0, 6))
    errors = [step["E_total"] for step in steps]
    assert [step["sample"] for step in steps] == [3, 1, 4, 2, 3, 1, 4]
    for n, step in enumerate(steps):
        assert step["E_epoch"] == pytest.approx(np.mean(errors[max(0, n - 3) : n + 1]), rel=1e-15)


@settings(max_examples=150)
@given(networks_with_samples(), st.sampled_from([0.01, 0.5, 2.0]), st.integers(1, 9))
def test_every_number_of_every_step_and_pass_is_numpys(network: Network, eta: float, steps: int) -> None:
    try:
        ours = copies(Simulation(network).steps(eta, steps))
        passes = copies(Simulation(network).passes(eta, steps))
    except LeavesRange:
        assume(False)
    by_numpy = reference.run(network, [eta], steps)
    in_step = {one.name for one in gathered(network)}
    if not network.in_batches:
        in_step |= {quantity.name for quantity in training_step(network)}
    assert set(by_numpy) == in_step | set(network.start_values)
    compare(network, ours, by_numpy)
    if network.in_batches:
        by_numpy = reference.run_of_passes(network, [eta], steps)
        assert set(by_numpy) == {quantity.name for quantity in training_step(network)} | set(network.start_values)
        compare(network, passes, by_numpy)


def compare(network: Network, rows: list[dict[str, float]], by_numpy: dict[str, np.ndarray]) -> None:
    """Whether rows agree to 1e-12 of the largest number that goes into them, as far as rounding lets them."""
    scale = max(1.0, *(abs(value) for row in rows for value in row.values()))
    # a run through a kink, or with gradients that explode, amplifies rounding
    assume(scale < 1e3 and not any(abs(row.get(z, 1)) < 1e-6 for row in rows for z in network.kinked_neurons))
    for name, array in by_numpy.items():
        found = np.array([row[name] for row in rows])
        if name in ("right", "accuracy"):
            # an answer half way between two targets is right or wrong by rounding
            continue
        off = np.abs(found - array[:, 0])
        # from the second step on a training may amplify the rounding of the first
        assert off[0] <= 1e-12 * scale, name
        assert off.max() <= 1e-9 * scale, name


@settings(max_examples=100)
@given(networks_with_samples())
def test_an_answer_counts_as_right_by_its_class_and_errors_of_both_signs_do_not_cancel(network: Network) -> None:
    samples = network.samples
    try:
        rows = copies(Simulation(network).passes(0.1, samples.epoch - 1))
    except LeavesRange:
        assume(False)
    by_step: dict[float, list[float]] = {}
    for row in rows:
        outputs = [row[name] for name in network.activations(network.last)]
        targets = [row[name] for name in network.target_names]
        if not samples.have_classes:
            assert "right" not in row
            continue
        if len(outputs) == 1:
            low, high = sorted({target for (target,) in samples.targets})
            border = (low + high) / 2
            assume(abs(outputs[0] - border) > 1e-9)
            other = low if targets[0] == high else high
            nearer = abs(outputs[0] - targets[0]) < abs(outputs[0] - other)
            # beyond its target by more than half the distance, it is as wrong as on this side of it
            right = nearer and abs(outputs[0] - targets[0]) < (high - low) / 2
        else:
            right = outputs[targets.index(1.0)] == max(outputs)
        assert row["right"] == right
        by_step.setdefault(row["step"], []).append(float(right))
    if network.in_batches and samples.have_classes:
        steps = copies(Simulation(network).steps(0.1, samples.epoch - 1))
        for step in steps:
            assert step["accuracy"] == pytest.approx(np.mean(by_step[step["step"]]))


def test_a_training_that_overflows_says_at_which_step_and_what_to_change() -> None:
    steep = xor.XOR.with_samples(xor.IN_BATCH)
    steep = Network(
        (2, 1), (1.0, 1.0), (0.0,), (1.0, 1.0), output="linear", samples=Samples(xor.INPUTS, xor.TARGETS, batch=4)
    )
    with pytest.raises(LeavesRange, match=r"With learning rate 1e\+30, .* at step \d+: use a smaller learning rate"):
        list(Simulation(steep).steps(1e30, 50))
    in_turn = steep.with_samples(xor.IN_TURN)
    with pytest.raises(LeavesRange, match=r"at step \d+: use a smaller learning rate or at most \d+ steps"):
        list(Simulation(in_turn).steps(1e30, 50))
