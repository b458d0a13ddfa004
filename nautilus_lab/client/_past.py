"""A desk as it was."""

from __future__ import annotations

import asyncio
import html
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from nautilus_lab.client._commands import Commands
from nautilus_lab.client._desk import Desk
from nautilus_lab.client._gateway import Address, LocalRole, workspace_of
from nautilus_lab.client._live import Change, NodeState
from nautilus_lab.client._strategies import Strategies
from nautilus_lab.client.protocol import Series, SnapshotFrame
from nautilus_lab.exceptions import InputError, LifecycleError
from nautilus_lab.platform.messages import Envelope, topic_matches
from nautilus_lab.platform.rundir import Home

if TYPE_CHECKING:
    from nautilus_lab.platform.recording import Moment, Recording

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXAMPLE = 'write at="2026-03-02 14:31" (UTC), or "2026-03-02T14:31:00+01:00"'


class PastDesk(Desk):
    """A desk as it was at an instant: rebuilt from the recording, to be looked at and no more.

    Made by ``connect(at=...)``. Everything that reads works as on a live desk; everything that
    would ask the node for something raises `LifecycleError`, also `halt`: the latch of the living
    trader is not touched.

    Parameters
    ----------
    trader : str
        Whose desk.
    recording : Recording
        What it is rebuilt from.
    moment : Moment
        What the recording says of the instant.
    patterns : sequence of str, default=(">",)
        Which topics to show.
    """

    def __init__(
        self,
        *,
        trader: str,
        recording: Recording,
        moment: Moment,
        patterns: Sequence[str] = (">",),
    ) -> None:
        super().__init__(trader=trader, locate=_no_gateway, patterns=patterns)
        self._commands = _NoCommands(self._link)
        self.strategies = Strategies(self._book, self._commands)
        self._link.failure = _read_only("wait for changes")
        self._recording = recording
        self._shown = tuple(patterns)
        self._show(moment)

    # --- when ----------------------------------------------------------------------------------

    @property
    def past(self) -> datetime:
        """The instant that is shown, UTC."""
        return _EPOCH + timedelta(microseconds=self._moment.asked_ns // 1_000)

    @property
    def gap(self) -> str:
        """Why nothing was recorded at that instant; empty when it was."""
        return self._moment.gap.why if self._moment.gap is not None else ""

    async def forward(self, seconds: float) -> None:
        """Show a later instant; the objects that were handed out go on being those of the desk.

        Parameters
        ----------
        seconds : float
            How much later.

        Raises
        ------
        InputError
            When it is not positive, or the recording does not reach so far.
        """
        if not 0 < seconds < math.inf:
            raise InputError("seconds must be positive", value=seconds, remedy="pass seconds=60")
        later = self._moment.asked_ns + int(seconds * 1e9)
        self._show(await asyncio.to_thread(self._recording.at, later))
        self._tell(Change("snapshot", self.trader))

    # --- what a live desk has otherwise ----------------------------------------------------------

    @property
    def age_s(self) -> float:
        """Seconds from the newest that was seen until then to the instant that is shown."""
        return self._age_of(self._moment.seen_ns)

    @property
    def quote_age_s(self) -> float:
        """Seconds from the newest quote to the instant that is shown."""
        return self._age_of(self._book.quote_ts)

    async def history(
        self, *patterns: str, seconds: float = 1800.0, timeout_s: float = 10.0
    ) -> tuple[Series, ...]:
        """Refuse: that is a gateway's memory; see `Recording.table` for all of the past."""
        raise _read_only("ask a gateway for its history")

    async def reconnect(self, *, timeout_s: float = 10.0) -> None:
        """Refuse: there is nobody to connect to."""
        raise _read_only("connect")

    def __repr__(self) -> str:
        simulated = ", SIMULATED" if self.simulated else ""
        age = "no data yet" if math.isinf(self.age_s) else f"data {self.age_s:.1f} s old then"
        gap = f", IN A GAP: {self.gap}" if self.gap else ""
        return (
            f"<Desk {self.trader} of the PAST, as of {self._shown_at()}, read-only: "
            f"node {self.node.state.value}{simulated}, {age}{gap}>"
        )

    def _repr_html_(self) -> str:
        gap = f" In a gap: {html.escape(self.gap)}." if self.gap else ""
        return (
            "<div style='border-left:4px solid #b58900;padding:4px 8px'>"
            f"<b>PAST</b> as of {self._shown_at()}, read-only.{gap}{super()._repr_html_()}</div>"
        )

    # --- how -----------------------------------------------------------------------------------

    def _show(self, moment: Moment) -> None:
        self._moment = moment
        snapshot = moment.snapshot
        self._book.begin(
            SnapshotFrame(
                trader=self.trader,
                epoch=snapshot.epoch,
                seq=snapshot.seq,
                ts=moment.asked_ns,
                simulated=snapshot.simulated,
                orders=self._wanted(snapshot.orders),
                states=self._wanted(snapshot.states),
                events=self._wanted((*moment.events, *snapshot.fills)),
            )
        )
        if moment.gap is not None:
            self.node.state, self.node.detail = NodeState.UNREACHABLE, moment.gap.why

    def _wanted(self, told: Iterable[Envelope]) -> tuple[Envelope, ...]:
        return tuple([t for t in told if any(topic_matches(p, t.topic) for p in self._shown)])

    def _age_of(self, ts: int) -> float:
        return max(0.0, (self._moment.asked_ns - ts) / 1e9) if ts else math.inf

    def _shown_at(self) -> str:
        return f"{self.past:%Y-%m-%d %H:%M:%S.%f}"[:-3] + " UTC"


async def open_past(
    trader: str | None,
    at: str | datetime,
    *,
    url: str | None,
    token: str | None,
    role: LocalRole,
    root: Path | str | None,
    patterns: Sequence[str],
) -> PastDesk:
    """Return the desk as it was `at` an instant; parameters and errors as for `connect`."""
    for name, given in (("url", url), ("token", token), ("role", role != "viewer")):
        if given:
            raise InputError(
                f"the past is read from this workspace's own recording: {name} has no meaning",
                value=url or role,
                remedy="leave it out, and name the workspace by root",
            )
    instant = instant_of(at)
    home, own = workspace_of(root)
    name = trader or own
    from nautilus_lab.platform.recording import Recording  # pyarrow: only where it is needed

    recording = Recording(Home(home).trader(name).recording)
    moment = await asyncio.to_thread(recording.at, instant)
    return PastDesk(trader=name, recording=recording, moment=moment, patterns=patterns)


def instant_of(at: object) -> datetime:
    """Return the instant that is meant; a time without a zone is UTC.

    Raises
    ------
    InputError
        When it is none: a date alone, a number, another text.

    Examples
    --------
    >>> instant_of("2026-03-02 14:31").isoformat()
    '2026-03-02T14:31:00+00:00'
    >>> instant_of("2026-03-02T15:31:00+01:00") == instant_of("2026-03-02 14:31")
    True
    """
    found = at
    if isinstance(at, str):
        try:
            found = datetime.fromisoformat(at.strip())
        except ValueError:
            found = None
        if len(at.strip()) <= len("2026-03-02"):
            found = None  # midnight is hardly what a date alone means
    if not isinstance(found, datetime):
        raise InputError("an instant must be a date and a time", value=at, remedy=_EXAMPLE)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


class _NoCommands(Commands):
    """Refuses whatever is asked."""

    def require(self, permission: object) -> NoReturn:
        raise _read_only("give commands")

    async def send(self, name: str, *arguments: object, **more: object) -> Any:
        raise _read_only(f"do {name}")


def _read_only(what: str) -> LifecycleError:
    return LifecycleError(
        f"a desk of the past is there to be looked at; it cannot {what}",
        remedy="connect to the present: desk = await nl.connect()",
    )


def _no_gateway() -> Address:
    raise _read_only("connect")
