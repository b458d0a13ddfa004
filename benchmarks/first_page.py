"""From `nautilus-lab lab` to pages that answer: JupyterLab, the node and the dashboards."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROUNDS = 3
TARGET = 20.0
REPOSITORY = Path(__file__).resolve().parents[1]
LAB = (sys.executable, "-m", "nautilus_lab.cli", "lab")
ADDRESS = re.compile(r"^(JupyterLab|Dashboards)\s+(http://\S+)")


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as reply:
            return reply.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def seconds() -> float:
    with tempfile.TemporaryDirectory(prefix="nl-", dir="/tmp") as home:
        begun = time.perf_counter()
        lab = subprocess.Popen(
            [*LAB, "--no-browser", "--port", "0", "--dashboards-port", "0"],
            cwd=REPOSITORY,
            env={**os.environ, "NL_HOME": home},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            waiting: dict[str, str] = {}
            while len(waiting) < 2:
                line = lab.stdout.readline()
                if not line:
                    raise ValueError(f"nautilus-lab lab ended with {lab.wait()}")
                if match := ADDRESS.match(line):
                    waiting[match[1]] = match[2]
            while not all(answers(address) for address in waiting.values()):
                if time.perf_counter() - begun > 300:
                    raise ValueError(f"no page within 300 s at {waiting}")
                time.sleep(0.05)
            return time.perf_counter() - begun
        finally:
            lab.send_signal(signal.SIGINT)
            lab.wait(60)


def rows() -> list[dict]:
    measured = round(min(seconds() for _ in range(ROUNDS)), 1)
    return [
        {
            "id": "01-first-page",
            "target": TARGET,
            "measured": measured,
            "unit": "s",
            "met": measured <= TARGET,
            "how": f"best of {ROUNDS}: from starting `nautilus-lab lab --no-browser` (what "
            "`make lab` runs once the environment is there) until JupyterLab and the dashboards "
            "both answer 200, the paper-trading node running",
        }
    ]
