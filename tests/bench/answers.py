"""One answer of the service, taken apart: what it is made of, and where it came from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection

_WAIT_MAX_S = 30
FROM_MEMORY, FROM_REDIS = "detail=memory", "detail=redis"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, header fields in their order, and body."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes

    def field(self, name: str) -> str:
        """The value of a header field, or nothing."""
        return next((value for field, value in self.fields if field.lower() == name.lower()), "")

    @property
    def head_bytes(self) -> int:
        """How long the head is on the wire, but for the reason phrase's spelling."""
        status_line = f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n"
        return len(status_line) + sum(len(name) + len(value) + 4 for name, value in self.fields) + 2


def ask(port: int, target: str, headers: Mapping[str, str] | None = None) -> Answer:
    """The answer of 127.0.0.1:`port` to a GET of `target`."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_WAIT_MAX_S)
    try:
        connection.putrequest("GET", target, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": "bench", **(headers or {})}.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        return Answer(response.status, tuple(response.getheaders()), response.read())
    finally:
        connection.close()


def expect(
    port: int, target: str, headers: Mapping[str, str] | None = None, *, status: int = 200, source: str = FROM_MEMORY
) -> Answer:
    """The answer to the second of two requests. Raises ValueError when it is not what is to be measured.

    status: of the answer. source: what its `Cache-Status` has to say.
    """
    ask(port, target, headers)
    answer = ask(port, target, headers)
    if answer.status != status or source not in answer.field("Cache-Status"):
        told = f"{answer.status}, Cache-Status: {answer.field('Cache-Status')}"
        raise ValueError(f"not to be measured, for {status} from {source} was wanted: {target} {headers or ''}: {told}")
    return answer


def share_from(port: int, targets: Iterable[str], source: str) -> float:
    """How many of the targets are answered from `source`, of 1."""
    found = [source in ask(port, target).field("Cache-Status") for target in targets]
    return sum(found) / len(found)
