"""The trials of one question, under one name, as they are made."""

from __future__ import annotations

import inspect
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import InputError
from nautilus_lab.trials._batch import MEASURES, Batch, Kind, Outcome
from nautilus_lab.trials._digest import SIZE, canonical, digest_of, fingerprint, plain
from nautilus_lab.trials._recipe import Recipe
from nautilus_lab.trials._run import Run, run_of

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray, ReturnSeries
    from nautilus_lab.trials._ledger import Ledger

_LONGEST = 200


@dataclass(frozen=True, kw_only=True)
class Study:
    """Where the trials of one question are recorded; made by `Ledger.study`.

    What is chosen in the end is judged against all trials of its study: begin one for each
    question, and record every attempt at it, whatever became of it.

    Attributes
    ----------
    ledger : Ledger
    name : str
    """

    ledger: Ledger
    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _checked(self.name))

    def __repr__(self) -> str:
        return f"Study({self.name!r}, {str(self.ledger.folder)!r})"

    def run(
        self,
        function: Callable[..., ReturnSeries],
        data: pd.DataFrame,
        *,
        kind: Kind = "custom",
        name: str = "",
        **parameters: Any,
    ) -> Run:
        """Call ``function(data, **parameters)`` and record what it returns.

        Parameters
        ----------
        function : callable
            Returns a Series of returns per period, or an object whose `returns` is one, such as a
            `BacktestResult`. Importable by name, so that the trial can be made again.
        data : DataFrame
            What it is called with; kept beside the ledger, once for all trials.
        kind : str, default="custom"
        name : str, optional
            The function's, with its parameters, when not given.
        **parameters
            Plain data; one named ``seed`` is recorded as the seed.

        Returns
        -------
        Run

        Raises
        ------
        InputError
            When it returns something else, or a parameter is no plain data.
        StoreUnwritable
            When the ledger cannot be written; asked before the function is called.
        """
        self.ledger.require_writable()
        told = plain(parameters)
        _require_frames({"data": data})
        answer = function(data, **parameters)
        called = getattr(function, "__qualname__", type(function).__name__).rsplit(".", 1)[-1]
        shown = ", ".join(f"{key}={value!r}" for key, value in parameters.items())
        recipe = Recipe.of(function, parameters)
        return self.record(
            name or f"{called}({shown})",
            returns_of(answer),
            kind=kind,
            parameters=told,
            data={next(iter(inspect.signature(function).parameters), "data"): data},
            recipe=recipe,
            seed=parameters.get("seed"),
            what=recipe.function or called,
        )

    def record(
        self,
        name: str,
        returns: ReturnSeries,
        *,
        kind: Kind = "custom",
        parameters: Mapping[str, Any] | None = None,
        data: Mapping[str, pd.DataFrame] | None = None,
        results: Mapping[str, float] | None = None,
        recipe: Recipe | None = None,
        seed: int | None = None,
        what: str = "",
    ) -> Run:
        """Record one trial by its returns.

        Parameters
        ----------
        name : str
            What tables call it.
        returns : Series, shape (time,)
            Per period, fractions; NaN where there are none.
        kind : {"factor", "backtest", "portfolio", "custom"}, default="custom"
        parameters, data : mapping, optional
            What it was made with. Two trials are the same when `what`, parameters, data and kind
            are; then the second is a repeat and does not count.
        results : mapping of str to float, optional
            What else is worth keeping: ``{"ic": 0.03}``.
        recipe : Recipe, optional
            How it is made again.
        seed : int, optional
        what : str, optional
            The definition of what was tried; its name, and its returns, when not given.
        """
        import numpy as np

        series = series_of(returns)
        given = dict(data or {})
        _require_frames(given)
        told = plain(dict(parameters or {}))
        if not what and recipe is None and not told:
            # Nothing says what was tried but its outcome.
            what = f"{name} {fingerprint(series).digest}"
        marks = {key: fingerprint(frame).digest for key, frame in given.items()}
        hashed = digest_of(kind, what or name, canonical(told), canonical(marks), f"{seed}")
        more = _further(results or {})
        return self.add(
            Batch(
                kind=kind,
                names=[name],
                hashes=np.frombuffer(bytes.fromhex(hashed), np.uint8).reshape(1, SIZE),
                outcome=Outcome.of(series.to_frame("returns"), more=more),
                parameters=told,
                data=given,
                recipe=recipe or Recipe(missing="it was recorded by its returns"),
                seed=seed,
            )
        )[0]

    def add(self, batch: Batch) -> list[Run]:
        """Record trials together; of a large batch use `add_many`, which makes no runs of it."""
        entry = self.ledger.append(self, batch)
        return [run_of(entry, row, self.ledger) for row in range(entry.n)]

    def add_many(self, batch: Batch) -> int:
        """Record trials together; return the number of the entry that holds them."""
        return self.ledger.append(self, batch).seq


def series_of(returns: Any) -> pd.Series[float]:
    """Return numbers over time, or raise InputError."""
    import pandas as pd

    if not isinstance(returns, pd.Series) or returns.dtype.kind not in "fiub" or not len(returns):
        raise InputError(
            "a trial is recorded by a Series of its returns",
            value=type(returns).__name__,
            remedy="return one, or an object whose `returns` is one",
        )
    return returns.astype(float)


def _require_frames(data: Mapping[str, Any]) -> None:
    import pandas as pd

    for name, frame in data.items():
        if not isinstance(frame, pd.DataFrame):
            raise InputError(
                "the data of a trial are a DataFrame",
                value=f"{name} is a {type(frame).__name__}",
                remedy="of a Series: series.to_frame()",
            )


def _further(results: Mapping[str, Any]) -> dict[str, FloatArray]:
    """Return what else is kept of one trial; what is measured is not overwritten."""
    import numpy as np

    measured = sorted(set(results) & set(MEASURES))
    if measured:
        raise InputError(
            "results that are measured are not told", value=measured, remedy="name them otherwise"
        )
    try:
        return {key: np.array([float(value)]) for key, value in results.items()}
    except (TypeError, ValueError):
        raise InputError("results must be numbers", value=dict(results)) from None


def returns_of(answer: Any) -> pd.Series[float]:
    """Return the returns of what a function answered: it, or its `returns`."""
    return series_of(getattr(answer, "returns", answer))


def now_ns() -> int:
    """Return UNIX nanoseconds UTC."""
    return time.time_ns()


def _checked(name: object) -> str:
    if not isinstance(name, str):
        raise InputError("a study's name must be a text", value=type(name).__name__)
    # Two ways to write one character are one name.
    text = unicodedata.normalize("NFC", name).strip()
    if not text or len(text) > _LONGEST or not text.isprintable():
        raise InputError(
            f"a study's name has 1 to {_LONGEST} printable characters",
            value=name,
            remedy="study='momentum'",
        )
    return text
