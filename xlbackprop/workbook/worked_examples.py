"""Worked examples: a formula with its numbers put in, as a learner writes it."""

from collections.abc import Callable

from xlbackprop.backprop.expression import names_in, numbers_formula, symbols
from xlbackprop.backprop.notation import header
from xlbackprop.spreadsheet import addressing
from xlbackprop.spreadsheet.blocks import Formula
from xlbackprop.spreadsheet.book import Sheet
from xlbackprop.spreadsheet.limits import MAX_FORMULA_LENGTH
from xlbackprop.workbook.columns import spoken_before
from xlbackprop.workbook.derivation_lines import ALL

# What is smaller is shown as 0 in a worked example; engines differ about whether 1e-17 is 0. No round
# number, because a product such as 1e-9 × 0.001 would lie on the border.
_SHOWN_AS_ZERO = 1.7e-12

# A formula without numbers stands for itself up to this length.
_SHORT = 20


def worked_example(
    expression: str, text_of: Callable[[str], str], sheet: Sheet, where_known: Callable[[str], str]
) -> Formula | str:
    """A quantity with its numbers put in.

    Args:
        expression: how it follows.
        text_of: the address of each number as a text, by its name.
        sheet: that it stands on.
        where_known: makes a formula of one, for where its numbers are none.
    """
    worked = where_known(f'"= "&{numbers_formula(expression, text_of)}')
    # a constant, such as the slope of a linear neuron, has no numbers to put in
    if names_in(expression) and len(addressing.written(worked, sheet)) <= MAX_FORMULA_LENGTH:
        return Formula(worked)
    shown = symbols(expression, spoken)
    return f"= {shown}" if len(shown) < _SHORT else "too long to show"


def spoken(key: str) -> str:
    """A quantity in the classroom's form: `∂E/∂w1`, of a single sample `∂E/∂w1 of 2`, of the row above `m_w1 above`."""
    name, of, number = key.removeprefix(ALL).rpartition("_of_")
    return f"{header(name)} of {number}" if of else spoken_before(key.removeprefix(ALL))


def number_in_text(cell: str) -> str:
    """A formula for the number in a cell as it is put into a worked example, negative in parentheses.

    It does without TEXT, whose format codes mean different things in different languages.
    """
    size = f"ABS({cell})"
    magnitude = f"INT(LOG10({size}))"
    plain, scientific = f'ROUND({cell},6)&""', f'ROUND({cell}/10^{magnitude},4)&"E"&{magnitude}'
    number = f"IF(AND({size}>=0.001,{size}<1000000),{plain},{scientific})"
    return f'IF({size}<{_SHOWN_AS_ZERO},"0",IF({cell}<0,"("&{number}&")",{number}))'
