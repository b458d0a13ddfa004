"""Who is told, who is told next, and what the settings of that may be."""

import pytest

from nautilus_lab.config import load_settings
from nautilus_lab.exceptions import ConfigError
from nautilus_lab.monitoring import Escalation
from tests.monitoring.conftest import an_alert

S = 10**9
NOW = 1_795_000_000 * S
HOOKS = {
    "pager": {"url": "https://a.test/", "least": "critical"},
    "desk": {"url": "https://b.test/"},
}


def ladder(tmp_path, channels=("log", "bus", "pager", "desk"), **monitoring):
    rules = load_settings(tmp_path, monitoring={"webhooks": HOOKS} | monitoring).monitoring
    return Escalation(rules, channels, now_ns=lambda: NOW)


def alert(severity="critical", **changes):
    return an_alert(severity=severity, **{"ts_ns": NOW} | changes)


def test_by_default_what_presses_is_told_everywhere_and_climbs_after_a_minute(tmp_path):
    plan = ladder(tmp_path).begin(alert())
    assert plan.channels == ("log", "bus", "pager", "desk")
    assert (plan.rank, plan.climbs_ns, plan.tighten) == (1, NOW + 60 * S, "")


def test_what_informs_is_logged_and_climbs_nowhere(tmp_path):
    plan = ladder(tmp_path).begin(alert("info"))
    assert (plan.rank, plan.channels, plan.climbs_ns) == (0, ("log", "bus"), None)


def test_a_channel_hears_nothing_less_severe_than_it_asks_for_until_nobody_answers(tmp_path):
    rungs = ladder(tmp_path)
    assert rungs.begin(alert("warning")).channels == ("log", "bus", "desk")
    assert "pager" in rungs.climb(alert("warning", rank=1)).channels


def test_after_the_minute_come_five_and_then_it_stays(tmp_path):
    rungs = ladder(tmp_path)
    second = rungs.climb(alert(rank=1))
    assert (second.rank, second.climbs_ns, second.tighten) == (2, NOW + 300 * S, "")
    third = rungs.climb(alert(rank=2))
    assert (third.rank, third.climbs_ns, third.tighten) == (3, None, "")


def test_a_level_tells_whom_it_names_and_the_log(tmp_path):
    levels = {"l2": {"channels": ("pager",), "tighten": "REDUCE_ONLY"}, "l3": {"unanswered_s": 9}}
    rungs = ladder(tmp_path, levels=levels)
    plan = rungs.climb(alert(rank=1))
    assert (plan.channels, plan.tighten) == (("log", "pager"), "REDUCE_ONLY")
    assert plan.climbs_ns == NOW + 300 * S  # what is not given stays as it is
    last = rungs.climb(alert(rank=3))
    assert (last.rank, last.climbs_ns) == (4, None)


def test_only_what_is_severe_enough_climbs(tmp_path):
    rungs = ladder(tmp_path, climb="critical")
    assert rungs.begin(alert("warning")).climbs_ns is None
    assert rungs.begin(alert("critical")).climbs_ns is not None


def test_an_alert_about_a_channel_is_told_on_the_others(tmp_path):
    plan = ladder(tmp_path).begin(alert(rule="a channel must deliver", scope="pager"))
    assert plan.channels == ("log", "bus", "desk")


def test_what_is_a_day_old_is_no_news(tmp_path):
    rungs = ladder(tmp_path)
    old = rungs.begin(alert(ts_ns=NOW - 24 * 3_600 * S - 1))
    assert (old.channels, old.climbs_ns) == (("log",), None)
    assert rungs.begin(alert(ts_ns=NOW - 24 * 3_600 * S)).climbs_ns is not None


def test_where_a_severity_begins_can_be_set_alone(tmp_path):
    rungs = ladder(tmp_path, begin={"critical": 2})
    assert rungs.begin(alert("critical")).rank == 2
    assert rungs.begin(alert("warning")).rank == 1


@pytest.mark.parametrize(
    ("monitoring", "key"),
    [
        ({"levels": {"l1": {"channels": ["nobody"]}}}, "levels.l1 names nobody"),
        ({"levels": {"l4": {"unanswered_s": 60}}}, "l4 is the last level"),
        ({"levels": {"l5": {}}}, "l5 is not a setting"),
        ({"levels": {"l1": {"unanswered_s": 0}}}, "greater than 0"),
        ({"levels": {"l2": {"tighten": "ACTIVE"}}}, "tighten"),
        ({"begin": {"critical": 5}}, "begin.critical"),
        ({"begin": {"loud": 1}}, "begin.loud"),
        ({"late_s": float("nan")}, "late_s"),
        ({"webhooks": {"log": {"url": "https://a.test/"}}}, "name of its own"),
        ({"webhooks": {"all": {"url": "https://a.test/"}}}, "name of its own"),
        ({"webhooks": {"UPPER": {"url": "https://a.test/"}}}, "webhooks.UPPER"),
        (
            {
                "webhooks": {"desk": {"url": "https://a.test/"}},
                "mails": {"desk": {"host": "h", "sender": "a@b.c", "recipients": ("a@b.c",)}},
            },
            "name of its own",
        ),
    ],
)
def test_a_ladder_that_leads_nowhere_is_refused(tmp_path, monitoring, key):
    with pytest.raises(ConfigError, match=key):
        load_settings(tmp_path, monitoring=monitoring)
