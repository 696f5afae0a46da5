"""Tables by hand with biases, under any headers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from openpyxl import load_workbook

from tests.handmade import CLASSIC, FORMULAS, START_A, Handmade, Layout, write

_DELTA = {f"o{k}": f"({{a_o{k}}}-{{t{k}}})*{{a_o{k}}}*(1-{{a_o{k}}})" for k in (1, 2)}
#: The δ of each neuron, which is the gradient of its bias.
DELTAS = _DELTA | {
    f"h{n}": f"({_DELTA['o1']}*{{w{n + 4}}}+{_DELTA['o2']}*{{w{n + 6}}})*{{a_h{n}}}*(1-{{a_h{n}}})" for n in (1, 2)
}
NEURONS = ("h1", "h2", "o1", "o2")
LAYERS = {"hid": ("h1", "h2"), "out": ("o1", "o2")}
_VALUES = dict(zip((*NEURONS, *LAYERS), (0.35, -0.2, 0.6, 0.1, 0.35, 0.6), strict=True))


def one_each(trained: bool = True) -> dict[str, str]:
    """The formulas of a table with a bias a neuron, called bias_h1 and so on."""
    return _formulas({z: (z,) for z in NEURONS}, trained)


def one_a_layer(trained: bool = True) -> dict[str, str]:
    """The formulas of a table with a bias a layer, called bias_hid and bias_out."""
    return _formulas(LAYERS, trained)


def _formulas(of: Mapping[str, Sequence[str]], trained: bool) -> dict[str, str]:
    formulas = dict(FORMULAS)
    for name, neurons in of.items():
        formulas |= {z: f"{FORMULAS[z]}+{{bias_{name}}}" for z in neurons}
        formulas[f"bias_{name}"] = f"{{-bias_{name}}}" + f"-{{eta}}*{{-dE_dbias_{name}}}" * trained
        if trained:
            formulas[f"dE_dbias_{name}"] = "+".join(DELTAS[z] for z in neurons)
    return formulas


def write_biased(path: Path, formulas: Mapping[str, str], headers: Sequence[str], gradient: str = "∂E/∂{}") -> Path:
    """Write a table with biases.

    Args:
        path: the file.
        formulas: those of `one_each` or `one_a_layer`, or changed ones.
        headers: what stands above the biases.
        gradient: what stands above their gradients, with the header of the bias.
    """
    biases = [name for name in formulas if name.startswith("bias_")]
    columns = [name for name in formulas if "bias_" in name]
    cells = {(name, 0): _VALUES[name.removeprefix("bias_")] for name in biases}
    layout = Layout(order=(*CLASSIC[:4], *biases, *CLASSIC[4:], *(n for n in columns if n not in biases)))
    book = load_workbook(write(path, Handmade(layout, START_A, formulas=formulas, cells=cells)))
    shown = dict(zip(biases, headers, strict=True))
    shown |= {f"∂E/∂{bias}": gradient.format(header) for bias, header in shown.items()}
    for cell in book.active[5]:
        cell.value = shown.get(cell.value, cell.value)
    book.save(path)
    return path
