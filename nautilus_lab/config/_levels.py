"""Settings of the levels that alerts climb."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from nautilus_lab.config._section import Section


class LevelSettings(Section):
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


class LevelsSettings(Section):
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
