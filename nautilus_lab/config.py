"""Settings: `lab.toml` at the workspace's root, then the environment (`NL_...`), then arguments.

`NL_TRADING__SECONDS_PER_DAY=5` sets `trading.seconds_per_day`. Unknown keys are refused, in the
file and in the environment alike. Everything has a default that runs on one machine.
"""

from __future__ import annotations

import os
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from nautilus_lab.exceptions import ConfigError

__all__ = [
    "AuditSettings",
    "BusSettings",
    "DashboardSettings",
    "DataSettings",
    "JobSettings",
    "RecordingSettings",
    "Settings",
    "StoreSettings",
    "StreamingSettings",
    "SupervisorSettings",
    "TradingSettings",
    "VenueSettings",
    "find_root",
    "load_settings",
]

_PREFIX = "NL_"
# environment variables with our prefix that are not settings
_NOT_SETTINGS = frozenset({"NL_ROOT", "NL_TOKEN", "NL_FAILPOINT", "NL_RUN"})

# keys whose values are lists; in the environment their parts are joined by commas
_LISTS = frozenset({"replay_symbols", "venues"})

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


IsoDate = Annotated[str, AfterValidator(_a_date)]
Folder = Annotated[Path, AfterValidator(_named)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


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
    the database's owner cannot write. Rows stay in the database for `keep_days` before they can be
    archived, archives for `retain_days` before they can be discarded; nothing goes by itself.
    """

    checkpoint_rows: int = Field(default=1_000, ge=1, le=1_000_000)
    checkpoint_s: float = Field(default=60.0, ge=0.1, le=86_400, allow_inf_nan=False)
    checkpoints: Path | None = None
    key: Path | None = None
    keep_days: float = Field(default=730.0, ge=0, le=36_500, allow_inf_nan=False)
    retain_days: float = Field(default=2_557.0, ge=0, le=36_500, allow_inf_nan=False)


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
    them, each a table with its name as `limit` and its parameters; `limit_levels` says where
    warning begins and how long it lasts; see docs/concepts/limits.md. `self_trade` says which goes
    of two orders of the account that would trade with each other; what only reduces always goes
    before what it crosses.
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

    url: str = Field(default="ipc", repr=False)
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
    recording: RecordingSettings = RecordingSettings()
    dashboards: DashboardSettings = DashboardSettings()
    jobs: JobSettings = JobSettings()
    firm: FirmSettings = FirmSettings()

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


def find_root(start: Path | None = None) -> Path:
    """Return the workspace: `NL_ROOT`, or the nearest parent with a `lab.toml`, or `start`."""
    if given := os.environ.get("NL_ROOT"):
        return Path(given).resolve()
    begin = (start or Path.cwd()).resolve()
    for folder in (begin, *begin.parents):
        if os.path.lexists(folder / "lab.toml"):
            return folder
    return begin


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
        value=first["input"],
        remedy=f"mend it in lab.toml, or {variable} in the environment",
    )


def _no_such_key(key: str, value: object) -> ConfigError:
    return ConfigError(
        f"{key} is not a setting",
        value=value,
        remedy="see docs/configuration.md for the keys; check lab.toml and NL_ variables",
    )
