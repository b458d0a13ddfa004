"""Where everything is, and that only its owner gets there."""

from __future__ import annotations

import stat

import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.rundir import Beat, Home, Lock


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "lab")


def test_a_home_and_a_run_directory_are_closed_to_others(home):
    run = home.make().trader("PAPER-001").make()
    for folder in (home.path, home.path / "traders", home.logs, run.path, run.logs):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_making_them_twice_is_harmless(home):
    run = home.make().trader("PAPER-001").make()
    run.store.touch()
    assert home.make().trader("PAPER-001").make().store.exists()


def test_a_run_directory_that_is_a_link_is_refused(home, tmp_path):
    home.make()
    (home.path / "traders" / "PAPER-001").symlink_to(tmp_path)
    with pytest.raises(StoreError, match="a real folder of its user"):
        home.trader("PAPER-001").make()


def test_the_traders_of_a_home_are_its_run_directories(home):
    assert home.trader_ids == ()
    home.make()
    for trader in ("PAPER-002", "PAPER-001"):
        home.trader(trader).make()
    (home.path / "traders" / "notes.txt").touch()
    (home.path / "traders" / ".hidden").mkdir()
    assert home.trader_ids == ("PAPER-001", "PAPER-002")


@pytest.mark.parametrize("name", ["", ".", "..", "../escape", "/etc", "a/b", ".hidden", "a\0b"])
def test_a_trader_id_that_leads_elsewhere_is_refused(home, name):
    with pytest.raises(InputError, match="trader id must be a plain name"):
        home.trader(name)


# several paths each, or none
_LISTS = (
    "trader_ids",
    "gateways",
    "gateway_trails",
    "history_files",
    "measurer_files",
    "monitor_files",
)


def paths_of(place):
    """Every path, lock and socket that `place` names."""
    names = [name for name, value in vars(type(place)).items() if isinstance(value, property)]
    values = {name: getattr(place, name) for name in names if name not in _LISTS}
    return {
        name: value.path if isinstance(value, Lock | Beat) else str(value)
        for name, value in values.items()
    }


def test_no_two_things_are_in_one_place(home):
    run = home.make().trader("PAPER-001").make()
    for place in (home, run):
        named = paths_of(place)
        assert len(set(named.values())) == len(named) > 8


def test_everything_is_below_the_home_when_its_path_is_short(workspace):
    home = Home(workspace / ".lab").make()
    run = home.trader("PAPER-001").make()
    for place in (home, run):
        for path in paths_of(place).values():
            assert str(path).removeprefix("ipc://").startswith(str(place.path))


def test_two_traders_share_nothing(home):
    home.make()
    one, other = (set(paths_of(home.trader(t).make()).values()) for t in ("A-1", "B-1"))
    assert one.isdisjoint(other)


def test_a_table_of_names_is_in_each_docstring(home):
    for place in (home, home.trader("A-1"), home.gateway_files(2)):
        for name in paths_of(place):
            assert f"`{name}`" in type(place).__doc__, name


def test_two_gateways_share_nothing_and_the_first_is_the_home_s_own(home):
    home.make()
    first, second = (home.gateway_files(number) for number in (1, 2))
    assert set(paths_of(first).values()).isdisjoint(paths_of(second).values())
    assert (first.record, first.lock.path) == (home.gateway, home.gateway_lock.path)


def test_the_gateways_of_a_home_are_those_with_a_record_by_number(home):
    assert home.gateways == ()
    home.make()
    for number in (12, 1, 2):
        home.gateway_files(number).record.touch()
    for name in ("gateway-1.json", "gateway-02.json", "gateway-65.json", "gateway.token"):
        (home.path / name).touch()
    assert [files.number for files in home.gateways] == [1, 2, 12]


def test_a_gateway_has_a_trail_of_its_own_that_no_trader_can_be_called_by(home):
    home.make()
    assert home.gateway_trails == ()
    first, second = (home.gateway_files(number).trail.make() for number in (1, 2))
    second.store.touch()
    assert home.gateway_trails == (second,)
    assert (first.trader_id, second.trader_id) == ("@gateway", "@gateway-2")
    with pytest.raises(InputError, match="plain name"):
        home.trader(first.trader_id)
    for trail in (first, second):
        assert trail.path.stat().st_mode & 0o777 == 0o700
        assert trail.path.is_relative_to(home.path)
        assert trail.node_lock.path == trail.gateway.lock.path
    assert first.store != second.store
    assert first.audit_lock.path != second.audit_lock.path


@pytest.mark.parametrize("number", [0, -1, 65])
def test_a_gateway_has_a_number_from_1_to_64(home, number):
    with pytest.raises(InputError, match="must lie in 1 to 64"):
        home.gateway_files(number)
