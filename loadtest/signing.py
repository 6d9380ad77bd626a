"""Signing deliveries by the Standard Webhooks specification (version 1.0.0), with the standard library alone."""

import base64
import hashlib
import hmac


def signed_headers(secret: str, event_id: str, timestamp_s: int, body: str) -> dict[str, str]:
    """The headers of one delivery of `body`. secret: `whsec_` and the key in base64. timestamp_s: Unix time."""
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    mac = hmac.digest(key, f"{event_id}.{timestamp_s}.{body}".encode(), hashlib.sha256)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
        "Content-Type": "application/json",
    }
