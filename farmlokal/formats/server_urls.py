"""URLs of servers, `scheme://user:password@host:port/…`: their parts, and where their passwords stand.

A password may hold any character. Where it is not percent-encoded, `#`, `/` or `?` in it ends the host, so that the URL
means something else or nothing: the rest of the password becomes a path, a parameter or a fragment.
"""

import re
from urllib.parse import SplitResult, parse_qsl, urlsplit

MASK = "***"
_ENCODED = "must have percent-encoded special characters in user and password (# is %23, / is %2F, ? is %3F, @ is %40)"
# A URL may be a wrong one: a password ends at the last @, or where the next parameter begins.
_PASSWORD_PARAMETER = re.compile(r"(?P<before>[?&](?:ssl_|sentinel_)?password=)(?P<password>.*?)(?=&\w+=|$)", re.DOTALL)
_PASSWORD_OF_USER = re.compile(
    r"(?P<before>^(?!(?i:sqlite):///)(?:[\w+.-]*://)?+[^:@]*:)(?P<password>.+)(?=@)", re.DOTALL
)
# Without any @ either the host was forgotten, or what follows the colon is a port.
_PASSWORD_WITHOUT_HOST = re.compile(
    r"(?P<before>^[\w+.-]+://(?!\[[\dA-Fa-f:.]+\])[^:@/?#,]*:)(?P<password>(?!\d*(?:[/?#]|$))[^@,]+)$", re.DOTALL
)


def split_server_url(url: str, form: str, parameters: tuple[str, ...]) -> tuple[SplitResult, dict[str, str]]:
    """Returns the parts of `url` and its parameters; the port is none or one of 1 to 65535, and there is no fragment.

    form: how such a URL is written, for the error. parameters: the names of those that it may have. Raises ValueError,
    whose text is what is allowed, and shows nothing of the URL: Python's own texts may show the password.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(f"{_ENCODED}, and an IPv6 address in brackets: {form}") from None
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = set(options) - set(parameters)
    if _password_ended_the_host(parts, in_query=bool(unknown)):
        raise ValueError(f"{_ENCODED}: {form}")
    if not _has_good_port(parts):
        raise ValueError(f"must have a port of 1 to 65535: {form}")
    if unknown or not all(options.values()):
        *others, last = parameters
        raise ValueError(f"must have no parameters but {', '.join(others)} and {last}, each with a value: {form}")
    return parts, options


def masked_url(url: str) -> str:
    """Returns `url`, which may be a wrong one, without its passwords."""
    for pattern in (_PASSWORD_PARAMETER, _PASSWORD_OF_USER, _PASSWORD_WITHOUT_HOST):
        url = pattern.sub(rf"\g<before>{MASK}", url)
    return url


def passwords_in(url: str) -> list[str]:
    """Returns the passwords in `url` as they are written there."""
    found = []
    for pattern in (_PASSWORD_PARAMETER, _PASSWORD_OF_USER):
        found += [match["password"] for match in pattern.finditer(url)]
        url = pattern.sub(r"\g<before>", url)
    return found


def _password_ended_the_host(parts: SplitResult, *, in_query: bool) -> bool:
    # The @ between password and host then stands behind what seems to be the host. A socket's path, which follows
    # no host, may have one of its own, and so may the files that known parameters name.
    no_host = parts.netloc == "" or (parts.scheme == "unix" and parts.netloc.endswith("@"))
    behind = parts.path + (parts.query if in_query else "")
    return parts.fragment != "" or ("@" in behind and not no_host)


def _has_good_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False
