"""What is understood of a question's words."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from farmlokal.catalog.search.aliases import Aliases, AliasRow
from farmlokal.catalog.search.index import SearchIndex
from tests.catalog.search.vocabularies import index_of

_ALIASES = Aliases(
    AliasRow(alias, "en", "Latn", canonical)
    for alias, canonical in {
        "bhindi": "okra",
        "ladies finger": "okra",
        "karela": "bitter gourd",
        "kabuli": "white chana",
        "white chana dal": "dal",
        "gourd red": "pumpkin",
    }.items()
)


def _index(*names: str) -> SearchIndex:
    index = index_of(names, _ALIASES)
    index.places.add_regions("district", ["pune", "goa", "navi mumbai", "mumbai", "kochi"])
    index.places.add_regions("state", ["maharashtra", "goa"])
    index.places.add_farm(7, "Patil Farm")
    index.places.add_farm(8, "Twin Farm")
    index.places.add_farm(9, "Twin Farm")
    index.changed()
    return index


_INDEX = _index(
    "Tomato (Hybrid)",
    "Okra (Red)",
    "Bitter Gourd (Long)",
    "Chana (Desi)",
    "China Rose",
    "Pumpkin (Navi)",
    "Dal (White)",
)


def _understood(text: str) -> tuple[str, dict[str, str | int]]:
    found = _INDEX.interpret(text)
    return found.text, {place.filter: place.value for place in found.places}


@pytest.mark.parametrize(
    ("text", "q", "filters"),
    [
        ("TOMATO", "tomato", {}),
        ("tom", "tom", {}),  # the beginning of a word, and last
        ("tom red", "tom red", {}),  # not last, and too short to be corrected
        ("tomatto", "tomato", {}),
        ("Bhindi (Ladies Finger)", "okra", {}),
        ("karella", "bitter gourd", {}),  # a slip in an alias
        ("kabuli dal", "dal", {}),  # its canonical words make a phrase with the next
        ("chanaa", "chana", {}),
        ("chona", "chana|china", {}),  # all corrections at the same distance are alternatives
        ("tomato pune", "tomato", {"district": "pune"}),
        ("tom pune", "tom", {"district": "pune"}),  # what is left of it ends with a beginning
        ("pune", "", {"district": "pune"}),
        ("goa tomato", "tomato", {"district": "goa"}),  # before the state of that name
        ("navi mumbai okra", "navi okra", {"district": "mumbai"}),  # a name has the word navi
        ("tomato patil farm", "tomato", {"farm_id": 7}),
        ("tomato twin farm", "tomato twin farm", {}),  # two have that name
        ("pune mumbai", "pune mumbai", {}),  # in both at once is nothing
        ("tomato pune maharashtra", "tomato", {"district": "pune", "state": "maharashtra"}),
        ("kochi", "", {"district": "kochi"}),
        ("xyzzy", "xyzzy", {}),
        ("chana|china", "chana|china", {}),
        ("chana|xyzzy", "chana", {}),
        ("xyzzy|yzzyx", "xyzzy|yzzyx", {}),
    ],
)
def test_understood(text: str, q: str, filters: dict[str, str | int]) -> None:
    """Aliases first, then places, then corrections; what is left of a question is its canonical text."""
    assert (q, filters) == _understood(text)


_WORD = st.sampled_from(
    [
        *("tomato", "tomatto", "tom", "okra", "bhindi", "ladies", "finger", "karela", "karella", "kabuli", "white"),
        *("chana", "china", "chuna", "dal", "gourd", "red", "pune", "goa", "navi", "mumbai", "maharashtra", "patil"),
        *("twin", "farm", "long", "pumpkin", "x", "1121", "chana|china", "xyzzy|tomato", "ladies|finger"),
    ]
)


@given(st.lists(_WORD, max_size=8).map(" ".join))
@example("navi navi mumbai")
def test_fixed_point(text: str) -> None:
    """To interpret what was understood gives just that, and no place."""
    understood = _INDEX.interpret(text)
    again = _INDEX.interpret(understood.text)
    if not understood.places:
        assert understood == again
    else:
        assert (understood.groups, ()) == again


@given(st.lists(_WORD, max_size=8).map(" ".join))
def test_could_mean(text: str) -> None:
    """What a text was understood as is what it could mean, and so is the text that asks for that."""
    understood = _INDEX.interpret(text)
    assert _INDEX.could_mean(text, understood)
    assert _INDEX.could_mean(understood.asking, understood)


@pytest.mark.parametrize("text", ["tomatto", "TOMATTO pune", "pune tomatto"])
def test_could_mean_before(text: str) -> None:
    """A walk's question is still its own when a name has come by which it would be understood otherwise."""
    before, after = _index("Tomato"), _index("Tomato", "Tomatto")
    understood = before.interpret(text)
    assert understood != after.interpret(text)
    assert after.could_mean(text, understood)


@pytest.mark.parametrize("other", ["okra", "tomato red", "tomato pune", "", "tom"])
def test_could_not_mean(other: str) -> None:
    """A walk's question is not one that no vocabulary would have understood as it was."""
    assert not _INDEX.could_mean(other, _INDEX.interpret("tomato"))


def test_known_and_not_there() -> None:
    """The name of a commodity that the catalogue has not is no slip for another's."""
    assert "okra" == index_of(["Okro"], _ALIASES).interpret("bhindi").text
