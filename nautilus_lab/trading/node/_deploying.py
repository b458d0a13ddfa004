"""What is deployed: made of what was asked for, what must hold of it, how an audit has it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from nautilus_lab.exceptions import InputError, StrategyFailed
from nautilus_lab.platform.commands import DeployStrategy
from nautilus_lab.platform.telemetry import redacted
from nautilus_lab.strategies.nautilus import StrategyVersion
from nautilus_lab.trading.node._deployed import Deployment

FIRST = DeployStrategy(name="hold-targets", version="1")
# What the node's own strategy was called before there were others: its orders bear this id.
FIRST_ID = "HoldTargets-001"
_LARGEST_PARAMETERS = 64 * 1024  # characters of JSON


def deployment_of(
    strategy: str, asked: DeployStrategy, found: StrategyVersion, *, by: str
) -> Deployment:
    """Return the deployment that was asked for, of the version that was found."""
    return Deployment(
        strategy=strategy,
        name=found.name,
        version=found.version,
        content_hash=found.content_hash,
        state="running",
        parameters=asked.parameters,
        when_it_falls=asked.when_it_falls,
        by=by,
    )


def facts_of(deployment: Deployment) -> dict[str, object]:
    """Return a deployment as the audit trail takes it: texts, no floats."""
    return {
        "strategy": deployment.strategy,
        "name": deployment.name,
        "version": deployment.version,
        "hash": deployment.content_hash,
        "state": deployment.state,
        "reason": deployment.reason,
        "parameters": redacted(json.dumps(deployment.parameters, sort_keys=True)),
        "when_it_falls": deployment.when_it_falls,
    }


def require_same(deployment: Deployment, found: StrategyVersion) -> None:
    """Require the code that was deployed; what comes along changes with the package."""
    if found.content_hash != deployment.content_hash and not found.built_in:
        raise StrategyFailed(
            "a strategy's code must be what was deployed",
            value=f"{deployment.strategy}: {found.name} {found.version} has "
            f"{found.content_hash[:12]}, not {deployment.content_hash[:12]}",
            remedy="find out who changed it; publish it as another version and replace it",
        )


def require_parameters(parameters: Mapping[str, object]) -> None:
    """Require what can be written down and read back as the same."""
    try:
        size = len(json.dumps(parameters, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"parameters must be plain, finite values: {error}",
            value=parameters,
            remedy="pass numbers, texts, lists and tables of them",
        ) from None
    if size > _LARGEST_PARAMETERS:
        raise InputError(
            f"parameters must be at most {_LARGEST_PARAMETERS} characters of JSON",
            value=size,
            remedy="let the strategy read its data from elsewhere",
        )
