import pytest

from xlbackprop.backprop import notation
from xlbackprop.backprop.quantities import training_step
from xlbackprop.backprop.templates import load_template, template_names


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("w1", "w1"),
        ("a_h1", "a_h1"),
        ("E_total", "E_total"),
        ("dE_dw12", "∂E/∂w12"),
        ("dE_db3", "∂E/∂b3"),
        ("dE_da_o1", "∂E/∂a_o1"),
        ("da_h2_1_dh2_1", "∂a_h2_1/∂h2_1"),
        ("delta_o1", "δ_o1"),
        ("eta", "η"),
    ],
)
def test_a_header_shows_the_name_as_in_the_classroom(name: str, header: str) -> None:
    assert notation.header(name) == header


@pytest.mark.parametrize("template", template_names())
def test_every_header_leads_back_to_its_name(template: str) -> None:
    network = load_template(template)
    names = [*network.start_values, "eta", *(quantity.name for quantity in training_step(network))]
    assert [notation.name(notation.header(name)) for name in names] == names
    assert len({notation.header(name) for name in names}) == len(names)


def test_a_defined_name_is_no_cell_address() -> None:
    assert [notation.defined_name(name) for name in ("i1", "t2", "w10", "b3")] == ["i_1", "t_2", "w_10", "b_3"]


def test_only_start_values_have_defined_names() -> None:
    with pytest.raises(ValueError, match="E_total is not an input"):
        notation.defined_name("E_total")
