"""What `import nautilus_lab` costs over bare Python, and what it must not load."""

from __future__ import annotations

import subprocess
import sys
import time

ROUNDS = 20
TARGET = 0.15
HEAVY = ("pandas", "numpy", "vectorbt", "riskfolio", "nautilus_trader")


def seconds(code: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - begun


def rows() -> list[dict]:
    check = f"import sys, nautilus_lab; sys.exit(any(m in sys.modules for m in {HEAVY!r}))"
    subprocess.run([sys.executable, "-c", check], check=True)
    bare, ours = [], []
    for _ in range(ROUNDS):
        bare.append(seconds("pass"))
        ours.append(seconds("import nautilus_lab"))
    measured = round(max(0.0, min(ours) - min(bare)), 4)
    return [
        {
            "id": "01-import-time",
            "target": TARGET,
            "measured": measured,
            "unit": "s",
            "met": measured <= TARGET,
            "how": f"best of {ROUNDS} fresh processes that import nautilus_lab, less best of "
            f"{ROUNDS} that import nothing, in turn; none of {', '.join(HEAVY)} gets loaded",
        }
    ]
