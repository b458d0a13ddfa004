"""Settings: the file, then the environment, then arguments; what is unknown is refused."""

import copy
import errno
import os
import pickle
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from nautilus_lab.config import BusSettings, Settings, TradingSettings, find_root, load_settings
from nautilus_lab.exceptions import ConfigError, InputError


@pytest.fixture
def lab_toml(tmp_path):
    """Write the settings file of the workspace that is the current folder."""

    def write(text: str | bytes) -> Path:
        path = tmp_path / "lab.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def _refused(*args, **overrides) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load_settings(*args, **overrides)
    assert caught.value.remedy
    return caught.value


# --- where values come from ---------------------------------------------------------------


def test_without_any_setting_everything_has_a_default(tmp_path):
    settings = load_settings()
    assert settings.root == tmp_path
    assert settings.home_path == tmp_path / ".lab"
    assert settings.data_path == tmp_path / "data"
    assert settings.runs_path == tmp_path / "runs"
    assert settings == Settings(root=tmp_path)


def test_arguments_win_over_the_environment_and_that_over_the_file(lab_toml, monkeypatch):
    lab_toml("[trading]\nseed = 1\nstarting_cash = 5000\ncommission_bps = 3\n")
    assert load_settings().trading.seed == 1
    monkeypatch.setenv("NL_TRADING__SEED", "2")
    monkeypatch.setenv("NL_TRADING__STARTING_CASH", "6000")
    trading = load_settings(trading={"seed": 3}).trading
    assert (trading.seed, trading.starting_cash, trading.commission_bps) == (3, 6_000.0, 3.0)


def test_an_argument_may_be_a_whole_section(lab_toml):
    lab_toml("[trading]\nseed = 1\n")
    assert load_settings(trading=TradingSettings(commission_bps=9)).trading.seed == 20200102


def test_a_list_in_the_environment_is_joined_by_commas(monkeypatch):
    monkeypatch.setenv("NL_TRADING__REPLAY_SYMBOLS", "AAPL, MSFT,")
    assert load_settings().trading.replay_symbols == ("AAPL", "MSFT")
    monkeypatch.setenv("NL_TRADING__REPLAY_SYMBOLS", "")
    assert load_settings().trading.replay_symbols == ()


def test_a_list_in_the_file_is_a_list(lab_toml):
    lab_toml('[trading]\nreplay_symbols = ["AAPL", "MSFT"]\n')
    assert load_settings().trading.replay_symbols == ("AAPL", "MSFT")


def test_a_path_may_be_absolute(tmp_path):
    settings = load_settings(home="/var/lab", data={"directory": "/srv/data"})
    assert settings.home_path == Path("/var/lab")
    assert settings.data_path == Path("/srv/data")


# --- the workspace ------------------------------------------------------------------------


def test_the_workspace_is_the_nearest_parent_with_a_lab_toml(lab_toml, tmp_path, monkeypatch):
    lab_toml("")
    deep = tmp_path / "notebooks" / "research"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert find_root() == tmp_path
    assert load_settings().root == tmp_path
    (deep / "lab.toml").touch()
    assert find_root() == deep


@pytest.mark.parametrize("leads_to", ["lab.toml", "nowhere.toml", "."])
def test_a_lab_toml_that_is_no_file_is_not_taken_for_none(tmp_path, monkeypatch, leads_to):
    (tmp_path / "lab.toml").symlink_to(leads_to)
    deep = tmp_path / "notebooks"
    deep.mkdir()
    monkeypatch.chdir(deep)
    assert find_root() == tmp_path
    assert "lab.toml must be readable" in _refused().rule


def test_without_a_lab_toml_it_is_the_current_folder(tmp_path):
    assert find_root() == tmp_path
    assert find_root(tmp_path / "sub") == tmp_path / "sub"


def test_the_environment_may_name_it(lab_toml, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    lab_toml("[trading]\nseed = 1\n")
    monkeypatch.setenv("NL_ROOT", str(other))
    assert load_settings().root == other
    assert load_settings().trading.seed == 20200102
    assert load_settings(tmp_path).trading.seed == 1


def test_a_workspace_that_is_no_folder_is_refused(tmp_path, monkeypatch):
    assert "folder" in _refused(tmp_path / "none").rule
    (tmp_path / "file").touch()
    assert "folder" in _refused(tmp_path / "file").rule
    monkeypatch.setenv("NL_ROOT", str(tmp_path / "none"))
    assert "folder" in _refused().rule


# --- what is refused ----------------------------------------------------------------------


def test_an_unknown_key_is_refused_wherever_it_stands(lab_toml, monkeypatch):
    assert _refused(tradign={"seed": 1}).rule == "tradign is not a setting"
    assert _refused(trading={"sede": 1}).rule == "trading.sede is not a setting"
    monkeypatch.setenv("NL_TRADING__SEDE", "1")
    assert _refused().rule == "trading.sede is not a setting"
    monkeypatch.delenv("NL_TRADING__SEDE")
    monkeypatch.setenv("NL_PROT", "1")
    assert _refused().rule == "prot is not a setting"
    monkeypatch.delenv("NL_PROT")
    lab_toml("[streaming]\nprot = 80\n")
    error = _refused()
    assert (error.rule, error.value) == ("streaming.prot is not a setting", 80)


def test_the_root_is_an_argument_and_no_key(lab_toml):
    lab_toml('root = "/elsewhere"\n')
    assert _refused().rule == "root is not a setting"


def test_the_token_of_a_viewer_is_no_setting(monkeypatch):
    monkeypatch.setenv("NL_TOKEN", "abc")
    assert load_settings().log_level == "INFO"


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("trading", "starting_cash", 0),
        ("trading", "starting_cash", 0.001),
        ("trading", "starting_cash", 1e15),
        ("trading", "seed", -1),
        ("trading", "seconds_per_day", 1e-300),
        ("trading", "starting_cash", -1),
        ("trading", "starting_cash", "NaN"),
        ("trading", "starting_cash", "inf"),
        ("trading", "starting_cash", "much"),
        ("trading", "max_order_notional", float("nan")),
        ("trading", "seconds_per_day", "nan"),
        ("trading", "seconds_per_day", 86_401),
        ("trading", "start_timeout_s", "nan"),
        ("trading", "heartbeat_s", "inf"),
        ("trading", "seed", 1.5),
        ("trading", "trader_id", "paper-001"),
        ("trading", "trader_id", "PAPER"),
        ("trading", "trader_id", "../../etc"),
        ("trading", "trader_id", "PAPER-001\n"),
        ("trading", "replay_start", "2020-13-01"),
        ("trading", "replay_start", "yesterday"),
        ("trading", "replay_start", "20200102"),
        ("trading", "replay_start", ""),
        ("streaming", "port", -1),
        ("streaming", "port", 65_536),
        ("streaming", "port", "http"),
        ("streaming", "conflate_ms", 9),
        ("streaming", "token_minutes", 1_441),
        ("store", "busy_timeout_ms", -1),
        ("jobs", "cell_timeout_s", 0),
    ],
)
def test_a_value_out_of_bounds_names_its_key_and_where_to_mend_it(section, key, value):
    error = _refused(**{section: {key: value}})
    assert error.rule.startswith(f"{section}.{key}: ")
    assert repr(error.value) == repr(value)  # NaN is not itself
    assert f"NL_{section}__{key}".upper() in error.remedy.upper()


@pytest.mark.parametrize("level", ["info", "TRACE", 10])
def test_a_log_level_that_is_none_is_refused(level):
    assert _refused(log_level=level).rule.startswith("log_level: ")


def test_a_section_that_is_no_section_is_refused(monkeypatch):
    assert _refused(trading=5).rule.startswith("trading: ")
    monkeypatch.setenv("NL_TRADING", "5")
    assert _refused().rule.startswith("trading: ")


def test_a_key_that_is_no_section_is_refused(monkeypatch):
    monkeypatch.setenv("NL_TRADING__SEED__DEEP", "1")
    assert _refused().rule.startswith("trading.seed: ")


@pytest.mark.parametrize("name", ["NL_TRADING", "NL_TRADING__SEED"])
def test_a_variable_that_hides_another_is_refused(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    monkeypatch.setenv("NL_TRADING__SEED__DEEP", "1")
    error = _refused()
    assert error.rule == f"{name} cannot be a value and a section"
    assert error.value == "NL_TRADING__SEED__DEEP"


@pytest.mark.parametrize("name", ["NL_", "NL___", "NL_TRADING__"])
def test_a_variable_without_a_key_is_refused(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert _refused().rule.endswith(" is not a setting")


@pytest.mark.parametrize("text", [b"seed = ", b"[trading", b"a = 1\na = 2\n", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_refused(lab_toml, text):
    path = lab_toml(text)
    error = _refused()
    assert error.rule.startswith("lab.toml must be valid TOML")
    assert error.value == str(path)


def test_a_file_that_cannot_be_read_is_refused(lab_toml, monkeypatch):
    lab_toml("")

    def refuse(*_):  # a mode would not stop the superuser
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "read_text", refuse)
    assert "Permission denied" in _refused().rule


# --- what they are ------------------------------------------------------------------------


def test_settings_do_not_change():
    settings = load_settings()
    with pytest.raises(ValidationError):
        settings.home = Path("elsewhere")
    with pytest.raises(ValidationError):
        settings.trading.seed = 1


SECTIONS = [
    Settings,
    *(
        field.annotation
        for field in Settings.model_fields.values()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    ),
]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_section_is_frozen_and_refuses_unknown_keys(section):
    assert section.model_config["frozen"] is True
    assert section.model_config["extra"] == "forbid"
    assert section.__doc__


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_every_default_is_within_its_own_bounds(section):
    """And no number may be NaN or infinite."""
    given = {"root": Path("/")} if section is Settings else {}
    section(**given)
    for name, field in section.model_fields.items():
        if field.annotation is float:
            for value in ("nan", "inf", "-inf"):
                with pytest.raises(ValidationError):
                    section(**given, **{name: value})


PLACES = {
    "bus": {"url": "redis://desk:PRIVATE@example.com:6379/0"},
    "monitoring": {
        "webhooks": {
            "pager": {
                "url": "https://example.com/services/PRIVATE?key=PRIVATE",
                "secret": "PRIVATE",
            }
        },
        "mails": {
            "desk": {
                "host": "mail.example.com",
                "sender": "lab@example.com",
                "recipients": ["desk@example.com"],
                "user": "desk",
                "password": "PRIVATE",
            }
        },
    },
}


def dumps():
    return {
        "json": lambda settings: settings.model_dump_json(),
        "json mode": lambda settings: str(settings.model_dump(mode="json")),
        "python mode": lambda settings: str(settings.model_dump()),
        "repr": repr,
        "str": str,
        "a section": lambda settings: settings.monitoring.model_dump_json(),
    }


@pytest.mark.parametrize("dump", dumps().values(), ids=dumps())
def test_a_plain_dump_holds_no_secret(tmp_path, dump):
    settings = load_settings(tmp_path, **PLACES)
    assert "PRIVATE" not in dump(settings)


def test_the_private_json_holds_all_of_it_and_is_read_back(tmp_path):
    settings = load_settings(tmp_path, **PLACES)
    text = settings.to_private_json()
    assert text.count("PRIVATE") == 5
    assert Settings.model_validate_json(text) == settings


def test_a_dump_that_hid_something_is_not_read_back(tmp_path):
    settings = load_settings(tmp_path, **PLACES)
    with pytest.raises(ValueError, match="to_private_json") as refused:
        Settings.model_validate_json(settings.model_dump_json())
    assert refused.value.error_count() == 4
    plain = load_settings(tmp_path)
    assert Settings.model_validate_json(plain.model_dump_json()) == plain


@pytest.mark.parametrize("part", ["whole", "bus", "monitoring"])
def test_settings_with_a_secret_are_copied_and_not_pickled(tmp_path, part):
    settings = load_settings(tmp_path, **PLACES)
    one = settings if part == "whole" else getattr(settings, part)
    assert copy.deepcopy(one) == copy.copy(one) == one
    with pytest.raises(InputError, match="must not be pickled"):
        pickle.dumps(one)


def test_settings_without_a_secret_are_pickled(tmp_path):
    settings = load_settings(tmp_path)
    assert pickle.loads(pickle.dumps(settings)) == settings


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://example.com:6379/0", "redis://example.com:6379/0"),
        ("redis://:word@example.com", "redis://**********@example.com"),
        ("redis://:wo/rd@example.com", "redis://**********"),
        ("redis://example.com/?password=word", "redis://example.com/**********"),
        ("redis://example.com?password=word", "redis://example.com/**********"),
    ],
)
def test_of_an_address_only_where_it_leads_is_shown(tmp_path, url, shown):
    assert BusSettings(url=url).model_dump(mode="json")["url"] == shown
