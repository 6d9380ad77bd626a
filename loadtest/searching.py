"""The searcher: types some letters, stops, types on, and chooses a suggestion."""

from typing import Any
from urllib.parse import urlencode

from locust import between, task

from loadtest.answers import page_fault, page_of, suggestions_fault
from loadtest.asking import Asker
from loadtest.outcomes import LISTING, LISTING_BY_CURSOR, SUGGEST

# What people type, the commonest first: in several scripts, romanised, with slips, with a variety or a place.
_TYPED = (
    *("tomato", "pyaz", "aloo", "टमाटर", "bhindi", "rice", "onion", "mango", "आलू", "tamatar", "basmati rice"),
    *("तांदूळ", "வெங்காயம்", "haldi", "jeera", "milk", "eggs", "green chilli", "tomatto", "palak", "ఉల్లిపాయ"),
    *("alphonso mango", "red onion", "ghee", "paneer", "chana dal", "brinjall", "ಟೊಮೆಟೊ", "kesar", "onion nashik"),
)
_POPULARITY = [1 / rank for rank in range(1, len(_TYPED) + 1)]
# Letters after which people stop to look at what is suggested.
_STOPS = (2, 4)
# How often somebody takes the first suggestion, and leafs on.
_TAKEN_SHARE = 0.7
_NEXT_PAGE_SHARE = 0.3


class Searcher(Asker):
    """Looks for something by its name."""

    fixed_count = 2
    wait_time = between(0.3, 1.0)

    @task
    def search(self) -> None:
        """Type a word, and look at what is found for it or for a suggestion."""
        typed = self.rng.choices(_TYPED, _POPULARITY)[0]
        suggested: list[str] = []
        for stop in _STOPS:
            answer = self.ask(f"/suggest?{urlencode({'q': typed[:stop]})}", SUGGEST, suggestions_fault)
            if answer is not None and answer.content is not None:
                suggested = [one["text"] for one in answer.content["data"]]
            self.wait()  # type: ignore[no-untyped-call]
        text = suggested[0] if suggested and self.rng.random() < _TAKEN_SHARE else typed
        cursor = self._open({"q": text}, LISTING)
        if cursor is not None and self.rng.random() < _NEXT_PAGE_SHARE:
            self.wait()  # type: ignore[no-untyped-call]
            self._open({"q": text, "cursor": cursor}, LISTING_BY_CURSOR)

    def _open(self, query: dict[str, str], route: str) -> str | None:
        """Open a page; its next cursor."""

        def fault(answer: Any) -> str | None:
            return page_fault(answer, may_be_empty=True)

        answer = self.ask(f"/products?{urlencode(query)}", route, fault)
        return None if answer is None or answer.content is None else page_of(answer.content).next_cursor
