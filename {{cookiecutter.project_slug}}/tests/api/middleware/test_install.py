from fastapi import FastAPI
from fastapi.testclient import TestClient

from {{ cookiecutter.package_name }}.api.app import create_app
from {{ cookiecutter.package_name }}.settings import Settings

ORIGIN = {"origin": "https://shop.example"}


def test_every_answer_has_the_security_headers(client: TestClient) -> None:
    for path in ("/livez", "/nowhere", "/openapi.json"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_an_answer_keeps_the_headers_that_it_sets_itself(client: TestClient) -> None:
    headers = client.get("/docs/swagger-ui.css").headers

    assert headers.get_list("cache-control") == ["max-age=3600"]


def test_no_other_origin_may_read_an_answer(client: TestClient) -> None:
    assert "access-control-allow-origin" not in client.get("/livez", headers=ORIGIN).headers


def test_an_origin_that_is_named_may_read_answers(app: FastAPI) -> None:
    app = create_app(Settings(cors_origins=(ORIGIN["origin"],)))

    answer = TestClient(app).get("/livez", headers=ORIGIN)

    assert answer.headers["access-control-allow-origin"] == ORIGIN["origin"]
