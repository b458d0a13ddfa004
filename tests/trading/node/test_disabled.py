"""Who is disabled by the rows of an audit trail."""

import pytest

from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading.node._disabled import read_disabled

OFF = ("strategy.disabled", {"strategy": "carry-001", "reason": "it lost too much"})
ON = ("strategy.enabled", {"strategy": "carry-001", "reason": "looked at it", "disabled": ""})


@pytest.mark.parametrize(
    ("rows", "disabled"),
    [
        ([], {}),
        ([OFF], {"carry-001": "it lost too much"}),
        ([OFF, ON], {}),
        ([OFF, ON, OFF], {"carry-001": "it lost too much"}),
        ([OFF, ("strategy.resumed", {"strategy": "carry-001"})], {"carry-001": "it lost too much"}),
        ([OFF, ("strategy.enabled", ON[1] | {"strategy": "x"})], {"carry-001": "it lost too much"}),
    ],
)
def test_the_last_row_of_a_strategy_says_whether_it_is(tmp_path, rows, disabled):
    with TradingStore.open(tmp_path / "store.db") as store:
        trail = AuditTrail(store)
        for kind, facts in rows:
            trail.append(kind, facts, actor="limits")
        assert read_disabled(store) == disabled
