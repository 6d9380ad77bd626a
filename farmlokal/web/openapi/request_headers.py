"""Request headers that the document names as parameters. None of them makes a request wrong, save `If-Match`."""

from farmlokal.catalog.question.parameter import Form
from farmlokal.web.parameters.parameter import Parameter

_TEXT = Form(str, {"type": "string"})

REQUEST_ID = Parameter(
    "X-Request-ID", _TEXT, "the request's id, kept where it matches `[\\w.-]{1,64}`", "9aa16a6291566ede", place="header"
)
ACCEPT_ENCODING = Parameter(
    "Accept-Encoding",
    _TEXT,
    "the content codings that are wanted, with their weights",
    "br, gzip;q=0.8",
    place="header",
)
IF_NONE_MATCH = Parameter(
    "If-None-Match", _TEXT, "entity-tags of what the client has: 304 where one still holds", '"4f0c"', place="header"
)
IF_MATCH = Parameter("If-Match", _TEXT, "entity-tags of which one must be the answer's, else 412", "*", place="header")
ANYWHERE = (REQUEST_ID,)
CACHED = (ACCEPT_ENCODING, IF_NONE_MATCH, IF_MATCH)
