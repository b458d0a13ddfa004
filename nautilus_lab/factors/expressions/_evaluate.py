"""The values of expressions: each sub-expression computed once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeAlias

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.factors.expressions._cache import ExpressionCache
from nautilus_lab.factors.expressions._definition import FactorDefinition
from nautilus_lab.factors.expressions._fields import Panel, group_numbers, panel
from nautilus_lab.factors.expressions._operator import Family, Kind, Operator, Span
from nautilus_lab.factors.expressions._operators import OPERATORS
from nautilus_lab.factors.expressions._parse import parse
from nautilus_lab.factors.expressions._tree import Call, Constant, Expression, Node, walk
from nautilus_lab.provenance import mark, provenance

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import BoolArray, FloatArray, Scores

# an expression as a text, read already, or as the definition of a factor
Wanted: TypeAlias = str | Expression | FactorDefinition
# an expression and the name of the universe it is computed in
Job: TypeAlias = tuple[Expression, str]

# fewer values are not worth a second thread
_FEW = 200_000
# columns that the rolling kernels work on together
_TILE = 64


def evaluate(
    expression: Wanted,
    fields: Mapping[str, pd.DataFrame],
    *,
    universe: pd.DataFrame | Mapping[str, pd.DataFrame] | None = None,
    definitions: Mapping[str, str] | None = None,
    cache: ExpressionCache | None = None,
    threads: int = 2,
) -> Scores:
    """Compute an expression of wide frames.

    Parameters
    ----------
    expression : str, Expression or FactorDefinition
        What; a text may name the given fields and definitions.
    fields : mapping of str to DataFrame, shape (time, symbol)
        The data by name: frames of the same times and symbols, NaN where not known. Groups are
        frames of labels.
    universe : DataFrame of bool, shape (time, symbol), or mapping of str to such, optional
        Which symbols belong to it at which time. Cross-sectional operators compare its members
        only, and others have no value; a symbol's own past counts from before it joined. A mapping
        tells the universes that factors name; a text is computed in ``"all"``.
    definitions : mapping of str to str, optional
        Names that stand for expressions.
    cache : ExpressionCache, optional
        Where sub-expressions are kept for later calls.
    threads : int, default=2
        The work is compiled and lets go of the interpreter.

    Returns
    -------
    DataFrame, shape (time, symbol)
        A row depends on its own and earlier rows only; never infinite, NaN where not known.

    Raises
    ------
    InputError
        When the expression is not in order (see `parse`), or reads a field that is not given.
    NotEnoughData
        When there are no more rows than its warm-up.
    BadData
        When frames are not aligned, unsorted, doubled or infinite, or a symbol NaN throughout.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    >>> close = pd.DataFrame({"A": [10.0, 11.0, 12.0], "B": [10.0, 10.0, 15.0]}, days)
    >>> evaluate("rank(pct_change(close))", {"close": close}).to_numpy().tolist()
    [[nan, nan], [1.0, 0.5], [0.5, 1.0]]
    """
    found = evaluate_each(
        {"": expression},
        fields,
        universe=universe,
        definitions=definitions,
        cache=cache,
        threads=threads,
    )
    return next(found)[1]


def evaluate_many(
    expressions: Mapping[str, Wanted] | Iterable[FactorDefinition],
    fields: Mapping[str, pd.DataFrame],
    *,
    universe: pd.DataFrame | Mapping[str, pd.DataFrame] | None = None,
    definitions: Mapping[str, str] | None = None,
    cache: ExpressionCache | None = None,
    threads: int = 2,
) -> dict[str, Scores]:
    """Compute several expressions of the same frames, what they share only once.

    See `evaluate`; `evaluate_each` gives one after the other, without holding them all.

    Parameters
    ----------
    expressions : mapping of str to expression, or iterable of FactorDefinition
        By name.

    Returns
    -------
    dict of str to DataFrame, shape (time, symbol)
    """
    return dict(
        evaluate_each(
            expressions,
            fields,
            universe=universe,
            definitions=definitions,
            cache=cache,
            threads=threads,
        )
    )


def evaluate_each(
    expressions: Mapping[str, Wanted] | Iterable[FactorDefinition],
    fields: Mapping[str, pd.DataFrame],
    *,
    universe: pd.DataFrame | Mapping[str, pd.DataFrame] | None = None,
    definitions: Mapping[str, str] | None = None,
    cache: ExpressionCache | None = None,
    threads: int = 2,
) -> Iterator[tuple[str, Scores]]:
    """Compute several expressions and give one at a time; see `evaluate_many`.

    All is read and checked when the first is asked for: pass hundreds of thousands in chunks,
    ``space[:1_000]``, with one cache.

    Yields
    ------
    tuple of str and DataFrame, shape (time, symbol)
        In the order of `expressions`.
    """
    universes = named_universes(universe)
    jobs = read(expressions, tuple(fields), definitions, universes)
    numbers, groups = read_fields(jobs)
    given = panel(fields, numbers, groups, universes)
    for name, (one, _) in jobs.items():
        if one.warm_up >= given.shape[0]:
            raise NotEnoughData(
                f"{name or 'the expression'} needs {one.warm_up + 1} rows",
                value=given.shape[0],
                remedy="widen the dates, or shorten its windows",
            )
    made_by = provenance(*(fields[name] for name in (*numbers, *groups)))
    for name, values in computed(given, jobs, cache, threads):
        yield name, mark(framed(values, given), made_by)


def named_universes(
    universe: pd.DataFrame | Mapping[str, pd.DataFrame] | None,
) -> Mapping[str, pd.DataFrame]:
    """Return universes by name; a single one is that of all."""
    if universe is None:
        return {}
    return universe if isinstance(universe, Mapping) else {"all": universe}


def read(
    expressions: Mapping[str, Wanted] | Iterable[FactorDefinition],
    fields: tuple[str, ...],
    definitions: Mapping[str, str] | None,
    universes: Iterable[str],
) -> dict[str, Job]:
    """Return expressions by name, texts read, each with its universe."""
    if isinstance(expressions, Mapping):
        named = dict(expressions)
    else:
        factors = list(expressions)
        named = {one.name: one for one in factors}
        if len(named) < len(factors):
            raise InputError("factors must have names of their own", value=len(factors))
    if not named:
        raise InputError("ask for an expression", remedy='pass "rank(close)"')
    known = {"all", *universes}
    jobs = {}
    for name, one in named.items():
        where = one.universe if isinstance(one, FactorDefinition) else "all"
        if where not in known:
            raise InputError(
                "a factor's universe must be given",
                value=f"{name} is of {where!r}",
                remedy=f"pass universe={{{where!r}: a frame of true and false}}",
            )
        if isinstance(one, Expression):
            jobs[name] = (one, where)
        else:
            text = one.expression if isinstance(one, FactorDefinition) else one
            jobs[name] = (parse(text, fields=fields, definitions=definitions), where)
    return jobs


def read_fields(jobs: Mapping[str, Job]) -> tuple[list[str], list[str]]:
    """Return the fields that are read as numbers, and those read as labels."""
    numbers, groups = set[str](), set[str]()
    for one, _ in jobs.values():
        numbers |= one.numbers
        groups |= one.groups
    return sorted(numbers), sorted(groups)


def framed(values: FloatArray, like: Panel) -> Scores:
    """Return values as a frame, their memory its own."""
    import pandas as pd

    return pd.DataFrame(values, like.times, like.symbols, copy=False)


def computed(
    given: Panel, jobs: Mapping[str, Job], cache: ExpressionCache | None, threads: int
) -> Iterator[tuple[str, FloatArray]]:
    """Yield the values of expressions, each array the receiver's own."""
    if not threads >= 1:
        raise InputError("threads must be at least 1", value=threads)
    with ThreadPoolExecutor(threads) as pool:
        run = _Run(given, list(jobs.values()), cache, pool, threads)
        for name, (one, universe) in jobs.items():
            yield name, run.result(one.root, universe)


class _Run:
    """One pass over a panel."""

    def __init__(
        self,
        given: Panel,
        jobs: list[Job],
        cache: ExpressionCache | None,
        pool: ThreadPoolExecutor,
        threads: int,
    ) -> None:
        self.given = given
        self.shared = cache is not None
        self.cache = ExpressionCache() if cache is None else cache
        self.pool = pool
        self.threads = threads if given.shape[0] * given.shape[1] >= _FEW else 1
        self.groups: dict[str, FloatArray] = {}
        self.digests = _digests(given) if self.shared else {}
        # how often each sub-expression is still to be used; then its memory is used again
        self.uses: Counter[str] = Counter()
        seen = set[str]()
        for one, universe in jobs:
            self.uses[self._key(one.root, universe)] += 1
            for node in walk(one.root):
                key = self._key(node, universe)
                if isinstance(node, Call) and key not in seen:
                    seen.add(key)
                    self.uses.update(self._key(below, universe) for below in node.arguments)
        self.free: list[FloatArray] = []
        self.done = set[str]()  # what was computed, whether it is still there or not

    def result(self, root: Node, universe: str) -> FloatArray:
        """Return the values of a whole expression."""
        import numpy as np

        found = self._value(root, universe)
        values = self._used(root, universe, found)
        if values is None:  # somebody else's, too
            values = found.copy()
        if universe in self.given.universes:
            values[~self.given.universes[universe]] = np.nan
        infinite = np.isinf(values)
        if infinite.any():
            values[infinite] = np.nan
        return values

    def _value(self, node: Node, universe: str) -> Any:
        if isinstance(node, Constant):
            return node.value
        if not isinstance(node, Call):
            return self.given.numbers[node.text]
        key = self._key(node, universe)
        found = self.cache.get(key)
        if found is None:
            if key in self.done:  # the bound dropped it: what it is made of has one more use
                self.uses.update(self._key(below, universe) for below in node.arguments)
            self.done.add(key)
            found = self._call(node, universe)
            self.cache.put(key, found)
        return found

    def _call(self, node: Call, universe: str) -> FloatArray:
        operator = OPERATORS[node.operator]
        operands = [
            self._group(one.text) if place.kind is Kind.GROUP else self._value(one, universe)
            for place, one in zip(operator.arguments, node.arguments, strict=True)
        ]
        out = self._applied(operator, operands, self.given.universes.get(universe))
        for one, operand in zip(node.arguments, operands, strict=True):
            values = self._used(one, universe, operand)
            if values is not None:
                self.free.append(values)
        return out

    def _used(self, node: Node, universe: str, values: Any) -> FloatArray | None:
        """Count one use; return the values when nobody needs them any more."""
        if self.shared or not isinstance(node, Call):
            return None
        key = self._key(node, universe)
        self.uses[key] -= 1
        if self.uses[key] > 0:
            return None
        self.cache.drop(key)
        return values  # type: ignore[no-any-return]

    def _group(self, name: str) -> FloatArray:
        if name not in self.groups:
            self.groups[name] = group_numbers(self.given.labels[name])
        return self.groups[name]

    def _applied(
        self, operator: Operator, operands: list[Any], members: BoolArray | None
    ) -> FloatArray:
        import numpy as np

        rows, columns = self.given.shape
        out = self.free.pop() if self.free else np.empty((rows, columns))
        backwards = operator.family is Family.TIME_SERIES
        compared = operator.family is Family.CROSS_SECTIONAL and members is not None

        def one(part: slice) -> None:
            with np.errstate(all="ignore"):
                if backwards:
                    span = Span(start=self.given.start, begin=part.start, end=part.stop, out=out)
                    operator.function(*operands, span=span)
                    return
                pieces = [x[part] if isinstance(x, np.ndarray) else x for x in operands]
                if compared and members is not None:
                    pieces[0] = np.where(members[part], pieces[0], np.nan)
                operator.function(*pieces, out=out[part])

        size, step = (columns, _TILE) if backwards else (rows, 1)
        parts = _parts(size, self.threads, step)
        if len(parts) == 1:
            one(parts[0])
            return out
        if operator.family is Family.ELEMENTWISE:
            one(slice(0, 1))  # compiles it: two threads must not do so at once
        list(self.pool.map(one, parts))
        return out

    def _key(self, node: Node, universe: str) -> str:
        """Return what stands for the values of a sub-expression."""
        compared = node.compares and universe in self.given.universes
        if not self.shared:
            return f"{node.text} in {universe}" if compared else node.text
        reads = [self.digests[name] for name in sorted(node.fields)]
        members = [self.digests[f"universe {universe}"]] if compared else []
        return " ".join([node.text, self.digests["the places"], *reads, *members])


def _parts(size: int, threads: int, step: int) -> list[slice]:
    """Return so many parts of a range, their bounds multiples of `step`."""
    each = -(-size // (threads * step)) * step
    return [slice(begin, min(begin + each, size)) for begin in range(0, size, each)]


def _digests(given: Panel) -> dict[str, str]:
    """Return what stands for the contents of each field."""
    import numpy as np

    def digest(*parts: bytes | memoryview) -> str:
        sums = hashlib.blake2b(digest_size=16)
        for part in parts:
            sums.update(part)
        return sums.hexdigest()

    found = {name: digest(values.data) for name, values in given.numbers.items()}
    for name, labels in given.labels.items():
        found[name] = digest(repr(labels.tolist()).encode(), found.get(name, "").encode())
    for name, members in given.universes.items():
        found[f"universe {name}"] = digest(members.data)
    places = repr((given.start, given.shape, given.symbols.tolist())).encode()
    found["the places"] = digest(places, np.asarray(given.times, dtype="datetime64[ns]").tobytes())
    return found
