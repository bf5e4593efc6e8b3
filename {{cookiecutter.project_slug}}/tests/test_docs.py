import re

import pytest
from fastapi.testclient import TestClient

from {{ cookiecutter.package_name }}.app import create_app
from {{ cookiecutter.package_name }}.settings import PREFIX, Settings


def test_the_page_loads_nothing_from_other_hosts() -> None:
    client = TestClient(create_app(Settings(docs=True)))
    page = client.get("/docs").text

    addresses = re.findall(r'(?:src|href|url|origin)(?:=|: | \+ )["\']/?([^"\']+)["\']', page)
    assert len(addresses) == 5
    for address in addresses:
        assert client.get(f"/{address}").status_code == 200


@pytest.mark.usefixtures("read_log")
def test_the_docs_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}DOCS", "false")
    client = TestClient(create_app())

    for path in "/docs", "/docs/assets/swagger-ui.css", "/openapi.json":
        assert not re.search(r'SwaggerUIBundle\(|\.swagger-ui |"paths"', client.get(path).text)
