"""Running cells one after the other in names of their own."""

from __future__ import annotations

import ast
import asyncio
import inspect
import signal
import sys
import time
import traceback
from collections.abc import Callable
from types import CodeType
from typing import Any

from nautilus_lab.trading.console._wire import Cell, Ended, Shown, Told

_MOST_CHARACTERS = 200_000  # of what one cell writes and shows
_LONGEST_TRACEBACK = 50  # lines
_HELD_S = 0.1
_HELD_CHARACTERS = 8_192
_FILE = "<operator>"


class Cells:
    r"""Runs cells: Python, with ``await`` at the top; the value of the last line is shown.

    Every cell finds `trader`, `status` (a `NodeStatus`) and `snapshot` (a `Snapshot`) as they were
    when it began. They are copies, and frozen.

    Parameters
    ----------
    send : callable
        Takes what cells write and show, and how they end.

    Examples
    --------
    >>> sent = []
    >>> Cells(sent.append).run_code("x = 20\nx + 1")
    >>> sent
    [Shown(data={'text/plain': '21'}), Ended(ename='', evalue='', traceback=())]
    """

    def __init__(self, send: Callable[[Told | Shown | Ended], None]) -> None:
        self._send = send
        self._names: dict[str, Any] = {"__name__": "__operator__"}
        self._room = 0  # characters that the cell may still write
        self._held = Told("stdout", "")  # what is written in little pieces is sent in larger ones
        self._sent_at = 0.0

    def run(self, cell: Cell) -> None:
        """Run a cell with the node as it says; never raises but `KeyboardInterrupt`."""
        self._names.update(trader=cell.trader, status=cell.status, snapshot=cell.snapshot)
        self.run_code(cell.code)

    def run_code(self, code: str) -> None:
        """Run `code`; never raises but `KeyboardInterrupt`."""
        self._room, self._sent_at = _MOST_CHARACTERS, 0.0
        before = sys.stdout, sys.stderr
        sys.stdout, sys.stderr = _Writer(self, "stdout"), _Writer(self, "stderr")
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            ended = self._ended(code)
        finally:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            sys.stdout, sys.stderr = before
        self._let_go()
        self._send(ended)

    def write(self, name: str, text: str) -> None:
        """Pass on what a cell writes, as long as there is room."""
        if (kept := self._within(text)) is None:
            return
        if self._held.name != name:
            self._let_go()
        self._held = Told(name, self._held.text + kept)
        late = time.monotonic() - self._sent_at > _HELD_S
        if late or len(self._held.text) > _HELD_CHARACTERS:
            self._let_go()

    def _let_go(self) -> None:
        held, self._held = self._held, Told(self._held.name, "")
        self._sent_at = time.monotonic()
        if held.text:
            self._send(held)

    def _ended(self, code: str) -> Ended:
        try:
            body, last = _compiled(code)
            self._evaluate(body)
            if last is not None and (value := self._evaluate(last)) is not None:
                self._show(value)
        except BaseException as error:
            return Ended(
                ename=type(error).__name__,
                evalue=str(error)[:2_000],
                traceback=tuple(_of_cell(error)[-_LONGEST_TRACEBACK:]),
            )
        return Ended()

    def _evaluate(self, code: CodeType) -> object:
        value = eval(code, self._names)
        return asyncio.run(value) if inspect.iscoroutine(value) else value

    def _show(self, value: object) -> None:
        shown = {"text/plain": repr(value)}
        html = getattr(value, "_repr_html_", None)
        if html is not None and isinstance(text := html(), str):
            shown["text/html"] = text
        self._let_go()
        kept = {kind: self._within(text) for kind, text in shown.items()}
        self._send(Shown({kind: text for kind, text in kept.items() if text is not None}))

    def _within(self, text: str) -> str | None:
        if not text or self._room <= 0:
            return None
        kept = text[: self._room]
        self._room -= len(kept)
        return kept if self._room > 0 else f"{kept}\n... more was cut off"


class _Writer:
    """A stream of text that goes to the operator."""

    encoding = "utf-8"

    def __init__(self, cells: Cells, name: str) -> None:
        self._cells = cells
        self._name = name

    def write(self, text: str) -> int:
        self._cells.write(self._name, text)
        return len(text)

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

    def isatty(self) -> bool:
        return False


def _compiled(code: str) -> tuple[CodeType, CodeType | None]:
    """Return the code of all lines but the last expression, and of that."""
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = ast.parse(code, _FILE)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        value = tree.body.pop()
        assert isinstance(value, ast.Expr)
        last = compile(ast.Expression(value.value), _FILE, "eval", flags=flags)
    return compile(tree, _FILE, "exec", flags=flags), last


def _of_cell(error: BaseException) -> list[str]:
    """Return the traceback without the frames that are ours."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != _FILE:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames)).splitlines()
