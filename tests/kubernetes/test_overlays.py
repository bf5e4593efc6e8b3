"""The overlays of Kubernetes: in what they differ, and how they are applied."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.helpers.harness import KUBERNETES, PACKAGE, SLUG, BakedProject, each, run
from tests.helpers.manifests import OVERLAYS, rendered

PREFIX = f"{PACKAGE.upper()}_"
PINNED = "registry.example/group/shop@sha256:" + "a" * 64
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


class Cluster:
    """A copy of a project, and a kubectl that keeps what it is told to do."""

    def __init__(self, baked: BakedProject, folder: Path) -> None:
        self.project, self.log, self.kind = folder / "project", folder / "said", baked.combination
        shutil.copytree(baked.path, self.project)
        self.overlay = self.project / "deploy/kubernetes/overlays/production/kustomization.yaml"
        self.path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
        (folder / "bin").mkdir()
        (folder / "bin/kubectl").write_text(
            f'#!/bin/sh\nif [ "$1" = config ]; then echo "$CURRENT"; exit; fi\n'
            f'echo "$@" >> {self.log}\n'
        )
        (folder / "bin/kubectl").chmod(0o755)

    def deploy(
        self, *arguments: str, answer: str = "", current: str = "kind-shop"
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "deploy", "OVERLAY=production", *arguments],
            input=answer,
            cwd=self.project,
            env=os.environ | {"PATH": self.path, "CURRENT": current},
            capture_output=True,
            text=True,
            check=False,
        )

    def said(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def expected(self, context: str) -> list[str]:
        apply = f"apply --context {context} --kustomize deploy/kubernetes/overlays/production"
        waits = f"rollout status deployment/{SLUG} --context {context}"
        waits += f" --namespace {SLUG}-production --timeout 10m"
        return [apply, waits] if self.kind.kind == "service" else [apply]

    def pin(self, image: str) -> subprocess.CompletedProcess[str]:
        pin = ["make", "pin", "OVERLAY=production", f"IMAGE={image}"]
        return run(*pin, cwd=self.project, check=False)


OTHER_IMAGE = """\
  - name: collector
    newName: registry.example/collector
    digest: sha256:0
"""


@pytest.fixture
def cluster(baked: BakedProject, tmp_path: Path) -> Cluster:
    return Cluster(baked, tmp_path)


@pytest.fixture
def pinned(cluster: Cluster) -> Cluster:
    assert not cluster.pin(PINNED).returncode
    return cluster


@each(KUBERNETES)
def test_make_pin_writes_the_image_into_an_overlay(cluster: Cluster) -> None:
    (other,) = yaml.safe_load(OTHER_IMAGE)
    before = cluster.overlay.read_text().replace("images:\n", f"images:\n{OTHER_IMAGE}")
    cluster.overlay.write_text(before)

    cluster.pin(PINNED)

    first, image = yaml.safe_load(cluster.overlay.read_text())["images"]
    name, _, digest = PINNED.partition("@")
    assert (first, image) == (other, {"name": SLUG, "newName": name, "digest": digest})
    assert [path.name for path in cluster.overlay.parent.iterdir()] == ["kustomization.yaml"]
    old = yaml.safe_load(before)
    assert yaml.safe_load(cluster.overlay.read_text()) == old | {"images": [other, image]}


@each(KUBERNETES[:1])
def test_make_pin_refuses_a_tag(cluster: Cluster) -> None:
    before = cluster.overlay.read_text()

    result = cluster.pin("registry.example/shop:1.2.3")

    assert result.returncode
    assert "Name the image by its digest: make pin IMAGE=NAME@sha256:DIGEST" in result.stderr
    assert cluster.overlay.read_text() == before


@each(KUBERNETES)
def test_make_deploy_refuses_an_overlay_that_names_no_image(cluster: Cluster) -> None:
    result = cluster.deploy(answer="y\n")

    assert result.returncode
    assert "Write newName and digest of the image into deploy/kubernetes/" in result.stderr
    assert "make pin OVERLAY=production IMAGE=NAME@sha256:DIGEST" in result.stderr
    assert cluster.said() == []


@each(KUBERNETES)
def test_make_deploy_asks_before_it_changes_the_current_context(pinned: Cluster) -> None:
    result = pinned.deploy(answer="y\n")

    assert not result.returncode, result.stderr
    asked = (
        f"This changes the namespace {SLUG}-production in the context kind-shop.\nContinue? [y/N] "
    )
    assert result.stdout.startswith(asked)
    assert pinned.said() == pinned.expected("kind-shop")


@each(KUBERNETES[:1])
@pytest.mark.parametrize("answer", ["", "\n", "n\n", "yes please\n"])
def test_make_deploy_changes_nothing_without_a_yes(pinned: Cluster, answer: str) -> None:
    result = pinned.deploy(answer=answer)

    assert result.returncode
    assert "To deploy without a question: make deploy CONTEXT=kind-shop" in result.stdout
    assert pinned.said() == []


@each(KUBERNETES)
def test_make_deploy_takes_the_context_that_it_is_given(pinned: Cluster) -> None:
    result = pinned.deploy("CONTEXT=live")

    assert not result.returncode, result.stderr
    assert "in the context live." in result.stdout
    assert "Continue?" not in result.stdout
    assert pinned.said() == pinned.expected("live")


@each(KUBERNETES[:1])
def test_make_deploy_says_what_to_do_without_a_context(pinned: Cluster) -> None:
    result = pinned.deploy(answer="y\n", current="")

    assert result.returncode
    assert "Run: kubectl config use-context NAME, or: make deploy CONTEXT=NAME" in result.stderr
    assert pinned.said() == []


@each(KUBERNETES)
def test_make_check_renders_every_overlay_and_fails_on_a_broken_one(
    baked: BakedProject, tmp_path: Path
) -> None:
    assert re.search("^check: manifests$", (baked.path / "Makefile").read_text(), re.MULTILINE)
    assert not baked.run("make", "manifests").stdout
    project = tmp_path / "project"
    shutil.copytree(baked.path, project)
    for overlay in (project / "deploy/kubernetes/overlays").iterdir():
        whole = (overlay / "kustomization.yaml").read_text()
        broken = whole.replace("resources:\n", "resources:\n  - missing.yaml\n", 1)
        (overlay / "kustomization.yaml").write_text(broken)

        result = run("make", "manifests", cwd=project, check=False)

        assert result.returncode, overlay
        assert "missing.yaml" in result.stderr
        (overlay / "kustomization.yaml").write_text(whole)


@each(KUBERNETES[:1])
def test_make_check_goes_on_where_nothing_can_render(baked: BakedProject, tmp_path: Path) -> None:
    for name in ("make", "sh"):
        found = shutil.which(name)
        assert found
        (tmp_path / name).symlink_to(found)

    result = baked.run("make", "manifests", env={"PATH": str(tmp_path)})

    assert result.stdout == "Without kubectl or kustomize, the overlays are not rendered.\n"
