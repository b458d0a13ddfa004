"""The tokens that a gateway leaves in its home for the users of this machine."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from nautilus_lab.platform.access import Principal, Role, TokenIssuer
from nautilus_lab.platform.rundir import Home, write_whole

_VIEWER = Principal("local-viewer", frozenset({Role.VIEWER}))


@dataclass(kw_only=True)
class LocalTokens:
    """A viewer's token and the owner's own, as files that only the owner can read.

    Several gateways of one home write the same two files; what one wrote the others accept.

    Parameters
    ----------
    home : Home
        Where they are written.
    issuer : TokenIssuer
        Makes them.
    """

    home: Home
    issuer: TokenIssuer
    written: float = field(default=-math.inf, init=False)  # time.time() when they were

    def renew(self) -> None:
        """Write both anew if half their life is over, or if they are from the future.

        A client that reads a file just before it is renewed still has half a life. The clock is
        the one that tokens are checked by: it may have been set, or the machine asleep.
        """
        now = time.time()
        if self.written <= now < self.written + self.issuer.ttl_s / 2:
            return
        write_whole(self.home.gateway_token, self.issuer.issue(_VIEWER).encode())
        write_whole(self.home.operator_token, self.issuer.issue(Principal.owner()).encode())
        self.written = now

    def remove(self) -> None:
        """Take both away; harmless when they are gone."""
        self.home.gateway_token.unlink(missing_ok=True)
        self.home.operator_token.unlink(missing_ok=True)
