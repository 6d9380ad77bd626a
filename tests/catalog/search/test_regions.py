"""Names of districts and states, and what is meant by one that is none of them."""

import pytest

from farmlokal.catalog.normalise import place_key
from farmlokal.catalog.search.regions import Regions

NAMES = {
    one.lower(): one
    for one in ("Assam", "Andhra Pradesh", "Bihar", "Goa", "Madhya Pradesh", "Maharashtra", "Mizoram", "West Bengal")
}


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("maharastra", ["Maharashtra"]),
        ("maharahstra", ["Maharashtra"]),
        ("west bangal", ["West Bengal"]),
        ("madhya", ["Madhya Pradesh"]),
        ("atlantis", ["Andhra Pradesh", "Assam"]),
        ("mysore", ["Madhya Pradesh", "Maharashtra", "Mizoram"]),
        ("zion", []),
        ("पुणे", []),
    ],
)
def test_what_may_be_meant(key: str, near: list[str]) -> None:
    """A slip of the keyboard has what is meant, any other text what begins as it does, at most three of them."""
    regions = Regions()
    regions.learn(NAMES.items())
    assert near == regions.near(key)


def test_a_state_as_iso_3166_writes_it_is_meant_first() -> None:
    """Packages have the standard's names of India's states, with macrons, and their users ask for these."""
    written = (
        *("Arunāchal Pradesh", "Bihār", "Chandīgarh", "Chhattīsgarh", "Dādra and Nagar Haveli and Damān and Diu"),
        *("Gujarāt", "Haryāna", "Himāchal Pradesh", "Jammu and Kashmīr", "Jhārkhand", "Karnātaka", "Ladākh"),
        *("Mahārāshtra", "Meghālaya", "Nāgāland", "Rājasthān", "Tamil Nādu", "Telangāna", "Uttarākhand"),
    )
    others = ("Andhra Pradesh", "Assam", "Delhi", "Goa", "Kerala", "Madhya Pradesh", "Manipur", "Mizoram", "Odisha")
    plain = {name: name.translate(str.maketrans("āī", "ai")) for name in (*written, *others)}
    regions = Regions()
    regions.learn((place_key(name), name) for name in plain.values())
    assert [plain[name] for name in written] == [regions.near(place_key(name))[0] for name in written]


def test_nothing_is_near_where_there_is_nothing() -> None:
    """An empty catalogue has no names to offer."""
    assert [] == Regions().near("assam")


def test_what_is_learnt_again_is_known_once() -> None:
    """Places are read again and again: the last spelling is shown."""
    regions = Regions()
    regions.learn([("assam", "ASSAM")])
    regions.learn([("assam", "Assam"), ("goa", "Goa")])
    assert (2, ["Assam"]) == (len(regions), regions.near("asam"))
    assert "goa" in regions
