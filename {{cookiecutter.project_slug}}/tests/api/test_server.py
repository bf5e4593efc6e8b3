import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from {{ cookiecutter.package_name }}.api import server
from {{ cookiecutter.package_name }}.environment import PREFIX
from {{ cookiecutter.package_name }}.settings import Settings

type Calls = list[tuple[Any, dict[str, Any]]]


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    """What Uvicorn would have served, and how; what `serve` does to the process is undone."""
    calls: Calls = []
    monkeypatch.setattr(uvicorn, "run", lambda app, **options: calls.append((app, options)))
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setitem(os.environ, "PROMETHEUS_MULTIPROC_DIR", "")
    interval = sys.getswitchinterval()
    yield calls
    sys.setswitchinterval(interval)
    gc.unfreeze()


def test_one_worker_serves_in_this_process(calls: Calls) -> None:
    server.serve(Settings(port=8123, grace_seconds=20, drain_seconds=5))

    ((app, options),) = calls
    assert isinstance(app, FastAPI)
    assert options["port"] == 8123
    assert options["timeout_graceful_shutdown"] == 15
    assert not options["proxy_headers"]


def test_several_workers_make_their_own_applications_and_share_a_folder(calls: Calls) -> None:
    server.serve(Settings(workers=3, trusted_proxies=("10.0.0.1",)))

    ((app, options),) = calls
    assert (app, options["factory"], options["workers"]) == (server.WORKER, True, 3)
    assert options["forwarded_allow_ips"] == ["10.0.0.1"]
    shared = os.environ["PROMETHEUS_MULTIPROC_DIR"]
    assert shared
    assert not Path(shared).exists()


@pytest.mark.usefixtures("calls")
def test_a_worker_reads_the_settings_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}REQUEST_SECONDS", "7")

    assert server.worker().state.settings.request_seconds == 7
