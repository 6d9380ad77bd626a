"""The districts or the states that there are, by their normal forms, and which of them come near to another text."""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import takewhile

from farmlokal.catalog.search.corrections import Corrections

NEAR_MAX = 3


class Regions:
    """Names by their normal forms. They are only ever added: what was there once is known."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._keys: list[str] = []
        self._corrections = Corrections()

    def __repr__(self) -> str:
        return f"<Regions {len(self)}>"

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, key: str) -> bool:
        return key in self._names

    def learn(self, names: Iterable[tuple[str, str]]) -> None:
        """Know names by their normal forms: pairs of these and the name as it is shown."""
        for key, name in names:
            if key not in self._names:
                self._corrections.add(key)
            self._names[key] = name
        self._keys = sorted(self._names)

    def near(self, key: str) -> list[str]:
        """At most three names that may be meant by `key`, which is none of these.

        They are a slip of the keyboard away, or else have the longest beginning in common with it.
        """
        meant = self._corrections.of(key, self._names.__contains__)
        return [self._names[one] for one in (meant or self._beginning_alike(key))[:NEAR_MAX]]

    def _beginning_alike(self, key: str) -> list[str]:
        at = bisect_left(self._keys, key)
        # What has the most in common with it stands beside the place where it would be.
        chars = max([_in_common(key, one) for one in self._keys[max(0, at - 1) : at + 1]], default=0)
        if not chars:
            return []
        beginning = key[:chars]
        first = bisect_left(self._keys, beginning)
        return [one for one in self._keys[first : first + NEAR_MAX] if one.startswith(beginning)]


def _in_common(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
