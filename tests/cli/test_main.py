"""The command line: what it prints, and how it refuses."""

import json
import os
import subprocess
import sys

import pytest

import nautilus_lab
from nautilus_lab.cli import main


def test_the_version_is_the_packages(capsys):
    assert main(["version"]) == 0
    assert capsys.readouterr().out.strip() == nautilus_lab.__version__


def test_a_verb_that_is_none_is_refused_with_the_verbs_named(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["fly"])
    assert caught.value.code == 2
    assert "node" in capsys.readouterr().err


def test_an_unknown_setting_is_three_lines_that_name_it(workspace, capsys):
    (workspace / "lab.toml").write_text("[trading]\nmax_order_notionnal = 5\n")
    assert main(["node", "status"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 3
    assert "trading.max_order_notionnal is not a setting" in lines[0]
    assert "got:  5" in lines[1]


def test_an_unknown_setting_in_the_environment_is_refused_too(workspace, capsys, monkeypatch):
    monkeypatch.setenv("NL_TRADING__SPEED", "9")
    assert main(["node", "status"]) == 2
    assert "trading.speed is not a setting" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["-5", "nan", "inf", "0"])
def test_a_negative_or_absurd_notional_is_refused_by_the_settings(
    workspace, capsys, monkeypatch, value
):
    monkeypatch.setenv("NL_TRADING__MAX_ORDER_NOTIONAL", value)
    assert main(["node", "status"]) == 2
    assert "trading.max_order_notional" in capsys.readouterr().err


def test_asking_a_node_that_does_not_run_says_how_to_start_one(workspace, capsys):
    assert main(["node", "status"]) == 2
    error = capsys.readouterr().err
    assert "NodeNotRunning" in error
    assert "nautilus-lab node start" in error
    assert not (workspace / ".lab" / "supervisor.json").exists()


def test_targets_that_are_no_json_are_refused_before_anything_starts(workspace, capsys):
    path = workspace / "targets.json"
    path.write_text("AAPL: 1")
    assert main(["node", "start", "--targets", str(path)]) == 2
    assert "readable JSON" in capsys.readouterr().err
    path.write_text(json.dumps(["AAPL"]))
    assert main(["node", "start", "--targets", str(path)]) == 2
    assert "map symbols to fractions" in capsys.readouterr().err
    assert not (workspace / ".lab").exists()


def test_a_notebook_that_is_not_there_is_refused(workspace, capsys):
    assert main(["run", "nowhere.ipynb"]) == 2
    assert "nowhere.ipynb" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["commands"], ["version"]])
def test_a_reader_that_has_read_enough_is_no_error(arguments):
    read, write = os.pipe()
    os.close(read)  # as `| head` has, by the time that something is written
    try:
        done = subprocess.run(
            [sys.executable, "-m", "nautilus_lab.cli", *arguments],
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        os.close(write)
    assert done.stderr == ""
    assert done.returncode == 141  # what a shell says of one that SIGPIPE ended


def test_the_installed_command_runs_and_loads_nothing_heavy_for_its_help():
    script = (
        "import sys\n"
        "from nautilus_lab.cli import main\n"
        "try:\n"
        "    main(['--help'])\n"
        "except SystemExit:\n"
        "    pass\n"
        "heavy = {'pandas', 'nautilus_trader', 'vectorbt', 'riskfolio', 'sqlalchemy', 'zmq'}\n"
        "print('loaded:', sorted(heavy & set(sys.modules)))\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONSTARTUP"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip().endswith("loaded: []")
