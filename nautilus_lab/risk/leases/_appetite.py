"""How much of a firm limit a node asks for."""

from __future__ import annotations

from dataclasses import dataclass

from nautilus_lab.exceptions import InputError


@dataclass(frozen=True, kw_only=True)
class Appetite:
    """A node keeps some room above what it uses, and no more than that.

    Parameters
    ----------
    step : float, default=0.2
        The room, as a fraction of the firm's limit, in (0, 1]. It is kept between one half and
        twice as much, so that not every order makes it ask.

    Examples
    --------
    >>> Appetite(step=0.2).wanted(used=100.0, amount=0.0, needed=0.0, firm=1_000.0)
    300.0
    >>> Appetite(step=0.2).wanted(used=100.0, amount=250.0, needed=0.0, firm=1_000.0)
    250.0
    >>> Appetite(step=0.2).wanted(used=100.0, amount=250.0, needed=0.0, firm=1_000.0, short=True)
    100.0
    """

    step: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.step <= 1:
            raise InputError("the room of a lease must lie in (0, 1]", value=self.step)

    def wanted(
        self, *, used: float, amount: float, needed: float, firm: float, short: bool = False
    ) -> float:
        """Return how large the lease should be.

        Parameters
        ----------
        used, amount : float
            What is used, and what the lease is.
        needed : float
            What a denied order would have needed; 0 when none was denied.
        firm : float
            The firm's limit.
        short : bool, default=False
            Whether others need some and get none: what is spare is given back then.
        """
        room = self.step * firm
        if short:
            most = used
        elif used + room / 2 <= amount <= used + 2 * room:
            most = amount
        else:
            most = used + room
        wanted = max(most, needed)
        return max(firm, used) if wanted > firm else wanted
