"""Settings of the channels that alerts are told on."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from nautilus_lab.config._secrets import Address, Secret
from nautilus_lab.config._section import Section

SeverityName = Literal["info", "warning", "critical"]
ChannelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _a_mail_address(text: str) -> str:
    # What is no plain address could end the line of a header and begin another.
    if not re.fullmatch(r"[!-?A-~]{1,64}@[A-Za-z0-9.:\[\]-]{1,255}", text):
        raise ValueError("must be a plain address like desk@example.com")
    return text


MailAddress = Annotated[str, AfterValidator(_a_mail_address)]


class WebhookSettings(Section):
    """One address that alerts are posted to as JSON, signed with `secret` when there is one.

    Other than to this machine it must be https, unless `insecure` says that plain http is meant.
    Alerts less severe than `least` are not told there.
    """

    url: Address = Field(repr=False)
    secret: Secret | None = None
    least: SeverityName = "info"
    timeout_s: float = Field(default=5.0, gt=0, le=60, allow_inf_nan=False)
    insecure: bool = False

    @field_validator("url")
    @classmethod
    def _is_an_address(cls, text: str) -> str:
        found = urlsplit(text)
        if found.scheme not in ("http", "https") or not found.hostname or found.username:
            # Without the value: it may hold a key.
            raise ValueError("must be http:// or https://, a host, and no user")
        if found.port == 0 or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError("must be an address without blanks")
        return text

    @model_validator(mode="after")
    def _is_secure(self) -> Self:
        found = urlsplit(self.url)
        if found.scheme == "http" and not self.insecure and not _is_loopback(found.hostname or ""):
            raise ValueError("an address that is not of this machine must be https")
        return self


class MailSettings(Section):
    """One way to send alerts by mail, encrypted (STARTTLS) unless `insecure`.

    `user` and `password` log in; to another machine they are never sent unencrypted. Alerts less
    severe than `least` are not told there.
    """

    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65_535)
    sender: MailAddress
    recipients: tuple[MailAddress, ...] = Field(min_length=1)
    user: str = ""
    password: Secret | None = None
    least: SeverityName = "warning"
    timeout_s: float = Field(default=15.0, gt=0, le=60, allow_inf_nan=False)
    insecure: bool = False

    @model_validator(mode="after")
    def _is_secure(self) -> Self:
        if bool(self.user) != (self.password is not None):
            raise ValueError("user and password belong together")
        if self.insecure and self.user and not _is_loopback(self.host):
            raise ValueError("a password must not be sent unencrypted")
        return self
