"""What somebody asked for, in a file that is believed whole or not at all."""

import json
from typing import get_args

import pytest

from nautilus_lab.platform.latch import STANDINGS
from nautilus_lab.platform.rundir import ResumeRequest, Standing

ASKED = {
    "to": "ACTIVE",
    "reason": "why not",
    "by": "ana",
    "serial": 1,
    "asked_ns": 1,
    "expires_ns": 2,
}


def test_the_type_of_a_state_has_the_states_that_there_are():
    assert get_args(Standing) == STANDINGS


def test_a_request_is_read_as_it_was_written(tmp_path):
    asked = ResumeRequest(**ASKED)
    asked.write(tmp_path / "resume.json")
    assert ResumeRequest.read(tmp_path / "resume.json") == asked


@pytest.mark.parametrize(
    "changed", [{"to": "WHATEVER"}, {"to": 1}, {"serial": "1"}, {"reason": ""}, {"more": 1}]
)
def test_one_that_was_not_written_here_is_none(tmp_path, changed):
    path = tmp_path / "resume.json"
    path.write_text(json.dumps(ASKED | changed))
    assert ResumeRequest.read(path) is None
