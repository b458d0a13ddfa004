"""Ichimoku's lines."""

import numpy as np

from nautilus_lab.features import FeatureEngine, drawn_bars

SPEC = FeatureEngine().registry.spec("ichimoku")
BARS = drawn_bars(200)


def test_the_lines_are_middles_of_ranges_and_the_cloud_is_of_earlier_bars():
    high, low = BARS["high"], BARS["low"]
    conversion, base, span_a, span_b = SPEC.evaluate(high, low)

    def middle(at, window):
        return (high[at - window + 1 : at + 1].max() + low[at - window + 1 : at + 1].min()) / 2

    assert conversion[150] == middle(150, 9)
    assert base[150] == middle(150, 26)
    assert span_a[150] == (middle(124, 9) + middle(124, 26)) / 2
    assert span_b[150] == middle(124, 52)
    assert np.isnan(span_b[:77]).all()
    assert np.isfinite(span_b[77])
