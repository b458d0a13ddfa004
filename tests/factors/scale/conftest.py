import numpy as np
import pytest


@pytest.fixture(scope="session")
def rough():
    """Sixty factors of 47 observations with ties, gaps, copies and copies turned over."""
    rng = np.random.default_rng(3)
    values = rng.standard_normal((60, 47))
    values[10:20] = values[10:20].round(0)
    values[15:30][rng.random((15, 47)) < 0.15] = np.nan
    values[40:50] = values[:10] * rng.uniform(0.5, 2, (10, 1))
    values[40:50] += 0.1 * rng.standard_normal((10, 47))
    values[45:50] *= -1
    return values


@pytest.fixture(scope="session")
def returns():
    """Three horizons: whole, not known at the end, and with gaps and ties."""
    rng = np.random.default_rng(4)
    lines = rng.standard_normal((3, 47)) * 0.01
    lines[1, -5:] = np.nan
    lines[2] = lines[2].round(2)
    lines[2, [0, 3, 20]] = np.nan
    return lines


@pytest.fixture(scope="session")
def planted():
    """Six hundred factors around 30 drivers, a fifth of them copies at all distances, 60 turned."""
    rng = np.random.default_rng(5)
    values = rng.standard_normal((600, 30)) * 0.12 @ rng.standard_normal((30, 120))
    values += rng.standard_normal(values.shape)
    noise = rng.uniform(0.05, 0.4, (120, 1)) * rng.standard_normal((120, 120))
    values[480:] = values[rng.integers(0, 480, 120)] + noise
    values[540:] *= -1
    return values


def exact_pairs(values, threshold):
    """All pairs by numpy, float64."""
    rho = np.corrcoef(values)
    left, right = np.nonzero(np.triu(np.abs(rho) > threshold, 1))
    return {(int(a), int(b)): float(rho[a, b]) for a, b in zip(left, right, strict=True)}
