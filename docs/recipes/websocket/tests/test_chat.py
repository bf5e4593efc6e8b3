import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect


def test_every_client_gets_a_message(client: TestClient) -> None:
    with client.websocket_connect("/chat") as ann, client.websocket_connect("/chat") as bob:
        ann.send_text("hello")
        assert [each.receive_text() for each in (ann, bob)] == ["hello", "hello"]


def test_a_page_of_another_origin_is_refused(client: TestClient) -> None:
    headers = {"origin": "https://evil.example"}
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/chat", headers=headers):
        pass
