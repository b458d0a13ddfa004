"""What rests on the nodes of a home, so that none trades with another: told and heard by files."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from nautilus_lab.exceptions import LabError, StoreError
from nautilus_lab.execution.gate import Book
from nautilus_lab.platform.rundir import Home, RunDirectory
from nautilus_lab.trading._interest_file import Interest, read_interest, write_interest

log = logging.getLogger(__name__)


class SharedInterest:
    """Tells the other nodes of a home the best prices this one rests at, and hears theirs.

    Each node writes a file in its run directory when its best bid or offer in an instrument is
    another, and reads those of the others when they are: an order is known elsewhere half a second
    after it passed the gate. What a node rested that died stays until it is back, or a person
    releases it: nobody else knows what became of its orders.

    Parameters
    ----------
    home : Home
        Whose traders are heard.
    rundir : RunDirectory
        This node's.
    book : Book
        Whose orders are told, and who is told of others.
    """

    def __init__(self, home: Home, rundir: RunDirectory, book: Book) -> None:
        self._home = home
        self._rundir = rundir
        self._book = book
        self._told: Interest | None = None
        # trader -> what its file was when it was read, and what it said
        self._heard: dict[str, tuple[tuple[int, int, int], Interest]] = {}
        self._unread: set[str] = set()  # traders whose file cannot be read, once that was logged

    def __repr__(self) -> str:
        return f"SharedInterest({self._rundir.trader_id}, {len(self._heard)} other nodes)"

    def watch(self) -> None:
        """Tell and hear what is new; never raises. Call it four times a second."""
        try:
            self.tell()
            self.hear()
        except Exception:
            log.exception("what rests on this node, or on others, could not be shared")

    def tell(self) -> None:
        """Write what rests here, if that is another than was written.

        Raises
        ------
        StoreError
            When it cannot be written.
        """
        now = Interest(unit=Book.UNIT, best=self._book.best_resting())
        # Also where somebody took the file away: the others would take it for nothing rested.
        if now != self._told or not self._rundir.interest.exists():
            write_interest(self._rundir.interest, now)
            self._told = now

    def hear(self) -> None:
        """Read what rests on the others, where that is new."""
        found: dict[str, tuple[tuple[int, int, int], Interest]] = {}
        for trader in self._home.trader_ids:
            if trader == self._rundir.trader_id:
                continue
            path = self._home.trader(trader).interest
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            at = (status.st_mtime_ns, status.st_size, status.st_ino)
            known = self._heard.get(trader)
            if known is not None and known[0] == at:
                found[trader] = known
                continue
            try:
                heard = read_interest(path)
                if heard.unit != Book.UNIT:
                    raise StoreError("nodes must count prices alike", value=heard.unit)
                found[trader] = at, heard
                self._unread.discard(trader)
            except LabError as error:
                if known is not None:
                    found[trader] = known  # what it said last is the best there is
                if trader not in self._unread:
                    self._unread.add(trader)
                    log.error("what rests on %s is not known: %s", trader, error)
        if found != self._heard:
            self._heard = found
            self._book.elsewhere = best_of(one for _, one in found.values())


def best_of(interests: Iterable[Interest]) -> dict[str, tuple[int | None, int | None]]:
    """Return instrument -> the best bid and offer of several nodes.

    Examples
    --------
    >>> best_of([Interest(unit=1, best={"A": (9, 12)}), Interest(unit=1, best={"A": (10, None)})])
    {'A': (10, 12)}
    """
    best: dict[str, tuple[int | None, int | None]] = {}
    for one in interests:
        for name, (bid, offer) in one.best.items():
            bids, offers = [bid], [offer]
            if name in best:
                bids.append(best[name][0])
                offers.append(best[name][1])
            best[name] = (
                max([p for p in bids if p is not None], default=None),
                min([p for p in offers if p is not None], default=None),
            )
    return best
