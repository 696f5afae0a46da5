"""Which columns of a wide table print on a page together."""

from collections.abc import Sequence

#: In percent, and how many pixels a landscape page of A4 is wide then, where a program has wide letters.
PRINT_SCALE, PAGE_WIDTH = 78, 955


def page_breaks(groups: Sequence[Sequence[int]], room: int) -> list[int]:
    """The columns that begin a new page, counted from 0.

    A group of columns stays together where a page has room for it.

    Args:
        groups: the widths of the columns of each group in pixels, of hidden ones 0.
        room: how many pixels fit beside each other on a page.
    """
    found: list[int] = []
    column, left = 0, room
    for group in groups:
        for n, width in enumerate(group):
            if left < room and (width > left or (n == 0 and sum(group) > left)):
                found.append(column)
                left = room
            left -= width
            column += 1
    return found
