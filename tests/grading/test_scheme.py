"""What an assignment asks for."""

from pathlib import Path

import pytest

from xlbackprop.backprop.templates import load_template
from xlbackprop.errors import UnusableInput
from xlbackprop.grading.scheme import CLASSIC_RATES, Scheme, load_scheme


def load(tmp_path: Path, text: str) -> Scheme:
    path = tmp_path / "scheme.toml"
    path.write_text(text, encoding="utf-8")
    return load_scheme(path)


def test_what_a_scheme_leaves_out_is_that_of_the_classic_assignment(tmp_path: Path) -> None:
    scheme = load(tmp_path, "steps = 50\n")
    assert (scheme.steps, scheme.learning_rates) == (50, CLASSIC_RATES)
    assert list(scheme.start_values) == ["A", "B", "C"]
    assert load(tmp_path, "") == Scheme()


def test_the_parts_share_the_points_of_a_rate(tmp_path: Path) -> None:
    scheme = load(tmp_path, "[weights]\ntables = 3\ncharts = 1\n")
    assert [scheme.part(part) for part in ("tables", "formulas", "charts")] == [0.75, 0, 0.25]


def test_a_cause_leaves_more_than_half_of_the_share_of_its_rate() -> None:
    scheme = Scheme()
    assert max(scheme.cause * scheme.part(part) for part in ("tables", "formulas")) < 0.5


def test_optimizers_may_be_others_or_any(tmp_path: Path) -> None:
    assert load(tmp_path, 'optimizers = ["momentum", "adam"]\n').optimizers == ("momentum", "adam")
    assert load(tmp_path, "optimizers = []\n").optimizers == ()


def test_start_values_may_be_those_of_a_network_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        "layers = [1, 1, 1]\ninputs = [1]\ntargets = [0]\nweights = [0.1, 0.2]\n", encoding="utf-8"
    )
    scheme = load(tmp_path, 'start_values = ["mine.toml", "mazur"]\n')
    assert scheme.start_values["mine"]["w2"] == 0.2
    assert scheme.start_values["mazur"] == load_template("mazur").start_values


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("learning_rate = [0.1]\n", "the key learning_rate is not known; did you mean learning_rates?"),
        ("colour = 1\n", "the keys are learning_rates"),
        ("[weights]\nchart = 1\n", "the key chart is not known; did you mean charts?"),
        ("[weights]\ntables = 0\n", "must add up to more than 0"),
        ("[weights]\ntables = -1\n", "tables must be a number from 0 on"),
        ("weights = 3\n", "weights must be a table"),
        ("cause = 1.01\n", "cause must lie between 0 and 1"),
        ("cause = true\n", "cause must be a number"),
        ("cause = nan\n", "cause must be a number"),
        ("steps = 0\n", "steps must be a whole number from 1 on"),
        ("steps = 1.5\n", "steps must be a whole number from 1 on"),
        ("learning_rates = []\n", "must be a list of numbers"),
        ("learning_rates = [0.1, 0]\n", "must be greater than 0"),
        ("learning_rates = [0.1, 0.10]\n", "names one twice"),
        ('start_values = "A"\n', "must be a list of templates"),
        ('start_values = ["Z"]\n', "There is no template or file Z"),
        ('optimizers = ["lion"]\n', "optimizers must be a list of some of sgd, momentum"),
        ('optimizers = "adam"\n', "optimizers must be a list"),
        ("learning_rates = [0.1\n", "is not a TOML file"),
    ],
)
def test_a_scheme_that_cannot_be_meant_is_told_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UnusableInput) as caught:
        load(tmp_path, text)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "scheme.toml"))


def test_the_limits_of_a_scheme_are_allowed(tmp_path: Path) -> None:
    assert load(tmp_path, "cause = 1\nsteps = 1\n").cause == 1
    assert load(tmp_path, "cause = 0\n").cause == 0


def test_a_missing_scheme_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="does not exist"):
        load_scheme(tmp_path / "missing.toml")
