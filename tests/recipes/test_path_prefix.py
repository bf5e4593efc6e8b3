"""The recipe for a service below a path prefix, behind nginx."""

import json
from http.client import HTTPResponse
from pathlib import Path

import pytest

from tests.helpers.nginx import Proxy, run_nginx
from tests.helpers.recipes import RECIPES, RecipeProject, blocks, each_web_api

ORDER = {"items": [{"article": "chair", "quantity": 4, "unit_price": "49.90"}]}


@each_web_api
@pytest.mark.usefixtures("nginx")
def test_a_service_below_a_prefix_is_complete(project: RecipeProject, tmp_path: Path) -> None:
    (page,) = [it for it in blocks(RECIPES / "path-prefix.md") if it.language == "nginx"]
    project.follow("path-prefix")
    folder = tmp_path / "nginx"
    folder.mkdir()
    with run_nginx(page.text, project.port, folder, "example.com", "example.com") as nginx:
        assert request(nginx, "POST /shop/quotes", json.dumps(ORDER))[0] == 200
        status, headers, _ = request(nginx, "GET /shop")
        # nginx adds the port because it is not the default one.
        assert (status, headers["location"]) == (308, f"https://example.com:{nginx.port}/shop/")
        status, headers, _ = request(nginx, "POST /shop/quotes/", json.dumps(ORDER))
        assert (status, headers["location"]) == (307, "https://example.com/shop/quotes")
        assert b'"openapi.json"' in request(nginx, "GET /shop/docs")[2].replace(b"'", b'"')
        assert request(nginx, "GET /shop/docs/assets/swagger-ui.css")[0] == 200
        document = json.loads(request(nginx, "GET /shop/openapi.json")[2])
        assert document["servers"] == [{"url": "/shop"}]
        assert "/quotes" in document["paths"]
        for path in ("metrics", "livez", "readyz"):
            assert request(nginx, f"GET /shop/{path}")[0] == 404
    log = project.paste("docker compose logs --no-log-prefix api")
    routes = {(it.get("route"), it.get("client")) for it in map(json.loads, log.splitlines())}
    assert ("/quotes", "127.0.0.1") in routes


def request(nginx: Proxy, line: str, body: str = "") -> tuple[int, dict[str, str], bytes]:
    """Send a request; return the status, the headers and the body of the response."""
    with nginx.connect() as connection:
        head = f"{line} HTTP/1.1\r\nhost: example.com\r\nconnection: close\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        connection.sendall((head + body).encode())
        response = HTTPResponse(connection)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers, response.read()
