"""The pages of a resource of the portal's API: which one comes next."""

from collections.abc import Mapping
from typing import Any

import orjson

from farmlokal.errors import ImportRefused

_REASON_CHARS_MAX = 200


def next_offset(body: bytes, offset: int) -> int | None:
    """The `offset` of the page after the one that was answered with `body`; None where that was the last.

    offset: of that page. A page has as many records as the key may have at once, whatever was asked for. Raises
    ImportRefused where it is no page of the API's, with what the API says.
    """
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ImportRefused("is no answer of the portal's API: it is no JSON") from None
    records = answer.get("records") if isinstance(answer, dict) else None
    if not isinstance(records, list):
        raise ImportRefused(f"is an error of the portal's API: {_reason_in(answer)}")
    total = str(answer.get("total"))
    if not (total.isascii() and total.isdigit() and len(total) < 16):
        raise ImportRefused("is no answer of the portal's API: it has no total")
    after = offset + len(records)
    if after >= int(total):
        return None
    if not records:
        raise ImportRefused(f"has {total} records, and gives no more after {offset}")
    return after


def _reason_in(answer: object) -> str:
    said: Mapping[str, Any] = answer if isinstance(answer, dict) else {}
    reason = said.get("error") or said.get("message") or "it does not say what is wrong"
    return " ".join(str(reason).split())[:_REASON_CHARS_MAX]
