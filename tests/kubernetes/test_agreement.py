"""The Kubernetes manifests agree with the image, with Compose and with the code."""

import re
import shutil
from pathlib import Path

import pytest
from kubernetes_validate import utils as schemas

from tests.helpers.harness import KUBERNETES, PACKAGE, SLUG, BakedProject, each
from tests.helpers.manifests import (
    OVERLAYS,
    compose,
    containers,
    dockerfile,
    objects,
    only_object,
    pods,
    settings,
    text,
)

PREFIX = f"{PACKAGE.upper()}_"
JOBS = [one for one in KUBERNETES if one.kind == "job"]
SERVICES = [one for one in KUBERNETES if one.kind == "service"]
MODELS = [one for one in KUBERNETES if one.application == "model-api"]
each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)

pytestmark = pytest.mark.usefixtures("kubectl")


@each(KUBERNETES)
@each_overlay
def test_the_user_is_that_of_the_image(baked: BakedProject, overlay: str) -> None:
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
def test_pods_only_get_existing_settings(baked: BakedProject, overlay: str) -> None:
    known = set(re.findall(rf"^#({PREFIX}\w+)=", text(baked, ".env.example"), re.MULTILINE))
    (name,) = objects(baked, overlay, "ConfigMap")

    assert re.fullmatch(rf"{SLUG}-settings-[a-z0-9]{{10}}", name)
    assert set(settings(baked, overlay)) <= known | {f"{PREFIX}SECRETS_DIR"}
    for container in containers(baked, overlay):
        assert container["envFrom"] == [{"configMapRef": {"name": name}}]
        assert "env" not in container


@each(KUBERNETES)
@each_overlay
def test_secrets_are_files_where_the_settings_look_for_them(
    baked: BakedProject, overlay: str
) -> None:
    folder = settings(baked, overlay)[f"{PREFIX}SECRETS_DIR"]
    # A folder of its own, so that it does not hide other mounts in /run/secrets.
    assert folder == f"/run/secrets/{SLUG}"

    for pod in pods(baked, overlay).values():
        (container,) = pod["spec"]["containers"]
        mounts = {one["name"]: one for one in container["volumeMounts"]}
        volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
        assert mounts.keys() == volumes.keys()
        assert mounts["secrets"] == {"name": "secrets", "mountPath": folder, "readOnly": True}
        # Readable by the group that `fsGroup` gives the user.
        assert volumes["secrets"]["secret"]["defaultMode"] == 0o440
        assert volumes["secrets"]["secret"]["optional"] is True


@each(KUBERNETES)
@each_overlay
def test_limits_are_those_of_compose(baked: BakedProject, overlay: str) -> None:
    service = compose(baked)
    units = {"m": "Mi", "g": "Gi"}
    memory = service["mem_limit"][:-1] + units[service["mem_limit"][-1]]
    (tmp,) = service["tmpfs"]
    size = tmp.removeprefix("/tmp:size=").removesuffix("m") + "Mi"  # noqa: S108 - in a container

    for pod in pods(baked, overlay).values():
        (container,) = pod["spec"]["containers"]
        limits, requests = container["resources"]["limits"], container["resources"]["requests"]
        assert limits == {"cpu": str(service["cpus"]), "memory": memory}
        assert requests.keys() == limits.keys()
        volumes = {one["name"]: one for one in pod["spec"]["volumes"]}
        # In memory, as in Compose: writing to a full one fails, while one on disk evicts the pod.
        assert volumes["tmp"]["emptyDir"] == {"medium": "Memory", "sizeLimit": size}
        assert {"name": "tmp", "mountPath": "/tmp"} in container["volumeMounts"]  # noqa: S108 - the same


@each(SERVICES)
@each_overlay
def test_a_pod_has_time_for_pre_stop_and_for_the_grace_period_of_the_service(
    baked: BakedProject, overlay: str
) -> None:
    example = text(baked, ".env.example")
    (own,) = map(
        int, re.findall(rf"^#{PREFIX}SHUTDOWN_GRACE_SECONDS=(\d+)$", example, re.MULTILINE)
    )
    own = int(settings(baked, overlay).get(f"{PREFIX}SHUTDOWN_GRACE_SECONDS", own))
    grace = int(compose(baked)["stop_grace_period"].removesuffix("s"))
    assert own < grace

    for pod in pods(baked, overlay).values():
        spec = pod["spec"]
        pre_stop = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        # Longer than nodes take to apply a change of the Service's endpoints.
        assert pre_stop >= 5
        assert spec["terminationGracePeriodSeconds"] == pre_stop + grace


@each(SERVICES)
@each_overlay
def test_every_port_is_that_of_the_image(baked: BakedProject, overlay: str) -> None:
    port = int(dockerfile(baked, r"EXPOSE (\d+)"))
    assert port == int(dockerfile(baked, rf"ENV {PREFIX}PORT=(\d+)"))

    (container,) = containers(baked, overlay)
    assert container["ports"] == [{"name": "http", "containerPort": port}]
    (serves,) = only_object(baked, overlay, "Service")["spec"]["ports"]
    assert serves["targetPort"] == "http"
    policy = only_object(baked, overlay, "NetworkPolicy")["spec"]
    assert policy["ingress"] == [{"ports": [{"port": "http"}]}]
    (dns,) = policy["egress"]
    assert {one["port"] for one in dns["ports"]} == {53}
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    annotations = only_object(baked, overlay, "Deployment")["spec"]["template"]["metadata"][
        "annotations"
    ]
    assert annotations["prometheus.io/port"] == str(port)
    assert f'"{annotations["prometheus.io/path"]}"' in text(baked, f"src/{PACKAGE}/metrics.py")


@each(SERVICES)
def test_the_example_of_an_egress_rule_is_valid(baked: BakedProject, tmp_path: Path) -> None:
    changed = tmp_path / "project"
    shutil.copytree(baked.path / "deploy", changed / "deploy")
    path = changed / "deploy/kubernetes/base/network.yaml"
    path.write_text(
        path.read_text("utf-8").replace("    # - to:", "    - to:").replace("    #  ", "     ")
    )

    policy = only_object(BakedProject(changed, baked.combination), "production", "NetworkPolicy")

    assert [[it["port"] for it in one["ports"]] for one in policy["spec"]["egress"]] == [
        [4318],
        [53, 53],
    ]
    # Kustomize must not add the labels of this application to the selectors of other pods.
    selectors = [one["to"][0]["podSelector"] for one in policy["spec"]["egress"]]
    assert [selector.keys() for selector in selectors] == [{"matchExpressions"}] * 2
    values = [selector["matchExpressions"][0]["values"] for selector in selectors]
    assert values == [["opentelemetry-collector"], ["kube-dns"]]
    assert schemas.validate(policy, "1.37.0", strict=True)


@each(SERVICES)
def test_the_example_overlay_routes_requests_to_the_service(baked: BakedProject) -> None:
    service = only_object(baked, "example", "Service")
    (port,) = service["spec"]["ports"]
    (rule,) = only_object(baked, "example", "Ingress")["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    route = only_object(baked, "example", "HTTPRoute")["spec"]
    ((backend,),) = [one["backendRefs"] for one in route["rules"]]

    assert path["backend"]["service"] == {
        "name": service["metadata"]["name"],
        "port": {"name": port["name"]},
    }
    assert backend == {"name": service["metadata"]["name"], "port": port["port"]}
    assert route["hostnames"] == [rule["host"]]


@each(SERVICES)
@each_overlay
def test_probes_request_the_routes_of_the_service(baked: BakedProject, overlay: str) -> None:
    routes = re.findall(r'@router\.get\("(/\w+)"', text(baked, f"src/{PACKAGE}/health.py"))

    (container,) = containers(baked, overlay)

    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness")}
    assert {it["path"] for it in probes.values()} == {"/livez"}
    ready = container["readinessProbe"]["httpGet"]
    assert ready["path"] == "/readyz"
    assert {"/livez", "/readyz"} <= set(routes)
    assert {it["port"] for it in [*probes.values(), ready]} == {"http"}


@each(MODELS)
def test_production_mounts_the_model_that_its_setting_names(baked: BakedProject) -> None:
    (pod,) = pods(baked, "production").values()

    mounts = {one["name"]: one for one in pod["spec"]["containers"][0]["volumeMounts"]}
    volumes = {one["name"]: one for one in pod["spec"]["volumes"]}

    path = Path(settings(baked, "production")[f"{PREFIX}MODEL_PATH"])
    assert mounts["model"] == {"name": "model", "mountPath": str(path.parent), "readOnly": True}
    claim = {"claimName": f"{SLUG}-model", "readOnly": True}
    assert volumes["model"]["persistentVolumeClaim"] == claim
    assert f"{PREFIX}MODEL_PATH" not in settings(baked, "staging")
