"""What a feature is: its inputs, its settings, how far back it looks, and the function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, get_args

from nautilus_lab.exceptions import InputError
from nautilus_lab.features._parameter import Parameter

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

Values: TypeAlias = Mapping[str, int | float]  # parameter -> what it is set to
# what a function takes: an instrument's bars, those beside other series, or those of all
Scope: TypeAlias = Literal["instrument", "relative", "universe"]

# columns that a bar always has; others are read where the bars carry them
BAR_INPUTS = ("open", "high", "low", "close", "volume")
# the timestamp of a bar, in seconds since 1970 UTC
TIME_INPUT = "time"

# the rows that a feature reads; ticks are trades, each with the quote that stood before it
Data: TypeAlias = Literal["bars", "quotes", "trades", "ticks", "book"]

# what a label says beside the settings
_TAKEN = ("of", "against")


class Accumulator(Protocol):
    """A feature that remembers all of its past in a few numbers."""

    @property
    def update(self) -> Callable[..., tuple[Any, ...]]:
        """Takes the inputs of one bar, returns the outputs; NaN in the warm-up.

        Numbers; of all instruments arrays of shape (symbols,).
        """
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
    data : str, default="bars"
        The rows it reads: ``"bars"``, ``"quotes"``, ``"trades"``, ``"ticks"`` or ``"book"``, each
        as its ``require_`` function of `nautilus_lab.frames` says. Of a book, inputs are named
        without a level, and read at as many as the setting `levels` says.
    clock : str, default="rows"
        What its windows count. With ``"volume"`` or ``"time"`` the rows before its first value
        depend on the data, and the warm-up is the least there can be.
    scope : {"instrument", "relative", "universe"}, default="instrument"
        What `function` takes. A relative one: after its inputs an array for each series it is
        against, all of the bars that the instrument and every one of these series have. One of
        the universe: arrays of shape (bars, symbols), NaN where an instrument has no bar, and it
        returns arrays of that shape.
    most_against : int, default=0
        How many series a relative one may be against.
    outputs_of : callable, optional
        Takes the settings and the names of the series it is against; names the outputs where these
        decide them.
    symbols : callable, optional
        Of the universe: takes the settings; how many instruments it needs at least.
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
    data: Data = "bars"
    clock: Literal["rows", "volume", "time"] = "rows"
    scope: Scope = "instrument"
    most_against: int = 0
    outputs_of: Callable[[Values, tuple[str, ...]], tuple[str, ...]] | None = field(
        default=None, repr=False
    )
    symbols: Callable[[Values], int] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))
        for name, given in (("inputs", self.inputs), ("outputs", self.outputs)):
            if type(given) is not tuple or not given or len(set(given)) != len(given):
                raise InputError(f"{name} of {self.name} must be names, each once", value=given)
        if not _is_name(self.name):
            raise InputError("a feature's name must be lower case, letters first", value=self.name)
        for what, one, known in (
            ("data", self.data, get_args(Data)),
            ("scope", self.scope, get_args(Scope)),
        ):
            if one not in known:
                raise InputError(
                    f"{what} of {self.name} must be one of {', '.join(known)}", value=one
                )
        for key, parameter in self.parameters.items():
            if not isinstance(parameter, Parameter):
                raise InputError(
                    f"{key} of {self.name} must be a Parameter",
                    value=parameter,
                    remedy=f"write Parameter(default={parameter!r})",
                )
        if self.data == "book" and "levels" not in self.parameters:
            raise InputError(
                f"{self.name} is of a book and must have a setting levels",
                value=", ".join(self.parameters) or "none",
            )
        if unfit := [key for key in self.parameters if not key.isidentifier() or key in _TAKEN]:
            raise InputError(
                f"a setting of {self.name} must have a name of its own",
                value=unfit[0],
                remedy=f"name it otherwise; {' and '.join(_TAKEN)} are said of every feature",
            )
        if (self.scope == "relative") != (self.most_against > 0):
            raise InputError(
                f"{self.name} is against series when, and only when, it is relative",
                value=f"scope={self.scope!r}, most_against={self.most_against}",
            )

    def __call__(
        self,
        /,
        *,
        of: str | tuple[str, ...] = (),
        against: str | tuple[str, ...] = (),
        **settings: object,
    ) -> FeatureSpec:
        """Return the feature with settings, and other inputs where `of` names them.

        Parameters
        ----------
        of : str or tuple of str, optional
            The columns it reads in place of its usual ones.
        against : str or tuple of str, optional
            The series a relative one is against: symbols of the bars, or columns of the frame
            of references that `compute` takes.
        **settings
            Its parameters.

        Raises
        ------
        InputError
            When it has no such setting, a value is out of bounds, `of` names too few inputs, or
            `against` more series than it takes.
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
        asked: object = (of,) if isinstance(of, str) else of
        if not isinstance(asked, tuple | list) or not all(isinstance(o, str) for o in asked):
            raise InputError(
                f"{self.name} is of columns by name", value=of, remedy='pass of="close"'
            )
        inputs = tuple(asked)
        if inputs and len(inputs) != len(self.reads(values)):
            raise InputError(
                f"{self.name} is of {len(self.reads(values))} columns",
                value=inputs,
                remedy=f"pass of={self.reads(values)}",
            )
        named: object = (against,) if isinstance(against, str) else against
        if not isinstance(named, tuple | list) or not all(isinstance(o, str) for o in named):
            raise InputError(
                f"{self.name} is against series by name",
                value=against,
                remedy='pass against="SPY" or against=("MKT", "SMB")',
            )
        others = tuple(named)
        if len(others) > self.most_against or len(set(others)) != len(others):
            most = self.most_against
            many = f"up to {most} series, each once" if most else "nothing"
            raise InputError(
                f"{self.name} is against {many}",
                value=" + ".join(others),
                remedy="" if most else "leave out against=",
            )
        spec = FeatureSpec(
            feature=self, settings=values, inputs=inputs or self.reads(values), against=others
        )
        if len(set(spec.outputs)) != len(spec.outputs):
            raise InputError(
                f"{self.name} has outputs of its own beside those of what it is against",
                value=next(o for o in spec.outputs if spec.outputs.count(o) > 1),
                remedy="give the series another name",
            )
        return spec

    def __deepcopy__(self, memo: object) -> Feature:
        return self  # nothing of it changes

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Have another process take its own one of the library's; others go as they are."""
        from nautilus_lab.features._all import built_in

        if built_in(self.name) is self:
            return built_in, (self.name,)
        return super().__reduce_ex__(protocol)

    def reads(self, settings: Values) -> tuple[str, ...]:
        """Return the columns it reads with settings, when it is told no others."""
        if self.data != "book":
            return self.inputs
        levels = range(int(settings["levels"]))
        return tuple(f"{name}_{level}" for name in self.inputs for level in levels)


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
    against : tuple of str
        The series a relative one is against.
    """

    feature: Feature
    settings: Values
    inputs: tuple[str, ...]
    against: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", MappingProxyType(dict(self.settings)))

    def __hash__(self) -> int:
        return hash(self.label)

    def __deepcopy__(self, memo: object) -> FeatureSpec:
        return self

    def __reduce__(self) -> Any:
        return _spec, (self.feature, dict(self.settings), self.inputs, self.against)

    @property
    def label(self) -> str:
        """The feature and what is not as usual: ``"rsi(timeperiod=7)"``."""
        usual = self.feature.parameters
        given = [f"{k}={_told(v)}" for k, v in self.settings.items() if v != usual[k].default]
        if not self.as_usual:
            given.insert(0, f"of={'/'.join(escaped(one, '/') for one in self.inputs)}")
        if self.against:
            given.insert(0, f"against={'+'.join(escaped(one, '+') for one in self.against)}")
        return f"{self.feature.name}({', '.join(given)})" if given else self.feature.name

    @property
    def as_usual(self) -> bool:
        """Whether it reads the columns that its feature is meant for."""
        return self.inputs == self.feature.reads(self.settings)

    @property
    def outputs(self) -> tuple[str, ...]:
        """What it returns, with these settings."""
        named = self.feature.outputs_of
        return self.feature.outputs if named is None else named(self.settings, self.against)

    @property
    def columns(self) -> tuple[str, ...]:
        """The label, or one for each output: ``"bbands.upperband"``."""
        outputs = self.outputs
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
        """Return the outputs of its inputs, and of the series it is against; see `Feature`."""
        return self.bound(*inputs)

    def computed(self, *inputs: FloatArray) -> tuple[FloatArray, ...]:
        """Return the outputs as `evaluate` does, when they are as many and as long as they must be.

        Raises
        ------
        InputError
            When they are not: a column would be left as it was, or filled from another.
        """
        found, shape = self.bound(*inputs), inputs[0].shape
        self.require_as_many(found)
        for one in found:
            if getattr(one, "shape", None) != shape:
                raise InputError(
                    f"{self.feature.name} must return arrays of shape {shape}",
                    value=getattr(one, "shape", type(one).__name__),
                    remedy="check it: lab.features.check",
                )
        return found

    def require_as_many(self, found: tuple[Any, ...]) -> None:
        """Refuse what are more or fewer than its outputs."""
        if len(found) != len(self.outputs):
            raise InputError(
                f"{self.feature.name} must return {', '.join(self.outputs)}",
                value=f"{len(found)} arrays",
                remedy="check it: lab.features.check",
            )

    def __repr__(self) -> str:
        return f"FeatureSpec({self.label})"


def _spec(
    feature: Feature, settings: Values, inputs: tuple[str, ...], against: tuple[str, ...]
) -> FeatureSpec:
    return FeatureSpec(feature=feature, settings=settings, inputs=inputs, against=against)


def _is_name(text: str) -> bool:
    return text.isascii() and text.isidentifier() and text == text.lower()


def _told(value: float) -> str:
    """Return a setting as short as it can be read back."""
    short = f"{value:.12g}"
    return short if float(short) == value else repr(value)


def escaped(name: str, between: str) -> str:
    """Return a name with what has a meaning in a label, or cannot be read back, as ``%20``.

    Examples
    --------
    >>> escaped("EUR/USD", "+"), escaped("BRK B", "+")
    ('EUR/USD', 'BRK%20B')
    """
    meant = f" (),%{between}"
    return "".join(f"%{ord(one):02X}" if one in meant else one for one in name)
