"""Functions that misbehave, each in its own way, and what the check says of them."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.features import FeatureEngine, FeatureRegistry, Parameter, conformance

USUAL = {"title": "T", "group": "g", "inputs": ("close",), "reference": "none"}


def found(function, **said):
    registry = FeatureRegistry()
    registry.define(name="mine", **{"warm_up": 0, "history": 1, **USUAL, **said})(function)
    return conformance(registry.spec("mine"))


def problem(function, **said):
    (only,) = found(function, **said).problems
    return only


def test_one_that_raises_is_named_with_what_it_raised():
    def divide(close):
        raise ZeroDivisionError("of nothing")

    told = found(divide)
    assert told.problems[0].endswith("bars it raises ZeroDivisionError: of nothing")
    assert not told.ok
    assert math.isnan(told.difference)
    assert told.bars == 0


def test_one_that_raises_on_few_bars_alone_is_named():
    def picky(close):
        if len(close) < 40:
            raise ValueError("too few")
        return close

    assert problem(picky) == "of 1 bars it raises ValueError: too few"


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda close: (close > 100).astype(int), "its outputs are int64, and should be float64"),
        (lambda close: close > 100, "its outputs are bool, and should be float64"),
        (lambda close: close.astype(np.float32), "its outputs are float32, and should be float64"),
        (lambda close: close.astype(object), "its outputs are object, and should be float64"),
        (lambda close: close.tolist(), "its outputs are a list, and should be an array"),
        (lambda close: float(close[-1]), "its outputs are a float, and should be an array"),
        (lambda close: None, "its outputs are a NoneType, and should be an array"),
        (lambda close: close[1:], "its outputs are (150,), and should be (151,)"),
        (lambda close: close[:, None], "its outputs are (151, 1), and should be (151,)"),
        (lambda close: (close, close), "its outputs are (2, 151), and should be (1, 151)"),
    ],
)
def test_one_of_another_kind_or_shape_is_named(function, said):
    assert problem(function).startswith(said)


def test_one_that_counts_its_calls_is_named():
    calls = itertools.count()
    assert "does not give the same twice" in problem(lambda close: close + next(calls))


def test_one_that_draws_is_named():
    draw = np.random.default_rng()
    assert "does not give the same twice" in problem(lambda c: c + draw.standard_normal(len(c)))


def test_one_that_writes_into_one_buffer_is_named():
    buffer = np.empty(10_000)

    def mean(close):
        np.multiply(close, 2.0, out=buffer[: len(close)])
        return buffer[: len(close)]

    assert "share their memory" in problem(mean)


def test_one_that_remembers_what_it_saw_first_is_named():
    seen = {}

    def normalised(close):
        return close / seen.setdefault("mean", close.mean())

    # it gives the same twice of the same bars; of fewer it still knows the mean of all
    later = found(normalised)
    assert (
        later.problems == ()
    )  # what it learnt before the check cannot be told apart from a constant
    seen.clear()

    def cached(close):
        return close / seen.setdefault(len(close), close.mean())

    assert any("change with what comes after" in one for one in found(cached).problems)


@pytest.mark.parametrize(
    ("look", "said"),
    [
        (lambda c: np.r_[c[1:], c[-1]], "what comes after"),
        (lambda c: c / c.max(), "what comes after"),
        (lambda c: c[::-1].cumsum()[::-1].copy(), "what comes after"),
        (lambda c: np.convolve(np.pad(c, 2, "edge"), np.ones(5) / 5, "valid"), "what comes after"),
        (lambda c: np.where(np.arange(len(c)) == 0, c[-1], c), "what comes after"),
        (
            lambda c: np.interp(np.arange(len(c)), np.arange(len(c))[::9], c[::9]),
            "what comes after",
        ),
        (lambda c: c * (len(c) > 100), "what comes after"),
    ],
)
def test_one_that_looks_ahead_is_named(look, said):
    assert any(said in one for one in found(look, history=9).problems)


def test_one_that_changes_its_input_is_named():
    def clip(close):
        np.clip(close, 0, 100, out=close)
        return close * 1.0

    assert "it changes its inputs" in found(clip).problems


@pytest.mark.parametrize(
    ("said", "problem_"),
    [
        ({"warm_up": -1}, "its warm_up is -1, and should be a whole number from 0"),
        ({"history": 0}, "its history is 0, and should be a whole number from 1"),
        ({"warm_up": lambda s: 0.5}, "its warm_up is 0.5"),
        ({"history": lambda s: s["x"]}, "its history raises KeyError: 'x'"),
    ],
)
def test_counts_that_cannot_be_are_named(said, problem_):
    assert problem(lambda close: close, **said).startswith(problem_)


class Total:
    """A sum of all closes, kept as a good accumulator keeps it."""

    def __init__(self):
        self.total = 0.0

    def update(self, close):
        self.total += close
        return (self.total,)


def test_an_accumulator_that_all_instruments_share_is_named():
    assert found(np.cumsum, accumulate=lambda s: Total()).ok
    one = Total()
    assert any(
        "batch and stream differ" in p for p in found(np.cumsum, accumulate=lambda s: one).problems
    )


def test_an_accumulator_that_raises_or_gives_too_little_is_named():
    class Broken(Total):
        def update(self, close):
            return 1 / 0

    class Bare(Total):
        def update(self, close):
            return close

    assert problem(np.cumsum, accumulate=lambda s: Broken()).startswith(
        "its accumulator raises Zero"
    )
    assert problem(np.cumsum, accumulate=lambda s: Bare()).startswith("its accumulator gives")
    told = problem(np.cumsum, accumulate=lambda s: s["x"])
    assert told == "its accumulator raises KeyError: 'x'"


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda: 1, "must take its inputs and parameters"),
        (lambda close, span=3: close, "must take its inputs and parameters, .close, window=."),
        (lambda close, window=4: close, "one default; got 4 in the function, 3 as declared"),
    ],
)
def test_a_function_that_takes_something_else_is_refused_as_it_joins(function, said):
    with pytest.raises(InputError, match=said):
        found(function, parameters={"window": Parameter(default=3)})


def test_one_that_asks_for_more_than_it_is_handed_is_named():
    assert "raises TypeError" in problem(lambda close, high: close)


def test_a_default_may_be_said_once_or_twice():
    for function in (lambda close, window: close, lambda close, window=3: close, lambda c, **s: c):
        assert found(function, parameters={"window": Parameter(default=3)}).ok


def computed(function, features=("mine", "obv"), **said):
    engine = FeatureEngine()
    engine.registry.define(name="mine", **{"warm_up": 0, "history": 1, **USUAL, **said})(function)
    times = pd.date_range("2024-01-01", periods=9, tz="UTC")
    index = pd.MultiIndex.from_product([times, ["A", "B"]], names=["timestamp", "symbol"])
    bars = pd.DataFrame(dict.fromkeys(["open", "high", "low", "close", "volume"], 5.0), index)
    bars["price"] = bars["size"] = 5.0
    return engine.compute(bars, features, threads=1)


@pytest.mark.parametrize("said", [{}, {"scope": "universe"}, {"data": "trades"}])
@pytest.mark.parametrize(
    ("function", "outputs", "error"),
    [
        (lambda close: close, ("a", "b"), "must return a, b; got 1 arrays"),
        (lambda close: (close, close), (), "must return mine; got 2 arrays"),
        (lambda close: close[1:], (), "must return arrays of shape"),
        (lambda close: 1.0, (), "must return arrays of shape .*; got float"),
        (lambda close: None, (), "must return arrays of shape .*; got NoneType"),
    ],
)
def test_one_of_too_few_or_too_many_fills_no_column(said, function, outputs, error):
    features = ["mine"] if "data" in said else ["mine", "obv"]
    with pytest.raises(InputError, match=error):
        computed(function, features, outputs=outputs, **{"inputs": ("close",), **said})


def test_one_that_gives_too_many_writes_over_no_other_in_a_stream():
    registry = FeatureRegistry()
    for name, found in (("mine", lambda close: (close, close)), ("other", lambda close: close)):
        registry.define(name=name, **{"warm_up": 0, "history": 1, **USUAL})(found)
    stream = FeatureEngine(registry=registry).stream(["A"], ["mine", "other"])
    with pytest.raises(InputError, match="mine must return mine; got 2 arrays"):
        stream.update("A", 1.0)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"scope": "all"}, "scope of mine must be one of"),
        ({"data": "bar"}, "data of mine must be one of"),
        ({"data": "book"}, "must have a setting levels"),
        ({"parameters": {"x": 5}}, r"write Parameter\(default=5\)"),
        ({"inputs": "close"}, "inputs of mine must be names"),
    ],
)
def test_what_a_feature_cannot_be_is_refused_as_it_joins(said, error):
    with pytest.raises(InputError, match=error):
        found(lambda *close, **settings: close[0], **said)
