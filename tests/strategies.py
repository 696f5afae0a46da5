"""Networks of every kind, for properties that must hold for all of them."""

from hypothesis import strategies as st

from xlbackprop.backprop.functions import ACTIVATIONS
from xlbackprop.backprop.network import BIASES, Network
from xlbackprop.backprop.samples import REDUCTIONS, Samples

_POINTS = tuple((n / 4, 1 - n / 8) for n in range(6))
_CLASSES = tuple(tuple(float(n % 3 == k) for k in range(3)) for n in range(6))
_CURVE = tuple((n * n / 16,) for n in range(6))


def _with(samples: Samples, layers: tuple[int, ...], **functions: str) -> Network:
    network = Network.blank(layers, **functions).with_samples(samples).drawn(3)
    biases = {name: 0.1 * n for n, name in enumerate(network.bias_names, start=1)}
    return network.with_values(biases)


#: A network with samples for each kind that is written in another way.
SEVERAL_KINDS = {
    "classes in a batch": _with(
        Samples(_POINTS, _CLASSES, 6, "mean"), (2, 3, 3), output="softmax", loss="cross-entropy", biases="trained"
    ),
    "classes in turn": _with(Samples(_POINTS, _CLASSES, 1), (2, 3), output="softmax", loss="cross-entropy"),
    "a curve in mini-batches": _with(
        Samples(tuple((a,) for a, _ in _POINTS), _CURVE, 3, order=(2, 6, 1, 3, 5, 4)),
        (1, 2, 1),
        hidden="tanh",
        output="linear",
        biases="fixed",
    ),
    "a curve in turn": _with(
        Samples(tuple((a,) for a, _ in _POINTS), _CURVE, 1), (1, 2, 2, 1), hidden="leaky relu", biases="fixed"
    ),
    "a deep network": _with(Samples(_POINTS, _CURVE, 2), (2, 2, 1, 2, 1), hidden="relu", biases="trained"),
    "two samples": _with(Samples(_POINTS[:2], ((0.0,), (1.0,)), 2), (2, 1)),
}

values = st.floats(-2, 2).map(lambda value: round(value, 3))
positive = st.floats(0.05, 1).map(lambda value: round(value, 3))


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Networks of up to three hidden layers with any activation, loss and kind of bias."""
    layers = tuple(draw(st.lists(st.integers(1, 4), min_size=2, max_size=5)))
    softmax = layers[-1] > 1 and draw(st.booleans())
    hidden = draw(st.sampled_from(list(ACTIVATIONS)))
    output = "softmax" if softmax else draw(st.sampled_from(list(ACTIVATIONS)))
    # 1 - a loses its digits where hidden neurons without bounds drive a towards 1
    bounded = output == "sigmoid" and hidden in ("sigmoid", "tanh")
    binary = bounded and draw(st.booleans())
    loss = "cross-entropy" if softmax else "binary cross-entropy" if binary else "squared error"
    functions = {"hidden": hidden, "output": output, "loss": loss, "biases": draw(st.sampled_from(BIASES))}
    network = Network.blank(layers, **functions)
    start = {name: draw(values) for name in network.start_values}
    if softmax:
        shares = [draw(positive) for _ in network.target_names]
        start |= {name: share / sum(shares) for name, share in zip(network.target_names, shares, strict=True)}
    if binary:
        start |= {name: draw(positive) for name in network.target_names}
    return network.with_values(start)


@st.composite
def networks_with_samples(draw: st.DrawFn, most: int = 12) -> Network:
    """The same with several samples, taken in batches of any size or in turn, as they stand or in an order of their
    own, with targets that make classes and such that make none."""
    network = draw(networks())
    count = draw(st.integers(2, most))
    outputs, binary = network.layers[-1], network.loss == "binary cross-entropy"
    inputs = [tuple(draw(values) for _ in network.input_names) for _ in range(count)]
    if outputs > 1 and (network.loss == "cross-entropy" or draw(st.booleans())):
        classes = [draw(st.integers(0, outputs - 1)) for _ in range(count)]
        targets = [tuple(float(n == one) for n in range(outputs)) for one in classes]
    elif outputs == 1 and draw(st.booleans()):
        low, high = draw(st.sampled_from([(0.0, 1.0), (0.1, 0.9), *([] if binary else [(-1.0, 1.0)])]))
        targets = [(low,), (high,), *((draw(st.sampled_from([low, high])),) for _ in range(count - 2))]
    else:
        targets = [tuple(draw(positive if binary else values) for _ in range(outputs)) for _ in range(count)]
    samples = Samples(
        tuple(inputs),
        tuple(targets),
        batch=draw(st.sampled_from([n for n in range(1, count + 1) if count % n == 0])),
        reduction=draw(st.sampled_from(REDUCTIONS)),
        order=draw(st.just(()) | st.permutations(range(1, count + 1)).map(tuple)),
    )
    return network.with_samples(samples)
