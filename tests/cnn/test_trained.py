import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from tests.cnn.damaged import DAMAGED, cards, content, good_card, good_tensors
from xlbackprop.cnn.networks import NETWORKS
from xlbackprop.cnn.trained import layers_as_json, layers_from_json, read_network
from xlbackprop.errors import UnusableInput


def refusal(path: Path) -> str:
    """The sentence that refuses a file."""
    with pytest.raises(UnusableInput) as caught:
        read_network(path)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert sentence.isprintable()
    assert len(sentence) < len(str(path)) + 200
    return sentence


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content())
    return path


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_comes_back_with_what_is_known_about_it(name: str, tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(content(good_card(name), good_tensors(name)))
    for path in (tmp_path, file):
        found = read_network(path)
        assert (found.name, found.layers, found.file) == (name, NETWORKS[name], file)
        assert (found.mean, found.deviation, found.classes) == (0.1307, 0.3081, tuple("0123456789"))
        tensors = {f"{n}.{key}": tensor for n, own in enumerate(found.tensors) for key, tensor in own.items()}
        assert {tensor.dtype.name for tensor in tensors.values()} == {"float64"}
        assert tensors.keys() == good_tensors(name).keys()
        for key, tensor in good_tensors(name).items():
            assert np.array_equal(tensors[key], tensor), key


def test_an_older_run_is_known_by_the_name_of_its_network(file: Path) -> None:
    card = good_card()
    del card["layers"]
    file.write_bytes(content(card))
    assert read_network(file).layers == NETWORKS["teach"]
    file.write_bytes(content({**card, "network": "huge"}))
    assert refusal(file) == f"{file} is damaged: it lists no layers, and no network is called huge."


def test_a_card_need_not_tell_of_its_run(file: Path) -> None:
    card = {name: value for name, value in good_card().items() if name in ("network", "data")}
    del card["data"]["name"]
    file.write_bytes(content(card))
    assert read_network(file).card == card


def test_how_many_batches_a_norm_has_seen_does_not_matter(file: Path) -> None:
    file.write_bytes(content(tensors=good_tensors() | {"1.num_batches_tracked": np.array(7)}))
    assert read_network(file).name == "teach"


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_one_sentence_that_names_it(name: str, file: Path) -> None:
    file.write_bytes(DAMAGED[name]())
    assert refusal(file).startswith(f"{file} ")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a list", "is damaged: its description is no JSON object."),
        ("a list nested too deeply", "is damaged: its description is no JSON object."),
        ("a number of 5,000 digits", "is damaged: its description is no JSON object."),
        ("numbers of bfloat16", "holds numbers of a kind that is not known here."),
        ("no data", "is damaged: it does not say which network it holds, and of which images."),
        ("a network of two lines", "is damaged: the name of its network is no text that fits in a line."),
        ("a mean of 400 digits", "is damaged: the mean of its images is no number from 0 to 1."),
        ("a deviation of 0", "is damaged: the deviation of its images is no number from 0.0001 to 1."),
        ("a seed that is a text", "is damaged: its seed is no number from 0 to 9223372036854775807."),
        ("an accuracy of NaN", "is damaged: its accuracy is no number from 0 to 100."),
        ("images of no name", "is damaged: the name of its images is no text that fits in a line."),
        ("nine classes", "is damaged: it does not name 10 classes."),
        ("layers that are null", "is damaged: its layers are no list."),
        ("a layer that is null", "is damaged: layer 2 does not say of which kind it is."),
        ("a layer of an unknown kind", "is damaged: layer 2 is of a kind that is not known, Sigmoid."),
        ("a pool of size 0", "is damaged: layer 3, of the kind MaxPool, cannot have this size."),
        (
            "a padding of the kernel's size",
            "is damaged: layer 1, a convolution, sees nothing but padding at its edges.",
        ),
        (
            "layers that do not follow",
            "is damaged: a layer linear cannot take numbers in the shape 108.",
        ),
        ("a network that ends in maps", "is damaged: its last layer does not give 10 numbers."),
        ("weights of another network", "does not hold the weights of teach."),
        ("a variance below 0", "is damaged: it holds variances below 0."),
    ],
)
def test_what_is_wrong_is_said(name: str, said: str, file: Path) -> None:
    file.write_bytes(DAMAGED[name]())
    assert refusal(file) == f"{file} {said}"


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("data", "mean"), 0),
        (("data", "mean"), 1),
        (("data", "deviation"), 0.0001),
        (("data", "deviation"), 1),
        (("data", "classes", 3), "c" * 50),
        (("data", "classes", 3), "Größe 3/4 $"),
        (("data", "name"), "my own images"),
        (("accuracy",), 100),
        (("accuracy",), 0),
        (("epochs",), 10_000),
        (("seed",), 2**63 - 1),
        (("layers", 1), {"kind": "Dropout", "rate": 1}),
        (("layers", 1), {"kind": "Dropout", "rate": 0}),
        (("layers", 0, "start"), -0.5),
        (("network",), "another"),
    ],
)
def test_what_is_just_within_the_limits_is_taken(keys: tuple[str | int, ...], value: object, file: Path) -> None:
    card = good_card()
    place = card
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    file.write_bytes(content(card))
    assert read_network(file).card == card


@pytest.mark.parametrize("name", ["a weight that is NaN", "a weight that is infinite", "a weight that is too large"])
def test_weights_of_a_training_that_went_wrong_are_to_be_trained_again(name: str, file: Path) -> None:
    file.write_bytes(DAMAGED[name]())
    said = "holds weights that are no numbers, or beyond 1,000,000,000: train it again with a smaller learning rate."
    assert refusal(file) == f"{file} {said}"


def test_large_weights_are_taken(file: Path) -> None:
    tensors = good_tensors()
    tensors["4.bias"][3] = -1e9
    file.write_bytes(content(tensors=tensors))
    assert read_network(file).tensors[4]["bias"][3] == -1e9


def test_a_run_that_is_not_finished_is_to_be_resumed(file: Path) -> None:
    checkpoint = file.with_name("checkpoint.safetensors")
    checkpoint.write_bytes(content({"settings": {}, "epochs": []}))
    assert read_network(file.parent).file == file
    file.unlink()
    assert refusal(file.parent) == f"The run in {file.parent} is not finished: resume it first."
    expected = f"{checkpoint} is the checkpoint of a run that is not finished: resume it first."
    assert refusal(checkpoint) == expected


def test_a_folder_without_a_network_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path / 'model.safetensors'} does not exist."


def test_what_the_system_has_against_a_name_is_said(tmp_path: Path) -> None:
    path = tmp_path / ("long" * 100)
    assert refusal(path) == f"{path} cannot be read: file name too long."


@pytest.mark.parametrize("name", NETWORKS)
def test_layers_come_back_from_their_json(name: str) -> None:
    layers = NETWORKS[name]
    assert layers_from_json(json.loads(json.dumps(layers_as_json(layers)))) == layers


def test_what_a_layer_need_not_say_has_its_default() -> None:
    entry = {"kind": "Convolution", "inputs": 1, "outputs": 3, "kernel": 5}
    assert layers_from_json([entry, *layers_as_json(NETWORKS["teach"])[1:]]) == NETWORKS["teach"]


@given(cards())
def test_any_card_gives_a_network_or_a_sentence(card: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.safetensors"
        file.write_bytes(content(text=json.dumps(card)))
        try:
            found = read_network(file)
        except UnusableInput as error:
            assert str(error).isprintable()
            assert str(error).startswith(f"{file} ")
            assert str(error).endswith(".")
        else:
            assert len(found.classes) == 10
            assert len(found.layers) == len(found.tensors)
