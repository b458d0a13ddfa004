"""Every command of a node and of a supervisor, asked by every role."""

import types
import typing
from decimal import Decimal

import msgspec
import pytest

from nautilus_lab.exceptions import AccessDenied
from nautilus_lab.platform.access import (
    GRANTS,
    LocalOwner,
    Permission,
    Principal,
    Role,
    TokenIssuer,
    TokenVerifier,
)
from nautilus_lab.platform.commands import CommandClient, CommandServer, CommandTable
from nautilus_lab.trading.commands import NODE_COMMANDS, SUPERVISOR_COMMANDS

KEY = b"k" * 32

# As a security review would write it down, apart from the code: who may do what.
MAY = {
    "viewer": "market:read node:read orders:read risk:read",
    "researcher": "market:read node:read orders:read risk:read research:run jobs:run",
    "trader": "market:read node:read orders:read risk:read node:start node:stop orders:write "
    "orders:cancel strategy:control risk:halt risk:propose alerts:acknowledge jobs:run",
    "risk_officer": "market:read node:read orders:read risk:read node:stop orders:cancel "
    "strategy:approve risk:halt risk:resume risk:propose risk:limits alerts:acknowledge audit:read",
    "deployer": "market:read node:read orders:read risk:read strategy:deploy jobs:run research:run",
    "admin": "market:read node:read orders:read risk:read node:start node:stop audit:read "
    "users:manage",
}
ORDER = {"instrument": "AAPL.PAPER", "side": "BUY", "quantity": "1"}
PROFIT = ORDER | {"side": "SELL", "order_type": "LIMIT", "limit_price": "2"}
STOP = ORDER | {"side": "SELL", "order_type": "STOP_MARKET", "trigger_price": "1"}
# what a body's own rules ask for, where its schema does not say it
BODIES = {
    "orders.bracket": {"entry": ORDER, "take_profit": PROFIT, "stop_loss": STOP},
    "orders.oco": {"first": PROFIT, "second": STOP},
    "orders.list": {"orders": [ORDER]},
    "orders.modify": {"client_order_id": "O-1", "quantity": "1"},
    "orders.find": {"client_order_id": "O-1"},
}


def sample(kind: object) -> object:
    """The plainest value of a type."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return inner[0]
    if origin in (typing.Union, types.UnionType):
        return sample(inner[0])
    if origin is dict:
        return {"AAPL": sample(inner[1])}
    if origin is tuple:
        return [sample(inner[0])]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return body_of(kind)
    plain = {str: "x", int: 1, float: 0.5, bool: True, Decimal: "1", object: 1}
    return plain[kind]


def body_of(kind: type[msgspec.Struct]) -> dict[str, object]:
    types_of = typing.get_type_hints(kind)
    needed = (field for field in msgspec.structs.fields(kind) if field.required)
    return {field.name: sample(types_of[field.name]) for field in needed}


def body(spec) -> dict[str, object]:
    if spec.body is None:
        return {}
    return BODIES.get(spec.name) or body_of(spec.body)


def test_the_table_of_rights_is_the_one_that_was_reviewed():
    assert {role.value: {p.value for p in GRANTS[role]} for role in Role} == {
        role: set(permissions.split()) for role, permissions in MAY.items()
    }


@pytest.mark.parametrize("table", [NODE_COMMANDS, SUPERVISOR_COMMANDS], ids=["node", "supervisor"])
async def test_every_command_is_done_for_the_roles_that_may_and_for_no_other(
    address, table: CommandTable
):
    asked = []

    async def note(request):
        asked.append((request.name, request.principal.name))

    handlers = {spec.name: note for spec in table}
    issuer = TokenIssuer(KEY, audience="node")
    callers = {
        role.value: issuer.issue(Principal(role.value, frozenset({role}))) for role in Role
    } | {"nobody": issuer.issue(Principal("nobody", frozenset()))}
    server = CommandServer(
        address, table, LocalOwner(TokenVerifier(KEY, audience="node")).verify, handlers
    )
    await server.start()
    client = CommandClient(address, ack_timeout_s=20)
    done, denied = set(), {}
    try:
        for spec in table:
            for caller, token in callers.items():
                try:
                    await client.call(
                        spec.name,
                        body(spec),
                        version=spec.version,
                        token=token,
                        timeout_s=20,
                    )
                    done.add((spec.name, caller))
                except AccessDenied as error:
                    denied[spec.name, caller] = str(error)
    finally:
        await server.stop()
    may = {
        (spec.name, role)
        for spec in table
        for role in MAY
        if spec.permission.value in MAY[role].split()
    }
    assert done == may
    assert set(asked) == may
    assert len(done) + len(denied) == len(table) * len(callers)
    assert all(table.spec(name).permission.value in why for (name, _), why in denied.items())


def test_every_command_needs_a_permission_that_somebody_has():
    for table in (NODE_COMMANDS, SUPERVISOR_COMMANDS):
        for spec in table:
            assert any(spec.permission in GRANTS[role] for role in Role), spec.name


def test_only_what_reads_or_halts_is_answered_afresh_each_time():
    """A command that changes something and is not done once would be done twice on a doubt."""
    afresh = {spec.name for t in (NODE_COMMANDS, SUPERVISOR_COMMANDS) for spec in t if spec.reads}
    changing = {
        spec.name
        for table in (NODE_COMMANDS, SUPERVISOR_COMMANDS)
        for spec in table
        if not spec.permission.value.endswith(":read")
    }
    assert afresh & changing == {"risk.halt", "risk.reduce_only"}


async def test_the_owner_of_the_socket_may_do_everything(address):
    async def note(request):
        return request.principal.name

    owner = Principal.owner()
    server = CommandServer(
        address, NODE_COMMANDS, LocalOwner().verify, {spec.name: note for spec in NODE_COMMANDS}
    )
    await server.start()
    client = CommandClient(address, ack_timeout_s=20)
    try:
        for spec in NODE_COMMANDS:
            answer = await client.call(spec.name, body(spec), version=spec.version, timeout_s=20)
            assert answer == owner.name, spec.name
    finally:
        await server.stop()
    assert all(owner.may(permission) for permission in Permission)
