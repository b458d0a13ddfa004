"""With a real cluster of processes; what else has `submit` is tested in test_running."""

import numpy as np
import pytest

from nautilus_lab.exceptions import StoreError
from nautilus_lab.factors.scale import (
    FactorMatrix,
    SignPlan,
    clusters,
    evaluate_many,
    most_correlated,
    near_duplicates,
    scan,
)

pytestmark = [pytest.mark.processes, pytest.mark.slow]


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed", reason="Dask is an extra: nautilus-lab[dask]")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def test_a_dask_cluster_gives_the_same_numbers(client, planted, prices, tmp_path):
    matrix, plan = FactorMatrix(planted), SignPlan.at(0.95, recall=0.999, bits=8)
    line = np.random.default_rng(0).standard_normal(120)
    found = scan(matrix, line, executor=client)
    for method, here in scan(matrix, line).ic.items():
        np.testing.assert_array_equal(found.ic[method], here)
    near = most_correlated(matrix, [1, 2], executor=client)
    np.testing.assert_array_equal(near.rows, most_correlated(matrix, [1, 2]).rows)
    pairs = near_duplicates(matrix, plan=plan, executor=client, folder=tmp_path)
    np.testing.assert_array_equal(pairs.left, near_duplicates(matrix, plan=plan).left)
    np.testing.assert_array_equal(
        clusters(matrix, plan=plan, executor=client).representative,
        clusters(matrix, plan=plan).representative,
    )
    scores = np.random.default_rng(0).standard_normal((9, *prices.shape))
    np.testing.assert_array_equal(
        evaluate_many(scores, prices, executor=client).ic, evaluate_many(scores, prices).ic
    )


def test_the_work_is_done_by_the_workers(client, planted):
    # Each keeps what it compiled: the processes of a cluster load numba, and this one need not.
    scan(FactorMatrix(planted), np.random.default_rng(0).standard_normal(120), executor=client)
    loaded = client.run(
        lambda: "nautilus_lab.factors.scale._moment_kernels" in __import__("sys").modules
    )
    assert any(loaded.values())


def test_a_workers_error_comes_out_as_itself(client, planted):
    from nautilus_lab.factors.scale._duplicates import StoredMaterial, table_chunk

    stored = StoredMaterial(
        folder="/nowhere", threshold=0.95, least_common=2, plan=SignPlan.at(0.95, bits=8)
    )
    with pytest.raises(StoreError, match="every process of the executor must see the folder"):
        client.submit(table_chunk, stored, 0, "pairs", 1).result()
