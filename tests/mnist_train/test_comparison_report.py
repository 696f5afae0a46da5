import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from mnist_train import comparison_report
from mnist_train.comparison import Row
from mnist_train.comparison_report import to_markdown

ROWS = [
    Row("compact", 9954, 6, 3, 99.512, 0.0258, 0.0361, 99.449, 99.5049, 41.26, [1, 2, 3], [99.5, 99.51, 99.526]),
    Row("nano", 2676, 10, 3, 99.0, 0.1, 0.1, 98.9, 98.996, 7.0, [1, 2, 3], [99.0, 98.9, 99.1]),
    Row("tiny", 4962, 12, 3, 99.51, 0.1, 0.1, 99.4, 99.4, 17.0, [1, 2, 3], [99.61, 99.51, 99.426]),
]


def test_the_tables_are_markdown() -> None:
    assert to_markdown(ROWS).splitlines() == [
        "Accuracy on the test images of mnist; seeds 1 to 3.",
        "",
        "| network | parameters | epochs | runs | mean % | 95 % interval | deviation | minimum % | last 5 epochs % | "
        "seconds |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| compact | 9,954 | 6 | 3 | 99.51 | 99.49 to 99.54 | 0.036 | 99.45 | 99.50 | 41.3 |",
        "| nano | 2,676 | 10 | 3 | 99.00 | 98.90 to 99.10 | 0.100 | 98.90 | 99.00 | 7.0 |",
        "| tiny | 4,962 | 12 | 3 | 99.51 | 99.41 to 99.61 | 0.100 | 99.40 | 99.40 | 17.0 |",
        "",
        "| beside compact | mean difference | 95 % interval |  |",
        "| --- | ---: | ---: | ---: |",
        "| nano | -0.512 | -0.742 to -0.282 | worse |",
        "| tiny | +0.003 | -0.258 to +0.264 | may be chance |",
    ]


def test_a_single_run_has_no_interval() -> None:
    single = [
        Row(name, 10, 1, 1, mean, None, None, mean, mean, 1.0, [1], [mean]) for name, mean in (("a", 99.0), ("b", 99.5))
    ]
    lines = to_markdown(single).splitlines()
    assert lines[0] == "Accuracy on the test images of mnist; seed 1."
    assert lines[4] == "| a | 10 | 1 | 1 | 99.00 |  |  | 99.00 | 99.00 | 1.0 |"
    assert lines[-1] == "| b | +0.500 |  | one run tells nothing |"
    assert len(to_markdown(single[:1]).splitlines()) == 5


def told_before_the_table(*rows: Row) -> str:
    return to_markdown(rows).partition("\n\n|")[0]


def test_it_says_what_was_measured() -> None:
    row = replace(ROWS[0], dataset="kmnist", hold_out=5000, limit=1000, seeds=[4, 5, 6])
    measured = (
        "Accuracy on 5,000 training images of kmnist that were held out; trained on the first 1,000 of the others; "
        "seeds 4 to 6."
    )
    assert told_before_the_table(row) == measured
    assert told_before_the_table(replace(row, hold_out=0)) == (
        "Accuracy on the test images of kmnist; trained on the first 1,000 training images; seeds 4 to 6."
    )
    # what differs is told of each
    assert told_before_the_table(row, ROWS[1]) == (
        f"compact: {measured}\n\nnano: Accuracy on the test images of mnist; seeds 1 to 3."
    )


def test_the_seconds_of_teachers_are_told_apart() -> None:
    first, given = replace(ROWS[0], teacher="wide", teacher_seconds=33.33), replace(ROWS[1], teacher="mine/wide")
    assert told_before_the_table(first, given, ROWS[2]).splitlines()[1:] == [
        "",
        "compact has the teacher wide, whose training of 33.3 s is not in the seconds.",
        "",
        "nano has the teacher mine/wide, whose training is not in the seconds.",
    ]


def test_no_interval_goes_beyond_the_possible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [replace(ROWS[0], mean=99.0, margin=1.5), replace(ROWS[1], mean=1.0, margin=1.25)]
    assert "| 97.50 to 100.00 |" in to_markdown(rows)
    assert "| 0.00 to 2.25 |" in to_markdown(rows)
    drawn = []
    monkeypatch.setattr("mnist_train.plots.save", lambda figure, path: drawn.append(figure))
    comparison_report.draw(tmp_path / "comparison.png", rows)
    (axes,) = drawn[0].axes
    bars = [bar.lines[2][0].get_segments()[0][:, 0].tolist() for bar in axes.containers]
    assert bars == [[97.5, 100.0], [0.0, 2.25]]
    assert "Accuracy on the test images of mnist; seeds 1 to 3." in axes.get_title().replace("\n", " ")


def test_table_numbers_and_picture_lie_in_the_folder(tmp_path: Path) -> None:
    comparison_report.write(tmp_path, ROWS)
    assert (tmp_path / "comparison.md").read_text(encoding="utf-8") == to_markdown(ROWS) + "\n"
    numbers = json.loads((tmp_path / "comparison.json").read_text(encoding="utf-8"))
    assert [row["network"] for row in numbers["rows"]] == ["compact", "nano", "tiny"]
    assert [one["network"] for one in numbers["differences"]] == ["nano", "tiny"]
    with Image.open(tmp_path / "comparison.png") as picture:
        assert picture.format == "PNG"
        assert len(picture.convert("RGB").getcolors(picture.width * picture.height)) > 10


def test_every_run_is_a_point_of_the_picture(tmp_path: Path, monkeypatch) -> None:
    drawn = []
    monkeypatch.setattr("mnist_train.plots.save", lambda figure, path: drawn.append(figure))
    comparison_report.draw(tmp_path / "comparison.png", ROWS)
    (axes,) = drawn[0].axes
    points = [
        line.get_xdata().tolist() if hasattr(line.get_xdata(), "tolist") else list(line.get_xdata())
        for line in axes.lines
    ]
    assert [row.accuracies in points for row in ROWS] == [True] * 3
    assert [text.get_text().partition("\n")[0] for text in axes.get_yticklabels()] == ["compact", "nano", "tiny"]
