"""Widgets that ask for something which takes a while and may be refused."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Literal, NamedTuple, TypeAlias

from nautilus_lab.exceptions import LabError, OutcomeUnknown
from nautilus_lab.widgets._library import LabWidget

Spawn: TypeAlias = Callable[[Coroutine[Any, Any, None]], object]

_log = logging.getLogger(__name__)

_NOT_KNOWN = "whether it was done is not known: look before asking again"


class Answer(NamedTuple):
    """What became of something that was asked for.

    `level` is "ok", "down" when it was refused, and "warn" when nobody knows.
    """

    text: str
    level: Literal["ok", "warn", "down"] = "ok"


class Asking(LabWidget):
    """A widget that shows what became of what was asked.

    Nothing a page says decides what may be done: whoever is asked checks who asks.
    """

    def answer(self, answer: Answer, *, of: str = "") -> None:
        """Show what became of it; `of` names the row that it was about."""
        self.send({"kind": "answer", "text": answer.text, "level": answer.level, "of": of})

    async def attempt(self, asked: Coroutine[Any, Any, Answer], *, of: str = "") -> None:
        """Wait for what was asked and show what became of it."""
        try:
            answer = await asked
        except asyncio.CancelledError:
            raise
        except OutcomeUnknown as error:
            answer = Answer(f"{error.rule}; {_NOT_KNOWN}", "warn")
        except LabError as error:
            answer = Answer(str(error), "down")
        except Exception:
            # The page must say so; what went wrong is for the log.
            _log.exception("what a page asked for failed")
            answer = Answer(f"this page failed over it; {_NOT_KNOWN}", "warn")
        self.answer(answer, of=of)
