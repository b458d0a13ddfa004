"""Small charts as SVG: they show wherever HTML does, need no script and weigh a few kilobytes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nautilus_lab.display._figure import GAIN, LOSS, PALETTE
from nautilus_lab.display._format import Format, escape, format_value
from nautilus_lab.display._thin import extremes

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import FloatArray

_WIDTH, _HEIGHT = 460, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 8, 20


def line_preview(
    lines: Mapping[str, pd.Series[float]],
    form: Format = ".3g",
    *,
    area: bool = False,
    log: bool = False,
) -> str:
    """Draw one or a few series over time.

    Parameters
    ----------
    lines : mapping of str to Series, shape (time,)
        Name -> values. Long series are thinned so that every peak and trough stays.
    form : str or callable, default=".3g"
        How the value axis is written.
    area : bool, default=False
        Fill between the first series and zero: for drawdowns.
    log : bool, default=False
        Equal distances are equal growth; all values must be positive.

    Returns
    -------
    str
        An SVG element; empty when no series has two finite values.
    """
    import numpy as np

    drawn = {name: line.dropna() for name, line in lines.items()}
    drawn = {name: line for name, line in drawn.items() if len(line) > 1}
    if not drawn:
        return ""
    values = np.concatenate([line.to_numpy(dtype=float) for line in drawn.values()])
    low, high = float(values.min()), float(values.max())
    if area:
        low, high = min(low, 0.0), max(high, 0.0)
    if log:
        low, high = math.log(low), math.log(high)
        drawn = {name: line.map(math.log) for name, line in drawn.items()}
    begin = min(line.index[0] for line in drawn.values())
    end = max(line.index[-1] for line in drawn.values())
    down = _scale(low, high, _HEIGHT - _BOTTOM, _TOP)
    paths = []
    for colour, line in zip(_colours(len(drawn), area), drawn.values(), strict=True):
        places, heights = _thinned(line, begin, end)
        points = " ".join(f"{x:.1f},{down(y):.1f}" for x, y in zip(places, heights, strict=True))
        if area:
            zero = down(0.0)
            corners = f"{places[0]:.1f},{zero:.1f} {points} {places[-1]:.1f},{zero:.1f}"
            paths.append(f'<polygon points="{corners}" fill="{colour}" fill-opacity="0.22"/>')
        paths.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.4" '
            'stroke-linejoin="round"/>'
        )
    ends = (
        f'<text x="{_LEFT}" y="{_HEIGHT - 5}">{escape(format_value(begin))}</text>'
        f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 5}" text-anchor="end">'
        f"{escape(format_value(end))}</text>"
    )
    marks = _axis(low, high, down, _exponential(form) if log else form)
    return _svg(marks + "".join(paths) + ends) + _legend(list(drawn))


def bar_preview(bars: Mapping[str, float], form: Format = ".3g") -> str:
    """Draw one bar a name; gains and losses in their colours.

    Parameters
    ----------
    bars : mapping of str to float
        Name -> value; a value that is NaN leaves its place empty.
    form : str or callable, default=".3g"
        How values are written.

    Returns
    -------
    str
        An SVG element; empty when no value is finite.
    """
    finite = [value for value in bars.values() if math.isfinite(value)]
    if not finite:
        return ""
    low, high = min(0.0, *finite), max(0.0, *finite)
    down = _scale(low, high, _HEIGHT - _BOTTOM, _TOP)
    step = (_WIDTH - _LEFT - _RIGHT) / len(bars)
    shapes = []
    for position, (name, value) in enumerate(bars.items()):
        middle = _LEFT + step * (position + 0.5)
        shapes.append(
            f'<text x="{middle:.1f}" y="{_HEIGHT - 5}" text-anchor="middle">{escape(name)}</text>'
        )
        if math.isfinite(value):
            top, base = sorted((down(value), down(0.0)))
            width = min(step * 0.62, 64)
            shapes.append(
                f'<rect x="{middle - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" '
                f'height="{max(base - top, 0.8):.1f}" rx="2" fill="{GAIN if value >= 0 else LOSS}" '
                f'fill-opacity="0.85"><title>{escape(format_value(value, form))}</title></rect>'
            )
    return _svg(_axis(low, high, down, form) + "".join(shapes))


def histogram_preview(
    values: pd.Series[float], marks: Mapping[str, float], form: Format = ".1%", *, bins: int = 40
) -> str:
    """Draw how often values occur, with named places marked; counts on a log scale.

    Parameters
    ----------
    values : Series, shape (n,)
        Finite numbers, at least one.
    marks : mapping of str to float
        Name -> place on the value axis.
    form : str or callable, default=".1%"
        How the ends of the value axis are written.
    bins : int, default=40
        How many bars.

    Returns
    -------
    str
        An SVG element.
    """
    import numpy as np

    counts, edges = np.histogram(values, bins=bins)
    low, high = float(edges[0]), float(edges[-1])
    across = _scale(low, high, _LEFT, _WIDTH - _RIGHT)
    # One occurrence must be seen beside a thousand.
    heights = np.log1p(counts)
    down = _scale(0.0, float(heights.max()), _HEIGHT - _BOTTOM, _TOP)
    floor = _HEIGHT - _BOTTOM
    width = (_WIDTH - _LEFT - _RIGHT) / bins
    shapes = [
        f'<rect x="{across(edge):.1f}" y="{down(height):.1f}" width="{width * 0.86:.1f}" '
        f'height="{floor - down(height):.1f}" fill="{PALETTE[0]}" fill-opacity="0.8"/>'
        for edge, height in zip(edges[:-1].tolist(), heights.tolist(), strict=True)
        if height
    ]
    for line, (colour, (name, place)) in enumerate(
        zip((PALETTE[1], LOSS, *PALETTE[3:]), marks.items(), strict=False)
    ):
        x = min(max(across(place), _LEFT), _WIDTH - _RIGHT)
        shapes.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP}" y2="{floor}" stroke="{colour}" '
            f'stroke-width="1.6"/><text x="{x + 4:.1f}" y="{_TOP + 9 + 12 * line}">'
            f"{escape(name)}</text>"
        )
    axis = (
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{floor}" y2="{floor}" class="nl-grid"/>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 5}">{escape(format_value(low, form))}</text>'
        f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 5}" text-anchor="end">'
        f"{escape(format_value(high, form))}</text>"
    )
    return _svg(axis + "".join(shapes))


def _exponential(form: Format) -> Callable[[object], str]:
    return lambda value: format_value(math.exp(float(str(value))), form)


def _thinned(line: pd.Series[float], begin: Any, end: Any) -> tuple[FloatArray, FloatArray]:
    """Return pixels and values, at most the lowest and the highest of each bucket."""
    import numpy as np

    values = np.asarray(line, dtype=np.float64)
    shares = np.asarray((line.index - begin) / (end - begin), dtype=np.float64)
    places = np.asarray(_LEFT + shares * (_WIDTH - _LEFT - _RIGHT), dtype=np.float64)
    kept = extremes(values, buckets=200)
    return places[kept], values[kept]


def _scale(low: float, high: float, bottom: float, top: float) -> Any:
    span = high - low

    def down(value: float) -> float:
        # A flat line runs through the middle.
        return (bottom + top) / 2 if span == 0 else bottom - (value - low) / span * (bottom - top)

    return down


def _axis(low: float, high: float, down: Any, form: Format) -> str:
    marks = [low, high] if low < high else [low]
    if low < 0 < high and min(-low, high) > 0.12 * (high - low):
        marks.insert(1, 0.0)
    elif low < high:
        marks.insert(1, (low + high) / 2)
    lines = []
    for mark in marks:
        y = down(mark)
        lines.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
            f'class="nl-grid"/><text x="{_LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">'
            f"{escape(format_value(mark, form))}</text>"
        )
    return "".join(lines)


def _colours(count: int, area: bool) -> Sequence[str]:
    first = (LOSS,) if area else ()
    return [(*first, *PALETTE)[place % len(PALETTE)] for place in range(count)]


def _legend(names: Sequence[str]) -> str:
    if len(names) < 2:
        return ""
    entries = (
        f'<span><i style="background:{PALETTE[place % len(PALETTE)]}"></i>{escape(name)}</span>'
        for place, name in enumerate(names)
    )
    return f'<div class="nl-legend">{"".join(entries)}</div>'


def _svg(inside: str) -> str:
    return f'<svg class="nl-preview" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">{inside}</svg>'
