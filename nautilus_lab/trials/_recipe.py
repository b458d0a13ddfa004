"""How a trial is made again."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nautilus_lab.exceptions import InputError
from nautilus_lab.trials._code import place_of, source_digest
from nautilus_lab.trials._digest import lost, plain


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A function that is found by name, and what it is called with beside the data.

    Attributes
    ----------
    function : str
        ``module:name``. Called with the data of the trial, in their order, and `parameters`.
    parameters : mapping of str to object
        Plain data.
    sources : mapping of str to str
        ``module:name`` -> hash of the text of every function that decides the result.
    missing : str, default=""
        Why the trial cannot be made again; empty when it can.
    altered : str, default=""
        Which of the parameters a ledger does not give back as it was; empty when it does.
    """

    function: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""
    altered: str = ""

    @classmethod
    def of(
        cls,
        function: Callable[..., Any],
        parameters: Mapping[str, Any],
        *,
        deciding: tuple[Callable[..., Any], ...] = (),
    ) -> Recipe:
        """Return the recipe of calling `function`; one that says why not when there is none."""
        sources = {}
        for one in (function, *deciding):
            place = place_of(one)
            if not place:
                body = inspect.unwrap(one)
                name = getattr(body, "__qualname__", type(body).__name__)
                return cls(missing=f"{name} is not importable: define it in a module")
            sources[place] = source_digest(one)
        try:
            told = plain(parameters)
        except InputError as error:
            return cls(missing=str(error.value))
        return cls(
            function=place_of(function),
            parameters=told,
            sources=sources,
            altered=lost(parameters),
        )

    def as_plain(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)
