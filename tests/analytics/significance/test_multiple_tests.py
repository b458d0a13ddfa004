"""Adjusted p-values against published numbers and by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.analytics.significance import multiple_tests
from nautilus_lab.exceptions import BadData, InputError, NotEnoughData

# Benjamini and Hochberg (1995), section 4.1: fifteen p-values of a study of heart attacks.
PAPER = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
    0.6528, 0.7590, 1.0000,
]  # fmt: skip


def test_of_the_papers_fifteen_four_stand_by_bh_and_three_by_bonferroni():
    assert multiple_tests(PAPER).table["kept"].sum() == 4
    assert multiple_tests(PAPER, method="bonferroni").table["kept"].sum() == 3


@pytest.mark.parametrize("method", ["benjamini-hochberg", "benjamini-yekutieli"])
def test_false_discovery_rates_are_adjusted_as_by_hand(method):
    m = len(PAPER)
    factor = m if method == "benjamini-hochberg" else m * sum(1 / k for k in range(1, m + 1))
    by_hand, least = [], 1.0
    for rank in range(m, 0, -1):
        least = min(least, PAPER[rank - 1] * factor / rank)
        by_hand.append(least)
    found = multiple_tests(PAPER, method=method).table["adjusted"]
    np.testing.assert_allclose(found, by_hand[::-1])


def test_holm_adjusts_as_by_hand_and_keeps_at_least_what_bonferroni_keeps():
    m, most, by_hand = len(PAPER), 0.0, []
    for place, p in enumerate(PAPER):
        most = max(most, min(1.0, (m - place) * p))
        by_hand.append(most)
    np.testing.assert_allclose(multiple_tests(PAPER, method="holm").table["adjusted"], by_hand)


def test_a_hypothesis_without_a_p_value_counts_and_is_named():
    given = pd.Series({"value": 0.02, "flat": math.nan})
    found = multiple_tests(given)
    assert found.not_tested == ("flat",)
    assert found.table["adjusted"].round(6).to_list()[0] == 0.04  # two were tried, not one
    assert math.isnan(found.table["adjusted"]["flat"])
    assert found.kept.to_list() == ["value"]
    assert "1 without a p-value" in repr(found)


def test_of_nulls_bh_keeps_something_in_no_more_than_the_level():
    draws = np.random.default_rng(11).uniform(size=(400, 100))
    some = sum(multiple_tests(line, alpha=0.1).table["kept"].any() for line in draws)
    assert some / 400 < 0.1 + 3 * math.sqrt(0.1 * 0.9 / 400)


def test_the_planted_stand_among_nulls():
    p = pd.Series(np.random.default_rng(2).uniform(size=1000))
    p[:5] = 1e-6
    assert set(multiple_tests(p, method="holm").kept) == {0, 1, 2, 3, 4}


def test_the_page_shows_the_method_and_what_it_holds():
    html = multiple_tests(PAPER, method="benjamini-yekutieli")._repr_html_()
    assert "however tests depend" in html


@pytest.mark.parametrize(
    ("p", "settings", "error"),
    [
        ([0.5, 1.5], {}, BadData),
        ([-0.1], {}, BadData),
        ([math.inf], {}, BadData),
        (pd.Series([0.1, 0.2], ["a", "a"]), {}, BadData),
        ([math.nan], {}, NotEnoughData),
        ([], {}, NotEnoughData),
        ([0.1], {"method": "bh"}, InputError),
        ([0.1], {"alpha": 0}, InputError),
    ],
)
def test_what_breaks_a_rule_is_refused(p, settings, error):
    with pytest.raises(error):
        multiple_tests(p, **settings)
