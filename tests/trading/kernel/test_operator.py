"""An operator's cells: beside the node, bounded, written down, and marked."""

import asyncio
import hashlib
import json
import os

import psutil
import pytest

from tests.trading.kernel.conftest import OPERATOR

pytestmark = [pytest.mark.processes, pytest.mark.timeout(90)]


def text(seen, name):
    return "".join(
        m["content"]["text"]
        for m in seen
        if m["msg_type"] == "stream" and m["content"]["name"] == name
    )


def audited(kernel):
    return [json.loads(line) for line in (kernel.folder / "audit").read_text().splitlines()]


async def test_a_cell_sees_copies_of_the_node_and_says_that_it_is_simulated(start):
    kernel = await start(OPERATOR)
    content, seen = await kernel.execute("print(trader)\nstatus.orders + snapshot.seq")
    assert content["status"] == "ok"
    assert text(seen, "stdout") == "PAPER-001\n"
    assert "OPERATOR CONSOLE of PAPER-001, SIMULATED" in text(seen, "stderr")
    shown = next(m["content"] for m in seen if m["msg_type"] == "execute_result")
    assert shown["data"]["text/plain"] == "9"
    frozen, _ = await kernel.execute("status.orders = 0")
    assert frozen["ename"] == "AttributeError"
    # Names live on, the node's loop and objects are in another process.
    content, seen = await kernel.execute(
        "import os, gc, asyncio\n"
        "found = [o for o in gc.get_objects() if isinstance(o, asyncio.AbstractEventLoop)]\n"
        "(os.getpid(), found)"
    )
    shown = next(m["content"] for m in seen if m["msg_type"] == "execute_result")
    pid, found = eval(shown["data"]["text/plain"])
    assert (pid != kernel.process.pid, found) == (True, [])
    content, seen = await kernel.execute("await asyncio.sleep(0, found)", silent=True)
    assert content["status"] == "ok"
    assert not text(seen, "stderr")


async def test_every_cell_is_audited_before_it_runs_without_secrets(start):
    kernel = await start(OPERATOR)
    code = "password = 'hunter22'\n1 / 0"
    content, seen = await kernel.execute(code)
    assert content["ename"] == "ZeroDivisionError"
    assert any('File "<operator>", line 2' in line for line in content["traceback"])
    assert next(m for m in seen if m["msg_type"] == "error")["content"]["ename"] == content["ename"]
    ((kind, facts, actor),) = audited(kernel)
    assert kind == "operator.cell"
    assert "1 / 0" in facts["code"]
    assert "hunter22" not in facts["code"]
    assert facts["sha256"] == hashlib.sha256(code.encode()).hexdigest()
    assert actor


async def test_a_cell_that_cannot_be_audited_is_not_run(start, workspace):
    fails = OPERATOR.replace(
        'with ticks.with_name("audit")',
        "from nautilus_lab.exceptions import StoreError\n"
        '            raise StoreError("the trail must be writable")\n'
        '            with ticks.with_name("audit")',
    )
    kernel = await start(fails)
    owned = workspace / "owned"
    content, _ = await kernel.execute(f"open({str(owned)!r}, 'w')")
    assert content["ename"] == "StoreError"
    assert not owned.exists()


@pytest.mark.parametrize(
    "code",
    [
        "import time; time.sleep(60)",
        "while True: pass",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "import signal; signal.pthread_sigmask(0, {2})\nsum(range(10**12))",
    ],
)
async def test_a_cell_that_blocks_is_ended_and_the_node_ticks_on(start, code):
    kernel = await start(OPERATOR)
    await kernel.execute("kept = 1")
    before = kernel.ticks["at"]
    content, _ = await kernel.execute(code)
    assert content["ename"] == "CellTimeout"
    assert "within 1 s" in content["evalue"]
    after = kernel.ticks
    assert after["at"] - before > 0.8
    assert after["worst"] < 0.5  # seconds; a cell on the node's loop would have had a whole one
    again, _ = await kernel.execute("1 + 1")
    assert again["status"] == "ok"


async def test_an_interrupt_ends_the_cell_and_nothing_else(start):
    kernel = await start(OPERATOR.replace("cell_s=1.0", "cell_s=30.0"))
    seen = []
    code = "kept = 5\nprint('begun')\nwhile True: pass"
    running = asyncio.ensure_future(kernel.execute(code, seen=seen))
    async with asyncio.timeout(20):
        while "begun" not in text(seen, "stdout"):
            await asyncio.sleep(0.02)
    reply = await kernel.ask("control", "interrupt_request")
    assert reply["content"]["status"] == "ok"
    content, _ = await running
    assert content["ename"] == "KeyboardInterrupt"
    content, seen = await kernel.execute("print(kept)")
    assert (content["status"], text(seen, "stdout")) == ("ok", "5\n")


async def test_a_cell_that_ends_its_interpreter_or_its_memory_ends_neither_node_nor_console(start):
    kernel = await start(OPERATOR)
    content, _ = await kernel.execute("import os; os._exit(3)")
    assert content["ename"] == "ConsoleEnded"
    content, _ = await kernel.execute("raise SystemExit")
    assert content["ename"] == "SystemExit"
    content, _ = await kernel.execute("b'x' * (8 << 30)")
    assert content["ename"] == "MemoryError"
    content, seen = await kernel.execute("for n in range(10**5): print('x' * 100)")
    assert content["status"] == "ok"
    assert len(text(seen, "stdout")) < 300_000
    assert "cut off" in text(seen, "stdout")
    await kernel.ticked_on()


async def test_code_is_still_all_that_an_operator_may_send(start):
    kernel = await start(OPERATOR)
    content, _ = await kernel.execute("1", user_expressions={"x": "1 + 1"})
    assert content["user_expressions"] == {}
    completed = await kernel.ask("shell", "complete_request", {"code": "os.", "cursor_pos": 3})
    assert completed["content"]["matches"] == []
    assert (await kernel.ask("control", "create_subshell_request"))["content"]["status"] == "error"


async def test_the_process_of_a_cell_ends_with_the_node_whatever_it_does(start):
    kernel = await start(OPERATOR)
    _, seen = await kernel.execute("import os; os.getpid()")
    shown = next(m["content"] for m in seen if m["msg_type"] == "execute_result")
    pid = int(shown["data"]["text/plain"])
    kernel.say("shell", "execute_request", {"code": "while True: pass", "silent": False})
    await asyncio.sleep(0.2)
    os.kill(kernel.process.pid, 9)
    async with asyncio.timeout(5):
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie":
            await asyncio.sleep(0.02)
