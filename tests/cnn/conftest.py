"""The workbook that several test modules look at."""

import pytest

from tests.cnn.small import SmallWorkbook, small_workbook


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallWorkbook:
    """The workbook of a small network with one layer of most kinds."""
    return small_workbook(tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def back(tmp_path_factory: pytest.TempPathFactory) -> SmallWorkbook:
    """The same with its gradients and a step."""
    return small_workbook(tmp_path_factory.mktemp("back"), backward=True)
