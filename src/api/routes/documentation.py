"""The pages that show the API, without anything from another server."""

import asyncio
from functools import lru_cache
from http import HTTPStatus
from importlib.resources import files
from typing import Final

from starlette.requests import Request

from api.answers import Answer, encode
from api.operations import Operation
from api.problems import Problem
from api.queries import read_query

_TYPES: Final = {
    "favicon.png": b"image/png",
    "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
    "swagger-ui.css": b"text/css; charset=utf-8",
}
# Swagger UI sets style attributes; scripts come from this server's files alone.
_CSP: Final = (
    b"content-security-policy",
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'",
)
_PAGE: Final = b"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>stockledger API</title>
<link rel="icon" type="image/png" href="/docs/favicon.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""
_START: Final = b"""window.ui = SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  validatorUrl: null,
});
"""


async def get_docs(request: Request) -> Answer:
    """The page."""
    read_query(request, ())
    return Answer(HTTPStatus.OK, _PAGE, (_CSP,), b"text/html; charset=utf-8")


async def get_docs_file(request: Request) -> Answer:
    """A file of the page."""
    read_query(request, ())
    name = request.path_params["name"]
    if name == "start.js":
        return Answer(HTTPStatus.OK, _START, (_CSP,), b"text/javascript; charset=utf-8")
    if name not in _TYPES:
        raise Problem("not_found", "there is no such file")
    return Answer(HTTPStatus.OK, _file(name), (_CSP,), _TYPES[name])


async def get_openapi(request: Request) -> Answer:
    """The API's description for machines."""
    read_query(request, ())
    # Beside the event loop, for the first time it is made.
    return Answer(HTTPStatus.OK, encode(await asyncio.to_thread(request.app.openapi)))


@lru_cache(maxsize=len(_TYPES))
def _file(name: str) -> bytes:
    """A file of Swagger UI as the package `fastapi-offline` carries it; only names of the table."""
    return files("fastapi_offline").joinpath("static", name).read_bytes()


# Not part of the API's own description.
OPERATIONS: Final = (
    Operation("GET", "/docs", get_docs, "docs", "docs", "The API as a page", {}),
    Operation("GET", "/docs/{name}", get_docs_file, "docsFile", "docs", "A file of it", {}),
    Operation("GET", "/openapi.json", get_openapi, "openapi", "docs", "The description", {}),
)
