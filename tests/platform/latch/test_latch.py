"""A latch that halts on doubt, survives its writer, and is loosened by people only."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.latch import STANDINGS, Latch, LatchState

AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
WHY = {"reason": "a test", "by": "ana"}


@pytest.fixture
def latch(tmp_path):
    return Latch(tmp_path / "kill.latch", witness=tmp_path / "trading.db")


def private(path, data):
    path.write_bytes(data)
    path.chmod(0o600)


def test_a_new_trader_is_active_and_its_latch_is_written_before_its_store(latch):
    assert latch.begin().state == "ACTIVE"
    assert latch.path.stat().st_mode & 0o777 == 0o600
    assert latch.read() == Latch(latch.path).read()
    assert latch.read().serial == 1


def test_beginning_again_changes_nothing(latch):
    latch.begin()
    latch.tighten("HALTED", **WHY)
    assert latch.begin().state == "HALTED"
    assert latch.read().serial == 2


def test_a_latch_that_is_gone_although_the_trader_has_traded_is_halted(latch, tmp_path):
    latch.begin()
    (tmp_path / "trading.db").touch()
    latch.path.unlink()
    assert latch.read().state == "HALTED"
    assert "gone" in latch.read().reason
    assert latch.begin().state == "HALTED"
    assert not latch.path.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"ACTIVE",
        b"null",
        b'{"state":"ACTIVE"}',
        b'{"state":"active","reason":"x","by":"x"}',
        b'{"state":"ACTIVE","reason":"","by":"x"}',
        b'{"state":"ACTIVE","reason":"x","by":"x","since_ns":NaN}',
        b'{"state":"ACTIVE","reason":"x","by":"x","since_ns":1e999}',
        b'{"state":"ACTIVE","reason":"x","by":"x","since_ns":-1}',
        b'{"state":"ACTIVE","reason":"x","by":"x","more":1}',
        b'{"state":"ACTIVE","reason":"x","by":"x"}{"state":"ACTIVE","reason":"x","by":"x"}',
        b'{"state":"ACTIVE","reason":"x","by":"x","serial":true}',
        b'{"state":"ACTIVE","reason":"x","by":"x","serial":1.0}',
        b'{"state":"ACTIVE","reason":"x","by":"x","serial":9223372036854775808}',
        b'{"state":"ACTIVE","reason":"x","by":"x","automatic":0}',
        b'{"state":"HALTED","reason":"x","by":"x","state":"ACTIVE"}',
        b'{"state":["ACTIVE"],"reason":"x","by":"x"}',
        b'{"state":"ACTIVE","reason":"\\ud800","by":"x"}',
        b'["ACTIVE"]',
        b'\xef\xbb\xbf{"state":"ACTIVE","reason":"x","by":"x"}',
        b'\xff{"state":"ACTIVE"}',
        b"\x00" * 200,
        b"[" * 50_000,
        b'{"state":"ACTIVE","by":"x","reason":"' + b"x" * 100_000 + b'"}',
    ],
)
def test_what_is_no_latch_is_halted(latch, data):
    private(latch.path, data)
    assert latch.read().state == "HALTED"
    assert "cannot be believed" in latch.read().reason


@given(
    reason=st.text(min_size=1, max_size=2_000),
    since_ns=st.integers(0, 2**63 - 1),
    automatic=st.booleans(),
    state=st.sampled_from(STANDINGS),
)
def test_what_is_written_is_read_again_and_is_what_any_json_library_reads(
    reason, since_ns, automatic, state
):
    held = LatchState(
        state=state, reason=reason, by="ana", since_ns=since_ns, automatic=automatic, serial=7
    )
    assert LatchState.from_json(held.to_json()) == held
    assert msgspec.json.decode(held.to_json()) == {
        "state": state,
        "reason": reason,
        "by": "ana",
        "since_ns": since_ns,
        "automatic": automatic,
        "serial": 7,
    }


def test_a_state_cannot_be_changed_and_is_compared_by_what_it_says():
    held = LatchState(state="HALTED", reason="a test", by="ana")
    with pytest.raises(AttributeError, match="cannot be changed"):
        held.state = "ACTIVE"
    with pytest.raises(AttributeError, match="cannot be changed"):
        del held.state
    assert held == LatchState(state="HALTED", reason="a test", by="ana")
    assert hash(held) == hash(LatchState(state="HALTED", reason="a test", by="ana"))
    assert held != LatchState(state="HALTED", reason="a test", by="ana", serial=1)


@given(cut=st.integers(0, 200), flip=st.integers(0, 200), bit=st.integers(0, 7))
def test_no_cut_makes_a_halted_latch_active(tmp_path_factory, cut, flip, bit):
    latch = Latch(tmp_path_factory.mktemp("latch") / "kill.latch")
    latch.tighten("HALTED", **WHY)
    whole = latch.path.read_bytes()
    private(latch.path, whole[: cut % len(whole)])
    assert latch.read().state == "HALTED"
    damaged = bytearray(whole)
    damaged[flip % len(damaged)] ^= 1 << bit
    private(latch.path, bytes(damaged))
    assert latch.read().state == "HALTED"


@pytest.mark.parametrize("mode", [0o644, 0o660, 0o602, 0o777])
def test_a_latch_that_others_may_open_is_not_believed(latch, mode):
    latch.begin()
    latch.path.chmod(mode)
    assert latch.read().state == "HALTED"
    assert f"{mode:o}" in latch.read().reason


@AS_ROOT
def test_a_latch_of_another_user_is_not_believed(latch):
    latch.begin()
    os.chown(latch.path, 65_534, 65_534)
    assert latch.read().state == "HALTED"


def test_a_link_a_folder_and_a_pipe_are_not_believed_nor_waited_for(latch, tmp_path):
    other = Latch(tmp_path / "other")
    other.begin()
    latch.path.symlink_to(other.path)
    assert latch.read().state == "HALTED"
    latch.path.unlink()
    latch.path.mkdir()
    assert latch.read().state == "HALTED"
    latch.path.rmdir()
    os.mkfifo(latch.path, 0o600)
    assert latch.read().state == "HALTED"


def test_tightening_never_loosens(latch):
    latch.begin()
    for i, to in enumerate(STANDINGS[1:], start=1):
        assert latch.tighten(to, **WHY).state == to
        for looser in STANDINGS[1 : i + 1]:
            assert latch.tighten(looser, **WHY).state == to
    with pytest.raises(InputError, match="tightens to one of"):
        latch.tighten("ACTIVE", **WHY)


def test_tightening_what_cannot_be_read_makes_it_readable_and_no_looser(latch):
    private(latch.path, b"garbage")
    assert latch.tighten("REDUCE_ONLY", **WHY).state == "HALTED"
    assert latch.read().reason == "a test"


def test_loosening_needs_a_name_a_reason_and_something_to_loosen(latch):
    latch.tighten("HALTED", **WHY)
    for bad in ({"reason": " ", "by": "ana"}, {"reason": "x", "by": ""}):
        with pytest.raises(InputError, match="needs a"):
            latch.loosen("ACTIVE", **bad)
    with pytest.raises(InputError, match="cannot be loosened to KILLED"):
        latch.loosen("KILLED", **WHY)
    assert latch.read().state == "HALTED"
    assert latch.loosen("REDUCE_ONLY", **WHY).state == "REDUCE_ONLY"
    assert latch.loosen("ACTIVE", **WHY).state == "ACTIVE"
    with pytest.raises(InputError, match="it is ACTIVE already"):
        latch.loosen("ACTIVE", **WHY)


def test_orders_end_with_what_was_tightened_until_it_is_loosened(latch):
    assert latch.tighten("REDUCE_ONLY", **WHY).cancels is False
    assert latch.tighten("REDUCE_ONLY", **WHY, cancel_orders=True).cancels is True
    # A halt says for itself what is to become of orders, a smaller worry nothing more.
    halted = latch.tighten("HALTED", **WHY)
    assert halted.cancels is False
    assert latch.tighten("REDUCE_ONLY", **WHY, cancel_orders=True) == halted
    again = latch.tighten("HALTED", reason="these too", by="ben", cancel_orders=True)
    assert (again.cancels, again.serial) == (True, halted.serial + 1)
    assert (again.reason, again.by, again.since_ns) == ("a test", "ana", halted.since_ns)
    assert latch.tighten("HALTED", **WHY) == again == latch.read()
    assert latch.loosen("REDUCE_ONLY", **WHY).cancels is False
    assert latch.tighten("KILLED", **WHY).cancels is True


def test_a_kill_is_written_as_older_versions_read_it(latch):
    latch.tighten("HALTED", **WHY, cancel_orders=True)
    assert b'"cancel_orders":true' in latch.path.read_bytes()
    latch.tighten("KILLED", **WHY, cancel_orders=True)
    assert b"cancel_orders" not in latch.path.read_bytes()


def test_a_latch_of_before_there_were_cancels_in_it_is_read(latch):
    private(latch.path, b'{"state":"HALTED","reason":"x","by":"ana","since_ns":1,"serial":3}')
    assert (latch.read().state, latch.read().cancels, latch.read().serial) == ("HALTED", False, 3)


def test_what_another_tightened_meanwhile_is_not_loosened_unseen(latch):
    seen = latch.tighten("REDUCE_ONLY", **WHY)
    Latch(latch.path).tighten("HALTED", reason="the supervisor lost the node", by="supervisor")
    with pytest.raises(InputError, match="must not have moved"):
        latch.loosen("ACTIVE", seen=seen.serial, **WHY)
    assert latch.read().by == "supervisor"


def test_a_process_that_sleeps_on_the_lock_keeps_nobody_from_halting(latch):
    latch.begin()
    handle = os.open(latch.path.parent, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert latch.tighten("HALTED", **WHY).state == "HALTED"
        with pytest.raises(StoreError, match="must be free to be loosened"):
            latch.loosen("ACTIVE", **WHY)
    finally:
        os.close(handle)
    assert latch.loosen("ACTIVE", **WHY).state == "ACTIVE"


def test_a_latch_that_cannot_be_written_says_so_and_stays(tmp_path):
    latch = Latch(tmp_path / "gone" / "kill.latch")
    with pytest.raises(StoreError):
        latch.tighten("HALTED", **WHY)


_WRITER = """
import sys
from pathlib import Path
from nautilus_lab.platform.latch import Latch
latch = Latch(Path(sys.argv[1]))
print("begun", flush=True)
for i in range(1_000_000):
    latch.tighten("HALTED", reason=f"halt {i}", by="writer")
    latch.loosen("ACTIVE", reason=f"resume {i}", by="writer")
"""


def test_a_kill_at_any_moment_leaves_a_whole_latch(tmp_path):
    path = tmp_path / "kill.latch"
    serial = 0
    for _ in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE
        )
        try:
            writer.stdout.readline()
            deadline = time.monotonic() + 10
            while Latch(path).read().serial <= serial and time.monotonic() < deadline:
                pass
            writer.send_signal(signal.SIGKILL)
        finally:
            writer.kill()
            writer.wait()
            writer.stdout.close()
        state = LatchState.from_json(path.read_bytes())
        assert Latch(path).read() == state
        assert state.serial > serial
        serial = state.serial
        Latch(path).tighten("HALTED", **WHY)
        serial = Latch(path).read().serial
        Latch(path).loosen("ACTIVE", **WHY)
        serial += 1
