"""What a log grows by, also across its rotation."""

import logging
import os
from logging.handlers import RotatingFileHandler

import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.telemetry import LogFollower


def append(path, text):
    with path.open("ab") as file:
        file.write(text.encode())


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "node.log"
    path.write_text("before\n")
    return path


def test_only_what_comes_after_it_began_is_told(path):
    follower = LogFollower(path)
    assert follower.new() == ()
    append(path, "one\ntwo\n")
    assert follower.new() == ("one", "two")
    assert follower.new() == ()


def test_what_is_there_already_is_told_on_demand(path):
    assert LogFollower(path, whole=True).new() == ("before",)


def test_a_line_is_told_when_it_is_whole(path):
    follower = LogFollower(path)
    append(path, "ha")
    assert follower.new() == ()
    append(path, "lf\nnext")
    assert follower.new() == ("half",)


def test_nothing_is_lost_when_the_log_is_renamed_between_two_looks(path):
    follower = LogFollower(path)
    append(path, "one\nhal")
    assert follower.new() == ("one",)
    append(path, "f\nlast of the old\n")
    path.rename(path.with_name("node.log.1"))
    path.write_text("first of the new\n")
    assert follower.new() == ("half", "last of the old", "first of the new")


def test_nothing_is_lost_when_the_log_is_copied_and_emptied(path):
    follower = LogFollower(path)
    append(path, "last of the old\n")
    path.with_name("node.log.1").write_bytes(path.read_bytes())
    os.truncate(path, 0)
    append(path, "new\n")
    assert follower.new() == ("last of the old", "new")


def test_a_log_that_was_rotated_twice_goes_on_with_the_newest(path):
    follower = LogFollower(path)
    append(path, "a part")
    assert follower.new() == ()
    for name in ("node.log.2", "node.log.1"):
        path.rename(path.with_name(name))
        path.write_text("other\n")
    assert follower.new() == ("other",)


def test_a_real_log_is_followed_over_many_rotations(path):
    handler = RotatingFileHandler(path, maxBytes=200, backupCount=3)
    log = logging.Logger("followed")
    log.addHandler(handler)
    follower = LogFollower(path)
    seen = []
    for number in range(100):
        log.warning("line %d", number)
        seen += follower.new()
    handler.close()
    assert seen == [f"line {n}" for n in range(100)]


def test_of_a_flood_the_latest_are_told_and_the_others_counted(path):
    follower = LogFollower(path, most=3)
    append(path, "".join(f"line {n}\n" for n in range(10)))
    assert follower.new() == ("line 7", "line 8", "line 9")
    assert follower.left_out == 7


def test_a_log_may_come_late_and_go(path):
    late = path.with_name("late.log")
    follower = LogFollower(late)
    assert follower.new() == ()
    append(late, "here\n")
    assert follower.new() == ("here",)
    late.unlink()
    assert follower.new() == ()


def test_secrets_and_what_steers_a_terminal_are_not_told(path):
    follower = LogFollower(path)
    append(path, "\x1b[31mapi_\x1b[0mkey=0123abcd\n")
    assert follower.new() == ("api_key=[hidden]",)


def test_at_least_one_line_must_be_wanted(path):
    with pytest.raises(InputError):
        LogFollower(path, most=0)
