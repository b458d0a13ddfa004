"""Buckets of volume."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nautilus_lab.features import FeatureEngine
from nautilus_lab.features.microstructure._vpin import bulk_buying, bulk_vpin, vpin

DRAW = np.random.default_rng(11)


def by_unit(side, size, bucket, window):
    """Return VPIN with every unit of volume laid into its bucket by itself; sizes are whole."""
    out, units = [], []
    for one, many in zip(side, size, strict=True):
        units += [one] * int(many)
        full = len(units) // bucket
        if full < window:
            out.append(np.nan)
            continue
        last = np.array(units[(full - window) * bucket : full * bucket]).reshape(window, bucket)
        out.append(np.abs(last.sum(axis=1)).sum() / (window * bucket))
    return out


def test_buckets_worked_by_hand():
    side, size = np.array([1.0, -1.0, 1.0]), np.array([6.0, 8.0, 6.0])
    # buckets of 10: 6 bought, 4 sold: 2; then 4 sold, 6 bought: 2; so 4 of 20
    found = vpin(side, size, bucket=10.0, window=2)
    assert np.array_equal(found, [np.nan, np.nan, 0.2], equal_nan=True)


@pytest.mark.parametrize(("bucket", "window"), [(1, 1), (7, 3), (10, 5), (100, 4), (500, 2)])
def test_it_is_what_laying_out_every_unit_gives(bucket, window):
    side, size = DRAW.choice([-1.0, 0.0, 1.0], 300), DRAW.integers(1, 60, 300).astype(float)
    found = vpin(side, size, bucket=float(bucket), window=window)
    assert np.allclose(found, by_unit(side, size, bucket, window), atol=1e-12, equal_nan=True)


def test_one_trade_that_fills_a_billion_buckets_is_one_sided_and_quick():
    side, size = np.array([1.0, -1.0, 1.0]), np.array([1.0, 1e12, 5e11])
    found = vpin(side, size, bucket=10.0, window=50)
    assert found[1:] == pytest.approx([1.0, 1.0])


def test_buckets_beyond_counting_end_at_once():
    stream = FeatureEngine().stream(["A"], ["vpin(bucket=1e-9,window=5)"])
    assert stream.update("A", {"side": 1.0, "size": 1e15})[0] == pytest.approx(1.0)


def test_a_part_left_by_a_huge_trade_is_the_beginning_of_the_next_bucket():
    # 1007 is a hundred buckets of ten and seven of the next, which three more fill
    side, size = np.array([1.0, -1.0]), np.array([1007.0, 3.0])
    found = vpin(side, size, bucket=10.0, window=2)
    assert found.tolist() == [1.0, (10 + 4) / 20]


def test_fractions_that_add_up_to_a_bucket_fill_it():
    side = np.tile([1.0, -1.0], 500)
    found = vpin(side, np.full(1_000, 0.1), bucket=1.0, window=5)
    assert np.isfinite(found[49:]).all()
    assert found[49:] == pytest.approx(0.0, abs=1e-9)


def test_no_side_at_all_is_balance():
    assert vpin(np.zeros(20), np.ones(20), bucket=2.0, window=3)[-1] == 0.0


def test_bulk_buying_is_the_normal_law_of_standardised_changes():
    close = 100 + np.cumsum(DRAW.standard_normal(200))
    change = pd.Series(close).diff()
    theirs = stats.norm.cdf(change / change.rolling(30).std())
    found = bulk_buying(close, deviation=30)
    assert np.isnan(found[:30]).all()
    assert found[30:] == pytest.approx(theirs[30:], rel=1e-12)


def test_bars_that_do_not_deviate_are_all_one_side_or_neither():
    assert bulk_buying(np.full(9, 7.0), deviation=3)[3:].tolist() == [0.5] * 6
    assert bulk_buying(np.arange(1.0, 10), deviation=3)[3:].tolist() == [1.0] * 6
    assert bulk_buying(np.arange(10.0, 1, -1), deviation=3)[3:].tolist() == [0.0] * 6


def test_of_bars_of_equal_volume_it_is_vpin():
    close, volume = 100 + np.cumsum(DRAW.standard_normal(300)), np.full(300, 50.0)
    bought = bulk_buying(close, deviation=40)
    # a bucket a bar, its volume parted in two trades
    side = np.tile([1.0, -1.0], 260)
    size = np.column_stack([bought[40:], 1 - bought[40:]]).ravel() * 50.0
    of_trades = vpin(side, size, bucket=50.0, window=20)[1::2]
    found = bulk_vpin(close, volume, window=20, deviation=40)
    assert np.allclose(found[59:], of_trades[19:], rtol=1e-9)
    assert np.isnan(found[:59]).all()


def test_bars_without_trade_are_not_known():
    close, volume = 100 + np.cumsum(DRAW.standard_normal(40)), np.zeros(40)
    assert np.isnan(bulk_vpin(close, volume, window=5, deviation=5)).all()


@pytest.mark.parametrize("text", ["vpin(bucket=50,window=1)", "vpin(bucket=1e5,window=3)"])
def test_a_stream_fills_the_same_buckets(text):
    assert FeatureEngine().check(text).problems == ()
