"""How duplicates are looked for: which planes, how many tables, and what is compared exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError

if TYPE_CHECKING:
    from nautilus_lab.factors.scale._typing import AnyArray, SingleArray

_COMPONENTS = (0, 1, 2, 4, 8, 16, 32)
_BITS = range(8, 21)
_MOST_TABLES = 256
# The share of rows, those with the least left of them, that are compared with all instead.
_APART = (0.0, 0.002, 0.01, 0.05)
# What the steps take beside each other: what a plan weighs, and nothing else hangs on them.
_FLOPS = 1e11
_COMPARE_S, _PLACE_S, _EXACT_S = 0.5e-9, 2.5e-8, 1.5e-9
_SKETCH_DEVIATIONS = 5.5
# Comparing all pairs misses none: worth what it takes below this.
_WORTH_S = 0.5


@dataclass(frozen=True, kw_only=True)
class SignPlan:
    r"""How near duplicates are found without comparing all pairs [1]_.

    Random planes through the origin give each factor a string of signs. Two factors of correlation
    :math:`\rho` lie on one side of a plane with probability :math:`1 - \arccos(\rho) / \pi`, so
    that correlated ones agree in `bits` signs, and meet in a bucket, far more often than others.

    Attributes
    ----------
    bits : int
        Signs in a code.
    tables : int
        Codes of each factor. A pair is found when any of them agrees.
    components : int
        Principal components that are taken out of the planes, so that what all factors have in
        common does not fill the buckets.
    floor : float
        The least correlation that what is left of a pair can have when the pair is at the
        threshold.
    apart : float
        Factors of which less than this is left, as a share of their variance, are compared with
        all others exactly.
    cut : int
        Bits of 256 in which the sketches of a pair may differ before it is looked at.
    seed : int
        Of the planes.
    largest_bucket : int
        Larger buckets are compared as one exact block.

    References
    ----------
    .. [1] Charikar, M. (2002). Similarity Estimation Techniques from Rounding Algorithms. STOC.
    """

    bits: int
    tables: int
    components: int = 0
    floor: float
    apart: float = 0.0
    cut: int
    seed: int = 0
    largest_bucket: int = 8_192

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= 24 or not 0 <= self.tables <= _MOST_TABLES:
            raise InputError(
                f"a plan has 2 to 24 bits and at most {_MOST_TABLES} tables",
                value=f"{self.bits} bits, {self.tables} tables",
                remedy="leave the plan out: it is made from the factors",
            )

    @property
    def recall(self) -> float:
        """The least probability with which a pair above the threshold is found."""
        if self.tables == 0:
            return 1.0
        return 1 - (1 - _agree(self.floor) ** self.bits) ** self.tables

    @classmethod
    def at(
        cls,
        floor: float,
        *,
        recall: float = 0.999,
        bits: int = 12,
        components: int = 0,
        apart: float = 0.0,
        seed: int = 0,
        largest_bucket: int = 8_192,
    ) -> SignPlan:
        """Return the plan that finds pairs of the correlation `floor` with probability `recall`."""
        per_table = _agree(floor) ** bits
        tables = math.ceil(math.log(1 - recall) / math.log1p(-per_table))
        differ = 1 - _agree(floor)
        spread = math.sqrt(differ * (1 - differ) / 256)
        return cls(
            bits=bits,
            tables=min(tables, _MOST_TABLES + 1),
            components=components,
            floor=floor,
            apart=apart,
            cut=min(127, math.ceil(256 * (differ + _SKETCH_DEVIATIONS * spread))),
            seed=seed,
            largest_bucket=largest_bucket,
        )


def made_for(
    sample: SingleArray, threshold: float, recall: float, share_missing: float, seed: int, n: int
) -> SignPlan:
    """Return the plan that takes least time on `n` factors like these.

    Parameters
    ----------
    sample : array, shape (factor, observation)
        Rows of length one.
    threshold, recall : float
    share_missing : float
        The largest share of gaps in a row that is not compared exactly anyway.
    seed : int
    n : int
    """
    import numpy as np

    width = sample.shape[1]
    # Gaps hide some of what two rows share.
    least = threshold * (1 - share_missing)
    apart_squared = 2 * (1 - least)
    exact_s = n * n * (width / _FLOPS + _EXACT_S / 2)
    best, least_s = SignPlan(bits=8, tables=0, floor=least, apart=math.inf, cut=0), exact_s
    if exact_s < _WORTH_S or len(sample) < 2:
        return best
    axes = principal_axes(sample, max(_COMPONENTS))
    for components in _COMPONENTS:
        if components > axes.shape[1] // 2:
            break
        rest = sample - (sample @ axes[:, :components]) @ axes[:, :components].T
        left = np.einsum("ij,ij->i", rest, rest)
        scaled = rest / np.sqrt(np.maximum(left, 1e-12))[:, None]
        rho = scaled @ scaled.T
        np.fill_diagonal(rho, 2.0)  # out of the range: a row is no pair with itself
        seen, edges = np.histogram(np.abs(rho, out=rho), 200, (0, 1.0001))
        middle = np.minimum((edges[1:] + edges[:-1]) / 2, 1)
        agree = 1 - np.arccos(middle) / math.pi
        for share in _APART if components else (0.0,):
            apart = float(np.quantile(left, share)) * 0.999 if components else 0.0
            if components and apart <= apart_squared:
                continue
            # |x - y|^2 = 2 (1 - rho), and taking components out only shortens it: seen from a row
            # with `apart` left, the other is at most the tangent's angle away.
            floor = math.sqrt(1 - apart_squared / apart) if components else least
            for bits in _BITS:
                if _agree(floor) ** bits < 1e-3:
                    break
                try:
                    plan = SignPlan.at(
                        floor, recall=recall, bits=bits, components=components, apart=apart,
                        seed=seed,
                    )  # fmt: skip
                except InputError:
                    break  # more tables than there may be: more bits need more still
                meet = float((seen * (agree**bits + (1 - agree) ** bits)).sum() / seen.sum())
                seconds = (
                    2 * n * width * max(bits * plan.tables, 256) / _FLOPS
                    + n * n / 2 * meet * plan.tables * _COMPARE_S
                    + n * plan.tables * _PLACE_S
                    + share * n * n * (2 * width / _FLOPS + _EXACT_S)
                )
                if seconds < least_s:
                    best, least_s = plan, seconds
    return best


def principal_axes(rows: SingleArray, count: int) -> AnyArray:
    """Return the directions that rows have most in common, shape (observation, count)."""
    import numpy as np
    from scipy.linalg import eigh

    n, width = rows.shape
    few = min(n, width, count)
    if width <= 1024:
        _, axes = eigh((rows.T @ rows).astype(np.float64), subset_by_index=[width - few, width - 1])
    else:
        some = rows[:: max(1, n // 1024)].astype(np.float64)
        few = min(few, len(some))
        _, mixes = eigh(some @ some.T, subset_by_index=[len(some) - few, len(some) - 1])
        axes, _ = np.linalg.qr(some.T @ mixes)
    return np.ascontiguousarray(axes[:, ::-1], dtype=np.float32)


def planes(plan: SignPlan, axes: AnyArray, n_observations: int) -> SingleArray:
    """Return the planes' normals, shape (observation, sign), less the components taken out."""
    import numpy as np

    rng = np.random.default_rng(plan.seed)
    normals = rng.standard_normal((n_observations, max(256, plan.bits * plan.tables)))
    if plan.components:
        out = axes[:, : plan.components].astype(np.float64)
        normals -= out @ (out.T @ normals)
    return normals.astype(np.float32)


def _agree(rho: float) -> float:
    """Return the probability that two rows lie on one side of a random plane."""
    return 1 - math.acos(min(1.0, max(-1.0, rho))) / math.pi
