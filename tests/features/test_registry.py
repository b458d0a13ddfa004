"""What is asked for by name."""

import copy
import pickle

import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.features import FeatureEngine, FeatureRegistry, Parameter

REGISTRY = FeatureEngine().registry


def test_the_catalog_lists_every_feature_once():
    catalog = FeatureEngine().catalog()
    assert len(catalog) == len(REGISTRY) >= 200
    assert catalog.index.is_unique
    assert not (catalog[["title", "group", "inputs", "outputs", "reference"]] == "").any().any()
    assert catalog.loc["rsi", "warm_up"] == 14
    assert catalog.loc["macd", "outputs"] == "macd, macdsignal, macdhist"


def test_a_label_says_what_is_not_as_usual_and_is_read_back():
    spec = REGISTRY["bbands"](timeperiod=10, nbdevup=1.5, of="high")
    assert spec.label == "bbands(of=high, timeperiod=10, nbdevup=1.5)"
    assert REGISTRY.spec(spec.label) == spec
    assert REGISTRY.spec("rsi").columns == ("rsi",)
    assert REGISTRY.spec("aroon").columns == ("aroon.aroondown", "aroon.aroonup")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("rsii", "did you mean rsi"),
        ("rsi(", "asked for by name"),
        ("__import__('os')", "must be a number"),
        ("rsi(timeperiod=(1))", "asked for by name"),
        ("rsi(timeperiod=x)", "must be a number"),
        ("rsi(timeperiod=0)", "must be a whole number in"),
        ("rsi(timeperiod=2.5)", "must be a whole number in"),
        ("rsi(timeperiod=nan)", "must be a whole number in"),
        ("rsi(timeperiod=1e9)", "must be a whole number in"),
        ("rsi(window=3)", "rsi takes timeperiod"),
        ("sar(maximum=-1)", "must be a number in"),
        ("atr(of=close)", "is of 3 columns"),
        (3, "asked for by name"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(asked, said):
    with pytest.raises(InputError, match=said):
        REGISTRY.spec(asked)


def test_settings_that_ta_lib_refuses_are_named():
    with pytest.raises(InputError, match="TA-Lib refuses these settings of rsi"):
        _ = REGISTRY.spec("rsi(timeperiod=1)").warm_up


def test_a_function_joins_by_a_decorator_and_stays_a_function():
    registry = FeatureRegistry()

    @registry.define(
        title="Range",
        group="mine",
        inputs=("high", "low"),
        parameters={"scale": Parameter(default=1.0, least=0.1, most=10)},
        warm_up=0,
        history=1,
        reference="none",
    )
    def spread(high, low, scale=1.0):
        return (high - low) * scale

    assert spread(3.0, 1.0) == 2.0
    assert registry.spec("spread(scale=2)").evaluate(3.0, 1.0) == (4.0,)
    with pytest.raises(InputError, match="must be its own"):
        registry.add(registry["spread"])


def test_registries_do_not_share_what_is_added():
    one, other = FeatureEngine(), FeatureEngine()
    one.registry.define(
        title="T", group="g", inputs=("close",), warm_up=0, history=1, reference="r", name="mine"
    )(abs)
    assert "mine" in one.registry
    assert "mine" not in other.registry


@pytest.mark.parametrize(
    "spec",
    [
        REGISTRY["alma"](offset=0.7574196625566648),
        REGISTRY["sar"](acceleration=1e-7),
        REGISTRY["rsi"](of="my (own), 50% a/b"),
        REGISTRY["atr"](of=("a/b", "c d", "e")),
        REGISTRY["market_beta"](against="BRK B"),
        REGISTRY["factor_loading"](against=("A+B", "EUR/USD=X", "C(1),2")),
    ],
)
def test_a_label_is_read_back_to_the_last_digit_and_letter(spec):
    assert REGISTRY.spec(spec.label) == spec


def test_two_names_with_a_plus_are_not_one():
    beta = REGISTRY["factor_loading"]
    assert beta(against=("A", "B")).label != beta(against="A+B").label


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (f"rsi(timeperiod={'9' * 400})", "must be a whole number in"),
        ("rsi(timeperiod=7,timeperiod=9)", "said once"),
        ("rsi(self=3)", "rsi takes timeperiod"),
    ],
)
def test_what_python_would_stumble_over_is_refused_in_one_line(asked, said):
    with pytest.raises(InputError, match=said):
        REGISTRY.spec(asked)


@pytest.mark.parametrize("of", [5, (1,), None])
def test_columns_are_meant_by_name(of):
    with pytest.raises(InputError, match="of columns by name"):
        REGISTRY["rsi"](of=of)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"name": "\u00e9cart"}, "lower case"),
        ({"parameters": {"of": Parameter(default=1)}}, "a name of its own"),
        ({"parameters": {"a-b": Parameter(default=1)}}, "a name of its own"),
    ],
)
def test_a_feature_that_no_text_could_ask_for_is_refused(said, error):
    usual = {"title": "T", "group": "g", "inputs": ("close",), "reference": "none"}
    define = FeatureRegistry().define(**{"name": "mine", "warm_up": 0, "history": 1} | usual | said)
    with pytest.raises(InputError, match=error):
        define(lambda close, **settings: close)


@pytest.mark.parametrize(
    "text", ["bbands(timeperiod=20)", "market_beta(against=SPY)", "vwap_week", "book_slope"]
)
def test_a_spec_is_copied_and_sent_to_another_process(text):
    spec = REGISTRY.spec(text)
    assert pickle.loads(pickle.dumps(spec)) == copy.deepcopy(spec) == spec
    assert pickle.loads(pickle.dumps(spec.feature)) is spec.feature
