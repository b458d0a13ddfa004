"""The strategies of a node: what was deployed, what a person trades by, how orders are executed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack

from nautilus_trader.execution.algorithm import ExecAlgorithm
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.instruments import Instrument
from nautilus_trader.model.orders import Order

from nautilus_lab.config import Settings
from nautilus_lab.execution.algorithms import build_algorithms
from nautilus_lab.platform.connection import ConnectionState
from nautilus_lab.platform.messages import OrderRouted
from nautilus_lab.platform.rundir import Home, RunDirectory
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.strategies.nautilus import ManualOrders, StrategyRegistry
from nautilus_lab.trading.node._call_watch import CallWatch
from nautilus_lab.trading.node._deployments import Deployments
from nautilus_lab.trading.node._desk import Desk
from nautilus_lab.trading.node._orders import OrderDesk
from nautilus_lab.trading.node._tables import Tables
from nautilus_lab.trading.node._venues import Venues

# A router believes no older quote of a venue that still answers.
_MOST_QUOTE_AGE_S = 10.0
_CALL_S = 5.0  # what a call of a strategy may take


def add_strategies(
    node: TradingNode,
    stack: AsyncExitStack,
    *,
    settings: Settings,
    home: Home,
    rundir: RunDirectory,
    store: TradingStore,
    desk: Desk,
    venues: Venues,
    instruments: Mapping[str, Sequence[Instrument]],
    audit: Callable[..., None],
    on_denied: Callable[[Order, str], None],
) -> tuple[Deployments, OrderDesk]:
    """Add to a node that does not run yet what was deployed in it, and what a person trades by.

    Parameters
    ----------
    node : TradingNode
        Built, with its gate installed.
    stack : AsyncExitStack
        Ends the watch over the calls of strategies.
    settings : Settings
        The workspace's settings as they were when the node was asked for.
    home : Home
        Whose strategies can be deployed.
    rundir : RunDirectory
        This node's.
    store : TradingStore
        Says what was told of an order.
    desk : Desk
        Tells and publishes.
    venues : Venues
        Where orders can be routed.
    instruments : mapping
        Venue -> what it trades.
    audit : callable
        Writes down what somebody did: `NodeHost.audit`.
    on_denied : callable
        Called with each order of a strategy that may send none.

    Returns
    -------
    tuple of Deployments and OrderDesk
    """
    trading = settings.trading
    venue, traded = next(iter(instruments.items()))
    # Before its supervisor takes the node for frozen: each missed beat takes a second at least.
    patience_s = min(_CALL_S, float(settings.supervisor.missed_beats))
    watch = CallWatch(rundir.held_up, patience_s=patience_s)
    deployments = Deployments(
        node.kernel,
        StrategyRegistry(home.strategies),
        rundir.deployed,
        tables=Tables(
            rundir.targets_of,
            {one.id.symbol.value: f"{one.id.symbol.value}.{venue}" for one in traded},
            audit=audit,
            max_age_days=trading.targets_max_age_days,
        ),
        trader=trading.trader_id,
        tell=desk.tell,
        publish=desk.state,
        audit=audit,
        hand_over=asyncio.get_running_loop().call_soon_threadsafe,
        accounts=desk.accounts,
        defaults={
            "hold-targets": {
                "interval_s": max(1.0, trading.seconds_per_day / 4),
                "largest_order": trading.max_order_notional * 0.8,
            }
        },
        watch=watch,
        on_denied=on_denied,
    )
    watch.start()
    stack.callback(watch.stop)
    deployments.restore()
    manual = ManualOrders()
    node.trader.add_strategy(manual)
    for algorithm in _algorithms(settings, desk, venues):
        node.trader.add_exec_algorithm(algorithm)
    return deployments, OrderDesk(node.kernel, manual, told=store.order)


def _algorithms(settings: Settings, desk: Desk, venues: Venues) -> tuple[ExecAlgorithm, ...]:
    clients, trader = venues.clients, settings.trading.trader_id

    def on_routed(routed: OrderRouted) -> None:
        desk.tell(routed, f"trading.route.{trader}.{routed.instrument}")

    return build_algorithms(
        hand_over=asyncio.get_running_loop().call_soon_threadsafe,
        on_routed=on_routed,
        is_reachable=lambda venue: clients[venue].state is ConnectionState.CONNECTED,
        max_quote_age_s=settings.trading.max_quote_age_s or _MOST_QUOTE_AGE_S,
    )
