"""A trial made again, and whether it came out as it did."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from nautilus_lab.exceptions import LabError, StoreError
from nautilus_lab.trials._batch import Outcome
from nautilus_lab.trials._code import code_of, found_at, source_digest
from nautilus_lab.trials._digest import Fingerprint, fingerprint, given_back
from nautilus_lab.trials._study import returns_of

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab.trials._recipe import Recipe
    from nautilus_lab.trials._run import Run

Verdict: TypeAlias = Literal["equal", "differs", "cannot"]


@dataclass(frozen=True, kw_only=True)
class Reproduction:
    """What came of making a trial again.

    Attributes
    ----------
    run : str
        Its id.
    verdict : {"equal", "differs", "cannot"}
    reasons : tuple of str
        Where it differs, or why it cannot be made again.
    changed : tuple of str
        What is not as it was then, although it decides nothing by itself: packages, revisions.
    """

    run: str
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def __repr__(self) -> str:
        why = f": {'; '.join(self.reasons)}" if self.reasons else ""
        since = f"; changed since: {'; '.join(self.changed)}" if self.changed else ""
        return f"Reproduction({self.run} {self.verdict}{why}{since})"

    @property
    def equal(self) -> bool:
        """Whether it came out as it did."""
        return self.verdict == "equal"


def reproduce(
    run: Run, given: Sequence[pd.DataFrame], *, tolerance: float, changed_code: bool
) -> Reproduction:
    """Make a trial again; see `Run.reproduce`."""
    changed = _changes(run.code, code_of(run.ledger.folder))

    def answer(verdict: Verdict, *reasons: str) -> Reproduction:
        return Reproduction(run=run.id, verdict=verdict, reasons=reasons, changed=tuple(changed))

    if run.recipe.missing or not run.recipe.function:
        return answer("cannot", run.recipe.missing or "no definition was recorded")
    unknown = _not_of_record(run.recipe)
    if unknown:
        return answer("cannot", *unknown)
    try:
        function = found_at(run.recipe.function)
        texts = {place: source_digest(found_at(place)) for place in run.recipe.sources}
    except (Exception, SystemExit) as error:  # whatever the modules end in
        return answer("cannot", f"not importable: {error}")
    rewritten = [
        f"the code of {place} has changed"
        for place, text in run.recipe.sources.items()
        if texts[place] != text or not text
    ]
    if rewritten and not changed_code:
        return answer("cannot", *rewritten, "changed_code=True makes it all the same")
    changed += rewritten
    data, lacking = _data_of(run, given)
    if lacking:
        return answer("cannot", *lacking)
    try:
        made = function(*data, **given_back(run.recipe.parameters))
        outcome, row = (made, run.row) if isinstance(made, Outcome) else (_of(made), 0)
    except Exception as error:  # whatever the user's function ends in is the answer
        told = str(error) if isinstance(error, LabError) else f"{type(error).__name__}: {error}"
        differences = [f"it ends in an error now: {told}"]
    else:
        differences = _differences(run, outcome, row, tolerance)
    if differences and run.recipe.altered:
        return answer("cannot", f"{run.recipe.altered}, and is kept as text", *differences)
    return answer("differs", *differences) if differences else answer("equal")


def _not_of_record(recipe: Recipe) -> list[str]:
    """Say which functions it would call although no text of theirs was recorded.

    `Study` records that of each, so that none of Python itself is among them: a ledger that names
    another one was not written by it.
    """
    told = [recipe.function]
    for one in recipe.parameters.values():
        if isinstance(one, Mapping) and set(one) == {"function", "settings"}:
            told.append(str(one["function"]))
    return [
        f"{place} is not run: its text was not recorded"
        for place in told
        if place not in recipe.sources or _of_python(place)
    ]


def _of_python(place: str) -> bool:
    top = place.partition(":")[0].partition(".")[0]
    return top in sys.stdlib_module_names and top != "__main__"


def _of(made: Any) -> Outcome:
    return Outcome.of(returns_of(made).to_frame("again"))


def _data_of(run: Run, given: Sequence[pd.DataFrame]) -> tuple[list[pd.DataFrame], list[str]]:
    """Return the data of a trial, and what is wrong with them."""
    found, wrong = [], []
    if given and len(given) != len(run.data):
        return [], [f"it takes {len(run.data)} frames ({', '.join(run.data)}), not {len(given)}"]
    for place, (name, told) in enumerate(run.data.items()):
        try:
            frame = given[place] if given else run.ledger.kept_data(told["digest"])
        except StoreError as error:
            wrong.append(f"{name} cannot be read ({error.value}); pass them: reproduce({name})")
            continue
        if frame is None:
            why = told["kept"] or "the file is gone"
            wrong.append(f"{name} were not kept ({why}); pass them: reproduce({name})")
            continue
        mark = fingerprint(frame)
        if mark.digest != told["digest"]:
            wrong.append(f"{name} changed: {_told(told)} then, {_shown(mark)} now")
        found.append(frame)
    return found, wrong


def _shown(mark: Fingerprint) -> str:
    return _told({"shape": mark.shape, "begin": mark.begin, "end": mark.end, "digest": mark.digest})


def _told(mark: Any) -> str:
    shape = " x ".join(map(str, mark["shape"]))
    dates = f", {mark['begin'][:10]} to {mark['end'][:10]}" if mark["begin"] else ""
    return f"{shape}{dates}, {mark['digest'][:8]}"


def _differences(run: Run, outcome: Outcome, row: int, tolerance: float) -> list[str]:
    import numpy as np

    n = len(next(iter(outcome.results.values())))
    if row >= n:
        return [f"it makes {n} trials now, this was number {row + 1}"]
    found = []
    for name, then in run.results.items():
        if name not in outcome.results:
            continue  # what the caller added to the record by hand
        now = float(outcome.results[name][row])
        both_nan = math.isnan(then) and math.isnan(now)
        if not both_nan and not abs(now - then) <= tolerance * max(1.0, abs(then)):
            found.append(f"{name} was {then:.10g}, is {now:.10g}")
    if run.returns is not None and outcome.returns is not None:
        # They are kept as float32.
        again = outcome.returns.iloc[:, row].dropna().astype(np.float32).astype(float)
        then_at, now_at = run.returns.index, again.index
        if len(then_at) != len(now_at) or not (then_at == now_at).all():
            found.append(f"returns had {len(then_at)} times, have {len(now_at)}, or others")
        else:
            apart = np.abs(again.to_numpy() - run.returns.to_numpy())
            limit = np.maximum(tolerance, 1e-6 * np.abs(run.returns.to_numpy()))
            if (apart > limit).any():
                place = int((apart > limit).argmax())
                found.append(
                    f"returns differ from {then_at[place]} on: {run.returns.iloc[place]:.8g} was, "
                    f"{again.iloc[place]:.8g} is"
                )
    return found


def _changes(then: Any, now: Any) -> list[str]:
    found = []
    for name in dict.fromkeys((*then["packages"], *now["packages"])):
        before, after = then["packages"].get(name, "none"), now["packages"].get(name, "none")
        if before != after:
            found.append(f"{name} {before} -> {after}")
    for name in ("python", "library", "workspace"):
        if then[name] != now[name]:
            found.append(f"{name} {then[name][:12] or 'none'} -> {now[name][:12] or 'none'}")
    return found
