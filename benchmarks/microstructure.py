"""What features of a million ticks cost beside pandas, and what real ticks say of them.

``python -m benchmarks.microstructure FOLDER`` prints the latter of Binance's trades and quotes in
a folder: how often each rule finds who began a trade, and how much of the mid's changes order flow
explains.
"""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from nautilus_lab.features import FeatureEngine, drawn_ticks, prevailing, signed

TICKS, SYMBOLS, ROUNDS = 1_000_000, 50, 5
ENGINE = FeatureEngine()
BUCKET, BUCKETS, WINDOW = 20_000.0, 50, 100
STREAMED = WINDOW + 2_000


def market(symbols: int) -> pd.DataFrame:
    """Return drawn ticks of so many instruments, as they arrive: in turn."""
    each = TICKS // symbols
    drawn = [drawn_ticks(each, seed=number, levels=1) for number in range(symbols)]
    names = np.repeat([f"S{number:02}" for number in range(symbols)], each)
    columns = {name: np.concatenate([one[name] for one in drawn]) for name in drawn[0]}
    order = np.argsort(columns["time"], kind="stable")
    times = pd.to_datetime(np.round(columns.pop("time")[order] * 1e9).astype(np.int64), utc=True)
    index = pd.MultiIndex.from_arrays([times, names[order]], names=["timestamp", "symbol"])
    return pd.DataFrame({name: values[order] for name, values in columns.items()}, index)


def lee_ready(ticks: pd.DataFrame) -> pd.Series:
    change = np.sign(ticks["price"].diff())
    moved = change.where(change != 0).ffill()
    # rounded, for a mid that misses its price by the last digit is a mid all the same
    side = np.sign((2 * ticks["price"] - (ticks["bid"] + ticks["ask"])).round(6))
    return side.where(side != 0, moved)


def order_flow(ticks: pd.DataFrame) -> pd.Series:
    before = ticks[["bid", "ask", "bid_size", "ask_size"]].shift()
    event = (
        (ticks["bid"] >= before["bid"]) * ticks["bid_size"]
        - (ticks["bid"] <= before["bid"]) * before["bid_size"]
        - (ticks["ask"] <= before["ask"]) * ticks["ask_size"]
        + (ticks["ask"] >= before["ask"]) * before["ask_size"]
    )
    return event.rolling(WINDOW).sum()


def vpin(ticks: pd.DataFrame) -> pd.Series:
    """Read what was bought less sold off its running sum, at each multiple of the bucket."""
    volume = ticks["size"].cumsum().to_numpy()
    flow = (ticks["side"] * ticks["size"]).cumsum().to_numpy()
    marks = np.arange(0.0, volume[-1] + 1, BUCKET)
    at_marks = np.interp(marks, np.r_[0.0, volume], np.r_[0.0, flow])
    imbalance = pd.Series(np.abs(np.diff(at_marks))).rolling(BUCKETS).sum() / (BUCKETS * BUCKET)
    full = np.floor(volume / BUCKET).astype(int)
    return pd.Series(np.r_[np.nan, imbalance.to_numpy()][full], ticks.index)


def kyle(ticks: pd.DataFrame) -> pd.Series:
    flow, moved = ticks["side"] * ticks["size"], ticks["price"].diff()
    flow = flow.where(moved.notna())
    return flow.rolling(WINDOW).cov(moved) / flow.rolling(WINDOW).var()


def effective(ticks: pd.DataFrame) -> pd.Series:
    return 2 * (ticks["price"] - (ticks["bid"] + ticks["ask"]) / 2).abs()


# what is asked for -> what pandas users write
OF_TICKS = {
    "lee_ready": lee_ready,
    "effective_spread.spread": effective,
    f"vpin(bucket={BUCKET:g})": vpin,
    f"kyle_lambda(window={WINDOW})": kyle,
}
OF_QUOTES = {f"order_flow_imbalance(window={WINDOW})": order_flow}


def pandas(ticks: pd.DataFrame, wanted: dict) -> pd.DataFrame:
    """Return features of each instrument, in the order of its ticks."""
    parts = [
        pd.DataFrame({name: peer(own) for name, peer in wanted.items()})
        for _, own in ticks.groupby(level="symbol", sort=False)
    ]
    return pd.concat(parts) if len(parts) > 1 else parts[0]


def ours(ticks: pd.DataFrame, wanted: dict) -> pd.DataFrame:
    return ENGINE.compute(ticks, [name.split(".")[0] for name in wanted]).frame()


def timed(run, *args):
    gc.collect()
    began = time.perf_counter()
    answer = run(*args)
    return time.perf_counter() - began, answer


def of_batch() -> list[dict]:
    # row -> the target, how many instruments, what is asked for
    cases = {
        "ticks": (2.0, 1, OF_TICKS),
        "panel": (2.5, SYMBOLS, OF_TICKS),
        "order-flow": (1.5, 1, OF_QUOTES),
    }
    return [
        measured(f"04-microstructure-{name}", target, market(symbols), symbols, wanted)
        for name, (target, symbols, wanted) in cases.items()
    ]


def measured(name: str, target: float, ticks: pd.DataFrame, symbols: int, wanted: dict) -> dict:
    theirs, mine = pandas(ticks, wanted), ours(ticks, wanted)
    for label in wanted:
        a, b = theirs[label], mine[label]
        for symbol in {"S00", f"S{symbols - 1:02}"}:
            both = a.xs(symbol, level="symbol"), b.xs(symbol, level="symbol")
            if not np.allclose(*both, rtol=1e-7, atol=1e-9, equal_nan=True):
                raise AssertionError(f"{label} of {symbol}: pandas finds another answer")
    took: dict[str, list[float]] = {"ours": [], "pandas": []}
    for _ in range(ROUNDS):
        took["pandas"].append(timed(pandas, ticks, wanted)[0])
        took["ours"].append(timed(ours, ticks, wanted)[0])
    best = {who: min(seconds) * 1e3 for who, seconds in took.items()}
    return row(
        name,
        target,
        best["pandas"] / best["ours"],
        f"best of {ROUNDS} in turn: {', '.join(wanted)} of {TICKS:,} drawn ticks of {symbols} "
        f"instruments, checks of the frame and a frame of the values included, {best['ours']:.0f} "
        f"ms; the same in vectorised pandas takes {best['pandas']:.0f} ms; equal values",
    )


def of_stream() -> list[dict]:
    wanted = {name: peer for name, peer in OF_TICKS.items() if not name.startswith("vpin")}
    ticks = market(1).iloc[:STREAMED]
    stream = ENGINE.stream(["S00"], [name.split(".")[0] for name in wanted])
    told = ticks[list(stream.inputs)].to_dict(orient="records")
    names = [stream.columns.index(name) for name in wanted]

    def streamed(rows: range) -> None:
        for at in rows:
            stream.update("S00", told[at])

    def again(rows: range) -> pd.DataFrame:
        """Work the last window out anew with each tick, as one does with pandas."""
        for at in rows:
            last = pandas(ticks.iloc[at - WINDOW : at + 1], wanted)
        return last

    streamed(range(WINDOW))
    took = {"ours": 9e9, "pandas": 9e9}
    for begin in range(WINDOW, STREAMED, 200):
        rows = range(begin, begin + 200)
        took["ours"] = min(took["ours"], timed(streamed, rows)[0] / 200 * 1e6)
        few = range(begin + 180, begin + 200)
        seconds, last = timed(again, few)
        took["pandas"] = min(took["pandas"], seconds / len(few) * 1e6)
        if not np.allclose(last.iloc[-1], stream.values("S00")[names], rtol=1e-7):
            raise AssertionError("pandas finds another answer")
    return [
        row(
            "04-microstructure-stream",
            100.0,
            took["pandas"] / took["ours"],
            f"best in turn: {', '.join(wanted)} brought up to date by each drawn tick, checks of "
            f"the tick included, {took['ours']:.1f} us; the last {WINDOW + 1} ticks worked out "
            f"anew in pandas take {took['pandas']:.0f} us; equal values",
        )
    ]


def of_real_ticks(folder: Path) -> None:
    trades = pd.read_parquet(folder / "binance_btcusdt-trades.parquet").assign(symbol="BTCUSDT")
    quotes = pd.read_parquet(folder / "binance_btcusdt-quotes.parquet").assign(symbol="BTCUSDT")
    began = np.where(trades["buyer_maker"].astype(str) == "True", -1.0, 1.0)
    trades = trades.rename(columns={"quantity": "size"}).assign(aggressor=began)
    trades = trades.set_index(["timestamp", "symbol"])[["price", "size", "aggressor"]]
    quotes = quotes.set_index(["timestamp", "symbol"])[["bid", "ask", "bid_size", "ask_size"]]
    ticks = prevailing(trades, quotes).dropna(subset=["bid"])
    print(f"{len(ticks):,} trades, {len(quotes):,} quotes")
    for rule in ("tick", "quote", "lee_ready", "ellis_michaely_ohara", "chakrabarty"):
        right = (signed(ticks, rule)["side"] == ticks["aggressor"]).mean()
        print(f"{rule:22} signs {right:.1%} of the trades as the venue does")
    for window in (5, 10, 20):
        asked = ["mid", f"order_flow_imbalance(window={window})"]
        found = ENGINE.compute(quotes, asked).frame().iloc[::window]
        flow, moved = found.iloc[1:, 1], found["mid"].diff().iloc[1:]
        square = np.corrcoef(flow, moved)[0, 1] ** 2
        print(f"order flow of {window:2} quotes explains {square:.0%} of the mid's changes")


def row(name: str, target: float, measured: float, how: str) -> dict:
    return {
        "id": name,
        "target": target,
        "measured": round(measured, 2),
        "unit": "x",
        "met": bool(measured >= target),
        "how": how,
    }


def rows() -> list[dict]:
    return of_batch() + of_stream()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        of_real_ticks(Path(sys.argv[1]))
    else:
        for line in rows():
            print(line)
