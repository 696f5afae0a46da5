import pytest

from xlbackprop.workbook.printing import page_breaks


@pytest.mark.parametrize(
    ("groups", "breaks"),
    [
        # groups share a page as long as there is room
        ([[3], [3, 4]], []),
        ([[3], [3, 5]], [1]),
        ([[5, 5], [5, 5], [10]], [2, 4]),
        # a group that is wider than a page begins one and goes on
        ([[1], [4, 4, 4, 4, 4], [2]], [1, 3, 5]),
        # hidden columns need no page
        ([[10], [0, 0], [10]], [3]),
        ([[10], [0, 0]], []),
        # a column that is wider than a page is not preceded by an empty one
        ([[12], [3]], [1]),
        ([], []),
    ],
)
def test_a_group_of_columns_stays_together_where_a_page_has_room(groups, breaks) -> None:
    assert page_breaks(groups, 10) == breaks
