"""What a feature is: its inputs, its settings, how far back it looks, and the function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, TypeAlias

from nautilus_lab.exceptions import InputError
from nautilus_lab.features._parameter import Parameter

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

Values: TypeAlias = Mapping[str, int | float]  # parameter -> what it is set to

# columns that a bar always has; others are read where the bars carry them
BAR_INPUTS = ("open", "high", "low", "close", "volume")


class Accumulator(Protocol):
    """A feature that remembers all of its past in a few numbers."""

    @property
    def update(self) -> Callable[..., tuple[float, ...]]:
        """Takes the inputs of one bar, returns the outputs; NaN in the warm-up."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Feature:
    """A number, or several, for each bar of one instrument, from that bar and earlier ones.

    Attributes
    ----------
    name : str
        Lower case; what it is asked for by.
    title : str
        What people call it.
    group : str
        What it belongs to in the catalog: ``"momentum"``.
    inputs : tuple of str
        Columns of the bars, in the order `function` takes them.
    outputs : tuple of str
        What it returns; one named as the feature itself, or several.
    parameters : mapping of str to Parameter
        Its settings.
    function : callable
        Takes the inputs, arrays of shape (bars,), and the settings by name; returns one array of
        that shape for each output. It may look at no later bar than the one it writes.
    warm_up : callable
        Takes the settings; how many bars have no value at the beginning.
    history : callable
        Takes the settings; how many bars, the last included, decide the last value to a relative
        1e-9. A stream keeps so many and calls `function` on them.
    accumulate : callable, optional
        Takes the settings, returns an `Accumulator`: for what all of the past decides. A stream
        keeps that instead.
    reference : str
        Where the formula stands.
    """

    name: str
    title: str
    group: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    function: Callable[..., tuple[FloatArray, ...]] = field(repr=False)
    warm_up: Callable[[Values], int] = field(repr=False)
    history: Callable[[Values], int] = field(repr=False)
    reference: str
    parameters: Mapping[str, Parameter] = field(default_factory=lambda: MappingProxyType({}))
    accumulate: Callable[[Values], Accumulator] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))
        for name, given in (("inputs", self.inputs), ("outputs", self.outputs)):
            if not given or len(set(given)) != len(given):
                raise InputError(f"{name} of {self.name} must be names, each once", value=given)
        if not self.name.isidentifier() or self.name != self.name.lower():
            raise InputError("a feature's name must be lower case, letters first", value=self.name)

    def __call__(self, *, of: str | tuple[str, ...] = (), **settings: object) -> FeatureSpec:
        """Return the feature with settings, and other inputs where `of` names them.

        Raises
        ------
        InputError
            When it has no such setting, a value is out of bounds, or `of` names too few inputs.
        """
        unknown = sorted(set(settings) - set(self.parameters))
        if unknown:
            raise InputError(
                f"{self.name} takes {', '.join(self.parameters) or 'no settings'}",
                value=", ".join(unknown),
                remedy="see lab.features.catalog()",
            )
        values = {
            name: parameter.checked(self.name, name, settings.get(name, parameter.default))
            for name, parameter in self.parameters.items()
        }
        inputs = (of,) if isinstance(of, str) else tuple(of)
        if inputs and len(inputs) != len(self.inputs):
            raise InputError(
                f"{self.name} is of {len(self.inputs)} columns",
                value=inputs,
                remedy=f"pass of={self.inputs}",
            )
        return FeatureSpec(feature=self, settings=values, inputs=inputs or self.inputs)


@dataclass(frozen=True, kw_only=True, repr=False)
class FeatureSpec:
    """A feature with its settings: one or more columns of an answer.

    Attributes
    ----------
    feature : Feature
        Which.
    settings : mapping of str to number
        All of its parameters.
    inputs : tuple of str
        The columns it reads.
    """

    feature: Feature
    settings: Values
    inputs: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))

    def __hash__(self) -> int:
        return hash(self.label)

    @property
    def label(self) -> str:
        """The feature and what is not as usual: ``"rsi(timeperiod=7)"``."""
        usual = self.feature.parameters
        given = [f"{k}={v:g}" for k, v in self.settings.items() if v != usual[k].default]
        if self.inputs != self.feature.inputs:
            given.insert(0, f"of={'/'.join(self.inputs)}")
        return f"{self.feature.name}({', '.join(given)})" if given else self.feature.name

    @property
    def columns(self) -> tuple[str, ...]:
        """The label, or one for each output: ``"bbands.upperband"``."""
        outputs = self.feature.outputs
        return (self.label,) if len(outputs) == 1 else tuple(f"{self.label}.{o}" for o in outputs)

    @property
    def warm_up(self) -> int:
        """How many bars have no value at the beginning."""
        return self.feature.warm_up(self.settings)

    @property
    def history(self) -> int:
        """How many bars a stream keeps."""
        return self.feature.history(self.settings)

    @cached_property
    def bound(self) -> Callable[..., tuple[FloatArray, ...]]:
        """The function with its settings: of the inputs alone."""
        return partial(self.feature.function, **self.settings)

    def evaluate(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """Return the outputs of one instrument's bars."""
        return self.bound(*inputs)

    def __repr__(self) -> str:
        return f"FeatureSpec({self.label})"
