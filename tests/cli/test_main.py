"""The command line: what it prints, and how it refuses."""

import json
import os
import subprocess
import sys

import pytest

import nautilus_lab
from nautilus_lab.cli import main
from nautilus_lab.config import load_settings
from nautilus_lab.platform.rundir import Home, Latch


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


@pytest.mark.parametrize("arguments", [["commands"], ["halt", "enough"], ["halt", "--json"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_answer_that_cannot_be_written_is_one_line(arguments, unbuffered, workspace):
    rundir = Home(load_settings().home_path).make().trader("PAPER-001").make()
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "nautilus_lab.cli", *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        )
    told = "the answer could not be written: No space left on device; what was done stays done"
    assert (done.returncode, done.stderr.splitlines()) == (1, [told])
    held = Latch(rundir.latch, witness=rundir.store).read()
    assert held.state == ("HALTED" if "halt" in arguments else "ACTIVE")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["halt", "enough"], 0), (["halt", "--all", "--json"], 0), (["logs"], 2)],
)
def test_a_closed_standard_output_is_no_error(arguments, code, workspace):
    rundir = Home(load_settings().home_path).make().trader("PAPER-001").make()
    command = [sys.executable, "-m", "nautilus_lab.cli", *arguments]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command], stderr=subprocess.PIPE, text=True
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    if code == 0:
        assert done.stderr == ""
        assert Latch(rundir.latch, witness=rundir.store).read().state == "HALTED"


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
