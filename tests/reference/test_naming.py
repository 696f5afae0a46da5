import pytest

from xlbackprop import reference
from xlbackprop.backprop.quantities import training_step
from xlbackprop.backprop.templates import load_template, template_names


@pytest.mark.parametrize("template", template_names())
def test_the_reference_names_every_quantity_of_the_formulas(template: str) -> None:
    network = load_template(template)
    assert set(reference.quantity_names(network)) == {quantity.name for quantity in training_step(network)}
