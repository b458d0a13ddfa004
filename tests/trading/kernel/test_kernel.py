"""What a node's kernel refuses, and what it survives."""

import asyncio
import json
import os
import signal
import sys

import psutil
import pytest

pytestmark = [pytest.mark.processes, pytest.mark.timeout(90)]


async def test_code_is_refused_in_every_way_it_can_be_sent(start, workspace):
    kernel = await start()
    owned = workspace / "owned"
    code = f"open({str(owned)!r}, 'w')"
    for options in (
        {},
        {"silent": True},
        {"store_history": False},
        {"user_expressions": {"x": code}},
        {"silent": True, "store_history": True, "user_expressions": {"x": code}},
    ):
        content, _ = await kernel.execute(code, **options)
        assert content["status"] == "error"
        assert content["ename"] == "NodeRefusesCode"
        assert "nautilus_lab.connect()" in content["evalue"]
        assert not content.get("user_expressions")
    empty, _ = await kernel.execute("", user_expressions={"x": code})
    assert empty["status"] == "error"
    content = {"code": code, "silent": False, "user_expressions": {}}
    assert (await kernel.ask("control", "execute_request", content))["content"]["status"] == "error"
    assert not owned.exists()
    await kernel.ticked_on()


async def test_nothing_is_completed_inspected_debugged_or_remembered(start):
    kernel = await start()
    shell = [
        ("complete_request", {"code": "os.", "cursor_pos": 3}, "matches", []),
        ("inspect_request", {"code": "os", "cursor_pos": 1, "detail_level": 1}, "found", False),
        (
            "history_request",
            {"hist_access_type": "tail", "output": False, "raw": True, "n": 100},
            "history",
            [],
        ),
        ("comm_info_request", {}, "comms", {}),
    ]
    for kind, asked, name, expected in shell:
        content = (await kernel.ask("shell", kind, asked))["content"]
        assert content[name] == expected, kind
    debug = {"command": "evaluate", "type": "request", "seq": 1, "arguments": {"expression": "1"}}
    for kind, asked in (
        ("debug_request", debug),
        ("create_subshell_request", {}),
        ("delete_subshell_request", {"subshell_id": "x"}),
    ):
        content = (await kernel.ask("control", kind, asked))["content"]
        assert content["status"] == "error", kind


async def test_a_comm_is_closed_and_never_heard(start):
    kernel = await start()
    kernel.say("shell", "comm_open", {"comm_id": "c1", "target_name": "jupyter.widget", "data": {}})
    async with asyncio.timeout(10):
        while True:
            told = await kernel.client.get_iopub_msg(timeout=10)
            if told["msg_type"] == "comm_close":
                break
    assert told["content"]["comm_id"] == "c1"
    kernel.say("shell", "comm_msg", {"comm_id": "c1", "data": {"method": "update"}})
    await kernel.ticked_on()


@pytest.mark.parametrize("channel", ["control", "shell"])
async def test_shutdown_and_interrupt_requests_are_answered_and_change_nothing(start, channel):
    kernel = await start()
    reply = await kernel.ask(channel, "shutdown_request", {"restart": False})
    assert reply["content"]["ename"] == "NodeRefusesShutdown"
    reply = await kernel.ask(channel, "interrupt_request")
    assert reply["content"]["status"] == "ok"
    await kernel.ticked_on()
    assert kernel.ticks["pid"] == kernel.process.pid


async def test_signals_of_a_terminal_change_nothing_also_while_a_request_is_answered(start):
    kernel = await start("signal = __import__('signal'); signal.signal(2, lambda *a: os._exit(9))")
    waiting = asyncio.gather(*(kernel.ask("shell", "kernel_info_request") for _ in range(1)))
    for _ in range(20):
        kernel.say("shell", "execute_request", {"code": "1", "silent": False})
        os.killpg(kernel.process.pid, signal.SIGINT)
        os.kill(kernel.process.pid, signal.SIGHUP)
        await asyncio.sleep(0)
    await waiting
    await kernel.ticked_on()
    assert kernel.process.poll() is None


async def test_a_kernel_outlives_the_process_that_started_it(start, workspace):
    # The parent starts it as Jupyter does, names itself, and dies.
    code = (
        "import os, subprocess, sys; os.environ['JPY_PARENT_PID'] = str(os.getpid());"
        "subprocess.Popen(sys.argv[1:], start_new_session=True)"
    )
    kernel = await start(parent=(sys.executable, "-c", code))
    assert kernel.process.wait(10) == 0
    pid = kernel.ticks["pid"]
    try:
        await asyncio.sleep(1.5)  # the poller of a parent would look once a second
        await kernel.ticked_on()
        assert psutil.pid_exists(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


async def test_a_users_profile_and_folder_are_not_executed_in_a_node(start, workspace):
    home = workspace / "ipython"
    startup = home / "profile_default" / "startup"
    startup.mkdir(parents=True)
    owned = workspace / "owned"
    (startup / "00.py").write_text(f"open({str(owned)!r}, 'w')")
    profile = home / "profile_default"
    for name in ("ipython_kernel_config.py", "ipython_config.py"):
        (profile / name).write_text(f"open({str(owned)!r}, 'w')")
    kernel = await start(
        "Path(sys.argv[1]).with_name('path').write_text(json.dumps(sys.path))\n"
        "Path(sys.argv[1]).with_name('modules').write_text(json.dumps(sorted(sys.modules)))",
        environment={"IPYTHONDIR": str(home), "PYTHONSTARTUP": str(startup / "00.py")},
    )
    await kernel.ticked_on()
    assert not owned.exists()
    assert "" not in json.loads((kernel.folder / "path").read_text())
    assert not (profile / "history.sqlite").exists()
    modules = json.loads((kernel.folder / "modules").read_text())
    assert not any(name.startswith(("pydevd", "_pydevd", "debugpy.")) for name in modules)


async def test_a_hung_kernel_writes_where_it_hangs_when_it_is_asked(start):
    kernel = await start(
        """
        def hang_here():
            time.sleep(60)

        asyncio.get_running_loop().call_later(0.3, hang_here)
        """
    )
    async with asyncio.timeout(10):
        while kernel.ticks["at"] > __import__("time").time() - 0.5:
            await asyncio.sleep(0.05)
        os.kill(kernel.process.pid, signal.SIGUSR1)
        while "hang_here" not in (kernel.folder / "out").read_text():
            await asyncio.sleep(0.05)
    assert kernel.process.poll() is None


async def test_the_end_of_the_node_is_the_end_of_the_kernel_with_its_code(start):
    kernel = await start()
    (kernel.folder / "stop").touch()
    assert await asyncio.to_thread(kernel.process.wait, 10) == 0
