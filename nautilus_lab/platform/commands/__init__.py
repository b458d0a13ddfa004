"""Commands: one table says what may be asked and by whom; a server answers, a client asks."""

from nautilus_lab.platform.commands._client import CommandClient
from nautilus_lab.platform.commands._log import CommandLog, MemoryCommandLog, StoreCommandLog
from nautilus_lab.platform.commands._server import CommandServer, Handler, Request, Verify
from nautilus_lab.platform.commands._table import CommandBody, CommandSpec, CommandTable

__all__ = [
    "CommandBody",
    "CommandClient",
    "CommandLog",
    "CommandServer",
    "CommandSpec",
    "CommandTable",
    "Handler",
    "MemoryCommandLog",
    "Request",
    "StoreCommandLog",
    "Verify",
]
