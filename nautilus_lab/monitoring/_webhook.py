"""Alerts as signed HTTP requests."""

from __future__ import annotations

import asyncio
import math
import re
import ssl
import time
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from nautilus_lab.config import WebhookSettings
from nautilus_lab.monitoring import _wire as wire
from nautilus_lab.monitoring._channel import Notice, Outcome

_LONGEST_HEAD = 32 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-9][0-9][0-9])(?: .*)?")
_MOST_INTERIM = 4  # answers of the kind 1xx before the one that counts
# Among what is the sender's fault these may pass: time-out, too early, too many.
_PASSING = frozenset({408, 425, 429})
_LONGEST_WAIT_S = 3_600.0


class WebhookChannel:
    """Posts each alert as JSON; see docs/platform/monitoring.md for the exact bytes.

    A connection is made for each, and nothing is read of the answer but its head. A redirect is
    not followed: what is signed for one address is not handed to another.

    Parameters
    ----------
    name : str
        What the settings call it.
    settings : WebhookSettings
        Where to, with which secret, and how long it may take.
    """

    def __init__(self, name: str, settings: WebhookSettings) -> None:
        self.name = name
        self._settings = settings
        where = urlsplit(settings.url)
        self._host = where.hostname or ""
        self._tls = ssl.create_default_context() if where.scheme == "https" else None
        self._port = where.port or (443 if self._tls else 80)
        self._path = (where.path or "/") + (f"?{where.query}" if where.query else "")
        self._authority = where.netloc

    def __repr__(self) -> str:
        # Without the path: it often is the secret.
        return f"WebhookChannel({self.name!r}, {self._authority})"

    async def send(self, notice: Notice) -> Outcome:
        """Post it."""
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await self._post(self._request(notice))
        except TimeoutError:
            why = f"no answer within {self._settings.timeout_s:g} s"
            return Outcome(how="later", detail=why, away=True)
        except OSError as error:  # refused, reset, no such host, a bad certificate
            return Outcome(how="later", detail=f"{type(error).__name__}: {error}", away=True)

    def close(self) -> None:
        """Do nothing: no connection is kept."""

    def _request(self, notice: Notice) -> bytes:
        body = wire.encode_notice(notice)
        now = int(time.time())
        headers = {
            "Host": self._authority,
            "User-Agent": "nautilus-lab-monitor",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
            wire.DELIVERY: notice.delivery,
            wire.ATTEMPT: str(notice.attempt),
            wire.TIMESTAMP: str(now),
        }
        if self._settings.secret is not None:
            headers[wire.SIGNATURE] = wire.sign(
                self._settings.secret.get_secret_value(),
                timestamp=now,
                delivery=notice.delivery,
                body=body,
            )
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {self._path} HTTP/1.1\r\n{head}\r\n".encode("ascii") + body

    async def _post(self, request: bytes) -> Outcome:
        reader, writer = await asyncio.open_connection(
            self._host, self._port, ssl=self._tls, limit=_LONGEST_HEAD
        )
        try:
            writer.write(request)
            await writer.drain()
            for _ in range(_MOST_INTERIM):
                try:
                    head = await reader.readuntil(b"\r\n\r\n")
                except asyncio.IncompleteReadError:
                    return Outcome(how="later", detail="it hung up without an answer", away=True)
                except asyncio.LimitOverrunError:
                    return Outcome(how="later", detail="its answer has no end", away=True)
                first, *lines = head.split(b"\r\n")
                if not (found := _STATUS.fullmatch(first)):
                    return Outcome(how="later", detail="it does not answer in HTTP", away=True)
                status = int(found[1])
                if status >= 200:
                    return _outcome(status, _retry_after_s(lines))
            return Outcome(how="later", detail="it never comes to its answer", away=True)
        finally:
            # At once: who does not hang up must not hold us.
            writer.transport.abort()


def _outcome(status: int, retry_after_s: float | None) -> Outcome:
    detail = f"HTTP {status}"
    if status < 300:
        return Outcome(how="sent", detail=detail)
    if status < 400:
        return Outcome(how="refused", detail=f"{detail}: redirects are not followed")
    if status < 500 and status not in _PASSING:
        return Outcome(how="refused", detail=detail)
    asked = retry_after_s is not None
    return Outcome(how="later", detail=detail, retry_after_s=retry_after_s, away=asked)


def _retry_after_s(lines: list[bytes]) -> float | None:
    for line in lines:
        name, _, value = line.decode("latin-1").partition(":")
        if name.strip().lower() == "retry-after":
            return _seconds(value.strip())
    return None


def _seconds(text: str) -> float | None:
    """Return what a ``Retry-After`` asks for, an hour at most; None when it is none."""
    if text.isascii() and text.isdigit():
        wait = float(text[:9])
    else:
        try:
            wait = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return min(max(wait, 0.0), _LONGEST_WAIT_S) if math.isfinite(wait) else None
