"""Features that installed packages bring along."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from nautilus_lab.exceptions import InputError
from nautilus_lab.features._registry import FeatureRegistry

GROUP = "nautilus_lab.features"


def plugin_features() -> FeatureRegistry:
    """Return the features that installed packages declare, in one registry.

    A package names a `FeatureRegistry` of its own in its ``pyproject.toml``::

        [project.entry-points."nautilus_lab.features"]
        carry = "my_package.carry:CARRY"

    Nothing is loaded before this is called, and nothing is added by itself: what is found joins
    with ``for feature in plugin_features().values(): lab.features.registry.add(feature)``.

    Raises
    ------
    InputError
        When a package cannot be imported, names no registry, or has a feature that another has
        too; the entry point is named.
    """
    found = FeatureRegistry()
    for entry in sorted(entry_points(group=GROUP), key=lambda one: one.name):
        for feature in _registry(entry).values():
            if feature.name in found:
                raise InputError(
                    "two plugins must not have features of one name",
                    value=f"{feature.name}, again in {entry.value}",
                    remedy="uninstall one of them",
                )
            found.add(feature)
    return found


def _registry(entry: EntryPoint) -> FeatureRegistry:
    try:
        named = entry.load()
    except Exception as error:  # whatever the package raises as it is imported
        raise InputError(
            "a plugin must be one that can be imported",
            value=f"{entry.name} = {entry.value}: {type(error).__name__}: {error}",
            remedy="mend or uninstall the package",
        ) from error
    if not isinstance(named, FeatureRegistry):
        raise InputError(
            "a plugin must name a FeatureRegistry",
            value=f"{entry.name} = {entry.value}: {type(named).__name__}",
        )
    return named
