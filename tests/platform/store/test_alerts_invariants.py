"""Whatever comes in whatever order: one alert is open at a time, and nothing is untold."""

import shutil
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nautilus_lab.platform.store import AlertLedger, AlertPlan, DeskStore

MINUTE_NS = 60 * 10**9

steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("raise"),
            st.sampled_from(["gross", "net"]),
            st.sampled_from(["", "warn", "critical", "breach", "ok"]),
        ),
        st.tuples(st.just("acknowledge"), st.integers(0, 20)),
        st.tuples(st.just("climb")),
        st.tuples(st.just("wait"), st.sampled_from([1, 30, 61])),
    ),
    max_size=25,
)


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A store that was made once, to be copied: to make one takes longer than all of the rest."""
    file = tmp_path_factory.mktemp("desk") / "desk.db"
    DeskStore.open(file).close()
    return file


@settings(max_examples=60, deadline=None)
@given(asked=steps)
def test_what_holds_of_alerts_holds_after_every_step(empty, asked):
    with tempfile.TemporaryDirectory() as folder:
        file = shutil.copy(empty, folder)
        with DeskStore.open(file) as desk:
            _take(desk, asked)


def _take(desk, asked):
    ledger, now, ids = AlertLedger(desk), MINUTE_NS, []

    def begin(alert):
        return AlertPlan(rank=1, channels=("log",), climbs_ns=now + MINUTE_NS)

    def climb(alert):
        rank = min(alert.rank + 1, 4)
        return AlertPlan(
            rank=rank, channels=("log",), climbs_ns=now + MINUTE_NS if rank < 4 else None
        )

    for step in asked:
        now += 1
        if step[0] == "raise":
            _, rule, level = step
            raised = desk.raise_alert("critical", "risk", rule, level=level, ts_ns=now)
            ids.append(raised.id)
            ledger.take(begin, now_ns=now)
        elif step[0] == "acknowledge" and ids:
            ledger.acknowledge(ids[step[1] % len(ids)], by="ana")
        elif step[0] == "climb":
            ledger.climb(climb, now_ns=now)
        elif step[0] == "wait":
            now += step[1] * MINUTE_NS
        _check(desk, ledger)


def _check(desk, ledger):
    alerts = desk.alerts()
    open_ = desk.alerts(open_only=True)
    keys = [(one.rule, one.scope) for one in open_]
    assert len(set(keys)) == len(keys)  # one of each is open at a time
    told = {one.alert_id for one in ledger.deliveries([one.id for one in alerts])}
    first = {one.id: one for one in alerts}
    for one in alerts:
        assert one.taken_ns is not None
        # It was told, or it is counted at one that was.
        assert one.id in told or first[one.repeat_of].id in told
        assert (one.id in told) != (one.repeat_of is not None)
        if not one.is_open:
            assert one.climbs_ns is None
        assert 0 <= one.rank <= 4
    for one in open_:
        repeats = sum(other.repeat_of == one.id for other in alerts)
        assert one.count == 1 + repeats
        # Nobody is left without a deadline below the last rank.
        assert one.climbs_ns is not None or one.rank == 4
