"""The recipes for large files, events and WebSockets."""

import re
import time

from tests.helpers.recipes import RecipeProject, each_web_api

CLIENTS = """
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

url = "ws://localhost:8000/chat"
with connect(url) as ann, connect(url) as bob:
    ann.send("hello")
    print(ann.recv(), bob.recv())
    try:
        bob.recv(timeout=20)
    except ConnectionClosed as error:
        print(error.rcvd.code)
"""


@each_web_api
def test_large_files_need_little_memory(project: RecipeProject) -> None:
    project.follow("files")
    project.paste("truncate --size 950M large.bin")
    upload = "curl --silent --request POST --upload-file large.bin localhost:8000/files"
    stored = project.paste(f"{upload} | cut -d '\"' -f 4").strip()
    size = project.paste(
        f"curl --silent --range 949999999- localhost:8000/files/{stored} | wc --bytes"
    )
    memory = project.paste("docker compose exec --no-TTY api grep VmHWM /proc/1/status")

    assert int(size) == 950 * 1024**2 - 949_999_999
    assert int(re.findall(r"\d+", memory)[0]) < 150_000
    project.paste("truncate --size 1100M large.bin")
    code = "--output /dev/null --write-out '%{http_code}'"
    assert project.paste(f"{upload} {code}") == "413"
    files = project.paste("ls files").split()
    assert len(files) == 2
    assert stored in files


@each_web_api
def test_events_reach_all_clients(project: RecipeProject) -> None:
    project.follow("sse")
    # The streams of several clients, one of which has disconnected.
    listen = "curl --silent --no-buffer --max-time {} localhost:8000/news/events || true"
    streams = f"({listen.format(1)}) & ({listen.format(4)}) & ({listen.format(4)}) & sleep 2"
    publish = (
        "curl --silent --header Content-Type:application/json localhost:8000/news"
        ' --data \'{"text": "news"}\''
    )
    output = project.paste(f"{streams}; {publish}; wait")

    assert output.count('data: {"text":"news"}') == 2


@each_web_api
def test_messages_reach_all_clients_until_the_service_stops(project: RecipeProject) -> None:
    project.follow("websocket")
    path = project.baked.path.parent / "client.py"
    path.write_text(CLIENTS.replace(":8000", f":{project.port}"))
    started = time.monotonic()
    output = project.paste(f"python {path} & sleep 2; make stop > stopped; wait")

    assert output.splitlines() == ["hello hello", "1012"]
    # The service does not wait for the clients.
    assert time.monotonic() - started < 15
