"""Spreads told from bars."""

import numpy as np
import pytest

from nautilus_lab.features.microstructure._bar_spreads import (
    abdi_ranaldo,
    corwin_schultz,
    edge,
    roll_spread,
)

# 22 days of AAPL from 2013-02-08, adjusted: open, high, low, close
AAPL = np.array([
    [67.714203, 68.401398, 66.892799, 67.854202], [68.071404, 69.277100, 67.607101, 68.561401],
    [68.501404, 68.911400, 66.820503, 66.842796], [66.744202, 67.662804, 66.174202, 66.715599],
    [66.359901, 67.377098, 66.288498, 66.655602], [66.978500, 67.165604, 65.702797, 65.737099],
    [65.871399, 66.104202, 64.835602, 65.712799], [65.384201, 65.384201, 64.114197, 64.121399],
    [63.714199, 64.167099, 63.259899, 63.722801], [64.178497, 64.514198, 63.799900, 64.401398],
    [64.835602, 65.017097, 63.224201, 63.257099], [63.402802, 64.505600, 62.522800, 64.138496],
    [64.061401, 64.634201, 62.949902, 63.509899], [63.435699, 63.981400, 63.057098, 63.057098],
    [62.571400, 62.597099, 61.425701, 61.495701], [61.114201, 61.171398, 59.857101, 60.007099],
    [60.211399, 62.169899, 60.107101, 61.591900], [62.072800, 62.178501, 60.632801, 60.808800],
    [60.642799, 61.715698, 60.151402, 61.511700], [61.399899, 62.204201, 61.229900, 61.674198],
    [61.392799, 62.715698, 60.734200, 62.552799], [62.228500, 62.697102, 61.081402, 61.204201],
])  # fmt: skip
OPEN, HIGH, LOW, CLOSE = AAPL.T.copy()


def test_the_estimates_are_those_of_the_authors_package():
    # bidask of Ardia, Guidotti and Kroencke: edge(), and its CS2 and AR, of the last 20 days
    assert edge(OPEN, HIGH, LOW, CLOSE, window=20)[20:] == pytest.approx(
        [0.0026160196362886184, 0.002398718850637494], rel=1e-9
    )
    assert corwin_schultz(HIGH, LOW, CLOSE, window=20)[20:] == pytest.approx(
        [0.00576346606443217, 0.006883079178117641], rel=1e-9
    )
    assert abdi_ranaldo(HIGH, LOW, CLOSE, window=20)[20:] == pytest.approx(
        [0.0, 0.005658373430750315], rel=1e-9
    )


def test_two_bars_of_corwin_and_schultz_worked_by_hand():
    # ranges of 4 % and 4 % that lie one on the other: beta is 2 ln(1.04)^2, gamma ln(1.04)^2
    high, low, close = np.full(2, 104.0), np.full(2, 100.0), np.full(2, 102.0)
    b = np.log(1.04)
    alpha = (np.sqrt(4) - np.sqrt(2)) * b / (3 - 2 * np.sqrt(2)) - b / np.sqrt(3 - 2 * np.sqrt(2))
    expected = 2 * (np.exp(alpha) - 1) / (1 + np.exp(alpha))
    assert corwin_schultz(high, low, close, window=1)[1] == pytest.approx(expected)
    # and such a range is all spread
    assert expected == pytest.approx(b, rel=0.001)


def test_a_gap_overnight_is_no_spread():
    high, low, close = (np.array(x) for x in ([101.0, 201.0], [100.0, 199.0], [100.5, 200.0]))
    moved = np.array([101.0, 102.5]), np.array([100.0, 100.5]), close
    assert corwin_schultz(high, low, close, window=1)[1] == pytest.approx(
        corwin_schultz(*moved, window=1)[1], abs=0.01
    )


def drawn(spread, days=4_000, trades=200, seed=1):
    """Return bars of a value that wanders, each trade half a spread off it."""
    draw = np.random.default_rng(seed)
    value = np.cumsum(draw.standard_normal(days * trades) * 0.02 / np.sqrt(trades))
    price = np.exp(value + spread / 2 * draw.choice([-1.0, 1.0], len(value))).reshape(days, trades)
    return price[:, 0].copy(), price.max(axis=1), price.min(axis=1), price[:, -1].copy()


def test_a_planted_spread_of_two_percent_is_found_again():
    open_, high, low, close = drawn(0.02)
    window = len(close) - 3
    assert edge(open_, high, low, close, window=window)[-1] == pytest.approx(0.02, rel=0.05)
    assert abdi_ranaldo(high, low, close, window=window)[-1] == pytest.approx(0.02, rel=0.1)
    # biased upwards, for ones that come out negative count as none
    assert 0.015 < corwin_schultz(high, low, close, window=window)[-1] < 0.03
    assert roll_spread(np.log(close) + 10, window=window - 1)[0][-1] == pytest.approx(0.02, rel=0.2)


def test_bars_that_stand_still_have_no_edge_and_no_spread():
    still = np.full(30, 10.0)
    assert np.isnan(edge(still, still, still, still)).all()
    assert (corwin_schultz(still, still, still)[20:] == 0).all()
    assert (abdi_ranaldo(still, still, still)[20:] == 0).all()
