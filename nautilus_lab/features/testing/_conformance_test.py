"""A pytest test of every feature in a registry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.features._conformance import conformance
from nautilus_lab.features._feature import FeatureSpec
from nautilus_lab.features._registry import FeatureRegistry, Wanted

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray


def conformance_test(
    registry: FeatureRegistry,
    *also: Wanted,
    columns: Mapping[str, FloatArray] | None = None,
) -> Callable[[FeatureSpec], None]:
    """Return a test that runs `conformance` over all features of a registry, for pytest to collect.

    Parameters
    ----------
    registry : FeatureRegistry
        The features: those of a plugin or of a notebook's module.
    *also : str, Feature or FeatureSpec
        Some of them with other settings than the usual ones: ``"mine(window=2)"``.
    columns : mapping of str to array, optional
        The inputs; drawn ones when not given.

    Returns
    -------
    callable
        Parametrised, one case for each feature; it fails with what the feature does not keep to.

    Raises
    ------
    InputError
        When the registry is empty, for a test of nothing would pass.

    Examples
    --------
    In a test file of yours, one line, whose name begins with ``test_``:

    >>> from nautilus_lab.features import FeatureRegistry
    >>> from nautilus_lab.features.testing import conformance_test
    >>> MINE = FeatureRegistry()
    >>> @MINE.define(
    ...     title="Range", group="mine", inputs=("high", "low"), warm_up=0, history=1,
    ...     reference="the difference of high and low",
    ... )
    ... def bar_range(high, low):
    ...     return high - low
    >>> test_my_features_conform = conformance_test(MINE)
    """
    import pytest

    if not registry:
        raise InputError("a registry must have features to test", value=registry)
    specs = [registry.spec(one) for one in (*registry, *also)]

    @pytest.mark.parametrize("spec", specs, ids=[spec.label for spec in specs])
    def conforms(spec: FeatureSpec) -> None:
        found = conformance(spec, columns)
        if not found.ok:
            pytest.fail(f"{found.feature}: {'; '.join(found.problems)}", pytrace=False)

    return conforms
