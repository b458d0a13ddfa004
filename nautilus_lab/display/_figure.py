"""The look of the house: one plotly template, light and dark."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from nautilus_lab.display._format import escape

if TYPE_CHECKING:
    import plotly.graph_objects as go

Theme: TypeAlias = Literal["light", "dark"]

# Distinct for the colour-blind too, and readable on white and on near-black (Observable 10).
PALETTE = (
    "#4269d0",
    "#efb118",
    "#ff725c",
    "#6cc5b0",
    "#3ca951",
    "#ff8ab7",
    "#a463f2",
    "#97bbf5",
    "#9c6b4e",
    "#9498a0",
)
GAIN, LOSS = "#3ca951", "#e5484d"
FONT = "Inter, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"

# theme -> ink, muted ink, grid, paper, warning ink
_INKS: dict[str, tuple[str, str, str, str, str]] = {
    "light": ("#1c2330", "#667085", "#e6e9ef", "#ffffff", "#b45309"),
    "dark": ("#e6e9ef", "#98a2b3", "#2a3140", "#12161e", "#f5b849"),
}


def house_template(theme: Theme = "light") -> Any:
    """Return the plotly template of the house; registered nowhere, carried by each figure.

    Parameters
    ----------
    theme : {"light", "dark"}, default="light"
        Dark ink on white, or light ink on near-black.
    """
    import plotly.graph_objects as go

    ink, muted, grid, paper, _ = _INKS[theme]
    axis = {
        "gridcolor": grid,
        "linecolor": grid,
        "zerolinecolor": muted,
        "zerolinewidth": 1,
        "ticks": "",
        "tickfont": {"color": muted, "size": 11},
        "title": {"font": {"color": muted, "size": 12}, "standoff": 10},
        "automargin": True,
    }
    return go.layout.Template(
        layout={
            "colorway": list(PALETTE),
            "font": {"family": FONT, "size": 13, "color": ink},
            "paper_bgcolor": paper,
            "plot_bgcolor": paper,
            "title": {"x": 0, "xref": "container", "xanchor": "left", "pad": {"l": 16}},
            "hovermode": "x unified",
            "hoverlabel": {"bgcolor": paper, "bordercolor": grid, "font": {"color": ink}},
            "legend": {
                "orientation": "h",
                "x": 0,
                "y": -0.12,
                "yanchor": "top",
                "bgcolor": "rgba(0,0,0,0)",
            },
            "colorscale": {"diverging": [[0.0, LOSS], [0.5, paper], [1.0, PALETTE[0]]]},
            "xaxis": {**axis, "showgrid": False},
            "yaxis": axis,
            # Upright at the right edge: lying down it covers the title.
            "modebar": {"orientation": "v", "bgcolor": "rgba(0,0,0,0)", "color": muted},
            "bargap": 0.25,
            "margin": {"l": 56, "r": 24, "t": 64, "b": 48},
        }
    )


def style_figure(
    figure: go.Figure,
    *,
    title: str,
    caption: str = "",
    theme: Theme = "light",
    height: int = 380,
) -> go.Figure:
    """Give a finished figure the look of the house, its title and its caption.

    Parameters
    ----------
    figure : plotly Figure
        Changed in place and returned. A plain `Figure`, never a `FigureWidget`: its state would
        be saved into the notebook.
    title : str
        The heading.
    caption : str, default=""
        What a reader must be told of the data (`Provenance.caption`); stands under the title.
    theme : {"light", "dark"}, default="light"
        The template.
    height : int, default=380
        Pixels.
    """
    warning = _INKS[theme][4]
    lines = textwrap.wrap(caption, 84)
    heading: dict[str, Any] = {"text": f"<b>{escape(title)}</b>", "font": {"size": 16}}
    if lines:
        subtitle = "<br>".join(escape(line) for line in lines)
        heading["subtitle"] = {"text": subtitle, "font": {"size": 11, "color": warning}}
    figure.update_layout(
        template=house_template(theme),
        title={
            **heading,
            "yref": "container",
            "y": 1.0,
            "yanchor": "top",
            "pad": {"t": 18, "l": 16},
        },
        margin={"t": 64 + 16 * len(lines)},
        height=height,
    )
    return figure
