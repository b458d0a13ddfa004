"""Where a Redis is, as one line of text says it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from nautilus_lab.exceptions import ConfigError

_PORT = 6379
_SENTINEL_PORT = 26379
_KINDS = {
    "redis": "single",
    "rediss": "single",
    "unix": "single",
    "redis+sentinel": "sentinel",
    "rediss+sentinel": "sentinel",
    "redis+cluster": "cluster",
    "rediss+cluster": "cluster",
}
_OPTIONS = {"db", "ca", "cert", "key", "sentinel_user", "sentinel_password"}


@dataclass(frozen=True, kw_only=True)
class RedisAddress:
    """One Redis, or the Sentinels or cluster nodes that know where it is.

    ==============================================  =====================================
    ``redis://user:password@host:6379/0``           one server
    ``rediss://host:6379?ca=/etc/ca.pem``           the same over TLS; the certificate is
                                                    always checked
    ``unix:///run/redis.sock?db=0``                 the same over a socket that is a file
    ``redis+sentinel://h1:26379,h2:26379/name/0``   the master that Sentinels know by name
    ``redis+cluster://h1:7000,h2:7001``             the node of a cluster that has the stream
    ==============================================  =====================================

    Parts of the user and password that are not plain are percent-encoded. `repr` and `str` hide
    the passwords.

    Examples
    --------
    >>> RedisAddress.parse("redis://desk:secret@10.0.0.5/2")
    RedisAddress('redis://desk:[hidden]@10.0.0.5:6379/2')
    """

    kind: str
    hosts: tuple[tuple[str, int], ...] = ()
    path: str = ""
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    master: str = ""
    sentinel_user: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca: str | None = None
    cert: str | None = None
    key: str | None = None

    @classmethod
    def parse(cls, url: str) -> RedisAddress:
        """Read an address.

        Raises
        ------
        ConfigError
            When it is none; the message never holds the password.
        """
        try:
            return cls._parse(url)
        except (ValueError, IndexError) as error:
            if isinstance(error, ConfigError):
                raise
            # urlsplit's own words may hold a password
            raise _no_address("it cannot be read") from None

    @classmethod
    def _parse(cls, url: str) -> RedisAddress:
        parts = urlsplit(url)
        kind = _KINDS.get(parts.scheme)
        if kind is None:
            raise _no_address(f"its scheme {parts.scheme!r} is not known")
        credentials, _, where = parts.netloc.rpartition("@")
        user, _, password = credentials.partition(":")
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        if unknown := sorted(options.keys() - _OPTIONS):
            raise _no_address(f"its option {unknown[0]!r} is not known")
        for name in ("ca", "cert", "key"):
            if name in options and not Path(options[name]).is_file():
                raise _no_address(f"{name} names no file: {options[name]}")
        path = [unquote(part) for part in parts.path.split("/") if part]
        port = _SENTINEL_PORT if kind == "sentinel" else _PORT
        master = ""
        if parts.scheme == "unix":
            hosts: tuple[tuple[str, int], ...] = ()
            if not parts.path.startswith("/"):
                raise _no_address("a socket needs an absolute path")
            path = []
        else:
            hosts = tuple(_host(one, port) for one in where.split(","))
        if kind == "sentinel":
            if not path:
                raise _no_address("the name of the master follows the Sentinels")
            master, *path = path
        elif kind == "single" and len(hosts) > 1:
            raise _no_address("several hosts need redis+sentinel:// or redis+cluster://")
        if len(path) > 1:
            raise _no_address("what follows the hosts is one number")
        db = int(options.get("db", path[0] if path else "0"))
        if not 0 <= db < 16_384 or (kind == "cluster" and db):
            raise _no_address(f"there is no database {db}")
        return cls(
            kind=kind,
            hosts=hosts,
            path=unquote(parts.path) if parts.scheme == "unix" else "",
            db=db,
            username=unquote(user) or None,
            password=unquote(password) or None,
            master=master,
            sentinel_user=options.get("sentinel_user"),
            sentinel_password=options.get("sentinel_password"),
            tls=parts.scheme.startswith("rediss"),
            ca=options.get("ca"),
            cert=options.get("cert"),
            key=options.get("key"),
        )

    def __str__(self) -> str:
        if self.path:
            return f"unix://{self.path}?db={self.db}"
        scheme = "rediss" if self.tls else "redis"
        who = ""
        if self.username or self.password:
            who = f"{self.username or ''}{':[hidden]' if self.password else ''}@"
        hosts = ",".join(f"[{h}]:{p}" if ":" in h else f"{h}:{p}" for h, p in self.hosts)
        kind = "" if self.kind == "single" else f"+{self.kind}"
        end = {"single": f"/{self.db}", "sentinel": f"/{self.master}/{self.db}", "cluster": ""}
        return f"{scheme}{kind}://{who}{hosts}{end[self.kind]}"

    def __repr__(self) -> str:
        return f"RedisAddress({str(self)!r})"


def _host(text: str, port: int) -> tuple[str, int]:
    parts = urlsplit(f"//{text}")
    if not parts.hostname:
        raise _no_address("a host is missing")
    return parts.hostname, port if parts.port is None else parts.port


def _no_address(why: str) -> ConfigError:
    return ConfigError(
        f"bus.url must be the address of a Redis: {why}",
        remedy='write it like "redis://user:password@host:6379/0"; see docs/platform/bus.md',
    )
