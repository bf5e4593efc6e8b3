"""What Kubernetes gets: the manifests of a baked project."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.harness import BakedProject, run

Manifest = dict[str, Any]

OVERLAYS = ["staging", "production"]


@cache
def rendered(project: Path, overlay: str) -> tuple[Manifest, ...]:
    """What `kubectl apply --kustomize` would send for an overlay."""
    text = run("kubectl", "kustomize", project / "deploy/kubernetes/overlays" / overlay).stdout
    return tuple(yaml.safe_load_all(text))


def of_kind(project: BakedProject, overlay: str, kind: str) -> dict[str, Manifest]:
    """The objects of one kind, by name; at least one."""
    found = {
        one["metadata"]["name"]: one
        for one in rendered(project.path, overlay)
        if one["kind"] == kind
    }
    assert found, kind
    return found


def only(project: BakedProject, overlay: str, kind: str) -> Manifest:
    """The one object of a kind."""
    (one,) = of_kind(project, overlay, kind).values()
    return one


def settings(project: BakedProject, overlay: str) -> dict[str, str]:
    """The variables that the pods get."""
    data: dict[str, str] = only(project, overlay, "ConfigMap")["data"]
    return data


def jobs(project: BakedProject, overlay: str) -> Iterator[Manifest]:
    """The Job that each CronJob makes, or `kubectl create job --from`."""
    for one in rendered(project.path, overlay):
        if one["kind"] == "CronJob":
            yield {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": one["metadata"]["name"]},
                "spec": one["spec"]["jobTemplate"]["spec"],
            }


def pods(project: BakedProject, overlay: str) -> dict[str, Manifest]:
    """The pod that each object makes, by the object's name; at least one."""
    makers = [*rendered(project.path, overlay), *jobs(project, overlay)]
    found = {
        one["metadata"]["name"]: {"apiVersion": "v1", "kind": "Pod"} | one["spec"]["template"]
        for one in makers
        if one["kind"] in {"Deployment", "Job"}
    }
    assert found
    return found
