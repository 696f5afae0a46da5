"""Networks that learn from a single sample: the templates that do, and a 2-3-1 network with trained biases."""

from pathlib import Path

from xlbackprop.backprop.templates import load_template, template_names

#: The templates of one sample, whose inputs and targets stand on the first sheet.
TEMPLATES = [name for name in template_names() if load_template(name).samples is None]

#: A network that is shown one of the four cases of XOR: 1 and 0 give 1.
ONE_CASE = """
title = "A 2-3-1 network with trained biases"
description = "The size that learns XOR, shown one of its four cases: 1 and 0 give 1."
layers = [2, 3, 1]
biases = "trained"
inputs = [1, 0]
targets = [1]
weights = [0.5, -0.3, -0.4, 0.6, 0.2, 0.1, 0.7, -0.5, 0.3]
bias_values = [0.1, -0.2, 0, 0.1]
"""


def one_case(folder: Path) -> str:
    """The path of that network, as a template in a folder."""
    path = folder / "one-case.toml"
    path.write_text(ONE_CASE)
    return str(path)
