"""Several Redis servers together: a master with replicas and Sentinels, or a cluster."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.platform.bus.redis_server import RedisServer, free_port, wait_for

MASTER = "desk"


class Watched:
    """A master, a replica, and three Sentinels who put the replica in its place."""

    def __init__(self, folder: Path, *, down_after_ms: int) -> None:
        self.servers = [RedisServer(folder / name) for name in ("master", "replica")]
        self.sentinels = [Sentinel(folder / f"sentinel-{n}") for n in range(3)]
        self._down_after_ms = down_after_ms

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{MASTER}/0"

    def start(self) -> None:
        master, replica = self.servers
        master.start()
        replica.start()
        replica.cli("REPLICAOF", "127.0.0.1", str(master.port))
        until(lambda: "master_link_status:up" in replica.cli("INFO", "replication"))
        for sentinel in self.sentinels:
            sentinel.start(master.port, self._down_after_ms)
        for sentinel in self.sentinels:
            until(lambda s=sentinel: "slaves=1,sentinels=3" in s.cli("INFO", "sentinel"))

    def kill(self) -> None:
        for one in (*self.sentinels, *self.servers):
            one.kill()


class Sentinel(RedisServer):
    """One Sentinel."""

    def start(self, master: int, down_after_ms: int) -> None:
        self.folder.mkdir(parents=True)
        file = self.folder / "sentinel.conf"
        file.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self.folder}\nlogfile sentinel.log\n"
            f"sentinel monitor {MASTER} 127.0.0.1 {master} 2\n"
            f"sentinel down-after-milliseconds {MASTER} {down_after_ms}\n"
            f"sentinel failover-timeout {MASTER} 5000\n"
        )
        self.process = subprocess.Popen(
            ["redis-server", str(file), "--sentinel"], stdout=subprocess.DEVNULL
        )
        wait_for(self.port, self.process)


class Cluster:
    """Three masters that share the slots between them."""

    def __init__(self, folder: Path) -> None:
        self.servers = []
        for n in range(3):
            port = cluster_port()
            arguments = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
            self.servers.append(RedisServer(folder / str(n), *arguments, port=port))

    @property
    def url(self) -> str:
        hosts = ",".join(f"127.0.0.1:{server.port}" for server in self.servers)
        return f"redis+cluster://{hosts}"

    def start(self) -> None:
        for server in self.servers:
            server.start()
        hosts = [f"127.0.0.1:{server.port}" for server in self.servers]
        subprocess.run(
            ["redis-cli", "--cluster", "create", *hosts, "--cluster-yes"],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        for server in self.servers:
            until(lambda s=server: "cluster_state:ok" in s.cli("CLUSTER", "INFO"))

    def holder(self, key: str) -> RedisServer:
        """The server that has the slot of `key`."""
        slot = int(self.servers[0].cli("CLUSTER", "KEYSLOT", key))
        for server in self.servers:
            with server.client() as client:
                nodes = client.execute_command("CLUSTER NODES")
            if any(
                "myself" in facts["flags"]
                and any(int(a) <= slot <= int(b) for a, b in facts["slots"])
                for facts in nodes.values()
            ):
                return server
        raise AssertionError(slot)

    def kill(self) -> None:
        for server in self.servers:
            server.kill()


def cluster_port() -> int:
    """A port whose companion, 10 000 further, exists; the cluster speaks there."""
    while (port := free_port()) > 55_000:
        continue
    return port


def until(condition, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the servers did not find each other"
        time.sleep(0.02)


@contextlib.contextmanager
def together(group: Watched | Cluster) -> Iterator[Watched | Cluster]:
    try:
        group.start()
        yield group
    finally:
        group.kill()
