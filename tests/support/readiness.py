"""What a ready service says of what it depends on."""

from typing import Any

from tests.support.raw_requests import ask
from tests.support.waiting import WAIT_MAX_S, eventually

Report = dict[str, Any]


async def reported(
    port: int, dependency: str, *, state: str | None = None, reason: str = "", wait_max_s: float = WAIT_MAX_S
) -> Report:
    """What `/readyz` says of a dependency, once it has this state, where one is given, and this in its reason.

    Never what it says at once: a report is kept for a second, and on a busy machine whatever is asked may be slow, or
    not answer in time, before it says what it has to say.
    """

    async def look() -> Report:
        answer = await ask(port, "/readyz")
        assert 200 == answer.status
        report: Report = answer.json()["dependencies"][dependency]
        return report

    def is_it(report: Report) -> bool:
        return state in (None, report["state"]) and reason in report.get("reason", "")

    return await eventually(look, is_it, wait_max_s)
