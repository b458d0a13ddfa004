"""The log of a process: private, rotating, one record a line, no secrets."""

import logging
import os
import re
import stat
import time

import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.telemetry import _logs, configure_logging, redacted

LOG = logging.getLogger("tests.telemetry")


@pytest.fixture(autouse=True)
def root_logger_as_it_was():
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in set(root.handlers) - set(handlers):
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


@pytest.fixture
def small_files(monkeypatch):
    """Rotate at 10 kB; the real bound takes long to reach."""
    assert _logs._MOST_BYTES == 10_000_000
    monkeypatch.setattr(_logs, "_MOST_BYTES", 10_000)


def _lines(path):
    return path.read_text("utf-8").splitlines()


def test_a_line_has_its_time_level_and_logger(tmp_path):
    configure_logging(tmp_path / "node.log")
    LOG.warning("late by %d ms", 7)
    (line,) = _lines(tmp_path / "node.log")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z WARNING tests\.telemetry: late by 7 ms", line
    )


def test_the_time_is_utc(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        configure_logging(tmp_path / "node.log")
        record = LOG.makeRecord(LOG.name, logging.INFO, "", 0, "x", (), None)
        record.created, record.msecs = 0.0, 250.0
        LOG.handle(record)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert _lines(tmp_path / "node.log")[0].startswith("1970-01-01T00:00:00.250Z ")


def test_what_is_below_the_level_is_not_written(tmp_path):
    configure_logging(tmp_path / "node.log", "WARNING")
    LOG.info("unheard")
    LOG.warning("heard")
    assert [line.split(": ")[1] for line in _lines(tmp_path / "node.log")] == ["heard"]


def test_the_file_is_its_owners_alone_also_after_it_rotated(tmp_path, small_files):
    before = os.umask(0)
    try:
        configure_logging(tmp_path / "node.log")
        for _ in range(3):
            LOG.warning("x" * 4_000)
    finally:
        os.umask(before)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
    assert modes == {"node.log": 0o600, "node.log.1": 0o600}


def test_no_more_than_five_old_files_are_kept(tmp_path, small_files):
    configure_logging(tmp_path / "node.log")
    for _ in range(9):
        LOG.warning("x" * 9_000)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "node.log",
        *(f"node.log.{n}" for n in range(1, 6)),
    ]
    assert all(p.stat().st_size < 10_000 for p in tmp_path.iterdir())


def test_configuring_again_moves_the_log(tmp_path):
    configure_logging(tmp_path / "a.log")
    configure_logging(tmp_path / "b.log")
    LOG.warning("once")
    assert _lines(tmp_path / "a.log") == []
    assert len(_lines(tmp_path / "b.log")) == 1


def test_a_message_cannot_pose_as_another_record(tmp_path):
    configure_logging(tmp_path / "node.log")
    LOG.warning("symbol %s", "A\n2026-01-01T00:00:00.000Z INFO audit: all is well\r\nmore")
    lines = _lines(tmp_path / "node.log")
    assert lines[0].endswith("symbol A")
    assert all(line.startswith("    ") for line in lines[1:])
    assert "\r" not in (tmp_path / "node.log").read_bytes().decode()


def test_a_traceback_follows_its_record_without_secrets(tmp_path):
    configure_logging(tmp_path / "node.log")
    try:
        raise RuntimeError("GET /?api_key=c4n4ry failed")
    except RuntimeError:
        LOG.exception("no answer with token=c4n4ry")
    text = (tmp_path / "node.log").read_text("utf-8")
    assert "    RuntimeError: GET /?api_key=[hidden] failed" in text
    assert "c4n4ry" not in text


def test_arguments_are_redacted_too(tmp_path):
    configure_logging(tmp_path / "node.log")
    LOG.warning("asked with %s", {"password": "c4n4ry", "user": "ada"})
    assert _lines(tmp_path / "node.log")[0].endswith("{'password': '[hidden]', 'user': 'ada'}")


@pytest.mark.parametrize("level", ["info", "TRACE", "", 10, None])
def test_a_level_that_is_none_is_refused_and_nothing_is_made(tmp_path, level):
    with pytest.raises(InputError, match="log level"):
        configure_logging(tmp_path / "node.log", level)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_refused(tmp_path):
    with pytest.raises(StoreError, match="No such file"):
        configure_logging(tmp_path / "none" / "node.log")


TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLWhlcmU"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        (f"viewer came with {TOKEN} from 127.0.0.1", "viewer came with [hidden] from 127.0.0.1"),
        (f"ws://127.0.0.1:1/ws?token={TOKEN}&x=1", "ws://127.0.0.1:1/ws?token=[hidden]&x=1"),
        (f"Authorization: Bearer {TOKEN}", "Authorization: [hidden] [hidden]"),
        ("bearer abcdefghijkl123", "bearer [hidden]"),
        ("Basic YWRhOnN3b3JkZmlzaA==", "Basic [hidden]"),
        ("FRED_API_KEY=abc123 set", "FRED_API_KEY=[hidden] set"),
        ('{"api_key": "abc", "id": 7}', '{"api_key": "[hidden]", "id": 7}'),
        ("{'apikey': 'abc'}", "{'apikey': '[hidden]'}"),
        ("password = hunter2", "password = [hidden]"),
        ("client_secret=abc;x=1", "client_secret=[hidden];x=1"),
        ("password='two words'; x=1", "password='[hidden]'; x=1"),
        ('password="cut off', 'password="[hidden]"'),
        (r'"{\"token\": \"abc\", \"id\": 7}"', r'"{\"token\": \"[hidden]\", \"id\": 7}"'),
        ("signing_key=b'abc'", "signing_key=b'[hidden]'"),
        ("redis://user:hunter2@localhost:6379/1", "redis://user:[hidden]@localhost:6379/1"),
        ("redis://:hunter2@localhost", "redis://:[hidden]@localhost"),
        ("postgresql+psycopg://a:b%40c@h/db", "postgresql+psycopg://a:[hidden]@h/db"),
        (
            "key:\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\nend",
            "key:\n[hidden]\nend",
        ),
        ("-----BEGIN PRIVATE KEY-----\nMIIE cut off", "[hidden]"),
    ],
)
def test_secrets_are_hidden(text, safe):
    assert redacted(text) == safe
    assert redacted(safe) == safe


@pytest.mark.parametrize(
    "text",
    [
        "order O-20200102-001 filled 100 AAPL.PAPER at 74.5",
        "http://127.0.0.1:8888/lab/tree/notebooks",
        "ipc:///tmp/lab/commands.sock answered in 3.2 ms",
        "2 tokens were refused, 1 key is missing",
        "at 10:30:00 the basic plan was made",
        "position: AAPL=100, limit=250000.0",
    ],
)
def test_what_is_no_secret_stays(text):
    assert redacted(text) == text
