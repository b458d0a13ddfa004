"""For tests of one's own features: everything the library asks of its own, in one line."""

from nautilus_lab.features.testing._conformance_test import conformance_test

__all__ = ["conformance_test"]
