"""The command server of a node: who may ask, and what holds around each answer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial

from nautilus_lab.exceptions import AccessDenied
from nautilus_lab.platform.access import KeyFileVerifier, LocalOwner, Principal
from nautilus_lab.platform.audit import AuditQueue, because
from nautilus_lab.platform.commands import CommandServer, Handler, Request, StoreCommandLog
from nautilus_lab.platform.messages import Command
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading.commands import NODE_COMMANDS
from nautilus_lab.trading.node._audited import cause_of, who
from nautilus_lab.trading.node._desk import Desk

_AT_ONCE = frozenset({"risk.halt", "risk.reduce_only"})


async def serve(
    stack: AsyncExitStack,
    handlers: Mapping[str, Handler],
    *,
    address: str,
    home: Home,
    store: TradingStore,
    desk: Desk,
    notes: AuditQueue,
) -> None:
    """Answer the commands of a node until `stack` ends.

    Parameters
    ----------
    stack : AsyncExitStack
        Stops the server.
    handlers : mapping
        Name of a command -> what answers it.
    address : str
        Where it is asked: ``RunDirectory.commands``.
    home : Home
        Whose key signed the tokens.
    store : TradingStore
        Remembers what was answered.
    desk : Desk
        Tells what happened before anybody reads an answer.
    notes : AuditQueue
        Takes who asked for what they may not.
    """
    # Its owner needs no token; a gateway brings those of its viewers.
    tokens = KeyFileVerifier(home.signing_key)
    server = CommandServer(
        address,
        NODE_COMMANDS,
        LocalOwner(tokens).verify,
        {
            # What halts waits for no store, which may be what is broken.
            name: handler if name in _AT_ONCE else _on_time(handler, desk)
            for name, handler in handlers.items()
        },
        log=StoreCommandLog(store),
        on_refused=partial(_note_refused, notes),
    )
    await server.start()
    stack.push_async_callback(server.stop)


def _on_time(handler: Handler, desk: Desk) -> Handler:
    """Return `handler`, which finds told what happened, as who reads its answer will."""

    async def handle(request: Request) -> object:
        desk.flush_if_can()
        try:
            with because(cause_of(request)):
                return await handler(request)
        finally:
            desk.flush_if_can()

    return handle


def _note_refused(
    notes: AuditQueue, command: Command, principal: Principal | None, error: AccessDenied
) -> None:
    """Write down that somebody asked for what they may not."""
    # Of one that the table has: a name that is none may be anything, also a secret.
    known = {spec.name for spec in NODE_COMMANDS}
    name = command.name if command.name in known else "no such command"
    facts: dict[str, object] = {"command": name, "command_id": command.id, "why": error.rule}
    actor = "unknown"
    if principal is not None:
        actor, facts = principal.name, facts | who(principal)
    notes.repeated("command.refused", facts, actor=actor, key=name, most=256)
