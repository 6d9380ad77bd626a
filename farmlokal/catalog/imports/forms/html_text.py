"""The text of HTML, as shops write descriptions in it."""

from html.parser import HTMLParser

from typing_extensions import override

_UNSEEN = frozenset({"script", "style"})


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unseen += tag in _UNSEEN
        self.parts.append(" ")

    @override
    def handle_endtag(self, tag: str) -> None:
        self._unseen = max(0, self._unseen - (tag in _UNSEEN))
        self.parts.append(" ")

    @override
    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(data)


def text_of_html(html: str) -> str:
    """What somebody reads of `html`, in one line; a text without tags is the same."""
    parser = _Text()
    parser.feed(html)
    parser.close()
    return " ".join("".join(parser.parts).split())
