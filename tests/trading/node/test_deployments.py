"""Strategies in a running node: deployed, steered, replaced; falling alone, coming back."""

import asyncio
import json
import math
import threading

import pytest

from nautilus_lab.exceptions import InputError, LabError, StoreError, StrategyFailed
from nautilus_lab.platform.access import Principal
from nautilus_lab.trading._targets import target_table

DAY = 86_400 * 10**9
ANA = Principal.owner()


def deployed(node, **on):
    return node.ask("strategy.deploy", name="script", version="1", parameters={"on": on}).strategy


# --- the first start --------------------------------------------------------------------------


def test_the_first_start_deploys_what_holds_equal_weights_under_the_id_it_always_had(node):
    (view,) = node.ask("strategy.list")
    assert (view.strategy, view.name, view.state) == ("HoldTargets-001", "hold-targets", "running")
    assert node.deployments.targets == "equal weights"
    node.quote(20)
    held = {str(p.instrument_id): float(p.signed_qty) for p in node.engine.cache.positions_open()}
    assert held == {"AAPL.PAPER": 475.0, "MSFT.PAPER": 475.0}
    assert set(node.orders("HoldTargets-001").values()) == {"FILLED"}


def test_what_is_deployed_first_is_audited_with_its_hash(node):
    (kind, facts, actor) = node.audited[0]
    assert (kind, actor) == ("strategy.loaded", "node")
    assert len(facts["hash"]) == 64


# --- deploy -----------------------------------------------------------------------------------


def test_a_strategy_is_deployed_into_a_node_that_trades_and_hears_its_quotes(node):
    node.publish("1")
    view = node.ask("strategy.deploy", name="script", version="1")
    assert (view.strategy, view.state, view.version) == ("script-002", "running", "1")
    node.quote(3)
    assert node.strategy("script-002").heard == ["quote"] * 3
    assert node.heard_of("script-002") == ["deployed", "running"]
    assert ("strategy.deployed", ANA.name) in [(k, a) for k, _, a in node.audited]
    assert node.states["strategy.state.T-1.script-002"].state == "running"


def test_its_orders_bear_its_id_and_are_counted_with_what_they_earn(node):
    node.publish("1")
    name = deployed(node, start="buy")
    node.quote()
    assert list(node.orders(name).values()) == ["ACCEPTED"]
    assert all(order.split("-")[-2] == "002" for order in node.orders(name))
    view = next(v for v in node.ask("strategy.list") if v.strategy == name)
    assert (view.working_orders, view.realised) == (1, 0.0)
    node.deployments.publish()
    assert node.states[f"strategy.state.T-1.{name}"].working_orders == 1


def test_ids_are_never_given_again(node):
    node.publish("1")
    first = deployed(node)
    node.ask("strategy.stop", strategy=first, cancel_orders=False)
    node.ask("strategy.remove", strategy=first)
    assert deployed(node) == "script-003"
    with pytest.raises(StrategyFailed):
        deployed(node, start="raise")
    assert deployed(node) == "script-005"


@pytest.mark.parametrize("on", [{"start": "buy,raise"}, {"start": "exit"}, {"init": "raise"}])
def test_one_that_cannot_start_has_done_nothing_and_is_not_there(node, on):
    node.publish("1")
    with pytest.raises(StrategyFailed):
        deployed(node, **on)
    assert node.strategy("script-002") is None
    assert node.orders("script-002") == {}
    assert [v.strategy for v in node.ask("strategy.list")] == ["HoldTargets-001"]
    assert node.alerts() == []
    assert [k for k, _, _ in node.audited][-1] == "strategy.refused"
    node.quote(2)  # and nobody hears of it any more
    topics = [s.topic for s in node.engine.kernel.msgbus.subscriptions()]
    assert not any("script-002" in topic for topic in topics)


@pytest.mark.parametrize(
    ("parameters", "rule"),
    [
        ({"prize": 1.0}, "unknown field"),
        ({"price": "high"}, "Expected `float`"),
        ({"price": math.nan}, "plain, finite values"),
        ({"on": {"start": math.inf}}, "plain, finite values"),
        ({"on": object()}, "plain, finite values"),
        ({"on": {"start": "x" * 70_000}}, "at most 65536 characters"),
        ({"strategy_id": "HoldTargets"}, "the node's to decide"),
        ({"order_id_tag": "001"}, "the node's to decide"),
        ({"manage_stop": True}, "the node's to decide"),
    ],
)
def test_parameters_that_are_none_are_refused(node, parameters, rule):
    node.publish("1")
    with pytest.raises(InputError, match=rule):
        node.ask("strategy.deploy", name="script", version="1", parameters=parameters)
    assert len(node.ask("strategy.list")) == 1


def test_a_class_that_calls_itself_something_else_is_called_by_its_id(node):
    node.publish("1", "class Other(Script):\n    pass\n")
    node.publish(
        "2",
        """
        class Script(Script):
            def __init__(self, config):
                super().__init__(ScriptConfig(strategy_id="HoldTargets", order_id_tag="001"))
                self.start_buys = True

            def on_start(self):
                self._buy()
        """,
    )
    view = node.ask("strategy.deploy", name="script", version="2")
    node.quote()
    assert view.strategy == "script-002"
    assert len(node.orders("script-002")) == 1


def test_unknown_versions_and_changed_code_are_refused(node):
    with pytest.raises(InputError, match="must be published"):
        node.ask("strategy.deploy", name="script", version="1")
    node.publish("1")
    path = node.registry.folder / "script" / "1" / "strategy.py"
    path.chmod(0o600)
    path.write_text(path.read_text() + "# a friendly change\n")
    with pytest.raises(StrategyFailed, match="what was published"):
        node.ask("strategy.deploy", name="script", version="1")


def test_no_two_strategies_hold_shares_of_the_same_equity(node):
    with pytest.raises(InputError, match="one strategy at a time"):
        node.ask("strategy.deploy", name="hold-targets", version="1")
    node.ask("strategy.stop", strategy="HoldTargets-001", cancel_orders=True)
    view = node.ask("strategy.deploy", name="hold-targets", version="1")
    assert view.strategy == "hold-targets-002"
    with pytest.raises(InputError, match="one strategy at a time"):
        node.ask("strategy.start", strategy="HoldTargets-001")


def test_a_node_takes_a_hundred_and_no_more(node, monkeypatch):
    from nautilus_lab.trading.node import _strategy_commands

    monkeypatch.setattr(_strategy_commands, "_MOST", 2)
    node.publish("1")
    deployed(node)
    with pytest.raises(InputError, match="at most 2"):
        deployed(node)


def test_two_that_claim_the_orders_of_one_instrument_are_refused(node):
    node.publish("1")
    claim = {"external_order_claims": ["AAPL.PAPER"]}
    node.ask("strategy.deploy", name="script", version="1", parameters=claim)
    with pytest.raises(StrategyFailed, match="already exists"):
        node.ask("strategy.deploy", name="script", version="1", parameters=claim)
    node.ask("strategy.stop", strategy="script-002", cancel_orders=True)
    view = node.ask("strategy.deploy", name="script", version="1", parameters=claim)
    assert view.strategy == "script-004"


# --- pause, stop, start, remove ---------------------------------------------------------------


def test_a_paused_strategy_goes_on_watching_and_its_orders_are_denied(node):
    node.publish("1")
    name = deployed(node, quote="buy")
    node.quote()
    node.ask("strategy.pause", strategy=name, cancel_orders=False)
    node.quote(2)
    assert list(node.orders(name).values()) == ["ACCEPTED", "DENIED", "DENIED"]
    assert node.strategy(name).heard.count("quote") == 3
    node.deployments.publish()
    told = node.states[f"strategy.state.T-1.{name}"]
    assert (told.state, told.detail) == ("paused", "2 of its orders were denied")
    node.ask("strategy.resume", strategy=name)
    node.quote()
    assert list(node.orders(name).values())[-1] == "ACCEPTED"
    assert node.heard_of(name) == ["deployed", "running", "paused", "running"]


@pytest.mark.parametrize(("cancels", "left"), [(True, "CANCELED"), (False, "ACCEPTED")])
def test_pausing_and_stopping_cancel_orders_or_let_them_work(node, cancels, left):
    node.publish("1")
    for command in ("strategy.pause", "strategy.stop"):
        name = deployed(node, start="buy", stop="cancel")
        node.quote()
        node.ask(command, strategy=name, cancel_orders=cancels)
        node.quote()
        assert set(node.orders(name).values()) == {left}


def test_what_a_strategy_asks_for_while_it_is_stopped_is_not_done(node):
    node.publish("1")
    name = deployed(node, stop="buy")
    running = node.strategy(name)
    node.ask("strategy.stop", strategy=name, cancel_orders=False)
    node.quote()
    assert running.heard == ["stop"]
    assert node.orders(name) == {}
    assert node.strategy(name) is None


def test_a_stopped_strategy_is_started_afresh_under_its_id(node):
    node.publish("1")
    name = deployed(node, start="buy")
    node.quote(2)
    first = node.strategy(name)
    node.ask("strategy.stop", strategy=name, cancel_orders=False)
    view = node.ask("strategy.start", strategy=name)
    assert (view.strategy, view.state) == (name, "running")
    node.quote()
    assert node.strategy(name) is not first
    assert first.heard[-1] == "stop"
    assert len(node.orders(name)) == 2  # ids go on counting
    assert node.strategy(name).heard.count("quote") == 1


def test_what_cannot_be_is_refused(node):
    node.publish("1")
    name = deployed(node, start="buy")
    node.quote()
    for command, rule in (
        ("strategy.start", "failed or stopped to be started"),
        ("strategy.resume", "paused to be resumed"),
        ("strategy.remove", "failed or stopped to be removed"),
    ):
        with pytest.raises(InputError, match=rule):
            node.ask(command, strategy=name)
    with pytest.raises(InputError, match="must be deployed"):
        node.ask("strategy.stop", strategy="script-099", cancel_orders=False)
    node.ask("strategy.stop", strategy=name, cancel_orders=False)
    with pytest.raises(InputError, match="running to be stopped"):
        node.ask("strategy.stop", strategy=name, cancel_orders=False)
    with pytest.raises(InputError, match="no working order"):
        node.ask("strategy.remove", strategy=name)


def test_a_strategy_is_quiet_although_that_cannot_be_written_and_everybody_learns_both(node):
    node.publish("1")
    name = deployed(node, quote="buy")
    node.broken = "audit"
    with pytest.raises(StoreError, match="disk is full"):
        node.ask("strategy.pause", strategy=name, cancel_orders=False)
    node.quote()
    assert set(node.orders(name).values()) == {"DENIED"}
    with pytest.raises(StoreError):
        node.ask("strategy.resume", strategy=name)  # what loosens must be written first
    node.quote()
    assert set(node.orders(name).values()) == {"DENIED"}


# --- replace ----------------------------------------------------------------------------------


def replace(node, name, version="2", **on):
    return node.ask(
        "strategy.replace", strategy=name, version=version, parameters={"on": on} if on else None
    )


def test_a_new_version_goes_on_with_the_orders_and_the_id_of_the_old_one(node):
    node.publish("1")
    node.publish("2")
    name = deployed(node, start="buy")
    node.quote()
    old = node.strategy(name)
    view = replace(node, name, quote="cancel")
    assert (view.strategy, view.version, view.working_orders) == (name, "2", 1)
    node.quote()
    assert node.strategy(name) is not old
    assert list(node.orders(name).values()) == ["CANCELED"]
    assert node.strategy(name).heard[-1] == "OrderCanceled"
    assert "stop" not in old.heard  # it is not asked to tidy up what is not its own any more
    assert node.heard_of(name)[-2:] == ["replaced", "running"]


def test_the_old_one_hears_and_asks_for_nothing_once_it_is_replaced(node):
    node.publish("1")
    node.publish("2")
    name = deployed(node, quote="buy")
    old = node.strategy(name)
    replace(node, name, quote="")
    before = list(old.heard)
    node.quote(3)
    old.on_quote_tick(None)  # as by a timer of its own that still runs
    assert old.heard == before
    assert node.orders(name) == {}


@pytest.mark.parametrize(
    "on", [{"start": "buy,cancel,raise"}, {"start": "exit"}, {"init": "raise"}]
)
def test_when_the_new_version_cannot_start_the_old_one_goes_on_as_if_nothing_had_been(node, on):
    node.publish("1")
    node.publish("2")
    name = deployed(node, start="buy")
    node.quote(2)
    old, heard = node.strategy(name), len(node.strategy(name).heard)
    with pytest.raises(StrategyFailed):
        replace(node, name, **on)
    assert node.strategy(name) is old
    assert old.is_running
    node.quote(2)
    assert list(node.orders(name).values()) == ["ACCEPTED"]  # neither cancelled nor doubled
    assert old.heard[heard:] == ["quote", "quote"]
    view = next(v for v in node.ask("strategy.list") if v.strategy == name)
    assert (view.version, view.state) == ("1", "running")
    node.ask("strategy.pause", strategy=name, cancel_orders=False)  # and can be steered


def test_a_replacement_that_cannot_be_written_does_not_take_place(node, monkeypatch):
    node.publish("1")
    node.publish("2")
    name = deployed(node, quote="buy")
    old = node.strategy(name)
    from nautilus_lab.trading.node import _deployed

    def full(path, data):
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(_deployed, "write_whole", full)
        with pytest.raises(StoreError):
            replace(node, name, start="buy")
    assert node.strategy(name) is old
    node.quote()
    assert list(node.orders(name).values()) == ["ACCEPTED"]


def test_claims_on_instruments_pass_to_the_new_version_and_back_when_it_fails(node):
    node.publish("1")
    node.publish("2")
    claim = {"external_order_claims": ["AAPL.PAPER"]}
    node.ask("strategy.deploy", name="script", version="1", parameters=claim)
    claims = node.engine.kernel.exec_engine._external_order_claims
    with pytest.raises(StrategyFailed):
        node.ask(
            "strategy.replace",
            strategy="script-002",
            version="2",
            parameters=claim | {"on": {"start": "raise"}},
        )
    assert [str(owner) for owner in claims.values()] == ["script-002"]
    node.ask("strategy.replace", strategy="script-002", version="2")
    assert [str(owner) for owner in claims.values()] == ["script-002"]


def test_a_paused_one_is_replaced_paused_a_stopped_one_stopped_and_a_fallen_one_runs(node):
    node.publish("1")
    node.publish("2")
    names = [deployed(node, start="buy") for _ in range(3)]
    node.quote()
    node.ask("strategy.pause", strategy=names[0], cancel_orders=False)
    node.ask("strategy.stop", strategy=names[1], cancel_orders=False)
    node.strategy(names[2]).on_start = None
    fall(node, names[2])
    assert [replace(node, name).state for name in names] == ["paused", "stopped", "running"]
    node.quote()
    # The paused one's order at its start was denied, the stopped one was not started.
    assert list(node.orders(names[0]).values()) == ["ACCEPTED", "DENIED"]
    assert list(node.orders(names[1]).values()) == ["ACCEPTED"]
    assert list(node.orders(names[2]).values()) == ["CANCELED", "ACCEPTED"]


def test_stopping_does_not_wait_for_another_ones_code_to_load(node):
    """The code of a new version may import for seconds; who says stop is heard at once."""
    node.publish("1")
    node.publish("2", "import time\n\ntime.sleep(0.5)\n")
    name = deployed(node, quote="buy")

    async def both():
        replacing = asyncio.ensure_future(
            node.aask("strategy.replace", strategy=name, version="2", parameters=None)
        )
        await asyncio.sleep(0.1)
        view = await node.aask("strategy.stop", strategy=name, cancel_orders=True)
        assert not replacing.done()
        with pytest.raises(InputError, match="left alone while its code is loaded"):
            await replacing
        return view

    assert asyncio.run(both()).state == "stopped"
    view = next(v for v in node.ask("strategy.list") if v.strategy == name)
    assert (view.state, view.version) == ("stopped", "1")
    assert node.strategy(name) is None


def test_two_that_are_deployed_at_once_are_two(node):
    node.publish("1")

    async def both():
        return await asyncio.gather(
            *(node.aask("strategy.deploy", name="script", version="1") for _ in range(2))
        )

    views = asyncio.run(both())
    assert {view.strategy for view in views} == {"script-002", "script-003"}


# --- falling ----------------------------------------------------------------------------------


def fall(node, name):
    """Let a strategy raise at the next quote."""
    running = node.strategy(name)
    running.heard = None  # `None.append` raises
    node.quote()


@pytest.mark.parametrize("how", ["raise", "exit"])
def test_a_strategy_that_raises_ends_alone_and_everybody_is_told(node, how):
    node.publish("1")
    name, other = deployed(node, quote=how), deployed(node)
    node.quote(3)
    assert node.state(name) == "failed"
    assert node.strategy(name) is None
    assert node.strategy(other).heard == ["quote"] * 3
    assert node.state("HoldTargets-001") == "running"
    assert node.heard_of(name)[-1] == "failed"
    (alert,) = node.alerts()
    assert (alert.component, alert.severity) == (name, "critical")
    assert "on_quote_tick raised" in alert.detail or "handle_quote_tick raised" in alert.detail
    assert node.states[f"strategy.state.T-1.{name}"].state == "failed"
    assert "strategy.fell" in [kind for kind, _, _ in node.audited]


def test_a_function_that_a_strategy_subscribed_is_gone_with_it(node):
    node.publish(
        "1",
        """
        class Listens(Script):
            def on_start(self):
                self.msgbus.subscribe("any.topic", lambda message: 1 / 0)
        """,
    )
    path = node.folder / "script-1.py"
    node.registry.publish(path, "listens", "1", strategy="Listens")
    names = [node.ask("strategy.deploy", name="listens", version="1").strategy for _ in range(2)]
    bus = node.engine.kernel.msgbus
    node.ask("strategy.stop", strategy=names[0], cancel_orders=False)
    assert bus.has_subscribers("any.topic")
    bus.publish("any.topic", "x")
    node.do_what_waits()
    assert node.state(names[1]) == "failed"
    assert not bus.has_subscribers("any.topic")


@pytest.mark.parametrize(("keep", "left"), [("cancel", "CANCELED"), ("keep", "ACCEPTED")])
def test_its_working_orders_are_cancelled_or_kept_as_its_deployment_says(node, keep, left):
    node.publish("1")
    node.ask(
        "strategy.deploy",
        name="script",
        version="1",
        parameters={"on": {"start": "buy"}},
        when_it_falls=keep,
    )
    node.quote()
    fall(node, "script-002")
    node.quote()
    assert node.orders("script-002") == {next(iter(node.orders("script-002"))): left}


def test_an_order_that_was_on_its_way_when_it_fell_is_cancelled_when_it_arrives(node):
    node.publish("1")
    name = deployed(node, quote="buy,raise")
    node.quote(2)
    assert list(node.orders(name).values()) == ["CANCELED"]


def test_a_fallen_strategy_is_started_again_and_its_orders_work(node):
    node.publish("1")
    name = deployed(node)
    fall(node, name)
    node.ask("strategy.start", strategy=name)
    assert node.state(name) == "running"
    replace(node, name, version="1", start="buy")
    node.quote(2)
    assert list(node.orders(name).values()) == ["ACCEPTED"]


def test_the_node_lives_although_a_fall_can_neither_be_written_nor_told(node, monkeypatch):
    node.publish("1")
    name = deployed(node, start="buy")
    node.quote()
    node.broken = "audit"

    def unwilling(body, topic):
        raise StoreError("the disk is full")

    monkeypatch.setattr(node.deployments, "_tell", unwilling)
    fall(node, name)
    node.quote()
    assert node.state(name) == "failed"
    assert list(node.orders(name).values()) == ["CANCELED"]


# --- coming back ------------------------------------------------------------------------------


def test_everything_comes_back_as_it_was_after_a_kill(nodes):
    """The first node ends without a word: all that the second knows is on the disk."""
    node = nodes().begin()
    node.publish("1")
    node.publish("2")
    names = [deployed(node, quote="buy") for _ in range(4)]
    node.ask("strategy.pause", strategy=names[1], cancel_orders=False)
    node.ask("strategy.stop", strategy=names[2], cancel_orders=False)
    fall(node, names[3])
    replace(node, names[0])
    again = nodes().begin()
    states = {v.strategy: (v.state, v.version) for v in again.ask("strategy.list")}
    assert states == {
        "HoldTargets-001": ("running", "1"),
        names[0]: ("running", "2"),
        names[1]: ("paused", "1"),
        names[2]: ("stopped", "1"),
        names[3]: ("failed", "1"),
    }
    failed = next(v for v in again.ask("strategy.list") if v.strategy == names[3])
    assert "raised AttributeError" in failed.reason
    again.quote()
    assert again.strategy(names[2]) is again.strategy(names[3]) is None
    assert set(again.orders(names[0]).values()) == {"ACCEPTED"}
    assert set(again.orders(names[1]).values()) == {"DENIED"}
    assert again.ask("strategy.deploy", name="script", version="2").strategy == "script-006"
    assert [f["hash"] for k, f, _ in again.audited if k == "strategy.loaded"][1] != ""


def test_changed_code_does_not_come_back_and_the_node_starts_without_it(nodes):
    node = nodes().begin()
    node.publish("1")
    name, other = deployed(node), deployed(node)
    folder = node.registry.folder / "script" / "1"
    # Both source and manifest: what was deployed is known from elsewhere.
    for file in folder.iterdir():
        file.chmod(0o600)
        file.unlink()
    folder.rmdir()
    node.publish("1", "# another strategy altogether\n")
    again = nodes().begin()
    assert [again.state(n) for n in (name, other)] == ["failed", "failed"]
    assert again.state("HoldTargets-001") == "running"
    view = next(v for v in again.ask("strategy.list") if v.strategy == name)
    assert "code must be what was deployed" in view.reason
    with pytest.raises(StrategyFailed, match="what was deployed"):
        again.ask("strategy.start", strategy=name)


def test_one_in_whose_code_the_node_was_stuck_is_left_out_of_its_next_life(nodes):
    node = nodes().begin()
    node.publish("1")
    stuck = node.ask("strategy.deploy", name="script", version="1").strategy
    other = node.ask("strategy.deploy", name="script", version="1").strategy
    (node.folder / "held_up.json").write_text(f'{{"strategy":"{stuck}","where":"on_bar"}}')
    again = nodes().begin()
    assert (again.state(stuck), again.state(other)) == ("failed", "running")
    assert again.strategy(stuck) is None
    (alert,) = again.alerts()
    assert (alert.severity, alert.component) == ("critical", stuck)
    assert "on_bar did not return" in alert.detail
    assert ("strategy.fell", "node") in [(kind, actor) for kind, _, actor in again.audited]
    # It is started again by a person, and blamed no second time.
    again.ask("strategy.start", strategy=stuck)
    assert nodes().begin().state(stuck) == "running"


def test_source_that_never_ends_is_given_up_and_others_are_loaded(node, monkeypatch):
    over = threading.Event()
    load = node.registry.load

    def loads(found):
        if found.version == "1":
            over.wait(10)
        return load(found)

    node.publish("1")
    node.publish("2")
    monkeypatch.setattr(node.registry, "load", loads)
    monkeypatch.setattr("nautilus_lab.trading.node._strategy_commands._LOAD_S", 0.05)

    async def both():
        with pytest.raises(StrategyFailed, match=r"executed within 0\.05 s"):
            await node.aask("strategy.deploy", name="script", version="1")
        over.set()
        monkeypatch.setattr("nautilus_lab.trading.node._strategy_commands._LOAD_S", 10.0)
        return await node.aask("strategy.deploy", name="script", version="2")

    assert asyncio.run(both()).state == "running"


def test_one_that_raises_as_the_node_starts_falls_alone(nodes):
    node = nodes().begin()
    node.publish("1", "import os\n\n\nclass Later(Script):\n    pass\n")
    name = deployed(node)
    kept = json.loads((node.folder / "deployed.json").read_text())
    kept["deployments"][1]["parameters"] = {"on": {"start": "buy,raise"}}
    (node.folder / "deployed.json").write_text(json.dumps(kept))
    again = nodes().begin()
    again.quote(2)
    assert again.state(name) == "failed"
    assert set(again.orders(name).values()) <= {"CANCELED"}
    assert again.state("HoldTargets-001") == "running"


@pytest.mark.parametrize(
    "text", ["", "{", '{"next_number": 1}', '{"v": 2, "next_number": 1, "deployments": []}']
)
def test_a_list_that_nobody_can_read_keeps_the_node_from_starting(nodes, text):
    node = nodes().begin()
    (node.folder / "deployed.json").write_text(text)
    with pytest.raises(StoreError, match="list of deployed strategies"):
        nodes().begin()


def test_before_the_node_stops_strategies_do_nothing_more(node):
    node.publish("1")
    name = deployed(node, start="buy", stop="cancel,buy")
    node.quote()
    node.deployments.rest()
    node.engine.kernel.trader.stop()
    assert list(node.orders(name).values()) == ["ACCEPTED"]


# --- targets ----------------------------------------------------------------------------------


def table(node, weights, *, days=5, as_of_days=0, **more):
    return target_table(
        weights,
        universe=weights,
        as_of_ns=node.now_ns - as_of_days * DAY,
        valid_until_ns=node.now_ns + days * DAY,
        now_ns=node.now_ns,
        name="tilt",
        **more,
    )


def give(node, made):
    from msgspec.structs import asdict

    return node.ask("node.targets", **asdict(made))


def held(node):
    return {
        p.instrument_id.symbol.value: float(p.signed_qty)
        for p in node.engine.cache.positions_open()
    }


def test_a_table_is_traded_kept_audited_and_shown(nodes):
    node = nodes().begin()
    node.quote(20)
    made = table(node, {"AAPL": 0.5, "MSFT": 0.0})
    assert give(node, made).startswith("HoldTargets-001 trades towards tilt")
    node.quote(20)
    assert held(node) == {"AAPL": 500.0}
    assert node.ask("targets.show") == made
    facts, actor = next(row[1:] for row in node.audited if row[0] == "targets.set")
    assert (facts["hash"], actor) == (made.hash, ANA.name)
    again = nodes().begin()
    assert again.ask("targets.show") == made
    again.quote(20)
    assert held(again) == {"AAPL": 500.0}


def test_weights_without_a_hash_are_sealed_by_the_node(node):
    node.ask("node.targets", weights={"MSFT": 0.2}, name="by hand")
    shown = node.ask("targets.show")
    assert (shown.name, shown.universe, len(shown.hash)) == ("by hand", ("MSFT",), 64)
    assert shown.as_of_ns == node.now_ns


def test_a_table_that_is_refused_leaves_the_one_that_is_traded(node):
    good = table(node, {"AAPL": 0.2})
    give(node, good)
    node.quote(10)
    for bad, rule in (
        (table(node, {"AAPL": 0.3}, as_of_days=30), "at most 7 days old"),
        (table(node, {"AAPL": 0.3}, as_of_days=1), "not be older"),
        (table(node, {"ZZZZ": 0.3}), "trade at the venue"),
    ):
        with pytest.raises(InputError, match=rule):
            give(node, bad)
    node.quote(10)
    assert held(node) == {"AAPL": 200.0}
    assert node.ask("targets.show") == good


def test_when_a_table_has_run_out_nothing_is_sent_and_everybody_is_told_once(node, monkeypatch):
    give(node, table(node, {"AAPL": 0.2}))
    node.quote(10)
    assert held(node) == {"AAPL": 200.0}
    running = node.strategy("HoldTargets-001")
    running._valid_until_ns = 1  # by the engine's clock, which is not the node's
    node.now_ns += 6 * DAY
    for _ in range(3):
        node.deployments.publish()
    (alert,) = node.alerts()
    assert "ran out at" in alert.detail
    assert "ran out at" in node.states["strategy.state.T-1.HoldTargets-001"].detail
    before = len(node.orders("HoldTargets-001"))
    node.quote(10, price="50.00")
    assert len(node.orders("HoldTargets-001")) == before
    give(node, table(node, {"AAPL": 0.4}))
    node.quote(20)
    assert len(node.orders("HoldTargets-001")) > before
    node.deployments.publish()
    assert node.states["strategy.state.T-1.HoldTargets-001"].detail == ""


def test_a_table_names_the_strategy_that_shall_trade_it_where_there_are_several(node):
    node.publish("1")
    name = deployed(node)
    with pytest.raises(InputError, match="must name the strategy"):
        give(node, table(node, {"AAPL": 0.2}))
    give(node, table(node, {"AAPL": 0.1}, strategy=name))
    assert node.strategy(name).heard[-1] == {"AAPL.PAPER": 0.1}
    assert node.ask("targets.show", strategy="HoldTargets-001") is None
    assert node.ask("targets.show", strategy=name).weights == {"AAPL": 0.1}
    with pytest.raises(InputError, match="must be deployed"):
        give(node, table(node, {"AAPL": 0.1}, strategy="tilt-077"))


def test_a_stopped_strategy_finds_its_new_table_when_it_is_started(node):
    node.ask("strategy.stop", strategy="HoldTargets-001", cancel_orders=True)
    said = give(node, table(node, {"AAPL": 0.2}))
    assert "once it is started" in said
    node.ask("strategy.start", strategy="HoldTargets-001")
    node.quote(20)
    assert held(node) == {"AAPL": 200.0}


def test_a_resumed_strategy_does_not_wait_out_what_was_denied_meanwhile(node):
    node.ask("strategy.pause", strategy="HoldTargets-001", cancel_orders=False)
    before = len(node.orders("HoldTargets-001"))
    node.quote(40)
    denied = list(node.orders("HoldTargets-001").values())[before:]
    assert set(denied) == {"DENIED"}
    assert len(denied) < 20  # ever more rarely
    node.ask("strategy.resume", strategy="HoldTargets-001")
    node.quote(2)
    assert list(node.orders("HoldTargets-001").values())[-1] == "FILLED"


def test_a_table_on_the_disk_that_is_none_keeps_the_node_from_starting(nodes):
    node = nodes()
    (node.folder / "targets-HoldTargets-001.json").write_text('{"weights": {"AAPL": 2}}')
    with pytest.raises(LabError, match="must be readable"):
        node.begin()
