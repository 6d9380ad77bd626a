"""What a text's words are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmlokal.catalog.search.words import groups_of, parts_of, text_of, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Tomato (Hybrid)", ("tomato", "hybrid")),
        ("टमाटर", ("टमाटर",)),  # its vowel signs are no ends of words
        ("\u092a\u094d\u092f\u093e\u091c\u093c", ("\u092a\u094d\u092f\u093e\u091c",)),  # प्याज, with a nukta
        ("\u0929", ("\u0928",)),  # a letter that is one code point with its nukta
        ("क्\u200dष", ("क्ष",)),
        ("\uff34\uff4f\uff4d \u2116 5", ("tom", "no", "5")),
        ("Straße", ("strasse",)),
        ("lady's finger", ("lady", "s", "finger")),
        ("Pusa 1121", ("pusa", "1121")),
        ("\u093e ... \u0301", ()),  # marks of no letter
    ],
)
def test_words(text: str, words: tuple[str, ...]) -> None:
    """Case, width, joiners and nuktas do not count; letters, digits and their marks stay together."""
    assert words == words_of(text)


def test_parts() -> None:
    """Brackets, commas and strokes separate the parts of a name."""
    assert [("arhar",), ("tur",), ("red", "gram"), ("whole",)] == parts_of("Arhar (Tur/Red Gram)(Whole)")


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("chana|china dal", (("chana", "china"), ("dal",))),
        ("china|chana|china", (("chana", "china"),)),
        ("chana | china", (("chana",), ("china",))),
        ("|chana||", (("chana",),)),
        ("| |", ()),
    ],
)
def test_alternatives(text: str, groups: tuple[tuple[str, ...], ...]) -> None:
    """A stroke right between two words makes alternatives of them, sorted and each once."""
    assert groups == groups_of(text)


@given(st.text(st.sampled_from("aBß1İ|ﷺ ़्ाटमक़ऩ\u200d\u0301É-"), max_size=12))
def test_written_again(text: str) -> None:
    """The text of some groups has just these groups."""
    groups = groups_of(text)
    assert groups == groups_of(text_of(groups))
