"""The look of the workbook: colours, fonts and number formats, one place for each."""

from math import ceil
from typing import Any

from xlsxwriter import Workbook
from xlsxwriter.format import Format

INK = "#1F2A44"
MUTED = "#6B7280"
ACCENT = "#1F5FBF"
INPUT_FILL = "#FFF6CC"
TOTAL_FILL = "#FCE3CF"
GOOD_FILL = "#DDF2DF"
SECTION_FILL = "#E8EDF6"
RULE = "#C9CFDA"

#: The fill of each column group's headings.
GROUP_FILLS = {
    "inputs": "#E5E7EB",
    "weights": "#D6E4F7",
    "biases": "#DDEBE9",
    "forward": "#DDF0DC",
    "error": "#FAD9BF",
    "chain rule": "#E6DDF2",
    "gradients": "#F8D7E3",
}

#: The curves, distinguishable in print and to colour-blind eyes (Okabe and Ito, 2008, and darker kin).
CURVES = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#5B4B8A", "#8C6D1F")

#: Six decimals where they say something, scientific below; zero falls in the last section.
NUMBER = "[>=0.001]0.000000;[<=-0.001]-0.000000;General"
SMALL_NUMBER = "[>=0.001]0.000000;[<=-0.001]-0.000000;0.000E+00"
LARGE_NUMBER = "0.0000E+00"
#: From here on six decimals no longer fit the columns.
LARGE = 10_000


#: The height of a line of text.
LINE_PIXELS = 20
_CHARACTER_PIXELS = 6.0


def lines(text: str, width: int) -> int:
    """How many lines a text takes in a column of a width in pixels.

    LibreOffice leaves the height of a row as the file gives it, also where text wraps.
    """
    return max(1, ceil(len(text) * _CHARACTER_PIXELS / width))


class Styles:
    """The cell formats of one workbook, made when first asked for."""

    def __init__(self, workbook: Workbook) -> None:
        self._workbook = workbook
        self._formats: dict[tuple[Any, ...], Format] = {}

    def get(self, **properties: Any) -> Format:
        """The format with these XlsxWriter properties on top of the house's own."""
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self._workbook.add_format({"font_color": INK, "valign": "vcenter"} | properties)
        return self._formats[key]

    def conditional(self, **properties: Any) -> Format:
        """A format for a conditional rule: only what the rule changes."""
        key = ("conditional", *sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self._workbook.add_format(properties)
        return self._formats[key]

    @property
    def text(self) -> Format:
        return self.get()

    @property
    def wrapped(self) -> Format:
        """Text that stands to the right of a number."""
        return self.get(text_wrap=True, indent=1)

    @property
    def title(self) -> Format:
        return self.get(bold=True, font_size=16)

    @property
    def muted(self) -> Format:
        return self.get(font_color=MUTED)

    @property
    def muted_indented(self) -> Format:
        return self.get(font_color=MUTED, indent=1)

    @property
    def centered(self) -> Format:
        return self.get(align="center")

    @property
    def section(self) -> Format:
        return self.get(bold=True, font_size=12, bg_color=SECTION_FILL)

    @property
    def table_header(self) -> Format:
        return self.get(bold=True, bg_color=SECTION_FILL, bottom=1, bottom_color=RULE, align="center", text_wrap=True)

    @property
    def name(self) -> Format:
        return self.get(bold=True)

    @property
    def link(self) -> Format:
        return self.get(font_color=ACCENT, underline=1)

    @property
    def input(self) -> Format:
        """What may be edited looks like this everywhere, and stays editable in a protected file."""
        return self.get(
            bg_color=INPUT_FILL, font_color="#1D4ED8", border=1, border_color="#D9B84A", locked=False, align="right"
        )

    @property
    def number(self) -> Format:
        return self.get(num_format=NUMBER)

    @property
    def small_number(self) -> Format:
        return self.get(num_format=SMALL_NUMBER)

    @property
    def scientific(self) -> Format:
        return self.get(num_format="0.0E+00")

    @property
    def total(self) -> Format:
        return self.get(num_format=SMALL_NUMBER, bold=True, bg_color=TOTAL_FILL)

    @property
    def verdict(self) -> Format:
        return self.get(bold=True, font_size=12, bg_color=GOOD_FILL)

    def group(self, group: str) -> Format:
        """The heading over the columns of a group."""
        return self.get(bold=True, font_size=9, bg_color=_group_fill(group), left=1, left_color="#FFFFFF")

    def header(self, group: str) -> Format:
        """The header of a column in a group."""
        return self.get(bold=True, bg_color=_group_fill(group), align="center", bottom=1, bottom_color=MUTED)


def _group_fill(group: str) -> str:
    return GROUP_FILLS.get(group.partition(" (")[0], SECTION_FILL)
