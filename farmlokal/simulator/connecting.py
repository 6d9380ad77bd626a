"""What a service has to be told to have the simulator for its partner."""

from farmlokal.simulator.credentials import CLIENT_ID, CLIENT_SECRET, FEED_SCOPE
from farmlokal.simulator.webhooks import WEBHOOK_PUBLIC_KEY, WEBHOOK_SECRET


def service_settings(base_url: str) -> dict[str, str]:
    """Return the service's settings, by field, for a partner that is the simulator at `base_url`."""
    return {
        "oauth_token_url": f"{base_url}/oauth/token",
        "oauth_client_id": CLIENT_ID,
        "oauth_client_secret": CLIENT_SECRET,
        "oauth_scope": FEED_SCOPE,
        "partner_url": base_url,
        "webhook_secrets": f"{WEBHOOK_SECRET},{WEBHOOK_PUBLIC_KEY}",
    }
