"""Limits that adjust themselves in a running book: what is asked, kept, lost, and swapped."""

import json
import math

import pytest

from nautilus_lab.exceptions import AccessDenied, InputError, LifecycleError, StoreError
from nautilus_lab.execution.gate import Adjusting, AuditedAdjustment, HighWater, LimitWatch
from nautilus_lab.execution.gate import _adjusting as module
from nautilus_lab.risk.adjustment import book_of
from nautilus_lab.risk.limits import (
    Holdings,
    LimitReport,
    LimitUtilisation,
    MaxVolatility,
    Measures,
)
from tests.execution.gate.stand import Stand

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
UNITS = {
    "limit": "max_position_units",
    "max_units": 100,
    "adjust": {"rule": "drawdown", "end": 0.2, "floor": 0.2, "ceiling": 1.5},
}


def held(now_ns, equity=1_000.0, high_water=1_000.0, **measures):
    return Holdings(
        positions=(),
        equity={"account": equity},
        high_water=high_water,
        now_ns=now_ns,
        measures=Measures.at(now_ns, **measures),
    )


def bound(adjusting):
    return adjusting.book.limits[0].max_units


def loosened(adjusting, to=1.2, lasts_s=60.0, now_ns=0):
    adjusting.propose(
        "max_position_units", to=to, requester="ann", reason="a test", lasts_s=lasts_s,
        now_ns=now_ns, note=lambda made: None,
    )  # fmt: skip
    (request,) = adjusting.requests
    adjusting.approve(request, by="bob", now_ns=now_ns, note=lambda records: None)
    return request


def test_a_loss_tightens_and_a_restart_resumes_there(tmp_path):
    path = tmp_path / "adjusted.json"
    adjusting = Adjusting(book_of([UNITS]), path=path)
    (record,) = adjusting.look(held(0, equity=900.0))
    assert (record.change, record.after, bound(adjusting)) == ("tightened", 0.5, 50.0)
    assert record.inputs == (("drawdown", 0.1, 0),)
    again = Adjusting(book_of([UNITS]), path=path, must_exist=True)
    assert (bound(again), again.lost) == (50.0, "")
    waits = "nothing increases: its rule was not asked yet"
    assert again.why("max_position_units") == waits
    again.look(held(1, equity=900.0))
    assert again.why("max_position_units") == "as it stood before the restart"


@pytest.mark.parametrize("spoil", ["{", '{"states": {"max_position_units": {"percent": 400}}}', ""])
def test_what_cannot_be_read_leads_to_the_floor(tmp_path, spoil):
    path = tmp_path / "adjusted.json"
    path.write_text(spoil)
    adjusting = Adjusting(book_of([UNITS]), path=path)
    assert bound(adjusting) == 20.0
    assert "it cannot be read" in adjusting.lost
    # From there it goes back by steps, and not to the base at once.
    adjusting.look(held(0))
    assert bound(adjusting) == 30.0


def test_a_file_that_is_gone_is_lost_when_there_must_be_one(tmp_path):
    path = tmp_path / "adjusted.json"
    assert bound(Adjusting(book_of([UNITS]), path=path)) == 100.0
    lost = Adjusting(book_of([UNITS]), path=path, must_exist=True)
    assert (bound(lost), lost.lost) == (20.0, "it is gone")


def test_a_grant_by_who_asked_that_somebody_wrote_into_the_file_is_not_believed(tmp_path):
    path = tmp_path / "adjusted.json"
    adjusting = Adjusting(book_of([UNITS]), path=path)
    adjusting.look(held(0))
    loosened(adjusting)
    kept = json.loads(path.read_text())
    kept["states"]["max_position_units"]["loosening"]["decided_by"] = "Ann"
    path.write_text(json.dumps(kept))
    assert bound(Adjusting(book_of([UNITS]), path=path)) == 20.0


def test_nor_is_one_beyond_the_ceiling(tmp_path):
    path = tmp_path / "adjusted.json"
    adjusting = Adjusting(book_of([UNITS]), path=path)
    adjusting.look(held(0))
    loosened(adjusting)
    path.write_text(path.read_text().replace('"to":1.2', '"to":9.0'))
    assert bound(Adjusting(book_of([UNITS]), path=path)) == 150.0


def test_what_cannot_be_kept_tightens_and_does_not_loosen(tmp_path, monkeypatch):
    adjusting = Adjusting(book_of([UNITS]), path=tmp_path / "adjusted.json")

    def full(path, kept):
        raise StoreError("the disk is full")

    monkeypatch.setattr(module, "write_kept", full)
    adjusting.look(held(0, equity=900.0))
    assert bound(adjusting) == 50.0
    assert adjusting.look(held(2 * MINUTE)) == ()
    assert bound(adjusting) == 50.0
    with pytest.raises(StoreError):
        loosened(adjusting, now_ns=2 * MINUTE)
    assert (adjusting.requests, bound(adjusting)) == ({}, 50.0)
    monkeypatch.undo()
    (record,) = adjusting.look(held(3 * MINUTE))
    assert (record.change, bound(adjusting)) == ("loosened", 60.0)


def test_what_cannot_be_kept_or_noted_is_not_granted(tmp_path, monkeypatch):
    adjusting = Adjusting(book_of([UNITS]), path=tmp_path / "adjusted.json")
    adjusting.look(held(0))
    adjusting.propose(
        "max_position_units", to=1.2, requester="ann", reason="a test", lasts_s=60, now_ns=0,
        note=lambda made: None,
    )  # fmt: skip
    (request,) = adjusting.requests

    def full(*_):
        raise StoreError("the disk is full")

    with pytest.raises(StoreError):
        adjusting.approve(request, by="bob", now_ns=0, note=full)
    assert bound(adjusting) == 100.0
    monkeypatch.setattr(module, "write_kept", full)
    with pytest.raises(StoreError):
        adjusting.approve(request, by="bob", now_ns=0, note=lambda records: None)
    assert (bound(adjusting), list(adjusting.requests)) == (100.0, [request])
    monkeypatch.undo()
    adjusting.approve(request, by="bob", now_ns=0, note=lambda records: None)
    assert bound(adjusting) == 120.0


def test_a_grant_outlives_a_restart_and_ends_in_time(tmp_path):
    path = tmp_path / "adjusted.json"
    adjusting = Adjusting(book_of([UNITS]), path=path)
    adjusting.look(held(0))
    loosened(adjusting, lasts_s=60)
    again = Adjusting(book_of([UNITS]), path=path)
    assert (bound(again), again.expires_ns) == (120.0, MINUTE)
    again.look(held(MINUTE - 1))
    assert bound(again) == 120.0
    (record,) = again.look(held(MINUTE))
    assert (record.change, bound(again), again.expires_ns) == ("expired", 100.0, None)


def test_a_request_outlives_a_restart_and_is_forgotten_when_it_is_over(tmp_path):
    path = tmp_path / "adjusted.json"
    adjusting = Adjusting(book_of([UNITS]), path=path)
    adjusting.propose(
        "max_position_units", to=1.2, requester="ann", reason="a test", lasts_s=60, now_ns=0,
        note=lambda made: None,
    )  # fmt: skip
    again = Adjusting(book_of([UNITS]), path=path)
    (request,) = again.requests
    with pytest.raises(AccessDenied):
        again.approve(request, by=" ANN", now_ns=1, note=lambda records: None)
    with pytest.raises(LifecycleError):
        again.approve(request, by="bob", now_ns=MINUTE, note=lambda records: None)
    again.look(held(MINUTE))
    assert again.requests == {}


def test_at_most_twenty_requests_wait():
    adjusting = Adjusting(book_of([UNITS]))
    for _ in range(20):
        adjusting.propose(
            "max_position_units", to=1.2, requester="ann", reason="a test", lasts_s=60, now_ns=0,
            note=lambda made: None,
        )  # fmt: skip
    with pytest.raises(InputError, match="at most 20"):
        loosened(adjusting)
    (first, *_) = adjusting.requests
    adjusting.revoke(first, by="ann", now_ns=0)
    assert len(adjusting.requests) == 19
    with pytest.raises(InputError, match="one that waits"):
        adjusting.revoke(first, by="ann", now_ns=0)


def test_inputs_may_come_late_and_be_away_for_a_minute():
    lacks = "its rule lacks an input: drawdown is missing"
    adjusting = Adjusting(book_of([UNITS]), wait_s=60)
    assert set(adjusting.waiting) == {0}
    for since in (0, 2 * MINUTE):
        assert adjusting.look(held(since, equity=math.nan)) == ()
        assert (adjusting.waiting, bound(adjusting)) == ({0: lacks}, 100.0)
        adjusting.look(held(since + MINUTE - 1))
        assert not adjusting.waiting


def test_without_a_wait_an_input_that_fails_tightens_at_once():
    adjusting = Adjusting(book_of([UNITS]))
    adjusting.look(held(0))
    (record,) = adjusting.look(held(SECOND, equity=math.nan))
    assert (record.change, bound(adjusting), adjusting.waiting) == ("failed_tight", 20.0, {})


def test_a_clock_that_goes_back_is_not_waited_for():
    adjusting = Adjusting(book_of([UNITS]), wait_s=60)
    adjusting.look(held(10 * MINUTE, equity=math.nan))
    (record,) = adjusting.look(held(5 * MINUTE, equity=math.nan))
    assert (record.change, bound(adjusting)) == ("failed_tight", 20.0)


def test_inputs_that_do_not_come_fail_tight():
    adjusting = Adjusting(book_of([UNITS]), wait_s=60)
    adjusting.look(held(0, equity=math.nan))
    adjusting.look(held(MINUTE - 1, equity=math.nan))
    assert bound(adjusting) == 100.0
    (record,) = adjusting.look(held(MINUTE, equity=math.nan))
    assert (record.change, record.reason) == ("failed_tight", "drawdown is missing")
    assert (bound(adjusting), adjusting.at_floor("max_position_units")) == (20.0, True)


# --- forecasts ----------------------------------------------------------------------------


FORETOLD = {
    "limit": "max_position_units",
    "max_units": 100,
    "adjust": {"rule": "breach_probability", "forecast": "max_position_units"},
}


def used(utilisation, part=1.0):
    row = LimitUtilisation(
        limit="max_position_units", scope="A.X", value=utilisation * part * 100,
        limit_value=part * 100, utilisation=utilisation, level="ok", part=part,
    )  # fmt: skip
    return LimitReport(rows=(row,))


def test_a_breach_that_gets_probable_tightens_and_its_own_tightening_does_not():
    adjusting = Adjusting(book_of([FORETOLD]))
    for look in range(40):
        now_ns = look * 5 * SECOND
        part = bound(adjusting) / 100
        adjusting.observe(used((0.3 + 0.01 * look) / part, part), now_ns)
        adjusting.look(held(now_ns))
        if look < 11:  # too few looks to tell: it has no say
            assert bound(adjusting) == 100.0
    assert bound(adjusting) == 25.0  # a straight line to a breach within 300 s
    quiet = Adjusting(book_of([FORETOLD]))
    for look in range(60):
        part = 1.0 if look < 20 else 0.5
        quiet.observe(used((0.4 + 0.001 * (look % 2)) / part, part), look * 5 * SECOND)
        quiet.look(held(look * 5 * SECOND))
    assert bound(quiet) == 100.0


def test_utilisation_that_is_not_known_fails_tight():
    adjusting = Adjusting(book_of([FORETOLD]))
    adjusting.observe(used(0.5), 0)
    adjusting.look(held(0))
    assert bound(adjusting) == 100.0
    adjusting.observe(used(math.nan), SECOND)
    adjusting.look(held(SECOND))
    assert bound(adjusting) == 25.0


# --- in a gate ----------------------------------------------------------------------------


class Running:
    """A gate and a monitor over one book with rules, and what each order was held against."""

    def __init__(self, *given, wait_s=0.0):
        self.stand = Stand()
        self.stand.quote("100.00", "100.00")
        book, gate = book_of(given), self.stand.gate
        gate.checks = (*gate.checks, *book.blocking)
        self.watch = LimitWatch(
            gate, book, tighten=print, high_water=HighWater(confirmations=1),
            adjusting=Adjusting(book, wait_s=wait_s),
        )  # fmt: skip
        self.gate = gate

    def look(self, **measures):
        self.gate.book.measures = Measures.at(self.stand.now, **measures)
        self.watch.look(self.stand.now)

    def both(self):
        (asked,) = [check for check in self.gate.checks if check.name == "max_position_units"]
        (looked,) = self.watch.limits
        return asked.max_units, looked.max_units


VOLATILE = UNITS | {"adjust": {"rule": "volatility", "target": 0.2, "floor": 0.1, "ceiling": 2.0}}


@pytest.fixture
def running():
    made = []

    def make(*given, **more):
        made.append(Running(*given, **more))
        return made[-1]

    yield make
    for one in made:
        one.stand.__exit__(None, None, None)


def test_an_order_is_held_against_the_bound_that_the_monitor_has(running):
    desk = running(VOLATILE)
    seen = []
    judge = desk.gate._judge

    def judged(proposal, findings):
        before = desk.both()
        over = judge(proposal, findings)
        seen.append((before, over.bound if over is not None else findings[-1].bound))
        return over

    desk.gate._judge = judged
    for volatility in (0.2, 0.4, 0.8, 0.4, 1.6, 0.2):
        desk.look(volatility=volatility)
        desk.stand.do(lambda s: s.market(1))
    assert len(seen) == 6
    assert len({bound for _, bound in seen}) > 3
    assert all(asked == looked == judged for (asked, looked), judged in seen)


def test_a_tighter_bound_denies_what_the_base_would_let_pass(running):
    desk = running(VOLATILE)
    desk.look(volatility=0.4)
    desk.stand.do(lambda s: s.market(51))
    assert desk.stand.reason().startswith("MAX_POSITION_UNITS: 51")
    desk.stand.do(lambda s: s.market(50))
    assert desk.stand.held() == 50
    desk.look(volatility=2.0)  # it holds more than it may: reducing passes, and nothing is sold
    desk.stand.do(lambda s: s.market(1))
    desk.stand.do(lambda s: s.market(-1))
    assert desk.stand.held() == 49


def test_the_book_adds_nothing_up_anew_for_another_bound(running):
    desk = running(VOLATILE, {"limit": "max_net_exposure", "max_fraction": 1, "betas": {"AAPL": 1}})
    desk.look(volatility=0.2)
    desk.stand.do(lambda s: s.market(1))
    desk.gate.book.weigh_by = None
    desk.look(volatility=0.4)
    desk.stand.do(lambda s: s.market(1))
    assert desk.stand.held() == 2


def test_nothing_increases_while_the_inputs_are_not_known(running):
    desk = running(VOLATILE, wait_s=60.0)
    desk.stand.do(lambda s: s.market(1))
    unknown = "MAX_POSITION_UNITS: what it would be cannot be measured"
    assert desk.stand.reason() == f"{unknown}: its rule was not asked yet"
    desk.look()
    assert desk.watch.pending
    desk.stand.do(lambda s: s.market(1))
    assert desk.stand.reason() == f"{unknown}: its rule lacks an input: volatility is missing"
    assert (len(desk.stand.denials), desk.stand.held()) == (2, 0)
    desk.look(volatility=0.2)
    desk.stand.do(lambda s: s.market(1))
    assert (desk.both(), desk.stand.held()) == ((100, 100), 1)
    desk.look(volatility=math.nan)  # not known any more: at once, and what reduces passes
    desk.stand.do(lambda s: s.market(1))
    desk.stand.do(lambda s: s.market(-1))
    assert (desk.both(), desk.stand.held()) == ((100, 100), 0)


@pytest.mark.parametrize("state", ["HALTED", "KILLED"])
def test_a_trader_that_is_halted_ends_what_was_granted(running, state):
    desk = running(VOLATILE)
    desk.look(volatility=0.2)
    adjusting = desk.watch.adjusting
    loosened(adjusting, to=2.0, lasts_s=3_600, now_ns=desk.stand.now)
    desk.watch.take()
    assert desk.both() == (200, 200)
    desk.gate.state.tighten(state, reason="a test", by="ana", automatic=False)
    desk.stand.do(lambda s: s.market(1))
    assert desk.stand.reason().startswith(state)  # however loose the limit is
    desk.look(volatility=0.2)
    assert (desk.both(), adjusting.granted) == ((100, 100), {})


def test_a_limit_of_symbols_that_nobody_looked_at_holds_back_each_of_them():
    limit = MaxVolatility(max_annual=0.2, per="symbol", instruments={"AAPL"})
    assert limit.holds_back("", "AAPL.X", "AAPL", "one")
    assert limit.holds_back("all", "AAPL.X", "AAPL", "one")
    assert not limit.holds_back("", "JPM.X", "JPM", "one")


# --- the file against the audit trail --------------------------------------------------------


class Trail:
    """Rows of an audit trail, as `Adjusting` asks for them."""

    def __init__(self):
        self.rows = []

    def add(self, kind, actor, **facts):
        self.rows.append(AuditedAdjustment(kind=kind, actor=actor, facts=facts))

    def propose(self, made):
        self.add(
            "limit.proposed", made.requester, request=made.request_id, limit=made.limit,
            to_percent=120, standing_percent=100, expires_ns=made.expires_ns,
        )  # fmt: skip

    def change(self, records):
        for one in records:
            self.add(
                "limit.adjusted", one.by or "limits", limit=one.limit, change=one.change,
                rule_after_percent=round(100 * one.rule_after), request=one.request_id,
            )  # fmt: skip

    def __call__(self, kind, most):
        return [row for row in self.rows if row.kind.startswith(kind)][-most:]


def granted(path, trail):
    adjusting = Adjusting(book_of([UNITS]), path=path, audited=trail)
    adjusting.propose(
        "max_position_units", to=1.2, requester="ann", reason="a test", lasts_s=60.0,
        now_ns=0, note=trail.propose,
    )  # fmt: skip
    (request,) = adjusting.requests
    adjusting.approve(request, by="bob", now_ns=0, note=trail.change)
    return adjusting, request


def test_a_file_that_says_less_than_the_trail_loosens_nothing(tmp_path):
    path, trail = tmp_path / "adjusted.json", Trail()
    adjusting = Adjusting(book_of([UNITS]), path=path, audited=trail)
    trail.change(adjusting.look(held(0, equity=900.0)))
    for said in ("{}", path.read_text().replace('"percent":50', '"percent":100')):
        path.write_text(said)
        again = Adjusting(book_of([UNITS]), path=path, must_exist=True, audited=trail)
        assert (bound(again), again.lost) == (50.0, "")


def test_what_was_granted_and_audited_is_believed(tmp_path):
    path, trail = tmp_path / "adjusted.json", Trail()
    granted(path, trail)
    again = Adjusting(book_of([UNITS]), path=path, audited=trail)
    assert (bound(again), again.lost) == (120.0, "")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace('"to":1.2', '"to":1.4'),
        lambda text: text.replace('"standing":1.0', '"standing":0.01'),
        lambda text: text.replace('"expires_ns":60000000000', '"expires_ns":99000000000'),
        lambda text: text.replace('"decided_by":"bob"', '"decided_by":"cat"'),
        lambda text: text.replace('"requester":"ann"', '"requester":"dan"'),
    ],
)
def test_what_was_granted_otherwise_than_audited_leads_to_the_floor(tmp_path, spoil):
    path, trail = tmp_path / "adjusted.json", Trail()
    granted(path, trail)
    before = path.read_text()
    assert spoil(before) != before
    path.write_text(spoil(before))
    again = Adjusting(book_of([UNITS]), path=path, audited=trail)
    assert bound(again) == 20.0
    assert "by the audit trail" in again.lost


def test_what_was_revoked_does_not_come_back_by_an_older_file(tmp_path):
    path, trail = tmp_path / "adjusted.json", Trail()
    adjusting, request = granted(path, trail)
    older = path.read_text()
    trail.change(adjusting.revoke(request, by="cat", now_ns=1))
    path.write_text(older)
    again = Adjusting(book_of([UNITS]), path=path, audited=trail)
    assert (bound(again), again.lost) == (
        20.0,
        f"nobody granted {request} of max_position_units, by the audit trail",
    )


def test_a_request_that_nobody_made_waits_for_nobody(tmp_path):
    path, trail = tmp_path / "adjusted.json", Trail()
    adjusting = Adjusting(book_of([UNITS]), path=path)
    adjusting.propose(
        "max_position_units", to=1.2, requester="ann", reason="a test", lasts_s=60.0,
        now_ns=0, note=lambda made: None,
    )  # fmt: skip
    again = Adjusting(book_of([UNITS]), path=path, audited=trail)
    assert again.requests == {}
    assert again.lost.startswith("nobody asked for ")
