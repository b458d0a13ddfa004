"""The latch of a trader against what its audit trail had last."""

import msgspec
import pytest

from nautilus_lab.platform.rundir import LatchState
from nautilus_lab.platform.store import AuditRow
from nautilus_lab.trading.node._standing import (
    AuditedStanding,
    audited_standing,
    loosened_unaudited,
)


def row(kind, **body):
    fields = dict.fromkeys(AuditRow.__slots__, "") | {
        "kind": kind,
        "body": msgspec.json.encode(body).decode(),
    }
    return AuditRow(**fields)


def held(state):
    return LatchState(state=state, reason="a test", by="ana")


KILLED = row("trading.state", state="KILLED")


@pytest.mark.parametrize(
    ("rows", "standing"),
    [
        ((), None),
        ((row("trading.begun", state="ACTIVE"),), "ACTIVE"),
        ((row("trading.begun", state="ACTIVE"), KILLED), "KILLED"),
        ((KILLED, row("trading.resume_asked", to="ACTIVE")), "KILLED"),
        ((KILLED, row("trading.resume_refused", to="ACTIVE", before="KILLED")), "KILLED"),
        # a resume that was written down, and whose node ended before it told that it held
        ((KILLED, row("trading.resume", to="REDUCE_ONLY", before="KILLED")), "REDUCE_ONLY"),
        ((KILLED, row("trading.state", state="NONE")), "KILLED"),
    ],
)
def test_what_a_trail_had_last(rows, standing):
    found = audited_standing(rows)
    assert (found and found.state) == standing


def test_whether_orders_were_to_be_cancelled_is_known_of_the_last_move_alone():
    halted = row("trading.state", state="HALTED", cancel_orders=True)
    assert audited_standing((halted,)) == AuditedStanding("HALTED", cancel_orders=True)
    assert audited_standing((halted, row("trading.resume", to="REDUCE_ONLY"))) == AuditedStanding(
        "REDUCE_ONLY"
    )


@pytest.mark.parametrize("state", ["ACTIVE", "REDUCE_ONLY", "HALTED"])
def test_a_latch_that_is_looser_than_the_trail_was_loosened_by_nobody(state):
    assert loosened_unaudited(held(state), AuditedStanding("KILLED")) == (
        f"the latch says {state}, and the audit trail KILLED: nobody resumed it"
    )


@pytest.mark.parametrize("audited", [None, "ACTIVE", "HALTED"])
def test_one_that_is_as_tight_or_tighter_may_be_what_it_is(audited):
    found = None if audited is None else AuditedStanding(audited)
    assert loosened_unaudited(held("HALTED"), found) == ""
