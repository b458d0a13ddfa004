"""What every section of the settings is: frozen, and without unknown keys."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from nautilus_lab.config._secrets import REVEALING
from nautilus_lab.exceptions import InputError


class Section(BaseModel):
    """Some settings of one subject."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def __getstate__(self) -> dict[Any, Any]:
        # What a pickle holds is in plain text, wherever it comes to lie.
        if self.model_dump_json() != self.model_dump_json(context=REVEALING):
            raise InputError(
                "settings that hold a secret must not be pickled",
                value=type(self).__name__,
                remedy="write Settings.to_private_json() to a file of mode 0600",
            )
        return super().__getstate__()
