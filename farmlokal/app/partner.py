"""The partner put together from the settings."""

from farmlokal.caching.second_tier import SecondTier
from farmlokal.errors import NotConfigured
from farmlokal.partner.client_auth import ClientAuth
from farmlokal.partner.connection import PartnerConnection
from farmlokal.partner.token_endpoint import ClientCredentials
from farmlokal.settings import Settings, variable
from farmlokal.telemetry.masking import mask_client


def partner_connection(settings: Settings, second: SecondTier | None) -> PartnerConnection:
    """Returns the connection to the partner, as far as it is configured. second: the cache tier of all processes."""
    return PartnerConnection(partner_credentials(settings), settings.partner_url or _unset("partner_url"), second)


def partner_credentials(settings: Settings) -> ClientCredentials | NotConfigured:
    """Returns what the partner's token endpoint knows us by; in its place the error that names a missing setting."""
    url, client_id, secret = settings.oauth_token_url, settings.oauth_client_id, settings.oauth_client_secret
    if url is None:
        return _unset("oauth_token_url")
    if client_id is None:
        return _unset("oauth_client_id")
    if secret is None:
        return _unset("oauth_client_secret")
    mask_client(client_id, secret)
    return ClientCredentials(
        url,
        client_id,
        secret,
        settings.oauth_scope,
        settings.oauth_audience,
        auth=ClientAuth(settings.oauth_client_auth),
        lifetime_s=settings.oauth_token_lifetime_s,
    )


def _unset(field: str) -> NotConfigured:
    return NotConfigured(variable(field))
