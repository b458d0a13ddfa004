import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from nautilus_lab.exceptions import InputError, LifecycleError, NotReachable, PortBusy
from nautilus_lab.server import JupyterLabServer, VoilaServer

SERVERS = [VoilaServer, JupyterLabServer]
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": "only",
            "metadata": {},
            "outputs": [],
            "source": "import os\nos.getpid()",
        }
    ],
    "metadata": {"kernelspec": {"display_name": "P", "language": "python", "name": "python3"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture(autouse=True, scope="module")
def own_jupyter_folders(tmp_path_factory):
    """Nothing of the user's own Jupyter is read or written."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("CONFIG", "DATA", "RUNTIME"):
            patch.setenv(f"JUPYTER_{name}_DIR", str(tmp_path_factory.mktemp(name.lower())))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("pages")
    (root / "page.ipynb").write_text(json.dumps(NOTEBOOK))
    return root


@pytest.fixture(scope="module")
def voila(folder, own_jupyter_folders):
    """One server for the tests that only look."""
    with VoilaServer(folder) as server:
        server.ready()
        yield server


@pytest.fixture
def make(folder: Path, tmp_path: Path):
    """Servers that are stopped at the end of the test."""
    made = []

    def made_of(kind, **options):
        made.append(kind(folder, log=tmp_path / "server.log", **options))
        return made[-1]

    yield made_of
    for server in made:
        server.stop()


def get(url: str, **headers: str) -> http.client.HTTPResponse:
    """One request, nothing followed; the body is read."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    response.text = response.read().decode()
    connection.close()
    return response


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"host": "0.0.0.0"}, "this machine only"),
        ({"host": "example.com"}, "this machine only"),
        ({"port": 70_000}, r"\[0, 65535\]"),
        ({"port": -1}, r"\[0, 65535\]"),
    ],
)
def test_what_it_is_given_is_checked_before_anything_starts(make, kind, options, rule):
    with pytest.raises(InputError, match=rule):
        make(kind, **options)


@pytest.mark.parametrize("kind", SERVERS)
def test_a_folder_that_is_not_there_is_refused(kind, tmp_path):
    with pytest.raises(InputError, match="folder to serve"):
        kind(tmp_path / "nowhere")


def test_a_dashboard_that_is_not_there_is_refused_and_the_known_ones_named(make):
    with pytest.raises(InputError) as error:
        make(VoilaServer).page_url("risks.ipynb")
    assert "page.ipynb" in error.value.remedy


@pytest.mark.processes
@pytest.mark.parametrize("kind", SERVERS)
def test_it_answers_those_with_the_token_and_nobody_else(make, kind, tmp_path):
    server = make(kind)
    url = server.start()
    server.ready()
    parts = urlsplit(url)
    assert (parts.hostname, parts.port != 0) == ("127.0.0.1", True)
    assert parse_qs(parts.query)["token"] == [server.token]
    bare = f"http://{parts.netloc}{server._probe}"
    assert get(f"{bare}?token={server.token}").status == 200
    for refused in (bare, f"{bare}?token=wrong"):
        assert get(refused).status in (302, 403)
    assert server.alive
    assert server.token not in repr(server)
    assert server.token not in " ".join(psutil.Process(server.pid).cmdline())
    assert server.token not in str(psutil.Process(server.pid).environ())
    server.stop()
    assert not server.alive
    assert server.url == ""
    assert server.token not in (tmp_path / "server.log").read_text()
    server.stop()


@pytest.mark.processes
@pytest.mark.parametrize("kind", SERVERS)
def test_a_busy_port_is_one_clear_error_and_nothing_runs(make, kind):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = make(kind, port=taken.getsockname()[1])
        with pytest.raises(PortBusy, match="must be free") as error:
            server.start()
    assert str(server.port) in error.value.value
    assert not server.alive
    assert server.pid == 0


@pytest.mark.processes
def test_a_page_says_what_it_may_do_and_names_no_other_machine(voila):
    page = get(voila.page_url("page.ipynb"))
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["Set-Cookie"] is not None
    hosts = {urlsplit(word).hostname for word in page.text.split('"') if word.startswith("http")}
    assert hosts <= {None, "127.0.0.1"}
    cookies = "; ".join(page.headers.get_all("Set-Cookie"))
    assert "_xsrf=" in cookies
    assert "SameSite=Strict" in cookies
    assert "HttpOnly" in cookies


@pytest.mark.processes
def test_the_list_of_dashboards_names_no_other_machine_either(voila):
    listed = get(voila.url)
    assert listed.status == 200
    assert "/voila/render/page.ipynb" in listed.text
    assert "https://" not in listed.text


@pytest.mark.processes
@pytest.mark.parametrize("frozen", [False, True])
def test_stopping_leaves_neither_server_nor_kernel(make, frozen):
    server = make(VoilaServer)
    server.start()
    server.ready()
    get(server.page_url("page.ipynb"))
    family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    assert len(family) == 2
    if frozen:
        os.kill(server.pid, signal.SIGSTOP)  # a stopped process takes no SIGTERM
    server.stop(timeout_s=0.5 if frozen else 10)
    assert psutil.wait_procs(family, timeout=5)[1] == []


@pytest.mark.processes
@pytest.mark.parametrize("kind", SERVERS)
def test_it_ends_when_its_parent_is_killed(folder, kind, tmp_path):
    code = (
        f"from nautilus_lab.server import {kind.__name__} as Server\n"
        f"server = Server({str(folder)!r}, log={str(tmp_path / 'log')!r})\n"
        "server.start()\n"
        "print(server.pid, flush=True)\n"
        "import time; time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert psutil.wait_procs([child], timeout=15)[1] == []


@pytest.mark.processes
def test_a_child_that_fails_is_told_with_the_end_of_its_log(make, monkeypatch):
    server = make(VoilaServer)
    monkeypatch.setattr(VoilaServer, "_module", "nautilus_lab.server.no_such_module")
    with pytest.raises(NotReachable, match="no_such_module"):
        server.start()
    assert not server.alive


@pytest.mark.processes
def test_a_server_that_runs_is_not_started_again(voila):
    with pytest.raises(LifecycleError):
        voila.start()
    assert voila.alive


@pytest.mark.processes
def test_one_that_was_killed_says_so_and_starts_again(make):
    server = make(VoilaServer)
    server.start()
    os.kill(server.pid, signal.SIGKILL)
    while server.alive:
        time.sleep(0.05)
    with pytest.raises(NotReachable, match="must not end by itself"):
        server.ready()
    server.start()
    server.ready()
    assert server.alive


def test_a_server_that_never_ran_can_be_stopped_and_has_no_address(make):
    server = make(VoilaServer)
    server.stop()
    assert (server.url, server.page_url("page.ipynb"), server.pid) == ("", "", 0)
    assert "stopped" in repr(server)
