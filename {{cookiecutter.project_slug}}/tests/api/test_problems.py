from fastapi import FastAPI
from fastapi.testclient import TestClient

from {{ cookiecutter.package_name }}.api import problems


def test_a_path_that_is_not_there_is_a_problem_document(client: TestClient) -> None:
    answer = client.get("/nowhere")

    assert answer.headers["content-type"] == problems.MEDIA_TYPE
    assert answer.json() == {
        "request_id": answer.headers["x-request-id"],
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "Not Found",
        "errors": [],
    }


def test_a_method_that_is_not_allowed_tells_those_that_are(client: TestClient) -> None:
    answer = client.delete("/livez")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    assert answer.json()["title"] == "Method Not Allowed"


def test_a_failure_tells_the_client_nothing_about_the_code(app: FastAPI) -> None:
    @app.get("/fail")
    async def fail() -> None:
        raise RuntimeError("the password is hunter2")

    answer = TestClient(app, raise_server_exceptions=False).get("/fail")

    assert answer.status_code == 500
    assert answer.json()["detail"] == "The service failed; its log says more."
