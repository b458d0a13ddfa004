import pickle
import random
from pathlib import Path

import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.expressions import OPERATORS, Expression, Kind, parse
from nautilus_lab.factors.expressions._operator import Family


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("close+open", "close + open"),
        ("open+close", "close + open"),
        ("close - (open - high)", "close - (open - high)"),
        ("(close - open) - high", "close - open - high"),
        ("close/(open*high)", "close / (high * open)"),
        ("-close**2", "-close ** 2"),
        ("(-close)**2", "(-close) ** 2"),
        ("close**2**3", "close ** 8"),
        ("(close**open)**high", "(close ** open) ** high"),
        ("close**open**high", "close ** open ** high"),
        ("close - -open", "close - -open"),
        ("open * (1 - 0.25)", "0.75 * open"),
        ("close > open", "open < close"),
        ("close >= open", "open <= close"),
        ("close > open ? 1 : -1", "where(open < close, 1, -1)"),
        (
            "close > open ? 1 : close < low ? 2 : 3",
            "where(open < close, 1, where(close < low, 2, 3))",
        ),
        ("close^2 > open || low < 3", "low < 3 or open < close ** 2"),
        ("not (close < 1 and open < 2)", "not (close < 1 and open < 2)"),
        ("not close < 1 and open < 2", "not close < 1 and open < 2"),
        ("ts_corr(volume, close, 5)", "ts_corr(close, volume, 5)"),
        ("min(open, close)", "min(close, open)"),
        ("scale(close)", "scale(close, 1)"),
        ("pct_change(close)", "pct_change(close, 1)"),
        ("ts_mean(close, 5.0)", "ts_mean(close, 5)"),
        ("close * .5e1", "5 * close"),
        ("1e-12 + high", "1e-12 + high"),
        (" ( ( close ) ) ", "close"),
        ("+close", "close"),
        ("less(close, open)", "close < open"),
    ],
)
def test_what_says_the_same_has_one_text(text, canonical):
    found = parse(text)
    assert found.text == canonical
    assert parse(canonical) == found
    assert parse(canonical).digest == found.digest


def test_what_says_something_else_differs():
    texts = ("close - open", "open - close", "close / open", "ts_mean(close, 5)")
    assert len({parse(text) for text in texts}) == len({parse(t).digest for t in texts}) == 4


def test_a_hash_is_the_same_on_every_machine():
    # BLAKE2b of the canonical text, by another program: printf 'close + open' | b2sum -l 128
    assert parse("open+close").digest == "61ed488b32763f85f4c707f66fe74a4d"


def drawn(draw, depth):
    """Return the text of a drawn expression, of conditions and numbers as they fit."""
    if depth == 0:
        return draw.choice(["close", "open", "volume", "2", "0.5", "returns"])
    name = draw.choice(list(OPERATORS))
    one = OPERATORS[name]
    arguments = []
    for place in one.arguments:
        if place.kind is Kind.CONDITION:
            arguments.append(f"({drawn(draw, depth - 1)}) < close")
        elif place.kind is Kind.GROUP:
            arguments.append("sector")
        elif place.kind is Kind.NUMBERS:
            alone = one.family is not Family.ELEMENTWISE
            text = drawn(draw, depth - 1)
            arguments.append(f"({text}) + low" if alone else text)
        else:
            arguments.append({"d": "7", "n": "4", "q": "0.25", "a": "3"}[place.name])
    return f"{name}({', '.join(arguments)})" if not one.sign else _signed(one.sign, arguments)


def _signed(sign, arguments):
    if len(arguments) == 1:
        return f"{sign} ({arguments[0]})"
    return f"({arguments[0]}) {sign} ({arguments[1]})"


@pytest.mark.parametrize("seed", range(40))
def test_the_canonical_text_of_a_drawn_expression_reads_back(seed):
    found = parse(f"({drawn(random.Random(seed), 5)}) + close")
    again = parse(found.text)
    assert (again, again.text) == (found, found.text)
    assert (again.warm_up, again.fields, again.depth) == (found.warm_up, found.fields, found.depth)


@pytest.mark.parametrize(
    ("text", "rule", "value"),
    [
        ("", "empty", ""),
        ("close +", "should begin here", "the end at column 8"),
        ("close open", "should end", "'open' at column 7"),
        ("(close", "closed", "the end at column 7"),
        ("close)", "should end", r"'\)' at column 6"),
        ("ts_mean(close, 5", "closed", "column 17"),
        ("close.open", "numbers, names and signs", r"'\.' at column 6"),
        ("close['open']", "numbers, names and signs", r"'\[' at column 6"),
        ("close = open", "numbers, names and signs", "'=' at column 7"),
        ("__import__('os')", "numbers, names and signs", '"\'" at column 12'),
        ("5close", "number must end", "'5' at column 1"),
        ("clse", "field or a definition", "'clse' at column 1"),
        ("rank", "field or a definition", "'rank' at column 1"),
        ("close + ts_maen(close, 5)", "operator must be in the table", "'ts_maen' at column 9"),
        ("ts_mean(close)", "takes 2 arguments, not 1", "'ts_mean' at column 1"),
        ("rank(close, 2)", "takes 1 arguments, not 2", "'rank' at column 1"),
        ("scale(close, 1, 2)", "takes 1 to 2 arguments, not 3", "'scale' at column 1"),
        ("rank()", "takes 1 arguments, not 0", "'rank' at column 1"),
        ("ts_mean(close, 0)", "whole number from 1", "'0' at column 16"),
        ("ts_mean(close, -3)", "whole number from 1", "'-' at column 16"),
        ("ts_mean(close, 2.5)", "whole number from 1", "'2.5' at column 16"),
        ("ts_mean(close, 1e9)", "to 5040", "'1e9' at column 16"),
        ("ts_mean(close, open)", "must be a number", "'open' at column 16"),
        ("ts_std(close, 1)", "whole number from 2", "'1' at column 15"),
        ("ts_kurt(close, 3)", "whole number from 4", "'3' at column 16"),
        ("ts_quantile(close, 5, 1.5)", "from 0 to 1", "'1.5' at column 23"),
        ("quantile(close, 2.5)", "whole number from 2", "'2.5' at column 17"),
        ("ts_mean(3, 5)", "must read a field", "'3' at column 9"),
        ("rank(1 + 2)", "must read a field", "'1' at column 6"),
        ("1 + 2", "must read a field", "1 . 2"),
        ("where(close, 1, 2)", "must be a condition", "'close' at column 7"),
        ("close and open", "must be a condition", "'and' at column 7"),
        ("ts_count(close, 5)", "must be a condition", "'close' at column 10"),
        ("neutralize(close, rank(open))", "field of labels", "'rank' at column 19"),
        ("close < open < high", "do not chain", "'<' at column 14"),
        ("close > open ? 1", "other side", "the end at column 17"),
        ("close + 1 / 0", "is not a number", "'/' at column 11"),
        ("close + log(0)", "is not a number", "'log' at column 9"),
        ("close + 1e999", "must be finite", "'1e999' at column 9"),
    ],
)
def test_a_fault_is_named_with_its_column(text, rule, value):
    with pytest.raises(InputError, match=rule) as caught:
        parse(text)
    assert caught.match(value)


def test_near_names_are_told():
    with pytest.raises(InputError, match="did you mean close"):
        parse("clse")
    with pytest.raises(InputError, match="did you mean ts_corr"):
        parse("ts_cor(close, open, 5)")
    with pytest.raises(InputError, match=r"is an operator: rank\(x\)"):
        parse("close + rank")


def test_only_the_given_fields_may_be_read():
    assert parse("rank(earnings)", fields=["earnings"]).fields == ("earnings",)
    with pytest.raises(InputError, match="there are earnings"):
        parse("close", fields=["earnings"])
    with pytest.raises(InputError, match="a name of its own"):
        parse("rank", fields=["rank"])
    with pytest.raises(InputError, match="a name of its own"):
        parse("close", fields=["close", "not valid"])


@pytest.mark.parametrize(
    "text",
    [
        "(" * 500 + "close" + ")" * 500,
        "-" * 500 + "close",
        "not " * 500 + "close < open",
        "rank(" * 500 + "close" + ")" * 500,
        " + ".join(["close"] * 500),
        " ** ".join(["close"] * 500),
        "close < open ? " * 500 + "1" + " : 1" * 500,
    ],
)
def test_a_deep_expression_is_refused_however_it_is_deep(text):
    with pytest.raises(InputError, match=r"at most 60 levels.*column"):
        parse(text)


def test_a_deep_expression_within_the_bound_is_read():
    assert parse("rank(" * 50 + "close" + ")" * 50).depth == 51


def test_a_long_text_is_refused():
    with pytest.raises(InputError, match="at most 10,000 characters; got 10001"):
        parse("close" + " " * 9_996)


def test_definitions_stand_for_expressions_and_use_one_another():
    definitions = {"trend": "ts_mean(r, 20)", "r": "close / delay(close, 1) - 1"}
    found = parse("rank(trend) + r", definitions=definitions)
    assert found == parse(
        "rank(ts_mean(close / delay(close, 1) - 1, 20)) + (close / delay(close, 1) - 1)"
    )
    assert found.warm_up == 20


def test_a_definition_that_leads_back_to_itself_is_refused_with_the_way():
    with pytest.raises(InputError, match="itself; got a -> a"):
        parse("a", definitions={"a": "a + close"})
    loop = {"a": "b + 1", "b": "ts_mean(c, 3)", "c": "rank(b)"}
    with pytest.raises(InputError, match="itself; got b -> c -> b"):
        parse("close + a", definitions=loop)


def test_definitions_that_double_are_refused_before_they_fill_the_memory():
    doubling = {"x0": "close", **{f"x{i + 1}": f"x{i} * x{i}" for i in range(50)}}
    with pytest.raises(InputError, match="written out, has at most 10,000 characters"):
        parse("x50", definitions=doubling)


def test_a_definition_must_be_a_text_of_the_same_bounds():
    with pytest.raises(InputError, match="must be a text; got 5"):
        parse("a", definitions={"a": 5})
    with pytest.raises(InputError, match="must be a text"):
        parse(None)
    with pytest.raises(InputError, match="at most 10,000 characters"):
        parse("a", definitions={"a": "close" + " " * 10_000})
    with pytest.raises(InputError, match="'ts_maen' at column 1 of 'ts_maen"):
        parse("rank(a)", definitions={"a": "ts_maen(close, 5)"})


def test_a_definition_may_not_hide_a_field_or_an_operator():
    with pytest.raises(InputError, match="a field or a definition; got close"):
        parse("close", definitions={"close": "open"})
    with pytest.raises(InputError, match="a name of its own; got rank"):
        parse("close", definitions={"rank": "open"})


def test_warm_up_and_lookback_add_up_along_the_longest_way():
    found = parse("ts_mean(delay(close, 10), 5) + ts_std(open, 30)")
    assert (found.warm_up, found.lookback) == (29, 29)
    assert parse("ts_mean(ts_std(close, 30), 5)").warm_up == 33
    fading = parse("ewm_mean(close, 20)")
    assert fading.warm_up == 19
    # the first weight beyond is below 1e-17
    assert (1 - 2 / 21) ** (fading.lookback - 19) < 1e-17


def test_an_expression_is_immutable_and_crosses_processes():
    found = parse("rank(ts_mean(returns, 20)) / ts_std(close, 60)")
    with pytest.raises(AttributeError):
        found.root = parse("close").root
    with pytest.raises(AttributeError):
        found.root.text = "close"
    assert pickle.loads(pickle.dumps(found)) == found
    assert repr(found) == "Expression('rank(ts_mean(returns, 20)) / ts_std(close, 60)')"
    assert found.operators == ("divide", "rank", "ts_mean", "ts_std")
    assert isinstance(found, Expression)


def test_nothing_here_evaluates_python(repository):
    folder = Path(repository) / "nautilus_lab" / "factors" / "expressions"
    for source in folder.glob("*.py"):
        assert " eval(" not in source.read_text("utf-8")
        assert " exec(" not in source.read_text("utf-8")


@pytest.mark.parametrize(
    "definitions",
    [
        {"x0": "close"} | {f"x{n}": f"x{n - 1}" for n in range(1, 1001)},
        {"x0": "close"} | {f"x{n}": "(" * 50 + f"x{n - 1}" + ")" * 50 for n in range(1, 1001)},
    ],
)
def test_definitions_that_lead_ever_deeper_are_refused(definitions):
    with pytest.raises(InputError, match="at most 60 levels"):
        parse("x1000", definitions=definitions)


def test_forty_definitions_may_use_one_another():
    chain = {"x0": "close"} | {f"x{n}": f"ts_mean(x{n - 1}, 2)" for n in range(1, 41)}
    assert parse("x40", definitions=chain).warm_up == 40


@pytest.mark.parametrize("text", ["\uff11 + close", "close + \u0663", "close + 1\u0663"])
def test_only_ascii_digits_are_numbers(text):
    with pytest.raises(InputError, match="column"):
        parse(text)


def test_a_definition_whose_name_is_no_text_is_refused():
    with pytest.raises(InputError, match="a name of its own"):
        parse("close", definitions={1: "open"})
