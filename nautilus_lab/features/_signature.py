"""Whether a function takes what its feature is declared to hand it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from nautilus_lab.exceptions import InputError
from nautilus_lab.features._parameter import Parameter


def require_signature(
    name: str,
    function: Callable[..., Any],
    inputs: tuple[str, ...],
    parameters: Mapping[str, Parameter],
) -> None:
    """Refuse a function that cannot be called with its inputs in order and its parameters by name.

    Raises
    ------
    InputError
        When it takes others, or its own default of a parameter is another than the declared one.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # written in C, and tells none
        return
    try:
        # it may take more by its place, which others than its inputs fill: the check calls it
        bound = signature.bind_partial(*inputs, **dict(parameters))
    except TypeError as error:
        asked = ", ".join([*inputs, *(f"{key}=" for key in parameters)])
        raise InputError(
            f"{name} must take its inputs and parameters, ({asked})",
            value=f"{signature}: {error}",
            remedy="make the function and its definition agree",
        ) from None
    for key, parameter in parameters.items():
        own = signature.parameters.get(key)
        if own is None or own.default is inspect.Parameter.empty:
            continue
        if key in bound.arguments and own.default != parameter.default:
            raise InputError(
                f"{key} of {name} must have one default",
                value=f"{own.default!r} in the function, {parameter.default!r} as declared",
            )
