"""How duplicates are looked for: which planes, how many tables, and what is compared exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
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
# A pair whose sketches are near is looked up in earlier tables, and if new, multiplied.
_LOOK_S, _PRODUCT_S = 5e-9, 5e-10
# The probability that the sketches of a pair at the floor differ in more bits than the cut.
_SKETCH_MISSES = 1e-5
# Comparing all pairs misses none: worth what it takes below this.
_WORTH_S = 0.5
_BINS = 200
# Of the sample's rows, those compared with each other.
_EVERY = 2


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
    second_cut : int
        The same of a second sketch, of all of the factors, components included.
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
    second_cut: int = 127
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
    def second_at(self) -> int:
        """Where the planes of the second sketch begin; those of codes go round them."""
        return max(256, self.bits * self.tables) if self.components else 256

    @property
    def recall(self) -> float:
        """The least probability with which a pair above the threshold is found."""
        if self.tables == 0:
            return 1.0
        return (1 - 2 * _SKETCH_MISSES) * (1 - (1 - _agree(self.floor) ** self.bits) ** self.tables)

    @classmethod
    def at(
        cls,
        floor: float,
        *,
        recall: float = 0.999,
        bits: int = 12,
        components: int = 0,
        apart: float = 0.0,
        least: float | None = None,
        seed: int = 0,
        largest_bucket: int = 8_192,
    ) -> SignPlan:
        """Return the plan that finds pairs of the correlation `floor` with probability `recall`.

        `least` is their correlation before components are taken out; by default `floor` as well.
        """
        per_table = _agree(floor) ** bits
        missed = max(1 - recall / (1 - 2 * _SKETCH_MISSES), 1e-12)
        tables = math.ceil(math.log(missed) / math.log1p(-per_table))
        return cls(
            bits=bits,
            tables=min(tables, _MOST_TABLES + 1),
            components=components,
            floor=floor,
            apart=apart,
            cut=_cut(1 - _agree(floor)),
            second_cut=_cut(1 - _agree(floor if least is None else least)),
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
    agree = 1 - np.arccos((np.arange(_BINS) + 0.5) / _BINS) / math.pi
    above = np.triu_indices(len(sample[::_EVERY]), 1)
    passed = _near(agree, _cut(1 - _agree(least)))[_bins(sample[::_EVERY])[above]]
    for components in _COMPONENTS:
        if components > axes.shape[1] // 2:
            break
        rest = sample - (sample @ axes[:, :components]) @ axes[:, :components].T
        left = np.einsum("ij,ij->i", rest, rest)
        scaled = rest / np.sqrt(np.maximum(left, 1e-12))[:, None]
        place = _bins(scaled[::_EVERY])[above]
        share_of = np.bincount(place, minlength=_BINS) / len(place)
        # of pairs in each bin, the share of all that the second sketch lets through
        passing = np.bincount(place, passed, minlength=_BINS) / len(place)
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
                        least=least, seed=seed,
                    )  # fmt: skip
                except InputError:
                    break  # more tables than there may be: more bits need more still
                meet = agree**bits + (1 - agree) ** bits
                near = _near(agree, plan.cut)
                new = 1 - (1 - meet) ** plan.tables
                pairs = share_of * meet * plan.tables * (_COMPARE_S + near * _LOOK_S)
                pairs += passing * meet * near * plan.tables**2 * _COMPARE_S
                pairs += passing * near * new * width * _PRODUCT_S
                seconds = (
                    2 * n * width * max(plan.second_at + 256, bits * plan.tables) / _FLOPS
                    + n * n / 2 * float(pairs.sum())
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
    count = max(plan.second_at + 256, plan.bits * plan.tables)
    normals = rng.standard_normal((n_observations, count))
    if plan.components:
        out = axes[:, : plan.components].astype(np.float64)
        first = normals[:, : plan.second_at]
        first -= out @ (out.T @ first)
    return normals.astype(np.float32)


def _agree(rho: float) -> float:
    """Return the probability that two rows lie on one side of a random plane."""
    return 1 - math.acos(min(1.0, max(-1.0, rho))) / math.pi


def _bins(rows: SingleArray) -> AnyArray:
    """Return in which of equal bins the size of the correlation of each two rows lies."""
    import numpy as np

    bins: AnyArray = np.minimum(np.abs(rows @ rows.T) * np.float32(_BINS), _BINS - 1).astype(
        np.int16
    )
    return bins


@cache
def _cut(differ: float) -> int:
    """Return in how many bits of 256 a pair may differ that differs in each with a probability."""
    import numpy as np
    from scipy.special import bdtrc

    return int((bdtrc(np.arange(127), 256, differ) > _SKETCH_MISSES).sum())


def _near(agree: AnyArray, cut: int) -> AnyArray:
    """Return the probability that sketches differ in at most so many bits, or agree in so few."""
    from scipy.special import bdtr

    near: AnyArray = bdtr(cut, 256, 1 - agree) + bdtr(cut, 256, agree)
    return near
