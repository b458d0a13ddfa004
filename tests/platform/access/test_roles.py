"""Roles, permissions and principals: denied unless the table says otherwise."""

import pytest

from nautilus_lab.exceptions import AccessDenied, InputError
from nautilus_lab.platform.access import GRANTS, LocalOwner, Permission, Principal, Role

P = Permission

# Written out by hand, so that a change of the table is a change in two places.
_EXPECTED = {
    Role.VIEWER: "market:read node:read orders:read risk:read",
    Role.RESEARCHER: "market:read node:read orders:read risk:read research:run jobs:run",
    Role.TRADER: (
        "market:read node:read orders:read risk:read node:start node:stop orders:write "
        "orders:cancel strategy:control risk:halt risk:propose alerts:acknowledge jobs:run"
    ),
    Role.RISK_OFFICER: (
        "market:read node:read orders:read risk:read node:stop orders:cancel strategy:approve "
        "risk:halt alerts:acknowledge risk:resume risk:propose risk:limits audit:read"
    ),
    Role.DEPLOYER: (
        "market:read node:read orders:read risk:read strategy:deploy jobs:run research:run"
    ),
    Role.ADMIN: (
        "market:read node:read orders:read risk:read node:start node:stop audit:read users:manage"
    ),
}


def _holder(*roles):
    return Principal("ada", frozenset(roles))


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_a_role_may_what_the_table_says_and_nothing_else(role, permission):
    allowed = permission.value in _EXPECTED[role].split()
    assert _holder(role).may(permission) is allowed
    if allowed:
        _holder(role).require(permission)
    else:
        with pytest.raises(AccessDenied, match=permission.value):
            _holder(role).require(permission)


def test_every_role_is_in_the_table_and_every_permission_is_somebodys():
    assert set(GRANTS) == set(Role)
    assert frozenset().union(*GRANTS.values()) == set(Permission)


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        GRANTS[Role.VIEWER] = frozenset(Permission)


@pytest.mark.parametrize("permission", [P.ORDERS_WRITE, P.ORDERS_CANCEL, P.STRATEGY_CONTROL])
def test_the_administrator_does_not_trade(permission):
    assert not _holder(Role.ADMIN).may(permission)


def test_nobody_but_the_risk_officer_loosens_what_was_tightened():
    for permission in (P.RISK_RESUME, P.RISK_LIMITS):
        assert [role for role in Role if permission in GRANTS[role]] == [Role.RISK_OFFICER]


def test_who_deploys_does_not_approve():
    for role in Role:
        assert not {P.STRATEGY_DEPLOY, P.STRATEGY_APPROVE} <= GRANTS[role]


def test_without_a_role_nothing_is_allowed():
    assert not any(_holder().may(permission) for permission in Permission)
    assert _holder().permissions == frozenset()


def test_several_roles_add_up():
    both = _holder(Role.TRADER, Role.RISK_OFFICER)
    assert both.permissions == GRANTS[Role.TRADER] | GRANTS[Role.RISK_OFFICER]
    assert both.may(P.ORDERS_WRITE)
    assert both.may(P.RISK_RESUME)


def test_a_refusal_names_the_permission_the_principal_and_who_may():
    with pytest.raises(AccessDenied) as caught:
        _holder(Role.VIEWER).require(P.RISK_RESUME)
    assert str(caught.value) == (
        "risk:resume needs a role that has it; got ada (viewer); "
        "ask somebody with the role risk_officer"
    )
    assert isinstance(caught.value, PermissionError)


@pytest.mark.parametrize("name", ["", " ", "a b", "a\nb", "a\0", "x" * 129, None, 7])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(InputError, match="name"):
        Principal(name, frozenset({Role.VIEWER}))


@pytest.mark.parametrize("roles", [{"viewer"}, {None}, ["admin"]])
def test_roles_that_are_none_are_refused(roles):
    with pytest.raises(InputError, match="roles"):
        Principal("ada", roles)


def test_a_principal_does_not_change():
    with pytest.raises(AttributeError):
        _holder(Role.VIEWER).roles = frozenset(Role)


def test_the_owner_may_everything():
    assert Principal.owner().permissions == set(Permission)
    assert LocalOwner().verify("") == Principal.owner()


def test_a_user_without_a_usable_name_is_its_number(monkeypatch):
    import getpass
    import os

    monkeypatch.setattr(getpass, "getuser", lambda: "two words")
    assert Principal.owner().name == f"uid-{os.getuid()}"

    def unknown():
        raise OSError("No username set in the environment")

    monkeypatch.setattr(getpass, "getuser", unknown)
    assert Principal.owner().name == f"uid-{os.getuid()}"


def test_an_owners_socket_without_a_verifier_takes_no_tokens():
    with pytest.raises(AccessDenied, match="accepts no tokens"):
        LocalOwner().verify("anything")


@pytest.mark.parametrize(
    "name", ["an\N{ZERO WIDTH SPACE}n", "ann\N{RIGHT-TO-LEFT MARK}", "a b", ""]
)
def test_a_name_with_what_cannot_be_seen_is_nobodys(name):
    with pytest.raises(InputError, match="that can be seen"):
        Principal(name, frozenset({Role.VIEWER}))
