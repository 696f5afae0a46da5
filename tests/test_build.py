import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from tests.conftest import recipe
from tests.strategies import networks
from xlbackprop import build as building
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.simulation import LeavesRange
from xlbackprop.build import Recipe, build, parse_etas, parse_values
from xlbackprop.check.file import verify
from xlbackprop.errors import CheckFailed, UnusableInput
from xlbackprop.spreadsheet import operands
from xlbackprop.workbook.run import progress_total
from xlbackprop.workbook.training import TrainingSheet


def test_learning_rates_are_read_with_commas_between_them() -> None:
    assert parse_etas("0.1, 0.5,1,2e-3") == (0.1, 0.5, 1.0, 0.002)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "there is no learning rate: give some with commas"),
        (" , ", "there is no learning rate"),
        ("0.1,", "there is a comma too many"),
        ("fast", "fast stands where a number belongs: give learning rates as 0.1,0.5,1"),
        ("0.1;0.2", "0.1;0.2 stands where a number belongs"),
        ("1_0", "1_0 stands where a number belongs"),
        ("٠.٥", "where a number belongs"),
        ("0", "0 is no learning rate, which is above 0"),
        ("0,1", "0 is no learning rate, which is above 0; decimals are written with a point"),
        ("-1", "-1 is no learning rate"),
        ("nan", "nan stands where a number belongs"),
        ("inf", "inf stands where a number belongs"),
        ("1e-400", "0 is no learning rate"),
        ("1,0.5,1.0", "the learning rate 1 is given twice"),
    ],
)
def test_unusable_learning_rates_are_refused(text: str, sentence: str) -> None:
    with pytest.raises(UnusableInput, match=sentence):
        parse_etas(text)


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("w1", "is not of the form NAME=NUMBER"),
        ("w1=", "is not of the form NAME=NUMBER"),
        ("w1=a", "is not of the form NAME=NUMBER"),
        ("=1", "is not of the form NAME=NUMBER"),
        ("w1=1_0", "is not of the form NAME=NUMBER"),
        ("w1=nan", "is not of the form NAME=NUMBER"),
        ("w1=1e999", "is not of the form NAME=NUMBER"),
    ],
)
def test_unusable_values_are_refused(assignment: str, sentence: str) -> None:
    with pytest.raises(UnusableInput, match=sentence):
        parse_values([assignment])


def test_a_value_may_be_set_once() -> None:
    assert parse_values(["w1=0.2", "t1 = -1e-3"]) == {"w1": 0.2, "t1": -0.001}
    with pytest.raises(UnusableInput, match="w1 is set twice"):
        parse_values(["w1=1", "w1=2"])


def test_the_same_recipe_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (tmp_path / name for name in ("first.xlsx", "second.xlsx"))
    build(recipe("deep", seed=3), first)
    build(recipe("deep", seed=3), second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        # engines differ about whether so small an error is 0
        'layers=[1,1]\noutput="linear"\ninputs=[1]\ntargets=[0]\nweights=[1e-9]',
        'layers=[1,1]\nbiases="fixed"\ninputs=[-1]\ntargets=[0.5]\nweights=[2]\nbias_values=[2]',
        'layers=[1,1]\noutput="tanh"\ninputs=[1]\ntargets=[1e-9]\nweights=[1e-9]',
        'layers=[2,2,2]\nhidden="tanh"\noutput="relu"\ninputs=[1,1]\ntargets=[0.3,0.7]\nweights=[1e-9,1e-9,1e-9,1e-9,1e-9,1e-9,1e-9,1e-9]',
        'layers=[1,1]\noutput="linear"\ninputs=[1]\ntargets=[1]\nweights=[0.5]',
        # 1e-9 × 0.001 lies on the border of what is shown as 0
        'layers=[2,1]\nhidden="tanh"\noutput="linear"\ninputs=[1e-9,-1]\ntargets=[0]\nweights=[-0.001,0.001]',
    ],
)
def test_an_error_that_vanishes_is_no_obstacle(tmp_path: Path, content: str) -> None:
    (tmp_path / "small.toml").write_text(content)
    made = recipe(str(tmp_path / "small.toml"), 0.5, 0.9, 1.0, steps=150)
    assert build(made, tmp_path / "small.xlsx").report.correct


def test_the_command_in_the_workbook_builds_it_again() -> None:
    made = Recipe((0.1, 1.0), 50, "my net.toml", {"w1": 0.25, "t1": -1.0}, 3, protect=True)
    assert made.command == (
        "xlbackprop build --template 'my net.toml' --lrs 0.1,1 --steps 50 --seed 3 --set w1=0.25 --set t1=-1 --protect"
    )


def test_the_command_names_the_data() -> None:
    made = Recipe(template="or", data=Path("my fruit.csv"), steps=5)
    assert made.command == "xlbackprop build --template or --data 'my fruit.csv' --steps 5"


def facts(path: Path) -> dict[str, str]:
    """What a workbook says it consists of."""
    rows = load_workbook(path)["Network"].iter_rows(min_col=5, max_col=6, values_only=True)
    return {str(label): str(fact) for label, fact in rows if label}


def test_rates_and_steps_are_those_of_the_template_unless_they_are_given(tmp_path: Path) -> None:
    for changed, etas, steps in (
        ({}, (0.5, 1.0, 2.0), 100),
        ({"etas": (3.0,)}, (3.0,), 100),
        ({"steps": 4}, (0.5, 1.0, 2.0), 4),
    ):
        made = Recipe(template="and", **changed)
        assert (made.settled.etas, made.settled.steps) == (etas, steps)
    layout = build(made, tmp_path / "book.xlsx").layout
    assert (layout.etas, layout.steps) == ((0.5, 1.0, 2.0), 4)
    command = facts(tmp_path / "book.xlsx")["command"]
    assert command == "xlbackprop build --template and --lrs 0.5,1,2 --steps 4"


def test_a_template_that_names_neither_is_trained_as_usual() -> None:
    settled = Recipe().settled
    assert (settled.etas, settled.steps) == ((0.1, 0.2, 0.5, 0.8, 1.0, 2.0), 200)


@pytest.mark.parametrize(
    ("lrs", "sentence"),
    [
        ("[0]", "0 is no learning rate"),
        ("[]", "there is no learning rate"),
        ("[1, 1.0]", "1 is given twice"),
    ],
)
def test_rates_of_a_template_are_judged_unless_others_are_given(tmp_path: Path, lrs: str, sentence: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(f"layers = [1, 1]\ninputs = [1]\ntargets = [1]\nlrs = {lrs}\n")
    with pytest.raises(UnusableInput, match=f"^{re.escape(str(path))}: .*{sentence}"):
        build(Recipe(template=str(path)), tmp_path / "book.xlsx")
    assert build(Recipe((1.0,), 2, str(path)), tmp_path / "book.xlsx").report.correct


# --- samples of a file ----------------------------------------------------------------------------

FRUIT = "i1,i2,class\n0.1,0.9,apple\n0.2,0.7,apple\n0.8,0.2,plum\n0.9,0.4,plum\n"


@pytest.fixture
def fruit(tmp_path: Path) -> Path:
    path = tmp_path / "fruit.csv"
    path.write_text(FRUIT)
    return path


def test_a_file_gives_a_template_other_samples_and_the_workbook_says_so(tmp_path: Path, fruit: Path) -> None:
    made = build(Recipe((1.0,), 3, "or", data=fruit), tmp_path / "book.xlsx")
    assert made.report.correct
    book = load_workbook(tmp_path / "book.xlsx")
    data = list(book["Data"].iter_rows(values_only=True))
    assert data[3][0] == "The classes: t1 = 0 is apple, t1 = 1 is plum."
    assert data[4][:4] == ("sample", "i1", "i2", "t1")
    assert data[5][:4] == (1, 0.1, 0.9, 0)
    assert data[8][:4] == (4, 0.9, 0.4, 1)
    assert (book["Network"]["A1"].value, book["Network"]["A2"].value) == (
        "A 2-1 network learns fruit.csv",
        "From 4 samples, by the template or. Edit the yellow cells: every number follows.",
    )
    assert f"--data {fruit} " in facts(tmp_path / "book.xlsx")["command"]
    assert verify(tmp_path / "book.xlsx").correct


def test_each_class_of_several_is_told_with_its_target(tmp_path: Path) -> None:
    build(Recipe((1.0,), 1, "iris"), tmp_path / "book.xlsx")
    said = load_workbook(tmp_path / "book.xlsx")["Data"]["A4"].value
    assert said == "The classes: t1 = 1 is setosa, t2 = 1 is versicolor, t3 = 1 is virginica."


def test_a_template_of_one_sample_takes_all_of_a_file_in_each_step(tmp_path: Path, fruit: Path) -> None:
    fruit.write_text("i1,i2,t1,t2\n0,1,0.2,0.8\n1,0,0.6,0.4\n")
    samples = Recipe(data=fruit).settled.network.samples
    assert samples is not None
    assert (samples.batch, samples.reduction, samples.order, samples.classes) == (2, "sum", (), ())


def test_a_template_shows_the_samples_of_a_file_as_its_own(tmp_path: Path, fruit: Path) -> None:
    template = tmp_path / "mine.toml"
    content = 'layers=[2,1]\nbatch=2\nreduction="mean"\norder="drawn"\nseed=3\nsamples=[{inputs=[0,0],targets=[1]}]'
    template.write_text(content.replace("batch=2", "batch=1"))
    assert Recipe(template=str(template), data=fruit).settled.network.samples.in_turn
    template.write_text(content.replace("batch=2", 'batch="all"'))
    samples = Recipe(template=str(template), data=fruit).settled.network.samples
    assert (samples.batch, samples.reduction, sorted(samples.order)) == (4, "mean", [1, 2, 3, 4])
    drawn = Recipe(template=str(template), data=fruit, seed=9).settled.network.samples
    assert drawn.order != samples.order


def test_a_single_row_is_the_example_of_the_network(fruit: Path) -> None:
    fruit.write_text("t1,i2,i1\n1,2,3\n")
    network = Recipe(template="or", data=fruit).settled.network
    assert (network.samples, network.inputs, network.targets) == (None, (3.0, 2.0), (1.0,))
    assert network.description == "From 1 sample, by the template or."


@pytest.mark.parametrize(
    ("template", "content", "sentence"),
    [
        ("iris", "i1,i2,i3,i4,class\n1,1,1,1,a\n2,2,2,2,b\n3,3,3,3,c\n", "batch = 10 does not divide 3 samples"),
        (
            "softmax",
            "i1,i2,t1,t2,t3\n1,1,0,1,0\n1,1,0.5,0.7,0\n",
            "With softmax and cross-entropy the targets are",
        ),
    ],
)
def test_samples_that_do_not_suit_the_template_are_refused_with_both_names(
    fruit: Path, template: str, content: str, sentence: str
) -> None:
    fruit.write_text(content)
    with pytest.raises(UnusableInput, match=f"^{re.escape(str(fruit))} with the template {template}: {sentence}"):
        _ = Recipe(template=template, data=fruit).settled


def test_more_samples_than_fit_are_refused_with_how_many_do(tmp_path: Path, fruit: Path) -> None:
    with pytest.raises(UnusableInput, match="300,000 steps of 4 samples do not fit into a sheet, .* for 262,142 such"):
        build(Recipe((1.0,), 300_000, "or", data=fruit), tmp_path / "book.xlsx")
    assert not (tmp_path / "book.xlsx").exists()


def test_values_of_samples_are_not_set_by_name(tmp_path: Path, fruit: Path) -> None:
    with pytest.raises(UnusableInput, match="has no i1: its inputs and targets are those of its samples"):
        build(Recipe((1.0,), 3, "or", {"i1": 0.5}, data=fruit), tmp_path / "book.xlsx")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"steps": 0}, "0 steps are no training: give at least 1"),
        ({"etas": ()}, "there is no learning rate"),
        ({"etas": (0.5, -1.0)}, "-1 is no learning rate"),
        ({"etas": (0.5, 0.5)}, "the learning rate 0.5 is given twice"),
        ({"steps": -5}, "-5 steps are no training"),
        ({"steps": 2_000_000}, "2,000,000 steps do not fit into a sheet: .* at most 1,048,572 do"),
        ({"etas": tuple(range(1, 301))}, "300 learning rates are more than one chart can compare: give at most 254"),
        ({"values": {"w99": 1.0}}, "has no w99"),
        ({"template": "nowhere"}, "no template or file nowhere"),
    ],
)
def test_an_impossible_recipe_is_refused_before_anything_is_written(tmp_path: Path, change, sentence: str) -> None:
    options = {"template": "A", "etas": (1.0,), "steps": 3, "values": {}, "seed": None, "protect": False} | change
    with pytest.raises(UnusableInput, match=sentence):
        build(Recipe(**options), tmp_path / "book.xlsx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ((300, 13, 300), "needs .* columns, but a sheet has 16,384: use smaller layers"),
        ((1000, 1), "needs a sum over 1,000 neurons, which is longer than a formula can be: use layers of at most 819"),
        ((819, 1), "The formula of o1 in a 819-1 network is longer than a cell can hold: use smaller layers"),
        ((1, 150), None),
    ],
)
def test_a_network_that_no_sheet_can_hold_is_refused(tmp_path: Path, layers, sentence: str | None) -> None:
    template = tmp_path / "wide.toml"
    template.write_text(f"layers = {list(layers)}\ninputs = {[0.1] * layers[0]}\ntargets = {[0.5] * layers[-1]}\n")
    made = recipe(str(template), 0.1, steps=10)
    if sentence is None:
        assert build(made, tmp_path / "wide.xlsx").report.correct
        return
    with pytest.raises(UnusableInput, match=sentence):
        build(made, tmp_path / "wide.xlsx")
    assert [path.name for path in tmp_path.iterdir()] == ["wide.toml"]


def test_as_many_learning_rates_as_a_chart_can_hold_do_work(tmp_path: Path) -> None:
    built = build(recipe("A", *(n / 100 for n in range(1, 255)), steps=1), tmp_path / "many.xlsx")
    assert built.report is not None
    assert built.report.correct


def test_a_run_that_overflows_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(LeavesRange, match="learning rate 1e\\+200, a_h1 leaves what a cell can hold at step 1"):
        build(recipe("A", 1.0, 1e200), tmp_path / "book.xlsx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (OSError(28, "No space left on device"), "book.xlsx could not be written: no space left on device."),
        (PermissionError(13, "Permission denied"), "book.xlsx could not be written: permission denied."),
        # it has no word of the system, but one of XlsxWriter
        (zipfile.LargeZipFile("Filesize"), "book.xlsx could not be written: filesize would require ZIP64 extensions."),
    ],
)
def test_a_workbook_that_cannot_be_packed_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception, sentence: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise failure

    # of a small book the parts lie in memory, of a large one in files
    for method in ("write", "writestr"):
        monkeypatch.setattr(zipfile.ZipFile, method, fail)
    with pytest.raises(UnusableInput, match=re.escape(sentence)):
        build(recipe(), tmp_path / "book.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_a_workbook_with_a_wrong_formula_is_not_handed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_a_slip(sheet, step, data):
        formulas = row(sheet, step, data)
        # the second output's path taken for the first one's
        right, wrong = (f"{sheet.cell(name, step)}" for name in ("delta_o1", "delta_o2"))
        # behind the step
        n = 1 + list(sheet._columns).index("dE_dw5")
        formulas[n] = formulas[n].replace(right, wrong) if step else formulas[n]
        return formulas

    row = TrainingSheet._row
    monkeypatch.setattr(TrainingSheet, "_row", with_a_slip)
    with pytest.raises(
        CheckFailed, match=r"was not written, because IronCalc and NumPy disagree about ∂E/∂w5 in η=0.5!"
    ):
        build(recipe(), tmp_path / "book.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_a_workbook_whose_stored_values_are_wrong_is_not_handed_over(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(operands, "short_number", lambda value: "7")
    with pytest.raises(CheckFailed, match="Network!"):
        build(recipe(), tmp_path / "book.xlsx")


def test_a_long_training_is_checked_only_when_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "UNCHECKED_FROM_PASSES", 12)
    assert build(recipe(steps=11), tmp_path / "short.xlsx").report is not None
    assert build(recipe(steps=12), tmp_path / "long.xlsx").report is None
    assert build(recipe(steps=12), tmp_path / "asked.xlsx", check_always=True).report is not None


def test_every_training_step_is_reported_to_a_progress_bar(tmp_path: Path) -> None:
    calls = []
    build(recipe(steps=9), tmp_path / "book.xlsx", on_step=lambda: calls.append(1))
    assert len(calls) == progress_total(2, 9) == 3 * 10


def template_of(network: Network) -> str:
    """A network as a template."""
    lines = [
        f"layers = {list(network.layers)}",
        f'hidden = "{network.hidden}"\noutput = "{network.output}"',
        f'loss = "{network.loss}"\nbiases = "{network.biases}"',
    ]
    lines += [f"{key} = {list(getattr(network, key))}" for key in ("inputs", "targets", "weights", "bias_values")]
    return "\n".join(lines)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    network=networks(),
    etas=st.lists(st.sampled_from([1e-6, 0.1, 0.5, 1.0, 7.0, 500.0]), min_size=1, max_size=3, unique=True),
    steps=st.integers(1, 25),
    protect=st.booleans(),
)
def test_every_accepted_build_verifies(tmp_path: Path, network: Network, etas, steps: int, protect: bool) -> None:
    template, path = tmp_path / "drawn.toml", tmp_path / "drawn.xlsx"
    template.write_text(template_of(network))
    try:
        built = build(Recipe(tuple(etas), steps, str(template), protect=protect), path, force=True)
    except LeavesRange as refusal:
        assert re.search(r"leaves what a cell can hold at step \d+: use", str(refusal))
        assume(False)
    assert built.report.correct
    report = verify(path)
    assert report.correct
    assert report.cells == built.report.cells
