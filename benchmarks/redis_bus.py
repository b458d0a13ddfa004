"""The bus over Redis: what publishing costs, how much goes through, how soon it is there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import redis

from nautilus_lab.config import BusSettings
from nautilus_lab.platform import messages
from nautilus_lab.platform.bus import RedisBus

MESSAGES = 5_000
ROUNDS = 5
RATIO = 8.0
PUBLISH_US = 50.0
LATENCY_MS = 5.0
# Reads messages in a process of its own, and says when the last one came.
LISTENER = """
import sys, redis
port, count = int(sys.argv[1]), int(sys.argv[2])
told = redis.Redis(port=port).pubsub()
told.subscribe("market.quote.PAPER.AAPL")
told.get_message(timeout=5)
print("ready", flush=True)
last = None
for message in told.listen():
    if message["type"] == "message":
        count -= 1
        last = message["data"]
        if not count:
            break
sys.stdout.write(last.decode() + "\\n")
"""


@contextlib.contextmanager
def server() -> Iterator[int]:
    """A Redis of our own; yields its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="nl-", dir="/tmp") as folder:
        process = subprocess.Popen(
            [
                *("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", folder),
                *("--save", "", "--appendonly", "no"),
            ],
            stdout=subprocess.DEVNULL,
        )
        try:
            client = redis.Redis(port=port)
            for _ in range(500):
                with contextlib.suppress(redis.ConnectionError):
                    client.ping()
                    break
                time.sleep(0.01)
            client.close()
            yield port
        finally:
            process.kill()
            process.wait()


def quote(number: int) -> messages.Envelope:
    body = messages.QuoteUpdated(instrument="AAPL.PAPER", bid=number, ask=number + 1)
    return messages.envelope(body, "market.quote.PAPER.AAPL", trader="T-1", writer="node")


def event(number: int) -> messages.Envelope:
    body = messages.NodeStateChanged(component="node", state="running", reason="measured")
    return messages.envelope(
        body, "system.node.T-1", trader="T-1", writer="node", epoch=1, seq=number
    )


def until(condition: Callable[[], object], seconds: float = 60.0) -> None:
    deadline = time.perf_counter() + seconds
    while not condition():
        if time.perf_counter() > deadline:
            raise ValueError("it took too long")
        time.sleep(0.0005)


def heard(port: int, publish: Callable[[], object]) -> tuple[float, str]:
    """Seconds from the first message until another process has had the last; and the last."""
    words = [sys.executable, "-c", LISTENER, str(port), str(MESSAGES)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as listener:
        listener.stdout.readline()
        begun = time.perf_counter()
        publish()
        last = listener.stdout.readline()
        return time.perf_counter() - begun, last.strip()


def states(port: int) -> tuple[float, float]:
    """States per second: single calls of redis-py, and ours."""
    told = [quote(number) for number in range(MESSAGES)]
    client = redis.Redis(port=port)
    bus = RedisBus.serve(BusSettings(url=f"redis://127.0.0.1:{port}", persistence="none"))

    def single() -> None:
        for one in told:
            client.publish(one.topic, messages.encode_json(one))

    def ours() -> None:
        for one in told:
            bus.publish(one)

    theirs, mine = [], []
    for _ in range(ROUNDS):
        seconds, last = heard(port, single)
        theirs.append(MESSAGES / seconds)
        seconds, our_last = heard(port, ours)
        mine.append(MESSAGES / seconds)
        if last != our_last or last != messages.encode_json(told[-1]).decode():
            raise ValueError("both must tell the same")
    bus.close()
    return max(theirs), max(mine)


def events(port: int) -> tuple[float, float]:
    """Events per second onto a stream: single XADD calls of redis-py, and ours."""
    told = [event(number) for number in range(1, MESSAGES + 1)]
    client = redis.Redis(port=port)
    theirs, mine = [], []
    for turn in range(ROUNDS):
        begun = time.perf_counter()
        for one in told:
            fields = {
                "id": one.id, "topic": one.topic, "trader": one.trader, "writer": one.writer,
                "epoch": one.epoch, "seq": one.seq, "payload": messages.encode_json(one),
            }  # fmt: skip
            client.xadd(f"single-{turn}", fields)
        theirs.append(MESSAGES / (time.perf_counter() - begun))
        settings = BusSettings(
            url=f"redis://127.0.0.1:{port}", persistence="none", stream=f"ours-{turn}"
        )
        bus = RedisBus.serve(settings)
        begun = time.perf_counter()
        for one in told:
            bus.publish(one)
        until(lambda bus=bus: bus.pending == 0)
        mine.append(MESSAGES / (time.perf_counter() - begun))
        bus.close()
        same = [fields for _, fields in client.xrange(f"single-{turn}")]
        if same != [fields for _, fields in client.xrange(f"ours-{turn}")]:
            raise ValueError("both streams must hold the same entries")
        client.delete(f"single-{turn}", f"ours-{turn}")
    return max(theirs), max(mine)


async def costs(port: int, run: int) -> tuple[float, float]:
    """Microseconds that `publish` takes, and milliseconds until a reader has an event: medians.

    A hundred events and as many states a second, as a busy node tells.
    """
    settings = BusSettings(url=f"redis://127.0.0.1:{port}", persistence="none", stream=f"run-{run}")
    bus, reader = RedisBus.serve(settings), RedisBus.connect(settings)
    sent: dict[int, float] = {}
    took, waited = [], []
    reader.subscribe("system.>", lambda e: waited.append(time.perf_counter() - sent[e.seq]))
    await reader.ready(20)
    for number in range(1, 501):
        one, state = event(number), quote(number)
        sent[number] = begun = time.perf_counter()
        bus.publish(one)
        between = time.perf_counter()
        bus.publish(state)
        took += [between - begun, time.perf_counter() - between]
        await asyncio.sleep(0.01)
    async with asyncio.timeout(20):
        while len(waited) < 500:
            await asyncio.sleep(0.01)
    reader.close()
    bus.close()
    return statistics.median(took) * 1e6, statistics.median(waited) * 1e3


def rows() -> list[dict]:
    with server() as port:
        single_states, our_states = states(port)
        single_events, our_events = events(port)
        best = [asyncio.run(costs(port, run)) for run in range(3)]
    publish_us, latency_ms = (round(min(values), 2) for values in zip(*best, strict=True))
    of_states = round(our_states / single_states, 1)
    of_events = round(our_events / single_events, 1)
    how = f"best of {ROUNDS}, in turn with redis-py, {MESSAGES} messages each, JSON included: "
    return [
        {
            "id": "02-redis-states",
            "target": RATIO,
            "measured": of_states,
            "unit": "x",
            "met": of_states >= RATIO,
            "how": f"{how}{our_states:,.0f} states/s published in pipelines against "
            f"{single_states:,.0f}/s by single PUBLISH calls, until another process had the last",
        },
        {
            "id": "02-redis-events",
            "target": RATIO,
            "measured": of_events,
            "unit": "x",
            "met": of_events >= RATIO,
            "how": f"{how}{our_events:,.0f} events/s onto the stream, checked to follow one "
            f"another, against {single_events:,.0f}/s by single XADD calls; entries equal",
        },
        {
            "id": "02-redis-publish-cost",
            "target": PUBLISH_US,
            "measured": publish_us,
            "unit": "us",
            "met": publish_us <= PUBLISH_US,
            "how": "median time that publish() takes of the caller's loop, 100 events and 100 "
            "states a second; best of 3 runs",
        },
        {
            "id": "02-redis-event-latency",
            "target": LATENCY_MS,
            "measured": latency_ms,
            "unit": "ms",
            "met": latency_ms <= LATENCY_MS,
            "how": "median from publish() of an event to a follower's handler, over the stream, "
            "at 100 a second; best of 3 runs",
        },
    ]
