"""Every score handed in is used, or dropped for a reason that is named."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.factors import evaluate

DAYS = pd.date_range("2024-01-01", periods=12, tz="UTC")


@st.composite
def panels(draw):
    """Scores with gaps and ties, prices with gaps, names and dates that only one of them has."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    names = list("ABCDEFGH")[: draw(st.integers(4, 8))]
    prices = pd.DataFrame(10 * np.exp(rng.normal(0, 0.02, (12, len(names))).cumsum(0)), DAYS, names)
    prices[rng.random(prices.shape) < draw(st.sampled_from([0.0, 0.1, 0.3]))] = np.nan
    scores = pd.DataFrame(rng.integers(0, 4, prices.shape) / 2, DAYS, names)
    scores[rng.random(scores.shape) < draw(st.sampled_from([0.0, 0.2, 0.5]))] = np.nan
    if draw(st.booleans()):
        scores["GHOST"] = 1.0
    if draw(st.booleans()):
        prices = prices.drop(index=DAYS[draw(st.integers(3, 8))])
    groups = {name: "one" if place % 2 else None for place, name in enumerate(names)}
    return scores, prices, groups if draw(st.booleans()) else None


@settings(max_examples=60, deadline=None)
@given(panels(), st.integers(0, 2))
def test_counts_by_reason_add_up_to_all_scores_and_to_the_rows_listed(panel, delay):
    scores, prices, groups = panel
    neutral = "none" if groups is None else "group"
    try:
        study = evaluate(
            scores, prices, horizons=(1, 3), quantiles=2, delay=delay, groups=groups,
            neutral=neutral,
        )  # fmt: skip
    except (NotEnoughData, InputError):
        return
    assert (study.dropped.sum() == scores.size).all()
    for bar in study.horizons:
        rows = study.dropped_scores(bar)
        assert rows.index.is_unique
        assert len(rows) + study.dropped.loc["used", bar] == scores.size
        counts = rows["reason"].value_counts()
        listed = study.dropped[bar].drop("used")
        assert counts.reindex(listed.index, fill_value=0).astype(int).to_dict() == listed.to_dict()
        # What is used has a score, and the returns that followed.
        used = scores.stack().index.difference(rows.index)
        entry = prices.reindex(columns=scores.columns).shift(-delay)
        ahead = (entry.shift(-bar) / entry - 1).reindex(scores.index)
        assert ahead.stack().reindex(used).notna().all()
        assert len(used) == study.dropped.loc["used", bar]
        assert study.names[bar].sum() == len(used)


def test_a_row_says_why_a_score_was_dropped(scores, prices):
    gap = prices.copy()
    gap.iloc[30, 3] = np.nan
    study = evaluate(scores.assign(GHOST=1.0), gap, horizons=(5,), delay=1)
    rows = study.dropped_scores()
    entry, leaving = rows.loc[(scores.index[29], "S03")], rows.loc[(scores.index[24], "S03")]
    assert entry["reason"] == leaving["reason"] == "future not known: no price at entry or exit"
    assert entry["score"] == scores.iloc[29, 3]
    assert rows.loc[(scores.index[29], "GHOST"), "reason"] == "no prices of the symbol"
    assert rows.loc[(scores.index[-1], "S03"), "reason"] == "future not known: end of the prices"
    assert study.dropped.loc["future not known: no price at entry or exit", 5] == 2
    assert (scores.index[28], "S03") not in rows.index
    with pytest.raises(InputError, match="one of the study's; got 7; choose from 5"):
        study.dropped_scores(7)


def test_a_name_without_a_price_leaves_the_others_as_they_were(scores, prices):
    gap = prices.copy()
    gap.iloc[100, 7] = np.nan
    whole, study = evaluate(scores, prices, horizons=(1,)), evaluate(scores, gap, horizons=(1,))
    same = ~study.ic.index.isin(scores.index[[98, 99]])
    pd.testing.assert_frame_equal(study.ic[same], whole.ic[same])
    # That day by itself: S07 away on both sides.
    alone = evaluate(scores.iloc[[99]].drop(columns="S07"), prices, horizons=(1,))
    assert study.ic.loc[scores.index[99], 1] == pytest.approx(alone.ic.iloc[0, 0], abs=1e-12)
