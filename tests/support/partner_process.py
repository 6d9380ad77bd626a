"""The partner simulator in a process of its own."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from farmlokal.simulator.credentials import CLIENT_ID, CLIENT_SECRET
from tests.support.command import developers, running
from tests.support.service import SECRET_KEY

# 5 % of the requests for a page meet one of these. A hang costs the client's whole attempt, 5 s: seldom.
FAULTS: Sequence[dict[str, Any]] = (
    {"kind": "status", "status": 503, "rate": 0.012},
    {"kind": "status", "status": 500, "rate": 0.01},
    {"kind": "status", "status": 429, "retry_after_s": 1, "rate": 0.005},
    {"kind": "refuse", "rate": 0.006},
    {"kind": "reset", "rate": 0.006},
    {"kind": "truncated", "rate": 0.006},
    {"kind": "revoke", "rate": 0.004},
    {"kind": "hang", "rate": 0.001},
)


class PartnerProcess:
    """The simulator at `url`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def control(self, path: str, content: Any = None) -> Any:
        """What a control route answers to `content`, or to a GET without."""
        body = None if content is None else json.dumps(content).encode()
        with urlopen(Request(f"{self.url}/control/{path}", data=body), timeout=10) as response:  # noqa: S310
            return json.loads(response.read() or b"null")

    def fail(self, faults: Sequence[dict[str, Any]], seed: int = 1) -> None:
        """Put `faults` in force for the feed."""
        self.control("faults", {"faults": [{"route": "GET /products", **fault} for fault in faults], "seed": seed})

    def environment(self, folder: Path, database_url: str) -> dict[str, str]:
        """The environment of a machine that syncs with this partner."""
        return developers(folder) | {
            "FARMLOKAL_DATABASE_URL": database_url,
            "FARMLOKAL_SECRET_KEY": SECRET_KEY,
            "FARMLOKAL_OAUTH_TOKEN_URL": f"{self.url}/oauth/token",
            "FARMLOKAL_OAUTH_CLIENT_ID": CLIENT_ID,
            "FARMLOKAL_OAUTH_CLIENT_SECRET": CLIENT_SECRET,
            "FARMLOKAL_PARTNER_URL": self.url,
        }


@contextmanager
def partner_process(folder: Path, products: int) -> Iterator[PartnerProcess]:
    """A partner of `products` rows until the block ends."""
    arguments = ("partner", "--port", "0", "--products", str(products))
    with running(developers(folder), folder, *arguments) as process:
        assert process.stdout is not None
        greeting = process.stdout.readline().split()
        yield PartnerProcess(next(word for word in greeting if word.startswith("http://")).rstrip("."))
