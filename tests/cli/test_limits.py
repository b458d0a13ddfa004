"""How much of each limit is used, and enabling a strategy, from the command line."""

import json

import msgspec
import pytest

from nautilus_lab.cli import main
from nautilus_lab.platform.commands import (
    AcceptDrawdown,
    EnableStrategy,
    LimitRow,
    LimitsView,
    LooseningRow,
    OneLoosening,
    ProposeLoosening,
)

OVER = LimitRow(
    limit="max_leverage", scope="account", value=2.5, limit_value=2.0, utilisation=1.25,
    level="breach", unit="x NAV",
)  # fmt: skip
BLIND = LimitRow(
    limit="max_value_at_risk", scope="account", value=None, limit_value=None, utilisation=None,
    level="breach", unit="USD", reason="it cannot be measured",
)  # fmt: skip
NEVER = LimitRow(
    limit="restricted", scope="", value=None, limit_value=None, utilisation=None, level="never",
    reason="no order was held against it yet",
)  # fmt: skip
FINE = LimitRow(
    limit="margin", scope="account:PAPER", value=1.0, limit_value=4.0, utilisation=0.25,
    level="ok", unit="USD",
)  # fmt: skip


def shown(node, capsys, *rows, disabled=None, verb=("limits",)):
    node.answers["risk.limits"] = LimitsView(rows=rows, disabled=disabled or {})
    code = main([*verb])
    return code, capsys.readouterr().out.splitlines()


def test_what_is_exceeded_or_unknown_is_shown_and_told_to_scripts(node, capsys):
    code, lines = shown(node, capsys, OVER, BLIND, NEVER, FINE)
    assert code == 1
    assert lines == [
        "breach     125%  max_leverage of account  2.50 of 2.00 x NAV",
        "breach      ?    max_value_at_risk of account  ? of ? USD  it cannot be measured",
        "never       ?    restricted  no order was held against it yet",
        "1 more are ok; --all shows them",
    ]


def test_all_of_them_are_shown_when_asked_for(node, capsys):
    code, lines = shown(node, capsys, FINE, verb=("limits", "--all"))
    assert (code, lines) == (0, ["ok          25%  margin of account:PAPER  1.00 of 4.00 USD"])


def test_who_is_disabled_is_shown_with_why(node, capsys):
    code, lines = shown(node, capsys, FINE, disabled={"carry-001": "MAX_REPEATS: 6 over 5"})
    assert code == 1
    assert lines[-1] == "disabled  carry-001: MAX_REPEATS: 6 over 5"


def test_as_json_it_is_one_document(node, capsys):
    node.answers["risk.limits"] = LimitsView(rows=(OVER, BLIND), disabled={})
    assert main(["limits", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [row["utilisation"] for row in told["rows"]] == [1.25, None]


def test_a_strategy_is_enabled_with_a_reason(node, capsys):
    node.answers["risk.enable"] = LimitsView(rows=(), disabled={})
    assert main(["enable", "carry-001", "the feed is mended"]) == 0
    assert node.bodies == [EnableStrategy(strategy="carry-001", reason="the feed is mended")]
    assert capsys.readouterr().out == "carry-001 may send orders again\n"


def test_a_drawdown_is_accepted_with_a_reason(node, capsys):
    node.answers["risk.accept_drawdown"] = LimitsView(rows=(), disabled={})
    assert main(["accept-drawdown", "cash was withdrawn"]) == 0
    assert node.bodies == [AcceptDrawdown(reason="cash was withdrawn")]
    assert capsys.readouterr().out == "drawdowns are counted from the equity of now on\n"


@pytest.mark.parametrize("reason", ["", " ", "two\nlines"])
def test_without_a_proper_reason_nobody_is_asked(node, capsys, reason):
    assert main(["enable", "carry-001", reason]) == 2
    assert node.bodies == []


TIGHT = LimitRow(
    limit="max_leverage", scope="account", value=1.2, limit_value=1.5, utilisation=0.8,
    level="warn", unit="x NAV", key="lever", base_value=2.0,
    why="tightened to 75%: volatility is 0.2, the target 0.15", eta_s=95.4,
)  # fmt: skip
ASKED = LooseningRow(
    request="d03c7f0c", limit="lever", to=1.1, requester="ann", reason="a rebalance",
    expires_ns=1_795_659_552_000_000_000,
)  # fmt: skip


def test_a_limit_that_was_tightened_says_its_base_why_and_when_it_is_reached(node, capsys):
    code, lines = shown(node, capsys, TIGHT)
    assert (code, lines) == (
        0,
        [
            "warn        80%  max_leverage of account  1.20 of 1.50 x NAV  (lever: base 2.00, "
            "tightened to 75%: volatility is 0.2, the target 0.15)  breach in about 95 s"
        ],
    )


def test_one_that_is_not_at_its_base_is_shown_however_far_from_it_is(node, capsys):
    code, lines = shown(node, capsys, msgspec.structs.replace(TIGHT, level="ok"), FINE)
    assert (code, len(lines), lines[-1]) == (0, 2, "1 more are ok; --all shows them")


def test_requests_to_loosen_are_shown(node, capsys):
    granted = msgspec.structs.replace(ASKED, request="aa", approved_by="bob")
    node.answers["risk.limits"] = LimitsView(rows=(), disabled={}, loosenings=(granted, ASKED))
    assert main(["limits"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "loosening aa: lever to 110% of its base until 2026-11-26 02:19:12Z, asked for by ann, "
        "granted by bob: a rebalance",
        "loosening d03c7f0c: lever to 110% of its base until 2026-11-26 02:19:12Z, asked for by "
        "ann, waits for another person: a rebalance",
    ]


def test_a_loosening_is_asked_for_granted_and_ended(node, capsys):
    view = LimitsView(rows=(), disabled={}, loosenings=(ASKED,))
    node.answers |= dict.fromkeys(("limits.propose", "limits.approve", "limits.revoke"), view)
    assert main(["limits", "propose", "lever", "1.1", "a rebalance", "--hours", "2"]) == 0
    assert main(["limits", "approve", "d03c7f0c"]) == 0
    assert main(["limits", "revoke", "d03c7f0c"]) == 0
    assert node.bodies == [
        ProposeLoosening(limit="lever", to=1.1, reason="a rebalance", lasts_s=7_200.0),
        OneLoosening(request="d03c7f0c"),
        OneLoosening(request="d03c7f0c"),
    ]
    assert capsys.readouterr().out.splitlines() == [
        "d03c7f0c waits: another person grants it by limits approve d03c7f0c",
        "d03c7f0c is granted",
        "d03c7f0c is over",
    ]


def test_a_trader_that_is_named_before_the_command_is_the_one_that_is_meant(node, capsys):
    node.answers["limits.revoke"] = LimitsView(rows=(), disabled={})
    # The settings' own trader answers; another one must not be taken for it.
    assert main(["limits", "--trader", "PAPER-002", "revoke", "d03c7f0c"]) == 2
    assert "PAPER-002" in capsys.readouterr().err
    assert node.bodies == []
    assert main(["limits", "--trader", "PAPER-001", "revoke", "d03c7f0c"]) == 0


@pytest.mark.parametrize("old", ["limits-propose", "limits-approve", "limits-revoke"])
def test_the_names_with_a_dash_are_gone(old, capsys):
    with pytest.raises(SystemExit) as ended:
        main([old, "d03c7f0c"])
    assert ended.value.code == 2


def test_before_any_limit_was_looked_at_it_is_said(node, capsys):
    assert shown(node, capsys) == (0, ["no limit was looked at yet"])


def test_as_json_the_answer_is_one_document(node, capsys):
    view = LimitsView(rows=(), disabled={}, loosenings=(ASKED,))
    node.answers["limits.propose"] = view
    assert main(["limits", "propose", "lever", "1.1", "why", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["loosenings"][0]["request"] == "d03c7f0c"
