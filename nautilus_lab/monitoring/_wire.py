"""What a webhook carries, and how its receiver knows who sent it."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping

from nautilus_lab.exceptions import AccessDenied
from nautilus_lab.monitoring._channel import Notice

DELIVERY = "Nautilus-Lab-Delivery"
ATTEMPT = "Nautilus-Lab-Attempt"
TIMESTAMP = "Nautilus-Lab-Timestamp"
SIGNATURE = "Nautilus-Lab-Signature"
_SCHEME = "v1="


def encode_notice(notice: Notice) -> bytes:
    """Return the body of a webhook: JSON, UTF-8, keys sorted; see docs/platform/monitoring.md."""
    one = notice.alert
    body = {
        "version": 1,
        "event": notice.event,
        "delivery": notice.delivery,
        "attempt": notice.attempt,
        "alert": {
            "id": one.id,
            "raised_ns": one.ts_ns,
            "severity": one.severity,
            "level": one.level,
            "escalation": f"L{one.rank}",
            "trader": one.trader,
            "component": one.component,
            "rule": one.rule,
            "scope": one.scope,
            "detail": one.detail,
            "remedy": one.remedy,
            "count": one.count,
            "source": one.source,
        },
    }
    return json.dumps(body, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()


def sign(secret: str, *, timestamp: int, delivery: str, body: bytes) -> str:
    """Return the value of the header ``Nautilus-Lab-Signature``.

    It is HMAC-SHA256 [1]_ under the secret, of the timestamp, the delivery's id and the body, each
    followed by a dot but the last, in lower-case hexadecimal digits after ``v1=``.

    Examples
    --------
    >>> sign("secret", timestamp=1, delivery="d", body=b"{}")[:12]
    'v1=f80f036d2'

    References
    ----------
    .. [1] Krawczyk, H., Bellare, M., Canetti, R. (1997). HMAC: Keyed-Hashing for Message
       Authentication. RFC 2104.
    """
    signed = f"{timestamp}.{delivery}.".encode() + body
    return _SCHEME + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def verify_webhook(
    secret: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    max_age_s: float = 300.0,
    now_s: float | None = None,
) -> str:
    """Return the delivery's id of a webhook that the holder of `secret` sent lately.

    Parameters
    ----------
    secret : str
        What both sides know.
    headers, body : mapping of str to str, bytes
        As received; names of headers in any case.
    max_age_s : float, default=300
        How far its timestamp may be from now, seconds. Within that time a copy verifies, too:
        keep the ids and do each once.
    now_s : float, optional
        UNIX seconds; now when not given.

    Raises
    ------
    AccessDenied
        When it is not signed, signed by somebody else, changed on its way, or too old.
    """
    told = {name.lower(): value for name, value in headers.items()}
    delivery = told.get(DELIVERY.lower(), "")
    text = told.get(TIMESTAMP.lower(), "")
    given = told.get(SIGNATURE.lower(), "")
    timestamp = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    wanted = sign(secret, timestamp=timestamp, delivery=delivery, body=body)
    # Compared as bytes: text that is not ASCII cannot be compared in constant time.
    if not hmac.compare_digest(wanted.encode(), given.encode()):
        raise AccessDenied("a webhook must be signed with the secret of its channel")
    age_s = (time.time() if now_s is None else now_s) - timestamp
    if not abs(age_s) <= max_age_s:
        raise AccessDenied(
            f"a webhook must not be older than {max_age_s:g} s",
            value=f"{age_s:.0f} s",
            remedy="check both clocks; what is older may be a copy",
        )
    return delivery
