"""What breaks the rules of the protocol, byte by byte; test_abuse.py has it by the thousand."""

import asyncio
import gc
import itertools
import json
import random

import msgspec
import pytest

from nautilus_lab.client.protocol import MAX_CLIENT_FRAME, CloseCode
from nautilus_lab.platform.access import Principal, Role, TokenIssuer, signing_key
from nautilus_lab.streaming import StreamingEngine
from tests.streaming.raw import BINARY, CLOSE, PING, RESET, TEXT, UPGRADE, Raw, frame

SUBSCRIBE = {"kind": "subscribe", "trader": "PAPER-001", "patterns": [">"]}
PAST, CONTINUED, PONG = 0x3, 0x0, 0xA
DEEP = b'{"kind":"subscribe","patterns":' + b"[" * 30_000


@pytest.fixture
async def knock(gateway):
    """Connects, and has the connection upgraded if it is to; all are cut at the end."""
    opened = []

    async def knocked(*, upgrade: bool = False) -> Raw:
        opened.append(raw := await Raw.dial(gateway.url))
        if upgrade:
            await raw.upgrade()
        return raw

    yield knocked
    for raw in opened:
        raw.cut()
    await asyncio.sleep(0)


@pytest.fixture
async def stranger(knock):
    """A connection that has not said who it is."""
    return await knock(upgrade=True)


@pytest.fixture
async def raw(stranger, token):
    """A viewer's connection, in JSON."""
    await stranger.hello(token)
    return stranger


# --- before it is a connection --------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([b"Origin: http://evil.example"], 403),
        ([b"Origin: null"], 403),
        ([b"Origin: http://127.0.0.1.evil.example"], 403),
        ([b"Origin: http://localhost@evil.example"], 403),
        ([b"Origin: file://"], 403),
        ([b"Origin: http://[::1"], 403),
        ([b"Origin: http://localhost:8866"], 101),
        ([b"Content-Length: 5"], 400),
        ([b"Transfer-Encoding: chunked"], 400),
    ],
)
async def test_a_request_is_looked_at_before_it_is_a_connection(knock, lines, status):
    raw = await knock()
    raw.writer.write(UPGRADE + b"".join(line + b"\r\n" for line in lines) + b"\r\n")
    assert await raw.status() == status


@pytest.mark.parametrize(
    "request_",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"POST /stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET /stream HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n",
        UPGRADE.replace(b"Version: 13", b"Version: 12") + b"\r\n",
        UPGRADE.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"c2hvcnQ=") + b"\r\n",
        UPGRADE.replace(b"127.0.0.1", b"127.0.0.1\x00") + b"\r\n",
        UPGRADE.replace(b"127.0.0.1", b"[::1") + b"\r\n",
        UPGRADE.replace(b"Host: 127.0.0.1\r\n", b"") + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200) + b"\r\n\r\n",
        b"x" * 20_000,
        UPGRADE + b"X-Long: " + b"x" * 20_000 + b"\r\n\r\n",
    ],
    ids=lambda request_: request_[:30].decode("latin-1"),
)
async def test_what_is_no_upgrade_is_answered_with_an_error_or_nothing(knock, request_, caplog):
    raw = await knock()
    raw.writer.write(request_)
    assert await raw.status() in (0, 400, 403)
    assert await raw.reader.read() is not None  # to the end of it
    assert "Traceback" not in caplog.text


# --- frames ---------------------------------------------------------------------------------


def json_frame(text: str) -> bytes:
    return frame(text.encode())


BAD_FRAMES = {
    "an opcode that is reserved": (frame(b"", PAST), 1002),
    "a control frame in pieces": (frame(b"", first=0x09), 1002),
    "a control frame that is long": (frame(b"x" * 126, PING), 1002),
    "a frame that is not masked": (frame(b"{}", mask=False), 1002),
    "a length written longer than needed": (b"\x81\xfe\x00\x05" + bytes(9), 1002),
    "a length of 2**63": (b"\x82\xff" + b"\x80" + bytes(7) + bytes(4), 1002),
    "a close code that is none": (frame(b"\x00\x01", CLOSE), 1002),
    "a close reason that is no UTF-8": (frame(b"\x03\xe8\xff", CLOSE), 1007),
    "a frame announced with 2**40 bytes": (b"\x82\xff" + (1 << 40).to_bytes(8) + bytes(4), 1009),
    "a frame of a byte too many": (frame(b"x" * (MAX_CLIENT_FRAME + 1)), 1009),
    "a compressed frame": (frame(b"{}", first=0xC1), 4000),
    "a frame in pieces": (frame(b"{}", first=0x01), 4000),
    "a piece without a beginning": (frame(b"{}", CONTINUED), 4000),
    "a binary frame where JSON was agreed": (frame(b"\x80", BINARY), 4000),
    "text that is no UTF-8": (frame(b'{"kind":"\xff\xfe"}'), 4000),
    "no JSON": (json_frame("{"), 4000),
    "nothing": (frame(b""), 4000),
    "two frames in one": (json_frame('{"kind":"subscribe"}{"kind":"subscribe"}'), 4000),
    "deep JSON": (frame(DEEP), 4000),
    "a list": (json_frame("[]"), 4000),
    "null": (json_frame("null"), 4000),
    "no kind": (json_frame("{}"), 4000),
    "an unknown kind": (json_frame('{"kind":"steal"}'), 4000),
    "a kind of the gateway's": (json_frame('{"kind":"welcome"}'), 4000),
    "a kind that is no text": (json_frame('{"kind":7}'), 4000),
    "NaN": (json_frame('{"kind":"history?","id":1,"patterns":[">"],"seconds":NaN}'), 4000),
    "an infinite number": (
        json_frame('{"kind":"history?","id":1,"patterns":[">"],"seconds":1e999}'),
        4000,
    ),
    "a key twice": (json_frame('{"kind":"subscribe","trader":"A","trader":"PAPER-001"}'), 4000),
    "a key twice, further in": (
        json_frame(
            '{"kind":"command","id":"c-1","name":"orders.buy","version":2,"deadline_ns":1,'
            '"body":{"units":1,"units":1000}}'
        ),
        4000,
    ),
    "a kind twice": (json_frame('{"kind":"history?","kind":"subscribe"}'), 4000),
    "a lone surrogate": (json_frame('{"kind":"subscribe","trader":"\\ud800"}'), 4000),
    "a number that no counter reaches": (
        json_frame('{"kind":"subscribe","epoch":1,"seq":99999999999999999999999}'),
        4000,
    ),
    "a number below zero": (json_frame('{"kind":"subscribe","epoch":1,"seq":-1}'), 4000),
    "an epoch without a seq": (json_frame('{"kind":"subscribe","epoch":1}'), 4000),
    "a number that is no integer": (json_frame('{"kind":"subscribe","epoch":1,"seq":0.5}'), 4000),
    "a pattern that is none": (json_frame('{"kind":"subscribe","patterns":["a..b"]}'), 4000),
    "patterns that are text": (json_frame('{"kind":"subscribe","patterns":">"}'), 4000),
    "a trader that leads elsewhere": (json_frame('{"kind":"subscribe","trader":"../x"}'), 4004),
    "a second hello": (json_frame('{"kind":"hello","protocol":1,"token":"t"}'), 4000),
    "history before a subscription": (
        json_frame('{"kind":"history?","id":1,"patterns":[">"]}'),
        4000,
    ),
}


@pytest.mark.parametrize(("data", "code"), BAD_FRAMES.values(), ids=BAD_FRAMES)
async def test_a_bad_frame_ends_the_connection_with_its_code(raw, data, code, caplog):
    raw.writer.write(data)
    assert await raw.closed() == code
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (json_frame('{"kind":"subscribe"}'), 4000),
        (json_frame('{"kind":"command","id":"c","name":"orders.buy","deadline_ns":1}'), 4000),
        (json_frame('{"kind":"history?","id":1,"patterns":[">"]}'), 4000),
        (frame(msgspec.msgpack.encode({"kind": "hello", "protocol": 1}), BINARY), 4000),
        (json_frame('{"kind":"hello","protocol":1}'), 4000),
        (json_frame('{"kind":"hello","protocol":1,"token":""}'), 4001),
        (json_frame('{"kind":"hello","protocol":1,"token":null}'), 4000),
        (json_frame('{"kind":"hello","protocol":1,"token":["t"]}'), 4000),
        (json_frame('{"kind":"hello","protocol":1.5,"token":"t"}'), 4000),
        (json_frame('{"kind":"hello","protocol":1,"token":"t","encoding":"xml"}'), 4000),
        (json_frame('{"kind":"hello","protocol":1,"token":"a","token":"b"}'), 4000),
        (json_frame('{"kind":"hello","protocol":0,"token":"t"}'), 4006),
    ],
    ids=map(str, itertools.count()),  # a frame's mask is another in each process
)
async def test_before_a_good_hello_nothing_else_counts(stranger, data, code):
    stranger.writer.write(data)
    assert await stranger.closed() == code


async def test_a_token_that_has_expired_is_refused(stranger, home, monkeypatch):
    issuer = TokenIssuer(signing_key(home / "signing.key"), ttl_s=1)
    with monkeypatch.context() as past:
        past.setattr("time.time", lambda: 1_700_000_000.0)
        token = issuer.issue(Principal("ada", frozenset({Role.VIEWER})))
    stranger.send({"kind": "hello", "protocol": 1, "token": token})
    said = await stranger.text("refusal")
    assert (said["code"], "expired" in said["rule"]) == (CloseCode.UNAUTHENTICATED, True)
    assert token not in json.dumps(said)


async def test_a_key_that_comes_twice_is_refused_in_msgpack_too(knock, token):
    raw = await knock(upgrade=True)
    await raw.hello(token, "msgpack")
    twice = b"\x82" + msgspec.msgpack.encode("kind") + msgspec.msgpack.encode("subscribe")
    twice += msgspec.msgpack.encode("kind") + msgspec.msgpack.encode("subscribe")
    raw.send(twice, BINARY)
    assert await raw.closed() == CloseCode.BAD_FRAME


async def test_text_is_refused_where_msgpack_was_agreed(knock, token):
    raw = await knock(upgrade=True)
    await raw.hello(token, "msgpack")
    raw.send(SUBSCRIBE)
    assert await raw.closed() == CloseCode.BAD_FRAME


async def test_a_frame_that_arrives_byte_by_byte_is_a_frame(raw):
    for byte in frame(json.dumps(SUBSCRIBE).encode()):
        raw.writer.write(bytes([byte]))
        await raw.writer.drain()
        await asyncio.sleep(0)
    assert (await raw.text("snapshot"))["trader"] == "PAPER-001"


async def test_frames_that_arrive_together_are_all_read(raw):
    raw.send(SUBSCRIBE)
    await raw.text("snapshot")
    raw.writer.write(frame(json.dumps(SUBSCRIBE).encode()) * 3)
    for _ in range(3):
        await raw.text("snapshot")


async def test_a_ping_is_answered_and_a_pong_that_nobody_asked_for_is_not(raw):
    raw.send(b"", PONG)
    raw.send(b"abc", PING)
    opcode, payload = await raw.frame()
    while opcode == TEXT:
        opcode, payload = await raw.frame()
    assert (opcode, payload) == (PONG, b"abc")


async def test_a_close_is_answered_with_a_close(raw):
    raw.send((1000).to_bytes(2), CLOSE)
    assert await raw.closed() == 1000
    assert await raw.reader.read() == b""


@pytest.mark.parametrize("what", ["subscribe", "ping", "command"])
async def test_a_flood_is_ended(raw, what):
    frames = {
        "subscribe": frame(json.dumps(SUBSCRIBE).encode()),
        "ping": frame(b"", PING),
        "command": json_frame('{"kind":"command","id":"c","name":"no","deadline_ns":1}'),
    }
    raw.writer.write(frames[what] * 2_000)
    assert await raw.closed() in (CloseCode.TOO_MANY, RESET)


async def test_a_handshake_that_dawdles_is_ended(home, settings, monkeypatch, caplog):
    monkeypatch.setattr("nautilus_lab.streaming._gateway._HANDSHAKE_S", 0.1)
    engine = StreamingEngine(home, settings=settings)
    raw = await Raw.dial(await engine.start())
    raw.writer.write(UPGRADE)  # and never the empty line
    async with asyncio.timeout(5):
        assert await raw.reader.read() == b""
    raw.cut()
    await engine.stop()
    del engine
    gc.collect()  # a future that nobody looked at would say so now
    assert caplog.records == []


async def test_who_has_not_said_who_it_is_may_not_wait_in_masses(knock, monkeypatch):
    monkeypatch.setattr("nautilus_lab.streaming._gateway._MOST_STRANGERS", 3)
    for _ in range(3):
        await knock(upgrade=True)
    refused = await knock()
    refused.writer.write(UPGRADE + b"\r\n")
    assert await refused.status() == 503


# --- at random ------------------------------------------------------------------------------

SEEDS = 12
EACH = 40


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_whatever_comes_the_connection_ends_by_a_known_code_and_the_gateway_lives(
    knock, token, dial, node, seed, caplog
):
    random_ = random.Random(seed)
    known = {int(code) for code in CloseCode} | {1000, 1002, 1007, 1009, RESET}
    for _ in range(EACH):
        raw = await knock(upgrade=True)
        if random_.random() < 0.8:
            await raw.hello(token)
        data = b"".join(anything(random_) for _ in range(random_.randint(1, 4)))
        raw.writer.write(data)
        raw.writer.write_eof()  # what is half a frame now stays one
        async with asyncio.timeout(10):
            assert await raw.closed() in known, data
    assert "Traceback" not in caplog.text
    async with dial() as wire:
        await wire.hello(token)
        await wire.subscribe()
        node.fill(1)
        assert len(await wire.events(1)) == 1


def anything(random_: random.Random) -> bytes:
    """Bytes near enough to frames to get past the first check."""
    whole = [
        SUBSCRIBE,
        {"kind": "history?", "id": 1, "patterns": [">"], "seconds": 5},
        {"kind": "command", "id": "c", "name": "orders.buy", "version": 2, "deadline_ns": 1},
        {"kind": "hello", "protocol": 1, "token": "t"},
    ]
    payload = bytearray(json.dumps(random_.choice(whole)).encode())
    match random_.randrange(5):
        case 0:
            return random_.randbytes(random_.randint(1, 300))
        case 1:
            for _ in range(random_.randint(1, 8)):
                payload[random_.randrange(len(payload))] = random_.randrange(256)
        case 2:
            del payload[random_.randrange(len(payload)) :]
        case 3:
            at = random_.randrange(len(payload))
            payload[at:at] = random_.choice(
                [b"[" * 500, b"1e999", b"null", b"\\u0000", b'"', b"{}"]
            )
        case 4:
            sent = bytearray(frame(bytes(payload)))
            sent[random_.randrange(min(8, len(sent)))] ^= 1 << random_.randrange(8)
            return bytes(sent)
    return frame(bytes(payload), random_.choice([TEXT, TEXT, TEXT, BINARY, PING]))
