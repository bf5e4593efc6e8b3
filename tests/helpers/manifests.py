"""The Kubernetes manifests of a baked project, as kustomize renders them."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.helpers.harness import BakedProject, run

Manifest = dict[str, Any]

OVERLAYS = ["staging", "production"]


@cache
def rendered(project: Path, overlay: str) -> tuple[Manifest, ...]:
    """Return what `kubectl apply --kustomize` would send for an overlay."""
    text = run("kubectl", "kustomize", project / "deploy/kubernetes/overlays" / overlay).stdout
    return tuple(yaml.safe_load_all(text))


def objects(project: BakedProject, overlay: str, kind: str) -> dict[str, Manifest]:
    """Return the objects of a kind by name; there must be at least one."""
    found = {
        one["metadata"]["name"]: one
        for one in rendered(project.path, overlay)
        if one["kind"] == kind
    }
    assert found, kind
    return found


def only_object(project: BakedProject, overlay: str, kind: str) -> Manifest:
    """Return the only object of a kind."""
    (one,) = objects(project, overlay, kind).values()
    return one


def settings(project: BakedProject, overlay: str) -> dict[str, str]:
    """Return the environment variables of the pods."""
    data: dict[str, str] = only_object(project, overlay, "ConfigMap")["data"]
    return data


def jobs(project: BakedProject, overlay: str) -> Iterator[Manifest]:
    """Yield the Job of each CronJob, as `kubectl create job --from` creates it."""
    for one in rendered(project.path, overlay):
        if one["kind"] == "CronJob":
            yield {
                "apiVersion": "batch/v1",
                "kind": "Job",
                "metadata": {"name": one["metadata"]["name"]},
                "spec": one["spec"]["jobTemplate"]["spec"],
            }


def pods(project: BakedProject, overlay: str) -> dict[str, Manifest]:
    """Return the pod of each object by the object's name; there must be at least one."""
    owners = [*rendered(project.path, overlay), *jobs(project, overlay)]
    found = {
        one["metadata"]["name"]: {"apiVersion": "v1", "kind": "Pod"} | one["spec"]["template"]
        for one in owners
        if one["kind"] in {"Deployment", "Job"}
    }
    assert found
    return found


def text(project: BakedProject, name: str) -> str:
    return (project.path / name).read_text("utf-8")


def compose(project: BakedProject) -> Manifest:
    (service,) = yaml.safe_load(text(project, "compose.yaml"))["services"].values()
    assert isinstance(service, dict)
    return service


def dockerfile(project: BakedProject, pattern: str) -> str:
    found = re.findall(f"^{pattern}$", text(project, "Dockerfile"), re.MULTILINE)
    return str(found[-1])


def containers(project: BakedProject, overlay: str) -> list[Manifest]:
    every = [pod["spec"]["containers"] for pod in pods(project, overlay).values()]
    assert [len(one) for one in every] == [1] * len(every)
    return [one for (one,) in every]


def pinned_image(repository: Path, branch: str) -> str:
    """Return the image that a branch writes into an overlay, its only change to main."""
    changes = run("git", "diff", "--unified=0", "main", branch, cwd=repository).stdout
    name, digest = re.findall(r"^\+ +(?:newName|digest): (.*)$", changes, re.MULTILINE)
    assert len(re.findall(r"^\+ ", changes, re.MULTILINE)) == len((name, digest))
    return f"{name}@{digest}"
