"""Sockets as files: whose they are, and whether somebody answers there."""

import os
import socket

import pytest

from nautilus_lab.exceptions import InputError, PortBusy, StoreError
from nautilus_lab.platform.rundir import claim_socket, is_answered, socket_file


@pytest.fixture
def address(sockets):
    return f"ipc://{sockets}/x.sock"


@pytest.fixture
def listening(address):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.fspath(socket_file(address)))
        listener.listen(0)
        yield listener


def test_an_address_is_its_file(sockets, address):
    assert socket_file(address) == sockets / "x.sock"


@pytest.mark.parametrize("address", ["", "ipc://", "ipc://@x", "ipc://x/y", "tcp://h:1", "/x/y"])
def test_an_address_without_a_file_of_its_own_is_refused(address):
    for ask in (socket_file, claim_socket, is_answered):
        with pytest.raises(InputError, match="absolute path"):
            ask(address)


def test_an_address_that_nobody_uses_may_be_claimed(sockets, address):
    assert not is_answered(address)
    assert claim_socket(address) == sockets / "x.sock"
    assert list(sockets.iterdir()) == []


def test_an_address_that_is_answered_may_not(address, listening):
    assert is_answered(address)
    with pytest.raises(PortBusy, match="one process"):
        claim_socket(address)


def test_a_listener_too_busy_to_take_a_caller_is_there_all_the_same(address, listening):
    callers = [socket.socket(socket.AF_UNIX) for _ in range(8)]
    try:
        for caller in callers:  # none is accepted, so the queue fills
            caller.setblocking(False)
            caller.connect_ex(os.fspath(socket_file(address)))
        assert is_answered(address)
    finally:
        for caller in callers:
            caller.close()


def test_a_file_left_behind_is_no_hindrance(address, listening, sockets):
    listening.close()
    assert (sockets / "x.sock").exists()
    assert not is_answered(address)
    claim_socket(address)


def test_a_path_too_long_for_a_socket_is_answered_by_nobody(sockets):
    assert not is_answered(f"ipc://{sockets}/{'x' * 200}")


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o704, 0o755])
def test_a_folder_open_to_others_is_refused(sockets, address, mode):
    sockets.chmod(mode)
    with pytest.raises(StoreError, match=f"{mode:04o}"):
        claim_socket(address)


def test_a_file_in_place_of_the_folder_is_refused(sockets):
    (sockets / "file").touch(mode=0o600)
    with pytest.raises(StoreError):
        claim_socket(f"ipc://{sockets}/file/x.sock")
