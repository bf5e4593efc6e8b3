"""The Kubernetes manifests are complete, valid and secure, and roll out without a gap."""

import json
import re
import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import utils as schemas
from packaging.version import Version
from pytest_cookies.plugin import Cookies

from tests.helpers.harness import KUBERNETES, PACKAGE, ROOT, SLUG, BakedProject, each, run
from tests.helpers.manifests import OVERLAYS, jobs, only_object, pods, rendered
from tests.helpers.pod_security import violations

PREFIX = f"{PACKAGE.upper()}_"
NEWEST = sorted(set(schemas.all_versions()), key=Version)[-3:]
SERVICES = [one for one in KUBERNETES if one.kind == "service"]
each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)

pytestmark = pytest.mark.usefixtures("kubectl")


@each(KUBERNETES)
@each_overlay
@pytest.mark.parametrize("version", NEWEST)
def test_the_manifests_match_the_schemas_of_kubernetes(
    baked: BakedProject, overlay: str, version: str
) -> None:
    created = [*jobs(baked, overlay), *pods(baked, overlay).values()]
    for one in [*rendered(baked.path, overlay), *created]:
        assert schemas.validate(one, version, strict=True) in version


@each(SERVICES)
def test_the_schemas_of_kubernetes_detect_a_wrong_field(baked: BakedProject) -> None:
    wrong = deepcopy(only_object(baked, "staging", "Deployment"))
    wrong["spec"]["template"]["spec"]["enableServiceLink"] = False

    with pytest.raises(schemas.ValidationError, match="enableServiceLink"):
        schemas.validate(wrong, NEWEST[-1], strict=True)


EXPECTED = {
    "service": {
        *("ServiceAccount", "NetworkPolicy", "ConfigMap", "Deployment", "Service"),
        *("HorizontalPodAutoscaler", "PodDisruptionBudget"),
    },
    "job": {
        *("ServiceAccount", "NetworkPolicy", "ConfigMap", "CronJob", "PersistentVolumeClaim"),
    },
}


@each(KUBERNETES)
@each_overlay
def test_an_overlay_is_complete_and_stays_in_its_namespace(
    baked: BakedProject, overlay: str
) -> None:
    kinds = {one["kind"] for one in rendered(baked.path, overlay)}
    assert kinds == EXPECTED[baked.combination.kind]
    for one in rendered(baked.path, overlay):
        assert one["metadata"]["namespace"] == f"{SLUG}-{overlay}"


@each(KUBERNETES)
def test_the_example_namespaces_only_admit_restricted_pods(baked: BakedProject) -> None:
    text = (baked.path / "deploy/kubernetes/namespaces.yaml").read_text("utf-8")
    namespaces = list(yaml.safe_load_all(text))

    names = [one["metadata"]["name"] for one in namespaces]
    assert names == [f"{SLUG}-{overlay}" for overlay in OVERLAYS]
    for one in namespaces:
        assert one["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
        assert schemas.validate(one, NEWEST[-1], strict=True)


def identities(project: Path) -> set[tuple[str, str]]:
    """Return the kinds and names of all objects of a project."""
    return {
        (one["kind"], one["metadata"]["name"])
        for overlay in OVERLAYS
        for one in rendered(project, overlay)
    }


def references(value: object) -> Iterator[str]:
    """Yield the names of the Secrets, claims and accounts that a manifest refers to."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key in {"secretName", "claimName", "serviceAccountName"}:
                yield one
            elif key == "imagePullSecrets":
                yield from (it["name"] for it in one)
            else:
                yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def selectors(value: object) -> Iterator[dict[str, str]]:
    """Yield the labels of every selector of pods in the same namespace."""
    if isinstance(value, dict):
        for key, one in value.items():
            if key in {"podSelector", "labelSelector"} and "namespaceSelector" not in value:
                yield one.get("matchLabels", {})
            elif key == "selector":
                yield one.get("matchLabels", one)
            else:
                yield from selectors(one)
    elif isinstance(value, list):
        for one in value:
            yield from selectors(one)


@each(KUBERNETES)
def test_two_projects_can_share_a_namespace(baked: BakedProject, cookies_session: Cookies) -> None:
    # The slug is a number, which is not valid as the name of a Service.
    answers = baked.combination.answers | {"project_slug": "42", "package_name": "neighbour"}
    neighbour = cookies_session.bake(extra_context=answers, template=str(ROOT))
    assert neighbour.exception is None, neighbour.exception
    projects = {SLUG: baked.path, "42": neighbour.project_path}

    assert not set.intersection(*map(identities, projects.values()))
    for slug, path in projects.items():
        overlays = [one.name for one in (path / "deploy/kubernetes/overlays").iterdir()]
        assert set(OVERLAYS) <= set(overlays)
        for overlay in overlays:
            objects = rendered(path, overlay)
            named = [*references(objects), *(one["metadata"]["name"] for one in objects)]
            assert [name for name in named if not re.match(f"(app-)?{slug}(-|$)", name)] == []
            for labels in selectors(objects):
                assert labels["app.kubernetes.io/name"] == slug
            for one in objects:
                if one["kind"] != "HTTPRoute":  # Not part of Kubernetes itself.
                    assert schemas.validate(one, NEWEST[-1], strict=True)


@each(KUBERNETES)
@each_overlay
def test_every_pod_follows_the_restricted_standard_and_more(
    baked: BakedProject, overlay: str
) -> None:
    for pod in pods(baked, overlay).values():
        assert list(violations(pod)) == []
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert spec["serviceAccountName"] == SLUG
        (container,) = spec["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert only_object(baked, overlay, "ServiceAccount")["automountServiceAccountToken"] is False


@pytest.mark.slow("starts checkov")
@pytest.mark.usefixtures("checkov")
@each(KUBERNETES)
def test_checkov_finds_nothing_in_production(baked: BakedProject, tmp_path: Path) -> None:
    manifests = tmp_path / "production.yaml"
    manifests.write_text(yaml.safe_dump_all(rendered(baked.path, "production")), "utf-8")

    result = run(
        *("checkov", "--file", manifests, "--framework", "kubernetes", "--skip-download"),
        *("--output", "json"),
    )

    summary = json.loads(result.stdout)["summary"]
    assert summary["passed"] > 80
    assert (summary["failed"], summary["skipped"], summary["parsing_errors"]) == (0, 0, 0)


VIOLATIONS: list[tuple[str, Any, str]] = [
    ("hostNetwork", True, "host namespaces"),
    ("volumes.0", {"name": "x", "hostPath": {"path": "/"}}, "volume types"),
    ("securityContext.runAsNonRoot", False, "runAsNonRoot"),
    ("securityContext.runAsUser", 0, "runAsUser"),
    ("securityContext.seccompProfile", {"type": "Unconfined"}, "seccomp"),
    ("securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}], "sysctls"),
    ("securityContext.seLinuxOptions", {"type": "spc_t"}, "selinux"),
    ("containers.0.securityContext.privileged", True, "privileged"),
    ("containers.0.securityContext.allowPrivilegeEscalation", True, "privilege escalation"),
    ("containers.0.securityContext.capabilities", {}, "capabilities are kept"),
    (
        "containers.0.securityContext.capabilities",
        {"drop": ["ALL"], "add": ["SYS_TIME"]},
        "capabilities are added",
    ),
    ("containers.0.securityContext.procMount", "Unmasked", "procMount"),
    ("containers.0.securityContext.runAsUser", 0, "runAsUser"),
    ("containers.0.ports", [{"containerPort": 1, "hostPort": 1}], "hostPort"),
    ("containers.0.livenessProbe", {"httpGet": {"host": "x"}}, "host of a probe"),
    ("initContainers", [{"name": "x"}], "privilege escalation"),
]


@each(SERVICES[:1])
@pytest.mark.parametrize(("place", "value", "rule"), VIOLATIONS)
def test_a_pod_that_violates_the_standard_is_detected(
    baked: BakedProject, place: str, value: object, rule: str
) -> None:
    pod = deepcopy(pods(baked, "staging")[SLUG])
    *parents, last = place.split(".")
    target = pod["spec"]
    for name in parents:
        target = target[int(name) if name.isdecimal() else name]
    target[int(last) if last.isdecimal() else last] = value

    assert rule in list(violations(pod))


@each(SERVICES)
@each_overlay
def test_every_selector_selects_the_pods(baked: BakedProject, overlay: str) -> None:
    deployment = only_object(baked, overlay, "Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    budget = only_object(baked, overlay, "PodDisruptionBudget")["spec"]
    spread = deployment["template"]["spec"]["topologySpreadConstraints"]

    selectors = [
        deployment["selector"]["matchLabels"],
        budget["selector"]["matchLabels"],
        only_object(baked, overlay, "Service")["spec"]["selector"],
        *[one["labelSelector"]["matchLabels"] for one in spread],
    ]

    assert selectors == [labels] * len(selectors)
    keys = {one["topologyKey"] for one in spread}
    assert keys == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    policy = only_object(baked, overlay, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]
    assert policy.items() <= labels.items()


@each(SERVICES)
@each_overlay
def test_a_rollout_and_a_drain_leave_no_gap(baked: BakedProject, overlay: str) -> None:
    deployment = only_object(baked, overlay, "Deployment")
    scaler = only_object(baked, overlay, "HorizontalPodAutoscaler")["spec"]

    assert deployment["spec"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
    }
    # A number here would override the autoscaler at every `make deploy`.
    assert "replicas" not in deployment["spec"]
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment["metadata"]["name"]}
    assert scaler["scaleTargetRef"] == target
    assert 1 < scaler["minReplicas"] < scaler["maxReplicas"]
    assert only_object(baked, overlay, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


@each(KUBERNETES)
def test_a_changed_setting_rolls_the_pods(baked: BakedProject, tmp_path: Path) -> None:
    changed = tmp_path / "project"
    shutil.copytree(baked.path / "deploy", changed / "deploy")
    with (changed / "deploy/kubernetes/base/settings.env").open("a") as file:
        file.write(f"{PREFIX}LOG_LEVEL=error\n")

    before = pods(baked, "production")
    after = pods(BakedProject(changed, baked.combination), "production")

    assert before.keys() == after.keys()
    for name, pod in before.items():
        assert (
            pod["spec"]["containers"][0]["envFrom"]
            != (after[name]["spec"]["containers"][0]["envFrom"])
        )
