"""The file of a trained network, and the many ways in which it can be damaged."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st
from safetensors.numpy import save

from xlbackprop.cnn.layers import tensor_shapes
from xlbackprop.cnn.networks import NETWORKS
from xlbackprop.cnn.tensors import HEADER_KEY
from xlbackprop.cnn.trained import layers_as_json

NETWORK = "teach"
_DEEP = 5000


def good_card(network: str = NETWORK) -> dict[str, Any]:
    """What is read from the card of a run."""
    data = {"name": "mnist", "mean": 0.1307, "deviation": 0.3081, "classes": list("0123456789")}
    told = {"accuracy": 97.5, "epochs": 12, "seed": 1}
    return {"network": network, "layers": layers_as_json(NETWORKS[network]), "data": data, **told}


def good_tensors(network: str = NETWORK) -> dict[str, np.ndarray]:
    """Drawn weights, in single precision as a run has them."""
    generator = np.random.default_rng(0)
    return {
        f"{n}.{name}": generator.uniform(0.1, 0.5, shape).astype(np.float32)
        for n, layer in enumerate(NETWORKS[network])
        for name, shape in tensor_shapes(layer).items()
    }


def content(card: object = None, tensors: dict[str, np.ndarray] | None = None, text: str | None = None) -> bytes:
    """The bytes of a file: of a good network, but for what is given.

    Args:
        card: instead of the good one.
        tensors: likewise.
        text: instead of the JSON of the card.
    """
    text = json.dumps(good_card() if card is None else card) if text is None else text
    return save(good_tensors() if tensors is None else tensors, metadata={HEADER_KEY: text})


def _with(value: object, *keys: str | int) -> bytes:
    """A card in which something is replaced."""
    card: Any = good_card()
    place = card
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return content(card)


def _without(*keys: str | int) -> bytes:
    card: Any = good_card()
    place = card
    for key in keys[:-1]:
        place = place[key]
    del place[keys[-1]]
    return content(card)


def _with_text(old: str, new: str) -> bytes:
    """A card whose JSON is changed as a text."""
    text = json.dumps(good_card())
    assert old in text
    return content(text=text.replace(old, new, 1))


def _with_tensor(name: str, change: Callable[[np.ndarray], np.ndarray]) -> bytes:
    tensors = good_tensors()
    tensors[name] = change(tensors[name])
    return content(tensors=tensors)


def _raw(header: bytes, numbers: bytes = b"", length: int | None = None) -> bytes:
    return (len(header) if length is None else length).to_bytes(8, "little") + header + numbers


def _one_tensor(kind: str, shape: list[int], size: int, start: int = 0) -> bytes:
    described = {"dtype": kind, "shape": shape, "data_offsets": [start, start + size]}
    header = {"__metadata__": {HEADER_KEY: json.dumps(good_card())}, "0.weight": described}
    return _raw(json.dumps(header).encode(), b"\0" * size)


def _first(value: float) -> Callable[[np.ndarray], np.ndarray]:
    def changed(tensor: np.ndarray) -> np.ndarray:
        tensor = tensor.copy()
        tensor.flat[0] = value
        return tensor

    return changed


def _of_nano() -> dict[str, np.ndarray]:
    tensors = good_tensors("nano")
    tensors["2.running_var"][0] = -1
    return tensors


#: The bytes of each damaged file, by what is wrong with it.
DAMAGED: dict[str, Callable[[], bytes]] = {
    # the file
    "empty": lambda: b"",
    "cut in the length": lambda: content()[:5],
    "cut in the header": lambda: content()[:300],
    "cut in the numbers": lambda: content()[:-1],
    "longer": lambda: content() + b"x",
    "text": lambda: b"network = teach\n" * 20,
    "a header that is no object": partial(_raw, b"[]"),
    "a header of null": partial(_raw, b"null"),
    "a header that is no JSON": partial(_raw, b"\xff{}"),
    "a header of 2^63 bytes": partial(_raw, b"{}", length=2**63),
    "a header nested too deeply": partial(_raw, b'{"a":' * _DEEP),
    "no card": lambda: save(good_tensors()),
    "a card of another program": lambda: save(good_tensors(), metadata={"format": "pt"}),
    "a tensor outside the file": partial(_one_tensor, "F32", [1], 4, start=2**62),
    "a tensor of too many numbers": partial(_one_tensor, "F32", [2**40, 2**40], 4),
    "a tensor of many axes": partial(_one_tensor, "F32", [1] * 70, 4),
    "an empty tensor of a huge shape": partial(_one_tensor, "F32", [0, 2**62], 0),
    "numbers of bfloat16": partial(_one_tensor, "BF16", [1], 2),
    "numbers of float8": partial(_one_tensor, "F8_E4M3", [1], 1),
    "complex numbers": partial(_one_tensor, "C64", [1], 8),
    # the card as a whole
    "an empty card": partial(content, text=""),
    "a card that is no JSON": partial(content, text="{"),
    "a list": partial(content, []),
    "null": partial(content, text="null"),
    "a number": partial(content, 5),
    "a text": partial(content, "teach"),
    "NaN": partial(content, text="NaN"),
    "an object without anything": partial(content, {}),
    "a list nested too deeply": partial(content, text="[" * _DEEP),
    "an object nested too deeply": partial(content, text='{"network":' * _DEEP),
    "a number of 5,000 digits": partial(_with_text, "0.1307", "1" * 5000),
    # the network and its images
    "no network": partial(_without, "network"),
    "no data": partial(_without, "data"),
    "a network that is null": partial(_with, None, "network"),
    "a network that is a list": partial(_with, ["teach"], "network"),
    "a network of two lines": partial(_with, "teach\nnano", "network"),
    "a network that is no Unicode": partial(_with_text, '"teach"', '"\\ud800"'),
    "a network of a long name": partial(_with, "teach" * 1000, "network"),
    "data that is a list": partial(_with, [], "data"),
    "data that is null": partial(_with, None, "data"),
    "a mean that is a text": partial(_with, "0.1307", "data", "mean"),
    "a mean that is true": partial(_with, True, "data", "mean"),
    "no mean": partial(_without, "data", "mean"),
    "a mean that is NaN": partial(_with_text, "0.1307", "NaN"),
    "a mean that is infinite": partial(_with_text, "0.1307", "Infinity"),
    "a mean of 400 digits": partial(_with_text, "0.1307", "1" * 400),
    "a deviation of 0": partial(_with, 0, "data", "deviation"),
    "a deviation below 0": partial(_with, -0.3, "data", "deviation"),
    "a deviation of 1e-320": partial(_with, 1e-320, "data", "deviation"),
    "a deviation of 1e999": partial(_with_text, "0.3081", "1e999"),
    "no classes": partial(_without, "data", "classes"),
    "nine classes": partial(_without, "data", "classes", 9),
    "classes that are one text": partial(_with, "0123456789", "data", "classes"),
    "classes that are an object": partial(_with, dict.fromkeys("0123456789"), "data", "classes"),
    "a class that is a number": partial(_with, 3, "data", "classes", 3),
    "a class without a name": partial(_with, "", "data", "classes", 3),
    "a class that is no Unicode": partial(_with_text, '"3"', '"\\udcff"'),
    "a class of two lines": partial(_with, "three\nfour", "data", "classes", 3),
    "images of no name": partial(_with, None, "data", "name"),
    "images of a list as their name": partial(_with, ["mnist"], "data", "name"),
    "images of a name that is no Unicode": partial(_with_text, '"mnist"', '"\\ud800"'),
    # what it tells of the run
    "a seed that is a text": partial(_with, "1", "seed"),
    "a seed of 400 digits": partial(_with_text, '"seed": 1', '"seed": ' + "1" * 400),
    "epochs that are a list": partial(_with, [12], "epochs"),
    "epochs below 0": partial(_with, -12, "epochs"),
    "an accuracy of null": partial(_with, None, "accuracy"),
    "an accuracy of NaN": partial(_with_text, "97.5", "NaN"),
    "an accuracy above 100": partial(_with, 100.1, "accuracy"),
    # the layers
    "an unknown network without layers": lambda: content({"network": "huge", "data": good_card()["data"]}),
    "layers that are null": partial(_with, None, "layers"),
    "no layers": partial(_with, [], "layers"),
    "layers that are an object": partial(_with, {"kind": "ReLU"}, "layers"),
    "a layer that is null": partial(_with, None, "layers", 1),
    "a layer that is a text": partial(_with, "ReLU", "layers", 1),
    "a layer without a kind": partial(_with, {}, "layers", 1),
    "a layer of a list as its kind": partial(_with, {"kind": ["ReLU"]}, "layers", 1),
    "a layer of an unknown kind": partial(_with, {"kind": "Sigmoid"}, "layers", 1),
    "a layer nested deeply": partial(_with_text, '"ReLU"', "[" * 900 + "]" * 900),
    "a layer with an unknown attribute": partial(_with, {"kind": "ReLU", "slope": 0.1}, "layers", 1),
    "a layer without an attribute": partial(_without, "layers", 2, "size"),
    "a pool of size 0": partial(_with, 0, "layers", 2, "size"),
    "a pool of size -4": partial(_with, -4, "layers", 2, "size"),
    "a pool of size 4.0": partial(_with, 4.0, "layers", 2, "size"),
    "a pool of size true": partial(_with, True, "layers", 2, "size"),
    "a pool of a size of 400 digits": partial(_with_text, '"size": 4', '"size": ' + "4" * 400),
    "a pool larger than its maps": partial(_with, 25, "layers", 2, "size"),
    "a kernel of 0": partial(_with, 0, "layers", 0, "kernel"),
    "a padding of the kernel's size": partial(_with, 5, "layers", 0, "padding"),
    "a padding below 0": partial(_with, -1, "layers", 0, "padding"),
    "a bias that is 1": partial(_with, 1, "layers", 0, "bias"),
    "a depthwise convolution of other outputs": partial(_with, True, "layers", 0, "depthwise"),
    "a start that is NaN": partial(_with_text, '"start": null', '"start": NaN'),
    "a start of 1e300": partial(_with, 1e300, "layers", 0, "start"),
    "a dropout of 2": partial(_with, {"kind": "Dropout", "rate": 2}, "layers", 1),
    "a dropout of null": partial(_with, {"kind": "Dropout", "rate": None}, "layers", 1),
    "a network of other outputs": partial(_with, 11, "layers", 4, "outputs"),
    "a network that ends in maps": partial(_with, good_card()["layers"][:3], "layers"),
    "layers that do not follow": partial(_with, 107, "layers", 4, "inputs"),
    # the tensors
    "no tensors": partial(content, tensors={}),
    "a tensor too few": lambda: content(tensors={"0.weight": good_tensors()["0.weight"]}),
    "a tensor too many": lambda: content(tensors=good_tensors() | {"9.weight": np.ones(1, np.float32)}),
    "a tensor of another shape": partial(_with_tensor, "4.weight", lambda tensor: tensor.T.copy()),
    "a tensor without axes": partial(_with_tensor, "4.bias", lambda tensor: np.array(tensor[0])),
    "whole numbers": partial(_with_tensor, "4.bias", lambda tensor: tensor.astype(np.int32)),
    "a weight that is NaN": partial(_with_tensor, "0.weight", _first(np.nan)),
    "a weight that is infinite": partial(_with_tensor, "4.bias", _first(-np.inf)),
    "a weight that is too large": partial(_with_tensor, "4.bias", _first(-1.001e9)),
    "weights of another network": lambda: content(tensors=good_tensors("nano")),
    "a variance below 0": lambda: content(good_card("nano"), _of_nano()),
}


_odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([10**400, -1, 0, 1, 2, 4, 10, 99_999])
    # with halves of pairs, which JSON can hold and no encoding
    | st.text(st.characters(exclude_categories=()), max_size=5)
    | st.sampled_from(["ReLU", "Dropout", "Flatten", "kind", "teach"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def _mutated(draw: st.DrawFn, value: object) -> object:
    """A JSON value in which one is replaced, dropped or doubled, at any depth."""
    inside = isinstance(value, dict | list) and len(value) > 0
    if not inside or draw(st.integers(0, 4)) == 0:
        return draw(_odd)
    if isinstance(value, dict):
        key = draw(st.sampled_from(sorted(value)))
        others = {name: of for name, of in value.items() if name != key}
        how = draw(st.sampled_from(["change", "change", "drop", "rename"]))
        if how == "change":
            return value | {key: _mutated(draw, value[key])}
        return others if how == "drop" else others | {draw(st.text(max_size=5)): value[key]}
    place = draw(st.integers(0, len(value) - 1))
    how = draw(st.sampled_from(["change", "change", "drop", "double"]))
    new = [_mutated(draw, value[place])] if how == "change" else [] if how == "drop" else [value[place]] * 2
    return [*value[:place], *new, *value[place + 1 :]]


@st.composite
def cards(draw: st.DrawFn) -> object:
    """The card of a network with a few changes anywhere."""
    card: object = good_card()
    for _ in range(draw(st.integers(1, 3))):
        card = _mutated(draw, card)
    return card
