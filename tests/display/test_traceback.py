import queue
import sys

import pytest
from jupyter_client.manager import start_new_kernel

from nautilus_lab.display import traceback
from nautilus_lab.exceptions import InputError

FAILING = """
from nautilus_lab.risk.limits import MaxPositionNotional
def deep_inside():
    return MaxPositionNotional(max_notional=-5.0)
deep_inside()
"""


@pytest.fixture(scope="module")
def kernel():
    manager, client = start_new_kernel(kernel_name="python3")
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def run(client, code):
    """Return the outputs of a cell."""
    sent = client.execute(code)
    outputs = []
    while True:
        try:
            message = client.get_iopub_msg(timeout=60)
        except queue.Empty:
            pytest.fail(f"the kernel said nothing for 60 s; so far {outputs}")
        if message["parent_header"].get("msg_id") != sent:
            continue
        if message["msg_type"] == "status":
            if message["content"]["execution_state"] == "idle":
                return outputs
        elif message["msg_type"] != "execute_input":
            outputs.append(message)


@pytest.mark.processes
def test_in_a_real_kernel_our_errors_show_three_lines_and_traceback_shows_all(kernel):
    (error,) = run(kernel, FAILING)
    assert error["msg_type"] == "error"
    assert error["content"]["traceback"] == [
        "InputError: max_notional must be finite and at least 0",
        "  got:  -5.0",
        "  do:   leave the limit out to turn it off   (nautilus_lab.traceback() shows it all)",
    ]
    (printed,) = run(kernel, "import nautilus_lab; nautilus_lab.traceback()")
    assert printed["content"]["name"] == "stdout"
    for part in ("deep_inside", "__post_init__", "_exposure.py", "max_notional must be finite"):
        assert part in printed["content"]["text"]


@pytest.mark.processes
def test_in_a_real_kernel_other_errors_are_left_as_they_are(kernel):
    (error,) = run(kernel, "def plain():\n    return 1 / 0\nplain()")
    lines = error["content"]["traceback"]
    assert len(lines) > 3
    assert "Traceback (most recent call last)" in "".join(lines)


@pytest.mark.processes
def test_in_a_real_kernel_a_tear_sheet_shows_as_html_and_stays_small(kernel):
    (shown,) = run(
        kernel,
        "from nautilus_lab.display import Facts, TearSheet\n"
        "TearSheet(title='A sheet', parts=(Facts(values={'Sharpe ratio': '0.84'}),))",
    )
    data = shown["content"]["data"]
    assert set(data) == {"text/plain", "text/html"}
    assert len(data["text/html"]) < 10_000


def test_outside_ipython_the_error_being_handled_is_printed_with_its_frames(capsys):
    def deep_inside():
        raise InputError("window must be at least 2", value=1)

    try:
        deep_inside()
    except InputError:
        traceback()
    printed = capsys.readouterr().out
    assert printed.startswith("Traceback (most recent call last):")
    assert "deep_inside" in printed
    assert printed.endswith("InputError: window must be at least 2; got 1\n")


def test_the_last_uncaught_error_is_remembered_with_its_cause(capsys, monkeypatch):
    try:
        try:
            int("x")
        except ValueError as error:
            raise InputError("units must be a number", value="x") from error
    except InputError as error:
        caught = error
    monkeypatch.setattr(sys, "last_exc", caught, raising=False)
    traceback()
    printed = capsys.readouterr().out
    assert "invalid literal for int()" in printed
    assert "units must be a number" in printed


def test_without_an_error_it_says_so(capsys, monkeypatch):
    monkeypatch.delattr(sys, "last_exc", raising=False)
    traceback()
    assert capsys.readouterr().out == "No error has happened yet.\n"
