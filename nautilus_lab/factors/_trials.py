"""What is evaluated, as trials of a study."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors._study import FactorStudy
from nautilus_lab.factors.expressions import FactorDefinition, parse
from nautilus_lab.trials import Batch, Outcome, Recipe, Study, row_digests
from nautilus_lab.trials._code import found_at, place_of
from nautilus_lab.trials._digest import canonical, fingerprint, joined_digests, lost, plain

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from nautilus_lab._typing import Prices, Scores
    from nautilus_lab.factors.evaluation._shapes import FactorInput

# An expression, or a function of prices; with settings: functools.partial(momentum, window=252)
Definition: TypeAlias = "FactorDefinition | str | Callable[..., Scores]"

# What evaluate takes where nothing else is said.
_USUAL = {"quantiles": 5, "delay": 1, "groups": None, "neutral": "none"}
_NO_DEFINITION = "no definition was recorded: pass definition= to evaluate"


def record_study(
    study: Study,
    answer: FactorStudy,
    given: FactorInput,
    settings: Mapping[str, Any],
    definition: Definition | None,
) -> tuple[str, ...]:
    """Record an evaluation, each horizon a trial; return the ids of the trials.

    Parameters
    ----------
    study : Study
    answer : FactorStudy
    given : FactorInput
        Scores and prices, or forward returns, as they were given.
    settings : mapping
        Every other argument of `evaluate`, by name, as it was used.
    definition : FactorDefinition, str or callable, optional
        What the scores were made by, if it is to be recorded.
    """
    prices = given.prices
    data = {f"returns {bar}": frame for bar, frame in given.ahead.items()}
    scores = given.scores
    if prices is not None:
        data, scores = (
            {"prices": prices},
            scores.reindex(index=prices.index, columns=prices.columns),
        )
    digest = row_digests(scores.to_numpy(dtype=float, na_value=float("nan"))[None])
    frames = [name for name, one in settings.items() if _has_frame(one)]
    told = plain({name: _marked(one) for name, one in settings.items()})
    if told["quantiles"] == "as given" and given.quantiles is not None:
        told["quantiles"] = _marked(given.quantiles)
    recipe, name = _recipe(definition, {**settings, "horizons": list(answer.horizons)})
    altered = lost({key: settings[key] for key in ("groups", "neutral")}, tuples=True)
    if definition is not None and (prices is None or frames):
        lacking = " and ".join(frames) if frames else "forward returns"
        recipe = Recipe(missing=f"{lacking} came as a frame, and only prices were recorded")
    elif definition is not None and altered and not recipe.missing:
        recipe = Recipe(missing=f"{altered}, which a ledger does not give back as it was")
    runs = study.add(
        Batch(
            kind="factor",
            names=[
                f"{name or f'scores {digest.tobytes().hex()[:8]}'}@{h}" for h in answer.horizons
            ],
            hashes=_hashes(digest, mark_of(data), told, answer.horizons),
            outcome=outcome_of(answer),
            parameters={
                **{key: value for key, value in told.items() if key != "horizons"},
                **({"definition": recipe.parameters["definition"]} if recipe.parameters else {}),
                "scores": digest.tobytes().hex(),
            },
            varying={"horizon": list(answer.horizons)},
            data=data,
            recipe=recipe,
        )
    )
    return tuple(run.id for run in runs)


def mark_of(data: Mapping[str, pd.DataFrame]) -> str:
    """Return what tells this data from every other."""
    return " ".join(fingerprint(frame).digest for frame in data.values())


def _has_frame(value: Any) -> bool:
    parts = value.values() if isinstance(value, Mapping) else [value]
    return any(hasattr(part, "iloc") for part in parts)


def _marked(value: Any) -> Any:
    """Return a setting as plain data, a frame as what tells it from every other."""
    if isinstance(value, Mapping):
        return {key: _marked(part) for key, part in value.items()}
    return f"frame {fingerprint(value).digest}" if hasattr(value, "iloc") else value


def outcome_of(answer: FactorStudy) -> Outcome:
    """Return how an evaluation came out, a trial for each horizon.

    Its returns are those of the top quantile less the bottom one over holding periods that do not
    overlap; its t is that of the mean IC.
    """
    import numpy as np
    import pandas as pd

    summary = answer.ic_summary.loc[list(answer.horizons)]
    series = [answer.spread[bar].dropna().iloc[::bar] for bar in answer.horizons]
    n = summary["n_dates"].to_numpy(dtype=np.float64)
    return Outcome.of(
        pd.concat(series, axis=1, sort=True),
        t=summary["t"].to_numpy(dtype=np.float64),
        degrees=np.maximum(n - 1, 1),
        more={
            "ic": summary["mean"].to_numpy(dtype=np.float64),
            "icir": summary["icir"].to_numpy(dtype=np.float64),
            "n_dates": n,
        },
    )


def evaluate_again(prices: Prices, *, definition: Mapping[str, Any], **settings: Any) -> Outcome:
    """Make scores by a recorded definition and evaluate them as they were."""
    from nautilus_lab.factors._evaluate import evaluate

    return outcome_of(evaluate(_scores(prices, definition), prices, **settings))


def _hashes(
    digest: NDArray[np.uint8],
    mark: str,
    settings: Mapping[str, Any],
    horizons: tuple[int, ...],
) -> NDArray[np.uint8]:
    """Return the hashes of scores at each horizon, shape (score x horizon, 16)."""
    import numpy as np

    # What has its usual value does not tell a trial from one of before it could be set.
    others = {key: value for key, value in settings.items() if key != "horizons"}
    others = {key: value for key, value in others.items() if value != _USUAL.get(key)}
    lines = [
        joined_digests(digest, "factor", mark, canonical({**others, "horizon": int(bar)}))
        for bar in horizons
    ]
    return np.stack(lines, axis=1).reshape(-1, digest.shape[1])


def _recipe(definition: Definition | None, settings: Mapping[str, Any]) -> tuple[Recipe, str]:
    """Return how scores are made and evaluated again, and what they are called."""
    from nautilus_lab.factors._evaluate import evaluate

    if definition is None:
        return Recipe(missing=_NO_DEFINITION), ""
    if isinstance(definition, FactorDefinition | str):
        one = definition if isinstance(definition, FactorDefinition) else None
        text = parse(definition if isinstance(definition, str) else definition.expression).text
        name = text if one is None else one.name
        lacking = sorted(set(parse(text).fields) - {"close", "returns"})
        if lacking:
            why = f"it reads {', '.join(lacking)}, and only prices were recorded"
            return Recipe(missing=why), name
        if one is not None and one.universe != "all":
            why = f"it is of the universe {one.universe!r}, and only prices were recorded"
            return Recipe(missing=why), name
        told: dict[str, Any] = {"expression": text}
        deciding: tuple[Callable[..., Any], ...] = (evaluate,)
    elif callable(definition):
        body, kept = definition, {}
        if isinstance(definition, functools.partial):
            body, kept = definition.func, dict(definition.keywords)
            if definition.args:
                raise InputError(
                    "settings of a definition are given by name",
                    value=definition.args,
                    remedy="functools.partial(momentum, window=252)",
                )
        shown = ", ".join(f"{key}={value!r}" for key, value in kept.items())
        name = f"{getattr(body, '__qualname__', type(body).__name__)}({shown})"
        told = {"function": place_of(body), "settings": kept}
        deciding = (evaluate, body)
    else:
        raise InputError(
            "a definition is an expression, a FactorDefinition or a function of prices",
            value=type(definition).__name__,
            remedy="definition=functools.partial(momentum, window=252)",
        )
    return Recipe.of(evaluate_again, {"definition": told, **settings}, deciding=deciding), name


def _scores(prices: Prices, definition: Mapping[str, Any]) -> Scores:
    from nautilus_lab.factors.expressions import evaluate as evaluate_expression

    if "expression" in definition:
        fields = {"close": prices, "returns": prices.pct_change(fill_method=None)}
        used = parse(definition["expression"]).fields
        return evaluate_expression(definition["expression"], {name: fields[name] for name in used})
    made: Scores = found_at(definition["function"])(prices, **definition["settings"])
    return made


def two_sided(t: Any, degrees: Any) -> Any:
    """Return the p-values of Student's t, two-sided; NaN of NaN."""
    import numpy as np
    from scipy.special import stdtr

    with np.errstate(invalid="ignore"):
        return np.minimum(1.0, 2 * stdtr(np.maximum(degrees, 1), -np.abs(t)))
