from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families


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


def test_what_is_in_flight_the_build_and_the_process_are_shown(client: TestClient) -> None:
    found = samples(client)

    assert found["http_requests_in_flight", "/metrics"] == 1
    assert found["process_resident_memory_bytes",] > 1_000_000
    assert [value for name, value in found.items() if name[0] == "application_build_info"] == [1]


def test_random_paths_and_methods_add_no_series(client: TestClient) -> None:
    client.request("BREW", "/coffee")
    before = set(samples(client))

    for number in range(50):
        client.request(f"BREW{number}", f"/coffee/{number}")

    assert set(samples(client)) == before
