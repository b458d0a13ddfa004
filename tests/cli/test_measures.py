"""`nautilus-lab measures`, of files that are there or not."""

import json
import time

import pytest

from nautilus_lab import Lab
from nautilus_lab.cli import main
from nautilus_lab.platform.rundir import Home
from nautilus_lab.risk.limits import Measures
from nautilus_lab.trading import Measurement

LIMITS = """
[[trading.limits]]
limit = "max_value_at_risk"
max_loss = 1000.0

[[trading.limits]]
limit = "max_participation"
max_fraction = 0.1
"""


@pytest.fixture
def run(workspace):
    path = workspace / "lab.toml"
    path.write_text(path.read_text() + LIMITS)
    return Home(workspace / ".lab").make().trader("PAPER-001").make()


def made(**more):
    now = time.time_ns()
    return Measurement(as_of_ns=now - 5_000_000_000, market_ns=now, held={"JPM.X": 1.0}, **more)


def test_where_nothing_was_measured_it_says_so_and_ends_with_1(run, capsys):
    assert main(["measures"]) == 1
    assert capsys.readouterr().out == "nothing was measured yet\n"


def test_without_such_limits_nothing_is_missing(workspace, capsys):
    assert main(["measures"]) == 0
    assert capsys.readouterr().out == "no limit needs measures that are computed here\n"


def test_it_shows_values_ages_what_is_missing_and_what_is_uncovered(run, capsys):
    made(
        values={"value_at_risk": 1_234.5, "volume:JPM": 2e6, "volume:AAPL": 1e6},
        missing={"volume:KO": "the catalog has no volumes of it"},
        uncovered={"NEWCO": "the catalog has no prices of it"},
        uncovered_share=0.031,
        observations=500,
        last="2019-12-31",
    ).write(run.measured)
    assert main(["measures"]) == 0
    out = capsys.readouterr().out
    assert "measured 5 s ago, of 1 positions, by 500 returns to 2019-12-31" in out
    assert "uncovered  NEWCO: the catalog has no prices of it" in out
    assert "uncovered  3.1% of the gross value" in out
    assert "value_at_risk  1,234.50      account currency" in out
    assert "2 more of symbols that are not held; --all shows them" in out
    assert main(["measures", "--all"]) == 0
    assert "missing    volume:KO: the catalog has no volumes of it" in capsys.readouterr().out


def test_what_a_limit_lacks_of_what_is_held_ends_with_1(run, capsys):
    made(values={"volume:JPM": 1.0}, missing={"value_at_risk": "why"}).write(run.measured)
    assert main(["measures"]) == 1
    assert "missing    value_at_risk: why" in capsys.readouterr().out
    Lab().trading.tell_measures(Measures.at(time.time_ns(), value_at_risk=5.0))
    assert main(["measures", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {(row["name"], row["source"]) for row in told["rows"]} == {
        ("value_at_risk", "told"),
        ("volume:JPM", "measured"),
    }


def test_a_file_that_is_none_is_refused(run, capsys):
    run.measured.write_text("{")
    assert main(["measures"]) == 2
    assert "what was measured must be readable" in capsys.readouterr().err


def test_the_regime_of_a_symbol_that_a_limit_reads_is_shown_and_missed_though_nobody_holds_it(
    run, workspace, capsys
):
    path = workspace / "lab.toml"
    rule = '{ rule = "regime", signal = "measured_regime:SPY" }'
    limit = f'[[trading.limits]]\nlimit = "max_leverage"\nmax_times = 2.0\nadjust = {rule}\n'
    path.write_text(path.read_text().replace(LIMITS, limit))
    made(missing={"measured_regime:SPY": "SPY: the catalog has no prices of it"}).write(
        run.measured
    )
    assert main(["measures"]) == 1
    out = capsys.readouterr().out
    assert "missing    measured_regime:SPY: SPY: the catalog has no prices of it" in out
    made(values={"measured_regime:SPY": "stressed", "volatility_rank:SPY": 0.97}).write(
        run.measured
    )
    assert main(["measures"]) == 0
    out = capsys.readouterr().out
    assert "measured_regime:SPY  stressed" in out
    assert "volatility_rank:SPY  0.97" in out
