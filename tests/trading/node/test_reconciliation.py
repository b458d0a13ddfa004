"""Holding the book against the venues', one of which may be away."""

import asyncio

import pytest

from nautilus_lab.engine import State
from nautilus_lab.exceptions import DeadlineExceeded
from nautilus_lab.trading.node._condition import NodeCondition
from nautilus_lab.trading.node._reconciliation import Reconciliation


class Venue:
    """One venue's answers: what differs at each look, the last again and again."""

    def __init__(self, *differing: set[str], unknown: tuple[str, ...] = ()) -> None:
        self.away = False
        self.caught_up = 0
        self.unknown = list(unknown)
        self._differing = list(differing) or [set()]

    async def catch_up(self) -> list[str]:
        if self.away:
            raise DeadlineExceeded("the paper venue must answer within 5 s")
        self.caught_up += 1
        return self.unknown

    async def differences(self) -> set[str]:
        if len(self._differing) > 1:
            return self._differing.pop(0)
        return set(self._differing[0])


@pytest.fixture
def condition():
    condition = NodeCondition("node T-1")
    condition.move(State.STARTING)
    condition.move(State.RUNNING)
    return condition


def look(condition, rounds=1, **venues):
    reconciliation = Reconciliation(
        {name: venue.catch_up for name, venue in venues.items()},
        lambda name: venues[name].differences(),
        condition,
        look_again_s=0.0,
    )

    async def all_rounds():
        for _ in range(rounds):
            await reconciliation.look()

    asyncio.run(all_rounds())


def test_what_differs_is_told_once_it_is_known_and_that_all_agrees_again(condition):
    venue = Venue(*[{"AAPL.PAPER"}] * 42, set())
    found = []
    reconciliation = Reconciliation(
        {"PAPER": venue.catch_up},
        lambda name: venue.differences(),
        condition,
        look_again_s=0.0,
        on_found=found.append,
    )

    async def rounds():
        for _ in range(3):
            await reconciliation.look()

    asyncio.run(rounds())
    assert found == [{"AAPL.PAPER"}, frozenset()]


def test_a_venue_that_is_away_keeps_no_other_from_being_looked_at(condition):
    first, second = Venue(), Venue({"AAPL.BETA"})
    first.away = True
    look(condition, rounds=2, PAPER=first, BETA=second)
    assert second.caught_up == 2
    assert "must answer within 5 s" in condition.detail
    assert "not as the venue has it: AAPL.BETA" in condition.detail


def test_two_rounds_that_differ_degrade_the_node_and_one_that_agrees_mends_it(condition):
    look(condition, rounds=1, PAPER=Venue({"AAPL.PAPER"}))
    assert condition.state is State.RUNNING
    look(condition, rounds=2, PAPER=Venue({"AAPL.PAPER"}))
    assert condition.state is State.DEGRADED
    look(condition, rounds=1, PAPER=Venue())
    assert condition.state is State.RUNNING


def test_fills_that_are_on_their_way_at_every_look_are_no_difference(condition):
    # Never do the two books agree as a whole, but each instrument does now and then.
    busy = [{"AAPL.PAPER", "JPM.PAPER"}, {"JPM.PAPER", "MSFT.PAPER"}, {"MSFT.PAPER"}] * 4
    look(condition, rounds=4, PAPER=Venue(*busy, {"AAPL.PAPER"}, {"JPM.PAPER"}, set()))
    assert condition.state is State.RUNNING


def test_a_difference_that_stays_is_found_among_fills_that_go_on(condition):
    busy = [{"AAPL.PAPER", "JPM.PAPER"}, {"AAPL.PAPER", "MSFT.PAPER"}] * 30
    look(condition, rounds=2, PAPER=Venue(*busy, {"AAPL.PAPER"}))
    assert condition.detail == "not as the venue has it: AAPL.PAPER"


def test_an_order_that_the_venue_does_not_know_is_a_difference(condition):
    look(condition, rounds=2, PAPER=Venue(unknown=("order M-1",)))
    assert condition.detail == "not as the venue has it: order M-1"


def test_a_difference_is_not_mended_by_its_venue_going_away(condition):
    venue = Venue({"AAPL.PAPER"})
    reconciliation = Reconciliation(
        {"PAPER": venue.catch_up}, lambda name: venue.differences(), condition, look_again_s=0.0
    )

    async def go():
        await reconciliation.look()
        await reconciliation.look()
        venue.away = True
        await reconciliation.look()

    asyncio.run(go())
    assert "not as the venue has it: AAPL.PAPER" in condition.detail
