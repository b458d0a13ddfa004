"""What the store remembers of commands: each is done once, over restarts too."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys

import pytest

from nautilus_lab.exceptions import InputError, OutcomeUnknown, StoreError
from nautilus_lab.platform.commands import MemoryCommandLog, StoreCommandLog
from nautilus_lab.platform.messages import Result


@pytest.fixture(params=["memory", "store"])
def log(request, store):
    """Every log of commands."""
    return MemoryCommandLog() if request.param == "memory" else StoreCommandLog(store)


def test_a_command_that_is_new_begins(log):
    assert log.begin("C-1", "print", name="risk.halt", principal="ana") is None
    assert log.begin("C-2", "print", name="risk.halt", principal="ana") is None


def test_a_command_that_ended_gives_its_result_again(log):
    log.begin("C-1", "print")
    log.finish(Result(id="C-1", ok=True, body={"orders": ["O-1"], "total": 1.5}))
    assert log.begin("C-1", "print") == Result(
        id="C-1", ok=True, body={"orders": ["O-1"], "total": 1.5}
    )


def test_a_command_that_failed_gives_its_failure_again(log):
    failed = Result(
        id="C-1", ok=False, error="no", error_type="InputError", value="7", remedy="ask again"
    )
    log.begin("C-1", "print")
    log.finish(failed)
    assert log.begin("C-1", "print") == failed


def test_a_command_without_an_end_is_unknown_and_named(log):
    log.begin("C-1", "print")
    with pytest.raises(OutcomeUnknown, match="its end is not known") as unknown:
        log.begin("C-1", "print")
    assert unknown.value.value == "C-1"


@pytest.mark.parametrize("ended", [False, True])
def test_an_id_that_stands_for_another_command_is_refused(log, ended):
    log.begin("C-1", "print")
    if ended:
        log.finish(Result(id="C-1", ok=True))
    with pytest.raises(InputError, match="id must be its own"):
        log.begin("C-1", "another")


def test_the_end_of_a_command_that_never_began_is_not_kept(log):
    log.finish(Result(id="C-9", ok=True))
    assert log.begin("C-9", "print") is None


def test_who_asked_what_is_kept(store):
    StoreCommandLog(store).begin("C-1", "print", name="orders.submit", principal="ana")
    row = store.begin_command("C-1", "print")
    assert (row.name, row.principal, row.ended_ns) == ("orders.submit", "ana", None)


def test_the_first_end_stays(store):
    log = StoreCommandLog(store)
    log.begin("C-1", "print")
    log.finish(Result(id="C-1", ok=True, body=1))
    log.finish(Result(id="C-1", ok=True, body=2))
    assert log.begin("C-1", "print").body == 1


def test_a_restart_remembers(stores):
    store = stores.trading()
    log = StoreCommandLog(store)
    log.begin("C-1", "print")
    log.finish(Result(id="C-1", ok=True, body=7))
    log.begin("C-2", "print")
    store.close()
    log = StoreCommandLog(stores.trading())
    assert log.begin("C-1", "print").body == 7
    with pytest.raises(OutcomeUnknown):
        log.begin("C-2", "print")


_KILLED = """
import sys
from nautilus_lab.platform.commands import StoreCommandLog
from nautilus_lab.platform.messages import Result
from nautilus_lab.platform.store import TradingStore

log = StoreCommandLog(TradingStore.open(sys.argv[1]))
n = 0
while True:
    log.begin(f"C-{n}", "print")
    print("begun", n, flush=True)
    log.finish(Result(id=f"C-{n}", ok=True, body=n))
    print("ended", n, flush=True)
    n += 1
"""


def test_no_command_of_a_killed_process_is_done_again(stores):
    killed = subprocess.Popen(
        [sys.executable, "-c", _KILLED, stores.trading_file], stdout=subprocess.PIPE, text=True
    )
    lines = [killed.stdout.readline() for _ in range(151)]
    killed.send_signal(signal.SIGKILL)
    lines += killed.communicate()[0].splitlines(keepends=True)
    told = [line.split() for line in lines if line.endswith("\n")]
    ended = {int(n) for what, n in told if what == "ended"}
    begun = {int(n) for what, n in told if what == "begun"}
    log = StoreCommandLog(stores.trading())
    for n in ended:
        assert log.begin(f"C-{n}", "print").body == n
    for n in begun - ended:  # at most the last: its end may be stored and not told
        with contextlib.suppress(OutcomeUnknown):
            assert log.begin(f"C-{n}", "print").body == n
    assert len(ended) > 50


def test_the_oldest_are_forgotten(store, monkeypatch):
    now = 1_795_000_000_000_000_000
    monkeypatch.setattr("time.time_ns", lambda: now)
    log = StoreCommandLog(store, days=2, most=3)
    for n in range(5):
        log.begin(f"C-{n}", "print")
        now += 1
    assert log.prune() == 2
    assert log.prune() == 0
    with pytest.raises(OutcomeUnknown):
        log.begin("C-2", "print")
    now += 2 * 24 * 3_600 * 10**9 - 1
    assert log.prune() == 2  # two of the three are older than two days
    assert log.begin("C-0", "print") is None


@pytest.mark.parametrize("bounds", [{"days": 0}, {"most": 0}, {"days": float("nan")}])
def test_a_log_must_remember_something(store, bounds):
    with pytest.raises(InputError, match="remembered for some time"):
        StoreCommandLog(store, **bounds)


def test_an_end_that_is_no_result_is_a_store_error(store):
    store.begin_command("C-1", "print")
    store.finish_command("C-1", b"\x82\xa4kind\xa3ack\xa2id\xa3C-1")
    with pytest.raises(StoreError, match="must be a result"):
        StoreCommandLog(store).begin("C-1", "print")
