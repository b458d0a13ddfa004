"""`nautilus-lab factors`, over the shipped catalog."""

import json
from collections import Counter

import pytest

from nautilus_lab import Lab
from nautilus_lab.cli import main
from nautilus_lab.factors import OPERATORS, alpha101, alpha158, evaluate_expression

SPAN = ["--start", "2015", "--end", "2017"]
CALM = "-ts_std(returns, 20)"


def test_it_lists_the_ready_sets(workspace, capsys):
    assert main(["factors", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == len(alpha101()) + len(alpha158())
    assert main(["factors", "--find", "kmid2"]) == 0
    head, row = capsys.readouterr().out.splitlines()
    assert head.split() == ["factor", "set", "expression"]
    assert row.split()[:2] == ["KMID2", "alpha158"]
    assert main(["factors", "--find", "no such thing"]) == 0
    assert capsys.readouterr().out == "no factors with 'no such thing'\n"


def test_it_lists_the_operators(workspace, capsys):
    assert main(["factors", "operators", "--json"]) == 0
    assert {row["operator"] for row in json.loads(capsys.readouterr().out)} == set(OPERATORS)
    assert main(["factors", "operators", "--find", "pearson"]) == 0
    assert "ts_corr(x, y, d)" in capsys.readouterr().out


def test_it_lists_the_factors_of_the_sources(workspace, capsys):
    assert main(["factors", "sources", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    counts = Counter(row["source"] for row in rows)
    assert (counts["FRED"], counts["SEC EDGAR"], counts["Data.gov"]) == (32, 25, 50)
    assert main(["factors", "sources", "--find", "sahm"]) == 0
    assert "fred.sahm" in capsys.readouterr().out


@pytest.mark.usefixtures("catalog")
def test_what_is_studied_is_a_trial_when_asked(workspace, capsys):
    asked = ["factors", "evaluate", CALM, *SPAN, "--horizons", "1,5", "--study", "calm"]
    assert main(asked) == 0
    (line,) = [one for one in capsys.readouterr().out.splitlines() if "trials of calm" in one]
    first = line.split(": ")[1].split(",")[0]
    assert main(["trials", "reproduce", first]) == 0
    assert "equal" in capsys.readouterr().out
    assert main(asked) == 0  # the same once more is no other trial
    runs = Lab().ledger.runs(study="calm")
    assert runs["repeat"].to_list() == [False, False, True, True]


@pytest.mark.usefixtures("catalog")
def test_it_studies_an_expression_as_the_engine_does(workspace, capsys, tmp_path):
    page = tmp_path / "calm.html"
    asked = ["factors", "evaluate", CALM, *SPAN, "--horizons", "1,5", "--html", str(page)]
    assert main(asked) == 0
    out = capsys.readouterr().out
    lab = Lab()
    prices = lab.marketdata.prices(start="2015", end="2017")
    scores = evaluate_expression(CALM, {"returns": prices.pct_change(fill_method=None)})
    study = lab.factors.evaluate(scores, prices, horizons=(1, 5))
    (line,) = [line for line in out.splitlines() if line.startswith("IC  ")]
    assert line.split() == ["IC", *(f"{mean:.4f}" for mean in study.ic_summary["mean"])]
    (line,) = [line for line in out.splitlines() if line.startswith("dates  ")]
    assert line.split() == ["dates", *(f"{n:,}" for n in study.ic_summary["n_dates"])]
    assert "no score: warm-up or missing" in out
    assert "weak statistical power" in out
    assert "Long-short book" in page.read_text("utf-8")


@pytest.mark.usefixtures("catalog")
def test_a_ready_factor_of_volumes_is_studied_on_bars(workspace, capsys):
    asked = ["factors", "evaluate", "alpha006", "--symbols", "AAPL,IBM,MSFT,GOOG", *SPAN[:1],
             "2008", "--quantiles", "2", "--horizons", "5", "--json"]  # fmt: skip
    assert main(asked) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["horizon"] for row in rows["horizons"]] == [5]
    assert len(rows["quantiles"]) == 2


@pytest.mark.usefixtures("catalog")
def test_what_cannot_be_studied_is_said_in_three_lines(workspace, capsys):
    for asked, said in (
        (["rank(close"], "must be closed"),
        (["close", "--horizons", "a"], "counts of bars"),
        (["close", "--html", "/no/such/folder/x.html", *SPAN], "a folder that exists"),
        (["close", "--symbols", "AAPL,NOPE"], "NOPE"),
        (["fred.inflation"], "lab.factors.synthesise('fred.inflation'"),
        (["alpha005"], "there are close, high, low, open, returns, volume"),
    ):
        assert main(["factors", "evaluate", *asked]) == 2
        err = capsys.readouterr().err
        assert said in err
        assert len(err.splitlines()) <= 3
