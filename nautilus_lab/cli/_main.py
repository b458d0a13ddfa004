"""The commands of `nautilus-lab`, and how their errors are shown.

A kill must not wait for imports: what this file loads is loaded before the latch is on the disk.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys

from nautilus_lab.cli._answer import AnswerStream, NotWritten
from nautilus_lab.cli._tighten import URGENT, add_tighten
from nautilus_lab.cli._verbs import Verbs, add_verb, formatter
from nautilus_lab.exceptions import LabError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import TextIO


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns 0, or 2 with up to three lines on standard error.

    An answer that cannot be written undoes nothing: it is 1 then, with a line that says so.
    """
    if sys.stdout is None:  # closed by who called; nothing is written then
        return _run_verb(arguments)
    answer = AnswerStream(sys.stdout)
    stream: TextIO = answer  # type: ignore[assignment]  # it hands on all that it has not
    try:
        with contextlib.redirect_stdout(stream):
            try:
                return _run_verb(arguments)
            finally:
                answer.flush()
    except BrokenPipeError:
        # Who read has read enough (`| head -5`).
        import signal

        _write_no_more()
        return 128 + signal.SIGPIPE
    except NotWritten as error:
        _write_no_more()
        print(f"{error}; what was done stays done", file=sys.stderr)
        return 1


def _write_no_more() -> None:
    """Have what Python writes at its end go nowhere."""
    with contextlib.suppress(OSError):  # there is no descriptor where output is captured
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run_verb(arguments: Sequence[str] | None) -> int:
    given = sys.argv[1:] if arguments is None else list(arguments)
    chosen = (_urgent_parser() if _is_urgent(given) else parser()).parse_args(given)
    try:
        result: int | None = chosen.run(chosen)
    except LabError as error:
        print("\n".join(_lines(error)), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    return result or 0


def _is_urgent(given: Sequence[str]) -> bool:
    """Whether a command line says to let a trader do less: nothing else is loaded for it then."""
    words = iter(given)
    for word in words:
        if word == "--root":
            next(words, None)
        elif not word.startswith("-"):
            return word in URGENT
    return False


def _urgent_parser() -> argparse.ArgumentParser:
    """Return what reads a command line that says to let a trader do less, as `parser` would."""
    made, verbs = _empty_parser()
    add_tighten(verbs)
    return made


def _empty_parser() -> tuple[argparse.ArgumentParser, Verbs]:
    made = argparse.ArgumentParser(
        prog="nautilus-lab",
        description="A quant research workbench that goes all the way to live.",
        formatter_class=formatter,
    )
    made.add_argument("--root", help="the workspace; found from here by default")
    return made, made.add_subparsers(required=True, metavar="COMMAND")


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    # Not before somebody asks for them: a kill must not wait for what the others load.
    from pathlib import Path

    from nautilus_lab.cli._alerts import add_alerts
    from nautilus_lab.cli._audit import add_audit
    from nautilus_lab.cli._factors import add_factors
    from nautilus_lab.cli._features import add_features
    from nautilus_lab.cli._lab import add_lab
    from nautilus_lab.cli._leases import add_leases
    from nautilus_lab.cli._measures import add_measures
    from nautilus_lab.cli._node import add_node
    from nautilus_lab.cli._orders import add_orders
    from nautilus_lab.cli._report import add_report
    from nautilus_lab.cli._risk import add_risk
    from nautilus_lab.cli._strategies import add_strategies
    from nautilus_lab.cli._trials import add_trials

    made, verbs = _empty_parser()
    lab = add_verb(verbs, "lab", _lab, "JupyterLab, a paper-trading node and the dashboards")
    lab.add_argument("--no-browser", action="store_true", help="open no browser")
    lab.add_argument("--port", type=int, default=8888, help="JupyterLab's port; 0 takes a free one")
    lab.add_argument("--dashboards-port", type=int, default=8866, help="the dashboards' port")
    add_verb(verbs, "demo", _demo, "the first notebook from end to end; leaves an HTML page")
    dashboards = add_verb(verbs, "dashboards", _dashboards, "the dashboards alone")
    dashboards.add_argument("--port", type=int, default=8866, help="0 takes a free one")

    data = verbs.add_parser("data", help="the data catalog").add_subparsers(
        required=True, metavar="COMMAND"
    )
    add_verb(data, "build", _data_build, "make the catalog from the installed packages")
    add_verb(data, "list", _data_list, "what is in the catalog")

    add_node(verbs)
    add_orders(verbs)
    add_tighten(verbs)
    add_risk(verbs)
    add_measures(verbs)
    add_leases(verbs)
    add_audit(verbs)
    add_report(verbs)
    add_features(verbs)
    add_factors(verbs)
    add_trials(verbs)
    add_strategies(verbs)
    add_alerts(verbs)
    add_lab(verbs)

    run = add_verb(verbs, "run", _run, "run a notebook with parameters")
    run.add_argument("notebook", type=Path)
    run.add_argument(
        "-p",
        "--parameter",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="VALUE is read as JSON, or as text when it is none",
    )
    runs = add_verb(verbs, "runs", _runs, "the ledger of notebook runs, newest first")
    runs.add_argument("-n", type=int, default=20, dest="most", help="how many (20)")
    add_verb(verbs, "engines", _engines, "the eleven engines: tier, state, target, measured")
    add_verb(verbs, "version", _version, "the version")
    return made


def _lab(chosen: argparse.Namespace) -> None:
    import asyncio

    from nautilus_lab.config import load_settings
    from nautilus_lab.server import Workbench

    workbench = Workbench(
        load_settings(chosen.root),
        lab_port=chosen.port,
        dashboards_port=chosen.dashboards_port,
        open_browser=not chosen.no_browser,
        say=_say,
    )
    asyncio.run(workbench.run())


def _dashboards(chosen: argparse.Namespace) -> None:
    import asyncio

    from nautilus_lab.config import load_settings
    from nautilus_lab.server import Workbench

    workbench = Workbench(
        load_settings(chosen.root), lab_port=None, dashboards_port=chosen.port, say=_say
    )
    asyncio.run(workbench.run())


def _demo(chosen: argparse.Namespace) -> None:
    import asyncio

    from nautilus_lab.lab import Lab

    lab = Lab(chosen.root)
    _build_catalog(lab.settings.data_path)
    found_running = lab.trading.running
    _say("running notebooks/start_here.ipynb (about a minute)")
    try:
        record = lab.run(lab.settings.root / "notebooks" / "start_here.ipynb")
    finally:
        if not found_running and lab.trading.running:
            asyncio.run(lab.trading.shut_down())
    _say(f"done in {record.seconds:.0f} s: {record.html_path}")


def _data_build(chosen: argparse.Namespace) -> None:
    from nautilus_lab.config import load_settings

    _build_catalog(load_settings(chosen.root).data_path)


def _build_catalog(directory: Path) -> None:
    from nautilus_lab.marketdata import build_catalog

    report = build_catalog(directory)
    print(report if report.built else f"the data catalog is up to date: {directory}")


def _data_list(chosen: argparse.Namespace) -> None:
    from nautilus_lab.lab import Lab

    print(Lab(chosen.root).marketdata.datasets().to_string())


def _run(chosen: argparse.Namespace) -> None:
    from nautilus_lab.lab import Lab

    parameters = {name: _value(text) for name, text in chosen.parameter}
    record = Lab(chosen.root).run(chosen.notebook, parameters)
    print(f"{record.status} in {record.seconds:.0f} s\n{record.output_path}\n{record.html_path}")


def _value(text: str) -> object:
    import json

    try:
        return json.loads(text)
    except ValueError:
        return text


def _runs(chosen: argparse.Namespace) -> None:
    from nautilus_lab.config import load_settings
    from nautilus_lab.jobs import runs

    found = runs(settings=load_settings(chosen.root))
    if not found:
        print("no notebook was run")
    for record in found[: chosen.most]:
        print(record)


def _engines(chosen: argparse.Namespace) -> None:
    from nautilus_lab.lab import Lab

    print(Lab(chosen.root).engines)


def _version(chosen: argparse.Namespace) -> None:
    import nautilus_lab

    print(nautilus_lab.__version__)


def _say(line: str) -> None:
    print(line, flush=True)


def _lines(error: LabError) -> list[str]:
    told = [
        f"{type(error).__name__}: {error.rule}",
        f"  got:  {error.value if error.value is not None else '-'}",
    ]
    return [*told, f"  do:   {error.remedy}"] if error.remedy else told
