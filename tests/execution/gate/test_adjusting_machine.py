"""Whatever people, inputs, disks and restarts do: between floor and base, or as two people said."""

import contextlib
import math
import shutil
import tempfile
from pathlib import Path
from unittest import mock

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from nautilus_lab.exceptions import LabError, StoreError
from nautilus_lab.execution.gate import Adjusting
from nautilus_lab.execution.gate import _adjusting as module
from nautilus_lab.risk.adjustment import book_of
from nautilus_lab.risk.limits import Holdings

SECOND = 1_000_000_000
MINUTE, DAY = 60 * SECOND, 86_400 * SECOND
FLOOR, CEILING, PER_MINUTE, PER_DAY = 20, 150, 10, 50
KEY = "max_position_units"
BOOK = [
    {
        "limit": "max_position_units",
        "max_units": 100,
        "adjust": {
            "rule": "drawdown", "end": 0.2, "floor": FLOOR / 100, "ceiling": CEILING / 100,
            "max_loosening_s": 3_600,
        },
    }
]  # fmt: skip
PEOPLE = st.sampled_from(["ann", "Ann ", "bob", "zoe"])
EQUITIES = st.one_of(
    st.floats(500, 1_200), st.sampled_from([math.nan, math.inf, -math.inf, -5.0, 0.0])
)
real_write = module.write_kept


class Adjusted(RuleBasedStateMachine):
    """A limit in a running book, its file, and what must hold of it."""

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp(prefix="nl-"))
        self.path = self.folder / "adjusted.json"
        self.now, self.full, self.kept = 0, False, True
        self.granted = {}  # request -> (to, requester, approver, expires)
        self.asked = {}  # request -> (to, requester, expires)
        self.looser = []  # (when, percent) of what the rule gave back
        self.patch = mock.patch.object(module, "write_kept", self.write)
        self.patch.start()
        self.adjusting = Adjusting(book_of(BOOK), path=self.path)
        self.allowed = 100  # by the rule alone

    def teardown(self):
        if hasattr(self, "patch"):
            self.patch.stop()
            shutil.rmtree(self.folder)

    def write(self, path, kept):
        if self.full:
            raise StoreError("the disk is full")
        real_write(path, kept)

    def percent(self):
        return round(self.adjusting.book.limits[0].max_units)

    @rule(equity=EQUITIES, seconds=st.sampled_from([0, 1, 5, 30, 61, 3_600, 90_000, -10]))
    def look(self, equity, seconds):
        self.now = max(0, self.now + seconds * SECOND)
        holdings = Holdings(
            positions=(), equity={"account": equity}, high_water=1_000.0, now_ns=self.now
        )
        before = self.adjusting.granted
        records = self.adjusting.look(holdings)
        for record in records:
            if record.change in ("loosened", "returned"):
                step = round(100 * record.rule_after) - max(FLOOR, round(100 * record.rule_before))
                self.looser.append((record.ts_ns, step))
            if record.change == "expired":
                assert before[KEY].expires_ns <= record.ts_ns
        self.kept = not self.full and (self.kept or self.saved())
        if not math.isfinite(equity):
            assert round(100 * self.rule_part()) == FLOOR

    def rule_part(self):
        return max(FLOOR, self.adjusting._adjuster.states[KEY].percent) / 100

    def saved(self):
        kept = module.read_kept(self.path, must_exist=False)[0]
        return kept.states.get(KEY) == self.adjusting._adjuster.states[KEY]

    @rule(
        to=st.sampled_from([0.5, 0.99, 1.0, 1.1, 1.5, 1.51, 9.0, 1.005, math.nan]),
        by=PEOPLE,
        lasts_s=st.sampled_from([1.0, 60.0, 3_600.0, 3_601.0, 0.0, math.nan]),
    )
    def propose(self, to, by, lasts_s):
        before = self.percent()
        try:
            made = self.adjusting.propose(
                KEY, to=to, requester=by, reason="a test", lasts_s=lasts_s, now_ns=self.now,
                note=lambda made: None,
            )  # fmt: skip
        except LabError:
            pass
        else:
            assert not self.full
            assert to <= CEILING / 100
            assert lasts_s <= 3_600
            self.asked[made.request_id] = (to, by, made.expires_ns)
        assert self.percent() == before

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), by=PEOPLE)
    def approve(self, data, by):
        request = data.draw(st.sampled_from(sorted(self.asked)))
        to, requester, expires = self.asked[request]
        before, noted = self.percent(), []
        try:
            self.adjusting.approve(request, by=by, now_ns=self.now, note=noted.append)
        except LabError:
            assert self.percent() <= before
            return
        assert noted
        assert not self.full
        assert requester.strip().casefold() != by.strip().casefold()
        del self.asked[request]
        self.granted = {request: (to, requester, by, expires)}

    @precondition(lambda self: self.granted)
    @rule(by=PEOPLE)
    def revoke(self, by):
        (request,) = self.granted
        before = self.percent()
        with contextlib.suppress(LabError):  # it is over already
            self.adjusting.revoke(request, by=by, now_ns=self.now)
        self.granted = {}
        self.kept = self.kept and not self.full
        assert self.percent() <= before

    @rule(full=st.booleans())
    def disk(self, full):
        self.full = full

    @precondition(lambda self: self.kept)
    @rule()
    def restart(self):
        before = self.percent()
        self.adjusting = Adjusting(book_of(BOOK), path=self.path)
        assert self.percent() == before
        assert not self.adjusting.lost

    @rule(with_=st.sampled_from([b"", b"{", b"\xff", b'{"states":{"max_position_units":5}}']))
    def spoil_and_restart(self, with_):
        self.path.write_bytes(with_)
        self.adjusting = Adjusting(book_of(BOOK), path=self.path, must_exist=True)
        assert self.percent() == FLOOR
        self.granted, self.asked, self.looser, self.kept = {}, {}, [], not self.full
        if not self.full:
            self.adjusting._write()

    @invariant()
    def it_is_between_floor_and_ceiling(self):
        if hasattr(self, "adjusting"):
            assert FLOOR <= self.percent() <= CEILING

    @invariant()
    def it_is_beyond_what_the_rule_allows_only_as_two_people_said(self):
        if not hasattr(self, "adjusting"):
            return
        allowed = round(100 * self.rule_part())
        assert allowed <= 100
        if self.percent() > allowed:
            ((to, requester, by, expires),) = self.granted.values()
            assert self.percent() <= round(100 * to)
            assert requester.strip().casefold() != by.strip().casefold()
            # It falls back at the first look, or decision, at which it is over.
            assert self.adjusting._adjuster._now_ns < expires

    @invariant()
    def it_goes_back_by_bounded_steps(self):
        if not hasattr(self, "adjusting"):
            return
        for end, _ in self.looser:
            for span, most in ((MINUTE, PER_MINUTE), (DAY, PER_DAY)):
                steps = [step for ts, step in self.looser if end - span < ts <= end]
                assert sum(steps) <= most


TestAdjusted = Adjusted.TestCase
TestAdjusted.settings = settings(
    max_examples=50,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
