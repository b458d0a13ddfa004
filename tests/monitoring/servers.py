"""Small real servers that take webhooks and mails, and can be told to misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Taken:
    """One request: its head, its body, and when it was there."""

    path: str
    headers: dict[str, str]
    body: bytes
    at_ns: int = field(default_factory=time.time_ns)

    @property
    def told(self) -> dict:
        return json.loads(self.body)


class Server(ABC):
    """A server on a free port of this machine, that can go away and come back there."""

    port = 0

    async def start(self, *, tls: ssl.SSLContext | None = None) -> None:
        self._open: set[asyncio.StreamWriter] = set()
        self._server = await asyncio.start_server(self._greet, "127.0.0.1", self.port, ssl=tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _greet(self, reader, writer) -> None:
        self._open.add(writer)
        try:
            with contextlib.suppress(OSError, EOFError, ssl.SSLError):
                await self.serve(reader, writer)
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    @abstractmethod
    async def serve(self, reader, writer) -> None:
        """Talk to one who has connected, until it is done."""


class WebhookServer(Server):
    """Takes webhooks; `answers` are given one after the other, then 200."""

    def __init__(self) -> None:
        self.requests: list[Taken] = []
        self.answers: list[str | bytes | Callable] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?desk=1"

    async def serve(self, reader, writer) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
        first, *lines = head.rstrip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        body = await reader.readexactly(int(headers["Content-Length"]))
        self.requests.append(Taken(first.split()[1], headers, body))
        answer = self.answers.pop(0) if self.answers else "200 OK"
        if callable(answer):
            await answer(reader, writer)
            return
        if isinstance(answer, str):
            answer = f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode()
        writer.write(answer)
        await writer.drain()
        writer.write_eof()
        await reader.read()


@dataclass
class Letter:
    """One mail as its server took it."""

    sender: str
    recipients: list[str]
    data: bytes
    encrypted: bool
    user: str


class MailServer(Server):
    """Speaks as much SMTP as it takes; `answers` maps a command to what is said to it once."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.letters: list[Letter] = []
        self.heard: list[str] = []
        self.answers: dict[str, list[str]] = {}
        self.silent = False

    async def serve(self, reader, writer) -> None:
        if self.silent:
            await reader.read()
            return
        encrypted, user, sender, recipients = False, "", "", []

        async def say(text: str) -> None:
            writer.write(text.encode() + b"\r\n")
            await writer.drain()

        await say("220 mail.test ESMTP")
        while line := (await reader.readline()).decode().rstrip("\r\n"):
            self.heard.append(line)
            verb = line.split()[0].upper().partition(":")[0]
            if scripted := self.answers.get(verb):
                answer = scripted.pop(0)
                if not answer:
                    return
                await say(answer)
                continue
            if verb == "EHLO":
                offers = ["mail.test", *(["STARTTLS"] if self.tls and not encrypted else [])]
                offers += ["AUTH PLAIN"]
                for number, offer in enumerate(offers):
                    await say(f"250{' ' if number == len(offers) - 1 else '-'}{offer}")
            elif verb == "STARTTLS":
                await say("220 go on")
                await writer.start_tls(self.tls)
                encrypted = True
            elif verb == "AUTH":
                user = line.split()[-1]
                await say("235 welcome")
            elif verb == "MAIL":
                sender = line.split("<")[1].split(">")[0]
                await say("250 ok")
            elif verb == "RCPT":
                recipients.append(line.split("<")[1].split(">")[0])
                await say("250 ok")
            elif verb == "DATA":
                await say("354 go on")
                data = (await reader.readuntil(b"\r\n.\r\n"))[:-5]
                if scripted := self.answers.get("END"):
                    answer = scripted.pop(0)
                    if not answer:
                        return
                    if not answer.startswith("2"):
                        await say(answer)
                        continue
                self.letters.append(Letter(sender, recipients, data, encrypted, user))
                recipients = []
                await say("250 taken")
            elif verb == "QUIT":
                await say("221 bye")
                return
            else:
                await say("250 ok")
