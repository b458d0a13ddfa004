"""A client that nobody wrote for us: Debian's nodejs and its node-ws."""

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from nautilus_lab.client.protocol import CloseCode
from nautilus_lab.platform.messages import NodeStateChanged

MODULES = Path("/usr/share/nodejs")  # where Debian's node looks, and another's must be told to

pytestmark = pytest.mark.processes


@pytest.fixture(autouse=True)
def node_ws() -> None:
    """Skip where they are not installed, as other needs of tests are; in CI that is a failure."""
    if shutil.which("node") is None or not (MODULES / "ws").is_dir():
        missing = "nodejs or node-ws is not installed: sudo apt-get install nodejs node-ws"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{missing}; in CI nothing may be skipped", pytrace=False)
        pytest.skip(missing)


@pytest.fixture
async def follow(repository: Path, gateway):
    """Starts the follower; ends it if it has not ended by itself."""
    started = []

    async def begin(token: str, events: int) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            "node",
            *(str(repository / "tests" / "streaming" / "follow.js"), gateway.url, token),
            str(events),
            env={**os.environ, "NODE_PATH": str(MODULES)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_it_sees_the_snapshot_and_every_event_that_follows(follow, token, node):
    for number in range(3):
        node.fill(number)
    node.quote("AAPL.PAPER", 100.0, 100.5)
    await asyncio.sleep(0.1)
    process = await follow(token, 503)
    assert await process.stderr.readline() == b"ready\n"
    for number in range(3, 503):
        node.fill(number)
        if number % 25 == 0:
            node.quote("AAPL.PAPER", float(number), number + 1.0)
            # An event that it did not ask for, and that counts all the same.
            node.event(NodeStateChanged(component="x", state="y"), "system.node.PAPER-001")
            await asyncio.sleep(0.005)
    out, errors = await asyncio.wait_for(process.communicate(), 20)
    assert errors == b""
    saw = json.loads(out)
    assert saw["trades"] == [f"T-{n}" for n in range(503)]
    assert saw["gaps"] == 0
    assert saw["seqs"] == sorted(set(saw["seqs"]))
    assert set(saw["states"]) == {"market.quote.PAPER.AAPL"}
    told = [kind for kind in saw["kinds"] if kind != "heartbeat"]  # which comes when it is due
    assert told[:3] == ["welcome", "node", "snapshot"]
    assert "delta" in saw["kinds"]
    assert saw["code"] == 1000


async def test_it_is_told_why_it_may_not_come_in(follow, node):
    process = await follow("no token of ours", 1)
    out, errors = await asyncio.wait_for(process.communicate(), 20)
    saw = json.loads(out)
    assert (errors, saw["code"], saw["kinds"]) == (b"", CloseCode.UNAUTHENTICATED, ["refusal"])
    assert "token" in saw["reason"]
