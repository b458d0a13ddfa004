"""What the algorithms refuse before anything is sent."""

import math
from decimal import Decimal

import pytest
from nautilus_trader.model.enums import OrderStatus

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.algorithms import Pov, Smart, Twap, Vwap, volume_schedule
from nautilus_lab.platform.commands import SubmitOrder
from tests.execution.algorithms.market import Market, quote, share

NEAR = share("NEAR")
TIMED = {"horizon_secs": 60, "interval_secs": 10}


def asked(algorithm, parameters, **changed):
    facts = {"instrument": "AAPL.NEAR", "side": "BUY", "quantity": Decimal(100)}
    return SubmitOrder(**facts | changed, algorithm=algorithm, parameters=parameters)


@pytest.mark.parametrize(
    ("algorithm", "parameters"),
    [
        (Vwap(), TIMED),
        (Vwap(), TIMED | {"profile": "0.5, 0.25, 0.25", "min_slice": 5, "catch_up": False}),
        (Pov(), {"rate": 0.1, "horizon_secs": 60}),
        (Pov(), {"rate": 1, "horizon_secs": 60.5, "max_slice": 10, "min_slice": 10}),
        (Smart(), {}),
        (Smart(), {"rounds": 1, "wait_secs": 0.1, "policy": "best price"}),
    ],
)
def test_what_an_algorithm_can_work_it_takes(algorithm, parameters):
    algorithm.require(asked(algorithm.id.value, parameters))


@pytest.mark.parametrize(
    ("algorithm", "parameters", "message"),
    [
        (Vwap(), {}, "horizon_secs of VWAP must be a number"),
        (Vwap(), TIMED | {"horizon_sec": 60}, "must know each parameter"),
        (Vwap(), TIMED | {"horizon_secs": "60"}, "horizon_secs of VWAP must be a number"),
        (Vwap(), TIMED | {"horizon_secs": True}, "horizon_secs of VWAP must be a number"),
        (Vwap(), TIMED | {"horizon_secs": -60}, "horizon_secs of VWAP must be a number"),
        (Vwap(), TIMED | {"horizon_secs": 10**9}, "at most 86400"),
        (Vwap(), TIMED | {"interval_secs": 61}, "at most 60"),
        (Vwap(), TIMED | {"interval_secs": 0.001}, "1 to 10000 slices"),
        (Vwap(), TIMED | {"profile": "U-shaped"}, "fractions that sum to 1"),
        (Vwap(), TIMED | {"profile": "0.5, 0.4"}, "fractions that sum to 1"),
        (Vwap(), TIMED | {"profile": "1.5, -0.5"}, "fractions that sum to 1"),
        (Vwap(), TIMED | {"profile": "nan, 1"}, "fractions that sum to 1"),
        (Vwap(), TIMED | {"profile": ""}, "fractions that sum to 1"),
        (Vwap(), TIMED | {"profile": ",".join(["0.0005"] * 2000)}, "fractions that sum to 1"),
        (Vwap(), TIMED | {"profile": "history"}, "whose volume is known"),
        (Vwap(), TIMED | {"min_slice": 0}, "min_slice of VWAP"),
        (Vwap(), TIMED | {"catch_up": 1}, "catch_up of VWAP must be true or false"),
        (Pov(), {"horizon_secs": 60}, "rate of POV"),
        (Pov(), {"rate": 1.01, "horizon_secs": 60}, "rate of POV"),
        (Pov(), {"rate": 0, "horizon_secs": 60}, "rate of POV"),
        (Pov(), {"rate": 0.1}, "horizon_secs of POV"),
        (Pov(), {"rate": 0.1, "horizon_secs": 6, "interval_secs": 7}, "interval_secs of POV"),
        (
            Pov(),
            {"rate": 0.1, "horizon_secs": 6, "max_slice": 5, "min_slice": 6},
            "min_slice of POV",
        ),
        (Smart(), {"rounds": 0}, "rounds of SMART must be a whole number from 1 to 20"),
        (Smart(), {"rounds": 2.0}, "rounds of SMART must be a whole number"),
        (Smart(), {"wait_secs": 61}, "wait_secs of SMART"),
        (Smart(), {"policy": "cheapest"}, "a policy must be one of those known"),
        (Smart(), {"urgency": "high"}, "must know each parameter"),
    ],
)
def test_what_it_cannot_work_is_refused_with_the_rule(algorithm, parameters, message):
    with pytest.raises(InputError, match=message):
        algorithm.require(asked(algorithm.id.value, parameters))


@pytest.mark.parametrize("algorithm", [Vwap(), Pov(), Smart()])
@pytest.mark.parametrize(
    "changed",
    [
        {"order_type": "STOP_MARKET", "trigger_price": Decimal(99)},
        {"order_type": "LIMIT", "limit_price": Decimal(99), "time_in_force": "FOK"},
        {"time_in_force": "AT_THE_OPEN"},
        {"order_type": "LIMIT", "limit_price": Decimal(99), "post_only": True},
        {"order_type": "LIMIT", "limit_price": Decimal(99), "emulate": True},
    ],
)
def test_an_order_that_cannot_be_cut_is_refused(algorithm, changed):
    parameters = {"VWAP": TIMED, "POV": {"rate": 0.1, "horizon_secs": 60}, "SMART": {}}
    name = algorithm.id.value
    with pytest.raises(InputError):
        algorithm.require(asked(name, parameters[name], **changed))


@pytest.mark.parametrize(
    ("algorithm", "told"),
    [
        ("VWAP", {"horizon_secs": 60}),
        ("POV", {"rate": math.nan, "horizon_secs": 60}),
        ("SMART", {"rounds": "many"}),
        ("TWAP", {"horizon_secs": 60, "interval_secs": 10, "slices": 6}),
    ],
)
def test_a_strategy_that_asks_for_nonsense_has_its_order_denied(algorithm, told):
    data = [quote(NEAR, s, 99.98, 100.02) for s in range(5)]
    market = Market([NEAR], data, {1: lambda s: s.ask(algorithm, NEAR, 100, **told)}).run()
    assert market.parent.status == OrderStatus.DENIED
    assert market.children == []
    assert market.parent.last_event in market.script.events


@pytest.mark.parametrize("algorithm", ["VWAP", "POV", "SMART", "TWAP"])
def test_orders_of_a_list_are_denied_all_of_them(algorithm):
    def act(script):
        from nautilus_trader.model.enums import OrderSide
        from nautilus_trader.model.identifiers import ExecAlgorithmId
        from nautilus_trader.model.objects import Price, Quantity

        bracket = script.order_factory.bracket(
            NEAR.id,
            OrderSide.BUY,
            Quantity.from_int(100),
            sl_trigger_price=Price.from_str("90.00"),
            tp_price=Price.from_str("120.00"),
            entry_exec_algorithm_id=ExecAlgorithmId(algorithm),
        )
        script.parent = bracket.first
        script.submit_order_list(bracket)

    data = [quote(NEAR, s, 99.98, 100.02) for s in range(5)]
    market = Market([NEAR], data, {1: act}).run()
    assert [o.status for o in market.orders.values()] == [OrderStatus.DENIED] * 3


def test_twap_needs_a_lot_for_each_slice_and_says_so():
    data = [quote(NEAR, s, 99.98, 100.02) for s in range(5)]
    told = {"horizon_secs": 100.0, "interval_secs": 10.0}
    market = Market([NEAR], data, {1: lambda s: s.ask("TWAP", NEAR, 9, **told)}).run()
    assert market.parent.status == OrderStatus.DENIED
    assert "a lot at least for each slice" in market.parent.last_event.reason


def test_a_schedule_needs_volume_somewhere():
    for profile in ([], [0.0, 0.0], [math.nan], [-1.0, 2.0], [math.inf]):
        with pytest.raises(InputError):
            volume_schedule(Decimal(100), Decimal(1), profile=profile, horizon_ns=10, interval_ns=5)


def test_a_schedule_ends_where_the_volume_does():
    slices = volume_schedule(
        Decimal(100), Decimal(1), profile=[1, 1, 0, 0], horizon_ns=4, interval_ns=1
    )
    assert [(s.after_ns, int(s.total)) for s in slices] == [(0, 50), (1, 100)]


def test_a_schedule_finer_than_its_profile_spreads_each_part_evenly():
    slices = volume_schedule(
        Decimal(100), Decimal(1), profile=[0.8, 0.2], horizon_ns=4, interval_ns=1
    )
    assert [int(s.total) for s in slices] == [40, 80, 90, 100]


def test_a_schedule_coarser_than_its_profile_adds_its_parts():
    slices = volume_schedule(
        Decimal(100), Decimal(1), profile=[0.1, 0.2, 0.3, 0.4], horizon_ns=4, interval_ns=2
    )
    assert [int(s.total) for s in slices] == [30, 100]


def test_require_of_twap_is_asked_in_the_engine_it_runs_in():
    seen = []

    def act(script):
        twap = market.algorithms["TWAP"]
        assert isinstance(twap, Twap)
        twap.require(asked("TWAP", TIMED))
        for parameters, changed in (
            (TIMED | {"x": 1}, {}),
            ({"horizon_secs": 60}, {}),
            (TIMED, {"quantity": Decimal(5)}),
            (TIMED, {"order_type": "LIMIT", "limit_price": Decimal(99)}),
        ):
            with pytest.raises(InputError):
                twap.require(asked("TWAP", parameters, **changed))
            seen.append(parameters)
        script.ask("SMART", NEAR, 1)

    data = [quote(NEAR, s, 99.98, 100.02) for s in range(5)]
    market = Market([NEAR], data, {1: act})
    market.run()
    assert len(seen) == 4
