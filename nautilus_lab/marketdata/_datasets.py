"""What the catalog holds, and where each set comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from nautilus_lab.provenance import SURVIVORS_ONLY

Kind: TypeAlias = Literal["closes", "bars", "macro"]

PERIOD_END = (
    "Monthly and quarterly values stand on the last day of the period they describe; they were "
    "published later, and some were revised since."
)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One set of the catalog.

    Attributes
    ----------
    name : str
        Its name in the catalog, and its file's.
    kind : {"closes", "bars", "macro"}
        Wide closes, (timestamp, symbol) bars, or wide series of other things.
    contents : str
        One sentence for `data/README.md`.
    package : str
        The PyPI distribution that carries it.
    module : str
        The import package the files lie in.
    files : tuple of str
        The files, relative to `module`.
    licence : str
        The licence of the package, and what is known of the data's own.
    series : mapping of str to str
        Symbol -> what it is.
    unit : str
        What the numbers are.
    notices : tuple of str
        What a reader must see beside any result.
    """

    name: str
    kind: Kind
    contents: str
    package: str
    module: str
    files: tuple[str, ...]
    licence: str
    series: Mapping[str, str]
    unit: str
    notices: tuple[str, ...] = ()


_BARS_FIVE = {
    "AAPL": "Apple",
    "FB": "Facebook, now Meta Platforms",
    "GOOG": "Google, now Alphabet A",
    "IBM": "IBM",
    "MSFT": "Microsoft",
}

_STOCKS_20 = {
    "AAPL": "Apple",
    "AMD": "Advanced Micro Devices",
    "BAC": "Bank of America",
    "BBY": "Best Buy",
    "CVX": "Chevron",
    "GE": "General Electric",
    "HD": "Home Depot",
    "JNJ": "Johnson & Johnson",
    "JPM": "JPMorgan Chase",
    "KO": "Coca-Cola",
    "LLY": "Eli Lilly",
    "MRK": "Merck",
    "MSFT": "Microsoft",
    "PEP": "PepsiCo",
    "PFE": "Pfizer",
    "PG": "Procter & Gamble",
    "RRC": "Range Resources",
    "UNH": "UnitedHealth",
    "WMT": "Walmart",
    "XOM": "Exxon Mobil",
}

_SKFOLIO = "BSD-3-Clause (package); its authors give the data for tests and examples only"
_ARCH_FRED = "NCSA (package); data of FRED, Federal Reserve Bank of St. Louis"

# In order of precedence: a symbol that stands in several sets is taken from the first of its kind.
DATASETS: tuple[Dataset, ...] = (
    Dataset(
        name="us_stocks",
        kind="closes",
        contents="Daily adjusted closes of 20 large US stocks, 1990 to 2022.",
        package="skfolio",
        module="skfolio",
        files=("datasets/data/sp500_dataset.csv.gz",),
        licence=_SKFOLIO,
        series=_STOCKS_20,
        unit="USD",
        notices=(SURVIVORS_ONLY,),
    ),
    Dataset(
        name="us_index",
        kind="closes",
        contents="Daily closes of the S&P 500 index, without dividends, 1990 to 2022.",
        package="skfolio",
        module="skfolio",
        files=("datasets/data/sp500_index.csv.gz",),
        licence=_SKFOLIO,
        series={"SP500": "S&P 500, price index"},
        unit="index points",
    ),
    Dataset(
        name="factor_etfs",
        kind="closes",
        contents="Daily adjusted closes of five US factor ETFs, 2014 to 2022.",
        package="skfolio",
        module="skfolio",
        files=("datasets/data/factors_dataset.csv.gz",),
        licence=_SKFOLIO,
        series={
            "MTUM": "iShares MSCI USA Momentum",
            "QUAL": "iShares MSCI USA Quality",
            "SIZE": "iShares MSCI USA Size",
            "USMV": "iShares MSCI USA Minimum Volatility",
            "VLUE": "iShares MSCI USA Value",
        },
        unit="USD",
    ),
    Dataset(
        name="us_stock_bars",
        kind="bars",
        contents=(
            "Daily bars of five US stocks, 2000 to 2013 (GOOG from 2004, FB from 2012); open, high "
            "and low scaled like the adjusted close, volume the other way."
        ),
        package="bokeh-sampledata",
        module="bokeh_sampledata",
        files=("_data/stocks.csv.gz",),
        licence="BSD-3-Clause (package); data declared public domain by Quandl (WIKI Prices)",
        series=_BARS_FIVE,
        unit="USD",
        notices=(SURVIVORS_ONLY,),
    ),
    Dataset(
        name="us_index_bars",
        kind="bars",
        contents="Daily bars of the S&P 500 and NASDAQ Composite indices, 1999 to 2018.",
        package="arch",
        module="arch",
        files=("data/sp500/sp500.csv.gz", "data/nasdaq/nasdaq.csv.gz"),
        licence="NCSA (package); terms of the data's own source are not stated",
        series={"SP500": "S&P 500, price index", "NASDAQ": "NASDAQ Composite, price index"},
        unit="index points",
    ),
    Dataset(
        name="vix",
        kind="macro",
        contents="Daily closes of the VIX, 2014 to 2019.",
        package="arch",
        module="arch",
        files=("data/vix/vix.csv.gz",),
        licence="NCSA (package); data of Cboe through FRED",
        series={"VIX": "CBOE volatility index, S&P 500 options"},
        unit="percent per year",
    ),
    Dataset(
        name="oil",
        kind="macro",
        contents="Daily spot price of West Texas Intermediate crude oil, 1986 to 2019.",
        package="arch",
        module="arch",
        files=("data/wti/wti.csv.gz",),
        licence=_ARCH_FRED,
        series={"WTI": "West Texas Intermediate, spot, Cushing"},
        unit="USD per barrel",
    ),
    Dataset(
        name="oil_monthly",
        kind="macro",
        contents="Monthly average spot prices of Brent and WTI crude oil, 1987 to 2020.",
        package="arch",
        module="arch",
        files=("data/crude/crude.csv.gz",),
        licence=_ARCH_FRED,
        series={"BRENT_MONTHLY": "Brent, monthly mean", "WTI_MONTHLY": "WTI, monthly mean"},
        unit="USD per barrel",
        notices=(PERIOD_END,),
    ),
    Dataset(
        name="corporate_yields",
        kind="macro",
        contents="Monthly average yields of Moody's AAA and BAA corporate bonds, 1919 to 2018.",
        package="arch",
        module="arch",
        files=("data/default/default.csv.gz",),
        licence="NCSA (package); data of Moody's through FRED",
        series={"AAA": "Moody's AAA corporate yield", "BAA": "Moody's BAA corporate yield"},
        unit="fraction per year",
        notices=(PERIOD_END,),
    ),
    Dataset(
        name="fama_french",
        kind="macro",
        contents="Monthly Fama-French factor returns and the risk-free rate, 1926 to 2018.",
        package="arch",
        module="arch",
        files=("data/frenchdata/frenchdata.csv.gz",),
        licence="NCSA (package); data of the Kenneth R. French data library",
        series={
            "MKT_RF": "market return over the risk-free rate",
            "SMB": "small minus big",
            "HML": "high minus low book-to-market",
            "RF": "risk-free rate, one-month bill",
        },
        unit="fraction per month",
        notices=(PERIOD_END,),
    ),
    Dataset(
        name="core_cpi",
        kind="macro",
        contents="Monthly US consumer prices without food and energy, 1957 to 2018.",
        package="arch",
        module="arch",
        files=("data/core_cpi/core-cpi.csv.gz",),
        licence=_ARCH_FRED,
        series={"CORE_CPI": "CPILFESL, 1982-84 = 100, seasonally adjusted"},
        unit="index, 1982-84 = 100",
        notices=(PERIOD_END,),
    ),
    Dataset(
        name="us_macro",
        kind="macro",
        contents="Quarterly US macroeconomic series, 1959 to 2009; rates as fractions.",
        package="statsmodels",
        module="statsmodels",
        files=("datasets/macrodata/macrodata.csv",),
        licence="BSD-3-Clause (package); data in the public domain (FRED, BLS)",
        series={
            "REALGDP": "real gross domestic product, billion chained 2005 USD",
            "REALCONS": "real personal consumption, billion chained 2005 USD",
            "REALINV": "real gross private investment, billion chained 2005 USD",
            "REALGOVT": "real federal consumption and investment, billion chained 2005 USD",
            "REALDPI": "real disposable income, billion chained 2005 USD",
            "CPI": "consumer prices, 1982-84 = 100, quarter's end",
            "M1": "M1 money stock, billion USD, quarter's end",
            "TBILRATE": "3-month treasury bill rate, fraction per year",
            "UNEMP": "unemployment rate, fraction",
            "POP": "population, million",
            "INFL": "inflation, log change of CPI, fraction per year",
            "REALINT": "TBILRATE less INFL, fraction per year",
        },
        unit="see description",
        notices=(PERIOD_END,),
    ),
)

BY_NAME = {dataset.name: dataset for dataset in DATASETS}
