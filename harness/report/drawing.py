"""This module is the ink and paper of all pictures: their colours, their settings, and how they become SVG or PNG.

Ink is `currentColor` on the page, so that a picture follows it into the dark. Equal input gives equal bytes.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from harness.report.inline import inline_svg

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's colours without black and yellow, which vanish on a dark or a light page."""

INK = "#0a0b0c"
"""Drawn in this colour, renamed to currentColor afterwards."""

PAPER = "#fdfcfb"
"""Renamed to the colour of the page: hollow points hide the bars behind them."""

FONT_POINTS = 9.0

DOTS_PER_INCH = {"png": 160, "svg": 110}
"""Of PNG files, and of what is drawn as dots inside an SVG."""

SETTINGS = {
    "svg.fonttype": "none",
    "svg.hashsalt": "pareto-harness",
    "font.family": "sans-serif",
    "font.size": FONT_POINTS,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "path.simplify": True,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """A drawn figure.

    Attributes:
        name: of files and elements, letters, digits, `_` and `-`.
        title: what it shows.
        description: what it says, for readers who cannot see it.
        figure: as drawn.
    """

    name: str
    title: str
    description: str
    figure: Figure

    @property
    def svg(self) -> str:
        """Inline SVG element with its own title and description, in the colours of the page."""
        colours = {INK: "currentColor", PAPER: "var(--page)"}
        return inline_svg(self._saved("svg", None).decode(), self.name, self.title, self.description, colours)

    def file(self, kind: str) -> bytes:
        """A file of its own on white paper.

        Args:
            kind: `svg` or `png`.
        """
        return self._saved(kind, "white")

    def _saved(self, kind: str, paper: str | None) -> bytes:
        stream = io.BytesIO()
        nameless = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
        canvas = FigureCanvasSVG(self.figure) if kind == "svg" else FigureCanvasAgg(self.figure)
        with _settings():
            canvas.figure.savefig(
                stream,
                format=kind,
                dpi=DOTS_PER_INCH[kind],
                metadata=nameless,
                transparent=paper is None,
                facecolor=paper or "none",
            )
        return stream.getvalue()


def printable(text: str) -> str:
    """Text that an XML file can hold: control characters are replaced."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


@contextmanager
def drawing(width_in: float, height_in: float) -> Iterator[Figure]:
    """An empty figure to draw on, with the settings of all pictures inside the block."""
    with _settings():
        figure = Figure(figsize=(width_in, height_in), layout="constrained")
        FigureCanvasSVG(figure)
        yield figure


@contextmanager
def _settings() -> Iterator[None]:
    with mpl.rc_context(SETTINGS):  # type: ignore[arg-type]  # keys are literals in the stubs
        yield
