"""Which names are found, and in which tier."""

from hypothesis import given
from hypothesis import strategies as st

from farmlokal.catalog.search.aliases import Aliases
from farmlokal.catalog.search.vocabulary import Name
from tests.catalog.search.vocabularies import found_names, index_of

_WORDS = ("red", "rose", "rosemary", "redcurrant", "rice", "ric")
_NAMES = st.builds(
    lambda title, variety: f"{' '.join(title)} ({' '.join(variety)})",
    st.lists(st.sampled_from(_WORDS), min_size=1, max_size=2),
    st.lists(st.sampled_from(_WORDS), max_size=2),
)
_NO_ALIASES = Aliases()


def test_tiers() -> None:
    """First what is called so, then what has all the words, then what has a word that begins so."""
    index = index_of(["Cherry Tomato", "Tomatillo", "Tomato (Hybrid)", "Ketchup (Tomatoes)"])
    tiers = index.matches(index.interpret("tomato")).tiers
    assert [["Tomato (Hybrid)"], ["Cherry Tomato"], ["Ketchup (Tomatoes)"]] == [
        [name.text for name in index.names_of(tier)] for tier in tiers
    ]


def test_by_alias() -> None:
    """A name is found by every name of what it is: whichever of them it has."""
    index = index_of(["Okra (Long)", "Bhindi(Ladies Finger)", "Brinjal"])
    for text in ("okra", "bhindi", "भिंडी", "வெண்டைக்காய்", "lady finger"):
        assert ["Okra (Long)", "Bhindi(Ladies Finger)"] == found_names(index, text)


@given(
    st.lists(_NAMES, max_size=8),
    st.lists(st.sampled_from([*_WORDS, "r", "ro"]), min_size=1, max_size=3, unique=True),
)
def test_brute_force(names: list[str], asked: list[str]) -> None:
    """The tiers are those that looking at each name finds."""
    index = index_of((Name(number, name, "other") for number, name in enumerate(names)), _NO_ALIASES)
    groups = tuple((word,) for word in asked)
    found = index.matches(index.interpret(" ".join(asked))._replace(groups=groups)).tiers
    expected: tuple[list[int], ...] = ([], [], [])
    for number, name in enumerate(names):
        title, _, rest = name[:-1].partition(" (")
        words = {*title.split(), *rest.split()}
        whole = set(asked) <= words
        begins = set(asked[:-1]) <= words and any(word.startswith(asked[-1]) for word in words)
        if whole or begins:
            expected[2 if not whole else 0 if set(title.split()) == set(asked) else 1].append(number)
    assert tuple(map(tuple, expected)) == found
