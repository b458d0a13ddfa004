"""Finding out whose code the node is stuck in."""

import time

import pytest

from nautilus_lab.trading.node._call_watch import CallWatch, HeldUp


@pytest.fixture
def path(tmp_path):
    return tmp_path / "held_up.json"


@pytest.fixture
def watch(path):
    watch = CallWatch(path, patience_s=0.1)
    watch.start()
    yield watch
    watch.stop()


def until(condition, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_call_that_does_not_return_is_kept_and_forgotten_when_it_does(watch, path):
    with watch.calling("rest-002", "on_quote_tick"):
        until(path.exists)
    until(lambda: not path.exists())


def test_the_next_life_reads_once_what_held_up_the_last(watch, path):
    with watch.calling("rest-002", "on_quote_tick"):
        until(path.exists)
        watch.stop()
    again = CallWatch(path)
    assert again.take() == HeldUp(strategy="rest-002", where="on_quote_tick")
    assert again.take() is None


@pytest.mark.parametrize("content", [b"", b"{", b'{"strategy": 1}', b"[]"])
def test_what_cannot_be_read_holds_up_no_start(path, content):
    path.write_bytes(content)
    assert CallWatch(path).take() is None
    assert not path.exists()


def test_calls_that_return_in_time_leave_no_trace(watch, path):
    for _ in range(50):
        with watch.calling("rest-002", "on_quote_tick"):
            time.sleep(0.01)
    assert not path.exists()
    assert watch.now is None


def test_without_a_path_nothing_is_kept():
    watch = CallWatch()
    watch.start()
    assert watch.take() is None
    watch.stop()
