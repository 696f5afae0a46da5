import pytest

from tests.spreadsheet.valued import value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # a minus in front binds more tightly than a power, and powers go from left to right
        ("-2^2", 4.0),
        ("2^3^2", 64.0),
        ("1+2*3-4/2", 5.0),
        ("(1+2)*3", 9.0),
        ('1+1&"x"', "2x"),
        ('"a""b"&1', 'a"b1'),
        ("0.1+0.2", 0.30000000000000004),
        ('"η = "&0.5', "η = 0.5"),
        ("1=1", True),
        ('"A"="a"', True),
        ('2<"a"', True),
        ("1<>2", True),
        ("1E-3*{a}", 0.001),
        ("1/0", "#DIV/0!"),
        ('1+"a"', "#VALUE!"),
    ],
)
def test_operators_bind_and_compute_as_in_excel(text: str, expected) -> None:
    found = value(text)
    assert type(found) is type(expected)
    assert found == expected


@pytest.mark.parametrize("text", ["NOSUCH(1)", "1+", "(1", "{row}+1", "MATCH(1,{row},1)", "1 ? 2"])
def test_what_the_interpreter_does_not_know_is_no_number(text: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        value(text)
