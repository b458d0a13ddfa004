import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from nautilus_lab.exceptions import BadData, ConfigError, InputError, NotEnoughData
from nautilus_lab.factors import FactorEngine
from nautilus_lab.factors.sources import source_factor, source_family, synthesise
from nautilus_lab.factors.sources._figures import figures
from nautilus_lab.factors.sources._read import family_of


@pytest.fixture
def yields():
    index = pd.bdate_range("2022-01-03", "2022-12-01")
    values = np.linspace(1, 4, len(index))
    return pd.DataFrame({"DGS10": values, "DGS2": values**1.1}, index)


# ---------------------------------------------------------------- what is refused


def test_a_factor_that_is_not_there_is_named_with_those_that_are_near(prices):
    with pytest.raises(InputError, match=r"FRED must have the factor; got fred.inf.*inflation"):
        synthesise("fred.inflationn", {}, like=prices)
    with pytest.raises(InputError, match="a source must be known; got bloomberg"):
        synthesise("bloomberg", {}, like=prices)
    with pytest.raises(InputError, match="a source must be known"):
        source_family("fredd")
    with pytest.raises(InputError, match="ask for a factor"):
        synthesise([], {}, like=prices)


def test_a_frame_that_is_not_given_is_named(prices, yields):
    with pytest.raises(InputError, match=r"edgar.accruals, net_income .*'edgar' is not among fred"):
        synthesise("edgar.accruals", {"fred": yields}, like=prices)


def test_an_unknown_series_is_named_with_its_factor_and_source(prices, yields):
    with pytest.raises(InputError) as caught:
        synthesise("fred.term_spread_bill", {"fred": yields}, like=prices)
    for part in ("fred.term_spread_bill", "short = DGS3MO", "of fred", "it has DGS2"):
        assert part in str(caught.value)
    long = pd.DataFrame({"series_id": ["CPI"], "date": ["2022-01-01"], "value": [1.0]})
    with pytest.raises(InputError, match=r"fred.inflation.*CPIAUCSL' is not among 1 series"):
        synthesise("fred.inflation", {"fred": long}, like=prices)


@pytest.mark.parametrize(
    ("name", "table", "column"),
    [
        ("fred.inflation", "fred", "value"),
        ("dbnomics.carry_euro", "dbnomics", "dataset_code"),
        ("trading_economics.surprise_us_growth", "trading_economics_calendar", "Forecast"),
        ("edgar.accruals", "edgar", "filed"),
        ("alpha_vantage.leverage", "alpha_vantage_statements", "totalLiabilities"),
        ("alpha_vantage.upside", "alpha_vantage_overview", "AnalystTargetPrice"),
        ("yahoo.trend", "yahoo", "adjclose"),
    ],
)
def test_a_missing_column_is_named_with_its_factor_and_source(frames, prices, name, table, column):
    poorer = frames | {table: frames[table].drop(columns=column)}
    with pytest.raises(InputError, match=f"{name}.*{table}.*without {column}"):
        synthesise(name, poorer, like=prices)


def test_a_tag_that_no_company_used_is_named(frames, prices):
    facts = frames["edgar"]
    with pytest.raises(InputError, match=r"edgar.leverage, debt .*LongTermDebt in USD"):
        synthesise(
            "edgar.leverage",
            {"edgar": facts[facts["tag"] != "LongTermDebtNoncurrent"]},
            like=prices,
        )


def test_what_can_not_be_computed_may_be_left_out_with_its_reason(prices, yields):
    panel = synthesise("fred", {"fred": yields}, like=prices, missing="leave out")
    assert list(panel) == ["fred.term_spread", "fred.yield_change"]
    assert len(panel.left_out) == 30
    assert "CPIAUCSL" in panel.left_out["fred.inflation"]
    assert repr(panel) == "SourcePanel(2 factors x 3 symbols, 30 left out)"
    with pytest.raises(InputError, match=r"fred.inflation: .*CPIAUCSL"):
        panel["fred.inflation"]


def test_bars_that_are_there_twice_or_have_no_zone_are_refused(frames, prices):
    bars = frames["yahoo"]
    with pytest.raises(BadData, match=r"yahoo.trend.*one row per .* A at 2019-10-01"):
        synthesise("yahoo.trend", {"yahoo": pd.concat([bars, bars.iloc[:1]])}, like=prices)
    naive = bars.reset_index()
    naive["timestamp"] = naive["timestamp"].dt.tz_localize(None)
    with pytest.raises(InputError, match=r"yahoo.trend.*tz-aware"):
        synthesise("yahoo.trend", {"yahoo": naive}, like=prices)
    with pytest.raises(NotEnoughData, match=r"yahoo.trend.*none of X"):
        synthesise("yahoo.trend", {"yahoo": bars}, like=prices[["A"]].set_axis(["X"], axis=1))
    late = bars.rename(index=lambda t: t + pd.Timedelta(hours=21), level="timestamp")
    with pytest.raises(NotEnoughData, match="stamp both alike"):
        synthesise("yahoo.trend", {"yahoo": late}, like=prices)


def test_prices_in_disorder_are_refused(yields, prices):
    with pytest.raises(BadData, match="sorted"):
        synthesise("fred.term_spread", {"fred": yields}, like=prices.iloc[::-1])
    with pytest.raises(InputError, match="tz-aware"):
        synthesise("fred.term_spread", {"fred": yields}, like=prices.tz_localize(None))


def test_two_values_of_a_month_at_one_release_are_refused(prices):
    told = pd.DataFrame(
        {
            "series_id": "CPIAUCSL",
            "date": "2022-01-01",
            "value": ["281.9", "282.4"],
            "realtime_start": "2022-02-10",
        }
    )
    with pytest.raises(BadData, match=r"fred.inflation.*one value of a period.*281.9 and 282.4"):
        synthesise("fred.inflation", {"fred": told}, like=prices)


def test_figures_that_are_none_are_refused(prices):
    told = pd.DataFrame({"series_id": "NFCI", "date": ["2022-01-07"], "value": ["about 1"]})
    with pytest.raises(BadData, match=r"NFCI must be figures; got about 1"):
        synthesise("fred.financial_conditions", {"fred": told}, like=prices)


BROKEN = {
    "no facts": ("edgar.accruals", "edgar", lambda f: f.iloc[:0]),
    "days of filing unknown": ("edgar.accruals", "edgar", lambda f: f.assign(filed=None)),
    "facts of nobody": ("edgar.accruals", "edgar", lambda f: f.assign(symbol=None)),
    "facts in words": ("edgar.accruals", "edgar", lambda f: f.assign(val="much")),
    "facts infinite": ("edgar.accruals", "edgar", lambda f: f.assign(val=np.inf)),
    "facts unknown": ("edgar.accruals", "edgar", lambda f: f.assign(val=np.nan)),
    "facts told twice": (
        "edgar.accruals",
        "edgar",
        lambda f: pd.concat([f, f.assign(val=f["val"] + 1)]),
    ),
    "hours without a zone": (
        "edgar.accruals",
        "edgar",
        lambda f: f.assign(filed=pd.to_datetime(f["filed"]) + pd.Timedelta(hours=18)),
    ),
    "no frame": ("edgar.accruals", "edgar", lambda f: {"a": 1}),
    "no frame at all": ("fred.volatility", "fred", lambda f: None),
    "a series": ("fred.volatility", "fred", lambda f: f["value"]),
    "days in another order": ("fred.inflation", "fred", lambda f: f.assign(date="31/12/2020")),
    "months told twice": (
        "fred.inflation",
        "fred",
        lambda f: pd.concat([f, f.assign(value=f["value"] + 1)]),
    ),
    "nothing but 0": ("fred.inflation", "fred", lambda f: f.assign(value=0.0)),
    "events of no day": (
        "trading_economics.surprise_us_growth",
        "trading_economics_calendar",
        lambda f: f.assign(Date="soon"),
    ),
    "events without figures": (
        "trading_economics.surprise_us_growth",
        "trading_economics_calendar",
        lambda f: f.assign(Actual=""),
    ),
    "bars in words": ("yahoo.trend", "yahoo", lambda f: f.assign(adjclose="much")),
    "bars infinite": ("yahoo.trend", "yahoo", lambda f: f.assign(adjclose=np.inf)),
    "bars of other names": ("yahoo.trend", "yahoo", lambda f: f.rename_axis(["date", "symbol"])),
    "reported before its end": (
        "alpha_vantage.leverage",
        "alpha_vantage_statements",
        lambda f: f.assign(reportedDate="2010-01-01"),
    ),
}


@pytest.mark.parametrize("wrong", BROKEN)
def test_what_is_broken_is_refused_by_the_name_of_its_factor(frames, prices, wrong):
    name, table, breaks = BROKEN[wrong]
    with pytest.raises((InputError, BadData, NotEnoughData), match=name):
        synthesise(name, frames | {table: breaks(frames[table])}, like=prices)


def test_the_same_fact_told_twice_is_told_once(frames, prices):
    twice = pd.concat([frames["edgar"], frames["edgar"]])
    one, other = (
        synthesise("edgar.accruals", {"edgar": facts}, like=prices)["edgar.accruals"]
        for facts in (frames["edgar"], twice)
    )
    pd.testing.assert_frame_equal(one, other)


def test_a_statement_whose_report_is_not_told_counts_by_its_lag(frames, prices):
    told = frames["alpha_vantage_statements"]
    name = "alpha_vantage.leverage"
    plain = synthesise(name, frames, like=prices)[name]
    some = told.assign(reportedDate=["None"] * len(told))
    found = synthesise(name, {"alpha_vantage_statements": some}, like=prices)[name]
    pd.testing.assert_frame_equal(found, plain)


def test_nothing_known_on_the_rows_is_not_enough(prices, yields):
    later = yields.set_axis(yields.index + pd.Timedelta(days=3650))
    with pytest.raises(NotEnoughData, match=r"fred.term_spread, long = DGS10 of fred"):
        synthesise("fred.term_spread", {"fred": later}, like=prices)
    with pytest.raises(NotEnoughData, match="something of it must be known"):
        synthesise("fred.term_spread", {"fred": yields * np.nan}, like=prices)


@pytest.mark.parametrize(
    "how", [{"market": "beta"}, {"missing": "skip"}, {"window": 2}, {"window": True}]
)
def test_what_is_asked_wrongly_is_refused(prices, yields, how):
    with pytest.raises(InputError):
        synthesise("fred.term_spread", {"fred": yields}, like=prices, **how)


# ---------------------------------------------------------------- what is not known stays so


def test_a_value_is_shown_for_a_while_and_then_not_any_more(prices, yields):
    found = synthesise("fred.term_spread", {"fred": yields}, like=prices)["fred.term_spread"]["A"]
    # of 1 December, known on the 2nd at 16:15, ten days from then on
    assert found.loc["2022-12-12"] == pytest.approx(4 - 4**1.1)
    assert found.loc["2022-12-13":].isna().all()
    assert found.loc[:"2022-01-04"].isna().all()


def test_a_month_that_is_missing_is_not_skipped_in_counting_twelve():
    months = pd.date_range("2020-01-01", "2022-10-01", freq="MS")
    told = pd.DataFrame(
        {"series_id": "CPIAUCSL", "date": months, "value": np.arange(100.0, 100 + len(months))}
    )
    gap = told[told["date"] != "2021-09-01"]
    like = pd.DataFrame({"A": 1.0}, pd.bdate_range("2022-10-03", "2022-11-30", tz="UTC"))
    whole = synthesise("fred.inflation", {"fred": told}, like=like)["fred.inflation"]["A"]
    found = synthesise("fred.inflation", {"fred": gap}, like=like)["fred.inflation"]["A"]
    # September 2022 has nothing to be compared with: August's stays, then comes October's
    assert whole["2022-10-24"] == pytest.approx(132 / 120 - 1)
    assert found["2022-10-24"] == whole["2022-10-04"] == pytest.approx(131 / 119 - 1)
    assert found["2022-11-30"] == whole["2022-11-30"]


def test_a_price_that_is_missing_leaves_a_gap_in_what_reads_it(frames, prices):
    holed = prices.copy()
    holed.iloc[-5:, 0] = np.nan
    found = synthesise("edgar.earnings_yield", frames, like=holed)["edgar.earnings_yield"]
    assert found["A"].iloc[-5:].isna().all()
    assert found["B"].iloc[-5:].notna().all()


def test_who_is_not_of_the_universe_has_no_value(frames, prices):
    universe = pd.DataFrame(True, prices.index, prices.columns)
    universe["B"] = False
    found = synthesise("edgar.accruals", frames, like=prices, universe=universe)["edgar.accruals"]
    assert found["B"].isna().all()
    assert found["A"].notna().any()


def test_a_universe_of_others_is_refused(frames, prices):
    with pytest.raises(BadData, match="universe must have the rows and columns"):
        synthesise("edgar.accruals", frames, like=prices, universe=prices[["A"]] > 0)


# ---------------------------------------------------------------- symbols, exposures, lineage


def test_names_of_a_source_are_mapped_to_those_of_the_prices(frames, prices):
    facts = frames["edgar"].rename(columns={"symbol": "cik"})
    facts["cik"] = facts["cik"].map({"A": 1, "B": 2, "C": 3})
    plain = synthesise("edgar.accruals", frames, like=prices)["edgar.accruals"]
    found = synthesise(
        "edgar.accruals",
        {"edgar": facts},
        like=prices,
        symbols={"edgar": {1: "A", 2: "B", 3: "C"}},
    )["edgar.accruals"]
    pd.testing.assert_frame_equal(found, plain)


def test_an_exposure_is_the_slope_on_changes_of_the_factor(frames, prices):
    name = "fred.term_spread"
    level = synthesise(name, frames, like=prices)[name]["A"]
    found = synthesise(name, frames, like=prices, market="exposure", window=126)[name]
    returns = prices["B"].pct_change(fill_method=None).iloc[-126:]
    slope = sm.OLS(returns, sm.add_constant(level.diff().iloc[-126:])).fit()
    assert found["B"].iloc[-1] == pytest.approx(slope.params.iloc[1], rel=1e-8)
    assert found.nunique(axis=1).iloc[-1] == 3


def test_a_panel_tells_what_it_is_made_of(frames, prices):
    panel = synthesise(["yahoo.trend", "fred.inflation"], frames, like=prices)
    assert panel.lineage("fred.inflation") == (
        "FRED",
        "CPIAUCSL, x / delay(x, 12) - 1",
        "prices",
    )
    summary = panel.summary()
    assert summary["universe"].to_dict() == {"yahoo.trend": "each", "fred.inflation": "market"}
    assert summary.loc["yahoo.trend", "since"] == prices.index[199]
    with pytest.raises(InputError):
        panel.lineage("fred.sahm")


def test_what_is_simulated_stays_marked(frames, prices):
    from nautilus_lab.provenance import Provenance, mark, provenance

    marked = mark(prices, Provenance(source="drawn", simulated=True))
    panel = synthesise("yahoo.trend", frames, like=marked)
    assert provenance(panel["yahoo.trend"]).simulated


def test_the_engine_answers_it(frames, prices):
    engine = FactorEngine()
    found = engine.synthesise("yahoo.trend", frames, like=prices)
    assert list(found) == ["yahoo.trend"]
    assert "fred.inflation" in engine.sources("consumer prices").index


# ---------------------------------------------------------------- the files


def test_a_file_that_names_what_is_not_there_is_refused():
    good = {
        "title": "T",
        "reference": "r",
        "tables": {"t": {"kind": "series", "columns": {"released": "seen"}}},
        "of": {"S": {"title": "s", "frequency": "monthly"}},
        "factors": {
            "f": {
                "title": "f",
                "inputs": {"x": "S"},
                "expression": "x",
                "units": "1",
                "reference": "r",
            }
        },
    }
    assert family_of("t", good).factors[0].name == "t.f"
    for change, error in [
        ({"inputs": {"x": "Z"}}, ConfigError),
        ({"inputs": {"x": {"of": "S", "table": "u"}}}, ConfigError),
        ({"expression": "y"}, InputError),
        ({"inputs": {"x": {"of": "S", "each": "y"}}}, InputError),
        ({"colour": "red"}, ConfigError),
    ]:
        bad = good | {"factors": {"f": good["factors"]["f"] | change}}
        with pytest.raises(error):
            family_of("t", bad)


@pytest.mark.parametrize(
    ("written", "value"),
    [("2.7%", 2.7), ("-0.1%", -0.1), ("$-40.21B", -40.21e9), ("-$1,234.5M", -1234.5e6),
     ("¥113B", 113e9), ("175K", 175e3), ("C$1.2T", 1.2e12), ("77147000000", 77147e6),
     ("0.0529", 0.0529)],
)  # fmt: skip
def test_figures_are_read_as_they_are_written(written, value):
    assert figures(pd.Series([written]), "x")[0] == pytest.approx(value)


def test_a_factor_says_when_it_is_known():
    assert source_factor("fred.inflation").rule == (
        "`realtime_start`, 08:30 America/New_York; where not told its period + 20 days, "
        "08:30 America/New_York"
    )
    assert source_factor("edgar.accruals").rule == "`filed`, the end of the day"
    assert source_factor("yahoo.trend").rule == "known when its bar has closed"
