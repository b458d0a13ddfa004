"""Answering commands on a local socket."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from nautilus_lab.exceptions import (
    AccessDenied,
    BusError,
    DeadlineExceeded,
    InputError,
    LabError,
    MessageError,
    NodeError,
    OutcomeUnknown,
)
from nautilus_lab.platform.access import Permission, Principal
from nautilus_lab.platform.commands._log import CommandLog, MemoryCommandLog
from nautilus_lab.platform.commands._table import (
    LARGEST_COMMAND,
    CommandBody,
    CommandSpec,
    CommandTable,
)
from nautilus_lab.platform.failpoint import reach
from nautilus_lab.platform.messages import Ack, Command, Result, decode_command, encode
from nautilus_lab.platform.rundir import claim_socket
from nautilus_lab.platform.telemetry import LimitedLog

if TYPE_CHECKING:
    import zmq.asyncio

_log = logging.getLogger(__name__)

_MOST_AT_ONCE = 256
_KEPT_FREE = 64  # beside those, for what only reads or halts
_LONGEST_ID = 64
_FARTHEST_DEADLINE_NS = 24 * 3_600 * 1_000_000_000  # logs remember commands for longer
_LONGEST_VALUE = 500  # characters of an error's value that travel
_LINGER_MS = 500
_END_S = 2.0
_LIST = CommandSpec(
    name="commands.list",
    permission=Permission.NODE_READ,
    summary="What can be asked here.",
    reads=True,
)

Verify: TypeAlias = Callable[[str], Principal]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a handler is given: a command that was found in order.

    Attributes
    ----------
    id, name : str
        The command's.
    principal : Principal
        Who asks; has the command's permission.
    body : CommandBody or None
        An instance of the command's schema.
    """

    id: str
    name: str
    principal: Principal
    body: Any


Handler: TypeAlias = Callable[[Request], Awaitable[object]]


class CommandServer:
    """Answers the commands of a table at an ``ipc://`` address, to processes of its own user.

    Beside them it answers ``commands.list``: what it can be asked, and which permission each takes.

    Every command is acknowledged as soon as it is read and gets one `Result`. It is checked
    first: known name and version, deadline, principal, permission, body. Then its handler runs
    as a task of its own. A command that came before is not done again; its result is repeated.

    Parameters
    ----------
    address : str
        ``ipc://`` and a path in a folder that is private to its user.
    table : CommandTable
        The commands.
    verify : callable
        Takes the command's token and returns its `Principal`, or raises `AccessDenied`:
        ``LocalOwner().verify``, ``TokenVerifier(key).verify``.
    handlers : mapping of str to callable
        For each command of the table a coroutine function that takes a `Request` and returns
        the result's body. A `LabError` travels to the caller; anything else is logged here and
        answered without details. A handler may ask for `stop`, it must not await it.
    log : CommandLog, optional
        Remembers what was done; of this process when not given.
    on_refused : callable, optional
        Called with a command that its sender may not give, the sender (None when not even that is
        known) and the error; must not raise.
    """

    def __init__(
        self,
        address: str,
        table: CommandTable,
        verify: Verify,
        handlers: Mapping[str, Handler],
        *,
        log: CommandLog | None = None,
        on_refused: Callable[[Command, Principal | None, AccessDenied], None] = lambda *_: None,
    ) -> None:
        if unmatched := {spec.name for spec in table} ^ set(handlers):
            raise InputError(
                "every command needs a handler, and every handler a command",
                value=sorted(unmatched),
            )
        self.address = address
        self._table = CommandTable(*table, _LIST)
        self._verify = verify
        self._handlers = {**handlers, _LIST.name: self._list}
        self._done = log if log is not None else MemoryCommandLog()
        self._on_refused = on_refused
        self._malformed = LimitedLog(_log)
        self._context: zmq.asyncio.Context | None = None
        self._socket: Any = None
        self._reading: asyncio.Task[None] | None = None
        self._answering: set[asyncio.Task[None]] = set()
        self._working: set[asyncio.Task[Result]] = set()
        # command id -> its fingerprint, and the work on its result
        self._running: dict[str, tuple[str, asyncio.Task[Result]]] = {}

    @property
    def malformed(self) -> int:
        """How many malformed messages were refused."""
        return self._malformed.total

    async def start(self) -> None:
        """Listen.

        Raises
        ------
        InputError, StoreError
            When the address is not one, or its folder is missing or open to others.
        PortBusy
            When a process answers there.
        BusError
            When the socket cannot be bound.
        """
        import zmq.asyncio  # desks import this package for its bodies alone

        path = claim_socket(self.address)
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.MAXMSGSIZE, LARGEST_COMMAND)
        # Whatever the file's mode says: the system tells who connects, and others are hung up on.
        self._socket.setsockopt(zmq.IPC_FILTER_UID, os.getuid())
        try:
            self._socket.bind(self.address)
            path.chmod(0o600)
        except (zmq.ZMQError, OSError) as error:
            self._context.destroy(linger=0)
            raise BusError(
                f"commands need a socket to listen on: {error}",
                value=self.address,
                remedy="check that the folder exists and its path is short",
            ) from None
        self._reading = asyncio.create_task(self._read(), name=f"commands {path.name}")

    async def stop(self, *, grace_s: float = 1.0) -> None:
        """Take no more commands, let running ones end, answer them and close.

        What still runs after `grace_s` seconds is cancelled and answered as unknown. Calling it
        twice is harmless.
        """
        if self._reading is None or self._context is None:
            return
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._reading = None
        if self._answering:
            await asyncio.wait(self._answering, timeout=grace_s)
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)
        self._socket.close(linger=_LINGER_MS)
        await self._end(self._context)

    async def _end(self, context: zmq.asyncio.Context) -> None:
        # It waits for the last answers to leave, and has been seen to wait for ever: a thread that
        # nobody joins, since an end has a deadline.
        ending = threading.Thread(target=context.term, name="commands end", daemon=True)
        ending.start()
        ends_by = time.monotonic() + _LINGER_MS / 1e3 + _END_S
        while ending.is_alive():
            if time.monotonic() > ends_by:
                _log.warning("the socket at %s did not end; it is left to the system", self.address)
                return
            await asyncio.sleep(0.005)

    def __repr__(self) -> str:
        state = "listening" if self._reading is not None else "closed"
        return f"CommandServer({self.address!r}, {len(self._table)} commands, {state})"

    async def _list(self, request: Request) -> object:
        return self._table.listed()

    async def _read(self) -> None:
        while True:
            frames = await self._socket.recv_multipart()
            if len(frames) != 2:
                self._malformed.warning("a command must have one frame, not %d", len(frames) - 1)
                continue
            caller, payload = frames
            try:
                command = decode_command(payload)
            except MessageError as error:
                self._malformed.warning("a command was refused: %s", error)
                await self._send(caller, _failed("", error))
                continue
            await self._send(caller, Ack(id=command.id))
            if len(self._answering) >= self._most_beside(command):
                busy = NodeError(
                    f"at most {_MOST_AT_ONCE} commands run at once",
                    remedy="it was not done; wait for the others",
                )
                await self._send(caller, _failed(command.id, busy))
                continue
            task = asyncio.create_task(self._answer(caller, command))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
            # Reading and sending need not wait, so give the loop its turn here.
            await asyncio.sleep(0)

    def _most_beside(self, command: Command) -> int:
        """Return how many commands may run for this one to be begun."""
        reads = command.name in self._handlers and self._table.spec(command.name).reads
        return _MOST_AT_ONCE + (_KEPT_FREE if reads else 0)

    async def result(self, command: Command) -> Result:
        """Return the result of a command, checked as one that came over the socket."""
        try:
            spec, request = self._admit(command)
            return await (self._work(request) if spec.reads else self._once(command, request))
        except LabError as error:
            return _failed(command.id, error)
        except Exception:
            _log.exception("command %s (%s) could not be checked", command.name, command.id)
            return _failed(command.id, _internal(command.name))

    async def _answer(self, caller: bytes, command: Command) -> None:
        await self._send(caller, await self.result(command))

    def _admit(self, command: Command) -> tuple[CommandSpec, Request]:
        """Check all there is to check; raise the `LabError` of what is wrong."""
        now = time.time_ns()
        if not now <= command.deadline_ns:
            raise DeadlineExceeded(
                "a command must be read before its deadline",
                value=f"{(now - command.deadline_ns) / 1e9:.3f} s late",
                remedy="it was not done; look whether it is still wanted, then ask again",
            )
        if command.deadline_ns - now > _FARTHEST_DEADLINE_NS:
            raise InputError(
                "a command's deadline must lie within a day",
                value=command.deadline_ns,
                remedy="give it in nanoseconds since 1970, and soon",
            )
        if not 0 < len(command.id) <= _LONGEST_ID or not command.id.isprintable():
            raise InputError(
                f"a command's id must have 1 to {_LONGEST_ID} printable characters",
                value=len(command.id),
            )
        principal, spec = self._permitted(command)
        if command.version != spec.version:
            raise MessageError(
                f"{spec.name} must be of version {spec.version}",
                value=command.version,
                remedy="check that both sides run the same nautilus_lab",
            )
        body = _checked(spec, command.body)
        return spec, Request(id=command.id, name=spec.name, principal=principal, body=body)

    def _permitted(self, command: Command) -> tuple[Principal, CommandSpec]:
        principal: Principal | None = None
        try:
            principal = self._verify(command.principal_token)
            spec = self._table.spec(command.name)
            principal.require(spec.permission)
        except AccessDenied as error:
            self._on_refused(command, principal, error)
            raise
        return principal, spec

    async def _once(self, command: Command, request: Request) -> Result:
        fingerprint = _fingerprint(command, request.principal)
        known, running = self._running.get(command.id, (fingerprint, None))
        if running is None or known != fingerprint:
            # Also tells one id used for two commands.
            earlier = self._done.begin(
                command.id, fingerprint, name=command.name, principal=request.principal.name
            )
            if earlier is not None:
                return earlier
            reach("commands.after_begin")
            running = self._work(request, once=True)
            self._running[command.id] = (fingerprint, running)
            running.add_done_callback(lambda _: self._running.pop(command.id, None))
        return await running

    def _work(self, request: Request, *, once: bool = False) -> asyncio.Task[Result]:
        task = asyncio.create_task(self._run(request, once=once), name=request.name)
        self._working.add(task)
        task.add_done_callback(self._working.discard)
        return task

    async def _run(self, request: Request, *, once: bool) -> Result:
        try:
            body = await self._handlers[request.name](request)
            result = Result(id=request.id, ok=True, body=body)
            encode(result)
        except LabError as error:
            result = _failed(request.id, error)
        except asyncio.CancelledError:
            return _failed(request.id, _unknown(request.name))
        except Exception:
            _log.exception("command %s (%s) failed", request.name, request.id)
            result = _failed(request.id, _internal(request.name))
        if once:
            reach("commands.before_finish")
            try:
                self._done.finish(result)
            except Exception:
                # It was done and is answered; only its repetition will be answered as unknown.
                _log.exception("the end of command %s could not be noted", request.id)
        return result

    async def _send(self, caller: bytes, message: Ack | Result) -> None:
        # For a caller that has gone the router drops the message.
        await self._socket.send_multipart([caller, encode(message)])


def _checked(spec: CommandSpec, body: dict[str, object]) -> CommandBody | None:
    if spec.body is None:
        if body:
            raise InputError(f"{spec.name} takes no body", value=sorted(body))
        return None
    try:
        _refuse_not_finite(body)
        return msgspec.convert(body, spec.body)
    except RecursionError:
        raise InputError(f"the body of {spec.name} must not be nested without end") from None
    except (msgspec.ValidationError, InputError) as error:
        if isinstance(error.__cause__, LabError):
            raise error.__cause__ from None  # a rule of the body's own, told as it is
        raise InputError(
            f"the body of {spec.name} must follow its schema: {error}",
            remedy=f"its fields are {', '.join(spec.body.__struct_fields__)}",
        ) from None


def _refuse_not_finite(value: object) -> None:
    # A comparison with NaN is false, so a bound in a schema would let it through.
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError("a number must be finite", value=value)
    if isinstance(value, dict):
        value = value.values()
    if isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for part in value:
            _refuse_not_finite(part)


def _fingerprint(command: Command, principal: Principal) -> str:
    meant = msgspec.msgpack.encode(
        (command.name, command.version, command.body, principal.name), order="deterministic"
    )
    return hashlib.sha256(meant).hexdigest()


def _failed(command_id: str, error: LabError) -> Result:
    return Result(
        id=command_id,
        ok=False,
        error=error.rule,
        error_type=type(error).__name__,
        value="" if error.value is None else str(error.value)[:_LONGEST_VALUE],
        remedy=error.remedy,
    )


def _internal(name: str) -> NodeError:
    return NodeError(
        "a command must not fail inside", value=name, remedy="see the log of the process it asked"
    )


def _unknown(name: str) -> OutcomeUnknown:
    return OutcomeUnknown(
        "the process stopped while the command ran; its outcome is not known",
        value=name,
        remedy="look at what it was to change before asking again",
    )
