"""The cross-sectional model: exposures are known, the returns of factors are estimated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.risk_models._aligned import labels_of, listed, require_like
from nautilus_lab.factors.risk_models._covariance import FactorCovariance
from nautilus_lab.factors.risk_models._cross_section import CrossSection, cross_section_returns
from nautilus_lab.factors.risk_models._fit import CrossSectionalFit
from nautilus_lab.factors.risk_models._specific import SpecificRisk
from nautilus_lab.factors.risk_models._standardise import require_caps
from nautilus_lab.frames import require_returns, require_scores
from nautilus_lab.provenance import mark, provenance

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import BoolArray, FloatArray, IntArray, Scores

Weighting: TypeAlias = Literal["sqrt_cap", "cap", "equal"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Currencies:
    """What symbols are quoted in, for a model whose returns are in one base currency.

    Each foreign currency becomes a factor whose returns are given and to which its symbols have
    an exposure of 1; what is left of a return is the local one.

    Parameters
    ----------
    of : Series or mapping, symbol -> currency
        Of every symbol.
    returns : DataFrame, shape (time, currency)
        Simple returns of holding each foreign currency, in the base, of the times of the returns.
    base : str
        The currency that returns are in; it has no factor.
    """

    of: pd.Series[str] | Mapping[str, str]
    returns: pd.DataFrame
    base: str


@dataclass(frozen=True, kw_only=True)
class CrossSectionalModel:
    r"""Barra's way: each date's returns are regressed on what was known of each name before [1]_.

    :math:`r_{i,t} = f_{0,t} + \sum_s X_{is,t-1} f_{s,t} + f_{g(i),t} + u_{i,t}`: an intercept
    (market, country), styles and one group a name (industry, asset class, country). Regressions
    are weighted; with an intercept, group returns weighted by capitalisation sum to 0, so that the
    intercept is the return of all names together.

    Parameters
    ----------
    weighting : {"sqrt_cap", "cap", "equal"}, default="sqrt_cap"
        Weights of the regressions; specific variance falls about as the root of size rises.
    intercept : bool, default=True
        False gives each group a whole return of its own: for asset classes that share no market.
    factor_covariance : FactorCovariance
        How factor returns become a covariance.
    specific_risk : SpecificRisk
        How specific returns become variances.
    min_names : int, default=30
        Names that a date takes at least; the regressions of fewer say little.

    Raises
    ------
    InputError
        When a setting is out of its bounds.

    References
    ----------
    .. [1] Menchero, J., Orr, D. J. and Wang, J. (2011). The Barra US Equity Model (USE4). MSCI.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> days = pd.bdate_range("2024-01-01", periods=200, tz="UTC")
    >>> symbols = [f"S{i}" for i in range(60)]
    >>> value = pd.DataFrame(np.tile(rng.normal(size=60), (200, 1)), days, symbols)
    >>> paid = rng.normal(0, 0.01, (200, 1))
    >>> returns = value.shift(1) * paid + rng.normal(0, 0.02, (200, 60))
    >>> fit = CrossSectionalModel(weighting="equal").fit(returns, {"value": value})
    >>> fit
    CrossSectionalFit(2 factors, 60 symbols, 199 dates, mean R²=0.1658)
    >>> fit.at().risk({"S0": 0.5, "S1": 0.5})
    PortfolioRisk(total=0.013898, factor=0.002316, specific=0.013704, 2 symbols)
    """

    weighting: Weighting = "sqrt_cap"
    intercept: bool = True
    factor_covariance: FactorCovariance = field(default_factory=FactorCovariance)
    specific_risk: SpecificRisk = field(default_factory=SpecificRisk)
    min_names: int = 30

    def __post_init__(self) -> None:
        if self.weighting not in ("sqrt_cap", "cap", "equal"):
            raise InputError(
                "weighting must be one of those there are",
                value=self.weighting,
                remedy="pass one of: sqrt_cap, cap, equal",
            )
        if not self.min_names >= 2:
            raise InputError(
                "min_names must be at least 2", value=self.min_names, remedy="pass min_names=30"
            )

    def fit(
        self,
        returns: pd.DataFrame,
        exposures: Mapping[str, Scores],
        *,
        caps: pd.DataFrame | None = None,
        groups: pd.Series[str] | Mapping[str, str] | pd.DataFrame | None = None,
        currencies: Currencies | None = None,
    ) -> CrossSectionalFit:
        """Estimate the factor returns of every date.

        The exposures, capitalisations and groups in the row of one date explain the returns of
        the next. A name takes part in a date when all of these are known; who does not is counted
        by its first reason in `CrossSectionalFit.dropped`.

        Parameters
        ----------
        returns : DataFrame, shape (time, symbol)
            Simple returns, fractions, better over the risk-free rate; NaN where there is none.
        exposures : mapping of str to DataFrame, shape (time, symbol)
            Name -> exposures known at the close of each time; see `standardised`. NaN where not
            known. May be empty when there are groups.
        caps : DataFrame, shape (time, symbol), optional
            Capitalisations, positive or NaN. Without them `weighting` must be ``"equal"``.
        groups : Series or mapping, symbol -> group, or DataFrame, shape (time, symbol), optional
            One of each name; a frame may change in time, and is NaN or None where not known.
        currencies : Currencies, optional
            For symbols quoted in several.

        Returns
        -------
        CrossSectionalFit
            A row depends on what was known up to its time only.

        Raises
        ------
        InputError
            When symbols, times or names do not agree, or capitalisations are missing.
        NotEnoughData
            When no date, or a date after the first, has `min_names` names, or fewer names than
            factors: the date is named.
        BadData
            When a value is infinite, an exposure known nowhere, or exposures of a date are
            collinear: date and factors are named.
        """
        import numpy as np
        import pandas as pd

        frame = require_scores(returns, name="returns")
        if not isinstance(exposures, Mapping):
            raise InputError(
                "exposures must be frames by name",
                value=type(exposures).__name__,
                remedy='pass {"value": frame, ...}',
            )
        if len(frame) < 2:
            raise NotEnoughData(
                "exposures of one date explain the returns of the next: two dates are needed",
                value=len(frame),
                remedy="pass a longer history",
            )
        earned = np.asarray(frame.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
        styles = self._styles(exposures, frame)
        sizes = self._sizes(caps, frame)
        codes, labels = _groups(groups, frame)
        if not (len(styles) or len(labels) or self.intercept):
            raise InputError(
                "a model needs a factor", value="none", remedy="pass exposures or groups"
            )
        names = [*(["market"] if self.intercept else []), *exposures, *labels]
        currency_codes = np.full(frame.shape[1], -1)
        currency_names: list[str] = []
        money = np.empty((len(frame), 0))
        if currencies is not None:
            currency_codes, currency_names, money = _currencies(currencies, frame)
        _require_distinct([*names, *currency_names])
        local = earned.copy()
        for code in range(len(currency_names)):
            local[:, currency_codes == code] -= money[:, code : code + 1]

        reasons = _reasons(local, styles, list(exposures), sizes, codes)
        known = np.logical_and.reduce(list(reasons.values()))
        needed = max(self.min_names, len(names) + 2)
        first = _first_date(known, needed, frame.index[1:])
        rows = slice(first, None)
        data = CrossSection(
            styles=np.ascontiguousarray(styles[:, :-1][:, rows]),
            groups=np.ascontiguousarray(codes[:-1][rows]),
            n_groups=len(labels),
            caps=sizes[:-1][rows],
            weights=self._weights(sizes[:-1][rows]),
            returns=local[1:][rows],
            known=np.ascontiguousarray(known[rows]),
            intercept=self.intercept,
        )
        times = frame.index[1:][rows]
        found = cross_section_returns(data, times, names)
        factor_returns = np.column_stack([found.factor_returns, money[1:][rows]])
        marks = provenance(returns, *exposures.values())
        every = pd.DataFrame(factor_returns, times, [*names, *currency_names])
        return CrossSectionalFit(
            factor_returns=mark(every, marks),
            t=pd.DataFrame(found.t, times, names),
            r_squared=pd.Series(found.r_squared, times, name="r_squared"),
            n_names=pd.Series(known[rows].sum(axis=1), times, name="names"),
            specific_returns=mark(pd.DataFrame(found.specific, times, frame.columns), marks),
            dropped=_dropped(reasons, first),
            settings=self,
            symbols=frame.columns,
            times=frame.index,
            styles=styles,
            caps=sizes,
            groups=codes,
            n_groups=len(labels),
            currencies=currency_codes,
            n_currencies=len(currency_names),
            provenance=marks,
        )

    def _styles(self, exposures: Mapping[str, Scores], frame: pd.DataFrame) -> FloatArray:
        import numpy as np

        found = np.empty((len(exposures), *frame.shape))
        for place, (name, one) in enumerate(exposures.items()):
            try:
                found[place] = require_like(one, frame, f"exposure {name!r}", "returns")
            except NotEnoughData:
                raise BadData(
                    "an exposure must be known somewhere",
                    value=f"{name!r} is NaN everywhere",
                    remedy="drop it, or pass a history longer than its warm-up",
                ) from None
        return found

    def _sizes(self, caps: pd.DataFrame | None, frame: pd.DataFrame) -> FloatArray:
        import numpy as np

        if caps is not None:
            return require_caps(caps, frame)
        if self.weighting != "equal":
            raise InputError(
                f"weighting={self.weighting!r} needs capitalisations",
                value="caps=None",
                remedy='pass caps=, or CrossSectionalModel(weighting="equal")',
            )
        return np.ones(frame.shape)

    def _weights(self, sizes: FloatArray) -> FloatArray:
        import numpy as np

        if self.weighting == "sqrt_cap":
            return np.asarray(np.sqrt(sizes), dtype=np.float64)
        return sizes if self.weighting == "cap" else np.ones(sizes.shape)


def _groups(
    groups: pd.Series[str] | Mapping[str, str] | pd.DataFrame | None, frame: pd.DataFrame
) -> tuple[IntArray, list[str]]:
    """Return the number of each name's group by time, -1 where not known, and their names."""
    import numpy as np
    import pandas as pd

    if groups is None:
        return np.zeros(frame.shape, dtype=np.intp), []
    if not isinstance(groups, pd.DataFrame):
        given = labels_of(groups, frame.columns, "groups")
        codes, labels = pd.factorize(given, sort=True)
        return np.tile(np.asarray(codes, dtype=np.intp), (len(frame), 1)), list(map(str, labels))
    for axis, one, other in (
        ("symbols", groups.columns, frame.columns),
        ("times", groups.index, frame.index),
    ):
        if not one.equals(other):
            raise InputError(
                f"groups must have the {axis} of returns, in their order",
                value=listed(one.symmetric_difference(other)) or "another order",
                remedy="align them: groups.reindex_like(returns)",
            )
    every, names = pd.factorize(groups.to_numpy(dtype=object).ravel(), sort=True)
    return np.asarray(every, dtype=np.intp).reshape(frame.shape), list(map(str, names))


def _currencies(given: Currencies, frame: pd.DataFrame) -> tuple[IntArray, list[str], FloatArray]:
    """Return the number of each symbol's currency, -1 for the base, their names and returns."""
    import numpy as np

    labels = labels_of(given.of, frame.columns, "currencies")
    foreign = sorted({str(label) for label in labels} - {given.base})
    money = require_returns(given.returns, name="currencies.returns")
    lacking = [name for name in foreign if name not in money.columns]
    if lacking:
        raise InputError(
            "every foreign currency must have returns",
            value=f"none of {listed(lacking)}",
            remedy="add their returns in the base currency, or correct `base`",
        )
    if not money.index.equals(frame.index):
        differ = frame.index.symmetric_difference(money.index)
        raise InputError(
            "currencies.returns must have the times of returns",
            value=f"{len(differ)} differ, the first {differ[0]}",
            remedy="align them first: currencies have no returns that could be guessed",
        )
    place = {name: code for code, name in enumerate(foreign)}
    codes = np.array([place.get(str(label), -1) for label in labels], dtype=np.intp)
    return codes, foreign, np.asarray(money[foreign], dtype=np.float64)


def _require_distinct(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1 or name == "specific"})
    if twice:
        raise InputError(
            "factors must have different names, none of them 'specific'",
            value=listed(twice),
            remedy="rename an exposure, a group or a currency",
        )


def _reasons(
    returns: FloatArray,
    styles: FloatArray,
    names: list[str],
    sizes: FloatArray,
    codes: IntArray,
) -> dict[str, BoolArray]:
    """Return, by what must be known, where it is: exposures before, returns after."""
    import numpy as np

    told: dict[str, Any] = {
        "no return": np.isfinite(returns[1:]),
        "no capitalisation": np.isfinite(sizes[:-1]),
        "no group": codes[:-1] >= 0,
    }
    for name, one in zip(names, styles, strict=True):
        told[f"no exposure: {name}"] = np.isfinite(one[:-1])
    return told


def _first_date(known: BoolArray, needed: int, times: pd.Index[pd.Timestamp]) -> int:
    """Return the first date with enough names, and raise when a later one has not."""
    import numpy as np

    count = known.sum(axis=1)
    enough = count >= needed
    if not enough.any():
        raise NotEnoughData(
            f"a regression takes {needed} names whose exposures, size and return are known",
            value=f"at most {int(count.max(initial=0))}, on {times[int(count.argmax())].date()}",
            remedy="widen the universe, drop exposures that are seldom known, or pass min_names=",
        )
    first = int(np.argmax(enough))
    short = np.flatnonzero(~enough[first:])
    if len(short):
        place = first + int(short[0])
        raise NotEnoughData(
            f"every date after the first must have {needed} names",
            value=f"{int(count[place])} on {times[place].date()}, {len(short)} such dates in all",
            remedy="drop those dates (holidays), or mend the data",
        )
    return first


def _dropped(reasons: Mapping[str, BoolArray], first: int) -> pd.Series[int]:
    """Count names times dates by the first reason for which they did not take part."""
    import numpy as np
    import pandas as pd

    left = np.ones(next(iter(reasons.values())).shape, dtype=bool)
    left[:first] = False
    counts = {"before the first date": int((~left).sum())}
    for reason, good in reasons.items():
        out = left & ~good
        counts[reason] = int(out.sum())
        left &= good
    counts["used"] = int(left.sum())
    return pd.Series(counts, name="names times dates")
