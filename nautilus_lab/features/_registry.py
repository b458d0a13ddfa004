"""The features by name, and how to add one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from nautilus_lab.exceptions import InputError
from nautilus_lab.features._columns import read_call
from nautilus_lab.features._feature import (
    Accumulator,
    Data,
    Feature,
    FeatureSpec,
    Scope,
    Values,
)
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._signature import require_signature

if TYPE_CHECKING:
    import pandas as pd

# a feature by name, "rsi(timeperiod=7)", or with its settings
Wanted: TypeAlias = str | Feature | FeatureSpec


class FeatureRegistry(Mapping[str, Feature]):
    """Features by name; each name once.

    Examples
    --------
    >>> features = FeatureRegistry()
    >>> @features.define(
    ...     title="Range", group="volatility", inputs=("high", "low"), warm_up=0, history=1,
    ...     reference="the difference of high and low",
    ... )
    ... def bar_range(high, low):
    ...     return high - low
    >>> features.spec("bar_range").columns
    ('bar_range',)
    """

    def __init__(self, features: Iterable[Feature] = ()) -> None:
        self._features: dict[str, Feature] = {}
        for one in features:
            self.add(one)

    def __getitem__(self, name: str) -> Feature:
        found = self._features.get(name)
        if found is None:
            near = get_close_matches(name, self._features, 3)
            raise InputError(
                "a feature must be in the catalog",
                value=name,
                remedy=f"did you mean {' or '.join(near)}?" if near else "see features.catalog()",
            )
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._features)

    def __len__(self) -> int:
        return len(self._features)

    def __contains__(self, name: object) -> bool:
        return name in self._features

    def __repr__(self) -> str:
        return f"FeatureRegistry({len(self)} features)"

    def add(self, feature: Feature) -> Feature:
        """Add a feature and return it.

        Raises
        ------
        InputError
            When its name is taken.
        """
        if feature.name in self._features:
            raise InputError("a feature's name must be its own", value=feature.name)
        self._features[feature.name] = feature
        return feature

    def define(
        self,
        *,
        title: str,
        group: str,
        inputs: tuple[str, ...],
        reference: str,
        warm_up: int | Callable[[Values], int],
        history: int | Callable[[Values], int],
        outputs: tuple[str, ...] = (),
        parameters: Mapping[str, Parameter] | None = None,
        accumulate: Callable[[Values], Accumulator] | None = None,
        name: str = "",
        data: Data = "bars",
        clock: Literal["rows", "volume", "time"] = "rows",
        scope: Scope = "instrument",
        most_against: int = 0,
        outputs_of: Callable[[Values, tuple[str, ...]], tuple[str, ...]] | None = None,
        symbols: Callable[[Values], int] | None = None,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Return a decorator that adds a function as a feature; see `Feature`.

        The function stays what it is. It may return one array, or a tuple of them.

        Raises
        ------
        InputError
            When the name is taken, or the function does not take such inputs and parameters.
        """

        def add(function: Callable[..., Any]) -> Callable[..., Any]:
            called = name or function.__name__

            def tupled(*arrays: Any, **settings: Any) -> tuple[Any, ...]:
                found = function(*arrays, **settings)
                return found if isinstance(found, tuple) else (found,)

            feature = Feature(
                name=called,
                title=title,
                group=group,
                inputs=inputs,
                outputs=outputs or (called,),
                parameters=parameters or {},
                function=tupled,
                warm_up=warm_up if callable(warm_up) else lambda settings: warm_up,
                history=history if callable(history) else lambda settings: history,
                accumulate=accumulate,
                reference=reference,
                data=data,
                clock=clock,
                scope=scope,
                most_against=most_against,
                outputs_of=outputs_of,
                symbols=symbols,
            )
            beside = ("against",) if most_against else ()
            require_signature(called, function, (*inputs, *beside), parameters or {})
            self.add(feature)
            return function

        return add

    def spec(self, wanted: Wanted) -> FeatureSpec:
        """Return a feature with its settings, from its name, ``"rsi(timeperiod=7)"`` or itself.

        Raises
        ------
        InputError
            When the text is no such call, nothing goes by the name, or a setting is unknown.
        """
        if isinstance(wanted, FeatureSpec):
            return wanted
        if isinstance(wanted, Feature):
            return wanted()
        name, settings = read_call(str(wanted))
        return self[name](**settings)

    def specs(self, wanted: Iterable[Wanted]) -> list[FeatureSpec]:
        """Return several, each as `spec` does.

        Raises
        ------
        InputError
            When it is one text and no list, or one of them is refused.
        """
        if isinstance(wanted, str | Feature | FeatureSpec):  # a text is a sequence, of letters
            raise InputError(
                "features are asked for as a list", value=repr(wanted), remedy="put it in brackets"
            )
        return [self.spec(one) for one in wanted]

    def catalog(self, find: str = "") -> pd.DataFrame:
        """Return all features as a table, by name: what each is, takes, gives and is from.

        Parameters
        ----------
        find : str, optional
            Only those with this text somewhere in their row, in capitals or not.

        Returns
        -------
        DataFrame, shape (features, 10)
            ``title``, ``group``, ``data`` (the rows it reads), ``inputs``, ``outputs``,
            ``parameters``, ``warm_up`` with the usual settings, ``stream`` (how a stream keeps it),
            ``reference`` and ``scope``.
        """
        import pandas as pd

        rows = {}
        for name, one in self._features.items():
            usual = one()
            rows[name] = {
                "title": one.title,
                "group": one.group,
                "data": one.data,
                "inputs": ", ".join(one.inputs),
                "outputs": ", ".join(usual.outputs),
                "parameters": ", ".join(f"{k}={v.default:g}" for k, v in one.parameters.items()),
                "warm_up": usual.warm_up,
                "stream": "accumulated" if one.accumulate else _kept(usual),
                "reference": one.reference,
                "scope": one.scope,
            }
        wanted = find.casefold()
        found = {
            name: row
            for name, row in rows.items()
            if wanted in " ".join([name, *map(str, row.values())]).casefold()
        }
        columns = list(next(iter(rows.values()), {}))
        return pd.DataFrame.from_dict(found, orient="index", columns=columns).rename_axis("feature")


def _kept(usual: FeatureSpec) -> str:
    rows = "books" if usual.feature.data == "book" else usual.feature.data
    return f"last {usual.history} {rows}"
