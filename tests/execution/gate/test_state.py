"""What the trader may do: memory follows the latch, and no disk keeps anybody from halting."""

import os

import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.execution.gate import TradingSwitch
from nautilus_lab.platform.rundir import Latch
from tests.execution.gate.stand import Stand

FIRE = {"reason": "a fire", "by": "ana"}


@pytest.fixture
def latch(tmp_path):
    latch = Latch(tmp_path / "kill.latch", witness=tmp_path / "trading.db")
    latch.begin()
    (tmp_path / "trading.db").touch()
    return latch


@pytest.fixture
def switch(latch):
    return TradingSwitch(latch)


def test_without_a_latch_it_begins_active_and_moves_in_memory():
    switch = TradingSwitch()
    assert switch.state == "ACTIVE"
    assert switch.tighten("HALTED", **FIRE).state == switch.state == "HALTED"
    assert switch.tighten("REDUCE_ONLY", **FIRE).state == "HALTED"
    assert switch.loosen("ACTIVE", **FIRE).state == switch.state == "ACTIVE"
    assert [switch.held.serial, switch.refresh()] == [2, False]


@pytest.mark.parametrize(
    ("to", "reason", "by"),
    [("ACTIVE", "a", "b"), ("STOPPED", "a", "b"), ("HALTED", " ", "b"), ("HALTED", "a", "")],
)
def test_a_move_needs_a_state_a_reason_and_a_name(switch, to, reason, by):
    for one in (switch, TradingSwitch()):
        with pytest.raises(InputError, match="tightens to one of"):
            one.tighten(to, reason=reason, by=by)
        assert one.state == "ACTIVE"


@pytest.mark.parametrize("to", ["HALTED", "KILLED"])
def test_it_does_not_loosen_to_what_is_tighter(to):
    switch = TradingSwitch()
    switch.tighten("HALTED", **FIRE)
    with pytest.raises(InputError):
        switch.loosen(to, **FIRE)
    with pytest.raises(InputError):
        switch.loosen("ACTIVE", reason="", by="ana")
    assert switch.state == "HALTED"


def test_a_move_is_on_the_disk_and_holds_after_a_restart(latch, switch):
    switch.tighten("HALTED", **FIRE)
    assert latch.read().state == "HALTED"
    assert TradingSwitch(latch).state == "HALTED"
    switch.loosen("REDUCE_ONLY", reason="it is out", by="ben")
    assert TradingSwitch(latch).held.by == "ben"


@pytest.mark.parametrize("damage", [b"", b"{", b'{"state":"ACTIVE"}', b"\xff" * 99])
def test_a_latch_that_cannot_be_believed_means_halted(latch, damage):
    latch.path.write_bytes(damage)
    assert TradingSwitch(latch).state == "HALTED"


def test_what_another_process_tightened_is_taken_over(latch, switch):
    latch.tighten("KILLED", reason="from outside", by="supervisor")
    assert switch.refresh() is True
    assert (switch.state, switch.held.by) == ("KILLED", "supervisor")
    assert switch.refresh() is False


@pytest.mark.parametrize("how", ["loosened", "removed", "damaged"])
def test_a_latch_that_is_looser_or_gone_does_not_loosen_what_memory_holds(latch, switch, how):
    switch.tighten("KILLED", **FIRE)
    if how == "loosened":
        os.replace(_a_latch_beside(latch), latch.path)
    elif how == "removed":
        latch.path.unlink()
    else:
        latch.path.write_bytes(b"{")
    switch.refresh()
    assert switch.state == "KILLED"
    assert latch.read().state == "KILLED"  # and it is written again


def _a_latch_beside(latch):
    other = Latch(latch.path.with_name("other"))
    other.begin()
    return other.path


def test_a_latch_that_is_damaged_while_it_trades_halts(latch, switch):
    latch.path.write_bytes(b"{")
    assert switch.refresh() is True
    assert switch.state == "HALTED"


def test_a_disk_that_refuses_keeps_nobody_from_halting(latch, switch, monkeypatch):
    def refuse(*args, **kwargs):
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("nautilus_lab.platform.latch._latch.write_whole", refuse)
        assert switch.tighten("HALTED", **FIRE).state == "HALTED"
        assert (switch.state, switch.saved) == ("HALTED", False)
        with pytest.raises((StoreError, InputError)):
            switch.loosen("ACTIVE", **FIRE)
        assert switch.state == "HALTED"
    switch.refresh()
    assert switch.saved is True
    assert latch.read().state == "HALTED"


def test_loosening_fails_when_somebody_tightened_in_between(latch, switch):
    switch.tighten("HALTED", **FIRE)
    latch.tighten("KILLED", reason="worse", by="supervisor")
    with pytest.raises((StoreError, InputError)):
        switch.loosen("ACTIVE", **FIRE)
    assert latch.read().state == "KILLED"


# --- at the gate --------------------------------------------------------------------------


def test_reduce_only_lets_pass_what_reduces_net_of_what_works_to_reduce():
    with Stand() as stand:
        stand.do(lambda s: s.market(100))
        stand.gate.state.tighten("REDUCE_ONLY", **FIRE)
        stand.do(lambda s: [s.market(1), s.limit(-60, "120.00"), s.limit(-41, "120.00")])
        assert stand.denials == ["REDUCE_ONLY: a fire"] * 2
        stand.do(lambda s: s.limit(-40, "120.00"))
        assert stand.queued() == (0, 100)
        stand.do(lambda s: s.market(-1))  # all of it is being sold already
        assert len(stand.denials) == 3
        stand.quote("121.00")
        assert stand.held() == 0


def test_reduce_only_lets_a_short_position_be_bought_back():
    with Stand() as stand:
        stand.do(lambda s: s.market(-100))
        stand.gate.state.tighten("REDUCE_ONLY", **FIRE)
        stand.do(lambda s: [s.market(101), s.market(-1), s.market(100)])
        assert (stand.held(), len(stand.denials)) == (0, 2)


def test_reduce_only_knows_what_is_in_flight():
    with Stand(latency_ns=3 * 10**9) as stand:
        stand.do(lambda s: s.market(100))
        for _ in range(4):
            stand.quote()
        stand.gate.state.tighten("REDUCE_ONLY", **FIRE)
        stand.do(lambda s: s.market(-100))
        stand.do(lambda s: s.market(-100))
        assert (stand.queued(), len(stand.denials)) == ((0, 100), 1)


def test_reduce_only_closes_all_positions():
    with Stand() as stand:
        stand.do(lambda s: s.market(100))
        stand.gate.state.tighten("REDUCE_ONLY", **FIRE)
        stand.do(lambda s: s.close_all_positions(stand.hands[0].cache.instruments()[0].id))
        assert stand.held() == 0


def test_of_a_list_with_one_order_that_opens_nothing_passes_when_only_reducing_is_allowed():
    with Stand() as stand:
        stand.do(lambda s: s.market(100))
        stand.gate.state.tighten("REDUCE_ONLY", **FIRE)

        def both(strategy):
            orders = [strategy.limit(n, "90.00", send=False) for n in (-50, 1)]
            strategy.submit_order_list(strategy.order_factory.create_list(orders))

        stand.do(both)
        assert stand.queued() == (0, 0)
        assert len(stand.denials) == 2


def test_what_another_process_wrote_holds_at_the_next_order(tmp_path):
    latch = Latch(tmp_path / "kill.latch")
    latch.begin()
    switch = TradingSwitch(latch)
    assert switch.look() == "ACTIVE"
    Latch(tmp_path / "kill.latch").tighten("HALTED", reason="enough", by="ana")
    assert (switch.state, switch.look(), switch.held.reason) == ("ACTIVE", "HALTED", "enough")


def test_a_latch_that_somebody_removes_loosens_nothing_at_the_next_order(tmp_path):
    latch = Latch(tmp_path / "kill.latch")
    latch.begin()
    switch = TradingSwitch(latch)
    switch.tighten("KILLED", reason="enough", by="ana")
    latch.path.unlink()
    assert switch.look() == "KILLED"
    assert latch.read().state == "KILLED"  # written again
    latch.path.write_text("nonsense")
    assert switch.look() == "KILLED"


def test_looking_reads_the_latch_only_when_it_was_written(tmp_path, monkeypatch):
    latch = Latch(tmp_path / "kill.latch")
    latch.begin()
    switch = TradingSwitch(latch)
    reads = []
    monkeypatch.setattr(latch, "read", lambda: reads.append(1))
    for _ in range(10):
        switch.look()
    assert reads == []
