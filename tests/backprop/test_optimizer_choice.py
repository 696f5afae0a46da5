import pytest

from xlbackprop.backprop.optimizer_choice import OptimizerChoice, parse_betas
from xlbackprop.backprop.optimizers import GRADIENT_DESCENT, Optimizer
from xlbackprop.errors import UnusableInput


def test_without_a_word_it_is_gradient_descent_with_each_rate() -> None:
    choice = OptimizerChoice()
    assert choice.trainings([0.1, 1]) == [(GRADIENT_DESCENT, 0.1), (GRADIENT_DESCENT, 1)]
    assert choice.takes_all_rates


def test_each_optimizer_trains_with_each_rate_or_with_its_own() -> None:
    choice = OptimizerChoice("sgd, Momentum,adam@0.01")
    named = [(optimizer.name, eta) for optimizer, eta in choice.trainings([0.1, 1])]
    assert named == [("sgd", 0.1), ("sgd", 1), ("momentum", 0.1), ("momentum", 1), ("adam", 0.01)]
    assert choice.takes_all_rates
    assert not OptimizerChoice("sgd@1,adam@1E-2").takes_all_rates


def test_a_hyperparameter_goes_to_each_optimizer_that_has_it() -> None:
    choice = OptimizerChoice("momentum,adam", {"momentum": 0.5, "eps": 1e-4}, "exponential:0.9")
    (one, _), (other, _) = choice.trainings([0.1])
    assert one == Optimizer("momentum", (("momentum", 0.5), ("gamma", 0.9)), "exponential")
    assert other == Optimizer("adam", (("eps", 1e-4), ("gamma", 0.9)), "exponential")


@pytest.mark.parametrize(
    ("choice", "sentence"),
    [
        (OptimizerChoice("sgd,adamx"), "adamx is no optimizer: use one of sgd, momentum"),
        (OptimizerChoice("sgd,"), "an optimizer has no name: use one of sgd"),
        (
            OptimizerChoice("sgd", {"momentum": 0.9}),
            "sgd has no momentum, which momentum, nesterov have: it has weight_decay",
        ),
        (
            OptimizerChoice("sgd,adam", {"momentum": 0.9}),
            "which momentum, nesterov have: it has weight_decay, beta_1",
        ),
        (OptimizerChoice("sgd,adam@fast"), "adam@fast has no learning rate above 0 after @: write it as adam@0.01"),
        (OptimizerChoice("adam@"), "adam@ has no learning rate above 0 after @"),
        (OptimizerChoice("adam@0"), "adam@0 has no learning rate above 0 after @"),
        (OptimizerChoice("adam@-0.1"), "adam@-0.1 has no learning rate above 0 after @"),
        (OptimizerChoice("adam@nan"), "adam@nan has no learning rate above 0 after @"),
        (OptimizerChoice("adam@0.1,adam@0.10"), "adam with the learning rate 0.1 is given twice"),
        (OptimizerChoice("adam,adam@1"), "adam with the learning rate 1 is given twice"),
        (OptimizerChoice("adam", schedule="warm"), "warm is no schedule"),
    ],
)
def test_what_cannot_be_chosen_is_said(choice: OptimizerChoice, sentence: str) -> None:
    with pytest.raises(UnusableInput, match=sentence):
        choice.trainings([0.1, 1])


def test_betas_are_two_numbers() -> None:
    assert parse_betas("0.8, 0.99") == {"beta_1": 0.8, "beta_2": 0.99}
    for text in ("0.9", "0.9,0.99,1", "0.9;0.99", "a,b", ""):
        with pytest.raises(UnusableInput, match="stands where two numbers belong: give them as 0.9,0.999"):
            parse_betas(text)
