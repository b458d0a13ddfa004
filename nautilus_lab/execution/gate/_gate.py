"""The gate: the one door every order passes on its way to a venue."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import get_ident
from typing import Any, TypeAlias

from nautilus_trader.core.uuid import UUID4
from nautilus_trader.execution.messages import (
    BatchCancelOrders,
    CancelAllOrders,
    CancelOrder,
    ModifyOrder,
    QueryAccount,
    QueryOrder,
    SubmitOrder,
    SubmitOrderList,
)
from nautilus_trader.model.enums import OrderStatus
from nautilus_trader.model.events import OrderDenied, OrderModifyRejected
from nautilus_trader.model.identifiers import ClientOrderId
from nautilus_trader.model.orders import Order

from nautilus_lab.exceptions import NodeError
from nautilus_lab.execution._journal import Journal
from nautilus_lab.execution.gate._book import Book
from nautilus_lab.execution.gate._cancelling import send_cancel
from nautilus_lab.execution.gate._check import Check
from nautilus_lab.execution.gate._intent import intent_of
from nautilus_lab.execution.gate._proposal import Proposal, terms_of
from nautilus_lab.execution.gate._recent import Recent
from nautilus_lab.execution.gate._sound_order import SoundOrder
from nautilus_lab.execution.gate._state import TradingSwitch
from nautilus_lab.execution.gate._switch import StrategySwitch
from nautilus_lab.platform.failpoint import reach
from nautilus_lab.risk.limits import Finding, Limit, shown

log = logging.getLogger(__name__)

_REMEMBERED = 10_000
_ORDERS = (SubmitOrder, SubmitOrderList, ModifyOrder)
_CANCELS = (CancelOrder, CancelAllOrders, BatchCancelOrders)
# what adds nothing to what the trader risks, and passes always
_HARMLESS = (*_CANCELS, QueryOrder, QueryAccount)
_NEW = (OrderStatus.INITIALIZED, OrderStatus.RELEASED)
# The book must be up to date before any strategy hears of what happened and reacts to it.
_BEFORE_STRATEGIES = 20

# checks, and what each is asked by: looked up once, and not for every order
_Questions: TypeAlias = tuple[tuple[Check, Callable[[Proposal, Book], Finding]], ...]


class Gate:
    """Checks an order, reserves what it may do, journals the intent, and only then lets it go.

    It stands on both endpoints of Nautilus' message bus that lead to a venue,
    ``RiskEngine.execute`` and ``ExecEngine.execute``: an emulated order that is released takes
    the second alone. A normal order crosses both; the second crossing of the same command, known
    by the ids of its orders and its own, counts nothing again: it is only verified that the order
    is still what was checked and that the trader may still trade.

    A command is one decision: of a list all orders pass or none. Orders that do nothing but
    reduce a position, net of all that works to reduce it already, are not asked about exposure;
    of one that closes a position and opens the opposite one, the opening part is. Cancels and
    queries pass always, also when the trader is HALTED or KILLED, when nothing else does.
    REDUCE_ONLY lets pass what reduces.

    It fails closed: a check or a journal that raises denies the order, a command of a kind that
    it does not know goes nowhere, and a book that cannot follow an event halts the trader.

    Parameters
    ----------
    kernel : NautilusKernel
        The kernel of a node or of a backtest engine, before it starts.
    checks : sequence of Check, or LimitBook
        What is asked about each order, in this order; `SoundOrder` comes before them always. Of a
        limit book those that block.
    journal : Journal
        Where intents are written before orders leave.
    state : TradingSwitch, optional
        What the trader may do; ACTIVE for good when not given.
    strategies : StrategySwitch, optional
        Who sends nothing until a person lets it; kept in memory when not given.
    currency : str, default="USD"
        The account's; an instrument that settles in another one cannot be valued.
    hand_over : callable, optional
        Takes a function and its arguments and calls it on the thread the gate was installed on;
        it is given what arrives on another one, as from a live timer. Without it, an order from
        another thread is an error there, and goes nowhere.
    on_checked : callable, optional
        Called with the findings of each order that passed.
    on_denied : callable, optional
        Called with the order, the finding (None when it was not a check that denied) and the
        reason.
    on_cancel : callable, optional
        Called with each cancel that was let through, after it left.

    Attributes
    ----------
    book : Book
        What is held, working and on its way.
    held_back : dict of (str, str) to (Limit, Finding)
        Limit, scope -> a limit that is exceeded, or not known to hold, and whose action is that
        nothing increases meanwhile. Who monitors the limits keeps it.
    """

    def __init__(
        self,
        kernel: Any,
        *,
        checks: Iterable[Check] = (),
        journal: Journal,
        state: TradingSwitch | None = None,
        strategies: StrategySwitch | None = None,
        currency: str = "USD",
        hand_over: Callable[..., object] | None = None,
        on_checked: Callable[[Sequence[Finding]], None] = lambda findings: None,
        on_denied: Callable[[Order, Finding | None, str], None] = lambda *_: None,
        on_cancel: Callable[[Any], None] = lambda command: None,
    ) -> None:
        self.book = Book(currency=currency)
        self.checks = (SoundOrder(), *[c for c in checks if getattr(c, "blocks", True)])
        self.state = state if state is not None else TradingSwitch()
        self.strategies = strategies if strategies is not None else StrategySwitch()
        self.held_back: Mapping[tuple[str, str], tuple[Limit, Finding]] = {}
        self._kernel = kernel
        self._cache = kernel.cache
        self._journal = journal
        self._hand_over = hand_over
        self._on_checked = on_checked
        self._on_denied = on_denied
        self._on_cancel = on_cancel
        self._thread = 0  # where it is installed
        self._asked_for: tuple[Check, ...] = ()  # the checks that the following are made of
        # what is asked of orders that increase nothing, and of others; None when that depends on
        self._of_all: tuple[_Questions, _Questions] | None = None
        # instrument, strategy, whether it increases
        self._asked: dict[tuple[str, str, bool], _Questions] = {}
        # command id -> what was decided at its first crossing
        self._passed: dict[str, list[Proposal]] = {}

    def __repr__(self) -> str:
        names = ", ".join(check.name for check in self.checks)
        return f"Gate({self.state.state}, {names}; {self.book!r})"

    def install(self) -> None:
        """Stand on the endpoints and follow the orders; call once, before the kernel starts.

        Raises
        ------
        NodeError
            When it stands there already.
        """
        if self._thread:
            raise NodeError("a gate is installed once", value=repr(self))
        self._thread = threading.get_ident()
        bus, kernel = self._kernel.msgbus, self._kernel
        for endpoint, engine, last in (
            ("RiskEngine.execute", kernel.risk_engine, False),
            ("ExecEngine.execute", kernel.exec_engine, True),
        ):
            forward = engine.execute
            bus.deregister(endpoint, forward)
            bus.register(
                endpoint,
                lambda command, forward=forward, last=last: self._cross(command, forward, last),
            )
        # Functions, not methods: the bus knows a handler by its text, and one whose text changes,
        # as that of a method does with the repr of its object, is called twice for each message.
        self._prepare()
        follow, see = self._follow, self.book.on_quote
        bus.subscribe("events.order.*", lambda event: follow(event), priority=_BEFORE_STRATEGIES)
        bus.subscribe("data.quotes.*", lambda quote: see(quote), priority=_BEFORE_STRATEGIES)

    def reset(self) -> None:
        """Begin anew with the kernel's cache, as after a reset of a backtest engine."""
        self._passed.clear()
        self.book.recent = Recent()
        self.book.rebuild(self._cache)

    # --- crossings ------------------------------------------------------------------------

    def _follow(self, event: Any) -> None:
        if threading.get_ident() != self._thread and self._hand_over is not None:
            self._hand_over(self._follow, event)
            return
        try:
            self.book.on_order_event(event, self._cache)
        except Exception as error:
            # Nobody knows any more what is held, so nothing may be sent by it.
            log.exception("the book could not follow %r", event)
            self.state.tighten(
                "HALTED", reason=f"the book lost count: {error}", by="gate", automatic=True
            )

    def _cross(self, command: Any, forward: Callable[[Any], None], last: bool) -> None:
        if get_ident() != self._thread:
            self._from_elsewhere(command, forward, last)
        elif not isinstance(command, _ORDERS):
            self._pass_harmless(command, forward)
        else:
            id_ = command.id.value
            passed = self._passed.get(id_)
            if passed is None:
                self._cross_first(id_, command, forward, last)
            elif last:
                del self._passed[id_]
                self._cross_again(passed, command, forward)
            else:
                log.error("%s came twice; the second one goes nowhere", command)

    def _from_elsewhere(self, command: Any, forward: Callable[[Any], None], last: bool) -> None:
        if self._hand_over is not None:
            # Cancels too: they must not overtake the orders they are for.
            self._hand_over(self._cross, command, forward, last)
        elif isinstance(command, _ORDERS):
            raise NodeError(
                "an order must be sent from the thread that the node trades on",
                value=threading.current_thread().name,
                remedy="give the gate a hand_over, or send it from a strategy's own handler",
            )
        else:
            self._pass_harmless(command, forward)

    def _pass_harmless(self, command: Any, forward: Callable[[Any], None]) -> None:
        if isinstance(command, _HARMLESS):
            if isinstance(command, _CANCELS):
                now_ns = self._kernel.clock.timestamp_ns()
                self.book.recent.cancel(command.strategy_id.value, now_ns)
            forward(command)
            if isinstance(command, _CANCELS):
                self._tell(self._on_cancel, command)
        else:
            log.error("the gate knows no command like %r; it goes nowhere", command)

    def _cross_first(
        self, id_: str, command: Any, forward: Callable[[Any], None], last: bool
    ) -> None:
        proposals = self._decide(self._orders_of(command), command)
        if proposals is None:
            return
        if reason := self._cancel_first(proposals):
            self._withdraw(proposals)
            self._refuse(proposals, [p.order for p in proposals], command, None, reason)
            return
        if last:
            self._leave(command, forward)
            return
        self._passed[id_] = proposals
        if len(self._passed) > _REMEMBERED:
            del self._passed[next(iter(self._passed))]
        forward(command)

    def _cross_again(
        self, proposals: list[Proposal], command: Any, forward: Callable[[Any], None]
    ) -> None:
        try:
            reason = self._changed_since(proposals, command)
        except Exception as error:
            log.exception("the gate could not decide again on %s", command.id)
            reason = f"GATE_FAILED: {error}"
        if reason:
            self._withdraw(proposals)
            self._refuse(proposals, [p.order for p in proposals], command, None, reason)
        else:
            self._leave(command, forward)

    def _cancel_first(self, proposals: Sequence[Proposal]) -> str:
        """Cancel what orders must not trade with; a venue hears of that before of them.

        Returns why they may not leave; nothing when they may.
        """
        for proposal in proposals:
            for name in proposal.cancels:
                order = self._cache.order(ClientOrderId(name))
                if order is None or order.is_closed or order.is_pending_cancel:
                    continue
                log.warning("%s is cancelled, or %s would trade with it", name, proposal.id)
                try:
                    send_cancel(self._kernel, order)
                except Exception as error:
                    log.exception("%s could not be cancelled", name)
                    return f"SELF_TRADE: {name} could not be cancelled: {error}"
        return ""

    @staticmethod
    def _leave(command: Any, forward: Callable[[Any], None]) -> None:
        # What it raises goes to who sent the order. The order stays counted: it may have left.
        forward(command)
        reach("gate.after_forward")

    def _orders_of(self, command: Any) -> list[Order]:
        if isinstance(command, SubmitOrder):
            return [command.order]
        if isinstance(command, SubmitOrderList):
            return list(command.order_list.orders)
        order = self._cache.order(command.client_order_id)
        return [order] if order is not None else []

    def _changed_since(self, proposals: Sequence[Proposal], command: Any) -> str:
        """Return why what was let through may not go on; nothing when it may."""
        if not self._is_free and (reason := self._forbidden(proposals)):
            return reason
        orders = self._orders_of(command)
        if len(orders) != len(proposals):
            return "CHANGED: it has other orders"
        for proposal, order in zip(proposals, orders, strict=True):
            if order is not proposal.order:
                return "CHANGED: it is not the order that was checked"
            if order.is_closed:
                return f"CLOSED: {proposal.client_order_id} is {order.status_string()}"
            if proposal.ask == "submit" and (
                order.status not in _NEW or terms_of(order) != proposal.terms
            ):
                return "CHANGED: it is not the order that was checked"
        return ""

    # --- decisions ------------------------------------------------------------------------

    def _decide(self, orders: Sequence[Order], command: Any) -> list[Proposal] | None:
        """Check, reserve and journal one command; return its proposals, or None if it is denied."""
        proposals: list[Proposal] = []
        findings: list[Finding] = []
        over: Finding | None = None
        now_ns = self._kernel.clock.timestamp_ns()
        try:
            reason = self._unanswerable(orders, command)
            for order in () if reason else orders:
                proposal = Proposal(order, command, self.book, self._cache, now_ns)
                proposals.append(proposal)
                if not self._is_free and (reason := self._forbidden((proposal,))):
                    break
                over = self._judge(proposal, findings)
                if over is not None:
                    reason = _why(over, proposal, self.book)
                    break
                self._reserve(proposal)
            if not reason:
                reach("gate.before_commit")
                self._journal.write([intent_of(p, "forwarded", _before(p)) for p in proposals])
                reach("gate.after_commit")
        except Exception as error:
            log.exception("the gate could not decide on %s", command.id)
            reason = f"GATE_FAILED: {error}"
            over = None
        if reason:
            self._forget(proposals)
            self._withdraw(proposals)
            self._refuse(proposals, orders, command, over, reason)
            return None
        self._tell(self._on_checked, findings)
        return proposals

    def _unanswerable(self, orders: Sequence[Order], command: Any) -> str:
        """Return why a command is not one that can be decided on; nothing when it is."""
        if not orders:
            return "UNKNOWN_ORDER: there is no such order to change"
        if isinstance(command, ModifyOrder):
            for order in orders:
                if order.is_closed:
                    return f"CLOSED: {order.client_order_id} is {order.status_string()}"
        else:
            for place, order in enumerate(orders):
                id_ = order.client_order_id
                if not self._is_new(order) or (
                    place and id_ in [other.client_order_id for other in orders[:place]]
                ):
                    return f"DUPLICATE: {id_} was sent before"
        # Nautilus logs what has no client and forgets it: its order would be on its way for ever.
        engine = self._kernel.exec_engine
        if engine._find_client_for_command(command) is None and (
            command.client_id not in engine.get_external_client_ids()
        ):
            return f"NO_VENUE: nobody takes orders for {command.instrument_id}"
        return ""

    def _is_new(self, order: Order) -> bool:
        """Whether an order was not sent before, as this object or another of its id."""
        id_ = order.client_order_id
        known = self._cache.order(id_)
        # By identity: to Nautilus two orders are equal when their ids are.
        return (
            (known is None or known is order)
            and order.status in _NEW
            and not self.book.has(id_.value)
        )

    @property
    def _is_free(self) -> bool:
        """Whether anything may pass; when not, `_forbidden` says what."""
        return not self.strategies.closed and self.state.look() == "ACTIVE"

    def _forbidden(self, proposals: Sequence[Proposal]) -> str:
        if closed := self.strategies.closed:
            for proposal in proposals:
                if proposal.strategy in closed:
                    return f"DISABLED: {closed[proposal.strategy]}"
        state = self.state.look()
        if state == "ACTIVE":
            return ""
        if state == "REDUCE_ONLY" and all(p.reduces for p in proposals):
            return ""
        return f"{state}: {self.state.held.reason}"

    def _judge(self, proposal: Proposal, findings: list[Finding]) -> Finding | None:
        """Ask all checks; return the first finding that denies."""
        increases, book = proposal.increases, self.book
        try:
            # A comprehension: a loop that appends takes the whole gate a twentieth longer.
            findings += [
                found
                for check, judge in self._asked_of(proposal, increases)
                if (found := judge(proposal, book)).passed is True or _stop(check, found)
            ]
        except _Over as over:
            if getattr(over.check, "latches", False):
                self.strategies.close(proposal.strategy, str(over.finding))
            return over.finding
        return self._held_back(proposal) if increases and self.held_back else None

    def _asked_of(self, proposal: Proposal, increases: bool) -> _Questions:
        """Return the checks that a proposal is held against."""
        if self._asked_for is not self.checks:
            self._prepare()
        if self._of_all is not None:
            return self._of_all[increases]
        instrument, strategy = proposal.instrument, proposal.strategy
        key = (instrument.name, strategy, increases)
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = _questions(
                check
                for check in self.checks
                if (increases or not check.exposure)
                and (
                    not isinstance(check, Limit)
                    or check.concerns(instrument.name, instrument.symbol, strategy)
                )
            )
        return asked

    def swap(self, limits: Mapping[int, Limit]) -> None:
        """Ask other limits from the next order on: the same ones with other bounds.

        Parameters
        ----------
        limits : mapping of int to Limit
            The `id` of a check -> what takes its place. The book must not add up anything else
            for it.
        """
        if not limits:
            return
        prepared = self._asked_for is self.checks
        self.checks = tuple([limits.get(id(check), check) for check in self.checks])
        if prepared:
            self._sort()

    def _prepare(self) -> None:
        """Have the book add up what the checks need."""
        for check in self.checks:
            if isinstance(check, Limit):
                check.prepare(self.book)
        self._sort()

    def _sort(self) -> None:
        """Begin anew to remember what is asked of which orders."""
        self._asked, self._asked_for = {}, self.checks
        limits = [check for check in self.checks if isinstance(check, Limit)]
        if not any(limit.instruments or limit.strategies for limit in limits):
            always = [check for check in self.checks if not check.exposure]
            self._of_all = (_questions(always), _questions(self.checks))

    def _held_back(self, proposal: Proposal) -> Finding | None:
        """Return what keeps the proposal from increasing anything, if something does."""
        instrument, strategy = proposal.instrument, proposal.strategy
        for (_, scope), (limit, found) in self.held_back.items():
            if limit.holds_back(scope, instrument.name, instrument.symbol, strategy):
                return found
        return None

    def _reserve(self, proposal: Proposal) -> None:
        book = self.book
        if proposal.ask == "modify":
            prices = proposal.limit, proposal.trigger
            book.reserve_change(proposal.client_order_id, proposal.quantity, prices)
        else:
            book.reserve(proposal.entry, proposal.now_ns)
        proposal.before = book.recent.add(proposal.likeness, proposal.strategy, proposal.now_ns)
        proposal.reserved = True

    def _forget(self, proposals: Sequence[Proposal]) -> None:
        """Take it that what was reserved just now did not pass; the latest first."""
        for proposal in reversed(proposals):
            if proposal.reserved:
                self.book.recent.take_back(proposal.likeness, proposal.strategy, proposal.before)

    def _withdraw(self, proposals: Sequence[Proposal]) -> None:
        """Count nothing of a command that does not leave."""
        book = self.book
        for proposal in proposals:
            if not proposal.reserved:
                continue
            proposal.reserved = False
            if proposal.ask == "modify":
                book.release_change(proposal.client_order_id, proposal.quantity)
            else:
                book.release(proposal.client_order_id)

    # --- denials --------------------------------------------------------------------------

    def _refuse(
        self,
        proposals: Sequence[Proposal],
        orders: Sequence[Order],
        command: Any,
        over: Finding | None,
        reason: str,
    ) -> None:
        """Journal a denial, tell of it and end the orders: of a list all, it is one decision."""
        if not orders:
            log.error("%s: %s", command, reason)
            return
        try:
            known = {id(p.order): p for p in proposals}
            now_ns = self._kernel.clock.timestamp_ns()
            made = [
                known.get(id(order)) or Proposal(order, command, self.book, self._cache, now_ns)
                for order in orders
            ]
            self._journal.write([intent_of(p, "denied", reason) for p in made])
        except Exception:
            log.exception("the denial of %s could not be journaled", command.id)
        now_ns = self._kernel.clock.timestamp_ns()
        for order in orders:
            self.book.recent.deny(order.strategy_id.value, now_ns)
            self._tell(self._on_denied, order, over, reason)
        for order in orders:
            if isinstance(command, ModifyOrder):
                # Its rejection will be taken for the answer to a change on its way, so count one.
                self.book.reserve_change(order.client_order_id.value, 0)
                self._reject_change(order, reason)
            elif self._is_new(order):
                self._deny(order, reason)
            else:
                # An order of this id is on its way, or has been: it must not be ended by this.
                log.error("%r goes nowhere: %s", order, reason)

    def _tell(self, whom: Callable[..., None], *what: object) -> None:
        try:
            whom(*what)
        except Exception:
            # The store that cannot journal cannot tell either; the decision stands all the same.
            log.exception("nobody could be told what the gate decided")

    def _deny(self, order: Order, reason: str) -> None:
        kernel = self._kernel
        if not self._cache.order_exists(order.client_order_id):
            self._cache.add_order(order)
        denied = OrderDenied(
            order.trader_id,
            order.strategy_id,
            order.instrument_id,
            order.client_order_id,
            reason,
            UUID4(),
            kernel.clock.timestamp_ns(),
        )
        kernel.msgbus.send("ExecEngine.process", denied)

    def _reject_change(self, order: Order, reason: str) -> None:
        now = self._kernel.clock.timestamp_ns()
        rejected = OrderModifyRejected(
            order.trader_id,
            order.strategy_id,
            order.instrument_id,
            order.client_order_id,
            order.venue_order_id,
            order.account_id,
            reason,
            UUID4(),
            now,
            now,
        )
        self.book.denying = True
        try:
            self._kernel.msgbus.send("ExecEngine.process", rejected)
        finally:
            self.book.denying = False


class _Over(Exception):
    """The finding of a check that denies."""

    def __init__(self, check: Check, finding: Finding) -> None:
        super().__init__(finding)
        self.check = check
        self.finding = finding


def _stop(check: Check, finding: Finding) -> bool:
    raise _Over(check, finding)


def _questions(checks: Iterable[Check]) -> _Questions:
    return tuple([(check, check.judge) for check in checks])


def _why(over: Finding, proposal: Proposal, book: Book) -> str:
    """Say what denies; of what cannot be measured, why."""
    if over.passed:  # a limit that is monitored, exceeded a while ago
        value, bound = shown(over.value), shown(over.bound)
        clears = f"; it clears {over.reason}" if over.reason else ""
        return (
            f"{over.limit.upper()}: it was exceeded, and is not clear yet: {value} of {bound}"
            f"{clears}"
        )
    unknown = over.value != over.value or over.bound != over.bound
    why = (proposal.unmeasured or book.unknown) if unknown and not over.reason else ""
    return f"{over}: {why}" if why else str(over)


def _before(proposal: Proposal) -> str:
    """Say what is done before it is sent; nothing for most."""
    return f"SELF_TRADE: cancels {', '.join(proposal.cancels)} first" if proposal.cancels else ""
