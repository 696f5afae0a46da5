"""Names the slip in a formula of an optimizer, by what it gives.

The right expression is changed in the ways in which people get optimizers wrong; the change that gives the numbers that
stand in the cells, in every row, is the slip.
"""

import ast
import re
from collections.abc import Iterator, Mapping

import numpy as np

from xlbackprop.backprop.expression import FUNCTIONS
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.optimizers import BEFORE
from xlbackprop.backprop.quantities import states, updates
from xlbackprop.check.mistakes import Slip
from xlbackprop.reference import Array

# Each is a pattern in the right expression, what stands there instead, and what the formula then does. `{w}` is the
# weight; the likelier ones come first.
_CHANGES = (
    (r"_hat_{w}", "_{w}", "lacks the correction of the averages, which begin at 0"),
    (r"m_hat_{w}", "m_{w}", "lacks the correction of the average of the gradients"),
    (r"v_hat_{w}", "v_{w}", "lacks the correction of the average of the squares"),
    (r"sqrt\((\w+)\) \+ eps", r"sqrt(\1 + eps)", "has ε inside the root: it belongs outside"),
    (r"\(sqrt\((\w+)\) \+ eps\)", r"sqrt(\1)", "lacks ε"),
    (r"sqrt\((\w+)\)", r"\1", "lacks the square root"),
    (
        r"\*\*\(step \+ 1\)",
        "",
        "corrects every step as the first: β belongs to the power of the update's number",
    ),
    (r"\(step \+ 1\)", "step", "counts the updates from 0: the first one is number 1"),
    (r"\b([msv])_{w}", rf"{BEFORE}\1_{{w}}", "takes what was kept in the row before"),
    (r"\b(m|v)_hat_{w}", rf"{BEFORE}\1_hat_{{w}}", "takes the averages of the row before"),
    (r"\(1 - dampening\)\*", "", "leaves out the dampening"),
    (r"\(1 - dampening\)", "(1 - momentum)", "damps the gradient by 1 − μ: momentum adds it whole"),
    (r"\(1 - (beta_1|beta_2|alpha)\)\*", "", "lacks the factor 1 − β of the gradient"),
    (r"beta_1", "beta_2", "takes β₂ instead of β₁"),
    (r"beta_2", "beta_1", "takes β₁ instead of β₂"),
    (rf"\b{BEFORE}\w+", "0", "forgets what was kept before"),
    (r"\*\*2", "", "lacks the square of the gradient"),
    (r"\((\w+) \+ weight_decay\*{w}\)", r"\1", "leaves out the weight decay"),
    (r" \+ weight_decay\*", " - weight_decay*", "takes the weight decay off the gradient: it is added"),
    (r"\*\(1 - \w+\*weight_decay\)", "", "leaves out the weight decay"),
    (r"\(1 - \w+\*weight_decay\)", "(1 - weight_decay)", "decays the weight without the learning rate"),
    (r"eta_t", "eta", "takes η instead of η_t, the learning rate of the step"),
    (r"{w} - ", "{w} + ", "moves along the gradient: it must go against it"),
    (r"\(({gradient}) \+ momentum\*v_{w}\)", r"v_{w}", "moves as plain momentum, without the look ahead"),
    (r"\bv_{w}", "{gradient}", "takes the gradient instead of the velocity"),
    (r"m_hat_{w}", "{gradient}", "takes the gradient instead of its average"),
)
# What the first row does instead of its own formula.
_FIRST_CHANGES = (
    ("(1 - momentum)*{gradient}", "damps the first gradient: the first velocity is the gradient itself"),
    ("(1 - dampening)*{gradient}", "damps the first gradient: the first velocity is the gradient itself"),
    ("0", "begins at 0: the first row has a gradient, too"),
)


def optimizer_slip(network: Network, name: str, columns: Mapping[str, Array], steps: Array) -> Slip | None:
    """The slip that gives the numbers of a column in some rows; None if it is none of the known ones.

    Args:
        network: with its optimizer.
        name: a state, or a weight or bias for its update.
        columns: the numbers of the table by name, and `eta`, as they stand.
        steps: the rows of the formula.
    """
    found = columns[name][steps]
    # an update works on the row above
    rows = steps - 1 if name in network.trained_names else steps
    for expression, sentence in _candidates(network, name, first=bool((steps == 0).all())):
        with np.errstate(all="ignore"):
            values = _evaluated(expression, network, columns, rows)
        if np.allclose(values, found, rtol=1e-9, atol=1e-15):
            return Slip(sentence)
    return None


def _candidates(network: Network, name: str, *, first: bool) -> Iterator[tuple[str, str]]:
    """Wrong expressions with what they do."""
    known = {state.name: state.expression for state in states(network)}
    known |= {update.name: update.expression for update in updates(network)}
    w = next((w for w in network.trained_names if name == w or name.endswith(f"_{w}")), name)
    words = {"w": w, "gradient": f"dE_d{w}"}
    if first:
        for changed, sentence in _FIRST_CHANGES:
            yield changed.format(**words), sentence
    right = known[name]
    for pattern, instead, sentence in _CHANGES:
        changed = re.sub(_filled(pattern, words), _filled(instead, words), right)
        if changed != right:
            yield changed, sentence


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, meant in words.items():
        text = text.replace(f"{{{word}}}", meant)
    return text


def _evaluated(expression: str, network: Network, columns: Mapping[str, Array], rows: Array) -> Array:
    """An expression over the columns of a table, in some rows; what is before the first is 0."""
    values: dict[str, object] = {name: function.on_arrays for name, function in FUNCTIONS.items()}
    values |= network.optimizer.values | {"step": rows.astype(float), "steps": float(len(columns["step"]) - 1)}
    for node in ast.walk(ast.parse(expression, mode="eval")):
        if isinstance(node, ast.Name) and node.id not in values:
            column = columns.get(node.id.removeprefix(BEFORE))
            if column is None:
                return np.full(len(rows), np.nan)
            if node.id.startswith(BEFORE):
                values[node.id] = np.where(rows > 0, column[np.maximum(rows - 1, 0)], 0.0)
            else:
                values[node.id] = column[rows]
    return np.asarray(eval(compile(expression, "<slip>", "eval"), {"__builtins__": {}}, values)) * np.ones(len(rows))
