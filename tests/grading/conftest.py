"""Workbooks that several tests of grading look at; nobody may write to them."""

from pathlib import Path

import pytest

from tests.grading.classes import RATES, SLIP, STEPS, homework
from tests.handmade import Handmade, write
from xlbackprop.build import Recipe, build


@pytest.fixture(scope="session")
def right(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A right workbook with six learning rates and charts."""
    return homework(tmp_path_factory.mktemp("right") / "homework.xlsx")


@pytest.fixture(scope="session")
def slip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with one slip in two columns of every sheet."""
    return homework(tmp_path_factory.mktemp("slip") / "homework.xlsx", SLIP)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One table, which is quick to check."""
    return write(tmp_path_factory.mktemp("small") / "small.xlsx", Handmade(rate=0.5, steps=3))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workbook of this program with the six learning rates."""
    path = tmp_path_factory.mktemp("built") / "backprop.xlsx"
    build(Recipe(etas=RATES, steps=STEPS), path)
    return path
