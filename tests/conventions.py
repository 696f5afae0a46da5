"""Other conventions than the classroom's: the formulas that are other ones, by the note that says so."""

import re
from collections.abc import Mapping

from tests.handmade import FORMULAS, GRADIENTS, WEIGHTS

WITHOUT_HALF = {"E1": "({t1}-{a_o1})^2", "E2": "({t2}-{a_o2})^2"}
ADDED = {w: f"{{-{w}}}+{{eta}}*{{-dE_d{w}}}" for w in WEIGHTS}
#: h1 = w1 i1 + w3 i2 and so on.
COLUMN_BY_COLUMN = {"w2": "w3", "w3": "w2", "w6": "w7", "w7": "w6"}


def gradients(formula: str) -> dict[str, str]:
    return {name: formula.replace("G", FORMULAS[name]) for name in GRADIENTS}


def renumbered(formulas: Mapping[str, str]) -> dict[str, str]:
    """The formulas of a table whose weights are numbered column by column."""

    def other(text: str) -> str:
        return re.sub(r"w\d", lambda match: COLUMN_BY_COLUMN.get(match[0], match[0]), text)

    return {other(name): other(formula) for name, formula in formulas.items()}


CROSS_ENTROPY = {f"E{k}": f"-({{t{k}}}*LN({{a_o{k}}})+(1-{{t{k}}})*LN(1-{{a_o{k}}}))" for k in (1, 2)} | {
    name: re.sub(r"\*\{(a_o\d)\}\*\(1-\{\1\}\)", "", FORMULAS[name]) for name in GRADIENTS
}

CONVENTIONS = {
    "its error is the cross-entropy of sigmoid outputs, and its gradients are judged by that": CROSS_ENTROPY,
    "its error is (t - a)^2, without the 1/2": WITHOUT_HALF | gradients("2*(G)"),
    "its E_total is the mean of the 2 errors, and no sum": {"E_total": "AVERAGE({E1},{E2})"} | gradients("(G)/2"),
    "its E_total is the mean of the squares, and no half of their sum": WITHOUT_HALF | {"E_total": "({E1}+{E2})/2"},
    "its gradients have the other sign, as what is added to the weights": gradients("-(G)") | ADDED,
    "its columns hold the changes of the weights, -η ∂E/∂w": gradients("-{eta}*G")
    | {w: f"{{-{w}}}+{{-dE_d{w}}}" for w in WEIGHTS},
    "its columns hold η ∂E/∂w, what is taken off the weights": gradients("{eta}*G")
    | {w: f"{{-{w}}}-{{-dE_d{w}}}" for w in WEIGHTS},
    "its biases are typed into the formulas: give them cells, to try others": {
        z: f"{FORMULAS[z]}{'+0.35' if z[0] == 'h' else '-0.6'}" for z in ("h1", "h2", "o1", "o2")
    },
}
