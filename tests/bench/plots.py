"""`python -m tests.bench.plots FILE... --folder docs/images`: draws the figures of JSON files as SVG."""

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pygal
from pygal.style import Style

from tests.bench.figures import Figure
from tests.bench.tables import read

# Its way of finding plugins, of which none is used, is one that Python gave up: 3.11 warns of it at every import.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != pygal.__name__]

_STYLE = Style(
    background="white",
    plot_background="white",
    font_family="sans-serif",
    colors=("#1b6e3c", "#b8860b", "#4a6fa5", "#a23b3b", "#777777"),
    label_font_size=13,
    major_label_font_size=13,
    legend_font_size=13,
    title_font_size=16,
    value_font_size=12,
    stroke_width=2.5,
    guide_stroke_color="#dddddd",
    major_guide_stroke_color="#dddddd",
    guide_stroke_dasharray="none",
)
# Without scripts, which would come from elsewhere; and the same bytes for the same figures.
_CHART = {
    "js": [],
    "style": _STYLE,
    "width": 800,
    "height": 420,
    "legend_at_bottom": True,
    "show_minor_x_labels": True,
    "explicit_size": True,
    "no_prefix": True,
}
_SIZES = re.compile(r"([\d,]+) to ([\d,]+): (.+)")
Points = dict[str, dict[str, float]]


def _lines(title: str, x: str, y: str, points: Points, *, bars: bool = False, logarithmic: bool = False) -> bytes:
    """A chart of a series for each name, over the same labels."""
    labels = list(dict.fromkeys(label for series in points.values() for label in series))
    kind = pygal.Bar if bars else pygal.Line
    chart = kind(title=title, x_title=x, y_title=y, logarithmic=logarithmic, **_CHART)
    chart.x_labels = labels
    if not logarithmic:
        chart.range = (0, max(value for series in points.values() for value in series.values()))
    for name, series in points.items():
        chart.add(name, [series.get(label) for label in labels])
    return _drawn(chart)


def _drawn(chart: Any) -> bytes:
    """The picture without what only a page with pygal's script needs, and without the day on which it was drawn."""
    drawn: bytes = chart.render()
    return re.sub(rb"<!--.*?-->|<script.*?</script>", b"", drawn, flags=re.DOTALL).replace(b' id=""', b"") + b"\n"


def _by_extra(figures: Sequence[Figure], label: str, value: str) -> Points:
    """A series for each thing measured (`of`), its points at what `label` says."""
    points: Points = defaultdict(dict)
    for figure in figures:
        if label in figure.extra and value in figure.extra:
            points[figure.extra["of"]][str(figure.extra[label])] = figure.extra[value]
    return points


def throughput_by_connections(figures: Sequence[Figure]) -> bytes:
    """Requests a second from memory, nginx and a plain handler beside."""
    points = _by_extra(figures, "connections", "per_s")
    return _lines("Requests a second, one worker", "connections", "requests a second", points)


def throughput_by_workers(figures: Sequence[Figure]) -> bytes:
    """Requests a second with one, two and three workers."""
    points: Points = defaultdict(dict)
    for figure in figures:
        if "workers" in figure.extra and "per_s" in figure.extra:
            name = figure.name.rpartition(",")[0]
            points[name]["1"] = figure.extra["reference_per_s"]
            points[name][str(figure.extra["workers"])] = figure.extra["per_s"]
    ordered = {name: dict(sorted(series.items())) for name, series in points.items()}
    return _lines("Requests a second", "workers", "requests a second", ordered, bars=True)


def latency_by_page_size(figures: Sequence[Figure]) -> bytes:
    """Median times of hits and of misses by the number of products on a page."""
    points = _by_extra(figures, "limit", "median_ms")
    return _lines("Median time", "products on a page", "milliseconds", points, logarithmic=True)


def growth(figures: Sequence[Figure]) -> bytes:
    """The median of each family of questions by catalogue size."""
    points: Points = defaultdict(dict)
    for figure in figures:
        sizes = _SIZES.fullmatch(figure.name)
        if sizes and "ms" in figure.extra:
            small, large, family = sizes.groups()
            points[f"{small} products"][family] = figure.extra["ms"] / figure.value
            points[f"{large} products"][family] = figure.extra["ms"]
    chart = pygal.HorizontalBar(title="Median of a cold listing, milliseconds", **(_CHART | {"height": 640}))
    # The first one comes to lie at the bottom.
    families = list(dict.fromkeys(family for series in points.values() for family in series))[::-1]
    chart.x_labels = families
    for name in sorted(points, key=len):  # of such numbers the longer is the larger
        chart.add(name, [points[name].get(family) for family in families])
    return _drawn(chart)


def depth(figures: Sequence[Figure]) -> bytes:
    """The median of a page far into the catalogue beside the first page's."""
    points: Points = {}
    for figure in figures:
        if "to page 1" in figure.name:
            far = figure.name.split(" to ")[0]
            points["median"] = {"page 1": figure.extra["reference_ms"], far: figure.extra["ms"]}
    return _lines("Median of a cold listing by depth, every order", "", "milliseconds", points, bars=True)


_PLOTS: dict[str, tuple[str, Callable[[Sequence[Figure]], bytes]]] = {
    "connections": ("connections", throughput_by_connections),
    "workers": ("workers", throughput_by_workers),
    "pages": ("pages", latency_by_page_size),
    "growth": ("growth", growth),
    "depth": ("depth", depth),
}


def draw(figures: Sequence[Figure], folder: Path) -> list[Path]:
    """Write a picture of each group that was measured and has one; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, (group, plot) in _PLOTS.items():
        measured = [figure for figure in figures if figure.group == group]
        if measured:
            path = folder / f"{name}.svg"
            path.write_bytes(plot(measured))
            written.append(path)
    return written


def main() -> None:
    """Draw what the files have."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.plots", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="what `--json` wrote; a later one counts")
    parser.add_argument("--folder", type=Path, default=Path("docs/images"), help="where to (%(default)s)")
    arguments = parser.parse_args()
    _, figures = read(arguments.files)
    draw(figures, arguments.folder)


if __name__ == "__main__":
    main()
