"""What a learner reads on the derivation, fresh and after an edit, recalculated by an engine."""

from pathlib import Path

import pytest

from tests.conftest import Editor, Workbook, built, cell, sheets_of, where
from xlbackprop.workbook.derivation_lines import DerivationLayout


def test_the_derivation_explains_each_step_in_order(classic: Workbook) -> None:
    layout = DerivationLayout(classic.layout.network, compared=8)
    assert [section.title for section in layout.derived] == [
        "1. Forward: hidden layer",
        "2. Forward: output layer",
        "3. Error",
        "4. Chain rule: weights into the output layer",
        "5. What flows back to the hidden layer",
        "6. Chain rule: weights into the hidden layer",
    ]
    assert (layout.comparison_title, layout.updates[0].title) == ("7. Are the gradients right?", "8. Update")


def test_a_line_of_the_derivation_is_said_four_ways(classic: Workbook, editor: type[Editor]) -> None:
    rows = DerivationLayout(classic.layout.network, compared=8).rows
    sheets = editor(classic.path).type("Derivation", "B3", "1").type("Derivation", "B4", "2").sheets()

    def line(name: str) -> list[object]:
        return [sheets.value("Derivation", rows[name], column) for column in (1, 3, 4)]

    assert line("h1") == ["h1", "h1 = w1·i1 + w2·i2", "= 0.149623 × 0.05 + 0.199247 × 0.1"]
    assert line("E1") == ["E1", "E1 = ½·(t1 − a_o1)²", "= ½ × (0.01 − 0.570804)²"]
    assert line("delta_o2") == ["δ_o2", "δ_o2 = ∂E/∂a_o2·∂a_o2/∂o2", "= (-0.339562) × 0.227368"]
    assert line("new w5")[1:] == ["new w5 = w5 − η·∂E/∂w5", "= 0.255686 − 2 × 0.069636"]
    after = cell(sheets, "η=2", classic.layout.training.cell("w5", 2))
    assert sheets.value("Derivation", rows["new w5"], 2) == after


def test_the_numbers_that_a_step_starts_from_are_summed_up_in_lines(classic: Workbook, editor: type[Editor]) -> None:
    row = DerivationLayout(classic.layout.network, compared=8).summary_row
    sheets = editor(classic.path).type("Network", "B5", "-0.25").sheets()
    assert [sheets.value("Derivation", row + n, column) for n in (1, 2, 4) for column in (1, 2)] == [
        *("inputs", "i1 = (-0.25),  i2 = 0.1"),
        *("targets", "t1 = 0.01,  t2 = 0.99"),
        *("weights, output", "w5 = 0.4,  w6 = 0.45,  w7 = 0.5,  w8 = 0.55"),
    ]


def test_more_numbers_than_fit_into_a_line_are_pointed_at(tmp_path: Path) -> None:
    template = tmp_path / "wide.toml"
    template.write_text(f"layers = [13, 1]\ninputs = {[0.1] * 13}\ntargets = [0.5]\n")
    made = built(tmp_path, str(template), 0.1, steps=2)
    row = DerivationLayout(made.layout.network, compared=13).summary_row
    sheets = Editor(made.path).sheets()
    assert sheets.value("Derivation", row + 1, 2) == "13 numbers: see the column H"


@pytest.mark.parametrize(
    ("address", "text", "hint"),
    [
        ("B3", "12", "0 to 12"),
        ("B3", "13", "there is no such step: choose one from 0 to 12"),
        ("B3", "-1", "there is no such step: choose one from 0 to 12"),
        ("B3", "1.5", "there is no such step: choose one from 0 to 12"),
        ("B3", "two", "there is no such step: choose one from 0 to 12"),
        ("B4", "2", "one of the training sheets"),
        ("B4", "77", "no sheet has this η; shown: η = 0.5"),
    ],
)
def test_a_choice_that_cannot_be_shown_is_called_so(
    classic: Workbook, editor: type[Editor], address: str, text: str, hint: str
) -> None:
    sheets = editor(classic.path).type("Derivation", address, text).sheets()
    assert cell(sheets, "Derivation", address.replace("B", "C")) == hint


def test_a_learning_rate_that_was_edited_away_is_called_so(classic: Workbook, editor: type[Editor]) -> None:
    places = sheets_of(classic)
    eta = where(places, places.training[0].eta)
    sheets = editor(classic.path).type("η=0.5", eta, "0.7").sheets()
    assert cell(sheets, "Derivation", "C4") == "no sheet has this η; shown: η = 0.7"


# --- a step that takes several samples --------------------------------------------------------------


def rows_of(workbook: Workbook) -> dict[str, int]:
    return DerivationLayout(workbook.layout.network, compared=len(workbook.layout.network.trained_names)).rows


@pytest.mark.parametrize("sample", [1, 3])
def test_a_chosen_sample_of_a_chosen_step_is_shown(in_batch: Workbook, editor: type[Editor], sample: int) -> None:
    book = editor(in_batch.path).type("Derivation", "B3", "5").type("Derivation", "B4", "2")
    sheets = book.type("Derivation", "B5", str(sample)).sheets()
    assert cell(sheets, "Derivation", "C5") == "1 to 4, of those of the step"
    said = "Gradient check: all 9 gradients agree: chain rule, central difference, samples."
    assert cell(sheets, "Derivation", "B6") == said
    passes = in_batch.layout.samples
    for name, row in rows_of(in_batch).items():
        if name in passes.letters and name not in in_batch.layout.network.start_values:
            at_sample = cell(sheets, "η=2 samples", passes.cell(name, 5 * 4 + sample - 1))
            column = 8 if name in ("i1", "i2", "t1") else 2
            assert sheets.value("Derivation", row, column) == at_sample, name
    assert book.judge().correct


def test_in_turn_the_sample_of_the_step_is_shown_and_none_is_to_be_chosen(in_turn: Workbook, editor) -> None:
    assert DerivationLayout(in_turn.layout.network, compared=9).together is None
    sheets = editor(in_turn.path).type("Derivation", "B3", "2").sheets()
    assert cell(sheets, "Derivation", "A5") == "gradients"
    rows = rows_of(in_turn)
    assert [sheets.value("Derivation", rows[name], 8) for name in ("i1", "i2", "t1")] == [1, 1, 0]
