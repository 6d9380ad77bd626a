"""The alias table: the package's own, and an operator's beside it."""

from collections import Counter
from pathlib import Path

import pytest

from aliases.collecting import read_csv
from farmlokal.catalog.search.aliases import Aliases, AliasesRefused, AliasRow, load_aliases, own_rows, read_aliases
from farmlokal.catalog.search.words import words_of

ROOT = Path(__file__).parents[3]


def _aliases(**meanings: str) -> Aliases:
    return Aliases(AliasRow(alias.replace("_", " "), "en", "Latn", meaning) for alias, meaning in meanings.items())


def test_languages() -> None:
    """The package's table has sixteen languages in eleven scripts, each of them with dozens of aliases."""
    languages = Counter(row.language for row in own_rows())
    scripts = Counter(row.script for row in own_rows())
    assert (16, 11) == (len(languages), len(scripts))
    assert min(languages.values()) > 30


def test_what_people_wrote() -> None:
    """The package's table has every alias that was written by hand, with its meaning."""
    has = {(words_of(row.alias), row.canonical) for row in own_rows()}
    for row in read_csv(ROOT / "aliases/curated.csv"):
        for alias in row["aliases"].split("|"):
            assert words_of(alias) == words_of(row["canonical"]) or (words_of(alias), row["canonical"]) in has, alias


def test_in_order() -> None:
    """The package's table is in order: nothing has two meanings, and what is canonical has no other meaning."""
    assert load_aliases(None)


def test_whole_phrase() -> None:
    """The longest phrase counts, and only as a whole: `bilati baigan` is a tomato, `baigan` alone a brinjal."""
    aliases = _aliases(bilati_baigan="tomato", baigan="brinjal")
    assert ("tomato", "red") == aliases.applied(("bilati", "baigan", "red"))
    assert ("brinjal",) == aliases.applied(("baigan",))
    assert ("bilati",) == aliases.applied(("bilati",))


@pytest.mark.parametrize(
    "meanings",
    [
        {"चना": "chickpea", "चीनी": "sugar"},
        {"दूध": "milk", "दूधी": "bottle gourd"},
        {"ಸೇಬು": "apple", "ಸೀಬೆ": "guava"},
        {"கரும்பு": "sugarcane", "கிராம்பு": "clove"},
        {"କାକୁଡ଼ି": "cucumber", "କୁକୁଡ଼ା": "chicken"},
    ],
    ids=lambda meanings: " and ".join(meanings.values()),
)
def test_vowel_signs(meanings: dict[str, str]) -> None:
    """Words that their vowel signs alone tell apart mean what each of them means."""
    aliases = load_aliases(None)
    assert meanings == {alias: " ".join(aliases.applied(words_of(alias))) for alias in meanings}


@pytest.mark.parametrize(
    ("meaning", "spellings"),
    {
        "tomato": "टमाटर tamatar தக்காளி thakkali takkali",
        "potato": "आलू aloo alu",
        "okra": "भिंडी bhindi bhindee",
        "onion": "प्याज pyaz pyaaz pyaj",
        "spinach": "पालक palak",
        "cauliflower": "गोभी gobhi gobi gobhee",
        "chilli": "मिर्च mirch",
        "brinjal": "बैंगन baingan bengan",
        "green peas": "मटर matar mattar mutter",
        "ginger": "अदरक adrak",
        "garlic": "लहसुन lahsun lehsun",
        "carrot": "गाजर gajar",
    }.items(),
)
def test_typed_in_latin_letters(meaning: str, spellings: str) -> None:
    """A word means the same in its script and as people type it in Latin letters, which few transliterations give."""
    aliases = load_aliases(None)
    assert dict.fromkeys(spellings.split(), meaning) == {
        spelling: " ".join(aliases.applied(words_of(spelling))) for spelling in spellings.split()
    }


def test_canonical_phrase() -> None:
    """A canonical phrase is a phrase itself: the chana of chana dal is not taken for the whole seeds."""
    aliases = _aliases(chana="chickpea", cholar_dal="chana dal")
    assert ("chana", "dal") == aliases.applied(("chana", "dal"))


def test_repeated() -> None:
    """What says one thing twice says it once: Bhindi (Ladies Finger)."""
    assert ("okra",) == _aliases(bhindi="okra", ladies_finger="okra").applied(("bhindi", "ladies", "finger"))


def test_circle() -> None:
    """A table whose replacements would go round in a circle is refused, and says where."""
    with pytest.raises(AliasesRefused, match=r"'lal' means 'red', which itself has another meaning"):
        _aliases(lal="red", red="lal")


def test_operators_table(tmp_path: Path) -> None:
    """An operator's table stands beside the package's, and counts more."""
    path = tmp_path / "aliases.csv"
    path.write_text("alias,language,script,canonical\nlal sona,hi,Latn,tomato\nkanda,mr,Latn,colocasia\n")
    aliases = load_aliases(str(path))
    assert ("tomato",) == aliases.applied(("lal", "sona"))
    assert ("colocasia",) == aliases.applied(("kanda",))
    assert ("okra",) == aliases.applied(("bhindi",))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("alias,canonical\na,b\n", r"t\.csv lacks the columns language, script"),
        ("alias,language,script,canonical\n…,en,Latn,tomato\n", r"must have a letter or a digit"),
    ],
)
def test_refused(tmp_path: Path, text: str, fault: str) -> None:
    """A table with a fault is refused with what is wrong."""
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(AliasesRefused, match=fault):
        load_aliases(str(path))


def test_missing(tmp_path: Path) -> None:
    """A table that is not there is refused by its name."""
    with pytest.raises(AliasesRefused, match=r"nowhere\.csv cannot be read"):
        load_aliases(str(tmp_path / "nowhere.csv"))


def test_blanks() -> None:
    """Blanks around a cell do not count."""
    assert [AliasRow("a b", "en", "Latn", "c")] == read_aliases(
        "alias,language,script,canonical\n a b ,en,Latn, c\n", ""
    )
