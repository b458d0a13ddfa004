"""Named places in the code at which a test may end, hang or break the process."""

from nautilus_lab.platform.failpoint._failpoint import FailpointReached, Plan, arm, reach

__all__ = ["FailpointReached", "Plan", "arm", "reach"]
