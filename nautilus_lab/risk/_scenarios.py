"""What named events would cost, and which event would cost a given loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nautilus_lab.display import Facts, HasTearSheet, Table, TearSheet, format_value
from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.frames import require_returns
from nautilus_lab.provenance import Provenance, provenance
from nautilus_lab.risk._parametric import moments_of
from nautilus_lab.risk._sample import sample_of

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Returns, ReturnSeries, Weights


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A move of each symbol that somebody thought up.

    Parameters
    ----------
    name : str
        What it is called.
    shocks : mapping of str to float
        Symbol -> simple return, a fraction above or at -1.
    otherwise : float, optional
        The return of symbols that are not named; without it they must all be.

    Raises
    ------
    InputError
        When a shock is not finite or below -1.
    """

    name: str
    shocks: Mapping[str, float]
    otherwise: float | None = None

    def __post_init__(self) -> None:
        named = {**self.shocks, **({} if self.otherwise is None else {"others": self.otherwise})}
        for symbol, shock in named.items():
            if not -1 <= shock < math.inf:
                raise InputError(
                    "a shock must be a simple return, at least -1",
                    value=f"{self.name}: {symbol} {shock}",
                    remedy="pass fractions: -0.2 is a fall by a fifth",
                )

    def moves(self, symbols: Sequence[str], returns: Returns | None) -> dict[str, float]:
        """Return the shock of each symbol; raise `InputError` for one without."""
        missing = [symbol for symbol in symbols if symbol not in self.shocks]
        if missing and self.otherwise is None:
            raise InputError(
                "a scenario must say what every symbol does",
                value=f"{self.name} without {', '.join(missing)}",
                remedy="add its shock, or pass otherwise=-0.1 for all that are not named",
            )
        others = 0.0 if self.otherwise is None else self.otherwise
        return {symbol: float(self.shocks.get(symbol, others)) for symbol in symbols}


@dataclass(frozen=True, kw_only=True)
class HistoricalScenario:
    """A stretch of the past, played again: each symbol's compounded return over it.

    Parameters
    ----------
    name : str
        What it is called.
    begin, end : str
        Dates: the last close before it, and its last close.
    """

    name: str
    begin: str
    end: str

    def moves(self, symbols: Sequence[str], returns: Returns | None) -> dict[str, float]:
        """Return each symbol's return from the close of `begin` to that of `end`.

        Raises
        ------
        InputError
            When there are no returns, or not of every symbol.
        NotEnoughData
            When the returns do not reach from `begin` to `end`.
        """
        import numpy as np
        import pandas as pd

        if returns is None:
            raise InputError(
                "a historical scenario needs returns",
                value=self.name,
                remedy="pass returns=..., reaching back to it",
            )
        missing = [symbol for symbol in symbols if symbol not in returns.columns]
        if missing:
            raise InputError(
                "a historical scenario needs the returns of every symbol",
                value=f"{self.name}: {', '.join(missing)}",
                remedy="load them, or put a proxy in their place with cover()",
            )
        dates = pd.DatetimeIndex(returns.index).normalize()
        begin, end = pd.Timestamp(self.begin, tz="UTC"), pd.Timestamp(self.end, tz="UTC")
        if not (dates[0] <= begin and dates[-1] >= end):
            raise NotEnoughData(
                f"returns must reach from {self.begin} to {self.end} for {self.name}",
                value=f"{dates[0].date()} to {dates[-1].date()}",
                remedy="load a longer history, or pass skip_uncovered=True",
            )
        during = returns.loc[(dates > begin) & (dates <= end), list(symbols)]
        moved = np.prod(1 + np.asarray(during, dtype=np.float64), axis=0) - 1
        return {symbol: float(move) for symbol, move in zip(symbols, moved, strict=True)}


# The closes of the S&P 500 between which each fell: the last before, and the lowest.
HISTORICAL_SCENARIOS = (
    HistoricalScenario(name="Gulf crisis 1990", begin="1990-07-16", end="1990-10-11"),
    HistoricalScenario(name="Russia and LTCM 1998", begin="1998-07-17", end="1998-08-31"),
    HistoricalScenario(name="September 11, 2001", begin="2001-09-10", end="2001-09-21"),
    HistoricalScenario(name="Telecom crash 2002", begin="2002-05-17", end="2002-07-23"),
    HistoricalScenario(name="Lehman 2008", begin="2008-09-12", end="2008-11-20"),
    HistoricalScenario(name="US downgrade 2011", begin="2011-07-22", end="2011-08-08"),
    HistoricalScenario(name="Yuan devaluation 2015", begin="2015-08-17", end="2015-08-25"),
    HistoricalScenario(name="Volatility products 2018", begin="2018-01-26", end="2018-02-08"),
    HistoricalScenario(name="Covid 2020", begin="2020-02-19", end="2020-03-23"),
    HistoricalScenario(name="Rates 2022", begin="2022-01-03", end="2022-10-12"),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class ScenarioLoss:
    """What one scenario costs.

    Attributes
    ----------
    name : str
        The scenario's.
    loss : float
        Positive for a loss; a fraction of capital, or money when the weights were money.
    contributions : Series, shape (symbol,)
        Each symbol's part of it; they sum to it.
    """

    name: str
    loss: float
    contributions: pd.Series[float] = field(repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class StressTest(HasTearSheet):
    """What each scenario costs, the worst first.

    Attributes
    ----------
    losses : tuple of ScenarioLoss
        One for each scenario that was played.
    skipped : tuple of str
        Scenarios that the returns do not reach, left out because the caller allowed it.
    provenance : Provenance
        Where the returns came from.
    """

    losses: tuple[ScenarioLoss, ...]
    skipped: tuple[str, ...] = ()
    provenance: Provenance = field(default_factory=Provenance, repr=False)

    @property
    def worst(self) -> ScenarioLoss:
        """The scenario that costs most."""
        return self.losses[0]

    @property
    def frame(self) -> pd.DataFrame:
        """Scenario x symbol: the contributions, and ``loss``, their sum."""
        import pandas as pd

        rows = {one.name: one.contributions for one in self.losses}
        table = pd.DataFrame(rows).T
        table.insert(0, "loss", [one.loss for one in self.losses])
        return table.rename_axis("scenario")

    def tear_sheet(self) -> TearSheet:
        """Return the losses as a table."""
        form = ".2%" if abs(self.worst.loss) < 10 else ",.0f"
        note = f"Not reached by the returns: {', '.join(self.skipped)}." if self.skipped else ""
        rows = [
            {
                "scenario": one.name,
                "loss": one.loss,
                "most of it from": str(one.contributions.idxmax()) if one.loss > 0 else "-",
            }
            for one in self.losses
        ]
        return TearSheet(
            title="Stress test",
            subtitle=f"{len(self.losses)} scenarios on what is held now, instantaneous",
            provenance=self.provenance,
            parts=(
                Facts(values={f"Worst: {self.worst.name}": format_value(self.worst.loss, form)}),
                Table(title="Losses", rows=rows, formats={"loss": form}, note=note),
            ),
        )


def stress_test(
    weights: Weights | Mapping[str, float],
    scenarios: Sequence[Scenario | HistoricalScenario] = HISTORICAL_SCENARIOS,
    *,
    returns: Returns | None = None,
    skip_uncovered: bool = False,
) -> StressTest:
    """Work out what each scenario costs: weights times moves, held throughout.

    Parameters
    ----------
    weights : Series or mapping, symbol -> fraction of capital
        What is held; money gives money.
    scenarios : sequence of Scenario or HistoricalScenario, default=HISTORICAL_SCENARIOS
        What happens; names are unique.
    returns : DataFrame, shape (time, symbol), optional
        Simple returns, fractions; historical scenarios need them.
    skip_uncovered : bool, default=False
        Leave out the historical scenarios that `returns` do not reach, and name them in the
        result; otherwise they are an error.

    Returns
    -------
    StressTest

    Raises
    ------
    InputError
        When nothing is held, a weight is not finite, names repeat, or a symbol has no move.
    NotEnoughData
        When the returns do not reach a scenario, or none of them.
    BadData
        When a return is NaN or infinite, or times are unsorted or repeated.

    Examples
    --------
    >>> crash = Scenario(name="tech falls", shocks={"AAPL": -0.3}, otherwise=-0.1)
    >>> test = stress_test({"AAPL": 50_000.0, "XOM": -20_000.0}, [crash])
    >>> test.worst.loss, test.worst.contributions.to_dict()
    (13000.0, {'AAPL': 15000.0, 'XOM': -2000.0})
    """
    import pandas as pd

    held = {str(symbol): float(weight) for symbol, weight in weights.items()}
    wrong = [symbol for symbol, weight in held.items() if not math.isfinite(weight)]
    if wrong or not held:
        raise InputError(
            "weights must be finite numbers by symbol",
            value=wrong[0] if wrong else "nothing is held",
            remedy="pass weights={symbol: fraction of capital, ...}",
        )
    names = [scenario.name for scenario in scenarios]
    if len(set(names)) != len(names) or not names:
        raise InputError(
            "scenarios must have names of their own, and there must be one",
            value=", ".join(names) or "none",
            remedy="rename one of them",
        )
    checked = None if returns is None else require_returns(returns)
    losses, skipped = [], []
    for scenario in scenarios:
        try:
            moves = scenario.moves(list(held), checked)
        except NotEnoughData:
            if not skip_uncovered:
                raise
            skipped.append(scenario.name)
            continue
        parts = pd.Series({symbol: -held[symbol] * moves[symbol] for symbol in held}, name="loss")
        losses.append(
            ScenarioLoss(name=scenario.name, loss=math.fsum(parts.to_list()), contributions=parts)
        )
    if not losses:
        raise NotEnoughData(
            "at least one scenario must be reached by the returns",
            value=f"0 of {len(names)}",
            remedy="load a longer history, or add a Scenario of your own",
        )
    return StressTest(
        losses=tuple(sorted(losses, key=lambda one: -one.loss)),
        skipped=tuple(skipped),
        provenance=Provenance() if returns is None else provenance(returns),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class ReverseStress:
    """The likeliest way, under normal returns, to lose a given amount in one period.

    Attributes
    ----------
    loss : float
        What is lost.
    shocks : Series, shape (symbol,)
        The return of each symbol in it, a fraction.
    contributions : Series, shape (symbol,)
        Each symbol's part of `loss`; they sum to it.
    deviations : float
        How far out it is: the loss beyond the mean, in deviations of the portfolio.
    probability : float
        The normal chance of that loss or more, of one period. Real tails are fatter: see
        `past_periods`.
    past_periods : int
        How many of the past periods lost as much.
    """

    loss: float
    shocks: pd.Series[float] = field(repr=False)
    contributions: pd.Series[float] = field(repr=False)
    deviations: float
    probability: float
    past_periods: int


def reverse_stress(
    returns: Returns | ReturnSeries,
    weights: Weights | Mapping[str, float] | None = None,
    *,
    loss: float,
    min_observations: int = 100,
) -> ReverseStress:
    r"""Find the likeliest returns that lose `loss`.

    Of all :math:`x` with :math:`w'x = -L` the densest under a normal distribution of the sample's
    mean and covariance: :math:`x = \mu - \Sigma w (L + w'\mu) / (w'\Sigma w)` [1]_.

    Parameters
    ----------
    returns : Series, shape (time,), or DataFrame, shape (time, symbol)
        Simple returns, fractions.
    weights : Series or mapping, symbol -> fraction of capital, optional
        What is held; required for more than one symbol.
    loss : float
        Positive, in the unit of weights times returns.
    min_observations : int, default=100
        Refuse fewer returns than this.

    Raises
    ------
    InputError
        When `loss` is not positive, or weights do not fit.
    NotEnoughData
        When there are fewer returns than `min_observations`.
    BadData
        When the portfolio never moves, a return is NaN or infinite, or times are unsorted.

    References
    ----------
    .. [1] Glasserman, P., Kang, C. and Kang, W. (2015). Stress scenario selection by empirical
       likelihood. Quantitative Finance 15(1), 25-41.
    """
    import numpy as np
    import pandas as pd
    from scipy.special import ndtr

    if not 0 < loss < math.inf:
        raise InputError(
            "loss must be positive and finite", value=loss, remedy="pass loss=0.1, a tenth"
        )
    sample, _, symbols = sample_of(returns, weights, at_least=max(2, min_observations))
    centre, deviation, centres, betas = moments_of(sample, zero_mean=False)
    if deviation == 0:
        raise BadData(
            "a portfolio that never moves has no way to lose",
            value=f"{sample.portfolio[0]:g} in every period",
            remedy="pass what is held, and returns, not levels",
        )
    beyond = (loss + centre) / deviation
    shocks = centres - betas * beyond
    return ReverseStress(
        loss=loss,
        shocks=pd.Series(shocks, index=symbols, name="return"),
        contributions=pd.Series(-sample.weights * shocks, index=symbols, name="loss"),
        deviations=beyond,
        probability=float(ndtr(-beyond)),
        past_periods=int(np.count_nonzero(-sample.portfolio >= loss)),
    )
