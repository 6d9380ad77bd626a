"""A partner that gives away what it was told."""

from itertools import count

from aiohttp import web

# In every secret of the audit, and in nothing else.
MARK = "zQ7mark"
MOODS = ("well", "refusing", "redirecting", "rambling", "failing")


class LeakyPartner:
    """A partner that repeats our credentials in whatever it answers. moods: how each path answers from now on."""

    def __init__(self) -> None:
        self.moods = {"/token": "well", "/products": "well"}
        self._numbers = count(1)
        self.asked: set[str] = set()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """One request, to the token endpoint or to the API."""
        mood = self.moods.get(request.path, "well")
        self.asked.add(f"{mood} {request.path}")
        told = f"your credentials are {request.headers.get('Authorization')}; token={MARK}-in-a-body"
        match mood, request.path:
            case "well", "/token":
                token = f"{MARK}-access-token-{next(self._numbers)}"
                return web.json_response({"access_token": token, "token_type": "Bearer", "expires_in": 1})
            case "well", _:
                return web.json_response({"products": [], "next_page_token": None, "as_of": "2026-11-22T10:15:00Z"})
            case "refusing", _:
                content = {"error": "invalid_client", "error_description": told}
                return web.json_response(content, status=401, headers={"WWW-Authenticate": told})
            case "redirecting", _:
                return web.Response(status=302, headers={"Location": f"http://nowhere/?token={MARK}-moved"})
            case "rambling", _:
                return web.json_response({"access_token": told, "products": [{"name": told}], "as_of": told})
        return web.Response(status=500, text=told, reason=f"{MARK}-reason")
