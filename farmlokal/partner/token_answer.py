"""What a token endpoint answers, read as servers really write it (RFC 6749 section 5.1 with what they leave out)."""

import re
from typing import Any, NamedTuple

from farmlokal.partner.token import Grant

# What a header can carry (RFC 6750 section 2.1 allows less; some servers hand out more).
_ACCESS_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
_SCOPE_CHARS_MAX = 1000
_DIGITS = re.compile(r"[0-9]{1,12}", re.ASCII)
# A year: a longer lifetime means "never expires" or milliseconds, and is refused.
LIFETIME_MAX_S = 31_536_000


class TokenAnswer(NamedTuple):
    """A grant, or the faults for which there is none. No value is quoted in either: it may be the token.

    notes: what the answer has in another form than the RFC, and what it was taken for
    """

    grant: Grant | None
    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_answer(content: Any, *, asked_scope: str, lifetime_s: float) -> TokenAnswer:
    """Returns what a 200's decoded `content` grants, or every fault of it.

    asked_scope: stands in where the answer names none. lifetime_s: stands in where it does not say how long the token
    lives.
    """
    if not isinstance(content, dict):
        return TokenAnswer(None, ("the answer is no JSON object",))
    reading = _Reading(content)
    access_token = reading.access_token()
    reading.check_type()
    lives_s = reading.lifetime_s(lifetime_s)
    scope = reading.scope(asked_scope)
    faults, notes = tuple(reading.faults), tuple(reading.notes)
    return TokenAnswer(None if faults else Grant(access_token, scope, lives_s), faults, notes)


class _Reading:
    """Reads one member after the other, and gathers what is wrong or odd. What is wrong gives an empty value."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._content = content
        self.faults: list[str] = []
        self.notes: list[str] = []

    def access_token(self) -> str:
        token = self._content.get("access_token")
        if isinstance(token, str) and _ACCESS_TOKEN.fullmatch(token):
            return token
        self.faults.append("access_token is missing, or is not one")
        return ""

    def check_type(self) -> None:
        kind = self._content.get("token_type")
        if kind is None:
            self.notes.append("token_type is missing: taken for Bearer")
        elif not isinstance(kind, str) or kind.lower() != "bearer":
            self.faults.append("token_type is not Bearer")

    def lifetime_s(self, otherwise_s: float) -> float:
        value = self._content.get("expires_in")
        if value is None:
            self.notes.append(f"expires_in is missing: taken for {otherwise_s:.15g} seconds")
            return otherwise_s
        if isinstance(value, str) and _DIGITS.fullmatch(value):
            self.notes.append("expires_in is a text: taken for its number")
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= LIFETIME_MAX_S:
            self.faults.append(f"expires_in is not 1 to {LIFETIME_MAX_S} seconds")
            return 0.0
        return float(value)

    def scope(self, asked: str) -> str:
        value = self._content.get("scope")
        if value is None:
            return asked
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            self.notes.append("scope is a list: taken for its members with spaces between them")
            value = " ".join(value)
        if not isinstance(value, str) or len(value) > _SCOPE_CHARS_MAX:
            self.faults.append("scope is neither a text nor a list of texts")
            return ""
        if missing := set(asked.split()) - set(value.split()):
            self.notes.append(f"scope has {len(missing)} less than was asked for")
        return value
