"""The documentation of the API, with Swagger UI from a package: it needs no other host."""

import json
from functools import cache
from html import escape
from importlib.resources import files

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
POLICY = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data:; script-src 'self'; "
    "style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Relative addresses: the page works behind a proxy that puts a prefix before its path, too.
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START = """SwaggerUIBundle({
    url: "openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    tryItOutEnabled: true,
});
"""

router = APIRouter(include_in_schema=False)


@router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """Answer with the OpenAPI document."""
    return Response(json.dumps(request.app.openapi()), media_type="application/json")


@router.get("/docs")
async def page(request: Request) -> HTMLResponse:
    """Answer with the page that shows the document."""
    html = PAGE.format(title=escape(request.app.title))
    return HTMLResponse(html, headers={"content-security-policy": POLICY})


@router.get("/docs/start.js")
async def start() -> Response:
    """Answer with the script of the page: its policy allows none within it."""
    return Response(START, media_type="text/javascript")


@router.get("/docs/{name}")
async def asset(name: str) -> Response:
    """Answer with a file of Swagger UI."""
    if name not in ASSETS:
        raise HTTPException(404)
    content = await run_in_threadpool(_read, name)
    return Response(content, media_type=ASSETS[name], headers={"cache-control": "max-age=3600"})


@cache
def _read(name: str) -> bytes:
    return (files("fastapi_swagger") / "resources" / name).read_bytes()
