"""Reading the settings of a workspace from its file and the environment."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nautilus_lab._root import find_root
from nautilus_lab.config._settings import Settings
from nautilus_lab.exceptions import ConfigError

_PREFIX = "NL_"
# environment variables with our prefix that are not settings
_NOT_SETTINGS = frozenset({"NL_ROOT", "NL_TOKEN", "NL_FAILPOINT", "NL_RUN"})

# keys whose values no error shows
_SECRETS = frozenset({"password", "secret", "url"})

# keys whose values are lists; in the environment their parts are joined by commas
_LISTS = frozenset({"replay_symbols", "venues", "channels", "recipients"})


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
