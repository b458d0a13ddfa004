"""The trader that a command is about."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from nautilus_lab.trading import TradingEngine


def add_trader(*parsers: argparse.ArgumentParser) -> None:
    """Add ``--trader`` to commands about one trader."""
    for parser in parsers:
        parser.add_argument("--trader", help="another trader of the workspace: PAPER-002")


def engine_of(chosen: argparse.Namespace) -> TradingEngine:
    """Return the trading engine of the trader that was chosen."""
    from nautilus_lab.lab import Lab

    engine = Lab(chosen.root).trading
    return engine if chosen.trader is None else engine.trader(chosen.trader)
