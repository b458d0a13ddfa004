"""`make lab` as a user runs it, and what survives when parts of it are killed."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest
from jupyter_client.manager import AsyncKernelManager

from nautilus_lab import connect
from nautilus_lab.platform.rundir import Home
from nautilus_lab.server import JupyterLabServer
from nautilus_lab.trading import TradingEngine

pytestmark = [pytest.mark.processes, pytest.mark.timeout(170)]

START_NODE = """
import asyncio
from nautilus_lab import Lab
lab = Lab(trading={"replay_symbols": ("AAPL", "MSFT"), "seconds_per_day": 5})
node = await lab.trading.start(targets={"AAPL": 0.4})
print("pid", node.pid)
"""

SEE_ORDERS = """
import json
import nautilus_lab as nl
desk = await nl.connect()
print("orders", json.dumps(sorted(desk.orders)), desk.node.state.value)
await desk.close()
"""


class Terminal:
    """A command in a process group of its own, its output read line by line."""

    def __init__(self, command, cwd, **environment):
        self.process = subprocess.Popen(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            env={**os.environ, **environment},
        )
        self.lines = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def line_with(self, start, seconds=120):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for line in self.lines:
                if line.startswith(start):
                    return line
            assert self.process.poll() is None, "\n".join(self.lines)
            time.sleep(0.1)
        raise AssertionError("\n".join(self.lines))

    def interrupt(self):
        """Press Ctrl-C: a terminal tells the whole foreground group."""
        os.killpg(self.process.pid, signal.SIGINT)
        code = self.process.wait(40)
        self._reader.join()
        self.process.stdout.close()
        return code


def status_of(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.status


def shows_without_token(url):
    try:
        with urllib.request.urlopen(url.split("?")[0], timeout=20) as answer:
            return "login" not in answer.url
    except urllib.error.HTTPError as refused:
        return refused.code not in (401, 403, 404)


def alive(pids):
    return [
        pid
        for pid in pids
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    ]


def test_make_lab_brings_everything_up_and_ctrl_c_takes_everything_down(repository, workspace):
    home = workspace / "home"
    arguments = "ARGS=--no-browser --port 0 --dashboards-port 0"
    environment = {"NL_ROOT": str(repository), "NL_HOME": str(home)}
    terminal = Terminal(["make", "lab", arguments], repository, **environment)
    urls = [terminal.line_with(name).split()[1] for name in ("JupyterLab", "Dashboards")]
    for url in urls:
        assert urlsplit(url).hostname == "127.0.0.1"
        assert status_of(url) == 200
        assert not shows_without_token(url)
    rundir = Home(home).trader("PAPER-001")
    records = [Home(home).supervisor, Home(home).gateway, rundir.node, rundir.venue]
    pids = [json.loads(path.read_text())["pid"] for path in records]
    family = [p.pid for p in psutil.Process(terminal.process.pid).children(recursive=True)]
    assert len(alive(pids)) == 4
    terminal.interrupt()
    assert alive([*pids, *family]) == []
    assert "stopped" in terminal.lines
    assert not any(path.exists() for path in records)


def test_ctrl_c_while_it_starts_takes_everything_down_too(repository, workspace):
    home = workspace / "home"
    command = [sys.executable, "-m", "nautilus_lab.cli", "lab", "--no-browser"]
    terminal = Terminal(
        [*command, "--port", "0", "--dashboards-port", "0"],
        repository,
        NL_ROOT=str(repository),
        NL_HOME=str(home),
    )
    terminal.line_with("starting the trading node")
    time.sleep(1.0)
    family = [p.pid for p in psutil.Process(terminal.process.pid).children(recursive=True)]
    assert terminal.interrupt() == 0
    assert alive(family) == []
    assert not Home(home).supervisor.exists()


def test_a_busy_port_is_one_clear_error_and_leaves_nothing(repository, workspace):
    home = workspace / "home"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [
                *(sys.executable, "-m", "nautilus_lab.cli", "lab", "--no-browser"),
                *("--port", port, "--dashboards-port", "0"),
            ],
            cwd=repository,
            env={**os.environ, "NL_ROOT": str(repository), "NL_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=90,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("PortBusy")
    assert port in done.stderr
    assert len(done.stderr.strip().splitlines()) == 3
    assert not Home(home).supervisor.exists()


async def test_jupyterlab_and_its_kernel_are_killed_and_the_node_trades_on(workspace, catalog):
    with JupyterLabServer(workspace, workspace=workspace) as server:
        await asyncio.to_thread(server.ready, 60)
        lab_pid = server.pid
        kernel_id = _rest(server, "POST", "/api/kernels", {"name": "nautilus-research"})["id"]
        printed = await asyncio.to_thread(_execute_over_websocket, server, kernel_id, START_NODE)
        node_pid = int(printed.split("pid")[1])
        desk = await connect(root=workspace)
        async with asyncio.timeout(20):
            while len(desk.fills) < 2:
                await asyncio.sleep(0.1)
        before = set(desk.orders)
        await desk.close()
        kernels = psutil.Process(lab_pid).children(recursive=True)
        assert kernels
        for process in [*kernels, psutil.Process(lab_pid)]:
            process.kill()
    assert alive([node_pid]) == [node_pid]
    # Another kernel, which knows nothing of the first, finds the same orders.
    printed = await _execute_in_new_kernel(SEE_ORDERS, workspace)
    orders, state = printed.split("orders ")[1].rsplit(" ", 1)
    assert before <= set(json.loads(orders))
    assert state.strip() == "running"
    from nautilus_lab.config import load_settings

    await TradingEngine(load_settings(workspace)).shut_down()
    assert alive([node_pid]) == []


def _rest(server, method, path, body):
    parts = urlsplit(server.url)
    token = parse_qs(parts.query)["token"][0]
    request = urllib.request.Request(
        f"{parts.scheme}://{parts.netloc}{path}",
        data=json.dumps(body).encode(),
        method=method,
        headers={"Authorization": f"token {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def _execute_over_websocket(server, kernel_id, code):
    """Run code the way JupyterLab's page does, and return what it printed."""
    from websockets.sync.client import connect as open_socket

    parts = urlsplit(server.url)
    token = parse_qs(parts.query)["token"][0]
    url = f"ws://{parts.netloc}/api/kernels/{kernel_id}/channels?token={token}"
    header = {"msg_id": "m1", "msg_type": "execute_request", "username": "", "session": "s1"}
    request = {
        "header": {**header, "version": "5.3"},
        "parent_header": {},
        "metadata": {},
        "channel": "shell",
        "content": {"code": code, "silent": False, "store_history": False, "allow_stdin": False},
    }
    printed = []
    with open_socket(url, origin=f"http://{parts.netloc}", max_size=None) as socket_:
        socket_.send(json.dumps(request))
        while True:
            message = json.loads(socket_.recv(timeout=90))
            if message["parent_header"].get("msg_id") != "m1":
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                printed.append(content["text"])
            elif kind == "execute_reply":
                assert content["status"] == "ok", content
            elif kind == "status" and content["execution_state"] == "idle":
                return "".join(printed)


async def _execute_in_new_kernel(code, folder):
    manager = AsyncKernelManager(kernel_name="nautilus-research")
    await manager.start_kernel(cwd=str(folder))
    client = manager.client()
    client.start_channels()
    printed = []
    try:
        await client.wait_for_ready(timeout=60)

        def hear(message):
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        reply = await client.execute_interactive(
            code, timeout=60, output_hook=hear, allow_stdin=False
        )
        assert reply["content"]["status"] == "ok", reply["content"]
    finally:
        client.stop_channels()
        await manager.shutdown_kernel(now=True)
    return "".join(printed)
