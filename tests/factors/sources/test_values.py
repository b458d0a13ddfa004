"""Values of factors, checked by hand, by another library, or against published figures."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from nautilus_lab.exceptions import NotEnoughData
from nautilus_lab.factors.sources import synthesise

NEW_YORK = "America/New_York"
JUNE = "2024-06-01"


def days(first, last, symbols=("A",)):
    return pd.DataFrame(100.0, pd.bdate_range(first, last, tz="UTC"), list(symbols))


def on(name, frames, prices, day, **how):
    """Return the factor of the first symbol on a day."""
    return synthesise(name, frames, like=prices, **how)[name].iloc[:, 0][day]


# ---------------------------------------------------------------- Data.gov: the Treasury's yields


@pytest.fixture(scope="module")
def par_yields(dataset):
    return dataset("ust_par_yields_daily_1990_2021.parquet").set_index("date")


@pytest.mark.parametrize(
    ("name", "value"),
    [  # of 18 March 2021: 3 months 0.01, 2 years 0.16, 5 years 0.86, 10 years 1.71, 30 years 2.45
        ("par_slope", 1.71 - 0.16),
        ("par_slope_bill", 1.71 - 0.01),
        ("par_curvature", 2 * 0.86 - 0.16 - 1.71),
        ("par_level", (0.16 + 1.71 + 2.45) / 3),
    ],
)
def test_par_yields_of_a_day_are_known_on_the_next(par_yields, name, value):
    prices = days("2021-03-15", "2021-03-19")
    found = on(f"data_gov.{name}", {"data_gov": par_yields}, prices, "2021-03-19")
    assert found == pytest.approx(value)


# ---------------------------------------------------------------- FRED: McCracken and Ng's months


@pytest.fixture(scope="module")
def fred_md(dataset):
    table = dataset("fred_md_2024_08.parquet")
    return table.set_index(pd.DatetimeIndex(table["sasdate"]))


def month_on(fred_md, name, day, frames=None):
    return on(
        name, {"fred": fred_md if frames is None else frames}, days("2024-01-02", "2024-07-31"), day
    )


def test_transformation_codes_of_mccracken_and_ng_are_those_of_the_file(dataset):
    codes = dataset("fred_md_tcodes.csv").set_index("series")["tcode"]
    assert codes["PAYEMS"] == 5  # log difference, as fred.payroll_growth


@pytest.mark.parametrize(
    ("name", "series", "transform", "day", "month"),
    [
        # the jobs of June are told by 12 July at the latest, those of May are known until then
        ("payroll_growth", "PAYEMS", lambda x: np.log(x).diff(), "2024-07-12", "2024-06-01"),
        ("payroll_growth", "PAYEMS", lambda x: np.log(x).diff(), "2024-07-11", "2024-05-01"),
        ("inflation", "CPIAUCSL", lambda x: x.pct_change(12), "2024-07-19", "2024-05-01"),
        ("inflation", "CPIAUCSL", lambda x: x.pct_change(12), "2024-07-22", JUNE),
        ("producer_inflation", "WPSFD49207", lambda x: x.pct_change(12), "2024-07-22", JUNE),
        ("production_growth", "INDPRO", lambda x: x.pct_change(12), "2024-07-22", JUNE),
        ("unemployment_change", "UNRATE", lambda x: x.diff(12), "2024-07-12", JUNE),
        (
            "sahm",
            "UNRATE",
            lambda x: x.rolling(3).mean() - x.rolling(3).mean().shift(1).rolling(12).min(),
            "2024-07-12",
            "2024-06-01",
        ),
        ("retail_growth", "RETAILx", lambda x: x.pct_change(12), "2024-07-22", JUNE),
        (
            "sentiment",
            "UMCSENTx",
            lambda x: x - x.rolling(36).mean(),
            "2024-07-05",
            "2024-05-01",
        ),
    ],
)  # fmt: skip
def test_a_month_counts_from_its_release_on(fred_md, name, series, transform, day, month):
    names = {"WPSFD49207": "PPIACO", "RETAILx": "RSAFS", "UMCSENTx": "UMCSENT"}
    found = month_on(fred_md, f"fred.{name}", day, fred_md.rename(columns=names))
    assert found == pytest.approx(transform(fred_md[series])[month], rel=1e-12)


def test_sahms_indicator_of_july_2024_is_the_published_one(fred_md):
    """0.53 percentage points, in August 2024."""
    prices = days("2024-08-01", "2024-08-15")
    assert on("fred.sahm", {"fred": fred_md}, prices, "2024-08-15") == pytest.approx(0.53, abs=5e-3)


def test_spreads_of_yields_are_told_a_day_later():
    index = pd.to_datetime(["2024-05-02", "2024-05-03", "2024-05-06"])
    yields = pd.DataFrame(
        {
            "DGS3MO": [5.46, 5.45, 5.46],
            "DGS2": [4.87, 4.81, 4.82],
            "DGS5": [4.57, 4.48, 4.48],
            "DGS10": [4.58, 4.50, 4.49],
            "DGS30": [4.72, 4.66, 4.64],
            "DFF": [5.33, 5.33, 5.33],
            "DBAA": [6.2, 6.1, 6.0],
            "DAAA": [5.5, 5.3, 5.2],
        },
        index,
    )
    prices = days("2024-05-02", "2024-05-10")
    names = ["term_spread", "term_spread_bill", "curvature", "long_end", "policy_path"]
    panel = synthesise([f"fred.{x}" for x in names], {"fred": yields}, like=prices)
    # Friday's are told on Monday at a quarter past four, so that Tuesday is the first to know them
    found = {x: panel[f"fred.{x}"]["A"]["2024-05-07"] for x in names}
    assert found == pytest.approx(
        {
            "term_spread": 4.50 - 4.81,
            "term_spread_bill": 4.50 - 5.45,
            "curvature": 2 * 4.48 - 4.81 - 4.50,
            "long_end": 4.66 - 4.50,
            # two business days for the funds rate: that of Thursday
            "policy_path": 4.81 - 5.33,
        }
    )
    assert on("fred.default_spread", {"fred": yields}, prices, "2024-05-07") == pytest.approx(0.7)


def test_observations_that_tell_when_they_were_asked_for_are_no_vintages(recorded):
    told = recorded("fred/series_observations_WGS10YR.json.gz")["observations"]
    table = pd.DataFrame(told).assign(series_id="DGS10")  # asked for on 28 October 2024
    prices = days("2024-10-01", "2024-10-25")
    with pytest.raises(NotEnoughData, match="the day they were asked for: drop that column"):
        synthesise("fred.yield_change", {"fred": table}, like=prices)
    by_lag = {"fred": table.drop(columns=["realtime_start", "realtime_end"])}
    prices = days("2024-06-03", "2024-10-25")
    found = synthesise("fred.yield_change", by_lag, like=prices)["fred.yield_change"]["A"]
    assert found["2024-10-25"] == pytest.approx(4.06 - 4.25)  # 63 rows before, 26 July was known


def test_output_grows_by_what_was_known_of_both_quarters(recorded):
    """Of the real vintages of GDP, each growth is that of one vintage."""
    told = pd.DataFrame(
        recorded("fred/series_observations_GDP_rea1776-07-04.json.gz")["observations"]
    )
    told = told.assign(series_id="GDPC1")
    prices = days("2024-09-20", "2024-10-31")
    found = synthesise("fred.growth", {"fred": told}, like=prices)["fred.growth"]["A"]
    at = pd.to_numeric(told["value"], errors="coerce").groupby(
        [told["date"], told["realtime_start"]]
    ).first()  # fmt: skip

    def known(date, day):
        of_date = at[date]
        return of_date[of_date.index <= day].iloc[-1]

    for day, quarter, before in [
        ("2024-09-25", "2024-04-01", "2024-01-01"),
        ("2024-09-26", "2024-04-01", "2024-01-01"),
        ("2024-10-30", "2024-07-01", "2024-04-01"),
    ]:
        growth = (known(quarter, day) / known(before, day)) ** 4 - 1
        assert found[day] == pytest.approx(growth, rel=1e-12)
    assert found["2024-09-25"] != found["2024-09-26"]  # both quarters were revised


# ---------------------------------------------------------------- EDGAR: Apple's statements


@pytest.fixture(scope="module")
def facts(dataset):
    return dataset("sec_fundamentals_6co_long.parquet")


# Apple, 10-K of fiscal 2024, in millions of dollars: this year and the one before
INCOME, INCOME_BEFORE = 93_736, 96_995
ASSETS, ASSETS_BEFORE = 364_980, 352_583
EQUITY, EQUITY_BEFORE = 56_950, 62_146
GROSS, GROSS_BEFORE = 180_683, 169_148
REVENUE, REVENUE_BEFORE = 391_035, 383_285
FLOW, SPENT, RESEARCH, OPERATING, PAID = 118_254, 9_447, 31_370, 123_216, 15_234
DEBT, LIQUID, DUE, CASH = 85_750, 152_987, 176_392, 29_943
INVENTORY, INVENTORY_BEFORE = 7_286, 6_331
SHARES = 15_115.823  # outstanding on 18 October 2024, in millions


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gross_profitability", GROSS / ASSETS),
        ("operating_profitability", OPERATING / EQUITY),
        ("return_on_assets", INCOME / ASSETS_BEFORE),
        ("return_on_equity", INCOME / EQUITY_BEFORE),
        ("accruals", (INCOME - FLOW) / ASSETS),
        ("asset_growth", ASSETS / ASSETS_BEFORE - 1),
        ("book_to_market", EQUITY / (SHARES * 100)),
        ("earnings_yield", INCOME / (SHARES * 100)),
        ("cash_flow_yield", FLOW / (SHARES * 100)),
        ("free_cash_flow_yield", (FLOW - SPENT) / (SHARES * 100)),
        ("sales_yield", REVENUE / (SHARES * 100)),
        ("dividend_yield", PAID / (SHARES * 100)),
        ("sales_growth", REVENUE / REVENUE_BEFORE - 1),
        # the last quarters, 14,736 and 22,956, stand in the press releases only
        ("earnings_surprise", (14_736 - 22_956) / ASSETS),
        ("gross_margin", GROSS / REVENUE),
        ("margin_change", GROSS / REVENUE - GROSS_BEFORE / REVENUE_BEFORE),
        ("turnover_change", REVENUE / ASSETS - REVENUE_BEFORE / ASSETS_BEFORE),
        ("leverage", DEBT / ASSETS),
        ("current_ratio", LIQUID / DUE),
        ("cash_to_assets", CASH / ASSETS),
        ("research_intensity", RESEARCH / (SHARES * 100)),
        ("investment", SPENT / ASSETS_BEFORE),
        ("inventory_growth", (INVENTORY - INVENTORY_BEFORE) / ASSETS),
        # not: returns on assets, current ratio and turnover, which all fell
        ("f_score", 6),
    ],
)
def test_apples_factor_is_that_of_its_statements(facts, name, value):
    prices = days("2024-10-30", "2024-11-06", ["AAPL"])
    how = {"symbols": {"edgar": {320193: "AAPL"}}}
    found = synthesise(f"edgar.{name}", {"edgar": facts}, like=prices, **how)[f"edgar.{name}"]
    assert found["AAPL"]["2024-11-04"] == pytest.approx(value, rel=1e-9)
    # filed on Friday, the first of November: that bar does not know it yet
    assert found["AAPL"]["2024-11-01"] != found["AAPL"]["2024-11-04"]


def test_apples_shares_grow_less_in_a_year(facts):
    prices = days("2024-10-30", "2024-11-06", ["AAPL"])
    how = {"symbols": {"edgar": {320193: "AAPL"}}}
    found = on("edgar.issuance", {"edgar": facts}, prices, "2024-11-04", **how)
    assert found == pytest.approx(np.log(15_115.823 / 15_552.752), rel=1e-6)


# ---------------------------------------------------------------- DBnomics: recorded policy rates


@pytest.fixture(scope="module")
def policy_rates(recorded):
    found = recorded("dbnomics/series_BIS_cbpol_monthly_full.json.gz")["series"]["docs"]
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "provider_code": one["provider_code"],
                    "dataset_code": one["dataset_code"],
                    "series_code": one["series_code"],
                    "period": one["period_start_day"],
                    "value": [None if x == "NA" else x for x in one["value"]],
                }
            )
            for one in found
        ],
        ignore_index=True,
    )


def test_carry_is_the_difference_of_the_recorded_rates(policy_rates):
    last = pd.Timestamp(policy_rates["period"].max())
    prices = days(last + pd.Timedelta(days=60), last + pd.Timedelta(days=70))
    rates = policy_rates.set_index(["series_code", "period"])["value"].unstack(0).ffill().iloc[-1]
    frames = {"dbnomics": policy_rates}
    for name, code in [("euro", "XM"), ("yen", "JP"), ("pound", "GB"), ("australia", "AU")]:
        found = on(f"dbnomics.carry_{name}", frames, prices, prices.index[0])
        assert found == pytest.approx(rates[f"M.{code}"] - rates["M.US"])
    developed = ["US", "XM", "JP", "GB", "CH", "CA", "AU", "SE", "NO", "NZ"]
    mean = np.mean([rates[f"M.{code}"] for code in developed])
    assert on("dbnomics.policy_mean", frames, prices, prices.index[0]) == pytest.approx(mean)


# ---------------------------------------------------------------- Trading Economics: its calendar


@pytest.fixture(scope="module")
def calendar(recorded):
    return recorded("trading_economics/calendar.csv")


def test_news_of_japans_unemployment_is_on_the_bar_after_it_was_told(calendar):
    """Told on 25 December 2017 at 23:30 UTC: 2.7 % after 2.8 %."""
    prices = days("2017-12-20", "2017-12-29")
    name = "trading_economics.news_japan_unemployment"
    found = synthesise(name, {"trading_economics_calendar": calendar}, like=prices)[name]["A"]
    assert found["2017-12-25"] == pytest.approx(0.0)  # October's: 2.8 % after 2.8 %
    assert found["2017-12-26"] == pytest.approx(-0.1)


def test_a_surprise_is_measured_by_those_before_it(frames, prices):
    calendar = frames["trading_economics_calendar"]
    of = calendar[(calendar["Country"] == "China") & (calendar["Event"] == "Balance of Trade")]
    of = of.sort_values("Date")
    by = (
        of["Actual"].str.rstrip("%").astype(float) - of["Forecast"].str.rstrip("%").astype(float)
    ).to_numpy()
    name = "trading_economics.surprise_china_trade"
    found = synthesise(name, frames, like=prices)[name]["A"]
    told = pd.to_datetime(of["Date"]).dt.tz_localize("UTC")
    now = pd.Timestamp("2022-06-15 20:00", tz="UTC")
    place = int((told <= now).sum()) - 1
    assert found["2022-06-15"] == pytest.approx(by[place] / np.std(by[place - 12 : place], ddof=1))


# ---------------------------------------------------------------- Alpha Vantage


def test_an_overview_counts_from_when_it_was_asked(recorded):
    told = recorded("alpha_vantage/mock_company_overview.json")
    asked = pd.DataFrame([told]).assign(asked=pd.Timestamp("2020-08-20 12:00", tz=NEW_YORK))
    prices = days("2020-08-19", "2020-08-21", [told["Symbol"]])
    frames = {"alpha_vantage_overview": asked}
    for name, value in [
        ("expected_earnings_yield", 1 / float(told["ForwardPE"])),
        ("upside", float(told["AnalystTargetPrice"]) / 100 - 1),
        ("sales_yield", 1 / float(told["PriceToSalesRatioTTM"])),
        ("dividend_yield", float(told["DividendYield"])),
    ]:
        name = f"alpha_vantage.{name}"
        found = synthesise(name, frames, like=prices)[name].iloc[:, 0]
        assert np.isnan(found["2020-08-19"])
        assert found["2020-08-20"] == pytest.approx(value)


def test_a_statement_counts_from_its_report_or_75_days_after_its_quarter():
    ends = pd.date_range("2022-12-31", periods=5, freq="QE").strftime("%Y-%m-%d")
    told = pd.DataFrame(
        {
            "symbol": "A",
            "fiscalDateEnding": ends,
            "totalRevenue": ["100", "110", "120", "130", "140"],
            "grossProfit": ["40", "44", "48", "52", "70"],
            "totalAssets": ["900", "None", "950", "980", "1000"],
        }
    )
    prices = days("2024-01-15", "2024-03-29")
    frames = {"alpha_vantage_statements": told}
    name = "alpha_vantage.gross_profitability"
    late = synthesise(name, frames, like=prices)[name]["A"]
    # 75 days after 31 December 2023 is 15 March, a Friday: Monday is the first to know
    assert late["2024-03-15"] == pytest.approx((40 + 44 + 48 + 52) / 980)
    assert late["2024-03-18"] == pytest.approx((44 + 48 + 52 + 70) / 1000)
    reported = ["2023-02-01", "2023-05-01", "2023-08-01", "2023-11-01", "2024-01-24"]
    frames = {"alpha_vantage_statements": told.assign(reportedDate=reported)}
    early = synthesise(name, frames, like=prices)[name]["A"]
    assert early["2024-01-24"] == pytest.approx((40 + 44 + 48 + 52) / 980)
    assert early["2024-01-25"] == pytest.approx((44 + 48 + 52 + 70) / 1000)


# ---------------------------------------------------------------- Yahoo and IBKR: bars


@pytest.fixture(scope="module")
def bars(frames):
    return {n: {c: frames[n][c].unstack() for c in frames[n]} for n in ("yahoo", "ibkr")}


def test_factors_of_yahoos_bars_are_those_of_pandas(frames, prices, bars):
    y = bars["yahoo"]
    close, returns = y["adjclose"], y["adjclose"].pct_change(fill_method=None)
    expected = {
        "momentum": close.shift(21) / close.shift(252) - 1,
        "momentum_half_year": close.shift(21) / close.shift(126) - 1,
        "reversal_month": 1 - close / close.shift(21),
        "reversal_week": 1 - close / close.shift(5),
        "long_reversal": 1 - close.shift(252) / close.shift(756),
        "high_52_weeks": close / close.rolling(252).max(),
        "volatility": returns.rolling(60).std(),
        "skewness": returns.rolling(126).skew(),
        "lottery": returns.rolling(21).max(),
        "illiquidity": 1e6 * (returns.abs() / (y["close"] * y["volume"])).rolling(21).mean(),
        "dollar_volume": np.log((y["close"] * y["volume"]).rolling(63).mean()),
        "volume_shock": y["volume"] / y["volume"].rolling(63).mean(),
        "overnight": (y["open"] / y["close"].shift(1) - 1).rolling(21).sum(),
        "intraday": (y["close"] / y["open"] - 1).rolling(21).sum(),
        "range_volatility": np.sqrt(
            (np.log(y["high"] / y["low"]) ** 2).rolling(21).mean() / (4 * np.log(2))
        ),
        "dividend_yield": y["dividends"].rolling(252).sum() / y["close"],
        "trend": close / close.rolling(200).mean() - 1,
        "market_correlation": returns.rolling(252).corr(returns["^GSPC"]),
    }
    panel = synthesise([f"yahoo.{name}" for name in expected], frames, like=prices)
    for name, values in expected.items():
        pd.testing.assert_frame_equal(
            panel[f"yahoo.{name}"], values[["A", "B", "C"]], check_names=False, rtol=1e-8,
            check_freq=False, obj=name,
        )  # fmt: skip


def test_betas_are_the_slopes_of_regressions(frames, prices, bars):
    close = bars["yahoo"]["adjclose"]
    returns = close.pct_change(fill_method=None)
    for name, by, window in [
        ("yahoo.market_beta", returns["^GSPC"], 252),
        ("yahoo.volatility_beta", bars["yahoo"]["close"]["^VIX"].diff(), 60),
    ]:
        slope = sm.OLS(returns["B"].iloc[-window:], sm.add_constant(by.iloc[-window:])).fit()
        found = synthesise(name, frames, like=prices)[name]["B"].iloc[-1]
        assert found == pytest.approx(slope.params.iloc[1], rel=1e-9)


def test_factors_of_ibkrs_bars_are_those_of_pandas(frames, prices, bars):
    b = bars["ibkr"]
    size = b["volume"] / b["barCount"]
    signed = np.sign(b["close"].diff()) * b["volume"]
    expected = {
        "gap_to_vwap": b["close"] / b["average"] - 1,
        "trade_size": size / size.rolling(20).mean(),
        "trade_count": b["barCount"] / b["barCount"].rolling(20).mean(),
        "spread": ((b["ask"] - b["bid"]) / ((b["ask"] + b["bid"]) / 2)).rolling(20).mean(),
        "implied_volatility": b["implied_volatility"],
        "variance_premium": b["implied_volatility"] ** 2 - b["historical_volatility"] ** 2,
        "implied_change": b["implied_volatility"].diff(5),
        "borrow_fee": b["fee_rate"],
        "borrow_squeeze": b["shortable_shares"] / b["shortable_shares"].rolling(20).mean(),
        "close_location": (
            (2 * b["close"] - b["high"] - b["low"]) / (b["high"] - b["low"])
        ).rolling(10).mean(),
        "gap": b["open"] / b["close"].shift(1) - 1,
        "pressure": signed.rolling(20).sum() / b["volume"].rolling(20).sum(),
    }  # fmt: skip
    panel = synthesise("ibkr", frames, like=prices)
    assert {f"ibkr.{name}" for name in expected} == set(panel)
    for name, values in expected.items():
        pd.testing.assert_frame_equal(
            panel[f"ibkr.{name}"], values[["A", "B", "C"]], check_names=False, rtol=1e-8,
            check_freq=False, obj=name,
        )  # fmt: skip


def test_yahoos_recorded_bars_give_apples_week(recorded):
    chart = recorded("yahoo/chart-AAPL-2020-08-31-to-2020-11-07.json")
    told = chart["response"]["bodyJson"]["chart"]["result"][0]
    times = pd.to_datetime(told["timestamp"], unit="s", utc=True).normalize()
    quote, adjusted = told["indicators"]["quote"][0], told["indicators"]["adjclose"][0]["adjclose"]
    index = pd.MultiIndex.from_product([times, ["AAPL"]], names=["timestamp", "symbol"])
    bars = pd.DataFrame({**quote, "adjclose": adjusted}, index)
    prices = pd.DataFrame({"AAPL": quote["close"]}, times)
    found = synthesise("yahoo.reversal_week", {"yahoo": bars}, like=prices)["yahoo.reversal_week"]
    assert found["AAPL"].iloc[-1] == pytest.approx(1 - adjusted[-1] / adjusted[-6])
