import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.risk import christoffersen_test, conditional_coverage_test, kupiec_test

# Kupiec (1995): chance of an exception -> periods -> open bounds of the counts not rejected at 5 %.
# He prints N < 7 for the first; by the ratio, 5.13 for no exception in 255, none at all is too few.
KUPIEC = {
    0.01: {255: (0, 7), 510: (1, 11), 1000: (4, 17)},
    0.025: {255: (2, 12), 510: (6, 21), 1000: (15, 36)},
    0.05: {255: (6, 21), 510: (16, 36), 1000: (37, 65)},
    0.075: {255: (11, 28), 510: (27, 51), 1000: (59, 92)},
    0.10: {255: (16, 36), 510: (38, 65), 1000: (81, 120)},
}


@pytest.mark.parametrize(
    ("chance", "periods", "low", "high"),
    [(p, n, *bounds) for p, row in KUPIEC.items() for n, bounds in row.items()],
)
def test_the_counts_not_rejected_are_those_of_kupiecs_table(chance, periods, low, high):
    kept = [
        count
        for count in range(periods // 3)
        if not kupiec_test(count, periods, confidence=1 - chance).rejected()
    ]
    assert kept == list(range(low + 1, high))


@pytest.mark.parametrize(("count", "periods"), [(0, 250), (1, 250), (7, 250), (250, 250), (3, 500)])
def test_kupiecs_ratio_is_that_of_scipys_binomial_likelihoods(count, periods):
    promised = stats.binom.logpmf(count, periods, 0.01)
    found = stats.binom.logpmf(count, periods, count / periods)
    test = kupiec_test(count, periods)
    assert test.statistic == pytest.approx(-2 * (promised - found), rel=1e-9)
    assert test.p_value == pytest.approx(stats.chi2.sf(test.statistic, 1), rel=1e-9)


@pytest.mark.parametrize(("periods", "confidence"), [(250, 0.99), (1000, 0.99), (250, 0.975)])
def test_the_power_is_the_chance_that_all_rejected_counts_have_together(periods, confidence):
    counts = np.arange(periods + 1)
    rejected = [kupiec_test(int(x), periods, confidence=confidence).rejected() for x in counts]
    chances = stats.binom.pmf(counts, periods, 2 * (1 - confidence))
    told = kupiec_test(5, periods, confidence=confidence).power
    assert told == pytest.approx(chances[rejected].sum(), abs=1e-12)


def test_no_power_is_told_where_twice_as_frequent_cannot_be():
    assert kupiec_test(3, 10, confidence=0.5).power is None


patterns = st.lists(st.booleans(), min_size=2, max_size=300)


@settings(max_examples=300, deadline=None)
@given(hits=patterns)
def test_independence_is_scipys_g_test_of_the_two_by_two_table(hits):
    before, after = np.array(hits[:-1]), np.array(hits[1:])
    table = np.array([[(~before & ~after).sum(), (~before & after).sum()],
                      [(before & ~after).sum(), (before & after).sum()]])  # fmt: skip
    ours = christoffersen_test(hits).statistic
    if (table.sum(axis=0) == 0).any() or (table.sum(axis=1) == 0).any():
        assert ours == pytest.approx(0.0, abs=1e-9)  # nothing to compare
        return
    theirs = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")
    assert ours == pytest.approx(theirs.statistic, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(hits=patterns)
def test_both_together_are_the_sum_with_two_degrees(hits):
    both = conditional_coverage_test(hits, confidence=0.975)
    parts = (
        kupiec_test(sum(hits), len(hits), confidence=0.975).statistic,
        christoffersen_test(hits).statistic,
    )
    assert both.statistic == pytest.approx(sum(parts), abs=1e-9)
    assert both.p_value == pytest.approx(stats.chi2.sf(both.statistic, 2), abs=1e-12)


def test_exceptions_in_a_row_are_found_and_scattered_ones_are_not():
    clustered, scattered = np.zeros(500, dtype=bool), np.zeros(500, dtype=bool)
    clustered[100:105] = True
    scattered[::100] = True
    assert christoffersen_test(clustered).rejected(level=0.001)
    assert not christoffersen_test(scattered).rejected()


@pytest.mark.parametrize("hits", [[False] * 10, [True] * 10, [True, False] * 5])
def test_what_never_changes_or_always_does_crashes_nothing(hits):
    assert christoffersen_test(hits).statistic >= 0


@pytest.mark.parametrize(
    ("count", "periods", "confidence", "rule"),
    [
        (-1, 250, 0.99, "at most the observations"),
        (251, 250, 0.99, "at most the observations"),
        (0, 0, 0.99, "at most the observations"),
        (2.5, 250, 0.99, "exceptions must be a whole number"),
        (float("nan"), 250, 0.99, "exceptions must be a whole number"),
        (2, True, 0.99, "observations must be a whole number"),
        (2, 250, 1.0, "confidence must lie in"),
        (2, 250, float("nan"), "confidence must lie in"),
    ],
)
def test_counts_that_cannot_be_are_refused(count, periods, confidence, rule):
    with pytest.raises(InputError, match=rule):
        kupiec_test(count, periods, confidence=confidence)


def test_exceptions_must_be_true_or_false():
    with pytest.raises(InputError, match="true or false for each period; got float64"):
        christoffersen_test([0.0, 1.0])
    with pytest.raises(NotEnoughData, match="at least 2 periods; got 1"):
        christoffersen_test([True])
    with pytest.raises(InputError, match="level must lie in"):
        kupiec_test(3, 250).rejected(level=float("nan"))
