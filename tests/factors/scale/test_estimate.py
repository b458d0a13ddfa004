import subprocess
import sys

import numpy as np
import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.scale import (
    FactorMatrix,
    clusters,
    estimate,
    evaluate_many,
    most_correlated,
    near_duplicates,
    ranks,
    scan,
    zscores,
)

WORKS = [
    ("zscores", lambda m, **k: zscores(m, **k)),
    ("ranks", lambda m, **k: ranks(m, **k)),
    ("scan", lambda m, **k: scan(m, np.arange(m.shape[1]), **k)),
    ("most_correlated", lambda m, **k: most_correlated(m, [0], **k)),
    ("near_duplicates", lambda m, **k: near_duplicates(m, **k)),
    ("clusters", lambda m, **k: clusters(m, **k)),
]


@pytest.mark.parametrize(("work", "call"), WORKS, ids=[work for work, _ in WORKS])
def test_a_work_that_would_not_fit_is_refused_before_it_starts(work, call):
    matrix = FactorMatrix(np.random.default_rng(0).standard_normal((30, 20)))
    called = []
    bound = {"max_bytes": 1_000_000}
    if work not in ("zscores", "ranks"):
        bound["progress"] = lambda *done: called.append(done)
    with pytest.raises(InputError, match=f"{work} must fit into max_bytes=1,000,000"):
        call(matrix, **bound)
    assert not called
    call(matrix, max_bytes=10**9)


def test_a_panel_that_would_not_fit_is_refused(prices):
    scores = np.random.default_rng(0).standard_normal((2, *prices.shape))
    with pytest.raises(InputError, match="evaluate_many must fit"):
        evaluate_many(scores, prices, max_bytes=1_000)


def test_the_parts_grow_with_what_they_are_for():
    small, large = estimate("scan", 1_000, 252), estimate("scan", 2_000, 252)
    assert large.parts["input"] == 2 * small.parts["input"] == 2 * 1_000 * 252 * 4
    assert estimate("scan", 1_000, 252, horizons=3).bytes > small.bytes
    assert large.parts["process"] == small.parts["process"]


def test_no_work_on_many_factors_takes_six_times_the_input():
    for work in ("zscores", "ranks", "scan", "most_correlated", "near_duplicates", "clusters"):
        assert estimate(work, 380_000, 252).bytes < 6 * 380_000 * 252 * 4


def test_an_unknown_work_is_refused():
    with pytest.raises(InputError, match="the work must be known; got guess"):
        estimate("guess", 1, 1)


@pytest.mark.processes
@pytest.mark.slow
@pytest.mark.parametrize("call", ["zscores(m)", "scan(m, line)", "near_duplicates(m)"])
def test_the_peak_stays_below_the_estimate(call):
    work = call.partition("(")[0]
    program = f"""
import re
import numpy as np
from nautilus_lab.factors.scale import FactorMatrix, near_duplicates, scan, zscores
m = FactorMatrix(np.random.default_rng(0).standard_normal((100_000, 252), dtype=np.float32))
line = np.arange(252.0)
answer = {call}
# not ru_maxrss, which is inherited from whoever started the process
with open("/proc/self/status") as told:
    print(int(re.search(r"VmHWM:\\s+(\\d+)", told.read())[1]) * 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) <= estimate(work, 100_000, 252).bytes * 1.1
