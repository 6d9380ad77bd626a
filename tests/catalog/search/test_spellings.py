"""How people spell what they look for, in many scripts and with slips, and what they find by it."""

import csv
from pathlib import Path

import pytest

from farmlokal.catalog.search.words import letters_in
from tests.catalog.search.vocabularies import seeded

with (Path(__file__).parent / "spellings.csv").open(encoding="utf-8", newline="") as file:
    SPELLINGS = [(row["spelling"], row["commodity"]) for row in csv.DictReader(file)]
_SHARE = 0.95
# Nobody grows any of these; and no correction may make of them what somebody grows.
NOTHING = (
    *("laptop", "iphone", "computer", "keyboard", "printer", "television", "mobile", "charger", "headphones", "camera"),
    *(
        "shoes",
        "trousers",
        "jacket",
        "umbrella",
        "necklace",
        "lipstick",
        "perfume",
        "shampoo",
        "toothpaste",
        "detergent",
    ),
    *("bicycle", "motorbike", "tyre", "petrol", "cement", "bricks", "varnish", "hammer", "screwdriver", "plywood"),
    *("pizza", "burger", "noodles", "whisky", "cigarette", "medicine", "aspirin", "bandage", "syringe", "vaccine"),
    *(
        "passport",
        "insurance",
        "mortgage",
        "newspaper",
        "football",
        "guitar",
        "xyzzy",
        "qwertyuiop",
        "asdfgh",
        "12345678",
    ),
)


def test_enough() -> None:
    """The table holds two hundred spellings and more, the other list fifty words."""
    assert (True, 50) == (len(SPELLINGS) >= 200, len(NOTHING))


def test_suggested_first() -> None:
    """Of the spellings, 95 % have their commodity as the first suggestion."""
    index = seeded()
    # Two words may mean one variety, which is then suggested by its name.
    missed = [
        text
        for text, commodity in SPELLINGS
        if not any(one.text.startswith(commodity) for one in index.complete(text, 1))
    ]
    assert len(missed) <= (1 - _SHARE) * len(SPELLINGS), missed


def test_listed_first() -> None:
    """Of the spellings, 95 % have nothing but their commodity in the first tier of the listing."""
    index = seeded()
    missed = []
    for text, commodity in SPELLINGS:
        tiers = index.matches(index.interpret(text)).tiers
        first = next((tier for tier in tiers if tier), ())
        if {index.vocabulary.names[number].title for number in first} != {commodity}:
            missed.append(text)
    assert len(missed) <= (1 - _SHARE) * len(SPELLINGS), missed


@pytest.mark.parametrize("text", NOTHING)
def test_nothing(text: str) -> None:
    """What no farm sells finds nothing."""
    index = seeded()
    assert 0 == len(index.matches(index.interpret(text))), index.interpret(text).text


def test_no_short_corrections() -> None:
    """No word of fewer than four letters is taken for another, whatever three letters it has."""
    index = seeded()
    for text in ("tmo", "chx", "ryc", "dak", "gux", "zzz", "मूप", "aam1"):
        assert text == index.interpret(text).text


def test_no_correction_of_three_letters() -> None:
    """Whichever letter a word of four loses, what is left means itself or what it is an alias of."""
    index = seeded()
    words = {word for known in index.vocabulary.names for word in known.words if len(word) == letters_in(word) == 4}
    left = {word[:at] + word[at + 1 :] for word in words for at in range(4)}
    corrected = [
        text for text in left if index.interpret(text).text != text and not index.vocabulary.aliases.of_word(text)
    ]
    assert ([], True) == (corrected, len(left) > 200)
