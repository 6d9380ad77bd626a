"""What is remembered beside the cache: bounded by number and by bytes, and every byte of it is set aside."""

import pytest

from farmlokal.caching.memory import Remembered


class Aside:
    """Adds up what is set aside."""

    def __init__(self) -> None:
        self.bytes = 0

    def grow(self, grown_bytes: int) -> None:
        """Count so many bytes more, or fewer."""
        self.bytes += grown_bytes


def remembered(aside: Aside, *, entries_max: int = 100, bytes_max: int = 100) -> Remembered[str, str]:
    """Texts by texts, which weigh their letters."""
    return Remembered(entries_max, bytes_max, lambda key, value: len(key) + len(value), aside.grow)


@pytest.mark.parametrize("bounds", [{"entries_max": 3}, {"bytes_max": 14}], ids=["number", "bytes"])
def test_the_oldest_leave(bounds: dict[str, int]) -> None:
    """Past either bound, and what is left is set aside: no more, no less."""
    aside = Aside()
    kept = remembered(aside, **bounds)
    for key in "abcde":
        kept.keep(key, "xyz")
    assert ["c", "d", "e"] == list(kept.by_key)
    assert 12 == aside.bytes


def test_what_is_kept_again_counts_once() -> None:
    """With its new weight, and as the newest."""
    aside = Aside()
    kept = remembered(aside, entries_max=2)
    kept.keep("a", "long")
    kept.keep("b", "b")
    kept.keep("a", "x")
    assert 4 == aside.bytes
    kept.keep("c", "c")
    assert {"a": "x", "c": "c"} == kept.by_key


def test_one_that_is_too_heavy_is_not_kept() -> None:
    """It would be the only one: nothing is kept, and nothing set aside."""
    aside = Aside()
    kept = remembered(aside)
    kept.keep("a", "x" * 100)
    assert (0, 0) == (len(kept), aside.bytes)


def test_what_is_forgotten_gives_its_room_back() -> None:
    """All of it."""
    aside = Aside()
    kept = remembered(aside)
    for key in "abc":
        kept.keep(key, key)
    kept.forget()
    assert (0, 0) == (len(kept), aside.bytes)
    assert "<Remembered entries=0/100 bytes=0/100>" == repr(kept)
