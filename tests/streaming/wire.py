"""A client that sees frames and nothing else."""

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from nautilus_lab.client.protocol import (
    PROTOCOL_VERSION,
    Delta,
    Heartbeat,
    Hello,
    Refusal,
    SnapshotFrame,
    Subscribe,
    Welcome,
    decode_gateway_frame,
    encode_frame,
)


class Wire:
    """One end of a connection to a gateway."""

    def __init__(self, socket: ClientConnection, encoding: str = "msgpack"):
        self.socket = socket
        self.encoding = encoding

    async def send(self, frame) -> None:
        data = encode_frame(frame, self.encoding)
        await self.socket.send(data.decode() if self.encoding == "json" else data)

    async def next(self, *kinds: type):
        """The next frame of one of `kinds`; any but heartbeats when none is named."""
        while True:
            frame = decode_gateway_frame(await self.socket.recv())
            if isinstance(frame, kinds) if kinds else not isinstance(frame, Heartbeat):
                return frame

    async def hello(self, token: str) -> Welcome:
        hello = Hello(protocol=PROTOCOL_VERSION, token=token, encoding=self.encoding)
        await self.socket.send(encode_frame(hello, "json").decode())
        return await self.next(Welcome)

    async def send_subscribe(self, *patterns: str, **since: int) -> None:
        await self.send(Subscribe(trader="PAPER-001", patterns=patterns or (">",), **since))

    async def subscribe(self, *patterns: str, **since: int) -> SnapshotFrame:
        await self.send_subscribe(*patterns, **since)
        return await self.next(SnapshotFrame)

    async def events(self, number: int):
        """The next `number` events, over as many deltas and resumed snapshots as it takes."""
        found = []
        while len(found) < number:
            frame = await self.next(Delta, SnapshotFrame)
            assert isinstance(frame, Delta) or frame.resumed
            found += frame.events
        return found

    async def greet(self, **changes) -> None:
        hello = Hello(**{"protocol": PROTOCOL_VERSION, "token": "", **changes})
        await self.socket.send(encode_frame(hello, "json").decode())

    async def refusal(self) -> tuple[Refusal, int]:
        """What the gateway says before it closes, and the code it closes with."""
        return await self.next(Refusal), await self.closed()

    async def closed(self) -> int:
        """Read to the end; return the code the gateway closed with."""
        try:
            while True:
                await self.socket.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else 1006
