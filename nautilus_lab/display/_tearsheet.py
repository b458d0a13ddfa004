"""A tear sheet: a titled sequence of facts, charts and tables that any notebook can show."""

from __future__ import annotations

import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from nautilus_lab.display._figure import Theme
from nautilus_lab.display._format import escape
from nautilus_lab.display._style import CSS, PAGES
from nautilus_lab.display._table import Table
from nautilus_lab.exceptions import InputError
from nautilus_lab.provenance import Provenance

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The few figures that a reader looks for first, shown as cards.

    Parameters
    ----------
    values : mapping of str to str
        Label -> the figure as it shall be read, unit included: ``{"Sharpe ratio": "0.84"}``.
    """

    values: Mapping[str, str]

    @property
    def html(self) -> str:
        """The cards as an HTML fragment."""
        cards = (
            f"<div><dt>{escape(name)}</dt><dd{_minus_class(text)}>{escape(text)}</dd></div>"
            for name, text in self.values.items()
        )
        return f'<dl class="nl-facts">{"".join(cards)}</dl>'

    @property
    def text(self) -> str:
        """One line a fact."""
        width = max(map(len, self.values), default=0)
        return "\n".join(f"{name.ljust(width)}  {text}" for name, text in self.values.items())


@dataclass(frozen=True, kw_only=True, eq=False)
class Chart:
    """A chart, built when it is asked for.

    Parameters
    ----------
    title : str
        What it shows; its name among the figures of the sheet.
    figure : callable
        Theme -> the finished plotly `Figure`. Called late: plotly is not loaded before.
    preview : callable, optional
        Returns a small SVG that stands in the sheet itself; without one only the table beside
        the chart speaks until `TearSheet.plot` is called.
    """

    title: str
    figure: Callable[[Theme], go.Figure]
    preview: Callable[[], str] | None = None

    @property
    def html(self) -> str:
        """The preview under its title; empty when there is none."""
        drawn = self.preview() if self.preview is not None else ""
        return f'<div class="nl-chart"><h4>{escape(self.title)}</h4>{drawn}</div>' if drawn else ""

    @property
    def text(self) -> str:
        """Nothing: text has no charts."""
        return ""


Part: TypeAlias = Facts | Chart | Table


@dataclass(frozen=True, kw_only=True, eq=False)
class TearSheet:
    """Facts, charts and tables on one result, with what must be known of its data.

    In a notebook it shows as HTML with small drawn charts: no script, a few kilobytes. `plot`
    and `figures` give the interactive ones.

    Parameters
    ----------
    title : str
        The heading.
    parts : tuple of Facts, Chart or Table
        In reading order.
    subtitle : str, default=""
        Period, number of observations, the method in a few words.
    provenance : Provenance, default=Provenance()
        Its caption (survivor bias, simulated data) heads the sheet and every chart of it.
    """

    title: str
    parts: tuple[Part, ...]
    subtitle: str = ""
    provenance: Provenance = field(default_factory=Provenance)

    def __repr__(self) -> str:
        return f"TearSheet({self.title!r}, {len(self.parts)} parts)"

    @property
    def html(self) -> str:
        """The sheet as a self-contained HTML fragment."""
        return f"<style>{CSS}</style>{self._body(self._fragment)}"

    @property
    def text(self) -> str:
        """The sheet as plain text, without charts."""
        heads = [self.title, self.subtitle, self.provenance.caption]
        return "\n\n".join(
            ["\n".join(filter(None, heads)), *filter(None, (part.text for part in self.parts))]
        )

    @property
    def figures(self) -> dict[str, go.Figure]:
        """Chart title -> its plotly figure, in the light theme, built now."""
        return {chart.title: chart.figure("light") for chart in self._charts()}

    def plot(self, title: str | None = None, *, theme: Theme = "light") -> go.Figure:
        """Return one chart as an interactive plotly figure.

        Parameters
        ----------
        title : str, optional
            Which chart; the first when not given.
        theme : {"light", "dark"}, default="light"
            Its template.

        Raises
        ------
        InputError
            When the sheet has no chart of that title.
        """
        charts = {chart.title: chart for chart in self._charts()}
        wanted = title if title is not None else next(iter(charts), None)
        if wanted not in charts:
            raise InputError(
                "a tear sheet plots only its own charts",
                value=wanted,
                remedy=f"pass one of: {', '.join(charts) or 'none, it has tables only'}",
            )
        return charts[wanted].figure(theme)

    def save_html(self, path: str | Path, *, theme: Theme = "light") -> Path:
        """Write the sheet as one page that opens offline, its charts interactive.

        Parameters
        ----------
        path : path
            Where to; an existing file is replaced as a whole or not at all.
        theme : {"light", "dark"}, default="light"
            Its colours.

        Returns
        -------
        Path
            Where it was written.

        Raises
        ------
        InputError
            When the folder does not exist.
        """
        target = Path(path)
        if not target.parent.is_dir():
            raise InputError(
                "a page is written into a folder that exists",
                value=str(target.parent),
                remedy="create it first, or name another",
            )
        page = self._page(theme)
        handle, temporary = tempfile.mkstemp(dir=target.parent, suffix=".html")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(page)
            # mkstemp makes private files; a page is there to be passed on.
            Path(temporary).chmod(0o644)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        return target

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": self.text, "text/html": self.html}

    def _charts(self) -> list[Chart]:
        return [part for part in self.parts if isinstance(part, Chart)]

    def _body(self, fragment: Callable[[Part], str]) -> str:
        subtitle = f'<p class="nl-subtitle">{escape(self.subtitle)}</p>' if self.subtitle else ""
        badge = "<b>SIMULATED DATA</b>" if self.provenance.simulated else ""
        caption = badge + escape(" ".join(self.provenance.notices))
        warning = f'<p class="nl-caption">{caption}</p>' if caption else ""
        inside = []
        # Facts run the full width; charts and tables share a grid.
        for in_grid, group in groupby(self.parts, key=lambda part: not isinstance(part, Facts)):
            drawn = "".join(fragment(part) for part in group)
            inside.append(f'<div class="nl-grid-row">{drawn}</div>' if in_grid else drawn)
        return (
            f'<section class="nl-sheet"><h3>{escape(self.title)}</h3>{subtitle}{warning}'
            f"{''.join(inside)}</section>"
        )

    @staticmethod
    def _fragment(part: Part) -> str:
        return part.html

    def _page(self, theme: Theme) -> str:
        figures: list[str] = []

        def fragment(part: Part) -> str:
            if not isinstance(part, Chart):
                return part.html
            figure = part.figure(theme)
            place = f"nl-figure-{len(figures)}"
            # plotly escapes what could end the script.
            figures.append(f"draw('{place}',{figure.to_json()})")
            height = figure.layout.height or 380
            return f'<div class="nl-chart"><div id="{place}" style="height:{height}px"></div></div>'

        body, library = self._body(fragment), ""
        if figures:
            from plotly.offline import get_plotlyjs

            library = f"<script>{get_plotlyjs()}</script>"
            # Drawn when every part is in its place: before, the columns are not yet known.
            draw = (
                "function draw(id,figure){Plotly.newPlot(id,figure.data,figure.layout,"
                "{responsive:true,displaylogo:false})}"
            )
            body += f"<script>{draw};{';'.join(figures)}</script>"
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8">'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(self.title)}</title><style>{CSS} body{{margin:0;{PAGES[theme]}}} "
            f".nl-sheet{{margin:0 auto;padding:28px 24px;max-width:1240px}}</style>{library}</head>"
            f"<body>{body}</body></html>\n"
        )


class HasTearSheet(ABC):
    """A result that shows as its tear sheet; says once what every result can do with it."""

    @abstractmethod
    def tear_sheet(self) -> TearSheet:
        """Return the result as a tear sheet."""

    def plot(self, title: str | None = None, *, theme: Theme = "light") -> go.Figure:
        """Return one chart of the tear sheet, the first by default; see `TearSheet.plot`."""
        return self.tear_sheet().plot(title, theme=theme)

    def save_html(self, path: str | Path, *, theme: Theme = "light") -> Path:
        """Write the tear sheet as one page that opens offline; see `TearSheet.save_html`."""
        return self.tear_sheet().save_html(path, theme=theme)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return self.tear_sheet()._repr_mimebundle_()


def _minus_class(text: str) -> str:
    return ' class="nl-negative"' if text.startswith("\N{MINUS SIGN}") else ""
