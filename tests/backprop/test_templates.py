from pathlib import Path

import pytest

from xlbackprop.backprop.network import draw_weights
from xlbackprop.backprop.templates import load_template, template_names
from xlbackprop.errors import UnusableInput

GOOD = """
layers = [2, 2, 1]
inputs = [0.05, 0.1]
targets = [0.5]
weights = [1, 2, 3, 4, 5, 6]
"""


def test_the_facts_of_the_parameter_sets() -> None:
    a, b, c, mazur = (load_template(name) for name in ("A", "B", "C", "mazur"))
    assert {network.inputs for network in (a, b, c, mazur)} == {(0.05, 0.1)}
    assert a.weights == b.weights == mazur.weights == (0.15, 0.2, 0.25, 0.3, 0.4, 0.45, 0.5, 0.55)
    assert c.weights == (0.3, 0.5, -0.2, 0.7, 0.1, -0.6, 0.3, -0.9)
    assert (a.targets, b.targets, c.targets) == ((0.01, 0.99), (0.5, 0.5), (0.01, 0.99))
    assert (mazur.biases, mazur.bias_values) == ("fixed", (0.35, 0.35, 0.6, 0.6))


def test_the_templates_cover_the_sizes_of_the_classroom() -> None:
    shapes = {name: load_template(name).shape for name in template_names()}
    assert {"2-2-2", "2-3-1", "2-3-3", "2-3-3-2"} <= set(shapes.values())
    assert all(load_template(name).description for name in shapes)


def test_a_template_is_found_whatever_its_case(tmp_path) -> None:
    assert load_template("MAZUR") == load_template("mazur")


def test_a_template_may_leave_its_weights_to_be_drawn(tmp_path) -> None:
    path = tmp_path / "drawn.toml"
    path.write_text("layers = [3, 2]\ninputs = [1, 2, 3]\ntargets = [0, 1]\n")
    assert load_template(str(path)).weights == draw_weights((3, 2), seed=0)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("[2, 2, 1]", "[2]"), "at least two layers"),
        (("[2, 2, 1]", "[2, 0, 1]"), "at least two layers"),
        (("[2, 2, 1]", "[2, -1, 1]"), "at least two layers"),
        (("[2, 2, 1]", "[2.0, 2, 1]"), "list of whole numbers"),
        (("[2, 2, 1]", "5"), "list of whole numbers"),
        (("[2, 2, 1]", "[true, 2, 1]"), "list of whole numbers"),
        (("[2, 2, 1]", "[5000, 5000]"), "has 25,000,000 weights, and more than 1,000,000 are not trained"),
        (("[0.5]", f"[1{'0' * 5000}]"), "is not a TOML file: Exceeds the limit"),
        (("4, 5, 6]", "4, 5]"), r"6 weights \(w1 to w6\), but 5 were given"),
        (("[0.5]", "[0.5, 1]"), r"1 target \(t1\), but 2 were given"),
        (("[0.5]", '["0.5"]'), "targets holds '0.5' where a number belongs"),
        (("[0.5]", "[true]"), "targets holds true where a number belongs"),
        (("[0.5]", "[nan]"), "t1 = nan is not a number that a cell can hold"),
        (("[0.5]", "[-inf]"), "t1 = -inf is not a number"),
        (("[0.5]", "0.5"), "targets must be a list of numbers"),
        (("[0.5]", f"[1{'0' * 400}]"), "targets holds a number that no cell can hold"),
        (("targets = [0.5]", ""), "the key targets is missing"),
        (("targets", "target"), "the key target is not known; did you mean targets"),
        (("layers", "colour = 3\nlayers"), "the key colour is not known; the keys are"),
        (("layers", 'hidden = "sigmoit"\nlayers'), 'hidden = "sigmoit" is not known: use one of sigmoid'),
        (("layers", "hidden = 3\nlayers"), "hidden must be a text in quotes"),
        (("layers", 'hidden = "softmax"\nlayers'), 'hidden = "softmax" is not known'),
        (("layers", 'output = "softmax"\nlayers'), "softmax takes the loss cross-entropy, and squared error"),
        (("layers", 'output = "softmax"\nloss = "cross-entropy"\nlayers'), "Softmax over a single output is always 1"),
        (("layers", 'loss = "cross-entropy"\nlayers'), "the loss squared error, and cross-entropy the output softmax"),
        (("layers", 'biases = "fixed"\nbias_values = [1]\nlayers'), r"3 biases \(b1 to b3\), but 1 were given"),
        (("layers", "bias_values = [1]\nlayers"), "biases none has 0 biases, but 1 were given"),
        (("layers = [2", "layers = [[2"), "is not a TOML file"),
    ],
)
def test_a_template_that_describes_no_network_is_refused_with_one_sentence(tmp_path, change, sentence: str) -> None:
    path = tmp_path / "bad.toml"
    assert change[0] in GOOD
    path.write_text(GOOD.replace(*change))
    with pytest.raises(UnusableInput, match=sentence) as refusal:
        load_template(str(path))
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_the_unchanged_template_is_accepted(tmp_path) -> None:
    path = tmp_path / "good.toml"
    path.write_text(GOOD)
    assert load_template(str(path)).weights == (1, 2, 3, 4, 5, 6)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x00" * 100, b"PK\x03\x04"])
def test_a_binary_file_is_no_template(tmp_path, content: bytes) -> None:
    path = tmp_path / "binary.toml"
    path.write_bytes(content)
    with pytest.raises(UnusableInput, match="is not a TOML file"):
        load_template(str(path))


@pytest.mark.parametrize(
    "layers", ["[0, 2]", "[-1, 2]", "[2]", "[]", "[100000000, 2]", "[1000000, 1000000]", "[99999999999999999999, 2]"]
)
def test_layers_are_checked_before_weights_are_drawn(tmp_path, layers: str) -> None:
    path = tmp_path / "drawn.toml"
    path.write_text(f"layers = {layers}\ninputs = [1]\ntargets = [1]\n")
    with pytest.raises(UnusableInput, match="at least two layers|are not trained one by one"):
        load_template(str(path))


def test_a_missing_template_is_answered_with_the_names_of_the_others(tmp_path) -> None:
    with pytest.raises(UnusableInput, match="no template or file nowhere: the templates are A, B, C, deep"):
        load_template("nowhere")


def test_a_directory_is_no_template(tmp_path) -> None:
    with pytest.raises(UnusableInput, match="is not a file"):
        load_template(str(tmp_path))


@pytest.mark.parametrize("targets", ["[0.5, 0.6]", "[-0.5, 1.5]"])
def test_targets_of_cross_entropy_must_be_probabilities(tmp_path, targets: str) -> None:
    path = tmp_path / "softmax.toml"
    path.write_text(f'layers = [1, 2]\ninputs = [1]\ntargets = {targets}\noutput = "softmax"\nloss = "cross-entropy"\n')
    with pytest.raises(UnusableInput, match="targets are probabilities"):
        load_template(str(path)).check_targets()


@pytest.mark.parametrize("biases", ["fixed", "trained"])
def test_biases_that_a_template_leaves_out_are_0(tmp_path: Path, biases: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'layers = [2, 2, 1]\ninputs = [0.1, 0.2]\ntargets = [0.5]\nbiases = "{biases}"\n')
    assert load_template(str(path)).bias_values == (0.0, 0.0, 0.0)
