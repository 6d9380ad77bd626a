"""A token endpoint of Authlib's, as a Flask application has it. Prints its URL, and serves until it is ended."""

import json
import os
import sys
from dataclasses import dataclass
from typing import Any

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientCredentialsGrant, ClientMixin
from flask import Flask
from werkzeug.serving import make_server


@dataclass
class Client(ClientMixin):  # type: ignore[misc]
    """A client that may have everything."""

    id: str
    secret: str

    def get_client_id(self) -> str:
        """Its id."""
        return self.id

    def get_allowed_scope(self, scope: str) -> str:
        """What it may have of `scope`."""
        return scope

    def check_client_secret(self, client_secret: str) -> bool:
        """Whether this is its secret."""
        return self.secret == client_secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Whether it may say who it is so."""
        return method in {"client_secret_basic", "client_secret_post"}

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether it may have this grant."""
        return grant_type == "client_credentials"


class Grant(ClientCredentialsGrant):  # type: ignore[misc]
    """The grant, for both methods."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")


def save_token(token: dict[str, Any], request: Any) -> None:
    """Keep nothing: nobody shows the token here."""


clients = {one["id"]: Client(**one) for one in json.loads(sys.argv[1])}
app = Flask(__name__)
server = AuthorizationServer(app, query_client=clients.get, save_token=save_token)
server.register_grant(Grant)
app.post("/token", endpoint="token")(lambda: server.create_token_response())

serving = make_server("127.0.0.1", 0, app)
print(json.dumps({"Authlib": f"http://127.0.0.1:{serving.port}/token"}), flush=True)
serving.serve_forever()
