"""`nautilus-lab trials`."""

import functools
import json
import sqlite3
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.cli import main
from nautilus_lab.factors import momentum
from nautilus_lab.lab import Lab


@pytest.fixture
def ledger(workspace):
    """Two trials of momentum at one horizon, and one whose definition is not recorded."""
    lab = Lab()
    rng = np.random.default_rng(0)
    days = pd.date_range("2020-01-01", periods=100, freq="B", tz="UTC")
    steps = rng.normal(0, 0.01, (100, 8)).cumsum(axis=0)
    prices = pd.DataFrame(100 * np.exp(steps), days, list("ABCDEFGH"))
    for window, told in ((10, True), (20, True), (30, False)):
        definition = functools.partial(momentum, window=window, skip=1)
        lab.factors.evaluate(
            definition(prices), prices, horizons=[1], quantiles=2, study="mömentum",
            definition=definition if told else None,
        )  # fmt: skip
    return lab.ledger


def told(capsys):
    return json.loads(capsys.readouterr().out)


def test_studies_and_trials_are_listed(ledger, capsys):
    assert main(["trials", "studies"]) == 0
    assert "mömentum  3" in capsys.readouterr().out
    assert main(["trials", "list", "-n", "2"]) == 0
    out = capsys.readouterr().out
    assert "momentum(window=20, skip=1)@1" in out
    assert "window=10" not in out


def test_lists_are_json_too(ledger, capsys):
    assert main(["trials", "studies", "--json"]) == 0
    assert told(capsys)[0]["records"] == 3
    assert main(["trials", "list", "--study", "mömentum", "--json"]) == 0
    rows = told(capsys)
    assert [row["id"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["repeat"] is False


def test_an_empty_ledger_says_so(workspace, capsys):
    assert main(["trials", "list"]) == 0
    assert capsys.readouterr().out == "no trials\n"
    assert main(["trials", "studies"]) == 0
    assert capsys.readouterr().out == "no studies\n"


def test_a_trial_is_shown(ledger, capsys):
    assert main(["trials", "show", "1"]) == 0
    out = capsys.readouterr().out
    assert "prices.digest" in out
    assert "packages.numpy" in out
    assert main(["trials", "show", "1", "--json"]) == 0
    assert {"part": "parameters", "what": "horizon", "value": 1} in told(capsys)


def test_two_trials_are_compared(ledger, capsys):
    assert main(["trials", "compare", "1", "2"]) == 0
    out = capsys.readouterr().out
    assert "definition.settings.window" in out
    (row,) = [line.split() for line in out.splitlines() if line.split()[1:2] == ["sharpe"]]
    assert all(len(number.lstrip("-0.")) <= 6 for number in row[2:])
    assert main(["trials", "compare", "1", "2", "--json"]) == 0
    answer = told(capsys)
    assert answer["same_trial"] is False
    places = {row["what"]: (row["a"], row["b"]) for row in answer["differences"]}
    assert places["definition.settings.window"] == (10, 20)


def test_both_counts_are_printed(ledger, capsys):
    assert main(["trials", "deflate", "1"]) == 0
    out = capsys.readouterr().out
    assert "effective trials" in out
    assert "trials                          3" in out
    assert main(["trials", "deflate", "1", "--json"]) == 0
    answer = told(capsys)
    assert (answer["n_trials"], answer["effective"]["method"]) == (3, "clusters")


def test_a_trial_made_again_is_zero_and_one_that_cannot_be_is_two(ledger, capsys):
    assert main(["trials", "reproduce", "1"]) == 0
    assert "equal" in capsys.readouterr().out
    assert main(["trials", "reproduce", "3", "--json"]) == 2
    out = capsys.readouterr()
    assert json.loads(out.out)["verdict"] == "cannot"
    assert "no definition was recorded" in out.err


def test_a_ledger_as_written_is_zero_and_one_that_was_changed_is_two(ledger, capsys):
    assert main(["trials", "verify"]) == 0
    head = ledger.verify().head
    assert capsys.readouterr().out == f"3 entries, head {head}\n"
    assert main(["trials", "verify", "--head", head[:10]]) == 0
    assert main(["trials", "verify", "--head", "abc"]) == 2
    capsys.readouterr()
    with closing(sqlite3.connect(ledger.folder / "trials.db", isolation_level=None)) as file:
        file.execute("DROP TRIGGER entries_no_update")
        file.execute("UPDATE entries SET study = 'fresh' WHERE seq = 2")
    assert main(["trials", "verify", "--json"]) == 2
    out = capsys.readouterr()
    assert "entry 2 was changed" in json.loads(out.out)["faults"]
    assert "AuditError" in out.err
    assert main(["trials", "list"]) == 2


def test_a_trial_that_is_not_there_is_two(ledger, capsys):
    assert main(["trials", "show", "99"]) == 2
    assert "nautilus-lab trials list" in capsys.readouterr().err
    assert main(["trials", "list", "--study", "no such"]) == 0
    assert capsys.readouterr().out == "no trials of 'no such'\n"


def test_a_study_asked_for_together_is_counted(ledger, capsys):
    run = ledger.run("1")
    ledger.study("other").record("x", run.returns[::-1].sort_index() * -1)
    assert main(["trials", "deflate", "1", "--also", "other"]) == 0
    assert "trials                          4" in capsys.readouterr().out
