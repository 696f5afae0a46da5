"""How the quantities of backpropagation are written: one ASCII name, one classroom header.

`dE_dw1` is the name in code and in JSON; `∂E/∂w1` is the header in a sheet. A sheet cannot call
a cell `w1`, because `W1` is a cell address already, so the names defined in a workbook carry an
underscore: `w_1`.
"""

import re

_DERIVATIVE = re.compile(r"d(?P<of>E|a_[a-z]\d+(?:_\d+)?)_d(?P<by>(?:a_)?[a-z]\d+(?:_\d+)?)")
_DERIVATIVE_HEADER = re.compile(r"∂(?P<of>\w+)/∂(?P<by>\w+)")
# an output of one sample, followed from step to step
_OF_A_SAMPLE = re.compile(r"(?P<output>a_o\d+)(?:_of_| of )(?P<sample>\d+)")
_GREEK = {
    **{"eta": "η", "eta_t": "η_t", "beta_1": "β₁", "beta_2": "β₂", "eps": "ε", "alpha": "α", "gamma": "γ"},
    **{"momentum": "μ", "dampening": "τ", "weight_decay": "λ"},
}
_LATIN = {symbol: name for name, symbol in _GREEK.items()}
_LETTER_AND_NUMBER = re.compile(r"(?P<letter>[itwb])(?P<number>\d+)")


def header(name: str) -> str:
    """The classroom form of a quantity's name: `∂E/∂w1` for `dE_dw1`, `δ_o1` for `delta_o1`."""
    if derivative := _DERIVATIVE.fullmatch(name):
        return f"∂{derivative['of']}/∂{derivative['by']}"
    if of_a_sample := _OF_A_SAMPLE.fullmatch(name):
        return f"{of_a_sample['output']} of {of_a_sample['sample']}"
    if name.startswith("delta_"):
        return "δ_" + name.removeprefix("delta_")
    if name.startswith("dE_d"):
        # of a weight or bias with a name of somebody's own
        return "∂E/∂" + name.removeprefix("dE_d")
    return _GREEK.get(name, name)


def name(header: str) -> str:
    """The ASCII name behind a classroom header; the inverse of `header`."""
    if derivative := _DERIVATIVE_HEADER.fullmatch(header):
        return f"d{derivative['of']}_d{derivative['by']}"
    if of_a_sample := _OF_A_SAMPLE.fullmatch(header):
        return f"{of_a_sample['output']}_of_{of_a_sample['sample']}"
    if header.startswith("δ_"):
        return "delta_" + header.removeprefix("δ_")
    return _LATIN.get(header, header)


def defined_name(name: str) -> str:
    """The name that a workbook defines for a start value: `w_1` for `w1`.

    Raises:
        ValueError: `name` is not an input, target, weight or bias.
    """
    parts = _LETTER_AND_NUMBER.fullmatch(name)
    if not parts:
        raise ValueError(f"{name} is not an input, target, weight or bias")
    return f"{parts['letter']}_{parts['number']}"
