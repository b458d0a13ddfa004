"""The commands that a trader was given, once each."""

from __future__ import annotations

import time
from dataclasses import fields

from nautilus_lab.platform.store._rows import CommandRow
from nautilus_lab.platform.store._trading._connection import TradingConnection, check_limit

_COMMAND = tuple(field.name for field in fields(CommandRow))


class Commands(TradingConnection):
    """Which commands began, and how they ended."""

    def begin_command(
        self, command_id: str, fingerprint: str, *, name: str = "", principal: str = ""
    ) -> CommandRow | None:
        """Note that a command begins; return its row when it was begun before.

        `nautilus_lab.platform.commands.StoreCommandLog` says what a row means.
        """
        row = {
            "id": command_id,
            "fingerprint": fingerprint,
            "name": name,
            "principal": principal,
            "begun_ns": time.time_ns(),
            "ended_ns": None,
            "result": None,
        }
        with self._transaction("noting a command") as driver:
            if self._writes.add_command(driver, row).rowcount:
                return None
            found = self._writes.command(driver, row).fetchone()
            return CommandRow(**dict(zip(_COMMAND, found, strict=True)))

    def finish_command(self, command_id: str, result: bytes) -> None:
        """Note how a command ended; one that is not there, or has ended, is left as it is."""
        row = {"command": command_id, "ended_ns": time.time_ns(), "result": result}
        with self._transaction("noting the end of a command") as driver:
            self._writes.end_command(driver, row)

    def forget_commands(self, *, before_ns: int, most: int) -> int:
        """Forget the commands begun before `before_ns`, keep `most` of the others; say how many.

        A forgotten command that comes again is done again: keep them for longer than anybody
        asks twice.
        """
        check_limit(most)
        with self._transaction("forgetting commands") as driver:
            forgotten = self._writes.forget_commands(driver, {"before_ns": before_ns, "most": most})
            return int(forgotten.rowcount)
