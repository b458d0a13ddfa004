"""What the last complete campaign of `make faults` showed; see `tests/faults`."""

from __future__ import annotations

import json
from pathlib import Path

REPORT = Path(__file__).with_suffix(".json")
BACK_S = 15.0


def rows() -> list[dict]:
    """Read the report: a campaign takes the better part of an hour."""
    found = json.loads(REPORT.read_text("utf-8"))
    how = (
        f"make faults N={found['kills']}: random kill -9 under order flow at two venues "
        f"({', '.join(f'{n} of {name}' for name, n in found['processes'].items())}; "
        f"{found['halted_before']} of a HALTED trader), {found['orders_placed']} orders placed; "
        "after each kill the orders, fills, positions and cash of store and venues compared, "
        "and the audit trail verified"
    )
    wrong, slowest = len(found["differences"]), found["slowest_s"]
    return [
        {
            "id": "02-faults-differences",
            "target": 0.0,
            "measured": float(wrong),
            "unit": "orders",
            "met": wrong == 0,
            "how": how,
        },
        {
            "id": "02-faults-back",
            "target": BACK_S,
            "measured": slowest,
            "unit": "s",
            "met": slowest <= BACK_S,
            "how": f"the slowest return to trading of that campaign; median {found['median_s']} s",
        },
    ]


if __name__ == "__main__":
    print(rows())
