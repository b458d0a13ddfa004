"""Prices that are the same, and prices of nothing: as markets with coarse ticks have them."""

import numpy as np
import pytest

from nautilus_lab.features import FeatureEngine

ENGINE = FeatureEngine()


@pytest.mark.parametrize(
    ("feature", "found"),
    [
        ("maxindex(timeperiod=3)", [[0.0, 1.0, 2.0, 0.0, 0.0]]),
        ("minindex(timeperiod=3)", [[1.0, 0.0, 0.0, 1.0, 2.0]]),
        ("minmaxindex(timeperiod=3)", [[1.0, 0.0, 0.0, 1.0, 2.0], [0.0, 1.0, 2.0, 0.0, 0.0]]),
    ],
)
def test_of_several_highest_the_last_counts_in_batch_and_in_a_stream(feature, found):
    spec = ENGINE.registry.spec(feature)
    values = np.array([5.0, 3.0, 5.0, 2.0, 2.0, 4.0, 4.0])
    # the windows are 535, 352, 522, 224, 244
    batch = np.array(spec.evaluate(*[values] * len(spec.inputs)))
    assert batch[:, 2:].tolist() == found
    stream = ENGINE.stream(["X"], [spec])
    told = [stream.update("X", dict.fromkeys(spec.inputs, value)).copy() for value in values]
    np.testing.assert_array_equal(np.array(told).T, batch)


@pytest.mark.parametrize("name", ["maxindex", "minindex", "minmaxindex", "aroon"])
def test_ties_are_the_same_in_batch_and_in_a_stream(name):
    spec = ENGINE.registry.spec(f"{name}(timeperiod=9)")
    values = 100 + np.cumsum(np.random.default_rng(2).integers(-1, 2, 400)).astype(float)
    stream = ENGINE.stream(["X"], [spec])
    told = [stream.update("X", dict.fromkeys(spec.inputs, value)).copy() for value in values]
    batch = np.array(spec.evaluate(*[values] * len(spec.inputs)))
    np.testing.assert_array_equal(np.array(told).T, batch)


def test_a_price_of_nothing_is_no_step_of_mcginleys_average():
    spec = ENGINE.registry.spec("mcginley_dynamic(timeperiod=1)")
    (found,) = spec.evaluate(np.array([10.0, 0.0, 10.0, 20.0]))
    # the formula: 10 + (20 - 10) / (1 * (20 / 10) ** 4)
    np.testing.assert_array_equal(found, [10.0, np.nan, 10.0, 10.625])
    stream = ENGINE.stream(["X"], [spec])
    assert np.isnan([stream.update("X", 0.0)[0] for _ in range(3)][-1])
