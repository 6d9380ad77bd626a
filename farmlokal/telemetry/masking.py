"""Keeping secrets out of logs, traces and messages: the values that are known, and whatever looks like a credential."""

import json
import re
from base64 import b64encode
from collections import deque
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

from structlog.typing import EventDict, WrappedLogger

MASK = "***"
# A shorter one is part of ordinary words, and a reader of the log can guess it anyway.
_CHARS_MIN = 6
# A password that is our own name is no secret, and would blot out the name of every logger.
_OUR_NAME = "farmlokal"
# Access tokens come and go; one that was replaced may still be quoted for as long as a call takes.
_TOKENS_KEPT = 32
# In a field, a nested one too: what stands under such a name is a credential whatever it looks like.
_CREDENTIAL_NAME = re.compile(
    r"authorization|cookie|passw(or)?d|secret|signature|credential|private_?key|(^|[_-])token$|api[_-]?key",
    re.IGNORECASE,
)
# In running text: an authorisation scheme, a password in a URL, a webhook secret, name=value and name: value.
_CREDENTIAL_TEXT = re.compile(
    r"""(?P<before>
        \b(?:bearer|basic)[ ](?=[\w~+/.-]{8})
      | ://[^\s:/@"']*:(?=[^\s/@"']+@)
      | (?:password|passwd|secret(?:[_-]?keys?)?|token|api[_-]?keys?|signature|authorization)["']?(?:=|:[ ]?)["']?
        (?!\**["'\s,}]|bearer|basic|null|none)
      | \bwhsec_
    )(?P<value>[^\s"'@&,;}\\]+)""",
    re.IGNORECASE | re.VERBOSE,
)
# One of these stands in whatever the pattern finds. Most lines have none, and looking for them costs a tenth of it.
_CREDENTIAL_HINTS = ("token", "secret", "://", "bearer", "basic", "passw", "api", "signature", "authorization", "whsec")
_DEPTH_MAX = 6

_lasting: set[str] = set()
_tokens: deque[str] = deque(maxlen=_TOKENS_KEPT)
_known: re.Pattern[str] | None = None


def mask_values(secrets: Iterable[str]) -> None:
    """From here on none of `secrets` stands in what this process logs, in whichever spelling. They are never forgotten.

    Values of less than six characters are not looked for: they are part of ordinary words.
    """
    _lasting.update(secrets)
    _compile()


def mask_token(token: str) -> None:
    """The same for an access token; the last 32 are remembered."""
    if token not in _tokens:
        _tokens.append(token)
        _compile()


def mask_client(client_id: str, secret: str) -> None:
    """The same for a client's secret, also as a header has it that signs the client in (RFC 6749 section 2.3.1)."""
    pairs = (f"{client_id}:{secret}", f"{quote(client_id, safe='')}:{quote(secret, safe='')}")
    mask_values((secret, *(b64encode(pair.encode()).decode() for pair in pairs)))


def masked(text: str) -> str:
    """`text` without the secrets that this process knows."""
    return text if _known is None else _known.sub(MASK, text)


def masked_line(line: str) -> str:
    """A whole log line without what is known, and without what looks like a credential."""
    line = masked(line)
    lower = line.lower()
    if any(hint in lower for hint in _CREDENTIAL_HINTS):
        return _CREDENTIAL_TEXT.sub(rf"\g<before>{MASK}", line)
    return line


def mask_credential_fields(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A structlog processor: no text stands under a name that a credential has."""
    for name, value in event.items():
        if isinstance(value, (str, bytes)):
            if _names_credential(name):
                event[name] = MASK
        elif isinstance(value, (dict, list, tuple)) and not name.startswith("_"):
            event[name] = _searched(name, value, _DEPTH_MAX)
    return event


def _searched(name: str, value: Any, depth: int) -> Any:
    if isinstance(value, (str, bytes)):
        return MASK if _names_credential(name) else value
    if not depth:
        return "…" if isinstance(value, (dict, list, tuple)) else value
    if isinstance(value, dict):
        return {key: _searched(str(key), part, depth - 1) for key, part in value.items()}
    if isinstance(value, (list, tuple)) and name != "exc_info":
        return [_searched(name, part, depth - 1) for part in value]
    return value


@lru_cache(maxsize=1024)
def _names_credential(name: str) -> bool:
    return _CREDENTIAL_NAME.search(name) is not None


def _compile() -> None:
    global _known
    spellings = {spelling for secret in (*_lasting, *_tokens) if _is_telling(secret) for spelling in _spellings(secret)}
    # The longest first: one secret may be the beginning of another.
    ordered = sorted(spellings, key=len, reverse=True)
    _known = re.compile("|".join(map(re.escape, ordered))) if ordered else None


def _is_telling(secret: str) -> bool:
    return len(secret) >= _CHARS_MIN and secret.lower() not in _OUR_NAME


def _spellings(secret: str) -> set[str]:
    """How `secret` may be written: as it is, in a URL, in JSON, as Python shows a text, and any of these in JSON."""
    first = {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        repr(secret.encode("utf-8", "surrogateescape"))[2:-1],
    }
    return first | {json.dumps(spelling)[1:-1] for spelling in first}
