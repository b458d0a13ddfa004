"""Many factors as trials of a study, recorded in one piece."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from nautilus_lab.factors._trials import _hashes, mark_of, two_sided
from nautilus_lab.factors.evaluation._newey_west import newey_west_t
from nautilus_lab.factors.scale._running import hash_of
from nautilus_lab.trials import MEASURES, Batch, Outcome, Recipe, Study, row_digests, sampled_rows
from nautilus_lab.trials._digest import joined_digests, plain

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray, Prices
    from nautilus_lab.factors.scale._ahead import Ahead
    from nautilus_lab.factors.scale._matrix import FactorMatrix
    from nautilus_lab.factors.scale._panel import FactorStudies
    from nautilus_lab.factors.scale._scan import FactorScan
    from nautilus_lab.factors.scale._typing import AnyArray, SingleArray

# Returns that are kept of one batch.
_MOST, _MOST_BYTES = 5_000, 64_000_000
_AT_ONCE = 256
_ONE_BY_ONE = "it was one of many: evaluate it by itself, with definition="


def record_studies(
    study: Study,
    answer: FactorStudies,
    scores: Iterable[SingleArray],
    prices: Prices,
    settings: Mapping[str, Any],
) -> int:
    """Record a study of many factors, each at each horizon a trial; return the entry's number.

    Parameters
    ----------
    study : Study
    answer : FactorStudies
    scores : iterable of arrays, shape (factor, time, symbol)
        What was studied, aligned to the prices, some factors at a time.
    prices : DataFrame
    settings : mapping
        Beside horizons.
    """
    import numpy as np
    import pandas as pd

    bars, n = answer.horizons, len(answer.names)
    lines: list[dict[str, FloatArray]] = []
    for begin in range(0, n, _AT_ONCE):
        outcome = _outcome(answer, np.arange(begin, min(begin + _AT_ONCE, n)))
        lines.append(dict(outcome.results))
    results = {name: np.concatenate([line[name] for line in lines]) for name in lines[0]}
    rows = np.arange(n * len(bars))
    most = _most(len(answer.times))
    chosen = 0
    if len(rows) > most:
        rows, chosen = sampled_rows(np.abs(results["t"]), most), 64
    returns = pd.DataFrame(
        np.stack([_returns(answer, *divmod(row, len(bars))) for row in rows.tolist()], axis=1),
        answer.times,
    )
    told = plain(dict(settings))
    digests = np.concatenate([row_digests(block) for block in scores])
    return study.add_many(
        Batch(
            kind="factor",
            names=[f"{name}@{bar}" for name in answer.names for bar in bars],
            hashes=_hashes(digests, mark_of({"prices": prices}), told, bars),
            outcome=Outcome(returns=returns, results=results),
            rows=rows,
            n_chosen=chosen,
            parameters=told,
            varying={"horizon": list(bars) * n},
            data={"prices": prices},
            recipe=Recipe(missing=_ONE_BY_ONE),
        )
    )


def record_scan(study: Study, answer: FactorScan, matrix: FactorMatrix, ahead: Ahead) -> int:
    """Record a scan, each factor at each horizon a trial; return the entry's number.

    The returns of a trial are the products of the standard scores of factor and return ahead: what
    their correlation is the mean of. Factors that were set aside are no trials.
    """
    import numpy as np
    import pandas as pd

    used = np.setdiff1d(np.arange(len(matrix)), list(matrix.reasons))
    n_horizons = len(ahead.labels)
    t = answer.t()[used]
    n = answer.n_observations[used].astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        results = {name: np.full(t.size, np.nan) for name in MEASURES} | {
            "sharpe": (t / np.sqrt(np.maximum(n, 1))).reshape(-1),
            "n_observations": n.reshape(-1),
            "t": t.reshape(-1),
            "p": two_sided(t, n - 2).reshape(-1),
        }
    for method, found in answer.ic.items():
        results[f"ic_{method}"] = found[used].astype(np.float64).reshape(-1)
    # A perfect correlation has an infinite t.
    results["sharpe"][np.isinf(results["sharpe"])] = np.nan
    rows = np.arange(t.size)
    chosen, most = 0, _most(matrix.shape[1])
    if t.size > most:
        rows, chosen = sampled_rows(np.abs(results["t"]), most), 64
    factor, horizon = np.divmod(rows, n_horizons)
    products = _products(matrix.values[used[factor]], ahead.values[horizon])
    measured = Outcome.of(pd.DataFrame(products.T)).results
    for name in ("skewness", "kurtosis"):
        results[name][rows] = measured[name]
    shared = ("scan", hash_of(ahead.values), f"{matrix.shape[1]}")
    digests = row_digests(matrix.values[used] if len(used) < len(matrix) else matrix.values)
    hashes = np.stack(
        [joined_digests(digests, *shared, str(label)) for label in ahead.labels], axis=1
    ).reshape(-1, digests.shape[1])
    names = [str(name) for name in matrix.names[used]]
    if n_horizons > 1:
        names = [f"{name}@{label}" for name in names for label in ahead.labels]
    return study.add_many(
        Batch(
            kind="factor",
            names=names,
            hashes=hashes,
            outcome=Outcome(returns=pd.DataFrame(products.T), results=results),
            rows=rows,
            n_chosen=chosen,
            parameters={
                "horizons": [str(label) for label in ahead.labels],
                "ahead": hash_of(ahead.values),
                "set aside": len(matrix.reasons),
            },
            recipe=Recipe(missing=_ONE_BY_ONE),
        )
    )


def _outcome(answer: FactorStudies, factors: AnyArray) -> Outcome:
    import numpy as np
    import pandas as pd

    bars = answer.horizons
    each = [(int(factor), place) for factor in factors for place in range(len(bars))]
    lines = [answer.ic[factor, :, place].astype(np.float64) for factor, place in each]
    known = [line[~np.isnan(line)] for line in lines]
    n = np.array([len(line) for line in known], dtype=np.float64)
    steps = [bars[place] for _, place in each]
    return Outcome.of(
        pd.DataFrame(np.stack([_returns(answer, *one) for one in each], axis=1), answer.times),
        t=np.array([newey_west_t(line, bar - 1) for line, bar in zip(known, steps, strict=True)]),
        degrees=np.maximum(n - 1, 1),
        more={
            "ic": np.array([line.mean() if len(line) else np.nan for line in known]),
            "n_dates": n,
        },
    )


def _returns(answer: FactorStudies, factor: int, place: int) -> FloatArray:
    """Return the spread over holding periods that do not overlap, NaN between their beginnings."""
    import numpy as np

    line = answer.spread[factor, :, place].astype(np.float64)
    out = np.full(len(line), np.nan)
    begins = np.flatnonzero(~np.isnan(line))[:: answer.horizons[place]]
    out[begins] = line[begins]
    return out


def _products(values: SingleArray, ahead: SingleArray) -> FloatArray:
    import numpy as np

    known = ~(np.isnan(values) | np.isnan(ahead))
    n = np.maximum(known.sum(axis=1, keepdims=True), 1)

    def standard(lines: SingleArray) -> FloatArray:
        filled = np.where(known, lines, 0.0).astype(np.float64)
        centred = np.where(known, filled - filled.sum(axis=1, keepdims=True) / n, 0.0)
        spread = np.sqrt((centred**2).sum(axis=1, keepdims=True) / n)
        return np.divide(centred, spread, out=np.full_like(centred, np.nan), where=spread > 0)

    return np.asarray(np.where(known, standard(values) * standard(ahead), np.nan))


def _most(n_times: int) -> int:
    return max(128, min(_MOST, _MOST_BYTES // (4 * max(1, n_times))))
