"""What aligning point in time costs beside pandas, symbol by symbol and all at once."""

from __future__ import annotations

import gc
import time

import numpy as np
import pandas as pd

from nautilus_lab.factors import reindexed_like

SYMBOLS, DAYS, QUARTERS, ROUNDS = 500, 2_520, 40, 5


def drawn() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return prices, and for each symbol a value of each quarter, a third of them restated."""
    draw = np.random.default_rng(0)
    names = np.array([f"S{n:03}" for n in range(SYMBOLS)])
    days = pd.bdate_range("2014-01-01", periods=DAYS, tz="UTC", name="time")
    ends = pd.date_range("2013-12-31", periods=QUARTERS, freq="QE")
    table = pd.DataFrame(
        {
            "symbol": np.repeat(names, QUARTERS),
            "end": np.tile(ends, SYMBOLS),
            "val": draw.standard_normal(SYMBOLS * QUARTERS),
        }
    )
    table["filed"] = table["end"] + pd.to_timedelta(draw.integers(20, 60, len(table)), "D")
    again = table.sample(frac=1 / 3, random_state=1)
    again = again.assign(
        filed=again["filed"] + pd.to_timedelta(draw.integers(61, 200, len(again)), "D"),
        val=draw.standard_normal(len(again)),
    )
    facts = pd.concat([table, again]).sample(frac=1, random_state=2, ignore_index=True)
    return facts, pd.DataFrame(1.0, days, names)


def ours(facts: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    return reindexed_like(facts, prices, released="filed", period="end", value="val")


def newest_only(facts: pd.DataFrame) -> pd.DataFrame:
    """Prepare what `merge_asof` needs: dates of knowledge, no late news of older quarters."""
    table = facts.sort_values(["symbol", "filed", "end"])
    highest = table.groupby("symbol", sort=False)["end"].cummax()
    table = table[table["end"] == highest].drop_duplicates(["symbol", "filed"], keep="last")
    # a date without an hour is over at midnight: the next day is the first to know it
    return table.assign(known=(table["filed"] + pd.Timedelta(days=1)).dt.tz_localize("UTC"))


def by_symbol(facts: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    """Align with pandas, one `merge_asof` for each symbol."""
    rows = pd.DataFrame({"time": prices.index})
    columns = {
        symbol: pd.merge_asof(rows, of_one[["known", "val"]], left_on="time", right_on="known")[
            "val"
        ].to_numpy()
        for symbol, of_one in newest_only(facts).groupby("symbol", sort=False)
    }
    return pd.DataFrame(columns, prices.index)[prices.columns]


def at_once(facts: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    """Align with pandas, one `merge_asof` with `by=` the symbol."""
    table = newest_only(facts).sort_values("known")[["known", "symbol", "val"]]
    rows = pd.DataFrame(
        {
            "time": np.repeat(prices.index, prices.shape[1]),
            "symbol": np.tile(prices.columns.to_numpy(), len(prices)),
        }
    )
    found = pd.merge_asof(rows, table, left_on="time", right_on="known", by="symbol")["val"]
    return pd.DataFrame(found.to_numpy().reshape(prices.shape), prices.index, prices.columns)


def rows() -> list[dict]:
    facts, prices = drawn()
    answers = [run(facts, prices) for run in (ours, by_symbol, at_once)]
    for other in answers[1:]:
        pd.testing.assert_frame_equal(answers[0], other, check_names=False, check_dtype=False)
    if not answers[0].notna().to_numpy().mean() > 0.9:
        raise AssertionError("most cells must be known")
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for run in (ours, by_symbol, at_once):
            gc.collect()
            began = time.perf_counter()
            run(facts, prices)
            took = time.perf_counter() - began
            best[run.__name__] = min(best.get(run.__name__, took), took)
    how = (
        f"best of {ROUNDS} in turn: {SYMBOLS} symbols x {DAYS:,} days, {len(facts):,} values of "
        f"{QUARTERS} quarters, a third restated, unsorted; equal frames; reindexed_like with all "
        f"of its checks {best['ours'] * 1e3:.0f} ms"
    )
    return [
        row(
            "04-reindexed-like-over-merge-asof-each",
            5.0,
            best["by_symbol"] / best["ours"],
            f"{how}; pandas.merge_asof for each symbol {best['by_symbol'] * 1e3:.0f} ms",
        ),
        row(
            "04-reindexed-like-over-merge-asof-by",
            5.0,
            best["at_once"] / best["ours"],
            f"{how}; pandas.merge_asof by= symbol {best['at_once'] * 1e3:.0f} ms",
        ),
    ]


def row(name: str, target: float, measured: float, how: str) -> dict:
    return {
        "id": name,
        "target": target,
        "measured": round(measured, 2),
        "unit": "x",
        "met": bool(measured >= target),
        "how": how,
    }


if __name__ == "__main__":
    for line in rows():
        print(line)
