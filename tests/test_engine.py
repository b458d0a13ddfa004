"""One life cycle for everything that lives."""

import dataclasses
import itertools

import pytest

from nautilus_lab.engine import Engine, Health, Lifecycle, LiveEngine, State
from nautilus_lab.exceptions import LifecycleError

S = State

# DESIGN: READY -> STARTING -> RUNNING -> STOPPING -> STOPPED, DEGRADED and FAULTED.
_MOVES = {
    (S.READY, S.STARTING),
    (S.READY, S.STOPPED),
    (S.STARTING, S.RUNNING),
    (S.STARTING, S.DEGRADED),
    (S.STARTING, S.STOPPING),
    (S.STARTING, S.FAULTED),
    (S.RUNNING, S.DEGRADED),
    (S.RUNNING, S.STOPPING),
    (S.RUNNING, S.FAULTED),
    (S.DEGRADED, S.RUNNING),
    (S.DEGRADED, S.STOPPING),
    (S.DEGRADED, S.FAULTED),
    (S.STOPPING, S.STOPPED),
    (S.STOPPING, S.FAULTED),
    (S.STOPPED, S.STARTING),
    (S.FAULTED, S.STOPPING),
    (S.FAULTED, S.STARTING),
}


@pytest.mark.parametrize(("begin", "end"), list(itertools.product(State, State)))
def test_a_state_leads_where_the_life_cycle_leads_and_nowhere_else(begin, end):
    life = Lifecycle(owner="streaming", state=begin)
    if (begin, end) in _MOVES:
        life.move(end, "why")
        assert (life.state, life.detail) == (end, "why")
    else:
        with pytest.raises(LifecycleError, match=f"streaming can go from {begin.value} to"):
            life.move(end, "why")
        assert (life.state, life.detail) == (begin, "")


def test_a_refused_move_names_where_one_could_go():
    with pytest.raises(LifecycleError) as caught:
        Lifecycle(owner="node", state=S.RUNNING).move(S.STARTING)
    assert caught.value.rule == "node can go from running to degraded, faulted, stopping"
    assert caught.value.value == "starting"


def test_health_tells_the_state_the_reason_and_since_when():
    life = Lifecycle(owner="node")
    begun = life.health().since_ns
    life.move(S.STARTING)
    life.move(S.DEGRADED, "no quotes for 5 s")
    health = life.health()
    assert (health.state, health.detail) == (S.DEGRADED, "no quotes for 5 s")
    assert health.since_ns >= begun > 1_600_000_000_000_000_000
    life.move(S.RUNNING)
    assert life.health().detail == ""


@pytest.mark.parametrize("state", State)
def test_an_engine_does_its_work_when_ready_or_running(state):
    assert Health(state=state).ok is (state in {S.READY, S.RUNNING})


def test_health_does_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Health(state=S.READY).state = S.FAULTED


def test_an_engine_is_known_by_what_it_can_do():
    class Answers:
        name = "answers"

        def health(self):
            return Health(state=S.READY)

    class Lives(Answers):
        async def start(self):
            return self

        async def stop(self):
            pass

    assert isinstance(Answers(), Engine)
    assert not isinstance(Answers(), LiveEngine)
    assert isinstance(Lives(), LiveEngine)
    assert not isinstance(object(), Engine)
