"""Tables of HTML: Agmarknet's first site sends its reports as such, under a name that ends with .xls."""

from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

from farmlokal.catalog.imports.forms.tables import Table, table_of
from farmlokal.errors import ImportRefused
from farmlokal.formats.text import plain_cell

# A page is held in memory, about ten times its size. A state's prices of a year are under 10 MiB.
PAGE_BYTES_MAX = 32 * 1024**2
_TITLE_CHARS_MAX = 80


class WebPage(NamedTuple):
    """A page's title, and its tables that hold anything."""

    title: str
    tables: list[Table]


def web_page(file: BinaryIO) -> WebPage:
    """The page in `file`, UTF-8 text. Raises ImportRefused where it is too large."""
    # Commands that read no page need not load the library.
    from lxml import etree, html

    text = file.read(PAGE_BYTES_MAX + 1)
    if len(text) > PAGE_BYTES_MAX:
        raise ImportRefused(f"is a web page of more than {PAGE_BYTES_MAX // 1024**2} MiB: save its table as CSV")
    try:
        page = html.document_fromstring(text, parser=html.HTMLParser(encoding="utf-8"))
    except (etree.LxmlError, ValueError):
        return WebPage("", [])
    title = _text(page.find(".//title"))[:_TITLE_CHARS_MAX]
    tables = [table_of(_rows(table), f"table {number}") for number, table in enumerate(page.iter("table"), start=1)]
    return WebPage(title, [table for table in tables if table.head])


def _rows(table: Any) -> Iterator[tuple[int, list[str]]]:
    # Its own rows, and not those of a table inside one of its cells.
    for row in table.xpath("./tr | ./thead/tr | ./tbody/tr | ./tfoot/tr"):
        cells = [_text(cell) for cell in row.xpath("./th | ./td")]
        if len(cells) > 1:  # else a title, or the numbers of further pages
            yield row.sourceline or 0, cells


def _text(element: Any) -> str:
    return "" if element is None else " ".join(plain_cell(element.text_content()).split())
