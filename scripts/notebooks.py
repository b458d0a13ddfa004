"""Hold notebooks to the house rules; ``--fix`` mends what can be mended.

A notebook in the repository keeps outputs only in cells that nbval compares, no counts, no widget
state and no traces of a run, so that a diff shows what a person wrote; and it stays small.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

FOLDERS = ("notebooks", "dashboards")
LARGEST = 200_000  # bytes
COMPARED = ("NBVAL_CHECK_OUTPUT", "nbval-check-output")  # as a comment, as a tag
# what a run, not its author, writes into a notebook's and a cell's metadata
RUN_MARKS = ("widgets", "papermill", "execution", "ExecuteTime", "collapsed", "scrolled")
WIDGET = "application/vnd.jupyter.widget-view+json"


def compared(cell: dict[str, Any]) -> bool:
    """Whether nbval compares the cell's outputs."""
    comments = [line.strip().lstrip("# ") for line in "".join(cell["source"]).splitlines()]
    return any(mark in (*comments, *cell["metadata"].get("tags", ())) for mark in COMPARED)


def faults(notebook: dict[str, Any]) -> Iterator[str]:
    """Yield what breaks a rule, each as ``cell 3: ...``; mend it on the way."""
    for mark in RUN_MARKS:
        if notebook["metadata"].pop(mark, None) is not None:
            yield f"metadata: {mark} is written by a run, not by its author"
    language = notebook["metadata"].get("language_info", {})
    if language.keys() - {"name"}:
        notebook["metadata"]["language_info"] = {"name": language.get("name", "python")}
        yield "metadata: language_info tells the interpreter that ran it"
    for number, cell in enumerate(notebook["cells"], start=1):
        for mark in RUN_MARKS:
            if cell["metadata"].pop(mark, None) is not None:
                yield f"cell {number}: {mark} is written by a run, not by its author"
        if cell["cell_type"] != "code":
            continue
        if any(WIDGET in output.get("data", {}) for output in cell["outputs"]):
            cell["outputs"] = [o for o in cell["outputs"] if WIDGET not in o.get("data", {})]
            yield f"cell {number}: a widget is saved"
        if cell["outputs"] and not compared(cell):
            cell["outputs"] = []
            yield f"cell {number}: outputs are kept only under # NBVAL_CHECK_OUTPUT"
        # nbval compares only what has a count; any other count changes with every run.
        count = 1 if cell["outputs"] else None
        if cell["execution_count"] != count:
            cell["execution_count"] = count
            yield f"cell {number}: its execution count must be {count}"
        for output in cell["outputs"]:
            if output.get("execution_count") is not None:
                output["execution_count"] = None
                yield f"cell {number}: execution counts change with every run"


def check(path: Path, *, fix: bool) -> list[str]:
    """Return what breaks a rule in the notebook at `path`; with `fix`, what could not be mended."""
    notebook = json.loads(path.read_text("utf-8"))
    found = list(faults(notebook))
    if fix and found:
        text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True)
        path.write_text(text + "\n", "utf-8")
        found = []
    if (size := path.stat().st_size) > LARGEST:
        found.append(f"{size:,} bytes, the limit is {LARGEST:,}")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Check the notebooks named, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fix", action="store_true", help="mend what can be mended")
    parser.add_argument("notebooks", nargs="*", type=Path)
    options = parser.parse_args(arguments)
    root = Path(__file__).resolve().parents[1]
    every = [path for folder in FOLDERS for path in sorted((root / folder).rglob("*.ipynb"))]
    kept = [path for path in every if ".ipynb_checkpoints" not in path.parts]
    wrong = 0
    for path in options.notebooks or kept:
        for fault in check(path, fix=options.fix):
            wrong += 1
            print(f"{path}: {fault}")
    if wrong:
        print("mend them: python -m scripts.notebooks --fix")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
