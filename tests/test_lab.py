"""The lab wires engines together and does nothing else."""

import json
import subprocess
import sys

import pytest

from nautilus_lab import Lab
from nautilus_lab.engine import Engine, State
from nautilus_lab.exceptions import ConfigError

BUILT = (
    "analytics",
    "backtesting",
    "factors",
    "features",
    "marketdata",
    "portfolio",
    "risk",
    "streaming",
    "trading",
)


@pytest.mark.parametrize("name", BUILT)
def test_every_engine_keeps_the_protocol_and_goes_by_its_attributes_name(workspace, name):
    engine = getattr(Lab(workspace), name)
    assert isinstance(engine, Engine)
    assert engine.name == name
    assert engine.health().state in (State.READY, State.STOPPED)


def test_an_engine_is_made_once(workspace):
    lab = Lab(workspace)
    assert lab.marketdata is lab.marketdata


def test_the_table_has_the_eleven_and_says_what_is_only_planned(workspace):
    table = Lab(workspace).engines
    assert [row.number for row in table] == list(range(1, 12))
    planned = {row.name for row in table if row.state == "planned"}
    assert planned == {"deployment", "inference"}
    assert "portfolio" in repr(table)
    assert "<table>" in table._repr_html_()


def test_the_table_shows_what_the_benchmarks_measured(workspace):
    row = {"id": "01-backtest-overhead", "measured": 1.02, "unit": "x raw Nautilus"}
    (workspace / "benchmarks").mkdir()
    (workspace / "benchmarks" / "results.json").write_text(json.dumps([row]))
    assert Lab(workspace).engines["backtesting"].measured.startswith("1.02 x raw Nautilus")


def test_a_broken_results_file_leaves_the_table_without_measurements(workspace):
    (workspace / "benchmarks").mkdir()
    (workspace / "benchmarks" / "results.json").write_text("{nonsense")
    assert Lab(workspace).engines["backtesting"].measured == ""


def test_making_a_lab_starts_nothing_and_writes_nothing(workspace):
    before = sorted(workspace.rglob("*"))
    lab = Lab(workspace)
    _ = (lab.trading, lab.marketdata, repr(lab), lab.trading.health())
    assert sorted(workspace.rglob("*")) == before


def test_settings_given_to_the_lab_win_over_the_file_and_the_environment(workspace, monkeypatch):
    (workspace / "lab.toml").write_text("[trading]\nseconds_per_day = 7\nseed = 1\n")
    assert Lab(workspace).settings.trading.seconds_per_day == 7
    monkeypatch.setenv("NL_TRADING__SECONDS_PER_DAY", "8")
    assert Lab(workspace).settings.trading.seconds_per_day == 8
    lab = Lab(workspace, trading={"seconds_per_day": 9})
    assert (lab.settings.trading.seconds_per_day, lab.settings.trading.seed) == (9, 1)


def test_a_section_that_is_none_is_refused(workspace):
    with pytest.raises(ConfigError, match="tradin is not a setting"):
        Lab(workspace, tradin={})


def test_importing_the_package_and_making_a_lab_loads_no_heavy_library(workspace):
    script = (
        "import sys, nautilus_lab\n"
        "nautilus_lab.Lab()\n"
        "heavy = ('pandas', 'vectorbt', 'riskfolio', 'nautilus_trader', 'numpy')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
