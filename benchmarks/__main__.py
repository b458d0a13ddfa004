"""Run every benchmark in a process of its own, print a table, write `results.json`.

A benchmark is a file of this folder with a function ``rows() -> list[dict]``; each dict is one row
of the results: `id` (led by the number of the part it belongs to: ``01-import-time``), `target`,
`measured`, `unit`, `met` and `how`.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.json"
# Set on some machines; they choose the kernels of OpenBLAS and so the numbers. Bytecode is read
# and written as a user's Python does it.
UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "PYTHONDONTWRITEBYTECODE")
KINDS = {"id": str, "target": float, "measured": float, "unit": str, "met": bool, "how": str}


def checked(row: dict) -> dict:
    """Return the row with its keys in order, or raise `ValueError` naming what is wrong with it."""
    if set(row) != set(KINDS):
        raise ValueError(f"a row has the keys {', '.join(KINDS)}; got {', '.join(row)}")
    for key, kind in KINDS.items():
        value = row[key]
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not kind or (kind is float and not math.isfinite(value)):
            raise ValueError(f"{key} must be a {kind.__name__}, finite; got {value!r}")
    if not re.fullmatch(r"\d\d-[a-z0-9-]+", row["id"]) or not row["unit"] or not row["how"]:
        raise ValueError(f"id must look like 01-import-time, unit and how must speak; got {row}")
    return {key: row[key] for key in KINDS}


def names(part: str | None, folder: Path = FOLDER) -> list[str]:
    """Return the benchmarks that measure something of `part`, or all."""
    files = sorted(path for path in folder.glob("*.py") if not path.name.startswith("_"))
    of_part = re.compile(rf"""["']{part}-""") if part else re.compile("")
    return [path.stem for path in files if of_part.search(path.read_text("utf-8"))]


def measure(name: str) -> list[dict]:
    """Run one benchmark in a fresh process and return its rows."""
    environment = {key: value for key, value in os.environ.items() if key not in UNSET}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--here", name],
        cwd=FOLDER.parent,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    # A benchmark may print; its rows are the last line.
    return [checked(row) for row in json.loads(done.stdout.splitlines()[-1])]


def merged(old: list[dict], new: list[dict]) -> list[dict]:
    """Return the rows by id, those of `new` in place of older ones."""
    by_id = {row["id"]: row for row in (*old, *new)}
    return [by_id[key] for key in sorted(by_id)]


def table(rows: list[dict]) -> str:
    """Return the rows as text for a terminal."""
    width = max((len(row["id"]) for row in rows), default=2)
    lines = [f"{'id':{width}}  {'target':>10}  {'measured':>10}  {'unit':8}  met"]
    for row in rows:
        numbers = f"{row['target']:>10.4g}  {row['measured']:>10.4g}"
        met = "yes" if row["met"] else "NO"
        lines.append(f"{row['id']:{width}}  {numbers}  {row['unit']:8}  {met}")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Run the benchmarks of one part, or all; return how many files failed."""
    if arguments[:1] == ["--here"]:
        print(json.dumps(importlib.import_module(f"benchmarks.{arguments[1]}").rows()))
        return 0
    part = arguments[0] if arguments else None
    chosen = names(part)
    if not chosen:
        print(f"no benchmark measures part {part}", file=sys.stderr)
        return 1
    old = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else []
    found: list[dict] = []
    failed = []
    for name in chosen:
        print(f"benchmarks/{name}.py ...", flush=True)
        try:
            found += measure(name)
        except (subprocess.CalledProcessError, ValueError, IndexError) as error:
            failed.append(f"benchmarks/{name}.py failed: {error}")
    # A row that nothing measures any more goes away with a whole and faultless run.
    rows = merged(old if part or failed else [], found)
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    print(table(rows))
    print("\n".join(failed), end="\n" if failed else "", file=sys.stderr)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
