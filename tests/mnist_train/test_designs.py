import re

import pytest

from mnist_train import designs, models
from mnist_train.designs import DESIGNS, Design, design, registry
from mnist_train.settings import Recipe
from xlbackprop.cnn import networks
from xlbackprop.cnn.layers import Linear
from xlbackprop.cnn.networks import NETWORKS


@pytest.mark.parametrize(
    ("name", "optimizer", "lr", "batch_size", "epochs"),
    [
        ("seed0-net8", "sgd", 0.01, 128, 20),
        ("seed0-net2", "sgd", 0.01, 128, 20),
        ("seed2", "adam", 0.001, 256, 20),
        ("seed3", "sgd", 0.01, 64, 19),
        ("seed4", "sgd", 0.1, 256, 19),
    ],
)
def test_the_seeds_are_trained_as_the_originals(
    name: str, optimizer: str, lr: float, batch_size: int, epochs: int
) -> None:
    recipe = design(name).recipe
    assert (recipe.optimizer, recipe.lr, recipe.batch_size, recipe.epochs) == (optimizer, lr, batch_size, epochs)
    assert (recipe.momentum, recipe.weight_decay, recipe.schedule) == (0.9, 0.0, "constant")
    assert (recipe.warmup, recipe.augment, recipe.ema) == (0.0, "none", 0.0)


def test_each_network_that_is_described_has_a_recipe_in_the_same_order() -> None:
    assert list(DESIGNS) == list(NETWORKS)


def test_the_registry_has_every_network_with_its_size_and_recipe() -> None:
    lines = registry().splitlines()
    assert [line.split()[0] for line in lines[::2]] == list(DESIGNS)
    for (name, known), first, second in zip(DESIGNS.items(), lines[::2], lines[1::2], strict=True):
        count = sum(parameter.numel() for parameter in models.build(name).parameters())
        assert re.fullmatch(rf"{name} +{count:,} parameters  {re.escape(known.sentence)}", first)
        assert f" {known.recipe.epochs} epochs of batches of {known.recipe.batch_size}, " in second
        # the recipes stand below the sentences
        assert second.index(str(known.recipe.epochs)) == first.index(known.sentence)


def test_a_recipe_names_what_is_not_usual(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Recipe(epochs=19, batch_size=256, lr=0.1)
    other = Recipe(epochs=6, optimizer="muon", lr=0.03, schedule="linear", warmup=0.2, augment="8,8,1", ema=0.998)
    quick = Recipe(epochs=2, lr=0.1, leave_out=0.4, small_steps=0.25, teacher="other")
    recipes = {"usual": usual, "other": other, "quick": quick}
    listed = {name: Design("A sentence.", recipe) for name, recipe in recipes.items()}
    monkeypatch.setattr(designs, "DESIGNS", listed)
    monkeypatch.setattr(networks, "NETWORKS", dict.fromkeys(recipes, (Linear(11, 100),)))
    assert [line.strip() for line in registry().splitlines()] == [
        "usual         1,200 parameters  A sentence.",
        "19 epochs of batches of 256, sgd 0.1",
        "other         1,200 parameters  A sentence.",
        "6 epochs of batches of 128, muon 0.03, linear decay, warm-up 20%, augmentation 8,8,1, averaged weights 0.998",
        "quick         1,200 parameters  A sentence.",
        "2 epochs of batches of 128, sgd 0.1, without the easiest 40% from the second epoch on, the first 25% of the "
        "steps on small images, taught by other",
    ]
