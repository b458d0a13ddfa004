"""The bus between processes."""

import asyncio
import logging
import signal
import stat
import subprocess
import sys
import threading

import pytest
import zmq

from nautilus_lab.exceptions import BusError, InputError, NotReachable, PortBusy, StoreError
from nautilus_lab.platform.bus import IpcBus, SequenceTracker
from nautilus_lab.platform.connection import ConnectionState
from nautilus_lab.platform.messages import encode
from nautilus_lab.platform.rundir import socket_file

CONNECTING, CONNECTED, RECONNECTING, DISCONNECTED = (
    ConnectionState.CONNECTING,
    ConnectionState.CONNECTED,
    ConnectionState.RECONNECTING,
    ConnectionState.DISCONNECTED,
)

# Publishes quotes numbered from its second argument until it is killed.
_PUBLISHER = """
import sys, time
from nautilus_lab.platform import messages
from nautilus_lab.platform.bus import IpcBus

bus = IpcBus.serve(sys.argv[1])
number = int(sys.argv[2])
while True:
    body = messages.QuoteUpdated(instrument="AAPL.PAPER", bid=number, ask=number + 1)
    bus.publish(messages.envelope(body, "market.quote.PAPER.AAPL", trader="T-1", writer="node"))
    number += 1
    time.sleep(0.005)
"""


@pytest.fixture
def address(sockets):
    return f"ipc://{sockets}/events.sock"


@pytest.fixture
def served(address):
    """Serve; every end made by it is closed."""
    ends = []

    def serve(**settings):
        ends.append(IpcBus.serve(address, **settings))
        return ends[-1]

    yield serve
    for end in ends:
        end.close()


@pytest.fixture
def connected(address):
    """Connect; every end made by it is closed."""
    ends = []

    def connect(**settings):
        ends.append(IpcBus.connect(address, **settings))
        return ends[-1]

    yield connect
    for end in ends:
        end.close()


@pytest.fixture
def publishing_process(address):
    """Start a process that publishes; it is gone afterwards."""
    processes = []

    def start(first=0):
        words = [sys.executable, "-c", _PUBLISHER, address, str(first)]
        processes.append(subprocess.Popen(words))
        return processes[-1]

    yield start
    for process in processes:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


def test_the_socket_is_its_owners_alone(served, sockets):
    served()
    assert stat.S_IMODE((sockets / "events.sock").stat().st_mode) == 0o600


def test_a_folder_open_to_others_is_refused(address, sockets):
    sockets.chmod(0o755)
    with pytest.raises(StoreError, match="0700"):
        IpcBus.serve(address)
    assert not (sockets / "events.sock").exists()


def test_a_missing_folder_is_refused(sockets):
    with pytest.raises(StoreError, match="folder must exist"):
        IpcBus.serve(f"ipc://{sockets}/none/events.sock")


def test_a_link_to_a_folder_is_refused(sockets, tmp_path):
    (tmp_path / "link").symlink_to(sockets)
    with pytest.raises(StoreError, match="0700"):
        IpcBus.serve(f"ipc://{tmp_path}/link/events.sock")


@pytest.mark.parametrize(
    "address", ["ipc://@abstract", "ipc://*", "ipc://relative/x.sock", "tcp://127.0.0.1:5555", ""]
)
async def test_an_address_without_a_file_is_refused(address):
    with pytest.raises(InputError, match="absolute path"):
        IpcBus.serve(address)
    with pytest.raises(InputError, match="absolute path"):
        IpcBus.connect(address)


def test_a_path_too_long_for_a_socket_is_one_clear_error(sockets):
    with pytest.raises(BusError, match="path is short"):
        IpcBus.serve(f"ipc://{sockets}/{'x' * 120}.sock")


def test_a_second_publisher_cannot_take_the_address(served, address):
    served()
    with pytest.raises(PortBusy, match="one process"):
        IpcBus.serve(address)


async def test_the_reading_end_does_not_publish(served, connected, quote):
    served()
    with pytest.raises(BusError, match="only the serving end publishes"):
        connected().publish(quote(1))


def test_reading_needs_a_running_loop(address):
    with pytest.raises(BusError, match="running event loop"):
        IpcBus.connect(address)


async def test_ready_says_when_nobody_serves(connected):
    with pytest.raises(NotReachable, match=r"within 0\.2 s"):
        await connected().ready(timeout_s=0.2)


async def test_closing_ends_a_wait_for_ready(connected):
    reader = connected()
    waiting = asyncio.create_task(reader.ready(timeout_s=60))
    await asyncio.sleep(0)
    reader.close()
    with pytest.raises(BusError, match="closed"):
        await waiting


async def test_a_closed_reading_end_is_never_ready(connected):
    reader = connected()
    reader.close()
    with pytest.raises(BusError, match="closed"):
        await reader.ready()


async def test_a_reader_may_come_first(served, connected, quote, until):
    got, states = [], []
    reader = connected(on_state=states.append)
    reader.subscribe("market.>", got.append)
    assert reader.state is CONNECTING
    publisher = served()
    await reader.ready(timeout_s=10)
    publisher.publish(quote(1))
    await until(lambda: got)
    assert states == [CONNECTING, CONNECTED]


async def test_a_reader_outlives_its_publisher(served, connected, quote, until):
    got, states = [], []
    reader = connected(on_state=states.append)
    reader.subscribe("market.quote.*.AAPL", lambda e: got.append(e.body.bid))
    first = served()
    await reader.ready(timeout_s=10)
    first.publish(quote(1))
    await until(lambda: got == [1])
    first.close()
    assert first.state is DISCONNECTED
    await until(lambda: reader.state is RECONNECTING)
    second = served()
    await reader.ready(timeout_s=10)
    second.publish(quote(2))
    await until(lambda: got == [1, 2])
    reader.close()
    assert states == [CONNECTING, CONNECTED, RECONNECTING, CONNECTED, DISCONNECTED]


async def test_a_handler_of_states_that_fails_does_not_end_the_reader(
    served, connected, quote, until, caplog
):
    def fail(_):
        raise RuntimeError("broken")

    got = []
    publisher = served()
    with caplog.at_level(logging.ERROR):
        reader = connected(on_state=fail)
        reader.subscribe("market.>", got.append)
        await reader.ready(timeout_s=10)
    publisher.publish(quote(1))
    await until(lambda: got)
    assert "RuntimeError: broken" in caplog.text


async def test_malformed_messages_are_counted_and_the_reader_lives(
    connected, address, quote, until, caplog
):
    good = quote(1)
    topic = good.topic.encode()
    data = encode(good)
    bad = [
        [topic],
        [topic, data, b"more"],
        [topic, b""],
        [topic, b"\xc1"],
        [topic, data[:-1]],
        [topic, data + b"\0"],
        [topic, b"\x91" * 100_000],
        [b"market.quote.PAPER.MSFT", data],
        [b"market.\xff", data],
        [b"market.a..b", encode(quote(1, "market.a..b"))],
    ]
    got = []
    with zmq.Context() as context, context.socket(zmq.PUB) as raw:
        raw.bind(address)
        reader = connected()
        reader.subscribe("market.>", got.append)

        async def send_until_heard():
            # A plain PUB echoes no probe, so try until the subscription is in force.
            while not got:
                raw.send_multipart([topic, data])
                await asyncio.sleep(0.01)

        await asyncio.wait_for(send_until_heard(), 20)
        before = reader.refused
        with caplog.at_level(logging.WARNING):
            for frames in bad:
                raw.send_multipart(frames)
            raw.send_multipart([topic, encode(quote(2))])
            await until(lambda: got[-1].body.bid == 2)
        reader.close()
    assert before == 0
    assert reader.refused == len(bad)
    assert caplog.text.count("was refused") == 1  # the rest is told with the next one


async def test_a_reader_that_does_not_read_loses_alone(served, connected, address, quote, until):
    """50 000 messages are more than a queue of 100 and the kernel's buffers hold."""
    publisher = served(queue=100)
    numbers = []
    reader = connected()
    reader.subscribe("market.>", lambda e: numbers.append(e.body.bid))
    await reader.ready()
    with zmq.Context() as context, context.socket(zmq.SUB) as slow:
        slow.setsockopt(zmq.RCVHWM, 100)
        slow.connect(address)
        slow.subscribe("market.")
        slow.subscribe(b"\xffready.slow")
        await until(lambda: slow.poll(0))  # the echo: it would hear everything from here on
        for number in range(50_000):
            publisher.publish(quote(number))
            if number % 50 == 49:  # fewer than its queue holds
                await reader.ready(timeout_s=20)
        kept = 0
        while slow.poll(500):
            slow.recv_multipart()
            kept += 1
    assert numbers == list(range(50_000))
    assert 100 <= kept < 50_000


async def test_a_busy_reader_finds_the_events_it_lost(served, connected, event, until):
    publisher = served(queue=10)
    tracker, gaps, held = SequenceTracker(), [], []

    def hear(envelope):
        if (gap := tracker.observe(envelope)) is not None:
            gaps.append(gap)
        else:
            held.append(envelope.seq)

    reader = connected(queue=10)
    reader.subscribe("system.node.>", hear)
    await reader.ready()
    # This loop does not turn while it publishes, so its own reading end is the busy one.
    for seq in range(1, 20_001):
        publisher.publish(event(seq))
    await reader.ready(timeout_s=20)
    publisher.publish(event(20_001))
    await until(lambda: gaps and gaps[-1].next_seq == 20_001)
    lost_after = held[-1]
    assert held == list(range(1, lost_after + 1))
    assert {(gap.epoch, gap.seq) for gap in gaps} == {(1, lost_after)}


async def test_any_thread_may_publish(served, connected, quote, until):
    publisher = served()
    got = []
    reader = connected()
    reader.subscribe("market.>", got.append)
    await reader.ready()

    def publish(thread):
        for number in range(500):
            publisher.publish(quote(number, f"market.quote.PAPER.S{thread}"))

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    await until(lambda: len(got) == 2_000)
    for thread in threads:
        thread.join()
    for n in range(4):
        mine = [e.body.bid for e in got if e.topic.endswith(f"S{n}")]
        assert mine == list(range(500))


@pytest.mark.processes
async def test_a_publisher_without_a_loop_answers_at_its_next_message(
    connected, publishing_process, until
):
    got = []
    reader = connected()
    reader.subscribe("market.>", lambda e: got.append(e.body.bid))
    publishing_process()
    await reader.ready(timeout_s=30)
    await until(lambda: len(got) > 20)
    assert got == list(range(int(got[0]), int(got[0]) + len(got)))


@pytest.mark.processes
async def test_a_reader_outlives_a_publisher_that_was_killed(
    connected, publishing_process, until, address
):
    got = []
    reader = connected()
    reader.subscribe("market.>", lambda e: got.append(e.body.bid))
    first = publishing_process()
    await until(lambda: got, 30)
    first.kill()
    first.wait()
    assert socket_file(address).exists()  # left behind, and no hindrance
    await until(lambda: reader.state is RECONNECTING)
    publishing_process(first=1_000_000)
    await until(lambda: got[-1] >= 1_000_000, 30)


@pytest.mark.processes
@pytest.mark.slow
async def test_a_frozen_publisher_is_noticed_by_its_missing_heartbeat(
    connected, publishing_process, until
):
    got = []
    reader = connected()
    reader.subscribe("market.>", got.append)
    process = publishing_process()
    await until(lambda: got, 30)
    process.send_signal(signal.SIGSTOP)
    await until(lambda: reader.state is RECONNECTING, 30)
    process.send_signal(signal.SIGCONT)
    await until(lambda: reader.state is CONNECTED, 30)
    heard = len(got)
    await until(lambda: len(got) > heard, 30)
