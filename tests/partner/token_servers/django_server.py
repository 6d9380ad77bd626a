"""The token endpoint of django-oauth-toolkit. Prints its URL, and serves until it is ended."""

import json
import sys
from wsgiref.simple_server import make_server

import django
from django.conf import settings

_clients, _scope = json.loads(sys.argv[1]), sys.argv[2]
settings.configure(
    SECRET_KEY="for the tests",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "oauth2_provider"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    OAUTH2_PROVIDER={"SCOPES": {_scope: "what is asked for"}},
    USE_TZ=True,
)
django.setup()

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.urls import include, path
from oauth2_provider.models import Application

urlpatterns = [path("o/", include("oauth2_provider.urls"))]
call_command("migrate", verbosity=0)
for _client in _clients:
    Application.objects.create(
        client_id=_client["id"],
        client_secret=_client["secret"],
        client_type=Application.CLIENT_CONFIDENTIAL,
        authorization_grant_type=Application.GRANT_CLIENT_CREDENTIALS,
    )
serving = make_server("127.0.0.1", 0, get_wsgi_application())
print(json.dumps({"django-oauth-toolkit": f"http://127.0.0.1:{serving.server_port}/o/token/"}), flush=True)
serving.serve_forever()
