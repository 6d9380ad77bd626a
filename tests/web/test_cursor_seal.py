"""Cursors are sealed: what comes back is what went out, and nothing else is taken for it."""

import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmlokal.catalog.normalise import NAME_KEY_CHARS_MAX
from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.forms import CURSOR_CHARS_MAX
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.sorts import SORTS, Position, Sort
from farmlokal.errors import InvalidInput
from tests.catalog.questions import where

OLD_KEY, NEW_KEY = b"the key of last month", b"the key of this month"
SIGNER = CursorSigner([NEW_KEY])
BY_PRICE = ListingQuery(where(category=["fruits"]), SORTS["price"])
BASE64URL = string.ascii_letters + string.digits + "-_"

values = st.text(max_size=64) | st.integers(-(2**63), 2**63 - 1)
positions = st.builds(Position, values, st.integers(-1, 2**63), st.booleans())
sorts = st.sampled_from(list(SORTS.values()))


def refused(token: str, query: ListingQuery = BY_PRICE, signer: CursorSigner = SIGNER) -> str:
    """Why `token` is refused."""
    with pytest.raises(InvalidInput) as caught:
        signer.open(token, query)
    (fault,) = caught.value.faults
    assert "cursor" == fault.parameter
    return fault.detail


@given(positions, sorts, st.integers(1, 100), st.integers(1, 100))
def test_a_sealed_position_comes_back_whole(position: Position, sort: Sort, sealed: int, opened: int) -> None:
    """Opening gives the very position that was sealed; the page's length is no part of it."""
    query = replace(BY_PRICE, sort=sort, limit=sealed)
    token = SIGNER.seal(query, position)
    assert position == SIGNER.open(token, replace(query, limit=opened))
    assert set(token) <= set(BASE64URL)
    assert token == SIGNER.seal(query, position)


@given(positions, st.data())
def test_no_character_can_be_changed(position: Position, data: st.DataObject) -> None:
    """Another character anywhere, one more or one less: refused as none of ours."""
    token = SIGNER.seal(BY_PRICE, position)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(BASE64URL + "+/=%\n").filter(lambda char: char != token[place]))
    for changed in (
        token[:place] + other + token[place + 1 :],
        token[:place] + token[place + 1 :],
        token[:place] + other + token[place:],
        token + other,
    ):
        assert "must be a next_cursor or prev_cursor of this service, unchanged" == refused(changed)


def test_no_character_of_one_cursor_can_be_changed_to_any_other() -> None:
    """The same, for every place and every character, the last one's unused bits included."""
    for name in ("Okra", "Okra!", "Okra!!"):
        token = SIGNER.seal(BY_PRICE, Position(name, 7))
        for place, char in enumerate(token):
            for other in set(BASE64URL + "+/=") - {char}:
                refused(token[:place] + other + token[place + 1 :])


@given(st.text(max_size=200))
def test_arbitrary_text_is_no_cursor(text: str) -> None:
    """Whatever somebody types is refused in words, with at most 40 characters of it repeated."""
    assert "must be a next_cursor or prev_cursor of this service, unchanged" == refused(text)
    with pytest.raises(InvalidInput) as caught:
        SIGNER.open(text, BY_PRICE)
    assert len(caught.value.faults[0].value) <= 41


@pytest.mark.parametrize(
    "other",
    [
        ListingQuery(),
        replace(BY_PRICE, sort=SORTS["-price"]),
        replace(BY_PRICE, filters=where(category=["fruits", "milk"])),
        replace(BY_PRICE, filters=where(category=["fruits"], organic=False)),
    ],
)
def test_a_cursor_opens_for_its_own_question_alone(other: ListingQuery) -> None:
    """A good cursor of another question is told apart from a forged one."""
    token = SIGNER.seal(BY_PRICE, Position(2450, 7))
    assert "must come from a page of the same filters and sort" == refused(token, other)


def test_keys_can_be_rotated() -> None:
    """While the old key is listed its cursors open; new ones are sealed with the new key; then the old are refused."""
    position = Position(2450, 7)
    old = CursorSigner([OLD_KEY]).seal(BY_PRICE, position)
    both = CursorSigner([NEW_KEY, OLD_KEY])
    assert position == both.open(old, BY_PRICE)
    assert SIGNER.seal(BY_PRICE, position) == both.seal(BY_PRICE, position)
    assert "must be a next_cursor or prev_cursor of this service, unchanged" == refused(old)


def test_the_longest_cursor_is_within_the_limit_of_the_parameter() -> None:
    """A name key of the longest kind, every character four bytes or escaped, makes a cursor that can be sent back."""
    for char in ("\U0001f33e", '"', "\\"):
        name = char * NAME_KEY_CHARS_MAX
        token = SIGNER.seal(replace(BY_PRICE, sort=SORTS["name"]), Position(name, 2**63 - 1, backward=True))
        assert len(token) <= CURSOR_CHARS_MAX
