import re

from fastapi.testclient import TestClient

from {{ cookiecutter.package_name }}.api.app import create_app
from {{ cookiecutter.package_name }}.settings import Settings


def test_the_page_loads_what_the_service_itself_has_and_nothing_else(client: TestClient) -> None:
    page = client.get("/docs")

    assert page.headers["content-security-policy"].startswith("default-src 'none'; connect-src")
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(addresses) == 4
    for address in addresses:
        answer = client.get(f"/{address}")
        assert answer.status_code == 200
        assert answer.content


def test_there_is_no_other_file(client: TestClient) -> None:
    assert client.get("/docs/..%2f__init__.py").status_code == 404


def test_the_docs_can_be_switched_off() -> None:
    client = TestClient(create_app(Settings(docs=False)))

    for path in "/docs", "/docs/swagger-ui.css", "/openapi.json":
        assert client.get(path).status_code == 404
