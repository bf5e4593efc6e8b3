from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient


@pytest.fixture(autouse=True)
def folder(app: FastAPI, tmp_path: Path) -> Path:
    """Return the folder of all files."""
    folder = tmp_path / "files"
    folder.mkdir()
    app.state.settings.files_dir = folder
    return folder


def test_a_file_comes_back_whole_or_in_part(client: TestClient, folder: Path) -> None:
    stored = client.post("/files", content=b"0123456789").json()
    path = f"/files/{stored['id']}"

    assert stored["size"] == 10
    assert client.get(path).content == b"0123456789"
    assert client.get(path, headers={"range": "bytes=5-"}).content == b"56789"
    assert [file.name for file in folder.iterdir()] == [stored["id"]]


def test_a_file_that_is_too_large_leaves_nothing(client: TestClient, folder: Path) -> None:
    headers = {"content-length": "1000000001"}

    assert client.post("/files", content=b"x", headers=headers).status_code == 413
    assert [*folder.iterdir()] == []


@pytest.mark.parametrize("name", ["00000000-0000-4000-8000-000000000000", "..%2fsecret"])
def test_an_unknown_file_is_not_found(client: TestClient, name: str) -> None:
    assert client.get(f"/files/{name}").status_code in {404, 422}
