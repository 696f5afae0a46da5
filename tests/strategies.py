"""Networks of every kind, for properties that must hold for all of them."""

from hypothesis import strategies as st

from xlbackprop.backprop.functions import ACTIVATIONS
from xlbackprop.backprop.network import BIASES, Network

values = st.floats(-2, 2).map(lambda value: round(value, 3))
positive = st.floats(0.05, 1).map(lambda value: round(value, 3))


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Networks of up to three hidden layers with any activation, loss and kind of bias."""
    layers = tuple(draw(st.lists(st.integers(1, 4), min_size=2, max_size=5)))
    softmax = layers[-1] > 1 and draw(st.booleans())
    functions = {
        "hidden": draw(st.sampled_from(list(ACTIVATIONS))),
        "output": "softmax" if softmax else draw(st.sampled_from(list(ACTIVATIONS))),
        "loss": "cross-entropy" if softmax else "squared error",
        "biases": draw(st.sampled_from(BIASES)),
    }
    network = Network.blank(layers, **functions)
    start = {name: draw(values) for name in network.start_values}
    if softmax:
        shares = [draw(positive) for _ in network.target_names]
        start |= {name: share / sum(shares) for name, share in zip(network.target_names, shares, strict=True)}
    return network.with_values(start)
