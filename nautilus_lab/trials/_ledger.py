"""The record of everything that was tried."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import AuditError, InputError, NotEnoughData
from nautilus_lab.provenance import provenance
from nautilus_lab.trials._batch import MEASURES, Batch
from nautilus_lab.trials._book import Book, Verification
from nautilus_lab.trials._code import code_of
from nautilus_lab.trials._comparison import Comparison, compare
from nautilus_lab.trials._data import keep, kept
from nautilus_lab.trials._digest import canonical, fingerprint
from nautilus_lab.trials._entry import Entry, packed
from nautilus_lab.trials._population import Population, population_of
from nautilus_lab.trials._run import Run, run_of
from nautilus_lab.trials._study import Study, now_ns
from nautilus_lab.trials._verdict import DeflatedSharpe, verdict_on

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab.analytics.significance import EffectiveTrials, MultipleTests, Overfitting
    from nautilus_lab.analytics.significance._effective import Method as Counting
    from nautilus_lab.analytics.significance._multiple_tests import Method as Adjustment

# Of a larger batch the returns of some are kept: enough to tell how alike all are.
_MOST_RETURNS = 5_000
_MOST_BYTES = 64_000_000
_CHOSEN = 64
_COLUMNS = ("study", "kind", "name", "sharpe", "t", "p", "n_observations", "recorded", "repeat")


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """Every trial of a workspace, by study; only ever added to.

    A trial that was tried and is not in it makes what was chosen look better than it is.

    Parameters
    ----------
    folder : path
        Where it is kept, made when something is first recorded: ``trials.db``, and the data of
        the trials beside it.
    keep_bytes : int, default=64_000_000
        Data of at most this size are kept, once for all trials that read them, so that those can
        be made again without being handed them.

    Examples
    --------
    >>> import tempfile, numpy as np, pandas as pd
    >>> room = tempfile.TemporaryDirectory()
    >>> ledger = Ledger(folder=room.name)
    >>> study = ledger.study("coin tosses")
    >>> days = pd.date_range("2024-01-01", periods=250, tz="UTC")
    >>> tosses = np.random.default_rng(1).normal(0, 0.01, (20, 250))
    >>> runs = [study.record(f"coin {n}", pd.Series(line, days)) for n, line in enumerate(tosses)]
    >>> best = max(runs, key=lambda run: run.results["sharpe"])
    >>> found = ledger.deflated_sharpe(best)
    >>> round(found.undeflated, 2), round(found.probability, 2)
    (0.99, 0.48)
    >>> found.n_trials, found.effective
    (20, EffectiveTrials(20.0 of 20, by clusters))
    >>> room.cleanup()
    """

    folder: Path
    keep_bytes: int = 64_000_000
    _book: Book = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        folder = Path(os.path.abspath(self.folder))
        object.__setattr__(self, "folder", folder)
        object.__setattr__(self, "_book", Book(folder / "trials.db"))

    @classmethod
    def of_workspace(cls, root: Path | str | None = None) -> Ledger:
        """Return the ledger of a workspace; of the one around here when none is given."""
        from nautilus_lab.config import load_settings

        return cls(folder=load_settings(root).home_path / "trials")

    def study(self, name: str) -> Study:
        """Return the study of that name, to record trials in; it begins with its first.

        Raises
        ------
        InputError
            When the name is empty, too long or not printable.
        """
        return Study(ledger=self, name=name)

    def studies(self) -> pd.DataFrame:
        """Return one row for each study: ``records``, ``first`` and ``last``, UTC."""
        import json

        import pandas as pd

        rows: dict[str, list[Any]] = {}
        for seq, study, head in self._book.heads():
            try:
                told = json.loads(head)
                n, at = int(told["n"]), int(told["recorded_ns"])
            except (ValueError, KeyError, TypeError) as error:
                raise AuditError(
                    "an entry of the ledger must be as it was written",
                    value=f"entry {seq} of {self.folder / 'trials.db'} was changed",
                    remedy="take the file from a backup; nautilus-lab trials verify tells more",
                ) from error
            row = rows.setdefault(study, [0, at, at])
            # A clock may have been set back.
            rows[study] = [row[0] + n, min(row[1], at), max(row[2], at)]
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["records", "first", "last"])
        for column in ("first", "last"):
            table[column] = pd.to_datetime(table[column].astype("int64"), unit="ns", utc=True)
        return table.rename_axis("study")

    def runs(self, study: str | None = None) -> pd.DataFrame:
        """Return one row for each record, in their order.

        Parameters
        ----------
        study : str, optional
            Only those of this one.

        Returns
        -------
        DataFrame
            Indexed by id; columns study, kind, name, sharpe (per period), t, p, n_observations,
            recorded (UTC), and repeat: whether the same had been tried in the study before.
        """
        import numpy as np
        import pandas as pd

        tables = []
        for one in self._book.entries(self._names(study)):
            results = one.results
            tables.append(
                pd.DataFrame(
                    {
                        "study": one.study,
                        "kind": one.told["kind"],
                        "name": one.names,
                        "sharpe": results["sharpe"],
                        "t": results["t"],
                        "p": results["p"],
                        "n_observations": results["n_observations"].astype(np.int64),
                        "recorded": pd.Timestamp(one.told["recorded_ns"], tz="UTC"),
                        "hash": one.hashes.tobytes().hex()
                        if one.n == 1
                        else [row.tobytes().hex() for row in one.hashes],
                    },
                    [str(one.seq)] if one.n == 1 else [f"{one.seq}.{n}" for n in range(one.n)],
                )
            )
        if not tables:
            return pd.DataFrame(columns=list(_COLUMNS)).rename_axis("id")
        table = pd.concat(tables)
        table["repeat"] = table.duplicated(["study", "hash"])
        return table.drop(columns="hash").rename_axis("id")

    def run(self, id: str | int) -> Run:  # noqa: A002  # what tables call it
        """Return one trial.

        Raises
        ------
        InputError
            When there is none of that id.
        """
        text = str(id)
        seq, _, row = text.partition(".") if text.isascii() else ("", "", "")
        entry = self._book.entry(int(seq)) if seq.isdecimal() and len(seq) < 19 else None
        within = int(row) if row.isdecimal() and len(row) < 19 else 0
        if entry is None or (row and not row.isdecimal()) or within >= entry.n:
            raise InputError(
                "it must be a recorded trial",
                value=text,
                remedy="see ledger.runs(), or nautilus-lab trials list",
            )
        if not row and entry.n > 1:
            raise InputError(
                f"this entry holds {entry.n:,} trials",
                value=text,
                remedy=f"say which: {text}.0 to {text}.{entry.n - 1}",
            )
        return run_of(entry, within, self)

    def compare(self, a: Run | str, b: Run | str) -> Comparison:
        """Return what differs between two trials: parameters, data, code, packages, results."""
        return compare(self._run(a), self._run(b))

    def effective_trials(
        self,
        study: str | Sequence[str],
        *,
        method: Counting = "clusters",
        threshold: float = 0.9,
        seed: int = 0,
    ) -> EffectiveTrials:
        """Count the independent trials of a study, or of several.

        See `nautilus_lab.analytics.significance.effective_trials`. Trials whose returns were not
        kept count as independent; those of a large batch that kept some, as those do.
        """
        population = self._population(self._chosen(study))
        return population.effective(method=method, threshold=threshold, seed=seed)

    def deflated_sharpe(
        self,
        run: Run | str,
        *,
        studies: str | Sequence[str] | None = None,
        method: Counting = "clusters",
        threshold: float = 0.9,
        seed: int = 0,
        either_sign: bool = False,
    ) -> DeflatedSharpe:
        """Judge a trial against all that were tried.

        Parameters
        ----------
        run : Run or str
        studies : str or sequence of str, optional
            Whose trials count; those of its own study when not given.
        method, threshold, seed
            How independent trials are counted.
        either_sign : bool, default=False
            Whether the trial was chosen by the size of its Sharpe ratio or t, to be turned over
            where it is negative: then it is judged as turned, among twice as many.

        Returns
        -------
        DeflatedSharpe
            Shows the number of trials and of effective ones.

        Raises
        ------
        InputError
            When there is no such trial, or it is not among those of `studies`.
        NotEnoughData
            When it has fewer than 2 returns.
        """
        one = self._run(run)
        names = self._chosen(one.study if studies is None else studies)
        population = self._population(names)
        counted = set(population.hashes.tolist())
        # numpy gives texts of bytes back without the zeros at their end.
        if bytes.fromhex(one.hash).rstrip(b"\0") not in counted:
            raise InputError(
                "a trial is judged among those it is one of",
                value=f"{one.id} of {one.study!r}",
                remedy=f"studies={[one.study, *names]}",
            )
        effective = population.effective(method=method, threshold=threshold, seed=seed)
        notices = self._elsewhere(names, counted)
        return verdict_on(one, population, effective, names, notices, either_sign)

    def significant(
        self,
        study: str | Sequence[str],
        *,
        method: Adjustment = "benjamini-hochberg",
        alpha: float = 0.05,
    ) -> MultipleTests:
        """Return which trials of a study stand when all of them are counted.

        By the p-values of their t statistics: Newey and West's of the IC of a factor, of the mean
        return of anything else. See `nautilus_lab.analytics.significance.multiple_tests`.
        """
        import pandas as pd

        from nautilus_lab.analytics.significance import multiple_tests

        population = self._population(self._chosen(study))
        names = pd.Index(population.names, name="trial")
        if not names.is_unique:
            both = zip(population.names, population.ids, strict=True)
            names = pd.Index([f"{name} [{place}]" for name, place in both], name="trial")
        return multiple_tests(pd.Series(population.results["p"], names), method=method, alpha=alpha)

    def overfitting(self, study: str | Sequence[str], *, blocks: int = 16) -> Overfitting:
        """Return how likely the best of a study is overfitted; over the times all trials have.

        See `nautilus_lab.analytics.significance.overfitting`.

        Raises
        ------
        NotEnoughData
            When returns of a trial were not kept, or the times they share are too few.
        """
        import numpy as np
        import pandas as pd

        from nautilus_lab.analytics.significance import overfitting

        population = self._population(self._chosen(study))
        held = population.with_returns
        if len(held) < len(population) or len(held) > _MOST_RETURNS:
            raise NotEnoughData(
                f"the returns of every trial are needed, of at most {_MOST_RETURNS:,}",
                value=f"{len(held):,} of {len(population):,} were kept",
                remedy="record them one by one, or pass a frame to significance.overfitting",
            )
        times, values = population.matrix(held)
        whole = ~np.isnan(values).any(axis=0)
        if not whole.any():
            raise NotEnoughData("the trials must have times in common", value="none")
        index = pd.DatetimeIndex(times[whole], tz="UTC")
        return overfitting(pd.DataFrame(values[:, whole].T, index), blocks=blocks)

    def verify(self, expected: str = "") -> Verification:
        """Check that every entry is as it was written, and follows the one before.

        Parameters
        ----------
        expected : str, optional
            The digest, or its first characters, that a head had once: it must still be there. A
            chain alone cannot tell that its end was cut off.
        """
        return self._book.verify(expected)

    def require_writable(self) -> None:
        """Raise StoreUnwritable when nothing could be recorded now."""
        self._book.require_writable()

    def append(self, study: Study, batch: Batch) -> Entry:
        """Record a batch; it is on the disk when this returns.

        Raises
        ------
        StoreUnwritable
            When it cannot be written; then nothing of it is there.
        """
        held = _compacted(batch)
        returns = held.outcome.returns
        n_kept = 0 if returns is None else returns.shape[1]
        head = {
            "n": len(held.names),
            "kind": held.kind,
            "results": [str(name) for name in held.outcome.results],
            "recorded_ns": now_ns(),
            "parameters": dict(held.parameters),
            "data": {name: self._kept(frame) for name, frame in held.data.items()},
            "recipe": held.recipe.as_plain(),
            "seed": held.seed,
            "job": os.environ.get("NL_RUN", ""),
            "sampled": n_kept < len(held.names),
            "n_chosen": held.n_chosen,
            "code": code_of(self.folder.parent),
        }
        return self._book.append(study.name, canonical(head), packed(held))

    def kept_data(self, digest: str) -> pd.DataFrame | None:
        """Return data that were kept; None when they were not, or are no more."""
        return kept(self.folder / "data", digest)

    def _kept(self, frame: pd.DataFrame) -> dict[str, Any]:
        mark = fingerprint(frame)
        why = keep(self.folder / "data", frame, mark, self.keep_bytes)
        return {**dataclasses.asdict(mark), "source": provenance(frame).source, "kept": why}

    def _run(self, run: Run | str) -> Run:
        return run if isinstance(run, Run) else self.run(run)

    def _names(self, study: str | None) -> tuple[str, ...] | None:
        return None if study is None else (self.study(study).name,)

    def _chosen(self, studies: str | Sequence[str]) -> tuple[str, ...]:
        given = [studies] if isinstance(studies, str) else list(studies)
        return tuple(dict.fromkeys(self.study(name).name for name in given))

    def _population(self, studies: Sequence[str]) -> Population:
        return population_of(self._book.entries(studies), MEASURES)

    def _elsewhere(self, studies: Sequence[str], counted: set[bytes]) -> tuple[str, ...]:
        """Say which other studies tried some of the same."""
        others = {name for _, name, _ in self._book.heads()} - set(studies)
        found = []
        for name in sorted(others):
            theirs: set[bytes] = set()
            for one in self._book.entries([name]):
                theirs.update(one.keys.tolist())
            both = len(theirs & counted)
            if both:
                found.append(
                    f"{both:,} of these trials are in the study {name!r} too, which has "
                    f"{len(theirs):,}: count both with studies=[...] if they asked one question."
                )
        return tuple(found)


def open_study(study: Study | str, ledger: Ledger | None = None) -> Study:
    """Return the study that is meant, its ledger found writable.

    Parameters
    ----------
    study : Study or str
    ledger : Ledger, optional
        Where a study that is given by name is; the ledger of the workspace around here when not
        given.

    Raises
    ------
    InputError
        When it is neither, or the name is refused.
    StoreUnwritable
        When nothing can be recorded: better before the work than after it.
    """
    if isinstance(study, str):
        study = (ledger or Ledger.of_workspace()).study(study)
    if not isinstance(study, Study):
        raise InputError(
            "a study is a name, or what ledger.study(name) returns", value=type(study).__name__
        )
    study.ledger.require_writable()
    return study


def _compacted(batch: Batch) -> Batch:
    """Return a batch with the returns of no more trials than are needed to tell how alike all are.

    Those of the largest t, which are looked at most, and a sample by chance.
    """
    import numpy as np

    returns = batch.outcome.returns
    if returns is None or batch.rows is not None:
        return batch
    n, most = returns.shape[1], _MOST_RETURNS
    most = max(2 * _CHOSEN, min(most, _MOST_BYTES // (4 * max(1, len(returns)))))
    if n <= most:
        return batch
    rows = sampled_rows(np.abs(batch.outcome.results["t"]), most)
    return dataclasses.replace(
        batch,
        outcome=dataclasses.replace(batch.outcome, returns=returns.iloc[:, rows]),
        rows=rows,
        n_chosen=_CHOSEN,
    )


def sampled_rows(score: Any, most: int = _MOST_RETURNS, chosen: int = _CHOSEN) -> Any:
    """Return which trials' returns are kept of many: `chosen` of the highest score, then a sample.

    Always the same ones of the same number: a sample that can be drawn again cannot be picked.
    """
    import numpy as np

    order = np.argsort(-np.nan_to_num(score, nan=-np.inf), kind="stable")
    rest = np.random.default_rng(0).choice(order[chosen:], most - chosen, replace=False)
    return np.concatenate([order[:chosen], np.sort(rest)])
