import pytest

from tests.spreadsheet.valued import value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MAX({row})", 3.5),
        ("MIN({row},-9)", -9.0),
        ("SUM({row})", 2.5),
        ("MAX({words})", 0.0),
        ("SUMPRODUCT({row},{row})", 33.25),
        ("SUMSQ({row})", 33.25),
        ("ROUND(-1.2345E+300,4)", -1.2345e300),
        ("ROUND(100*1E+307,2)", "#NUM!"),
        ("IF(1<2,NA(),1)", "#N/A"),
        ("ISERROR(NA())", True),
        ("SUMPRODUCT(MAX(({row}<=2)*{row}))", 2.0),
        ("SUMPRODUCT(ABS(({row}>1.5)-({row}>3)))", 1.0),
        ("INDEX({row},3)", 3.5),
        ("INDEX(CHOOSE(2,{words},{row}),4)", -4.0),
        ("INDEX({row},5)", "#REF!"),
        ("MATCH(3.5,{row},0)", 3.0),
        ("MATCH(7,{row},0)", "#N/A"),
        ("IFERROR(MATCH(7,{row},0),1)", 1.0),
        ('COUNTIF({words},"differs*")', 2.0),
        ('COUNTIF({words},"agrees")', 1.0),
        ("COUNTIF({row},2)", 1.0),
        ("COUNTIF({words},2)", 0.0),
        ("AVERAGE({row})", 0.625),
        ('MID("abcdef",3,2)', "cd"),
        ('MID("abc",3,2)', "c"),
        ('HEX2DEC("fF")', 255.0),
        ('HEX2DEC("xy")', "#NUM!"),
        ("ISERROR(1/0)", True),
        ("ISERROR(1)", False),
        ("ISTEXT({row})", False),
        ('IF(ISTEXT("a"),1,1/0)', 1.0),
        ("AND(1<2,2<3)", True),
        ("OR(1>2,2>3)", False),
        ("LN(0)", "#NUM!"),
        ("EXP(1000)", "#NUM!"),
        ("ROUND(2.5,0)", 3.0),
        ("ROUND(-2.5,0)", -3.0),
        ("ROUND(0.0000015,6)", 0.000002),
        ("INT(-0.5)", -1.0),
        ("SIGN({d})", -1.0),
        ("SQRT(9)", 3.0),
        ("TANH(0)", 0.0),
        ("LOG10(1000)", 3.0),
    ],
)
def test_a_function_gives_what_it_gives_in_excel(text: str, expected) -> None:
    found = value(text)
    assert type(found) is type(expected)
    assert found == expected
