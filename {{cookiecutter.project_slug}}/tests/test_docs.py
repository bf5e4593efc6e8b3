import re

from fastapi.testclient import TestClient

from {{ cookiecutter.package_name }}.app import create_app
from {{ cookiecutter.package_name }}.settings import Settings


def test_the_page_loads_only_what_the_service_has(client: TestClient) -> None:
    page = client.get("/docs").text

    addresses = re.findall(r'(?:src|href|url)(?:=|: )["\']([^"\']+)["\']', page)
    assert len(addresses) == 4
    for address in addresses:
        assert client.get(f"/{address}").status_code == 200


def test_the_docs_can_be_switched_off() -> None:
    client = TestClient(create_app(Settings(docs=False)))

    for path in "/docs", "/docs/assets/swagger-ui.css", "/openapi.json":
        assert client.get(path).status_code == 404
