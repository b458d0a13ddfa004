"""Orders and markets for tests of the paper venue, written short."""

from decimal import Decimal

from nautilus_lab.execution.paper import NewOrder, PaperBook, VenueTerms

NOW = 1_700_000_000_000_000_000
SECOND = 1_000_000_000

# more money than any test spends, and as much short as long
LENDING = VenueTerms(leverage=10)

_DECIMALS = (
    "quantity",
    "limit_price",
    "trigger_price",
    "activation_price",
    "trailing_offset",
    "limit_offset",
)


def order(name="o1", side="BUY", kind="MARKET", quantity=10, *, symbol="AAPL", **terms):
    """An order; prices may be given as texts."""
    terms = {"quantity": str(quantity), **terms}
    decimals = {key: Decimal(terms.pop(key)) for key in _DECIMALS if key in terms}
    return NewOrder(
        client_order_id=name, symbol=symbol, side=side, order_type=kind, **decimals, **terms
    )


def limit(name="o1", side="BUY", price="99.00", quantity=10, **terms):
    return order(name, side, "LIMIT", quantity, limit_price=price, **terms)


class Desk:
    """A book with a clock of its own: every call is a second later than the one before."""

    def __init__(self, *, cash=1_000_000, terms=LENDING, market=("99.90", "100.10")):
        self.book = PaperBook(starting_cash=Decimal(cash), terms=terms)
        self.events = []
        self.now = NOW
        if market is not None:
            self.quote(*market)

    def quote(self, bid, ask, symbol="AAPL"):
        return self._took(self.book.quote(symbol, Decimal(bid), Decimal(ask), self._later()))

    def submit(self, *orders):
        if len(orders) == 1:
            return self._took(self.book.submit(orders[0], self._later()))
        return self._took(self.book.submit_list(orders, self._later()))

    def modify(self, change):
        return self._took(self.book.modify(change, self._later()))

    def cancel(self, name):
        return self._took(self.book.cancel(name, self._later()))

    def pass_time(self, seconds=1):
        self.now += (seconds - 1) * SECOND
        return self._took(self.book.pass_time(self._later()))

    def close_out(self):
        return self._took(self.book.close_out(self._later()))

    def status(self, name):
        return self.book.order(client_order_id=name).status

    def quantity(self, name):
        return int(self.book.order(client_order_id=name).quantity)

    def reason(self, name):
        return self.book.order(client_order_id=name).reason

    def fills(self, name):
        """(units, price) of each fill of an order."""
        return [(int(f.quantity), str(f.price)) for f in self.book.fills_of(name)]

    def held(self, symbol="AAPL"):
        return next((int(p.quantity) for p in self.book.positions if p.symbol == symbol), 0)

    def _later(self):
        self.now += SECOND
        return self.now

    def _took(self, events):
        self.events += events
        return events


def kinds(events):
    return [(event.order.client_order_id, event.kind) for event in events]
