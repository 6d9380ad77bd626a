"""Signs one message with PyPI's libraries in each spelling of the secret, and reads what the simulator signed.

Reads a request as JSON from standard input, and prints the answer as JSON.
"""

import json
import sys
from datetime import UTC, datetime
from typing import Any

import standardwebhooks
import svix.webhooks

LIBRARIES = {"standardwebhooks (PyPI)": standardwebhooks.Webhook, "svix (PyPI)": svix.webhooks.Webhook}


def signature(library: Any, secret: str, asked: dict[str, Any]) -> str | None:
    """What the library signs the message with; None where it refuses the secret."""
    try:
        return str(library(secret).sign(asked["id"], datetime.fromtimestamp(asked["timestamp"], UTC), asked["body"]))
    except Exception:  # whatever a library of somebody else's may raise
        return None


def verifies(library: Any, received: dict[str, Any]) -> bool:
    """Whether the library takes a delivery for authentic."""
    try:
        library(received["secret"]).verify(received["body"], received["headers"])
    except Exception:  # as above
        return False
    return True


asked = json.load(sys.stdin)
answer = {
    "signatures": {
        name: [signature(library, secret, asked) for secret in asked["secrets"]] for name, library in LIBRARIES.items()
    },
    "verified": {name: [verifies(library, one) for one in asked["received"]] for name, library in LIBRARIES.items()},
}
print(json.dumps(answer))
