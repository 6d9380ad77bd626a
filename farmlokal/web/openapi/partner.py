"""What the document says of the routes that have to do with the partner: token, sync, webhook."""

from farmlokal.catalog.question.parameter import Form
from farmlokal.partner.sync.run import RunReport, RunState, RunSummary
from farmlokal.web.answers import problems
from farmlokal.web.handlers.partner_token import AccessToken
from farmlokal.web.handlers.sync import FULL, RUN
from farmlokal.web.handlers.webhook import TakenIn
from farmlokal.web.openapi.events import EVENT
from farmlokal.web.openapi.operation import API_KEY, SIGNATURE, Answer, Content, Operation
from farmlokal.web.parameters.parameter import Parameter
from farmlokal.webhooks.signature import EVENT_ID, TIMESTAMP

TAG = "Partner"

_KEY_PROBLEMS = (problems.UNAUTHENTICATED, problems.ACCESS_DENIED)
_TOKEN: AccessToken = {
    "access_token": "5QKZMxvW0000000000000000",
    "token_type": "Bearer",
    "expires_in": 3412,
    "scope": "products:read",
}
_DONE: RunSummary = {
    "run": "35709bfbea13eee8",
    "state": RunState.DONE,
    "full": False,
    "fetched": 2500,
    "created": 2,
    "updated": 40,
    "unchanged": 2457,
    "outdated": 0,
    "deleted": 1,
    "rejected": 0,
    "unknown_categories": 0,
    "pages": 5,
    "duration_s": 0.61,
    "updated_since": "2026-11-22T09:15:00Z",
    "as_of": "2026-11-22T10:15:00Z",
    "started_at": "2026-11-22T10:15:01Z",
    "finished_at": "2026-11-22T10:15:01Z",
}
_RUNNING: RunSummary = {**_DONE, "state": RunState.RUNNING, "finished_at": None, "duration_s": 20.0}
_REPORT: RunReport = {
    **_DONE,
    "rejected": 1,
    "rejects": [{"external_id": "7", "reason": "price: must be a number, not 'free'"}],
}
_TO_RUN = {
    "run": {
        "operationId": "showSync",
        "description": "How the run stands.",
        "parameters": {"run": "$response.body#/run"},
    }
}

SHOW_TOKEN = Operation(
    id="showToken",
    tag=TAG,
    summary="The partner's access token",
    meaning="All callers share one token; `expires_in` is the number of seconds that it is still good for.",
    answers=(
        Answer(
            status=200,
            meaning="The token, in the form of RFC 6749 section 5.1.",
            content=Content(shape=AccessToken, examples={"token": _TOKEN}),
            headers=("Cache-Control",),
        ),
    ),
    problems=(*_KEY_PROBLEMS, problems.NOT_CONFIGURED, problems.PARTNER_FAILED, problems.PARTNER_UNAVAILABLE),
    security=API_KEY,
)


def _start_sync(operation_id: str, summary: str) -> Operation:
    return Operation(
        id=operation_id,
        tag=TAG,
        summary=summary,
        meaning=(
            "Pulls the partner's product feed into the catalogue. There is one run at a time: whoever asks meanwhile"
            " joins it."
        ),
        parameters=(FULL,),
        answers=(
            Answer(
                status=200,
                meaning="The run has ended; its counts.",
                content=Content(shape=RunSummary, examples={"done": _DONE}),
                headers=("Cache-Control",),
                links=_TO_RUN,
            ),
            Answer(
                status=202,
                meaning="The run goes on in the background; `Location` has its address.",
                content=Content(shape=RunSummary, examples={"running": _RUNNING}),
                headers=("Cache-Control", "Location"),
                links=_TO_RUN,
            ),
        ),
        problems=(
            problems.INVALID_PARAMETER,
            *_KEY_PROBLEMS,
            problems.SYNC_FAILED,
            problems.PARTNER_FAILED,
            problems.PARTNER_UNAVAILABLE,
            problems.NOT_CONFIGURED,
            problems.UNAVAILABLE,
            problems.STATEMENT_TIMEOUT,
        ),
        problem_headers={502: ("Location",), 503: ("Location",)},
        security=API_KEY,
    )


START_SYNC = _start_sync("startSync", "Sync with the partner's feed")
START_SYNC_BY_GET = _start_sync("startSyncByGet", "Sync with the partner's feed, for those who cannot POST")

SHOW_SYNC = Operation(
    id="showSync",
    tag=TAG,
    summary="How a run of the sync stands",
    meaning="With the first thousand rows that it rejected, and why. The last hundred runs are remembered.",
    parameters=(RUN,),
    answers=(
        Answer(
            status=200,
            meaning="The run.",
            content=Content(shape=RunReport, examples={"done": _REPORT}),
            headers=("Cache-Control",),
        ),
    ),
    problems=(*_KEY_PROBLEMS, problems.NOT_FOUND, problems.UNAVAILABLE, problems.STATEMENT_TIMEOUT),
    security=API_KEY,
)

_EVENT_ID = Parameter(
    "webhook-id",
    Form(str, {"type": "string", "pattern": f"^{EVENT_ID.pattern}$"}),
    "the event's id: the same again has no second effect",
    "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
    place="header",
    required=True,
)
_TIMESTAMP = Parameter(
    "webhook-timestamp",
    Form(str, {"type": "string", "pattern": f"^{TIMESTAMP.pattern}$"}),
    "when it was sent, in Unix seconds; at most five minutes from now",
    "1795342500",
    place="header",
    required=True,
)

RECEIVE_WEBHOOK = Operation(
    id="receiveWebhook",
    tag=TAG,
    summary="Take in an event of the partner's",
    meaning=(
        "As Standard Webhooks has it: `webhook-signature` signs `webhook-id`, `webhook-timestamp` and the raw body."
        " Where none of the three is there, `svix-id`, `svix-timestamp` and `svix-signature` count."
        " Each event takes effect once, however often it is delivered; one that could not is tried again when it is"
        " delivered again, and when what it needs has come."
    ),
    parameters=(_EVENT_ID, _TIMESTAMP),
    body=EVENT,
    answers=(
        Answer(
            status=200,
            meaning="The event took effect, needs none, or was delivered before.",
            content=Content(
                shape=TakenIn,
                examples={
                    "first": {"duplicate": False, "effect": "placed"},
                    "again": {"duplicate": True, "effect": "placed"},
                    "unknown category": {
                        "duplicate": False,
                        "effect": "created",
                        "category": "other",
                        "unknown_category": "seeds",
                    },
                },
            ),
            headers=("Cache-Control",),
        ),
    ),
    problems=(
        problems.SIGNATURE_REFUSED,
        problems.EVENT_CONFLICT,
        problems.CONTENT_TOO_LARGE,
        problems.UNSUPPORTED_MEDIA_TYPE,
        problems.EVENT_DEAD,
        problems.NOT_CONFIGURED,
        problems.UNAVAILABLE,
    ),
    security=SIGNATURE,
    limited=False,
)
