"""Volume by price: by hand, and against a slow count of small parts."""

import numpy as np
import pytest

from nautilus_lab.features import FeatureEngine, drawn_bars

REGISTRY = FeatureEngine().registry


def of(text, high, low, close, volume):
    spec = REGISTRY.spec(text)
    arrays = [np.array(one, dtype=float) for one in (high, low, close, volume)]
    return [one[-1] for one in spec.evaluate(*arrays)]


def test_by_hand():
    # rows of 1 from 10 to 14; bars 10-12 (200), 11-13 (400), 12-14 (100): 100, 300, 250, 50
    found = of(
        "volume_profile(window=3,bins=4,share=0.7)",
        [12, 13, 14],
        [10, 11, 12],
        [11, 12, 12.5],
        [200, 400, 100],
    )
    assert found == [11.5, 13.0, 11.0, pytest.approx((400 * 0.25 + 100 * 0.75) / 700)]
    whole = of(
        "volume_profile(window=3,bins=4,share=1)",
        [12, 13, 14],
        [10, 11, 12],
        [11, 12, 12.5],
        [1, 2, 3],
    )
    assert whole[1:3] == [14.0, 10.0]


def test_it_is_the_count_of_small_parts():
    bars, window, bins, parts = drawn_bars(120), 40, 12, 4_000
    names = ("high", "low", "close", "volume")
    spec = REGISTRY.spec(f"volume_profile(window={window},bins={bins})")
    found = np.array(spec.evaluate(*[bars[name] for name in names]))
    for at in (60, 90, 119):
        own = slice(at - window + 1, at + 1)
        share = (np.arange(parts) + 0.5) / parts
        prices = bars["low"][own, None] + share * (bars["high"] - bars["low"])[own, None]
        weights = np.repeat(bars["volume"][own, None] / parts, parts, axis=1)
        bottom, top = bars["low"][own].min(), bars["high"][own].max()
        rows, edges = np.histogram(prices, bins, (bottom, top), weights=weights)
        control = int(rows.argmax())
        assert found[0, at] == pytest.approx((edges[control] + edges[control + 1]) / 2)
        above = weights[prices > bars["close"][at]].sum() / weights.sum()
        assert found[3, at] == pytest.approx(above, abs=2e-3)
        inside = (prices > found[2, at]) & (prices < found[1, at])
        assert weights[inside].sum() / weights.sum() >= 0.7 - 2e-3


def test_one_price_is_all_there_is():
    assert of("volume_profile(window=2)", [5, 5], [5, 5], [5, 5], [1, 1]) == [5.0, 5.0, 5.0, 0.0]


def test_without_volume_nothing_is_known():
    assert np.isnan(of("volume_profile(window=2)", [6, 5], [5, 4], [5, 5], [0, 0])).all()
