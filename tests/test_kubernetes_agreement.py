"""What Kubernetes gets agrees with the image, with Compose and with the code."""

import re
from pathlib import Path

import pytest
import yaml

from tests.harness import KUBERNETES, PACKAGE, SLUG, BakedProject, each
from tests.manifests import (
    OVERLAYS,
    Manifest,
    jobs,
    of_kind,
    only,
    pods,
    settings,
)

PREFIX = f"{PACKAGE.upper()}_"
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
@each_overlay
def test_secrets_are_files_where_the_settings_look_for_them(
    baked: BakedProject, overlay: str
) -> None:
    looks = f'os.environ.get(f"{{PREFIX}}SECRETS_DIR", "{(folder := "/run/secrets")}")'
    assert looks in text(baked, f"src/{PACKAGE}/settings.py")

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
        assert (fails["action"], fails["onExitCodes"]["values"]) == ("FailJob", [2, 65])
        assert ignores["onPodConditions"] == [{"type": "DisruptionTarget"}]
        for status in fails["onExitCodes"]["values"]:
            assert re.search(rf"\n\| {status} \| the .*(fault|wrong)", text(baked, "README.md"))
