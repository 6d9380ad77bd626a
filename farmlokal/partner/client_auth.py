"""How a client shows a token endpoint who it is (RFC 6749 section 2.3.1), in the ways that servers read it."""

from base64 import b64encode
from enum import StrEnum
from urllib.parse import quote


class ClientAuth(StrEnum):
    """The methods.

    BASIC: in the Authorization header, id and secret form-encoded first, as the RFC has it: an id may have a colon.
    BASIC_RAW: there, and not encoded, for servers that do not decode. They differ where one of the two has a character
    other than a letter, a digit and `_.-~`. POST: as two fields of the form.
    """

    BASIC = "basic"
    BASIC_RAW = "basic-raw"
    POST = "post"


def header_of(method: ClientAuth, client_id: str, client_secret: str) -> dict[str, str]:
    """Returns the request's header for `method`; none for POST."""
    if method is ClientAuth.POST:
        return {}
    if method is ClientAuth.BASIC:
        # A blank as %20: servers that decode read it so, while some take the form's + for a plus.
        client_id, client_secret = quote(client_id, safe=""), quote(client_secret, safe="")
    return {"Authorization": f"Basic {b64encode(f'{client_id}:{client_secret}'.encode()).decode()}"}


def fields_of(method: ClientAuth, client_id: str, client_secret: str) -> dict[str, str]:
    """Returns the form's fields for `method`; none but for POST."""
    return {"client_id": client_id, "client_secret": client_secret} if method is ClientAuth.POST else {}
