"""What a lease adds to an order, and what it takes to renew one; what own orders add."""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path

from benchmarks.gate import Nothing, at, crossings, row
from nautilus_lab.risk.leases import Ask, Budget, Grant, Lease, Leased, Moment
from nautilus_lab.risk.limits import Limit, MaxGrossExposure, NoSelfTrade
from nautilus_lab.trading._leases import HomeLedger, boot_ns

ROUNDS = 7
NODES = 8
RENEWALS = 40
FIRM = 10**9
GROSS = MaxGrossExposure(max_notional=FIRM, per="firm")


class Timed:
    """Asks limits about each order, in turn the first or the last, and notes what each took."""

    name = "timed"
    exposure = False

    def __init__(self, *limits: Limit, offers: dict | None = None) -> None:
        self.limits = limits
        self.offers = offers  # what of ours rests on the other side of what is bought
        self.took: list[list[float]] = [[] for _ in limits]
        self.turn = 0

    def judge(self, proposal, book):
        if self.offers is not None:
            proposal.instrument.offers = self.offers
        self.turn += 1
        for place in range(len(self.limits)):
            # Who comes first finds the caches of the processor cold.
            which = (place + self.turn) % len(self.limits)
            limit = self.limits[which]
            began = time.perf_counter_ns()
            found = limit.judge(proposal, book)
            self.took[which].append((time.perf_counter_ns() - began) / 1e3)
        return found


class Own:
    """An order of ours, far from the market."""

    parent = None
    linked = False
    strategy = "S-001"

    def __init__(self, number: int) -> None:
        self.id = f"O-{number}"
        self.terms = [(10**30, None)]


def took(*limits: Limit, offers: dict | None = None) -> list[float]:
    """Return what each limit takes in the gate, the median of many orders, microseconds."""
    timed = Timed(*limits, offers=offers)
    crossings(Nothing(), [timed])
    return [statistics.median(one) for one in timed.took]


def leased() -> Leased:
    """Return the firm's limit with all of it leased, for longer than this takes."""
    lease = Lease(
        limit=GROSS.name,
        node="A",
        token=1,
        amount=FIRM * 100,
        used=0,
        needed=0,
        declared=FIRM * 100,
        expires=Moment(wall_ns=0, boot_ns=0, boot=""),
    )
    budget = Budget(GROSS.name)
    budget.take_over(
        Grant(lease=lease, limit=FIRM * 100, room=0, others=0, short=0), boot_ns() + 10**13
    )
    return Leased(limit=GROSS, budget=budget, now_ns=boot_ns)


def renewals(path: Path) -> list[float]:
    """Return what each renewal takes of eight nodes that renew in turn, milliseconds."""
    ledgers = [HomeLedger.open(path) for _ in range(NODES)]
    each = []
    try:
        tokens = []
        for number, ledger in enumerate(ledgers):
            (grant,) = ledger.take([ask(number, 0)], span_ns=10**10)
            tokens.append(grant.lease.token)
        for turn in range(RENEWALS):
            for number, ledger in enumerate(ledgers):
                began = time.perf_counter_ns()
                ledger.renew(tokens[number], [ask(number, turn)], span_ns=10**10)
                each.append((time.perf_counter_ns() - began) / 1e6)
        with closing(HomeLedger.open(path, read_only=True)) as seen:
            if sum(one.amount for one in seen.leases()) > FIRM * 100:
                raise AssertionError("leases add up to more than the limit")
    finally:
        for ledger in ledgers:
            ledger.close()
    return each


def ask(number: int, turn: int) -> Ask:
    """Return an ask of another amount than before, so that each renewal writes an event too."""
    wanted = FIRM * 100 // NODES - number * 1_000 - turn % 2 * 500
    return Ask(limit=GROSS.name, node=f"N-{number}", declared=FIRM * 100, used=turn, wanted=wanted)


def rows() -> list[dict]:
    check, alone, crowded, renew = [], [], [], []
    offers = {f"O-{number}": Own(number) for number in range(20)}
    for _ in range(ROUNDS + 1):  # the first of each warms up
        gc.collect()
        plain, with_lease = took(GROSS, leased())
        check.append(with_lease - plain)
        alone += took(NoSelfTrade())
        crowded += took(NoSelfTrade(), offers=offers)
        with tempfile.TemporaryDirectory() as folder:
            renew.append(renewals(Path(folder) / "leases.db"))
    how = f"median of {ROUNDS} rounds of 1,000 orders"
    return [
        row(
            "03-lease-check",
            1.0,
            statistics.median(check[1:]),
            f"what a leased gross limit takes longer in the gate than the limit alone; {how}",
        )
        | {"measured": round(statistics.median(check[1:]), 2)},
        row(
            "03-self-trade-check",
            5.0,
            statistics.median(alone[1:]),
            f"looking for own orders of the other side where there are none; {how}",
        )
        | {"measured": round(statistics.median(alone[1:]), 2)},
        row(
            "03-self-trade-check-20",
            20.0,
            statistics.median(crowded[1:]),
            f"as 03-self-trade-check, with 20 of them working in the instrument; {how}",
        ),
        row(
            "03-lease-renew",
            100.0,
            statistics.median(at(0.5, each) for each in renew[1:]),
            f"one of {NODES} nodes renews its lease for another amount in one SQLite file (WAL, "
            "synchronous FULL), an event written with it, the disk waited for; median of "
            f"{NODES * RENEWALS}, of {ROUNDS} rounds",
        )
        | {"unit": "ms"},
    ]


if __name__ == "__main__":
    for line in rows():
        print(line)
