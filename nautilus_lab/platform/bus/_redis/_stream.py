"""How envelopes stand in Redis: keys, entries, and the scripts that write and trim.

An entry of the stream has fields that a person with redis-cli can read, and `payload`: the whole
envelope as JSON, the same text that is published for states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from nautilus_lab.exceptions import MessageError
from nautilus_lab.platform.messages import EVENTS, Envelope, encode_json

FIELDS = ("id", "topic", "trader", "writer", "epoch", "seq", "payload")

_envelope = msgspec.json.Decoder(Envelope)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True)
class Keys:
    """The names that a bus uses in Redis, from the name of its stream.

    ============  ====================================================================
    `stream`      the events
    `written`     hash: trader/writer -> the last ``epoch:seq`` that is on the stream
    `passed`      hash: consumer group -> entries that were trimmed before it read them
    `dead`        the stream of entries that nobody could use
    `lease`       who may read as the consumer group; ends by itself
    ============  ====================================================================

    The braces keep what is written together in one slot of a cluster.
    """

    stream: str = "nautilus-streams"
    channels: str = ""

    @property
    def written(self) -> str:
        """Return the key of the positions."""
        return f"{{{self.stream}}}-written"

    @property
    def passed(self) -> str:
        """Return the key of what groups were passed by."""
        return f"{{{self.stream}}}-passed"

    @property
    def dead(self) -> str:
        """Return the key of the dead-letter stream."""
        return f"{{{self.stream}}}-dead"

    def lease(self, group: str) -> str:
        """Return the key that the one process holds which reads for a consumer group."""
        return f"{{{self.stream}}}-lease-{group}"

    @property
    def probe(self) -> str:
        """Return a channel on which nothing is ever told; followers pass over its kind."""
        return f"{self.channels}__probe__"

    def channel(self, topic: str) -> str:
        """Return the Pub/Sub channel of a topic."""
        return f"{self.channels}{topic}"

    def glob(self, pattern: str) -> str:
        """Return a glob of Redis that matches every channel whose topic falls under `pattern`."""
        parts = ["*" if part in ("*", ">") else _escaped(part) for part in pattern.split(".")]
        return _escaped(self.channels) + ".".join(parts)


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in "[]?*\\" else c for c in text)


def is_event(envelope: Envelope) -> bool:
    """Whether the stream keeps it; states are told once and forgotten."""
    return envelope.seq is not None or isinstance(envelope.body, EVENTS)


def words(envelope: Envelope, payload: bytes) -> tuple[str | bytes | int, ...]:
    """Return the values of an entry, in the order of `FIELDS`."""
    return (
        envelope.id,
        envelope.topic,
        envelope.trader,
        envelope.writer,
        envelope.epoch,
        "" if envelope.seq is None else envelope.seq,
        payload,
    )


def payload_of(envelope: Envelope) -> bytes:
    """Return the envelope as JSON."""
    return encode_json(envelope)


def envelope_of(payload: bytes) -> Envelope:
    """Read an envelope; raises `MessageError` when it is none."""
    try:
        return _envelope.decode(payload)
    except _UNREADABLE as error:
        raise MessageError(
            f"an envelope in JSON is needed: {error}", value=bytes(payload[:60])
        ) from None


def entry(pairs: Sequence[bytes] | None) -> Mapping[bytes, bytes]:
    """Return an entry's fields from the list that Redis answers with."""
    return dict(zip(pairs[::2], pairs[1::2], strict=True)) if pairs else {}


def envelope_in(fields: Mapping[bytes, bytes]) -> Envelope:
    """Return the envelope of an entry.

    Raises
    ------
    MessageError
        When a field is missing, or the payload is none, or says something else than the fields:
        whoever filters by them must be able to trust them.
    """
    payload = fields.get(b"payload")
    if payload is None:
        raise MessageError(
            "an entry must have a payload", value=sorted(name[:40] for name in fields)
        )
    envelope = envelope_of(payload)
    for name, value in zip(FIELDS, words(envelope, payload), strict=True):
        said = value if isinstance(value, bytes) else str(value).encode()
        if fields.get(name.encode()) != said:
            raise MessageError(
                f"an entry's {name} must be its payload's", value=fields.get(name.encode())
            )
    return envelope


def parsed_id(identity: bytes | str) -> tuple[int, int]:
    """Return a stream id as two numbers that compare as Redis compares them."""
    text = identity.decode() if isinstance(identity, bytes) else identity
    milliseconds, _, number = text.partition("-")
    return int(milliseconds), int(number or 0)


def info(answer: Sequence[Any]) -> dict[str, Any]:
    """Return the answer of an XINFO command as a dict."""
    return {name.decode(): value for name, value in zip(answer[::2], answer[1::2], strict=True)}


# Appends events of one writer, only when its last one on the stream is the one we think. What is
# on the stream and what is noted about it change together, so an attempt whose answer was lost is
# simply made again, and two nodes that both think they are the trader's cannot interleave.
# KEYS: stream, written. ARGV: writer, expected position, new position, then the entries.
APPEND = """
local at = redis.call('HGET', KEYS[2], ARGV[1]) or ''
if at ~= ARGV[2] then return {0, at} end
for i = 4, #ARGV, 7 do
  redis.call('XADD', KEYS[1], '*', 'id', ARGV[i], 'topic', ARGV[i+1], 'trader', ARGV[i+2],
    'writer', ARGV[i+3], 'epoch', ARGV[i+4], 'seq', ARGV[i+5], 'payload', ARGV[i+6])
end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[2], ARGV[1], ARGV[3]) end
return {1, ARGV[3]}
"""

# Publishes several states. ARGV: channel, payload, channel, payload, ...
TELL = """
for i = 1, #ARGV, 2 do redis.call('PUBLISH', ARGV[i], ARGV[i+1]) end
return #ARGV / 2
"""

# Trims what is older than ARGV[1] (an id) as far as every group has read and acknowledged it;
# then what exceeds ARGV[2] entries, whoever has read it, at most 10 000 at a time. What a group
# loses by the latter is counted in KEYS[2] before it goes.
# Answers: trimmed, trimmed unread, then the groups that were passed and by how many.
TRIM = """
if redis.call('EXISTS', KEYS[1]) == 0 then return {0, 0} end
local function after(a, b)
  local am, an = string.match(a, '(%d+)-(%d+)')
  local bm, bn = string.match(b, '(%d+)-(%d+)')
  if #am ~= #bm then return #am > #bm end
  if am ~= bm then return am > bm end
  if #an ~= #bn then return #an > #bn end
  return an > bn
end
local needs, safe = {}, ARGV[1]
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local g = {}
  for i = 1, #group, 2 do g[group[i]] = group[i+1] end
  local pending = redis.call('XPENDING', KEYS[1], g['name'])
  -- the first entry that the group still needs, or the last one it has
  local need = {name = g['name'], last = g['last-delivered-id'], first = pending[2]}
  needs[#needs+1] = need
  local low = need.first or need.last
  if after(safe, low) then safe = low end
end
local trimmed = redis.call('XTRIM', KEYS[1], 'MINID', '=', safe)
local excess = redis.call('XLEN', KEYS[1]) - tonumber(ARGV[2])
if excess <= 0 then return {trimmed, 0} end
if excess > 10000 then excess = 10000 end
local passed, unread = {}, 0
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', excess)) do
  for _, need in ipairs(needs) do
    if after(entry[1], need.last) then
      passed[need.name] = (passed[need.name] or 0) + 1
    elseif need.first and not after(need.first, entry[1]) then
      local held = redis.call('XPENDING', KEYS[1], need.name, entry[1], entry[1], 1)
      if #held > 0 then passed[need.name] = (passed[need.name] or 0) + 1 end
    end
  end
end
local answer = {0, 0}
for name, count in pairs(passed) do
  redis.call('HINCRBY', KEYS[2], name, count)
  unread = unread + count
  answer[#answer+1] = name
  answer[#answer+1] = count
end
local left = redis.call('XLEN', KEYS[1]) - excess
answer[1] = trimmed + redis.call('XTRIM', KEYS[1], 'MAXLEN', '=', left)
answer[2] = unread
return answer
"""

# Gives KEYS[1] to ARGV[1] for ARGV[2] milliseconds, unless somebody else has it: then who.
LEASE = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
"""

# Copies an entry to the dead letters, which are at most so many, and acknowledges it.
# KEYS: stream, dead. ARGV: group, id, how many, reason, deliveries, then the entry's pairs.
BURY = """
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'entry', ARGV[2], 'group', ARGV[1],
  'reason', ARGV[4], 'deliveries', ARGV[5], unpack(ARGV, 6))
return redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
"""
