"""The feature engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nautilus_lab.engine import Health, State
from nautilus_lab.features._all import all_features
from nautilus_lab.features._compute import compute
from nautilus_lab.features._conformance import Conformance, conformance
from nautilus_lab.features._registry import FeatureRegistry, Wanted
from nautilus_lab.features.streaming import FeatureStream

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Bars, FloatArray, Returns
    from nautilus_lab.features._panel import FeaturePanel
    from nautilus_lab.features._ticks import FeatureTicks


@dataclass(frozen=True, kw_only=True)
class FeatureEngine:
    """Computes features of bars, all at once or bar by bar.

    Attributes
    ----------
    registry : FeatureRegistry
        What it can compute; add your own with ``registry.define``.
    """

    registry: FeatureRegistry = field(default_factory=all_features)

    @property
    def name(self) -> str:
        """The name the engine goes by."""
        return "features"

    def health(self) -> Health:
        """Report that the engine answers calls; it has no work of its own."""
        return Health(state=State.READY)

    def catalog(self, find: str = "") -> pd.DataFrame:
        """Return all features as a table, or those with a text in their row.

        See `FeatureRegistry.catalog`.
        """
        return self.registry.catalog(find)

    def check(self, feature: Wanted) -> Conformance:
        """Run a feature in batch and as a stream, and compare; see `conformance`."""
        return conformance(self.registry.spec(feature))

    def compute(
        self,
        bars: Bars,
        features: Iterable[Wanted],
        *,
        references: Returns | None = None,
        threads: int = 2,
        out: FloatArray | None = None,
    ) -> FeaturePanel | FeatureTicks:
        """Compute features of bars, quotes, trades or books; see `nautilus_lab.features.compute`.

        Of bars the answer is a `FeaturePanel`, of anything else `FeatureTicks`.
        """
        specs = self.registry.specs(features)
        return compute(bars, specs, references=references, threads=threads, out=out)

    def stream(
        self,
        symbols: Sequence[str],
        features: Iterable[Wanted],
        *,
        references: Sequence[str] = (),
    ) -> FeatureStream:
        """Return features of some instruments, brought up to date by each bar or tick.

        See `FeatureStream`.
        """
        specs = self.registry.specs(features)
        return FeatureStream(symbols, specs, references=references)
