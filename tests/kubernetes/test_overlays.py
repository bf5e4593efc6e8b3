"""The overlays of Kubernetes: in what they differ, and how they are applied."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.harness import KUBERNETES, PACKAGE, SLUG, BakedProject, each, run
from tests.helpers.manifests import OVERLAYS, rendered

PREFIX = f"{PACKAGE.upper()}_"
SERVICES = [one for one in KUBERNETES if one.kind == "service"]

pytestmark = pytest.mark.usefixtures("kubectl")


def differences(one: object, other: object, place: str = "") -> Iterator[str]:
    """Yield the places where two values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from differences(one.get(key), other.get(key), f"{place}/{key}")
    elif one != other:
        yield place


@each(SERVICES)
def test_overlays_differ_in_what_they_say_and_in_nothing_else(baked: BakedProject) -> None:
    staging, production = (
        {one["kind"]: one for one in rendered(baked.path, overlay)} for overlay in OVERLAYS
    )

    found = {
        place
        for place in differences(staging, production)
        if not place.endswith(("/metadata/namespace", "/containers", "/volumes"))
    }

    assert found - {f"/ConfigMap/data/{PREFIX}MODEL_PATH"} == {
        "/ConfigMap/metadata/name",
        f"/ConfigMap/data/{PREFIX}DOCS",
        f"/ConfigMap/data/{PREFIX}LOG_LEVEL",
        "/HorizontalPodAutoscaler/spec/maxReplicas",
        "/HorizontalPodAutoscaler/spec/minReplicas",
    }


@each(KUBERNETES)
def test_make_deploy_applies_an_overlay_that_names_an_image(
    baked: BakedProject, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    shutil.copytree(baked.path, project)
    (tmp_path / "kubectl").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/said\n')
    (tmp_path / "kubectl").chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    deploy = ["make", "deploy", "OVERLAY=production"]
    overlay = project / "deploy/kubernetes/overlays/production/kustomization.yaml"

    refused = run(*deploy, cwd=project, env=os.environ | {"PATH": path}, check=False)
    assert refused.returncode
    assert "Write newName and digest of the image into deploy/kubernetes/" in refused.stderr
    assert not (tmp_path / "said").exists()

    overlay.write_text(overlay.read_text().replace("sha256:" + "0" * 64, "sha256:" + "a" * 64))
    run(*deploy, cwd=project, env=os.environ | {"PATH": path})

    said = (tmp_path / "said").read_text().splitlines()
    assert said[0] == "apply --kustomize deploy/kubernetes/overlays/production"
    if baked.combination.kind == "service":
        waits = f"rollout status deployment/{SLUG} --namespace {SLUG}-production --timeout 10m"
        assert said[1:] == [waits]
