from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from xlbackprop import reference
from xlbackprop.backprop.defaults import DEFAULT_ETAS, DEFAULT_STEPS
from xlbackprop.backprop.network import draw_weights
from xlbackprop.backprop.samples import Showing
from xlbackprop.backprop.simulation import Simulation
from xlbackprop.backprop.templates import Template, load_template, read_template, template_names
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
        (
            ("layers", 'loss = "cross-entropy"\nlayers'),
            "the loss squared error or binary cross-entropy, and cross-entropy the output softmax",
        ),
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
    with pytest.raises(UnusableInput, match="no template or file nowhere: the templates are A, B, C, and, curve, deep"):
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


@pytest.mark.parametrize(("targets", "fine"), [("[0, 1]", True), ("[0.2, 0.2]", True), ("[0, 1.01]", False)])
def test_targets_of_binary_cross_entropy_are_probabilities_each_by_itself(tmp_path, targets: str, fine: bool) -> None:
    path = tmp_path / "binary.toml"
    path.write_text(f'layers = [1, 2]\ninputs = [1]\ntargets = {targets}\nloss = "binary cross-entropy"\n')
    with nullcontext() if fine else pytest.raises(UnusableInput, match=r"1\.01 must lie between 0 and 1"):
        load_template(str(path)).check_targets()


@pytest.mark.parametrize("biases", ["fixed", "trained"])
def test_biases_that_a_template_leaves_out_are_0(tmp_path: Path, biases: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f'layers = [2, 2, 1]\ninputs = [0.1, 0.2]\ntargets = [0.5]\nbiases = "{biases}"\n')
    assert load_template(str(path)).bias_values == (0.0, 0.0, 0.0)


SAMPLES = """
layers = [2, 2, 1]
biases = "trained"
seed = 5
lrs = [0.5, 2]
steps = 40
batch = 2
reduction = "mean"
order = "drawn"
classes = ["no", "yes"]
samples = [
    {inputs = [0, 0], targets = [0]},
    {inputs = [0, 1], targets = [1]},
    {inputs = [1, 0], targets = [1]},
    {inputs = [1, 1], targets = [0]},
]
"""


def read(folder: Path, content: str) -> Template:
    path = folder / "mine.toml"
    path.write_text(content)
    return read_template(str(path))


def test_a_template_says_what_is_learned_how_it_is_shown_how_fast_and_how_long(tmp_path: Path) -> None:
    template = read(tmp_path, SAMPLES)
    samples = template.network.samples
    assert samples is not None
    assert (samples.inputs[1], samples.targets[1], samples.classes) == ((0.0, 1.0), (1.0,), ("no", "yes"))
    assert (samples.batch, samples.reduction) == (2, "mean")
    assert sorted(samples.order) == [1, 2, 3, 4] != list(samples.order)
    assert (template.etas, template.steps, template.showing) == ((0.5, 2.0), 40, Showing(2, "mean", 5))
    assert template.network.weights == draw_weights((2, 2, 1), seed=5)


def test_the_seed_draws_the_order_too(tmp_path: Path) -> None:
    network, other = (read(tmp_path, content).network for content in (SAMPLES, SAMPLES.replace("= 5", "= 6")))
    assert network.samples
    assert other.samples
    assert network.samples.order != other.samples.order
    assert network.weights != other.weights


def test_what_a_template_does_not_say_is_as_usual(tmp_path: Path) -> None:
    template = read(tmp_path, GOOD)
    assert (template.etas, template.steps, template.network.samples) == (DEFAULT_ETAS, DEFAULT_STEPS, None)
    template = read(tmp_path, "layers=[1,1]\nsamples=[{inputs=[0],targets=[1]},{inputs=[1],targets=[0]}]")
    assert template.network.samples is not None
    assert (template.network.samples.batch, template.network.samples.reduction) == (2, "sum")
    assert template.network.samples.order == ()


def test_samples_may_be_tables_of_their_own(tmp_path: Path) -> None:
    inline = SAMPLES[SAMPLES.index("samples =") :]
    tables = "".join(
        f"[[samples]]\ninputs = [{i}, {j}]\ntargets = [{i ^ j}]\n" for i, j in ((0, 0), (0, 1), (1, 0), (1, 1))
    )
    assert read(tmp_path, SAMPLES.replace(inline, tables)) == read(tmp_path, SAMPLES)


def test_a_single_sample_is_the_example_of_the_network(tmp_path: Path) -> None:
    one = read(tmp_path, "layers = [2, 1]\nsamples = [{inputs = [0.5, 2], targets = [1]}]").network
    assert one == read(tmp_path, "layers = [2, 1]\ninputs = [0.5, 2]\ntargets = [1]").network


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("batch = 2", "batch = 3"), "batch = 3 does not divide 4 samples: use one of 1, 2, 4"),
        (("batch = 2", "batch = 0"), 'batch = 0 takes no sample: use "all", or one of 1, 2, 4'),
        (("batch = 2", "batch = 2.0"), 'batch must be a whole number, or "all"'),
        (("batch = 2", "batch = true"), 'batch must be a whole number, or "all"'),
        (("batch = 2", 'batch = "some"'), 'batch must be a whole number, or "all"'),
        (('"mean"', '"median"'), 'reduction = "median" is not known: use one of sum, mean'),
        (('"mean"', "[1]"), r'reduction = "\[1\]" is not known'),
        (('"drawn"', '"random"'), "order must be one of listed, drawn"),
        (('"drawn"', "[2, 1, 3, 4]"), "order must be one of listed, drawn"),
        (("seed = 5", "seed = -1"), "seed must be a whole number from 0 on"),
        (("seed = 5", 'seed = "5"'), "seed must be a whole number from 0 on"),
        (("steps = 40", "steps = 0"), "steps must be a whole number from 1 on"),
        (("steps = 40", "steps = 1e3"), "steps must be a whole number from 1 on"),
        (("[0.5, 2]", "0.5"), "lrs must be a list of numbers"),
        (("[0.5, 2]", '["fast"]'), "lrs holds 'fast' where a number belongs"),
        (('["no", "yes"]', '"no"'), "classes must be a list of names"),
        (('["no", "yes"]', "[0, 1]"), "classes must be a list of names"),
        (('["no", "yes"]', '["no"]'), "The targets tell 2 classes apart, but 1 have a name"),
        (("targets = [0]}", "targets = [0.5]}"), "the targets tell no classes apart"),
        (("{inputs = [0, 1], ", "{inputs = [0], "), r"Sample 2 has 1 input, but a 2-2-1 network takes 2 inputs"),
        (
            ("[1, 1], targets = [0]", "[1, 1], targets = [0, 1]"),
            r"Sample 4 has 2 targets, but .* takes 1 target \(t1\)",
        ),
        (("[1, 1], targets = [0]", "[1, 1], targets = []"), r"Sample 4 has 0 targets"),
        (("[1, 1], targets", "[1, nan], targets"), "i2 = nan of sample 4 is no number for a cell"),
        (("[1, 1], targets", '[1, "one"], targets'), "inputs of sample 4 holds 'one' where a number belongs"),
        (("[1, 1], targets", "1, targets"), "inputs of sample 4 must be a list of numbers"),
        (("{inputs = [0, 1], ", "{"), "sample 2 lacks the key inputs: a sample has inputs and targets"),
        (
            ("{inputs = [0, 1], ", "{inputs = [0, 1], weight = 2, "),
            "sample 2 has the key weight, but a sample has inputs",
        ),
        (("{inputs = [0, 1], targets = [1]}", "[0, 1]"), "samples must be a list, as"),
        (
            ("layers", "inputs = [0, 1]\nlayers"),
            "inputs and samples exclude each other: each sample has its own inputs",
        ),
    ],
)
def test_samples_that_cannot_be_shown_are_refused_with_one_sentence(tmp_path: Path, change, sentence: str) -> None:
    assert change[0] in SAMPLES
    with pytest.raises(UnusableInput, match=sentence) as refusal:
        read(tmp_path, SAMPLES.replace(*change, 1))
    assert str(refusal.value).startswith(str(tmp_path / "mine.toml"))
    assert "\n" not in str(refusal.value)


def test_a_template_without_a_sample_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="samples is empty: give at least one"):
        read(tmp_path, "layers = [2, 1]\nsamples = []")
    with pytest.raises(UnusableInput, match="samples must be a list"):
        read(tmp_path, "layers = [2, 1]\nsamples = 3")
    with pytest.raises(
        UnusableInput, match="the key inputs is missing, or samples with inputs and targets of their own"
    ):
        read(tmp_path, "layers = [2, 1]")


def test_how_samples_are_shown_needs_samples(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="batch is about samples, but there are none: give them as samples"):
        read(tmp_path, GOOD + 'batch = "all"')


def test_a_key_that_slipped_into_the_last_sample_is_told_where_it_belongs(tmp_path: Path) -> None:
    content = "layers = [1, 1]\n[[samples]]\ninputs = [0]\ntargets = [1]\nsteps = 3"
    with pytest.raises(
        UnusableInput, match="has inputs and targets alone: what is said of the whole template stands bef"
    ):
        read(tmp_path, content)


# --- what the templates promise -------------------------------------------------------------------


def trained(name: str, eta: float) -> list[dict[str, float]]:
    """Every step of a template with one of its rates."""
    template = read_template(name)
    assert eta in template.etas
    return [dict(values) for values in Simulation(template.network).steps(eta, template.steps)]


@pytest.mark.parametrize(("eta", "step"), [(2.0, 123), (1.0, 244)])
def test_xor_is_answered_right_from_a_step_on(eta: float, step: int) -> None:
    accuracy = [values["accuracy"] for values in trained("xor", eta)]
    assert accuracy[step - 1] < 1
    assert set(accuracy[step:]) == {1}


def test_xor_takes_longer_than_its_steps_with_the_smallest_rate() -> None:
    assert trained("xor", 0.5)[-1]["accuracy"] < 1
    longer = [dict(values) for values in Simulation(load_template("xor")).steps(0.5, 486)]
    assert (longer[485]["accuracy"], longer[486]["accuracy"]) == (0.75, 1)


@pytest.mark.parametrize("eta", read_template("xor-stuck").etas)
def test_xor_gets_stuck_in_a_local_minimum_however_long_it_is_trained(eta: float) -> None:
    accuracy = [values["accuracy"] for values in trained("xor-stuck", eta)]
    assert max(accuracy) < 1
    assert accuracy[-1] == 0.5
    for values in Simulation(load_template("xor-stuck")).steps(eta, 10_000):
        assert values["E_total"] > 0.25
    assert values["E_total"] < 0.251
    answers = [values[f"a_o1_of_{n}"] for n in (1, 2, 3, 4)]
    assert answers == pytest.approx([0, 0.5, 1, 0.5], abs=0.02)


@pytest.mark.parametrize("name", ["and", "or"])
def test_a_single_neuron_learns_and_and_or(name: str) -> None:
    for eta in read_template(name).etas:
        steps = trained(name, eta)
        assert steps[0]["accuracy"] < 1
        assert steps[-1]["accuracy"] == 1


@pytest.mark.parametrize("eta", read_template("iris").etas)
def test_of_all_irises_more_than_95_percent_are_told_apart_at_the_end(eta: float) -> None:
    network, (*_, last) = load_template("iris"), trained("iris", eta)
    assert network.samples is not None
    end = network.with_values({name: last[name] for name in network.trained_names})
    inputs, targets = np.array(network.samples.inputs), np.array(network.samples.targets)
    shown = reference.training_step(end, reference.start_parameters(end), inputs, targets)
    right = (reference.named(end, shown)["right"]).sum()
    assert right >= 145


def test_the_irises_are_fishers() -> None:
    samples = load_template("iris").samples
    assert samples is not None
    assert np.sum(samples.targets, axis=0).tolist() == [50, 50, 50]
    centimetres = np.array(samples.inputs) * [0.825, 0.434, 1.759, 0.760] + [5.843, 3.057, 3.758, 1.199]
    # two rows of the copy that is handed around in machine learning are not what Fisher printed
    assert centimetres[34] == pytest.approx([4.9, 3.1, 1.5, 0.2], abs=0.02)
    assert centimetres[37] == pytest.approx([4.9, 3.6, 1.4, 0.1], abs=0.02)
    assert centimetres == pytest.approx(centimetres.round(1), abs=0.02)


def test_the_curve_is_flat_at_first_and_then_bends_into_the_points() -> None:
    steps = trained("curve", 1.0)
    flat, bent = ([steps[n][f"a_o1_of_{k}"] for k in range(1, 12)] for n in (5, -1))
    assert max(flat) - min(flat) < 0.1
    samples = load_template("curve").samples
    assert samples is not None
    assert bent == pytest.approx([target for (target,) in samples.targets], abs=0.07)
