"""What Kubernetes gets agrees with its schemas, the restricted standard, the image and the code."""

import os
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
from tests.harness import KUBERNETES, PACKAGE, SLUG, BakedProject, each, run
from tests.manifests import (
    OVERLAYS,
    Manifest,
    jobs,
    of_kind,
    only,
    pods,
    rendered,
    settings,
)
from tests.pod_security import violations

PREFIX = f"{PACKAGE.upper()}_"
NEWEST = sorted(set(schemas.all_versions()), key=Version)[-3:]
JOBS = [one for one in KUBERNETES if one.application == "job"]
SERVICES = [one for one in KUBERNETES if one.application != "job"]
MODELS = [one for one in KUBERNETES if one.application == "model-api"]
each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)

pytestmark = pytest.mark.usefixtures("kubectl")


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


@each(KUBERNETES)
@each_overlay
@pytest.mark.parametrize("version", NEWEST)
def test_the_schemas_of_kubernetes_accept_all_of_it(
    baked: BakedProject, overlay: str, version: str
) -> None:
    made = [*jobs(baked, overlay), *pods(baked, overlay).values()]
    for one in [*rendered(baked.path, overlay), *made]:
        assert schemas.validate(one, version, strict=True) in version


@each(SERVICES)
def test_the_schemas_of_kubernetes_find_what_is_wrong(baked: BakedProject) -> None:
    wrong = deepcopy(only(baked, "staging", "Deployment"))
    wrong["spec"]["template"]["spec"]["enableServiceLink"] = False

    with pytest.raises(schemas.ValidationError, match="enableServiceLink"):
        schemas.validate(wrong, NEWEST[-1], strict=True)


EXPECTED = {
    "web-api": {
        *("Namespace", "ServiceAccount", "NetworkPolicy", "ConfigMap", "Deployment", "Service"),
        *("HorizontalPodAutoscaler", "PodDisruptionBudget"),
    },
    "job": {
        *("Namespace", "ServiceAccount", "NetworkPolicy", "ConfigMap", "CronJob"),
        "PersistentVolumeClaim",
    },
}


@each(KUBERNETES)
@each_overlay
def test_an_overlay_is_complete_and_in_a_namespace_of_its_own(
    baked: BakedProject, overlay: str
) -> None:
    kinds = {one["kind"] for one in rendered(baked.path, overlay)}

    assert kinds == EXPECTED.get(baked.combination.application, EXPECTED["web-api"])
    namespace = only(baked, overlay, "Namespace")["metadata"]
    assert namespace["name"] == f"{SLUG}-{overlay}"
    assert namespace["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for one in rendered(baked.path, overlay):
        assert one["metadata"].get("namespace", namespace["name"]) == namespace["name"]


@each(KUBERNETES)
@each_overlay
def test_every_pod_keeps_the_restricted_standard_and_more(
    baked: BakedProject, overlay: str
) -> None:
    for pod in pods(baked, overlay).values():
        assert list(violations(pod)) == []
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert spec["serviceAccountName"] == "application"
        (container,) = spec["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert only(baked, overlay, "ServiceAccount")["automountServiceAccountToken"] is False


BREAKS: list[tuple[str, Any, str]] = [
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
@pytest.mark.parametrize(("place", "value", "rule"), BREAKS)
def test_a_pod_that_breaks_the_standard_is_found(
    baked: BakedProject, place: str, value: object, rule: str
) -> None:
    pod = deepcopy(pods(baked, "staging")["api"])
    *parents, last = place.split(".")
    target = pod["spec"]
    for name in parents:
        target = target[int(name) if name.isdecimal() else name]
    target[int(last) if last.isdecimal() else last] = value

    assert rule in list(violations(pod))


@each(KUBERNETES)
@each_overlay
def test_the_user_is_the_images(baked: BakedProject, overlay: str) -> None:
    user, group = map(int, dockerfile(baked, r"USER (\d+:\d+)").split(":"))

    for pod in pods(baked, overlay).values():
        context = pod["spec"]["securityContext"]
        assert (context["runAsUser"], context["runAsGroup"]) == (user, group)
        assert context["fsGroup"] == group


@each(KUBERNETES)
@each_overlay
def test_the_image_is_named_by_its_digest(baked: BakedProject, overlay: str) -> None:
    for container in containers(baked, overlay):
        assert re.fullmatch(rf"registry\.example/{SLUG}@sha256:[0-9a-f]{{64}}", container["image"])


@each(KUBERNETES)
@each_overlay
def test_the_pods_get_settings_that_exist(baked: BakedProject, overlay: str) -> None:
    known = set(re.findall(rf"^#({PREFIX}\w+)=", text(baked, ".env.example"), re.MULTILINE))
    (name,) = of_kind(baked, overlay, "ConfigMap")

    assert re.fullmatch(r"settings-[a-z0-9]{10}", name)
    assert set(settings(baked, overlay)) <= known
    for container in containers(baked, overlay):
        assert container["envFrom"] == [{"configMapRef": {"name": name}}]
        assert "env" not in container


@each(KUBERNETES)
def test_a_change_of_a_setting_rolls_the_pods(baked: BakedProject, tmp_path: Path) -> None:
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


@each(KUBERNETES)
@each_overlay
def test_secrets_are_files_where_the_settings_look_for_them(
    baked: BakedProject, overlay: str
) -> None:
    looks = f'os.environ.get(f"{{PREFIX}}SECRETS_DIR", "{(folder := "/run/secrets")}")'
    assert looks in text(baked, f"src/{PACKAGE}/environment.py")

    for pod in pods(baked, overlay).values():
        (container,) = pod["spec"]["containers"]
        mounts = {one["name"]: one for one in container["volumeMounts"]}
        volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
        assert mounts.keys() == volumes.keys()
        assert mounts["secrets"] == {"name": "secrets", "mountPath": folder, "readOnly": True}
        # Readable for the group, which `fsGroup` makes the user's.
        assert volumes["secrets"]["secret"]["defaultMode"] == 0o440
        assert volumes["secrets"]["secret"]["optional"] is True


@each(KUBERNETES)
@each_overlay
def test_limits_are_those_of_compose(baked: BakedProject, overlay: str) -> None:
    here = compose(baked)
    assert here["mem_limit"] == "512m"
    assert here["tmpfs"] == ["/tmp:size=64m"]  # noqa: S108 - in a container

    for pod in pods(baked, overlay).values():
        (container,) = pod["spec"]["containers"]
        limits, requests = container["resources"]["limits"], container["resources"]["requests"]
        assert limits == {"cpu": str(here["cpus"]), "memory": "512Mi"}
        assert requests.keys() == limits.keys()
        volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
        assert volumes["tmp"]["emptyDir"] == {"sizeLimit": "64Mi"}
        assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]  # noqa: S108 - the same


@each(KUBERNETES)
@each_overlay
def test_the_grace_time_is_longer_than_the_applications_own(
    baked: BakedProject, overlay: str
) -> None:
    grace = int(settings(baked, overlay).get(f"{PREFIX}GRACE_SECONDS", 0))

    for pod in pods(baked, overlay).values():
        waits = pod["spec"]["terminationGracePeriodSeconds"]
        assert f"{waits}s" == compose(baked)["stop_grace_period"]
        assert waits >= grace + 5
    if baked.combination.application != "job":
        assert f"#{PREFIX}GRACE_SECONDS={grace}\n" in text(baked, ".env.example")
        assert 0 < int(settings(baked, overlay)[f"{PREFIX}DRAIN_SECONDS"]) < grace - 10


@each(SERVICES)
@each_overlay
def test_ports_are_the_images_from_the_container_to_the_policy(
    baked: BakedProject, overlay: str
) -> None:
    port = int(dockerfile(baked, r"EXPOSE (\d+)"))
    assert port == int(dockerfile(baked, rf"ENV {PREFIX}PORT=(\d+)"))

    (container,) = containers(baked, overlay)
    assert container["ports"] == [{"name": "http", "containerPort": port}]
    (serves,) = only(baked, overlay, "Service")["spec"]["ports"]
    assert serves["targetPort"] == "http"
    policy = only(baked, overlay, "NetworkPolicy")["spec"]
    assert policy["ingress"] == [{"ports": [{"port": "http"}]}]
    assert policy["egress"] == []
    assert policy["policyTypes"] == ["Ingress", "Egress"]


@each(SERVICES)
@each_overlay
def test_probes_ask_the_services_own_routes(baked: BakedProject, overlay: str) -> None:
    routes = re.findall(r'@router\.get\("(/\w+)"', text(baked, f"src/{PACKAGE}/api/health.py"))

    (container,) = containers(baked, overlay)

    asked = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness")}
    assert {it["path"] for it in asked.values()} == {"/livez"}
    ready = container["readinessProbe"]["httpGet"]
    assert ready["path"] == "/readyz"
    assert {"/livez", "/readyz"} <= set(routes)
    assert {it["port"] for it in [*asked.values(), ready]} == {"http"}


@each(SERVICES)
@each_overlay
def test_every_selector_selects_the_pods(baked: BakedProject, overlay: str) -> None:
    deployment = only(baked, overlay, "Deployment")["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    budget = only(baked, overlay, "PodDisruptionBudget")["spec"]
    spread = deployment["template"]["spec"]["topologySpreadConstraints"]

    selectors = [
        deployment["selector"]["matchLabels"],
        budget["selector"]["matchLabels"],
        only(baked, overlay, "Service")["spec"]["selector"],
        *[one["labelSelector"]["matchLabels"] for one in spread],
    ]

    assert selectors == [labels] * len(selectors)
    keys = {one["topologyKey"] for one in spread}
    assert keys == {"kubernetes.io/hostname", "topology.kubernetes.io/zone"}
    assert only(baked, overlay, "NetworkPolicy")["spec"]["podSelector"] == {}


@each(SERVICES)
@each_overlay
def test_a_rollout_and_a_drain_leave_no_gap(baked: BakedProject, overlay: str) -> None:
    deployment = only(baked, overlay, "Deployment")
    scaler = only(baked, overlay, "HorizontalPodAutoscaler")["spec"]

    assert deployment["spec"]["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
    }
    # A count here would undo the autoscaler's at every `make deploy`.
    assert "replicas" not in deployment["spec"]
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment["metadata"]["name"]}
    assert scaler["scaleTargetRef"] == target
    assert 1 < scaler["minReplicas"] < scaler["maxReplicas"]
    assert only(baked, overlay, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


@each(MODELS)
def test_production_mounts_the_model_that_its_setting_names(baked: BakedProject) -> None:
    (pod,) = pods(baked, "production").values()

    mounts = {one["name"]: one for one in pod["spec"]["containers"][0]["volumeMounts"]}
    volumes = {one["name"]: one for one in pod["spec"]["volumes"]}

    path = Path(settings(baked, "production")[f"{PREFIX}MODEL_PATH"])
    assert mounts["model"] == {"name": "model", "mountPath": str(path.parent), "readOnly": True}
    claim = {"claimName": "model", "readOnly": True}
    assert volumes["model"]["persistentVolumeClaim"] == claim
    assert f"{PREFIX}MODEL_PATH" not in settings(baked, "staging")


@each(JOBS)
@each_overlay
def test_the_jobs_agree_on_files_and_on_the_number_of_shards(
    baked: BakedProject, overlay: str
) -> None:
    specs = {one["metadata"]["name"]: one["spec"] for one in jobs(baked, overlay)}
    arguments = {
        name: spec["template"]["spec"]["containers"][0]["args"] for name, spec in specs.items()
    }

    shards = specs["shards"]
    count = shards["completions"]
    assert (shards["completionMode"], shards["parallelism"]) == ("Indexed", count)
    assert arguments["shards"] == ["run", "--shard", f"/{count}", *arguments["merge"][1:]]
    assert arguments["merge"][0] == "merge"
    # The nightly run replaces its output, and must not replace another's.
    assert arguments["job"] == compose(baked)["command"]
    assert arguments["job"][2] != arguments["merge"][2]
    suspended = {
        name: one["spec"].get("suspend", False)
        for name, one in of_kind(baked, overlay, "CronJob").items()
    }
    assert suspended == {"job": False, "shards": True, "merge": True}


@each(JOBS)
@each_overlay
def test_a_job_works_on_the_claim_and_is_not_repeated_where_that_mends_nothing(
    baked: BakedProject, overlay: str
) -> None:
    only(baked, overlay, "PersistentVolumeClaim")
    policy = only(baked, overlay, "NetworkPolicy")["spec"]
    assert not {"ingress", "egress"} & set(policy)

    for one in jobs(baked, overlay):
        spec = one["spec"]["template"]["spec"]
        mounts = {it["name"]: it["mountPath"] for it in spec["containers"][0]["volumeMounts"]}
        assert mounts["data"] == dockerfile(baked, "WORKDIR (.*)")
        assert spec["restartPolicy"] == "Never"
        fails, ignores = one["spec"]["podFailurePolicy"]["rules"]
        assert (fails["action"], fails["onExitCodes"]["values"]) == ("FailJob", [1, 2])
        assert ignores["onPodConditions"] == [{"type": "DisruptionTarget"}]
        for status in fails["onExitCodes"]["values"]:
            assert re.search(rf"\n\| {status} \| the .*(fault|wrong)", text(baked, "README.md"))


def differences(one: object, other: object, place: str = "") -> Iterator[str]:
    """Where two values differ."""
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
        "/Namespace/metadata/name",
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
    if baked.combination.application != "job":
        waits = f"rollout status deployment/api --namespace {SLUG}-production --timeout 10m"
        assert said[1:] == [waits]
