"""Documents as a series: by hand, against pandas, and never before they were published."""

import math

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData, UnknownSymbol
from nautilus_lab.features import FeatureEngine, drawn_bars
from nautilus_lab.features.sentiment import NewsStream, NewsWindow, news_sentiment, score_documents

DAYS = pd.date_range("2024-01-01", periods=400, tz="UTC")
PRICES = pd.DataFrame(10.0, DAYS, ["ACME", "ZED", "MUTE"])
WINDOW = NewsWindow(half_life="2D", window="10D", baseline="60D", least=3)


def drawn(count=600, seed=1):
    draw = np.random.default_rng(seed)
    published = DAYS[0] + pd.to_timedelta(draw.uniform(0, 400, count), unit="D")
    symbols = draw.choice(["ACME", "ZED", "OTHER"], count)
    return pd.DataFrame(
        {"published": published, "symbol": symbols, "compound": draw.uniform(-1, 1, count)}
    )


def news(*rows):
    told = pd.DataFrame(rows, columns=["published", "symbol", "compound"])
    return told.assign(published=pd.to_datetime(told["published"], utc=True))


def test_by_hand():
    told = news(("2024-01-02 12:00", "ACME", 0.6), ("2024-01-04 00:00", "ACME", -0.2))
    found = news_sentiment(told, PRICES, window=WINDOW)
    tone = found["tone"]["ACME"]
    assert math.isnan(tone["2024-01-02"])  # published at noon
    assert tone["2024-01-03"] == pytest.approx(0.6)
    # at the stroke of the bar it is known; 1.5 days are 0.75 half-lives
    weight = 0.5**0.75
    assert tone["2024-01-04"] == pytest.approx((0.6 * weight - 0.2) / (weight + 1))
    assert found["impact"]["ACME"]["2024-01-04"] == pytest.approx(0.6 * weight - 0.2)
    assert found["dispersion"]["ACME"]["2024-01-04"] == pytest.approx(np.std([0.6, -0.2], ddof=1))
    assert found["count"]["ACME"]["2024-01-12"] == 2
    assert found["count"]["ACME"]["2024-01-13"] == 1  # the first is older than ten days
    assert found["count"]["MUTE"].sum() == 0
    assert found["tone"]["MUTE"].isna().all()
    assert (found["impact"]["MUTE"] == 0).all()


def test_every_number_is_that_of_plain_pandas():
    told = drawn()
    found = news_sentiment(told, PRICES, window=WINDOW)
    own = told[told["symbol"] == "ACME"]
    for at in DAYS[::13]:
        age = (at - own["published"]) / pd.Timedelta("1D")
        recent = own["compound"][(age >= 0) & (age < 10)]
        usual = own["compound"][(age >= 10) & (age < 60)]
        weight = 0.5 ** (age[recent.index] / 2)
        tone = (recent * weight).sum() / weight.sum() if len(recent) else np.nan
        surprise = (tone - usual.mean()) / usual.std() if len(usual) >= 3 else np.nan
        watched = own["published"].min() <= at - pd.Timedelta("60D")
        attention = len(recent) / (len(usual) * 10 / 50) if watched else np.nan
        expected = [
            tone,
            (recent * weight).sum(),
            len(recent),
            recent.std(),
            surprise,
            attention,
        ]
        np.testing.assert_allclose(
            [found[name].loc[at, "ACME"] for name in found], expected, rtol=1e-9, atol=1e-12
        )


@pytest.mark.parametrize("cut", [30, 111, 250])
def test_later_documents_change_nothing_before_them(cut):
    told = drawn()
    whole = news_sentiment(told, PRICES, window=WINDOW)
    part = news_sentiment(
        told[told["published"] <= DAYS[cut]], PRICES.iloc[: cut + 1], window=WINDOW
    )
    assert np.array_equal(whole.array[:, :, : cut + 1], part.array, equal_nan=True)


def test_a_stream_gives_what_a_batch_gives_and_forgets_what_no_longer_counts():
    told = drawn().sort_values("published")
    told = told[told["symbol"] != "OTHER"]
    batch = news_sentiment(told, PRICES, window=WINDOW)
    stream = NewsStream(["ACME", "ZED", "MUTE"], window=WINDOW)
    rows = list(told.itertuples(index=False))
    for number, day in enumerate(DAYS):
        while rows and rows[0].published <= day:
            one = rows.pop(0)
            stream.add(one.symbol, one.published, one.compound)
        for place, symbol in enumerate(batch.symbols):
            found = stream.values(symbol, day)
            assert np.array_equal(found, batch.array[:, place, number], equal_nan=True)
    assert repr(stream).endswith("documents kept)")
    assert int(repr(stream).split(", ")[1].split()[0]) < 100


def test_order_and_zone_of_the_documents_do_not_matter():
    told = drawn()
    mixed = told.sample(frac=1, random_state=2)
    mixed["published"] = mixed["published"].dt.tz_convert("Asia/Tokyo")
    one, other = (news_sentiment(each, PRICES, window=WINDOW) for each in (told, mixed))
    np.testing.assert_allclose(one.array, other.array, rtol=1e-9, atol=1e-12, equal_nan=True)


def test_a_delay_and_the_close_of_the_bar_move_when_it_counts():
    told = news(("2024-01-02 15:00", "ACME", 0.5))

    def first(**how):
        found = news_sentiment(told, PRICES, window=NewsWindow(**how))["count"]["ACME"]
        return f"{found.idxmax():%m-%d}"

    assert first() == "01-03"
    assert first(closes_after="21h") == "01-02"
    assert first(closes_after="14h") == "01-03"
    assert first(delay="10h") == "01-04"


def test_bars_have_news_where_they_are_and_nowhere_else():
    times = DAYS[:5].rename("timestamp")
    index = pd.MultiIndex.from_product([times, ["ACME", "ZED"]], names=["timestamp", "symbol"])
    columns = ["open", "high", "low", "close", "volume"]
    bars = pd.DataFrame(1.0, index, columns).drop((DAYS[2], "ZED"))
    found = news_sentiment(news(("2024-01-01", "ACME", 0.5)), bars)
    assert found["count"]["ACME"].tolist() == [1.0] * 5
    assert found["count"]["ZED"].isna().tolist() == [False, False, True, False, False]


def test_a_column_joined_to_bars_feeds_a_feature():
    times = DAYS[:40].rename("timestamp")
    bars = pd.concat({"ACME": pd.DataFrame(drawn_bars(40), times)}, names=["symbol"]).swaplevel()
    told = news_sentiment(drawn(), bars, window=WINDOW)
    joined = bars.join(told.frame().add_prefix("news_"))
    found = FeatureEngine().compute(joined, ["sma(of=news_count,timeperiod=5)"])
    expected = told["count"]["ACME"].rolling(5).mean()
    assert found["sma(of=news_count, timeperiod=5)"]["ACME"].dropna().equals(expected.dropna())


def test_a_document_without_a_score_does_not_count():
    told = pd.DataFrame(
        {
            "published": pd.to_datetime(["2024-01-02", "2024-01-02"], utc=True),
            "symbol": "ACME",
            "text": ["Profit rose strongly", ""],
        }
    )
    scored = score_documents(told, unreadable="nan")
    assert news_sentiment(scored, PRICES, score="tone")["count"]["ACME"].max() == 1


GOOD = news(("2024-01-02", "ACME", 0.5), ("2024-01-03", "ZED", 0.1))


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        (lambda n: n.assign(published=n["published"].dt.tz_localize(None)), InputError, "tz-aware"),
        (lambda n: n.assign(published=["2024-01-02", "x"]), InputError, "tz-aware"),
        (lambda n: n.assign(published=n["published"].where([True, False])), BadData, "row 1"),
        (lambda n: n.assign(symbol=["ACME", None]), BadData, "about a symbol; got row 1"),
        (lambda n: n.assign(symbol=["ACME", " "]), BadData, "about a symbol; got row 1"),
        (lambda n: n.assign(symbol="acme"), InputError, "about the symbols of the bars; got acme"),
        (lambda n: n.assign(compound=[0.1, np.inf]), BadData, "finite; got row 1"),
        (lambda n: n.assign(compound=[0.1, "x"]), InputError, "compound must be numbers"),
        (lambda n: n.assign(compound=np.nan), NotEnoughData, "no document has a compound"),
        (lambda n: n.drop(columns="symbol"), InputError, "with published, symbol, compound"),
        (lambda n: n.iloc[:0], NotEnoughData, "must not be none"),
        (lambda n: None, InputError, "must be a DataFrame"),
    ],
)
def test_documents_that_cannot_be_are_refused(spoil, error, said):
    with pytest.raises(error, match=said):
        news_sentiment(spoil(GOOD), PRICES)


def test_bars_without_a_zone_are_refused():
    with pytest.raises(InputError, match="tz-aware"):
        news_sentiment(GOOD, PRICES.tz_localize(None))


@pytest.mark.parametrize(
    "how",
    [
        {"half_life": "0D"},
        {"half_life": "soon"},
        {"half_life": 3},
        {"half_life": "NaT"},
        {"window": "-1D"},
        {"delay": "-1s"},
        {"window": "30D", "baseline": "30D"},
        {"least": 1},
    ],
)
def test_spans_that_cannot_be_are_refused(how):
    with pytest.raises(InputError):
        NewsWindow(**how)


def test_a_stream_refuses_what_it_cannot_place():
    stream = NewsStream(["ACME"])
    with pytest.raises(UnknownSymbol):
        stream.add("ZED", DAYS[0], 0.1)
    with pytest.raises(UnknownSymbol):
        stream.values("ZED", DAYS[0])
    with pytest.raises(InputError, match="tz-aware"):
        stream.add("ACME", pd.Timestamp("2024-01-01"), 0.1)
    with pytest.raises(BadData, match="NaT"):
        stream.add("ACME", pd.NaT, 0.1)
    with pytest.raises(BadData, match="finite"):
        stream.add("ACME", DAYS[0], math.nan)
    stream.values("ACME", DAYS[3])
    with pytest.raises(InputError, match="later and later"):
        stream.values("ACME", DAYS[2])
    with pytest.raises(InputError, match="each once"):
        NewsStream([])
