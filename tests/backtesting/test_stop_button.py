"""Runs in child processes that are interrupted, as the stop button of a notebook does it."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from nautilus_lab.backtesting import StopButton
from nautilus_lab.backtesting._stop_button import out_of_reach

# What would take minutes is over within the patience of these tests only if the stop button works.
PATIENCE_S = 30

PRELUDE = """
import json, signal, sys, threading, time
speaking = threading.Lock()  # lines of threads at work stay whole
signal.signal(signal.SIGINT, signal.default_int_handler)
import numpy as np, pandas as pd
from concurrent.futures import ThreadPoolExecutor
from nautilus_lab.backtesting import BacktestingEngine
from nautilus_lab.strategies import moving_average_cross, strategy
days = pd.date_range("1971-01-01", periods=40_000, tz="UTC")
walk = np.random.default_rng(1).normal(0, 0.01, (len(days), 20)).cumsum(axis=0)
walk = pd.DataFrame(walk - walk.mean(), index=days).rename(columns=lambda c: f"S{c}")
prices = 100 * np.exp(walk)

@strategy
def restless(prices, level=0.5):
    return prices * 0 + level / prices.shape[1]

def told(run, **more):
    with speaking:
        print(json.dumps({"complete": run.complete, **more}), flush=True)
engine = BacktestingEngine()
"""

EVENT = """
from nautilus_lab.strategies.nautilus import RebalanceOnBars
real, days = RebalanceOnBars._rebalance, []
def announced(self, weights):
    days.append(1)
    if len(days) == 40: print("running", flush=True)
    real(self, weights)
RebalanceOnBars._rebalance = announced
run = engine.run(restless, prices, mode="event")
told(run, rows=len(run.equity), fills=len(run.fills), last=str(run.fills["time"].max()),
     end=str(run.equity.index[-1]), text=run.tear_sheet().text)
again = engine.run(restless, prices.iloc[:30], mode="event")
told(again)
"""

SWEEP = """
import nautilus_lab.backtesting._sweep as inside
play = inside._play
def announced(*given):
    with speaking:
        print("running", flush=True)
    return play(*given)
inside._play = announced
grid = {"level": np.linspace(0.1, 0.9, 5_000).tolist()}
found = engine.sweep(restless, prices.iloc[:500], grid, executor=%s)
told(found, rows=len(found.table), of=found.n_combinations)
import os; sys.stdout.flush(); os._exit(0)  # threads at work would keep the process
"""


def interrupted(body, after=1):
    """Run a script, interrupt it when it has said `running` some times, return what it told."""
    child = subprocess.Popen(
        [sys.executable, "-c", PRELUDE + body], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        for _ in range(after):
            line = child.stdout.readline()
            assert line == b"running\n", line
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=PATIENCE_S)
    finally:
        child.kill()
        child.communicate()
    assert child.returncode == 0, err.decode()
    return [json.loads(line) for line in out.splitlines() if line.startswith(b"{")]


def test_an_event_driven_run_stops_and_keeps_what_was_played():
    stopped, again = interrupted(EVENT)
    assert not stopped["complete"]
    assert 40 <= stopped["rows"] < 40_000
    assert stopped["fills"] > 0
    assert stopped["last"] <= stopped["end"]
    assert "STOPPED before the end of its data" in stopped["text"]
    assert again["complete"]  # the next run is as good as new


@pytest.mark.parametrize("executor", ["None", "ThreadPoolExecutor(2)"])
def test_a_sweep_stops_and_keeps_the_rows_that_are_done(executor):
    (stopped,) = interrupted(SWEEP % executor, after=50)
    assert not stopped["complete"]
    assert 16 <= stopped["rows"] < stopped["of"] == 5_000


def test_a_stopped_vectorised_run_ends_where_it_was(engine, prices, monkeypatch):
    monkeypatch.setattr(
        StopButton, "pressed", property(lambda self: next(presses), _ignore), raising=False
    )
    presses = iter([False] * 5 + [True] * 100)
    run = engine.run(_daily(), prices, mode="vectorised")
    assert not run.complete
    assert len(run.equity) == 6
    assert run.fills["time"].max() == run.equity.index[-1]
    assert "STOPPED" in run.caption


def test_the_first_press_is_noted_and_the_second_one_raises():
    with StopButton() as stop:
        assert not stop.pressed
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.pressed
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_the_handler_of_before_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    with StopButton():
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


def test_an_interrupt_leaves_work_out_of_its_reach_whole():
    begun, finished = threading.Event(), threading.Event()

    def work():
        begun.set()
        finished.wait(PATIENCE_S)

    def press():
        begun.wait()
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    with pytest.raises(KeyboardInterrupt):
        out_of_reach(work)
    (worker,) = [thread for thread in threading.enumerate() if thread.name == "out-of-reach"]
    finished.set()
    worker.join(PATIENCE_S)
    assert not worker.is_alive()


def test_work_out_of_reach_hands_back_its_answer_or_its_error():
    assert out_of_reach(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        out_of_reach(lambda: 1 / 0)


def test_off_the_main_thread_there_is_nothing_to_press():
    found = []

    def work():
        with StopButton() as stop:
            found.append(stop.pressed)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]


def _ignore(self, value):
    pass


def _daily():
    from nautilus_lab.strategies import strategy

    @strategy
    def daily(prices):
        return prices * 0 + 0.5 / prices.shape[1]

    return daily
