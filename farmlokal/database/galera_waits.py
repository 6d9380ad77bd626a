"""Whether a Galera node may hold a read up for longer than our statements may run."""

import re

from farmlokal.database.interface import Database
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# With 1 among its bits, a SELECT waits until the node has applied what the cluster committed before.
_OF_READS = 1
# ISO 8601, as Galera writes it: PT30S, PT1M30S, PT0.5S.
_TIMEOUT = re.compile(r"repl\.causal_read_timeout = PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?;")


async def warn_of_long_waits(database: Database, *, statement_limit_s: float) -> None:
    """Log where reads may wait for the cluster beyond our limit: no statement limit of the server ends that wait."""
    if database.dialect.name != "mysql":
        return
    found: dict[str, str] = dict(
        await database.fetch_unlimited(
            "SHOW SESSION VARIABLES WHERE variable_name IN ('wsrep_sync_wait', 'wsrep_provider_options')"
        )
    )
    timeout_s = causal_read_timeout_s(found.get("wsrep_provider_options", ""))
    if int(found.get("wsrep_sync_wait", 0)) & _OF_READS and timeout_s > statement_limit_s:
        _log.warning(
            "a Galera node may hold reads up for longer than a statement may run: lower repl.causal_read_timeout",
            causal_read_timeout_s=timeout_s,
            statement_limit_s=statement_limit_s,
        )


def causal_read_timeout_s(provider_options: str) -> float:
    """The seconds of `repl.causal_read_timeout` in `wsrep_provider_options`; 0 where there is none."""
    found = _TIMEOUT.search(provider_options)
    if found is None:
        return 0.0
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds
