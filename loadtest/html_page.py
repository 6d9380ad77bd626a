"""A page of HTML that needs nothing besides itself: bars, tables, and a look for light and for dark screens."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

_STYLE = Path(__file__).with_name("page.css")
GOOD, BAD, NEUTRAL = "good", "bad", ""
# What a stacked bar is made of, in this order.
PARTS = ("first", "second", "third", "fourth")


class Bar(NamedTuple):
    """A row of a bar chart.

    label, note: what it is of. text: its value as it is written. parts: lengths as shares of the whole track, one for a
    plain bar. tone: GOOD, BAD or NEUTRAL. goal, reference: where their marks stand, as shares of the track.
    """

    label: str
    text: str
    parts: Sequence[float]
    note: str = ""
    tone: str = NEUTRAL
    goal: float | None = None
    reference: float | None = None


class Cell(NamedTuple):
    """A cell of a table. kinds: its classes, of which there are `number`, `text` (a longer one), and the tones."""

    text: str
    kinds: str = ""


def document(title: str, body: Iterable[str]) -> str:
    """The whole page. body: pieces of HTML."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_STYLE.read_text('utf-8')}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>{escape(title)}</h1>\n{''.join(body)}</main>\n</body>\n</html>\n"
    )


def heading(text: str) -> str:
    """The heading of a section."""
    return f"<h2>{escape(text)}</h2>\n"


def paragraph(text: str, *, quiet: bool = False) -> str:
    """A paragraph."""
    return f'<p class="quiet">{escape(text)}</p>\n' if quiet else f"<p>{escape(text)}</p>\n"


def verdict_line(text: str, tone: str) -> str:
    """The one line that says how it went."""
    return f'<p class="verdict {tone}">{escape(text)}</p>\n'


def bars(rows: Iterable[Bar]) -> str:
    """A chart of horizontal bars."""
    return f'<div class="bars">\n{"".join(map(_bar, rows))}</div>\n'


def legend(parts: Sequence[str] = (), *, marks: bool = False) -> str:
    """What the colours of stacked bars mean; with `marks`, what the marks of plain ones do."""
    items = [f'<span><i class="{kind}"></i>{escape(name)}</span>' for kind, name in zip(PARTS, parts, strict=False)]
    if marks:
        items += ["<span><s></s>goal</span>", '<span><s class="reference"></s>the reference itself</span>']
    return f'<p class="legend">{"".join(items)}</p>\n'


def table(headings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table; on a narrow screen it scrolls by itself."""
    lines = ["".join(f"<th>{escape(text)}</th>" for text in headings)]
    lines += ["".join(f'<td class="{cell.kinds}">{escape(cell.text)}</td>' for cell in row) for row in rows]
    inner = "".join(f"<tr>{line}</tr>\n" for line in lines)
    return f'<div class="wide"><table>\n{inner}</table></div>\n'


def folded(summary: str, inner: str) -> str:
    """A part that is shown when it is asked for. inner: HTML."""
    return f"<details><summary>{escape(summary)}</summary>\n{inner}</details>\n"


def framed(title: str, page: str) -> str:
    """Another page inside this one. page: its whole HTML."""
    return f'<iframe title="{escape(title)}" srcdoc="{escape(page)}"></iframe>\n'


def _bar(bar: Bar) -> str:
    kinds = PARTS if len(bar.parts) > 1 else ("",)
    fills = [
        f'<i class="{kind}" style="width:{_percent(part)}"></i>' for kind, part in zip(kinds, bar.parts, strict=False)
    ]
    for place, kind in ((bar.reference, "reference"), (bar.goal, "goal")):
        if place is not None and place <= 1:
            fills.append(f'<s class="{kind}" style="left:{_percent(place)}"></s>')
    note = f"<small>{escape(bar.note)}</small>" if bar.note else ""
    return (
        f'<div class="bar {bar.tone}"><div>{escape(bar.label)}{note}</div>'
        f'<div class="track">{"".join(fills)}</div><div class="number"><b>{escape(bar.text)}</b></div></div>\n'
    )


def _percent(share: float) -> str:
    return f"{100 * min(1.0, max(0.0, share)):.2f}%"
