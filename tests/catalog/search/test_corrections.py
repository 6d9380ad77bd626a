"""Slips of the keyboard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmlokal.catalog.search.corrections import Corrections, could_be_meant, distance

_WORDS = st.text("abcd", min_size=1, max_size=10)


def _corrections(*words: str) -> Corrections:
    corrections = Corrections()
    for word in words:
        corrections.add(word)
    return corrections


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [
        ("onion", "onion", 0),
        ("onoin", "onion", 1),
        ("tomatto", "tomato", 1),
        ("tomat", "tomato", 1),
        ("tamoto", "tomato", 2),
        ("ca", "abc", 3),  # no letter is edited twice
        ("onion", "potato", 3),
    ],
)
def test_distance(one: str, other: str, edits: int) -> None:
    """Inserting, dropping, replacing and exchanging neighbours count one each; beyond two it is told as three."""
    assert min(edits, 3) == distance(one, other, 2)


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("pea", []),  # three letters
        ("peas", ["pear"]),
        ("tomatto", ["tomato"]),
        ("tamoto", []),  # two edits of six letters
        ("cauliflwr", ["cauliflower"]),  # two of nine
        ("1122", []),
        ("lima1", []),
        ("chena", ["chana", "china"]),
        ("टमाटार", ["टमाटर"]),
        ("बट", []),  # two letters
    ],
)
def test_corrected(word: str, found: list[str]) -> None:
    """From four letters on one edit, from eight on two, never in digits; all words at the least distance."""
    corrections = _corrections(
        "pear", "peach", "tomato", "cauliflower", "1121", "lima2", "chana", "china", "टमाटर", "बटन"
    )
    assert found == corrections.of(word, lambda _: True)


def test_who_may_be_meant() -> None:
    """What may not be meant does not stand before what is further away."""
    corrections = _corrections("cauliflowe", "cauliflower")
    assert ["cauliflower"] == corrections.of("cauliflowar", lambda word: word == "cauliflower")


@given(st.lists(_WORDS, max_size=12, unique=True), _WORDS)
def test_all_that_are_closest(known: list[str], word: str) -> None:
    """The deletions in common find exactly the words that comparing with each of them finds."""
    edits_max = 0 if len(word) < 4 else 1 if len(word) < 8 else 2
    edits = {one: distance(word, one, 2) for one in known}
    least = min([count for count in edits.values() if 0 < edits_max and count <= edits_max], default=None)
    assert sorted(one for one in known if edits[one] == least) == _corrections(*known).of(word, lambda _: True)


@given(_WORDS, _WORDS)
def test_could_be_meant(typed: str, word: str) -> None:
    """A word could be meant by another exactly where it is found as its correction, alone."""
    assert could_be_meant(typed, word) == (_corrections(word).of(typed, lambda _: True) == [word])
