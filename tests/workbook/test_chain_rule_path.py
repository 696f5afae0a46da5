"""The whole way of the chain rule, in symbols and in numbers."""

from pathlib import Path

import pytest

from tests.conftest import Editor, Workbook, built, sheets_of
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.templates import load_template
from xlbackprop.spreadsheet.blocks import FilledDown
from xlbackprop.workbook.chain_rule_path import path_factors
from xlbackprop.workbook.derivation_lines import DerivationLayout


def shown(workbook: Workbook) -> list[list[object]]:
    sheets = Editor(workbook.path).sheets()
    first = DerivationLayout(workbook.layout.network, 0).path_row
    return [[sheets.value("Derivation", first + n, column) for column in range(2, 6)] for n in (2, 3, 4, 5)]


def test_the_way_to_w1_is_shown_once_factor_by_factor(classic: Workbook) -> None:
    derivatives, in_symbols, in_numbers, values = shown(classic)
    assert derivatives == ["∂E/∂w1", "∂E/∂a_h1", "· ∂a_h1/∂h1", "· ∂h1/∂w1"]
    assert in_symbols == ["=", "(δ_o1·w5 + δ_o2·w7)", "· a_h1·(1 − a_h1)", "· i1"]
    assert in_numbers == [
        *("=", "(0.142357 × 0.4 + (-0.083759) × 0.5)"),
        *("· 0.506875 × (1 − 0.506875)", "· 0.05"),
    ]
    gradient, *factors = values
    assert gradient == pytest.approx(factors[0] * factors[1] * factors[2], rel=1e-12)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("A", [("∂E/∂a_h1", "dE_da_h1"), ("∂a_h1/∂h1", "da_h1_dh1"), ("∂h1/∂w1", "i1")]),
        ("deep", [("∂E/∂a_h1_1", "dE_da_h1_1"), ("∂a_h1_1/∂h1_1", "da_h1_1_dh1_1"), ("∂h1_1/∂w1", "i1")]),
    ],
)
def test_the_factors_are_those_of_the_first_weight(template: str, expected: list[tuple[str, str]]) -> None:
    assert path_factors(load_template(template)) == expected


def test_softmax_without_a_hidden_layer_has_two_factors() -> None:
    network = Network.blank((2, 3), hidden="sigmoid", output="softmax", loss="cross-entropy", biases="none")
    assert path_factors(network) == [("∂E/∂o1", "delta_o1"), ("∂o1/∂w1", "i1")]


def test_a_constant_slope_stands_there_as_it_is(tmp_path: Path) -> None:
    template = tmp_path / "line.toml"
    template.write_text('layers = [1, 1]\noutput = "linear"\ninputs = [0.5]\ntargets = [0.25]\nweights = [0.7]\n')
    made = built(tmp_path, str(template), 0.1, steps=2)
    assert shown(made)[1:3] == [["=", "(a_o1 − t1)", "· 1", "· i1"], ["=", "(0.35 − 0.25)", "· 1", "· 0.5"]]


def test_each_factor_has_the_colour_of_its_column(classic: Workbook) -> None:
    sheets = sheets_of(classic)
    block = next(block for block in sheets.derivation.sheet.blocks if block.name == "the way in values")
    names = ("∂E/∂w1", "∂E/∂a_h1", "a_h1", "i1")
    (headers,) = (
        block
        for block in sheets.training[0].sheet.blocks
        if not isinstance(block.contents, FilledDown) and set(names) <= set(block.contents[0])
    )
    in_table = [headers.look(0, headers.contents[0].index(name)).fill for name in names]
    assert [look.fill for look in block.looks] == in_table
