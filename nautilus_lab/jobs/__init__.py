"""Notebooks run as jobs: parameters checked, output, page and ledger row kept."""

from nautilus_lab.jobs._parameters import declared_parameters
from nautilus_lab.jobs._publish import publish_targets
from nautilus_lab.jobs._record import RunRecord
from nautilus_lab.jobs._run import run_notebook, runs

__all__ = ["RunRecord", "declared_parameters", "publish_targets", "run_notebook", "runs"]
