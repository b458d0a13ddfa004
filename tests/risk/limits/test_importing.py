"""Limits stand on the order path, and in processes that load as little as can be."""

import json
import subprocess
import sys


def test_importing_the_room_loads_neither_pandas_nor_numpy():
    code = (
        "import sys, json, nautilus_lab.risk\n"
        "nautilus_lab.risk.RiskLimitEngine()\n"
        "print(json.dumps([m for m in ('pandas', 'numpy', 'scipy', 'plotly') if m in sys.modules]))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(out.stdout) == []
