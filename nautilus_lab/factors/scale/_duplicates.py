"""Pairs of factors that say the same: correlations above a threshold among all pairs there are."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.factors.scale._correlation import correlations, least_in_common
from nautilus_lab.factors.scale._estimate import estimate
from nautilus_lab.factors.scale._progress import tell
from nautilus_lab.factors.scale._running import Running, hash_of
from nautilus_lab.factors.scale._sign_plan import SignPlan, made_for, planes, principal_axes
from nautilus_lab.factors.scale._standard import unit_rows
from nautilus_lab.factors.scale._threads import (
    checked_threads,
    one_blas_thread,
    share_out,
    spans,
)

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab.factors.scale._matrix import FactorMatrix
    from nautilus_lab.factors.scale._typing import (
        AnyArray,
        ByteArray,
        CodeArray,
        CountArray,
        SingleArray,
        SketchArray,
    )

_CODED, _SENT = 1_024, 8_192
_PLACES, _ROOM = 16_384, 131_072
_TILE = 1_024
# Rows with more gaps than this share are compared with all others exactly.
_FEW_MISSING = 0.05


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class DuplicatePairs:
    """Pairs of factors whose correlation is above the threshold in size.

    Attributes
    ----------
    left, right : array of int32, shape (pair,)
        Rows of the matrix, the left one the lower; each pair once, sorted.
    rho : array of float32, shape (pair,)
        Their correlation, computed in float64 over the observations that both know.
    names : Index, shape (factor,)
        Of the matrix.
    threshold : float
    plan : SignPlan
        How they were looked for; `SignPlan.recall` is the share that must be expected to be found.
    n_compared : int
        Pairs that were looked at, of all that there are.
    """

    left: CountArray
    right: CountArray
    rho: SingleArray
    names: pd.Index[Any]
    threshold: float
    plan: SignPlan
    n_compared: int

    def __len__(self) -> int:
        return len(self.left)

    def __repr__(self) -> str:
        return f"DuplicatePairs({len(self):,} of |rho| > {self.threshold:g})"

    def table(self) -> pd.DataFrame:
        """Return the pairs by name, the most correlated first."""
        import numpy as np
        import pandas as pd

        order = np.argsort(-np.abs(self.rho), kind="stable")
        return pd.DataFrame(
            {
                "left": self.names[self.left[order]],
                "right": self.names[self.right[order]],
                "rho": self.rho[order],
            }
        )


def near_duplicates(
    matrix: FactorMatrix,
    *,
    threshold: float = 0.95,
    recall: float = 0.999,
    min_common: int | None = None,
    max_pairs: int = 20_000_000,
    plan: SignPlan | None = None,
    seed: int = 0,
    threads: int | None = None,
    executor: Any = None,
    folder: str | os.PathLike[str] | None = None,
    progress: Callable[[int, int], object] | None = None,
    max_bytes: int | None = None,
) -> DuplicatePairs:
    """Return the pairs of factors whose correlation is above the threshold, positive or negative.

    Every pair that is returned was checked exactly. Not every pair that exists is returned: one at
    the very threshold is missed with a probability of ``1 - recall``, one of a higher correlation
    far more seldom.

    Parameters
    ----------
    matrix : FactorMatrix
    threshold : float, default=0.95
        In (0, 1).
    recall : float, default=0.999
        In (0, 1): the least probability of finding a pair. More takes more tables. It holds for
        factors without gaps; those with gaps in more than a twentieth of their observations are
        compared with all others exactly.
    min_common : int, optional
        Observations that two factors must both know to be compared; by default half of all.
    max_pairs : int, default=20_000_000
        Refuse to go on when there are more: 20 000 equal factors have 200 million pairs. `clusters`
        needs none of them.
    plan : SignPlan, optional
        By default the one that takes least time, from a sample of the factors.
    seed : int, default=0
        Of the planes.
    threads, executor, folder, progress, max_bytes
        As in `scan`. The processes of an executor read the factors from files beside `folder`, or
        from a temporary folder, which they must be able to see.

    Returns
    -------
    DuplicatePairs

    Raises
    ------
    InputError
        When `threshold` or `recall` lie outside (0, 1), there are more than `max_pairs`, the work
        does not fit into `max_bytes`, or `folder` holds another work, other inputs or settings.

    Examples
    --------
    >>> import numpy as np
    >>> from nautilus_lab.factors.scale import FactorMatrix
    >>> rows = np.array([[1.0, 2, 3, 4], [-2, -4, -6, -8.1], [1, -1, 1, -1]])
    >>> found = near_duplicates(FactorMatrix(rows, ["up", "down", "zigzag"]))
    >>> found.table()[["left", "right"]].to_dict("list"), found.rho.round(3).tolist()
    ({'left': ['up'], 'right': ['down']}, [-1.0])
    """
    return _searched(
        matrix,
        threshold,
        recall,
        min_common,
        max_pairs,
        plan,
        seed,
        checked_threads(threads),
        Running(executor=executor, folder=folder, progress=progress),
        max_bytes,
        "pairs",
    )[0]


@dataclass(frozen=True, kw_only=True, eq=False)
class Material:
    """What pairs are looked for in: values, rows of length one, codes and sketches."""

    values: SingleArray
    unit: SingleArray
    gaps: ByteArray
    coded: CountArray  # the rows that the tables hold
    codes: CodeArray  # row, table
    sketch: SketchArray  # word, row
    second: SketchArray  # row, word
    threshold: float
    least_common: int
    plan: SignPlan

    def saved(self, folder: Path) -> StoredMaterial:
        """Write it where other processes find it."""
        import numpy as np

        for name in ("values", "unit", "gaps", "coded", "codes", "sketch", "second"):
            np.save(folder / f"{name}.npy", getattr(self, name), allow_pickle=False)
        return StoredMaterial(
            folder=str(folder.resolve()),
            threshold=self.threshold,
            least_common=self.least_common,
            plan=self.plan,
        )

    def loaded(self) -> Material:
        """Return itself."""
        return self


@dataclass(frozen=True, kw_only=True)
class StoredMaterial:
    """Where another process finds it."""

    folder: str
    threshold: float
    least_common: int
    plan: SignPlan

    def loaded(self) -> Material:
        """Return it, read as it is used."""
        import numpy as np

        def read(name: str) -> AnyArray:
            path = Path(self.folder) / f"{name}.npy"
            try:
                return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
            except OSError as error:
                raise StoreError(
                    "every process of the executor must see the folder",
                    value=f"{path}: {error.strerror}",
                    remedy="pass a folder that they share, or no executor",
                ) from error

        return Material(
            **{
                name: read(name)
                for name in ("values", "unit", "gaps", "coded", "codes", "sketch", "second")
            },
            threshold=self.threshold,
            least_common=self.least_common,
            plan=self.plan,
        )


def _searched(
    matrix: FactorMatrix,
    threshold: float,
    recall: float,
    min_common: int | None,
    max_pairs: int | None,
    plan: SignPlan | None,
    seed: int,
    threads: int,
    running: Running,
    max_bytes: int | None,
    kind: Literal["pairs", "forest"],
) -> tuple[DuplicatePairs, SingleArray, ByteArray]:
    """Return the pairs, or some that join all that is joined, with rows of length one and gaps."""
    import numpy as np

    for what, share in (("threshold", threshold), ("recall", recall)):
        if not 0 < share < 1:
            raise InputError(f"{what} must lie in (0, 1)", value=share, remedy=f"{what}=0.95")
    needed = estimate(
        "near_duplicates" if kind == "pairs" else "clusters", *matrix.shape, threads=threads
    )
    needed.require(max_bytes)
    tell(running.progress, needed)
    n, width = matrix.shape
    unit = unit_rows(matrix, threads=threads)
    gaps = (matrix.n_known < width).astype(np.uint8)
    missing = 1 - matrix.n_known / width
    whole = matrix.usable & (missing <= _FEW_MISSING)
    rows = np.flatnonzero(whole)
    with one_blas_thread():
        if plan is None:
            share = float(missing[rows].max()) if len(rows) else 0.0
            plan = made_for(_sampled(unit, rows, seed), threshold, recall, share, seed, len(rows))
        axes = _axes(unit, rows, plan)
        coded, exact = _split(unit, rows, matrix.usable, axes, plan, threads)
        normals = planes(plan, axes, width)

        each = 1 if running.executor is not None else threads
        chunks = spans(n, _SENT if running.executor is not None else 32 * _SENT)
        tables = list(range(plan.tables)) if len(coded) > 1 else []
        blocks = spans(len(exact), _TILE)
        stages = _Stages(running, len(chunks) + len(tables) + len(blocks))
        settings = {
            "threshold": threshold,
            "min_common": least_in_common(min_common, width),
            "plan": repr(plan),
            "kind": kind,
        }
        hashed = "" if running.folder is None else hash_of(matrix.values)
        codes = np.empty((n, plan.tables), np.uint32)
        sketch, second = np.empty((4, n), np.uint64), np.empty((n, 4), np.uint64)
        for (begin, end), answer in stages.of("codes", len(chunks) if tables else 0).each(
            "codes",
            code_chunk,
            chunks if tables else [],
            lambda chunk: (unit[slice(*chunk)], normals, plan, each),
            settings=settings,
            sources=lambda: hashed,
        ):
            codes[begin:end] = answer["codes"]
            sketch[:, begin:end] = answer["sketch"]
            second[begin:end] = answer["second"]
        material = Material(
            values=matrix.values,
            unit=unit,
            gaps=gaps,
            coded=coded,
            codes=codes,
            sketch=sketch,
            second=second,
            threshold=threshold,
            least_common=least_in_common(min_common, width),
            plan=plan,
        )
        found: list[dict[str, AnyArray]] = []
        with _seen_by(running.executor, material) as seen:
            for work, task, parts, inputs in (
                ("tables", table_chunk, tables, lambda part: (seen, part, kind, each)),
                (
                    "exact",
                    exact_chunk,
                    blocks,
                    lambda part: (seen, exact[slice(*part)], matrix.usable, exact, each),
                ),
            ):
                for _, answer in stages.of(work, len(parts)).each(
                    work, task, parts, inputs, settings=settings, sources=lambda: hashed
                ):
                    found.append(answer)
                    count = sum(len(part["left"]) for part in found)
                    if max_pairs is not None and count > max_pairs:
                        raise InputError(
                            f"there must be at most max_pairs={max_pairs:,} duplicates",
                            value=f"{count:,} so far",
                            remedy="raise the threshold, or ask for clusters, which need no pairs",
                        )
    return _gathered(found, matrix, threshold, plan), unit, gaps


@dataclass
class _Stages:
    """One progress over the stages of one work, each with a folder of its own."""

    running: Running
    total: int
    before: int = 0

    def of(self, name: str, count: int) -> Running:
        before, told = self.before, self.running.progress
        self.before += count
        folder = self.running.folder
        return Running(
            executor=self.running.executor,
            folder=None if folder is None else Path(folder) / name,
            progress=None if told is None else lambda done, _: told(before + done, self.total),
        )


def code_chunk(
    unit: SingleArray, normals: SingleArray, plan: SignPlan, threads: int
) -> dict[str, AnyArray]:
    """Return codes (row, table) and sketches (word, row; row, word) of some rows of length one."""
    import numpy as np

    from nautilus_lab.factors.scale._pair_kernels import encode

    codes = np.empty((len(unit), plan.tables), np.uint32)
    sketch, second = np.empty((4, len(unit)), np.uint64), np.empty((len(unit), 4), np.uint64)

    def work(begin: int, end: int) -> None:
        encode(
            unit[begin:end] @ normals, plan.bits, plan.second_at,
            codes[begin:end], sketch[:, begin:end], second[begin:end],
        )  # fmt: skip

    with one_blas_thread():
        share_out(work, len(unit), _CODED, threads)
    return {"codes": codes, "sketch": sketch, "second": second}


def table_chunk(
    stored: Material | StoredMaterial,
    table: int,
    kind: Literal["pairs", "forest"],
    threads: int,
) -> dict[str, AnyArray]:
    """Return what one table finds."""
    import numpy as np

    from nautilus_lab.factors.scale._pair_kernels import gather_sketches, sort_by_code

    material = stored.loaded()
    plan = material.plan
    order = np.empty_like(material.coded)
    starts = np.zeros((1 << (plan.bits - 1)) + 1, np.int32)
    codes = np.ascontiguousarray(material.codes[:, table])
    sort_by_code(codes, material.coded, starts, order)
    sketch = np.empty((4, len(order)), np.uint64)
    share_out(
        lambda begin, end: gather_sketches(material.sketch, order, sketch, begin, end),
        len(order),
        4 * _PLACES,
        threads,
    )
    if kind == "forest":
        return _forest(material, starts, order, sketch, threads)
    sizes = np.diff(starts)
    large = np.flatnonzero(sizes > plan.largest_bucket)
    stop = np.repeat(starts[1:], sizes)
    for bucket in large.tolist():
        inside = slice(starts[bucket], starts[bucket + 1])
        stop[inside] = np.arange(inside.start + 1, inside.stop + 1)
    found = _within(material, table, order, stop, sketch, threads)
    for bucket in large.tolist():
        found.append(_block(material, table, np.sort(order[starts[bucket] : starts[bucket + 1]])))
    return _joined(found)


def _within(
    material: Material,
    table: int,
    order: CountArray,
    stop: CountArray,
    sketch: SketchArray,
    threads: int,
) -> list[dict[str, AnyArray]]:
    import numpy as np

    from nautilus_lab.factors.scale._pair_kernels import pairs_within

    found: list[dict[str, AnyArray]] = []
    plan = material.plan
    room = max(_ROOM, plan.largest_bucket + 1)

    def work(begin: int, end: int) -> None:
        left, right = np.empty(room, np.int32), np.empty(room, np.int32)
        rho = np.empty(room, np.float32)
        while begin < end:
            begin, count, compared = pairs_within(
                begin, end, table, order, stop, sketch, material.second, material.codes,
                material.values, material.unit, material.gaps, material.threshold, plan.cut,
                plan.second_cut, material.least_common, left, right, rho,
            )  # fmt: skip
            found.append(_answer(left[:count].copy(), right[:count].copy(), rho[:count], compared))

    share_out(work, len(order), _PLACES, threads)
    return found


def _forest(
    material: Material, starts: CountArray, order: CountArray, sketch: SketchArray, threads: int
) -> dict[str, AnyArray]:
    import numpy as np

    from nautilus_lab.factors.scale._pair_kernels import forest_within

    found: list[dict[str, AnyArray]] = []

    def work(begin: int, end: int) -> None:
        room = int(starts[end] - starts[begin])
        left, right = np.empty(room, np.int32), np.empty(room, np.int32)
        rho = np.empty(room, np.float32)
        count = forest_within(
            starts, begin, end, order, sketch, material.second, material.values, material.unit,
            material.gaps, material.threshold, material.plan.cut, material.plan.second_cut,
            material.least_common, left, right, rho,
        )  # fmt: skip
        found.append(_answer(left[:count].copy(), right[:count].copy(), rho[:count], room))

    share_out(work, len(starts) - 1, max(1, (len(starts) - 1) // 32), threads)
    return _joined(found)


def _block(material: Material, table: int, rows: CountArray) -> dict[str, AnyArray]:
    """Return the pairs within a bucket that is compared as one block, earlier tables' left out."""
    import numpy as np

    from nautilus_lab.factors.scale._pair_kernels import earliest

    found = []
    for begin, end in spans(len(rows), _TILE):
        answer = _tiles(material, rows[begin:end], rows[begin:])
        keep = answer["left"] < answer["right"]
        left, right = answer["left"][keep], answer["right"][keep]
        first = np.empty(len(left), np.uint8)
        earliest(left, right, table, material.codes, first)
        new = first > 0
        found.append(
            _answer(left[new], right[new], answer["rho"][keep][new], int(answer["compared"][0]))
        )
    return _joined(found)


def exact_chunk(
    stored: Material | StoredMaterial,
    rows: CountArray,
    usable: AnyArray,
    exact: CountArray,
    threads: int,
) -> dict[str, AnyArray]:
    """Return the pairs of some rows with all others, each once."""
    import numpy as np

    material = stored.loaded()
    others = np.flatnonzero(usable).astype(np.int32)
    found: list[dict[str, AnyArray]] = []

    def work(begin: int, end: int) -> None:
        found.append(_tiles(material, rows, others[begin:end]))

    with one_blas_thread():
        share_out(work, len(others), 4 * _TILE, threads)
    answer = _joined(found)
    # Of two rows that are both compared with all, the lower one reports the pair.
    twice = np.isin(answer["right"], exact) & (answer["left"] >= answer["right"])
    keep = ~twice & (answer["left"] != answer["right"])
    left, right = answer["left"][keep], answer["right"][keep]
    return {
        "left": np.minimum(left, right),
        "right": np.maximum(left, right),
        "rho": answer["rho"][keep],
        "compared": answer["compared"],
    }


def _tiles(material: Material, left: CountArray, right: CountArray) -> dict[str, AnyArray]:
    """Return the pairs between two lists of rows, each place of the rectangle looked at."""
    import numpy as np

    from nautilus_lab.factors.scale._pair_kernels import verify

    found = []
    a = material.unit[left], material.values[left], material.gaps[left]
    for begin, end in spans(len(right), _TILE):
        some = right[begin:end]
        b = material.unit[some], material.values[some], material.gaps[some]
        room = np.empty((len(left), len(some)), np.float32)
        rho = correlations(a[0], b[0], a[1], b[1], a[2], b[2], material.least_common, room)
        rows, columns = np.nonzero(np.abs(rho) > material.threshold - 1e-4)
        pairs = left[rows], some[columns]
        exact = np.empty(len(rows), np.float32)
        verify(*pairs, material.values, material.threshold, material.least_common, exact)
        kept = exact != 0
        found.append(_answer(pairs[0][kept], pairs[1][kept], exact[kept], room.size))
    return _joined(found)


def _answer(
    left: CountArray, right: CountArray, rho: SingleArray, compared: int
) -> dict[str, AnyArray]:
    import numpy as np

    return {"left": left, "right": right, "rho": rho.copy(), "compared": np.array([compared])}


def _joined(found: list[dict[str, AnyArray]]) -> dict[str, AnyArray]:
    import numpy as np

    kinds = {"left": np.int32, "right": np.int32, "rho": np.float32}
    joined: dict[str, AnyArray] = {
        name: np.concatenate([np.empty(0, kind), *(part[name] for part in found)]).astype(kind)
        for name, kind in kinds.items()
    }
    joined["compared"] = np.array([sum(int(part["compared"][0]) for part in found)])
    return joined


def _gathered(
    found: list[dict[str, AnyArray]], matrix: FactorMatrix, threshold: float, plan: SignPlan
) -> DuplicatePairs:
    import numpy as np

    joined = _joined(found)
    order = np.lexsort((joined["right"], joined["left"]))
    return DuplicatePairs(
        left=joined["left"][order],
        right=joined["right"][order],
        rho=joined["rho"][order],
        names=matrix.names,
        threshold=threshold,
        plan=plan,
        n_compared=int(joined["compared"][0]),
    )


def _sampled(unit: SingleArray, rows: AnyArray, seed: int) -> SingleArray:
    """Return some of the rows, the same for the same seed."""
    import numpy as np

    few = np.random.default_rng(seed).choice(rows, min(len(rows), 2048), replace=False)
    some: SingleArray = unit[np.sort(few)]
    return some


def _axes(unit: SingleArray, rows: AnyArray, plan: SignPlan) -> AnyArray:
    import numpy as np

    if not plan.components or not len(rows):
        return np.empty((unit.shape[1], 0), np.float32)
    return principal_axes(_sampled(unit, rows, plan.seed), plan.components)


def _split(
    unit: SingleArray,
    rows: AnyArray,
    usable: AnyArray,
    axes: AnyArray,
    plan: SignPlan,
    threads: int,
) -> tuple[CountArray, CountArray]:
    """Return the rows that tables hold, and those that are compared with all others."""
    import numpy as np

    held = np.zeros(len(unit), dtype=bool)
    if plan.tables:
        held[rows] = True
    if plan.components and plan.tables:
        left = np.empty(len(unit), np.float32)

        def work(begin: int, end: int) -> None:
            shadow = unit[begin:end] @ axes
            left[begin:end] = 1 - np.einsum("ij,ij->i", shadow, shadow)

        share_out(work, len(unit), _CODED, threads)
        held &= left >= plan.apart
    return (
        np.flatnonzero(held).astype(np.int32),
        np.flatnonzero(usable & ~held).astype(np.int32),
    )


@contextmanager
def _seen_by(executor: Any, material: Material) -> Iterator[Material | StoredMaterial]:
    """Give the material as the tasks take it: itself, or files that other processes read."""
    if executor is None:
        yield material
        return
    with tempfile.TemporaryDirectory(prefix="nl-factors-") as folder:
        yield material.saved(Path(folder))
