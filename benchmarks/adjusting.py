"""What limits that adjust themselves, and early warning, cost a look of the node."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.gate import at, row
from nautilus_lab.execution.gate import Adjusting
from nautilus_lab.risk.adjustment import book_of
from nautilus_lab.risk.limits import Holdings, LimitReport, LimitUtilisation, Measures
from nautilus_lab.trading.node._foresight import Foresight

LOOKS = 300
SECOND = 1_000_000_000
TEN = [
    {
        "limit": "max_gross_exposure",
        "max_fraction": 1.0 + number / 10,
        "adjust": {
            "rules": [
                {"rule": "volatility", "target": 0.2},
                {"rule": "drawdown", "end": 0.2},
                {"rule": "regime"},
            ],
            "key": f"gross {number}",
        },
    }
    for number in range(10)
]


def held(now_ns: int, volatility: float) -> Holdings:
    return Holdings(
        positions=(),
        equity={"account": 1e6},
        high_water=1e6,
        now_ns=now_ns,
        measures=Measures.at(now_ns, volatility=volatility, regime="normal"),
    )


def looks(path: Path | None, *, moves: bool) -> list[float]:
    """Return what asking the rules of ten limits takes, microseconds."""
    adjusting, took = Adjusting(book_of(TEN), path=path), []
    for number in range(LOOKS):
        # Tighter each time, so that many a look changes all ten.
        holdings = held(number * 5 * SECOND, 0.2 + (0.002 * number if moves else 0.0))
        began = time.perf_counter_ns()
        changed = adjusting.look(holdings)
        if bool(changed) is moves:
            took.append((time.perf_counter_ns() - began) / 1e3)
    if len(took) < LOOKS / 5:
        raise AssertionError(f"{len(took)} looks did what is measured")
    return took


def warnings() -> list[float]:
    """Return what looking at two hundred scopes near their limits takes, milliseconds."""
    foresight, took = Foresight(), []
    for number in range(LOOKS):
        rows = [
            LimitUtilisation(
                limit="max_position_units",
                scope=f"S{scope}",
                value=0.0,
                limit_value=1.0,
                # One in ten is near enough to be foretold.
                utilisation=(0.6 if scope % 10 == 0 else 0.3) + 0.01 * ((number * 7 + scope) % 5),
                level="ok",
            )
            for scope in range(200)
        ]
        report = LimitReport(rows=tuple(rows))
        began = time.perf_counter_ns()
        list(foresight.look(report, number * 5 * SECOND))
        for line in rows:
            foresight.eta_s(line.limit, line.scope)
        took.append((time.perf_counter_ns() - began) / 1e6)
    return took[60:]


def rows() -> list[dict]:
    with tempfile.TemporaryDirectory(prefix="nl-") as folder:
        kept = looks(Path(folder) / "adjusted.json", moves=True)
    return [
        row(
            "03-adjust-look",
            5_000,
            at(0.5, looks(None, moves=False)),
            f"three rules of each of ten limits asked, nothing changed; median of {LOOKS} looks",
        ),
        row(
            "03-adjust-change",
            20_000,
            at(0.5, kept),
            "as 03-adjust-look, all ten tightened, and where they stand on the disk; median",
        ),
        row(
            "03-foresight-look",
            50,
            at(0.5, warnings()),
            "early warning and time to breach of 200 scopes, 20 of them near their limit; median",
        )
        | {"unit": "ms"},
    ]


if __name__ == "__main__":
    for line in rows():
        print(line)
