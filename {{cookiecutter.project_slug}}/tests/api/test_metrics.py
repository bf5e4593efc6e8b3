import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client import ProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from {{ cookiecutter.package_name }}.api.metrics import Workers


def samples(client: TestClient) -> dict[tuple[str, ...], float]:
    """The samples of /metrics, by their names and the values of their labels."""
    text = client.get("/metrics").text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_requests_are_counted_and_timed_by_route_and_class_of_status(client: TestClient) -> None:
    before = samples(client)
    client.get("/livez")
    client.get("/nowhere")
    after = samples(client)

    for labels in ("GET", "/livez", "2xx"), ("GET", "none", "4xx"):
        for name in "http_requests_total", "http_request_duration_seconds_count":
            assert after[name, *labels] == before.get((name, *labels), 0) + 1


def test_what_is_in_flight_is_shown(client: TestClient, finish: Callable[[], int]) -> None:
    assert samples(client)["http_requests_in_flight", "/wait"] == 1
    finish()
    assert samples(client)["http_requests_in_flight", "/wait"] == 0


def test_the_build_and_the_process_are_shown(client: TestClient) -> None:
    found = samples(client)

    assert found["process_resident_memory_bytes",] > 1_000_000
    assert [value for name, value in found.items() if name[0] == "application_build_info"] == [1]


def test_random_paths_and_methods_add_no_series(client: TestClient) -> None:
    client.request("BREW", "/coffee")
    before = set(samples(client))

    for number in range(50):
        client.request(f"BREW{number}", f"/coffee/{number}")

    assert set(samples(client)) == before


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="Only Linux has /proc")
def test_the_processes_of_workers_are_added_up_and_dead_ones_forgotten(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    for pid in os.getpid(), os.getppid(), dead.pid:
        (tmp_path / f"counter_{pid}.db").touch()
    forgotten = tmp_path / f"gauge_livesum_{dead.pid}.db"
    forgotten.touch()

    found = {metric.name: metric.samples[0].value for metric in Workers(str(tmp_path)).collect()}

    one = {
        metric.name: metric.samples[0].value for metric in ProcessCollector(registry=None).collect()
    }
    assert found["process_resident_memory_bytes"] > one["process_resident_memory_bytes"]
    assert found["process_start_time_seconds"] <= one["process_start_time_seconds"]
    assert not forgotten.exists()
