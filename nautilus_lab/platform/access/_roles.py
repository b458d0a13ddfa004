"""Who may do what: roles, permissions, and the one table that joins them."""

from __future__ import annotations

from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Role(Enum):
    """What a person is trusted with; one person may have several roles."""

    VIEWER = "viewer"
    RESEARCHER = "researcher"
    TRADER = "trader"
    RISK_OFFICER = "risk_officer"
    DEPLOYER = "deployer"
    ADMIN = "admin"


class Permission(Enum):
    """One thing that may be done, as ``subject:verb``."""

    MARKET_READ = "market:read"
    NODE_READ = "node:read"
    NODE_START = "node:start"
    NODE_STOP = "node:stop"
    ORDERS_READ = "orders:read"
    ORDERS_WRITE = "orders:write"
    ORDERS_CANCEL = "orders:cancel"
    STRATEGY_CONTROL = "strategy:control"
    STRATEGY_DEPLOY = "strategy:deploy"
    STRATEGY_APPROVE = "strategy:approve"
    RISK_READ = "risk:read"
    RISK_HALT = "risk:halt"
    RISK_RESUME = "risk:resume"
    RISK_PROPOSE = "risk:propose"
    RISK_LIMITS = "risk:limits"
    RESEARCH_RUN = "research:run"
    JOBS_RUN = "jobs:run"
    ALERTS_ACKNOWLEDGE = "alerts:acknowledge"
    AUDIT_READ = "audit:read"
    USERS_MANAGE = "users:manage"


_READS = frozenset(
    {
        Permission.MARKET_READ,
        Permission.NODE_READ,
        Permission.ORDERS_READ,
        Permission.RISK_READ,
    }
)

# What is not in this table is denied. The one who administers users does not trade, the one who
# deploys does not approve, and only the risk officer loosens what was tightened.
GRANTS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.VIEWER: _READS,
        Role.RESEARCHER: _READS | {Permission.RESEARCH_RUN, Permission.JOBS_RUN},
        Role.TRADER: _READS
        | {
            Permission.NODE_START,
            Permission.NODE_STOP,
            Permission.ORDERS_WRITE,
            Permission.ORDERS_CANCEL,
            Permission.STRATEGY_CONTROL,
            Permission.RISK_HALT,
            Permission.RISK_PROPOSE,
            Permission.ALERTS_ACKNOWLEDGE,
            Permission.JOBS_RUN,
        },
        Role.RISK_OFFICER: _READS
        | {
            Permission.NODE_STOP,
            Permission.ORDERS_CANCEL,
            Permission.STRATEGY_APPROVE,
            Permission.RISK_HALT,
            Permission.RISK_RESUME,
            Permission.RISK_PROPOSE,
            Permission.RISK_LIMITS,
            Permission.ALERTS_ACKNOWLEDGE,
            Permission.AUDIT_READ,
        },
        Role.DEPLOYER: _READS
        | {Permission.STRATEGY_DEPLOY, Permission.JOBS_RUN, Permission.RESEARCH_RUN},
        Role.ADMIN: _READS
        | {
            Permission.NODE_START,
            Permission.NODE_STOP,
            Permission.AUDIT_READ,
            Permission.USERS_MANAGE,
        },
    }
)
