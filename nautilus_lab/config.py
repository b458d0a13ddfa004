"""Settings: `lab.toml` at the workspace's root, then the environment (`NL_...`), then arguments.

`NL_TRADING__SECONDS_PER_DAY=5` sets `trading.seconds_per_day`. Unknown keys are refused, in the
file and in the environment alike. Everything has a default that runs on one machine.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    SerializationInfo,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from nautilus_lab._root import find_root
from nautilus_lab.exceptions import ConfigError, InputError

__all__ = [
    "AuditSettings",
    "BusSettings",
    "DashboardSettings",
    "DataSettings",
    "JobSettings",
    "LevelSettings",
    "MailSettings",
    "MeasureSettings",
    "MonitoringSettings",
    "OptionTerms",
    "ProxySettings",
    "RecordingSettings",
    "Settings",
    "StoreSettings",
    "StreamingSettings",
    "SupervisorSettings",
    "TradingSettings",
    "VenueSettings",
    "WebhookSettings",
    "find_root",
    "load_settings",
]

_PREFIX = "NL_"
# environment variables with our prefix that are not settings
_NOT_SETTINGS = frozenset({"NL_ROOT", "NL_TOKEN", "NL_FAILPOINT", "NL_RUN"})

# keys whose values no error shows
_SECRETS = frozenset({"password", "secret", "url"})

# keys whose values are lists; in the environment their parts are joined by commas
_LISTS = frozenset({"replay_symbols", "venues", "channels", "recipients"})

VenueName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]{0,11}$")]
TraderId = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]{0,15}-[A-Z0-9]{1,8}$")]


def _a_date(text: str) -> str:
    if len(text) != len("2020-01-02"):
        raise ValueError("must be a date written like 2020-01-02")
    return date.fromisoformat(text).isoformat()


def _named(path: Path) -> Path:
    if path == Path():
        raise ValueError("must name a folder of its own, not the workspace")
    return path


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


# What stands in a dump in the place of a secret; nothing that is given may hold it.
_HIDDEN = "**********"
# The context of a dump that is not to hide anything.
_REVEALING = {"reveal": True}


def _is_revealing(info: SerializationInfo) -> bool:
    return isinstance(info.context, dict) and info.context.get("reveal") is True


def _not_hidden(given: SecretStr | str) -> SecretStr | str:
    text = given if isinstance(given, str) else given.get_secret_value()
    if _HIDDEN in text:
        raise ValueError("was hidden as it was dumped: use Settings.to_private_json()")
    return given


def _secret_dumped(secret: SecretStr, info: SerializationInfo) -> str:
    return secret.get_secret_value() if _is_revealing(info) else _HIDDEN


def _address_dumped(text: str, info: SerializationInfo) -> str:
    """Hide what may let somebody in: a password, the path and the query."""
    if _is_revealing(info) or "://" not in text:
        return text
    scheme, _, rest = text.partition("://")
    host, *path = re.split(r"[/?#]", rest, maxsplit=1)
    if "@" in "".join(path):  # where the host ends is anybody's guess
        return f"{scheme}://{_HIDDEN}"
    user, at, host = host.rpartition("@")
    shown = f"{scheme}://{_HIDDEN * bool(user)}{at}{host}"
    # Of a Redis it is the number of a database.
    is_plain = scheme.startswith("redis") and path and path[0].isdecimal()
    return shown + "".join(f"/{one if is_plain or not one else _HIDDEN}" for one in path)


Secret = Annotated[
    SecretStr,
    # A variable that is set to nothing must not sign with nothing.
    Field(min_length=1),
    AfterValidator(_not_hidden),
    PlainSerializer(_secret_dumped, when_used="json"),
]
# It may hold a password or a key.
Address = Annotated[
    str, Field(repr=False), AfterValidator(_not_hidden), PlainSerializer(_address_dumped)
]
SeverityName = Literal["info", "warning", "critical"]
ChannelName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
MailAddress = Annotated[str, AfterValidator(_a_mail_address)]
IsoDate = Annotated[str, AfterValidator(_a_date)]
Folder = Annotated[Path, AfterValidator(_named)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def __getstate__(self) -> dict[Any, Any]:
        # What a pickle holds is in plain text, wherever it comes to lie.
        if self.model_dump_json() != self.model_dump_json(context=_REVEALING):
            raise InputError(
                "settings that hold a secret must not be pickled",
                value=type(self).__name__,
                remedy="write Settings.to_private_json() to a file of mode 0600",
            )
        return super().__getstate__()


class DataSettings(_Section):
    """Where the catalog is; a relative path starts at the workspace's root."""

    directory: Path = Path("data")


class StoreSettings(_Section):
    """The stores of orders, fills, journal, audit and runs."""

    busy_timeout_ms: int = Field(default=5_000, ge=0, le=60_000)


class AuditSettings(_Section):
    """What of the audit trail is kept outside of its database, and for how long.

    A checkpoint is made each `checkpoint_rows` rows, and each `checkpoint_s` in which a row was
    written; it goes to a file of the folder `checkpoints`, by default in the run directory, and is
    sealed by the key in the file `key`, by default `audit.key` in the home. Both are safest where
    the database's owner cannot write. Beyond `rotate_mib` the next file of checkpoints is begun.
    Rows stay in the database for `keep_days` before they can be archived, archives for
    `retain_days` before they can be discarded; nothing goes by itself.
    """

    checkpoint_rows: int = Field(default=1_000, ge=1, le=1_000_000)
    checkpoint_s: float = Field(default=60.0, ge=0.1, le=86_400, allow_inf_nan=False)
    checkpoints: Path | None = None
    key: Path | None = None
    rotate_mib: float = Field(default=16.0, ge=0.01, le=1_024, allow_inf_nan=False)
    keep_days: float = Field(default=730.0, ge=0, le=36_500, allow_inf_nan=False)
    retain_days: float = Field(default=2_557.0, ge=0, le=36_500, allow_inf_nan=False)

    def below(self, root: Path) -> AuditSettings:
        """Return the same with paths that a process in any folder finds."""
        given = {"checkpoints": self.checkpoints, "key": self.key}
        return self.model_copy(update={n: root / p for n, p in given.items() if p is not None})


class VenueSettings(_Section):
    """One paper venue; what is None is as `trading` has it for all of them.

    Fees, spread and offset are in basis points; `depth` is units at each of `levels` prices. A
    `leverage` above 1 makes a margin account that may sell short. `faults` lets it be told to
    fail, for tests.
    """

    name: VenueName = "PAPER"
    starting_cash: float | None = Field(default=None, ge=1, le=1e9, allow_inf_nan=False)
    maker_fee_bps: float | None = Field(default=None, ge=0, le=100, allow_inf_nan=False)
    taker_fee_bps: float | None = Field(default=None, ge=0, le=100, allow_inf_nan=False)
    half_spread_bps: float | None = Field(default=None, ge=0, le=500, allow_inf_nan=False)
    depth: int = Field(default=10_000, ge=1, le=10**9)
    levels: int = Field(default=5, ge=1, le=50)
    latency_ms: float = Field(default=0.0, ge=0, le=60_000, allow_inf_nan=False)
    price_offset_bps: float = Field(default=0.0, ge=-500, le=500, allow_inf_nan=False)
    leverage: float = Field(default=1.0, ge=1, le=100, allow_inf_nan=False)
    seed: int | None = Field(default=None, ge=0)
    faults: bool = False


def _as_venue(given: object) -> object:
    return {"name": given} if isinstance(given, str) else given


def _distinct(venues: tuple[VenueSettings, ...]) -> tuple[VenueSettings, ...]:
    names = [venue.name for venue in venues]
    if not names or len(set(names)) < len(names):
        raise ValueError("must name one venue at least, and none twice")
    return venues


Venues = Annotated[
    tuple[Annotated[VenueSettings, BeforeValidator(_as_venue)], ...], AfterValidator(_distinct)
]


class EarlyWarningSettings(_Section):
    """When a node warns before a limit is exceeded, and of orders and P&L that are unusual.

    A warning is given when a breach within `horizon_s` has `probability`, at the earliest
    `warm_up_s` after the start, and of one limit and scope once in `again_s`. `patterns` has the
    numbers of orders, of denials and rejections, and the changes of equity watched.
    """

    enabled: bool = True
    patterns: bool = True
    horizon_s: float = Field(default=300.0, gt=0, le=86_400, allow_inf_nan=False)
    probability: float = Field(default=0.8, ge=0.5, le=1, allow_inf_nan=False)
    warm_up_s: float = Field(default=300.0, ge=0, le=86_400, allow_inf_nan=False)
    again_s: float = Field(default=1_800.0, ge=0, le=86_400, allow_inf_nan=False)


class ProxySettings(_Section):
    """Whose returns stand in for those that a symbol has not, and how much of them."""

    symbol: str = Field(min_length=1)
    beta: float = Field(default=1.0, allow_inf_nan=False)


def _as_proxy(given: object) -> object:
    return {"symbol": given} if isinstance(given, str) else given


class OptionTerms(_Section):
    """What an option that may be held is: a European one, on a symbol of the catalog.

    Without `volatility` it is the one that its price implies.
    """

    symbol: str = Field(min_length=1)
    underlying: str = Field(min_length=1)
    kind: Literal["call", "put"]
    strike: float = Field(gt=0, allow_inf_nan=False)
    expiry: IsoDate
    volatility: float | None = Field(default=None, gt=0, le=10, allow_inf_nan=False)
    rate: float = Field(default=0.0, ge=-1, le=1, allow_inf_nan=False)
    dividend_yield: float = Field(default=0.0, ge=-1, le=1, allow_inf_nan=False)


class MeasureSettings(_Section):
    """How the measures that limits need are computed, where a limit needs any and it is `enabled`.

    They are computed each `every_s`, and soon after fills, from at most `history_days` daily
    returns of the catalog and `min_history_days` at least; of stress, from all of them, in windows
    of `stress_days`. A history that ends more than `max_history_age_days` before the market's own
    day is none. `proxies` say what stands in for a symbol that has none: `NEWCO = "AMD"`, or
    `NEWCO = {symbol = "AMD", beta = 1.2}`; above a share of `max_uncovered` of the gross value
    without either there is no measure, and the limits that need it fail. Measures of positions
    that are no longer held count for `grace_s`. `decay` is of the exponentially weighted
    volatilities, `volume_days` are averaged over. `options` are the terms of options that may be
    held, a table each.
    """

    enabled: bool = True
    every_s: float = Field(default=60.0, ge=1, le=3_600, allow_inf_nan=False)
    history_days: int = Field(default=500, ge=100, le=20_000)
    min_history_days: int = Field(default=250, ge=100, le=20_000)
    max_history_age_days: float = Field(default=7.0, ge=1, le=36_500, allow_inf_nan=False)
    stress_days: int = Field(default=252, ge=100, le=2_000)
    volume_days: int = Field(default=20, ge=1, le=2_000)
    decay: float = Field(default=0.94, gt=0, lt=1, allow_inf_nan=False)
    max_uncovered: float = Field(default=0.05, ge=0, lt=1, allow_inf_nan=False)
    grace_s: float = Field(default=10.0, ge=1, le=3_600, allow_inf_nan=False)
    proxies: dict[str, Annotated[ProxySettings, BeforeValidator(_as_proxy)]] = {}
    options: tuple[OptionTerms, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> MeasureSettings:
        if self.min_history_days > self.history_days:
            raise ValueError("min_history_days must not be more than history_days")
        names = [option.symbol for option in self.options]
        if len(set(names)) < len(names):
            raise ValueError("options must name each symbol once")
        return self


class TradingSettings(_Section):
    """The trading node and its paper venues.

    The replay takes the real closes of `replay_symbols` from `replay_start` on and lets
    `seconds_per_day` real seconds pass for each trading day; the path between two closes is
    simulated.

    The limits of the gate that are None are off. Money is in account currency. A position is that
    of the account in one instrument; `max_symbol_notional` adds its venues up, and
    `max_strategy_notional` is of each strategy in one instrument. `check_margin`
    has each venue's account cover all that works, `max_daily_loss` and `max_daily_loss_fraction`
    (of the equity the UTC day began with) are the stop-loss: exceeded at `stop_loss_confirmations`
    looks in a row, four a second, they move the trader to `stop_loss_state`. `limits` are more of
    them, each a table with its name as `limit`, its parameters, and `adjust` for a rule that
    tightens it; `limit_levels` says where warning begins and how long it lasts; see
    docs/concepts/limits.md and docs/concepts/adjusting_limits.md. `measures` says how what
    they need is measured; see docs/concepts/measures.md. `self_trade` says which goes of two orders
    of the account that would trade with each other; what only reduces always goes before what it
    crosses.

    A killed trader is resumed by two persons, within `resume_within_s` of each other, and whose
    strategies run resumes nothing. `single_person` declares that the desk has one person only, who
    then counts for both; it is audited at each start. See docs/concepts/kill_switch.md.
    """

    trader_id: TraderId = "PAPER-001"
    starting_cash: float = Field(default=1_000_000.0, ge=1, le=1e9, allow_inf_nan=False)
    max_order_notional: float = Field(default=250_000.0, gt=0, allow_inf_nan=False)
    max_position_notional: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_position_units: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_symbol_notional: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_strategy_notional: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_gross_exposure: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    check_margin: bool = True
    max_daily_loss: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    max_daily_loss_fraction: float | None = Field(default=None, gt=0, le=1, allow_inf_nan=False)
    stop_loss_state: Literal["REDUCE_ONLY", "HALTED"] = "REDUCE_ONLY"
    stop_loss_confirmations: int = Field(default=3, ge=1, le=1_000)
    limits: tuple[dict[str, Any], ...] = ()
    limit_levels: dict[str, float] = {}
    early_warning: EarlyWarningSettings = EarlyWarningSettings()
    measures: MeasureSettings = MeasureSettings()
    max_orders_per_second: int | None = Field(default=50, ge=1, le=9_999)
    price_band_bps: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    max_quote_age_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    duplicate_window_s: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    self_trade: Literal["off", "cancel_newest", "cancel_oldest"] = "cancel_newest"
    commission_bps: float = Field(default=1.0, ge=0, le=100, allow_inf_nan=False)
    half_spread_bps: float = Field(default=2.0, ge=0, le=500, allow_inf_nan=False)
    replay_symbols: tuple[str, ...] = ()  # empty: all of the shipped stocks
    replay_start: IsoDate = "2020-01-02"
    seconds_per_day: float = Field(default=20.0, ge=0.1, le=86_400, allow_inf_nan=False)
    quotes_per_second: float = Field(default=4.0, gt=0, le=200, allow_inf_nan=False)
    seed: int = Field(default=20200102, ge=0)
    venues: Venues = (VenueSettings(),)
    start_timeout_s: float = Field(default=60.0, gt=0, le=600)
    stop_timeout_s: float = Field(default=15.0, gt=0, le=600)
    heartbeat_s: float = Field(default=1.0, gt=0, le=30)
    targets_max_age_days: float = Field(default=7.0, gt=0, le=3_650, allow_inf_nan=False)
    single_person: bool = False
    resume_within_s: float = Field(default=900.0, ge=1, le=86_400, allow_inf_nan=False)
    operator_console: bool = False  # whether the node's kernel takes an operator's cells

    def venue(self, name: str) -> VenueSettings:
        """Return the settings of the venue `name`.

        Raises
        ------
        ConfigError
            When `venues` has none of that name.
        """
        for venue in self.venues:
            if venue.name == name:
                return venue
        raise ConfigError(
            "a venue must be one of trading.venues",
            value=name,
            remedy=f"choose among {', '.join(venue.name for venue in self.venues)}",
        )


class SupervisorSettings(_Section):
    """What the supervisor does with nodes that die, freeze or are left alone.

    A node that dies is brought back at most `restarts` times in `restart_window_s`; past that the
    trader is halted. A node that lives but misses `missed_beats` answers, one asked for each
    `heartbeat_s`, is frozen: it is killed and brought back. `when_node_dies` says in which trading
    state it comes back, `when_unattended` what it falls to after `unattended_s` in which nobody
    who may trade was attached; both only ever tighten. A node that is told to stop has
    `trading.stop_timeout_s` to do so by itself and `terminate_timeout_s` after SIGTERM; then its
    session is killed.
    """

    restarts: int = Field(default=3, ge=0, le=1_000_000)
    restart_window_s: float = Field(default=600.0, gt=0, le=86_400, allow_inf_nan=False)
    heartbeat_s: float = Field(default=1.0, ge=0.1, le=30, allow_inf_nan=False)
    missed_beats: int = Field(default=8, ge=2, le=1_000)
    when_node_dies: Literal["keep", "reduce", "halt"] = "keep"
    when_unattended: Literal["keep", "reduce", "halt"] = "keep"
    unattended_s: float = Field(default=900.0, gt=0, le=604_800, allow_inf_nan=False)
    terminate_timeout_s: float = Field(default=5.0, gt=0, le=600, allow_inf_nan=False)


class BusSettings(_Section):
    """How messages travel between processes: over sockets of this machine, or over a Redis.

    `url` is ``"ipc"``, or the address of a Redis as docs/platform/bus.md tabulates them; one with
    a password belongs into `NL_BUS__URL`. Events are kept on the stream for `retention_hours` and
    until every consumer group has them, but never more than `max_events`. With `wait_replicas`
    a write counts when so many replicas have it. `history` keeps the durable history writer.
    """

    url: Address = Field(default="ipc", repr=False)
    stream: str = Field(default="nautilus-streams", pattern=r"^[A-Za-z0-9_.:-]{1,64}$")
    channel_prefix: str = Field(default="", pattern=r"^[A-Za-z0-9_.:-]{0,64}$")
    timeout_ms: int = Field(default=1_000, ge=50, le=60_000)
    start_wait_s: float = Field(default=2.0, ge=0, le=30)
    attempts: int = Field(default=10, ge=1, le=10)
    probe_s: float = Field(default=30.0, ge=0.1, le=3_600)
    health_s: float = Field(default=30.0, ge=0.1, le=3_600)
    queue: int = Field(default=10_000, ge=100, le=1_000_000)
    retention_hours: float = Field(default=24.0, gt=0, le=8_760)
    max_events: int = Field(default=1_000_000, ge=1_000, le=100_000_000)
    wait_replicas: int = Field(default=0, ge=0, le=10)
    persistence: Literal["none", "rdb", "aof"] = "rdb"
    history: bool = False


class StreamingSettings(_Section):
    """The stream gateways; port 0 takes a free one and writes it to the run directory.

    With a port, gateway N listens N - 1 ports further.
    """

    gateways: int = Field(default=1, ge=1, le=16)
    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65_535)
    conflate_ms: int = Field(default=200, ge=10, le=10_000)
    token_minutes: int = Field(default=60, ge=1, le=1_440)
    heartbeat_s: float = Field(default=2.0, gt=0, le=30)


class FirmSettings(_Section):
    """How the nodes of a home share its firm limits; see docs/concepts/firm_limits.md.

    A lease runs for `lease_s` and is renewed when a quarter of that is over; a node that cannot
    renew it does no more than reduce. It keeps about `lease_step` of the firm's limit above what it
    uses.
    """

    lease_s: float = Field(default=10.0, ge=1, le=3_600, allow_inf_nan=False)
    lease_step: float = Field(default=0.2, gt=0, le=1, allow_inf_nan=False)


class RecordingSettings(_Section):
    """The flight recorder: how many days before today are kept, and how much all may take, GiB."""

    days: int = Field(default=30, ge=1, le=36_500)
    gib: float = Field(default=20.0, gt=0, le=1e6, allow_inf_nan=False)


class WebhookSettings(_Section):
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


class MailSettings(_Section):
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


class LevelSettings(_Section):
    """One level of escalation: where it is told, and what happens when nobody answers.

    `channels` are names of webhooks and mails, ``"log"``, ``"bus"``, or ``"all"``. After
    `unanswered_s` without acknowledgement the next level begins; None is never. `tighten` is what
    the alert's trader falls to when the level is reached by climbing, `cancel_orders` whether its
    orders are cancelled then, too.
    """

    channels: tuple[str, ...] = ("all",)
    unanswered_s: float | None = Field(default=None, gt=0, le=604_800, allow_inf_nan=False)
    tighten: Literal["", "REDUCE_ONLY", "HALTED", "KILLED"] = ""
    cancel_orders: bool = False


_LEVELS: dict[str, dict[str, Any]] = {
    "l0": {"channels": ("log", "bus")},
    "l1": {"unanswered_s": 60.0},
    "l2": {"unanswered_s": 300.0},
    "l3": {},
    "l4": {},
}


_BEGIN: dict[SeverityName, Annotated[int, Field(ge=0, le=4)]] = {
    "info": 0,
    "warning": 1,
    "critical": 1,
}


class LevelsSettings(_Section):
    """The five levels, L0 log to L4 kill; what is not given of one is as it is by default."""

    l0: LevelSettings = LevelSettings(**_LEVELS["l0"])
    l1: LevelSettings = LevelSettings(**_LEVELS["l1"])
    l2: LevelSettings = LevelSettings(**_LEVELS["l2"])
    l3: LevelSettings = LevelSettings(**_LEVELS["l3"])
    l4: LevelSettings = LevelSettings(**_LEVELS["l4"])

    @model_validator(mode="before")
    @classmethod
    def _completed(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        return {
            name: {**_LEVELS[name], **level}
            if name in _LEVELS and isinstance(level, dict)
            else level
            for name, level in given.items()
        }

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.l4.unanswered_s is not None:
            raise ValueError("l4 is the last level: unanswered_s must be left out")
        return self


class MonitoringSettings(_Section):
    """The monitor: it delivers alerts, lets them climb, and watches heartbeats.

    An alert begins at the level that `begin` gives for its severity; what is less severe than
    `climb` stays there. A node whose heartbeat is older than `late_s`, and than three of its own
    beats, is told of. A channel that delivers nothing for `undelivered_s` is told of on the
    others; after `give_up_hours` a delivery is dropped. `[monitoring.webhooks.NAME]` and
    `[monitoring.mails.NAME]` are channels, `[monitoring.levels.l1]` is a level; secrets are best
    given as `NL_MONITORING__WEBHOOKS__NAME__SECRET`. See docs/platform/monitoring.md.
    """

    enabled: bool = True
    poll_ms: float = Field(default=10.0, ge=1, le=1_000, allow_inf_nan=False)
    late_s: float = Field(default=5.0, ge=0.5, le=600, allow_inf_nan=False)
    undelivered_s: float = Field(default=300.0, ge=1, le=86_400, allow_inf_nan=False)
    give_up_hours: float = Field(default=24.0, gt=0, le=720, allow_inf_nan=False)
    climb: SeverityName = "warning"
    begin: dict[SeverityName, Annotated[int, Field(ge=0, le=4)]] = _BEGIN
    webhooks: dict[ChannelName, WebhookSettings] = {}
    mails: dict[ChannelName, MailSettings] = {}
    levels: LevelsSettings = LevelsSettings()

    @field_validator("begin", mode="before")
    @classmethod
    def _completed(cls, given: Any) -> Any:
        return {**_BEGIN, **given} if isinstance(given, dict) else given

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of all channels: the log, the bus, webhooks and mails."""
        return ("log", "bus", *self.webhooks, *self.mails)

    @model_validator(mode="after")
    def _names_match(self) -> Self:
        named = self.channels
        if len(set(named)) < len(named) or "all" in named:
            raise ValueError('a channel must have a name of its own, and not "all", "log" or "bus"')
        for name in ("l0", "l1", "l2", "l3", "l4"):
            level: LevelSettings = getattr(self.levels, name)
            if unknown := set(level.channels) - {"all", *named}:
                raise ValueError(
                    f"levels.{name} names {', '.join(sorted(unknown))}, which is no channel; "
                    f"there are {', '.join(named)}"
                )
        return self


class DashboardSettings(_Section):
    """What the served dashboards may do: look, or trade as the owner of this workspace."""

    role: Literal["viewer", "operator"] = "viewer"


class JobSettings(_Section):
    """Notebook runs: where they leave their output, and the longest a run or a cell may take."""

    directory: Path = Path("runs")
    run_timeout_s: int = Field(default=3_600, gt=0)
    cell_timeout_s: int = Field(default=600, gt=0)
    start_timeout_s: int = Field(default=60, gt=0)


class Settings(_Section):
    """Everything that can be set. `root` is the workspace; relative paths start there."""

    root: Path
    home: Folder = Path(".lab")  # run directories, stores, logs
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    data: DataSettings = DataSettings()
    store: StoreSettings = StoreSettings()
    audit: AuditSettings = AuditSettings()
    trading: TradingSettings = TradingSettings()
    supervisor: SupervisorSettings = SupervisorSettings()
    bus: BusSettings = BusSettings()
    streaming: StreamingSettings = StreamingSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    recording: RecordingSettings = RecordingSettings()
    dashboards: DashboardSettings = DashboardSettings()
    jobs: JobSettings = JobSettings()
    firm: FirmSettings = FirmSettings()

    def to_private_json(self) -> str:
        """Return all of it with its secrets, for files of mode 0600 and private sockets only.

        Every other dump hides them, and cannot be read back where it has hidden one.
        """
        return self.model_dump_json(context=_REVEALING)

    @property
    def home_path(self) -> Path:
        """The absolute path of `home`."""
        return self.root / self.home

    @property
    def data_path(self) -> Path:
        """The absolute path of the catalog."""
        return self.root / self.data.directory

    @property
    def runs_path(self) -> Path:
        """The absolute path of what notebook runs leave behind."""
        return self.root / self.jobs.directory


def load_settings(root: Path | str | None = None, **overrides: Any) -> Settings:
    """Read the settings of a workspace.

    Parameters
    ----------
    root : path, optional
        The workspace; found from the current folder when not given.
    **overrides
        Sections or keys that win over file and environment: ``trading={"seed": 1}``.

    Raises
    ------
    ConfigError
        When the workspace is no folder, a key is unknown or a value is out of bounds; names the
        key, and where to mend it.
    """
    where = Path(root).resolve() if root is not None else find_root()
    if not where.is_dir():
        raise ConfigError(
            "a workspace must be a folder", value=str(where), remedy="check the path and NL_ROOT"
        )
    values = _merged(_merged(_from_file(where / "lab.toml"), _from_environment()), overrides)
    if "root" in values:
        raise _no_such_key("root", values["root"])
    try:
        return Settings.model_validate({**values, "root": where})
    except ValidationError as error:
        raise _as_config_error(error) from None


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"lab.toml must be valid TOML: {error}", value=str(path), remedy="mend the line named"
        ) from None
    except OSError as error:
        # A link that leads nowhere is no file that is not there: somebody set something by it.
        if isinstance(error, FileNotFoundError) and not path.is_symlink():
            return {}
        raise ConfigError(
            f"lab.toml must be readable: {error.strerror}",
            value=str(path),
            remedy="it must be a file; check its owner and mode",
        ) from None


def _from_environment() -> dict[str, Any]:
    given = {
        name: text
        for name, text in sorted(os.environ.items())
        if name.startswith(_PREFIX) and name not in _NOT_SETTINGS
    }
    values: dict[str, Any] = {}
    for name, text in given.items():
        if deeper := [other for other in given if other.startswith(f"{name}__")]:
            raise ConfigError(
                f"{name} cannot be a value and a section",
                value=deeper[0],
                remedy="unset one of the two variables",
            )
        *sections, key = name.removeprefix(_PREFIX).lower().split("__")
        value: Any = text
        if key in _LISTS:
            value = [part.strip() for part in text.split(",") if part.strip()]
        for part in reversed((*sections, key)):
            value = {part: value}
        values = _merged(values, value)
    return values


def _merged(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    merged = dict(low)
    for key, value in high.items():
        under = merged.get(key)
        if isinstance(value, dict) and isinstance(under, dict):
            merged[key] = _merged(under, value)
        else:
            merged[key] = value
    return merged


def _as_config_error(error: ValidationError) -> ConfigError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return _no_such_key(key, first["input"])
    variable = _PREFIX + key.upper().replace(".", "__")
    return ConfigError(
        f"{key}: {first['msg'][:1].lower()}{first['msg'][1:]}",
        value=_without_secrets(first["input"], key.rpartition(".")[2]),
        remedy=f"mend it in lab.toml, or {variable} in the environment",
    )


def _without_secrets(value: object, name: str) -> object:
    if name in _SECRETS:
        return "[hidden]"
    if isinstance(value, dict):
        return {key: _without_secrets(one, str(key)) for key, one in value.items()}
    return value


def _no_such_key(key: str, value: object) -> ConfigError:
    return ConfigError(
        f"{key} is not a setting",
        value=value,
        remedy="see docs/configuration.md for the keys; check lab.toml and NL_ variables",
    )
