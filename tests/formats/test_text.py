"""The rule for text that comes in: what is refused by name, what is changed, and which spellings meet."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmlokal.catalog.normalise import name_key, place_key, text_key
from farmlokal.catalog.wire import parse_product
from farmlokal.errors import InvalidRecord
from farmlokal.formats.text import (
    INVISIBLE,
    REFUSED,
    accepted,
    compared,
    plain_cell,
    refusal,
    storable,
    surrogate_refusal,
)

# Words as they are written rightly, and as many write them: Marathi, Malayalam, Bengali, Urdu.
SPELLINGS = [
    ("सातार\u094d\u200dयाचा तांदूळ", "सातार\u094dयाचा तांदूळ"),
    ("തൃശൂര\u0d4d\u200d", "തൃശൂര\u0d4d"),
    ("র\u200d\u09cdযাশন চাল", "র\u09cdযাশন চাল"),
    ("خوش\u200cبو چاول", "خوشبو چاول"),
    ("\u200fپیاز\u200e", "پیاز"),  # noqa: RUF001 - an alef, not an l
    ("Soft\u00adware\u200b Farm\ufeff", "Software Farm"),
]
_NAMED = re.compile(r"must not hold U\+([0-9A-F]{4,6}) \([^)]+\): letters, .* joiners are allowed")
# Texts with more of what the rule is about than chance would have.
_TEXTS = st.text(
    st.one_of(
        st.characters(codec=None),
        st.sampled_from("aBé \u00a0\u2003\u3000\u200b\u200c\u200d\ufeff\t\n\u0000\u0085\u2028\u202e\u2066\u0378\ud800"),
        st.sampled_from("कर्यാൻ্ক"),
    ),
    min_size=1,
    max_size=12,
)


def product(**fields: object) -> dict[str, object]:
    """A product in the wire format with what `fields` says."""
    required = {"external_id": "7", "version": 1, "name": "Okra", "category": "vegetables", "price": "1", "unit": "kg"}
    return {**required, **fields}


@pytest.mark.parametrize(
    ("char", "named"),
    [
        ("\u0000", "U+0000 (a control character)"),
        ("\u0009", "U+0009 (a control character)"),
        ("\u000a", "U+000A (a control character)"),
        ("\u001b", "U+001B (a control character)"),
        ("\u0085", "U+0085 (a control character)"),
        ("\u2028", "U+2028 (a line separator)"),
        ("\u2029", "U+2029 (a paragraph separator)"),
        ("\u202a", "U+202A (LEFT-TO-RIGHT EMBEDDING, a bidirectional control)"),
        ("\u202e", "U+202E (RIGHT-TO-LEFT OVERRIDE, a bidirectional control)"),
        ("\u2067", "U+2067 (RIGHT-TO-LEFT ISOLATE, a bidirectional control)"),
        ("\ud800", "U+D800 (a lone surrogate)"),
        ("\u0378", "U+0378 (not assigned)"),
        ("\uffff", "U+FFFF (not assigned)"),
        ("\U0010ffff", "U+10FFFF (not assigned)"),
    ],
)
@pytest.mark.parametrize("field", ["name", "unit", "farm", "market", "district", "state", "source", "external_id"])
def test_what_is_refused_is_named(char: str, named: str, field: str) -> None:
    """The fault has the field, the code point's number and kind, and what is allowed."""
    with pytest.raises(InvalidRecord) as caught:
        parse_product(product(**{field: f"a{char}b"}), source="feed")
    (fault,) = caught.value.faults
    allowed = "letters, marks, digits, punctuation, symbols, blanks and joiners are allowed"
    assert (field, f"must not hold {named}: {allowed}") == (fault.parameter, fault.detail)
    storable(str(caught.value)).encode()


def test_an_unknown_field_cannot_break_the_message() -> None:
    """A field whose name holds a lone surrogate is refused in words that a database stores."""
    with pytest.raises(InvalidRecord) as caught:
        parse_product(product(**{"a\ud800": 1}), source="feed")
    str(caught.value).encode()


@pytest.mark.parametrize("blank", list("\u00a0\u1680\u2000\u2003\u2007\u200a\u202f\u205f\u3000"))
def test_odd_blanks_become_blanks(blank: str) -> None:
    """Inside a text they are kept as U+0020, at its ends they go."""
    record = parse_product(product(name=f"{blank}Green{blank}peas{blank}", unit=f"kg{blank}"), source="feed")
    assert ("Green peas", "kg") == (record.name, record.unit)


@pytest.mark.parametrize("blank", list("\t\n\r\u2028\u2029\u00a0"))
def test_layout_of_a_cell_is_blank(blank: str) -> None:
    """Tabs and line breaks lay a cell out; other control characters stay there to be refused."""
    assert "a b\u0007" == plain_cell(f"a{blank}b\u0007")


@pytest.mark.parametrize(("right", "plain"), SPELLINGS)
def test_joiners_are_kept_and_not_compared(right: str, plain: str) -> None:
    """What is shown has them; the keys of both spellings are one."""
    record = parse_product(product(name=right, district=right, farm=right), source="feed")
    assert (right, right, right) == (record.name, record.district, record.farm)
    assert (name_key(plain), place_key(plain)) == (name_key(right), place_key(right))


@pytest.mark.parametrize("text", ["\u200d", " \u200c\u00a0", "\ufeff\u00ad"])
def test_nothing_but_joiners_is_no_text(text: str) -> None:
    """A name that nobody sees would have an empty key."""
    with pytest.raises(InvalidRecord, match="name: must hold more than blanks and joiners"):
        parse_product(product(name=text), source="feed")


@pytest.mark.parametrize("text", ["", " ", "\u00a0\u3000", "\t"])
def test_blanks_alone_are_no_text(text: str) -> None:
    """They are cut off, and nothing is too short."""
    with pytest.raises(InvalidRecord, match="name: String should have at least 1 character"):
        parse_product(product(name=text), source="feed")


@given(_TEXTS)
def test_any_text_is_refused_by_name_or_meets_its_other_spelling(text: str) -> None:
    """There is no third: what is refused names a code point of the text, what is not has one key in every spelling."""
    try:
        record = parse_product(product(name=text, district=text), source="feed")
    except InvalidRecord as error:
        details = {fault.detail for fault in error.faults}
        assert 1 == len(details)
        (detail,) = details
        named = _NAMED.fullmatch(detail)
        if named is None:
            assert not compared(text).strip()
        else:
            assert chr(int(named[1], 16)) in text
        return
    assert refusal(record.name) is None
    record.name.encode()
    assert record.name == accepted(record.name)
    for other in (text, compared(record.name), f"\u200d{record.name}\u200c", record.name.replace(" ", "\u00a0")):
        assert (name_key(record.name), place_key(record.name)) == (name_key(other), place_key(other))
    assert name_key(record.name)


@given(st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), max_size=20))
def test_text_without_odd_characters_is_compared_as_before(text: str) -> None:
    """The keys of what is stored already stay as they are: no migration has to make them anew."""
    before = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    assert " ".join(before.split()) == text_key(text)
    assert text.strip() == accepted(text)


@given(st.characters(codec=None))
def test_the_classes_say_what_the_rule_does(char: str) -> None:
    """The expressions that the documents have agree with the code, but for what is not assigned."""
    refused = refusal(char) is not None and unicodedata.category(char) not in ("Cn", "Cs")
    assert refused == (re.fullmatch(f"[{REFUSED}]", char) is not None)
    assert (compared(char) == "") == (re.fullmatch(f"[{INVISIBLE}]", char) is not None)


@pytest.mark.parametrize(
    ("json_text", "found"),
    [
        (r'"\ud800"', "U+D800"),
        (r'"\uDFFF x"', "U+DFFF"),
        (r'"\ud83c\ud83c\udf36"', "U+D83C"),
        (r'"\ud83c\udf36"', None),
        (r'"\\ud800"', None),
        (r'"\n\u0041"', None),
        ("[", None),
    ],
)
def test_a_lone_surrogate_in_json_is_found(json_text: str, found: str | None) -> None:
    """Half of a pair is named; a pair, and a backslash before a `u`, are none."""
    detail = surrogate_refusal(json_text)
    assert found == (None if detail is None else detail.split()[3])
