"""The fitted curve: what a network of one input answers to every input."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.workbook.learning import ETAS, STEPS, Learning, answers, curve, network, with_sample, written
from xlbackprop.workbook.fitted_curve import POINTS, FittedCurve


@pytest.fixture(scope="module")
def learning(tmp_path_factory: pytest.TempPathFactory) -> Learning:
    trained = network((1, 4, 2, 1), curve(), hidden="tanh", output="linear")
    return written(tmp_path_factory.mktemp("curve"), trained)


def test_the_curve_is_what_numpy_answers_from_a_tenth_below_the_samples_to_a_tenth_above(learning: Learning) -> None:
    assert isinstance(learning.learned.picture, FittedCurve)
    for step, eta in ((0, ETAS[0]), (STEPS, ETAS[1])):
        sheets = learning.edited(step, eta)
        x = learning.numbers(sheets, learning.block("points of the curve"))
        assert x[:, 0] == pytest.approx(np.linspace(-1.2, 1.2, POINTS), abs=1e-12)
        found = learning.numbers(sheets, learning.block("forward passes of the curve"))
        assert found[:, -1] == pytest.approx(answers(learning.network, step, eta, x).a[-1][:, 0], rel=1e-12, abs=1e-13)


def test_the_curve_follows_a_sample_that_is_edited(learning: Learning) -> None:
    changed = with_sample(curve(), 5, (4.0,), (-1.0,))
    sheets = learning.edited(2, ETAS[1], i1_of_5=4.0, t1_of_5=-1.0)
    x = learning.numbers(sheets, learning.block("points of the curve"))
    assert (x[0, 0], x[-1, 0]) == pytest.approx((-1.5, 4.5))
    found = learning.numbers(sheets, learning.block("forward passes of the curve"))[:, -1]
    trained = learning.network.with_samples(changed)
    assert found == pytest.approx(answers(trained, 2, ETAS[1], x).a[-1][:, 0], rel=1e-12, abs=1e-13)


def test_the_chart_has_the_curve_and_the_samples_as_points(learning: Learning) -> None:
    (_, chart, _, _) = learning.learned.sheet.charts[0]
    line, points = chart.series
    assert (line.line is not None, line.marker, points.line, points.marker is not None) == (True, None, None, True)
    table = learning.learned.table
    assert (points.x.ids == table["i1"].ids).all()
    assert (points.y.ids == table["t1"].ids).all()
    with zipfile.ZipFile(learning.path) as package:
        charts = [package.read(name).decode() for name in package.namelist() if "charts/chart" in name]
    assert sum("What the network answers: a_o1 over i1" in text for text in charts) == 1


def test_each_output_has_a_curve(tmp_path: Path) -> None:
    samples = curve()
    two = type(samples)(samples.inputs, tuple((t, -t) for (t,) in samples.targets), samples.batch, "mean")
    learning = written(tmp_path, network((1, 3, 2), two, output="linear"), (0.1,), 1)
    (_, chart, _, _) = learning.learned.sheet.charts[0]
    names = [learning.built.book.value(series.name) for series in chart.series]
    assert names == ["a_o1", "t1", "a_o2", "t2"]
