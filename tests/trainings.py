"""Trainings of every kind, for properties that must hold for all of them: networks, samples and optimizers."""

import dataclasses

from hypothesis import strategies as st

from tests.strategies import networks, positive, values
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.optimizers import KINDS, SCHEDULES, Optimizer
from xlbackprop.backprop.samples import REDUCTIONS, Samples

_SHARE = st.floats(0, 0.99).map(lambda value: round(value, 2))
#: What the hyperparameters may be.
HYPERPARAMETERS = {
    **dict.fromkeys(("momentum", "beta_1", "alpha"), _SHARE),
    "dampening": st.floats(0, 1).map(lambda value: round(value, 2)),
    "beta_2": st.floats(0.5, 0.9999).map(lambda value: round(value, 4)),
    "eps": st.sampled_from([1e-10, 1e-8, 1e-4, 0.1]),
    "weight_decay": st.sampled_from([0.0, 0.001, 0.05]),
    "step_size": st.integers(1, 20).map(float),
    "gamma": st.floats(0.5, 1).map(lambda value: round(value, 3)),
    "warm_up": st.integers(1, 60).map(float),
}


@st.composite
def optimizers(draw: st.DrawFn) -> Optimizer:
    """Every optimizer with some hyperparameters of its own, and every schedule."""
    name, schedule = draw(st.sampled_from(list(KINDS))), draw(st.sampled_from(list(SCHEDULES)))
    given = {key: draw(HYPERPARAMETERS[key]) for key in KINDS[name].hyperparameters if draw(st.booleans())}
    given |= {key: draw(HYPERPARAMETERS[key]) for key in SCHEDULES[schedule].arguments}
    if given.get("momentum") == 0:
        # without momentum torch has no velocity, and dampens nothing
        given.pop("dampening", None)
    return Optimizer(name, tuple(given.items()), schedule)


@st.composite
def trainings(draw: st.DrawFn) -> Network:
    """Networks that learn from one to eight samples, all at once, in batches or in turn, by any optimizer."""
    network = draw(networks())
    count = draw(st.integers(1, 8))
    if count > 1:
        inputs = tuple(tuple(draw(values) for _ in network.input_names) for _ in range(count))
        targets = tuple(_targets(draw, network) for _ in range(count))
        batch = draw(st.sampled_from([size for size in range(1, count + 1) if count % size == 0]))
        samples = Samples(inputs, targets, batch, draw(st.sampled_from(REDUCTIONS)))
        if draw(st.booleans()):
            samples = samples.with_drawn_order(draw(st.integers(0, 99)))
        network = network.with_samples(samples)
    return dataclasses.replace(network, optimizer=draw(optimizers()))


def _targets(draw: st.DrawFn, network: Network) -> tuple[float, ...]:
    if network.output != "softmax":
        of_each = positive if network.loss == "binary cross-entropy" else values
        return tuple(draw(of_each) for _ in network.target_names)
    shares = [draw(positive) for _ in network.target_names]
    return tuple(share / sum(shares) for share in shares)
