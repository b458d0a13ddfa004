"""The last lines of a log."""

import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.telemetry import LogTail


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_the_last_lines_come_oldest_first(tmp_path):
    path = tmp_path / "node.log"
    path.write_text("".join(f"line {n}\n" for n in range(10)), "utf-8")
    assert LogTail(path).lines(3) == ("line 7", "line 8", "line 9")
    assert len(LogTail(path).lines(50)) == 10


def test_a_line_that_is_being_written_is_shown(tmp_path):
    path = tmp_path / "node.log"
    path.write_text("whole\nha", "utf-8")
    assert LogTail(path).lines() == ("whole", "ha")


@pytest.mark.parametrize(
    ("most_bytes", "expected"),
    [(12, ("line 1", "line 2")[1:]), (13, ("line 2",)), (14, ("line 1", "line 2")), (1, ())],
)
def test_a_line_cut_by_the_bound_is_left_out(tmp_path, most_bytes, expected):
    path = tmp_path / "node.log"
    path.write_text("line 0\nline 1\nline 2\n", "utf-8")  # 7 bytes each
    assert LogTail(path, most_bytes=most_bytes).lines() == expected


def test_a_huge_log_costs_no_more_than_its_end(tmp_path):
    path = tmp_path / "node.log"
    with path.open("wb") as file:
        file.truncate(10_000_000_000)  # sparse: reading it whole would not end well
        file.seek(0, 2)
        file.write(b"\nthe end\n")
    assert LogTail(path, most_bytes=100).lines()[-1] == "the end"


def test_the_file_is_read_once_in_a_while(tmp_path, clock):
    path = tmp_path / "node.log"
    path.write_text("one\n", "utf-8")
    tail = LogTail(path, every_s=0.5, clock=clock)
    assert tail.lines() == ("one",)
    path.write_text("one\ntwo\n", "utf-8")
    clock.now += 0.4
    assert tail.lines() == ("one",)
    clock.now += 0.2
    assert tail.lines() == ("one", "two")


def test_a_log_that_rotated_goes_on(tmp_path, clock):
    path = tmp_path / "node.log"
    path.write_text("old\n", "utf-8")
    tail = LogTail(path, clock=clock)
    assert tail.lines() == ("old",)
    path.rename(tmp_path / "node.log.1")
    path.write_text("new\n", "utf-8")
    clock.now += 1
    assert tail.lines() == ("new",)


def test_a_missing_log_is_an_error_and_not_silence(tmp_path):
    with pytest.raises(StoreError, match="No such file"):
        LogTail(tmp_path / "node.log").lines()


def test_bytes_that_are_no_text_are_shown_as_such(tmp_path):
    path = tmp_path / "node.log"
    path.write_bytes(b"\x1b[31mred\x1b[0m \xff bell\x07\ttab\n")
    assert LogTail(path).lines() == ("red \ufffd bell\ttab",)


@pytest.mark.parametrize("most", [0, -1])
def test_bounds_must_be_positive(tmp_path, most):
    with pytest.raises(InputError):
        LogTail(tmp_path / "node.log", most_bytes=most)
    with pytest.raises(InputError):
        LogTail(tmp_path / "node.log").lines(most)
