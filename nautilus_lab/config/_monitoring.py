"""Settings of the monitor."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from nautilus_lab.config._channels import ChannelName, MailSettings, SeverityName, WebhookSettings
from nautilus_lab.config._levels import LevelSettings, LevelsSettings
from nautilus_lab.config._section import Section

_BEGIN: dict[SeverityName, Annotated[int, Field(ge=0, le=4)]] = {
    "info": 0,
    "warning": 1,
    "critical": 1,
}


class MonitoringSettings(Section):
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
    webhooks: dict[ChannelName, WebhookSettings] = Field(default={})
    mails: dict[ChannelName, MailSettings] = Field(default={})
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
