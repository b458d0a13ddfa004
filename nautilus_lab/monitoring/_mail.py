"""Alerts by mail."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import socket
import ssl
import time
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from typing import Literal

from nautilus_lab.config import MailSettings
from nautilus_lab.monitoring._channel import Notice, Outcome
from nautilus_lab.monitoring._struck import struck

_LONGEST_SUBJECT = 160
_LONGEST_ANSWER = 300


class MailChannel:
    """Sends each alert as a mail of plain text, over a session of its own.

    The session is encrypted by STARTTLS, with a certificate that is checked, unless the settings
    say `insecure`. A mail that comes twice has the same ``Message-ID``.

    Parameters
    ----------
    name : str
        What the settings call it.
    settings : MailSettings
        Which server, from whom, to whom.
    """

    def __init__(self, name: str, settings: MailSettings) -> None:
        self.name = name
        self._settings = settings

    def __repr__(self) -> str:
        return f"MailChannel({self.name!r}, {self._settings.host}:{self._settings.port})"

    async def send(self, notice: Notice) -> Outcome:
        """Hand it to the server."""
        session = _Session()
        handing = asyncio.ensure_future(
            asyncio.to_thread(self._hand_over, self._letter(notice), session)
        )
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                return await asyncio.shield(handing)
        except TimeoutError:
            if session.taken is not None:
                return session.taken
            why = f"not taken within {self._settings.timeout_s:g} s"
            return Outcome(how="later", detail=why, away=True)
        finally:
            # A thread cannot be ended, but what it waits for can.
            session.cut()

    def close(self) -> None:
        """Do nothing: no session is kept."""

    def _letter(self, notice: Notice) -> EmailMessage:
        one, settings = notice.alert, self._settings
        letter = EmailMessage(policy=SMTP)
        letter["From"] = settings.sender
        letter["To"] = ", ".join(settings.recipients)
        letter["Subject"] = notice.line[:_LONGEST_SUBJECT]
        letter["Date"] = formatdate(usegmt=True)
        letter["Message-ID"] = f"<{notice.delivery}@nautilus-lab>"
        letter["Auto-Submitted"] = "auto-generated"
        raised = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(one.ts_ns // 1_000_000_000))
        told = {
            "what must hold": one.rule,
            "what was found": one.detail,
            "what to do": one.remedy,
            "trader": one.trader or "(the lab)",
            "raised by": one.component,
            "raised at": raised,
            "severity": one.severity,
            "level": one.level,
            "escalation": f"L{one.rank} ({notice.event})",
            "times": str(one.count),
            "acknowledge": f"nautilus-lab alerts ack {one.id}",
        }
        lines = [f"{name + ':':<16}{_plain(text)}" for name, text in told.items() if text]
        letter.set_content("\n".join(lines) + "\n")
        return letter

    def _hand_over(self, letter: EmailMessage, session: _Session) -> Outcome:
        try:
            return self._talk(letter, session)
        finally:
            session.close()

    def _talk(self, letter: EmailMessage, session: _Session) -> Outcome:
        settings = self._settings
        try:
            smtp = session.smtp(settings.host, settings.port, settings.timeout_s)
            if not settings.insecure:
                smtp.starttls(context=ssl.create_default_context())
            if settings.password is not None:
                smtp.login(settings.user, settings.password.get_secret_value())
            refused = smtp.send_message(letter, settings.sender, settings.recipients)
        except smtplib.SMTPRecipientsRefused as error:
            refusals = [f"{one}: {code} {_text(a)}" for one, (code, a) in error.recipients.items()]
            code = min(code for code, _ in error.recipients.values())
            return self._answered(code, "; ".join(refusals))
        except smtplib.SMTPAuthenticationError as error:
            # Mended by a person, who will want to have what waited.
            return Outcome(how="later", detail=f"{error.smtp_code}: it does not let us in")
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            return self._answered(error.smtp_code, _text(error.smtp_error))
        except smtplib.SMTPResponseException as error:
            why = f"{type(error).__name__}: {error.smtp_code} {_text(error.smtp_error)}"
            return Outcome(how="later", detail=self._told(why), away=True)
        except UnicodeError:
            # Its own words name a character of the password.
            why = "what answers there speaks no ASCII, or user and password are none"
            return Outcome(how="later", detail=why, away=True)
        except (smtplib.SMTPException, OSError, ValueError) as error:
            # ValueError: what answers there does not speak SMTP.
            why = self._told(f"{type(error).__name__}: {error}")
            return Outcome(how="later", detail=why, away=True)
        others = ", ".join(refused)
        taken = Outcome(how="sent", detail=f"but not to {others}" if others else "")
        session.taken = taken
        # It has the mail: how it takes its leave changes nothing.
        with contextlib.suppress(smtplib.SMTPException, OSError, ValueError):
            smtp.quit()
        return taken

    def _answered(self, code: int, text: str) -> Outcome:
        how: Literal["refused", "later"] = "refused" if code >= 500 else "later"
        return Outcome(how=how, detail=self._told(f"{code}: {text}"))

    def _told(self, text: str) -> str:
        """Return what may be told: a server may echo whatever it was sent."""
        settings = self._settings
        if settings.password is not None:
            text = struck(text, settings.user, settings.password.get_secret_value())
        return _plain(text)[:_LONGEST_ANSWER]


class _Session:
    """A session with a server, that another thread can end.

    Attributes
    ----------
    taken : Outcome or None
        What the server answered to the mail; None while it has not taken it.
    """

    def __init__(self) -> None:
        self.taken: Outcome | None = None
        self._smtp: smtplib.SMTP | None = None
        self._cut = False

    def smtp(self, host: str, port: int, timeout_s: float) -> smtplib.SMTP:
        """Connect."""
        self._smtp = smtp = smtplib.SMTP(timeout=timeout_s, local_hostname="nautilus-lab")
        # Known before it is connected, so that a server that greets nobody can be cut off.
        smtp.sock = socket.create_connection((host, port), timeout_s)
        smtp._host = host  # type: ignore[attr-defined]  # what STARTTLS checks the certificate for
        if self._cut:
            raise TimeoutError("it took too long to connect")
        code, answer = smtp.getreply()
        if code != 220:
            raise smtplib.SMTPConnectError(code, answer)
        return smtp

    def close(self) -> None:
        """Let go of the connection; for the thread that has the session."""
        if self._smtp is not None:
            self._smtp.close()

    def cut(self) -> None:
        """End it now; harmless when it is over."""
        self._cut = True
        sock = None if self._smtp is None else self._smtp.sock
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def _text(answer: bytes | str) -> str:
    return answer if isinstance(answer, str) else answer.decode("utf-8", "backslashreplace")


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
